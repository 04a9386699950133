"""What the tests of the panels share: everything that panels get from outside, and a window to stand in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from functools import cache

import pytest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from core.engine.step_type import StepTypes
from core.steps import discover
from desktop.bridge import Bridge
from desktop.icons import Icons
from desktop.panels.background import Surroundings
from desktop.panels.value_view import ValueView
from desktop.theme import ThemeManager
from tests.support.panel_facts import AtOnce, KnownFacts


@pytest.fixture
def types() -> StepTypes:
    """All step types of the program."""
    return _types()


@cache
def _types() -> StepTypes:
    return discover(plug_ins=[])


@pytest.fixture
def themes(qapp: QApplication) -> ThemeManager:
    return ThemeManager()


@pytest.fixture
def icons() -> Icons:
    return Icons()


@pytest.fixture
def facts() -> KnownFacts:
    return KnownFacts()


@pytest.fixture
def around(themes: ThemeManager, icons: Icons, facts: KnownFacts) -> Iterator[Surroundings]:
    """Work in the background is done at once, so that nothing has to be waited for."""
    loop = asyncio.new_event_loop()
    bridge = Bridge(loop)

    async def read(_hash: str) -> bytes:
        raise AssertionError("no test of these panels reads a file")

    yield Surroundings(themes, icons, AtOnce(), facts, lambda: ValueView(read, bridge, themes, icons))
    loop.run_until_complete(bridge.close())
    loop.close()


@pytest.fixture
def stand(qtbot: QtBot) -> Callable[..., QWidget]:
    """Puts a widget into a window and shows that, so that keys and clicks reach it."""
    windows: list[QWidget] = []

    def shown(widget: QWidget, size: Sequence[int] = (360, 900)) -> QWidget:
        window = QWidget()
        qtbot.addWidget(window)
        window.resize(size[0], size[1])
        widget.setParent(window)
        widget.setGeometry(0, 0, size[0], size[1])
        with qtbot.waitActive(window):
            window.show()
            window.activateWindow()
        windows.append(window)
        return window

    return shown
