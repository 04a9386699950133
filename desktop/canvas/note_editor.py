"""Editing a note's text where it stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QRect, Qt
from PySide6.QtGui import QFont, QKeyEvent
from PySide6.QtWidgets import QPlainTextEdit

from desktop.canvas.geometry import NodeBox

if TYPE_CHECKING:
    from desktop.canvas.view import CanvasView

_LEAST_WIDTH, _LEAST_HEIGHT = 160, 72


class NoteEditor(QPlainTextEdit):
    """A field over a note. Ctrl+Enter or the focus going elsewhere takes the text, Escape leaves it as it was."""

    def __init__(self, canvas: CanvasView, text: str, box: NodeBox, done: Callable[[str], None]) -> None:
        super().__init__(canvas.viewport())
        self._canvas = canvas
        self._box = box
        self._done = done
        self._is_open = False
        self.setAccessibleName("Text of the note")
        self.setPlaceholderText("Write in Markdown. Ctrl+Enter when you are done.")
        self.setPlainText(text)

    def open(self) -> None:
        """Show it and take the keyboard."""
        canvas, theme, scale, box = self._canvas, self._canvas.theme, self._canvas.camera.scale, self._box
        x, y = canvas.camera.to_window(box.x, box.y)
        width = max(_LEAST_WIDTH, round(box.width * scale))
        self.setGeometry(QRect(round(x), round(y), width, max(_LEAST_HEIGHT, round(box.height * scale))))
        font = QFont(theme.font("body"))
        font.setPixelSize(max(11, round(12 * scale)))
        self.setFont(font)
        paper = canvas.picture.ink.note(str(canvas.diagram.steps[box.id].config.get("colour", "yellow")))
        self.setStyleSheet(
            f"QPlainTextEdit {{ background: {paper.name()}; color: {theme.css('text.primary')};"
            f" border: 1px solid {theme.css('focus')}; border-radius: {theme.px('radius.control')}px; padding: 4px; }}"
        )
        self._is_open = True
        canvas.viewed.connect(self._take)  # the view moves away from under it
        self.installEventFilter(self)
        self.selectAll()
        self.show()
        self.setFocus(Qt.FocusReason.OtherFocusReason)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Keys and focus of the field."""
        if event.type() == QEvent.Type.FocusOut:
            self._close(take=True)
        elif event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            held = event.modifiers() & Qt.KeyboardModifier.ControlModifier
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and held:
                self._close(take=True)
                return True
            if event.key() == Qt.Key.Key_Escape:
                self._close(take=False)
                return True
        return False

    def _take(self) -> None:
        self._close(take=True)

    def _close(self, *, take: bool) -> None:
        if not self._is_open:
            return
        self._is_open = False
        text = self.toPlainText().strip()
        self.hide()
        self.deleteLater()
        if take:
            self._done(text)
        self._canvas.setFocus()
