"""Editing a note's text where it stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont, QKeyEvent, QTextCursor
from PySide6.QtWidgets import QPlainTextEdit

from desktop.canvas.geometry import NodeBox
from desktop.canvas.in_place import InPlaceOnCanvas
from desktop.in_place import is_enter

if TYPE_CHECKING:
    from desktop.canvas.view import CanvasView

_LEAST = 160, 72
_FONT_PX = 12


class NoteEditor(QPlainTextEdit):
    """A field over a note. Ctrl+Enter or the focus going elsewhere takes the text, Escape leaves it as it was."""

    def __init__(self, canvas: CanvasView, text: str, box: NodeBox, done: Callable[[str], None]) -> None:
        super().__init__(canvas.viewport())
        self._canvas, self._box = canvas, box
        self._edit = InPlaceOnCanvas(canvas, self, text=self.toPlainText, done=done, takes=_is_done)
        self.setAccessibleName("Text of the note")
        self.setPlaceholderText("Write in Markdown. Ctrl+Enter when you are done.")
        self.setPlainText(text)

    def open(self) -> None:
        """Show it and take the keyboard."""
        canvas, theme, box = self._canvas, self._canvas.theme, self._box
        font = QFont(theme.font("body"))
        font.setPixelSize(_FONT_PX)
        paper = canvas.picture.ink.note(str(canvas.diagram.steps[box.id].config.get("colour", "yellow")))
        look = (
            f"QPlainTextEdit {{ background: {paper.name()}; color: {theme.css('text.primary')};"
            f" border: 1px solid {theme.css('focus')}; border-radius: {theme.px('radius.control')}px; padding: 4px; }}"
        )
        self._edit.open(box.rect, _LEAST, font, look)
        self.moveCursor(QTextCursor.MoveOperation.End)  # one goes on writing; typing must not replace all of it


def _is_done(event: QKeyEvent) -> bool:
    held = event.modifiers() & Qt.KeyboardModifier.ControlModifier
    return bool(held) and is_enter(event)
