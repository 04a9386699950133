"""Editing a step's title where it stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QRect, Qt
from PySide6.QtGui import QFont, QKeyEvent
from PySide6.QtWidgets import QLineEdit

from desktop.canvas.geometry import HEADER

if TYPE_CHECKING:
    from desktop.canvas.view import CanvasView

_LEFT = 40.0
"""Where a title begins in a header."""


class TitleEditor(QLineEdit):
    """A line over a step's title. Enter or the focus going elsewhere takes the text, Escape leaves it as it was."""

    def __init__(self, canvas: CanvasView, step: str, done: Callable[[str], None]) -> None:
        super().__init__(canvas.viewport())
        self._canvas = canvas
        self._step = step
        self._done = done
        self._is_open = False
        self.setAccessibleName("Title of the step")
        self.setText(canvas.diagram.steps[step].name)

    def open(self) -> None:
        """Show it and take the keyboard."""
        canvas, box = self._canvas, self._canvas.diagram.boxes[self._step]
        scale = canvas.camera.scale
        x, y = canvas.camera.to_window(box.x + _LEFT - 6.0, box.y + 4.0)
        self.setGeometry(
            QRect(
                round(x),
                round(y),
                max(120, round((box.width - _LEFT - 6.0) * scale)),
                max(24, round((HEADER - 8.0) * scale)),
            )
        )
        theme = canvas.theme
        font = QFont(theme.font("body.strong"))
        font.setPixelSize(max(11, round(13 * scale)))
        self.setFont(font)
        self.setStyleSheet(
            f"QLineEdit {{ background: {theme.css('surface.input')}; color: {theme.css('text.primary')};"
            f" border: 1px solid {theme.css('focus')}; border-radius: {theme.px('radius.chip')}px; padding: 0 5px; }}"
        )
        self._is_open = True
        self.installEventFilter(self)
        self.selectAll()
        self.show()
        self.setFocus(Qt.FocusReason.OtherFocusReason)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Keys and focus of the line."""
        if event.type() == QEvent.Type.FocusOut:
            self._close(take=True)
        elif event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._close(take=True)
                return True
            if event.key() == Qt.Key.Key_Escape:
                self._close(take=False)
                return True
        return False

    def _close(self, *, take: bool) -> None:
        if not self._is_open:
            return
        self._is_open = False
        text = self.text().strip()
        self.hide()
        self.deleteLater()
        if take:
            self._done(text)
        self._canvas.setFocus()
