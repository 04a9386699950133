"""What holds for the tests of the desktop: coroutines run on Qt's loop, as they do in the application."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from tests.support.desktop_program import take_standing_apart
from tests.support.leaks import nothing_left
from tests.support.qt_loop import qt_event_loop


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> Mapping[str, Callable[[], Any]]:
    """Asynchronous tests get the loop that the application runs on."""
    return {"qt": qt_event_loop}


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown() -> None:
    """A program that stands after a failed test goes before everything that it works with."""
    take_standing_apart()


@pytest.fixture(autouse=True, scope="module")
def lived_before() -> Iterator[None]:
    """What lived before a module's tests is not looked through after each of them: it may be millions of objects.

    What the last of them leaves when all else is taken apart, as the timers of its loop, goes on the GUI thread, too.
    """
    gc.collect()
    gc.freeze()
    yield
    gc.collect()


@pytest.fixture(autouse=True, scope="session")
def nothing_on_the_clipboard() -> Iterator[None]:
    """Without a screen Qt frees what is on the clipboard at the very end, when there is no Python to be told of it."""
    yield
    if QGuiApplication.instance() is not None:
        QGuiApplication.clipboard().clear()


@pytest.fixture(autouse=True)
def left_as_it_was() -> Iterator[None]:
    """Fails a test that leaves a window, a running timer or a thread behind."""
    with nothing_left():
        yield


@pytest.fixture(autouse=True)
def no_key_held() -> Iterator[None]:
    """Qt takes the modifiers of the last event for keys that are held, and selects otherwise in the next test."""
    yield
    if QGuiApplication.keyboardModifiers() != Qt.KeyboardModifier.NoModifier:
        QTest.keyRelease(QWidget(), Qt.Key.Key_Shift)


@pytest.fixture(autouse=True)
def collected_on_the_gui_thread() -> Iterator[None]:
    """Qt's objects must be destroyed on their own thread; Python's collector runs on whichever thread comes first."""
    gc.disable()
    yield
    gc.collect()
    gc.enable()
