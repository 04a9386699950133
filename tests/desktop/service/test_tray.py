"""The icon in the tray, with and without a tray: its menu, its badge, and a window that stays there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QColor, QIcon
from PySide6.QtWidgets import QApplication, QMenu, QSystemTrayIcon

from core.engine.errors import Question
from core.service.control import STOPPED, ServiceState
from core.service.presence import Presence
from core.settings import ServiceSettings
from core.store.process import this_process
from desktop.program import Program
from desktop.service.tray import QUIT, WAITING, Entry, Tray, badged, entries
from desktop.waiting_list import Waiting
from tests.support.desktop_program import made_program, take_apart

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support raise")

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
RUNNING = ServiceState("running", Presence(this_process(), "http://127.0.0.1:8420", NOW, "1.2", "window", 10))


class Icon(QObject):
    """An icon in a tray that nobody sees."""

    activated = Signal(QSystemTrayIcon.ActivationReason)
    messageClicked = Signal()  # noqa: N815 - Qt's name

    def __init__(self, icon: QIcon, parent: QObject) -> None:
        super().__init__(parent)
        self.shown = False
        self.tip = ""
        self.messages: list[str] = []
        self.menu: QMenu | None = None

    def show(self) -> None:
        self.shown = True

    def hide(self) -> None:
        self.shown = False

    def setIcon(self, icon: QIcon) -> None:  # noqa: N802 - Qt's name
        self.icon = icon

    def setToolTip(self, text: str) -> None:  # noqa: N802 - Qt's name
        self.tip = text

    def setContextMenu(self, menu: QMenu) -> None:  # noqa: N802 - Qt's name
        self.menu = menu

    def showMessage(self, title: str, text: str, icon: QIcon) -> None:  # noqa: N802 - Qt's name
        self.messages.append(f"{title}: {text}")


class Place:
    """A desktop that shows icons in a tray, or does not."""

    def __init__(self) -> None:
        self.there = True
        self.icons: list[Icon] = []

    def make(self, icon: QIcon, parent: QObject) -> Icon:
        self.icons.append(Icon(icon, parent))
        return self.icons[-1]


def question(number: int) -> Waiting:
    return Waiting(f"run{number}", "Support & triage", "ask", f"Page someone {number}?", Question("?"), NOW)


def lines(menu: QMenu) -> list[str]:
    return [action.text() for action in menu.actions()]


@pytest.fixture
async def program(qapp: QApplication, tmp_path: Path) -> AsyncIterator[Program]:
    made = await made_program(tmp_path / "home")
    yield made
    await take_apart(made)


@pytest.fixture
def place() -> Place:
    return Place()


@pytest.fixture
def tray(program: Program, place: Place) -> Tray:
    program.service.wishes = ServiceSettings()
    program.service.state = RUNNING
    made = Tray(program.window, program.service, program.waiting, is_there=lambda: place.there, make=place.make)
    program.tray = made
    made.refresh()
    return made


def test_the_menu_as_data() -> None:
    assert entries(None, [], lambda _: True) == [
        Entry("Open Steploom", "tray.open"), Entry(), Entry("Nothing waits for you"), Entry(),
        Entry("Quit Steploom", QUIT),
    ]  # fmt: skip
    found = entries(RUNNING, [question(n) for n in range(7)], lambda name: name != "service.start")
    texts = [entry.text for entry in found]
    assert texts[2:7] == [
        "Service at 127.0.0.1:8420", "Stop the service", "Restart the service", "Background service…", "",
    ]  # fmt: skip
    assert texts[7:13] == ["7 questions wait", *(f"Support & triage: Page someone {n}?" for n in range(5))]
    assert {entry.action for entry in found[7:13]} == {WAITING}
    long = replace(question(1), title="x" * 100)
    assert all(len(entry.text) < 80 for entry in entries(STOPPED, [long], lambda _: True))


def test_it_shows_the_service_and_what_waits_and_does_what_is_chosen(
    program: Program, place: Place, tray: Tray, monkeypatch: pytest.MonkeyPatch
) -> None:
    (icon,) = place.icons
    assert icon.shown
    assert icon.menu is tray.menu
    assert "Service at 127.0.0.1:8420" in icon.tip
    assert program.waiting.list is not None
    monkeypatch.setattr(program.waiting.list, "questions", [question(1)])
    program.waiting.counted.emit()
    assert "Support && triage: Page someone 1?" in lines(tray.menu)
    assert "1 question waits" in lines(tray.menu)
    program.window.showMinimized()
    icon.messageClicked.emit()
    assert not program.window.isMinimized()
    assert program.window.docks.get("waiting").isVisible()
    asked: list[str] = []
    monkeypatch.setattr(program.window.commands, "run", asked.append)
    for action in tray.menu.actions():
        if action.text() in ("Stop the service", "Background service…"):
            action.trigger()
    assert asked == ["service.stop", "service.show"]


def test_a_question_is_told_beside_the_icon_while_the_window_is_not_in_front(
    program: Program, place: Place, tray: Tray, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = program.waiting.list
    assert waiting is not None
    (icon,) = place.icons
    monkeypatch.setattr(waiting, "questions", [question(1)])
    program.window.hide()
    waiting.arrived.emit(question(1))
    assert icon.messages == ["Support & triage waits for you: Page someone 1?"]
    assert [toast.title for toast in program.window.toasts.shown] == ["Support & triage waits for you"]
    icon.messageClicked.emit()
    assert program.window.isVisible()
    assert program.window.docks.get("waiting").isVisible()


def test_without_a_tray_or_without_the_wish_there_is_no_icon(program: Program, place: Place, tray: Tray) -> None:
    assert program.service.wishes is not None
    program.service.wishes = program.service.wishes.model_copy(update={"tray": False})
    program.service.changed.emit()
    assert [icon.shown for icon in place.icons] == [False]
    program.service.wishes = ServiceSettings(close_to_tray=True)
    program.service.changed.emit()
    stays = [tray.keeps_window]
    place.there = False
    program.service.changed.emit()
    assert [*stays, tray.keeps_window] == [True, False]
    assert not tray.tell("Title", "text")
    program.waiting.counted.emit()


def test_a_closed_window_stays_in_the_tray_comes_back_and_is_quit_there(
    program: Program, place: Place, tray: Tray
) -> None:
    window, gone = program.window, []
    window.closed.connect(lambda: gone.append(True))
    program.service.wishes = ServiceSettings(close_to_tray=True)
    window.close()
    assert not window.isVisible()
    assert gone == []
    window.show()
    window.close()
    assert place.icons[0].messages == ["Steploom stays in the tray: Open it there again, or quit it."]
    place.icons[0].activated.emit(QSystemTrayIcon.ActivationReason.Trigger)
    assert window.isVisible()
    window.hide()
    next(action for action in tray.menu.actions() if action.text() == "Quit Steploom").trigger()
    assert gone == [True]


def test_the_badge_is_painted_into_the_corner(program: Program) -> None:
    plain = program.window.windowIcon()
    assert badged(plain, None) is plain
    image = badged(plain, QColor("#ff0000")).pixmap(32, 32).toImage()
    corner = image.pixelColor(round(image.width() * 0.8), round(image.height() * 0.8))
    assert corner == QColor("#ff0000")
    assert image.pixelColor(2, 2) == plain.pixmap(32, 32).toImage().pixelColor(2, 2)
