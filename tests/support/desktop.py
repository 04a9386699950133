"""What tests of the desktop need of the frame: themes, icons and commands that are not those of a real program."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication, QWidget

from desktop.commands import Command, Commands
from desktop.icons import Icons
from desktop.key_bindings import KeyBindings
from desktop.theme import ThemeManager


@dataclass
class Done:
    """Commands that note that they were run."""

    ran: list[str] = field(default_factory=list)
    can: set[str] = field(default_factory=set)

    def command(self, command_id: str, title: str = "", **more: Any) -> Command:
        """A command that can be run while its id is in `can`."""
        self.can.add(command_id)
        return Command(
            command_id,
            title or command_id,
            run=self._noting(command_id),
            enabled=lambda: command_id in self.can,
            **more,
        )

    def _noting(self, command_id: str) -> Callable[[], None]:
        def run() -> None:
            self.ran.append(command_id)

        return run


def move_mouse(widget: QWidget, to: QPoint, held: Qt.MouseButton = Qt.MouseButton.NoButton) -> None:
    """Move the mouse over a widget, with that button held.

    `QTest.mouseMove` handles all waiting events on the way. Those that wake tasks of the loop that the test itself is a
    task of are lost by that, and what waits for them hangs.
    """
    there = QPointF(widget.mapToGlobal(to))
    event = QMouseEvent(
        QEvent.Type.MouseMove, QPointF(to), there, Qt.MouseButton.NoButton, held, Qt.KeyboardModifier.NoModifier
    )
    QApplication.sendEvent(widget, event)


def refuse_work(work: Coroutine[Any, Any, Any]) -> None:
    """A Spawn for tests in which nothing runs in the background."""
    work.close()
    raise AssertionError("This test starts nothing in the background.")


def commands_of(*commands: Command, bindings: KeyBindings | None = None) -> Commands:
    """Commands in the dark theme."""
    made = Commands(Icons(), ThemeManager(), spawn=refuse_work, bindings=bindings)
    made.add(*commands)
    return made
