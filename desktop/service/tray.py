"""The icon in the tray: the service and what waits for a person, also while the window is out of sight."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from PySide6.QtCore import QObject, QRectF, Qt, SignalInstance
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import QMenu, QSystemTrayIcon

from desktop.service import words
from desktop.window import NAME, MainWindow

if TYPE_CHECKING:
    from core.service.control import ServiceState
    from desktop.service.desk import ServiceDesk
    from desktop.waiting_desk import WaitingDesk
    from desktop.waiting_list import Waiting

LISTED: Final = 5
"""Questions in the menu at most."""

OPEN: Final = "tray.open"
WAITING: Final = "tray.waiting"
QUIT: Final = "tray.quit"
_SIZES: Final = (16, 22, 24, 32, 48, 64)


class TrayIcon(Protocol):
    """What is used of QSystemTrayIcon."""

    activated: SignalInstance
    messageClicked: SignalInstance  # noqa: N815 - Qt's name

    def show(self) -> None:
        """Put it into the tray."""

    def hide(self) -> None:
        """Take it out."""

    def setIcon(self, icon: QIcon, /) -> None:  # noqa: N802 - Qt's name
        """Another picture."""

    def setToolTip(self, text: str, /) -> None:  # noqa: N802 - Qt's name
        """What is said when the pointer rests there."""

    def setContextMenu(self, menu: QMenu, /) -> None:  # noqa: N802 - Qt's name
        """The menu of the right button."""

    def showMessage(self, title: str, text: str, icon: QIcon, /) -> None:  # noqa: N802 - Qt's name
        """Say something beside it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the menu. action: a command's id, or one of the tray's own; '' for words that only say something.

    An entry without words parts others by a line.
    """

    text: str = ""
    action: str = ""
    enabled: bool = True


def entries(state: ServiceState | None, questions: Sequence[Waiting], can: Callable[[str], bool]) -> list[Entry]:
    """The menu. state: of the service, None where there can be none. can: whether a command can be run."""
    found = [Entry(f"Open {NAME}", OPEN), Entry()]
    if state is not None:
        found.append(Entry(words.standing(state).line))
        names = {"service.start": "Start the service", "service.stop": "Stop the service",
                 "service.restart": "Restart the service"}  # fmt: skip
        found += [Entry(text, name) for name, text in names.items() if can(name)]
        found += [Entry("Background service…", "service.show"), Entry()]
    count = len(questions)
    said = "Nothing waits for you" if not count else "1 question waits" if count == 1 else f"{count} questions wait"
    found.append(Entry(said, WAITING if count else ""))
    found += [Entry(f"{_short(each.workflow)}: {_short(each.title)}", WAITING) for each in questions[:LISTED]]
    return [*found, Entry(), Entry(f"Quit {NAME}", QUIT)]


class Tray(QObject):
    """Puts the icon into the tray, where there is one and the person wants it, and keeps it up to date.

    is_there: whether the desktop has a tray. make: makes the icon in it.
    """

    def __init__(
        self,
        window: MainWindow,
        desk: ServiceDesk,
        waiting: WaitingDesk,
        *,
        is_there: Callable[[], bool] = QSystemTrayIcon.isSystemTrayAvailable,
        make: Callable[[QIcon, QObject], Any] = QSystemTrayIcon,
    ) -> None:
        super().__init__(window)
        self._window, self._desk, self._waiting = window, desk, waiting
        self._is_there, self._make = is_there, make
        self._icon: TrayIcon | None = None
        self._said: tuple[str, tuple[Entry, ...]] | None = None
        self._told = False
        self.menu = QMenu(window)
        desk.has_tray = is_there
        desk.changed.connect(self.refresh)
        waiting.counted.connect(self.refresh)
        waiting.notify = self.tell

    @property
    def is_shown(self) -> bool:
        """Whether there is an icon that a person can find Steploom by."""
        return self._icon is not None

    @property
    def keeps_window(self) -> bool:
        """Whether closing the window leaves the program in the tray."""
        wishes = self._desk.wishes
        return self.is_shown and wishes is not None and wishes.close_to_tray

    def refresh(self) -> None:
        """Show or hide the icon, and say anew what there is to say."""
        wanted = self._desk.wishes is not None and self._desk.wishes.tray and self._is_there()
        if not wanted:
            self.close()
            return
        if self._icon is None:
            self._icon = self._made()
        state, questions = self._desk.state, self._questions()
        tone = words.standing(state).tone if state is not None else ""
        tone = "waiting" if questions and tone != "failed" else tone
        lines = tuple(entries(state, questions, lambda name: self._window.commands.get(name).enabled()))
        if self._said == (tone, lines):
            return
        self._said = tone, lines
        self._fill(lines)
        self._icon.setIcon(badged(self._window.windowIcon(), self._colour(tone)))
        self._icon.setToolTip("\n".join([NAME, *(line.text for line in lines if line.text and not line.action)]))

    def tell(self, title: str, text: str) -> bool:
        """Say something beside the icon; whether there is one."""
        if self._icon is not None:
            self._icon.showMessage(title, text, self._window.windowIcon())
        return self._icon is not None

    def tell_stays(self) -> None:
        """Say, once, that the program has not ended though its window is closed."""
        if not self._told:
            self._told = True
            self.tell(f"{NAME} stays in the tray", "Open it there again, or quit it.")

    def open_window(self) -> None:
        """Bring the window before the person's eyes."""
        window = self._window
        window.showNormal() if window.isMinimized() else window.show()
        window.raise_()
        window.activateWindow()

    def close(self) -> None:
        """Take the icon out of the tray."""
        if self._icon is not None:
            self._icon.hide()
            if isinstance(self._icon, QObject):
                self._icon.deleteLater()
        self._icon = self._said = None

    def _made(self) -> TrayIcon:
        icon: TrayIcon = self._make(self._window.windowIcon(), self)
        icon.setContextMenu(self.menu)
        icon.activated.connect(self._activated)
        icon.messageClicked.connect(self._to_questions)
        icon.show()
        return icon

    def _activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason in (QSystemTrayIcon.ActivationReason.Trigger, QSystemTrayIcon.ActivationReason.DoubleClick):
            self.open_window()

    def _fill(self, lines: Sequence[Entry]) -> None:
        self.menu.clear()
        for line in lines:
            if not line.text:
                self.menu.addSeparator()
                continue
            action = self.menu.addAction(line.text.replace("&", "&&"))
            action.setEnabled(bool(line.action) and line.enabled)
            action.triggered.connect(lambda _checked=False, name=line.action: self._do(name))

    def _do(self, action: str) -> None:
        match action:
            case "tray.open":
                self.open_window()
            case "tray.waiting":
                self._to_questions()
            case "tray.quit":
                self._window.quit()
            case "service.show":
                self.open_window()
                self._window.commands.run(action)
            case _:
                self._window.commands.run(action)

    def _to_questions(self) -> None:
        self.open_window()
        if self._questions():
            self._window.docks.reveal("waiting")

    def _questions(self) -> Sequence[Waiting]:
        return self._waiting.list.questions if self._waiting.list is not None else ()

    def _colour(self, tone: str) -> QColor | None:
        """The badge's colour: for what asks for attention, and for a service that works."""
        return self._window.themes.theme.color(f"state.{tone}") if tone in ("failed", "waiting", "done") else None


def badged(icon: QIcon, colour: QColor | None) -> QIcon:
    """An icon with a dot in its corner; the icon itself for None."""
    if colour is None:
        return icon
    made = QIcon()
    for size in _SIZES:
        pixmap = QPixmap(icon.pixmap(size, size))
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        side = pixmap.width() * 0.44
        corner = QRectF(pixmap.width() - side, pixmap.height() - side, side, side)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Clear)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(Qt.GlobalColor.black)
        painter.drawEllipse(corner)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceOver)
        painter.setBrush(colour)
        gap = side * 0.14
        painter.drawEllipse(corner.adjusted(gap, gap, -gap, -gap))
        painter.end()
        made.addPixmap(pixmap)
    return made


def _short(text: str, most: int = 36) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"
