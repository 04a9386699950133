"""Editing a title where it stands: a step's or a group's."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QRect, Qt
from PySide6.QtGui import QFont, QKeyEvent
from PySide6.QtWidgets import QLineEdit

from desktop.canvas.geometry import Rect

if TYPE_CHECKING:
    from desktop.canvas.view import CanvasView

_LEAST_WIDTH, _LEAST_HEIGHT = 120, 24


class TitleEditor(QLineEdit):
    """A line over a title. Enter or the focus going elsewhere takes the text, Escape leaves it as it was."""

    def __init__(self, canvas: CanvasView, title: str, place: Rect, done: Callable[[str], None]) -> None:
        super().__init__(canvas.viewport())
        self._canvas = canvas
        self._place = place
        self._done = done
        self._is_open = False
        self.setAccessibleName("Title")
        self.setText(title)

    def open(self) -> None:
        """Show it and take the keyboard."""
        canvas, theme, scale = self._canvas, self._canvas.theme, self._canvas.camera.scale
        x, y = canvas.camera.to_window(self._place.left, self._place.top)
        width = max(_LEAST_WIDTH, round(self._place.width * scale))
        self.setGeometry(QRect(round(x), round(y), width, max(_LEAST_HEIGHT, round(self._place.height * scale))))
        font = QFont(theme.font("body.strong"))
        font.setPixelSize(max(11, round(font.pixelSize() * scale)))
        self.setFont(font)
        self.setStyleSheet(
            f"QLineEdit {{ background: {theme.css('surface.input')}; color: {theme.css('text.primary')};"
            f" border: 1px solid {theme.css('focus')}; border-radius: {theme.px('radius.chip')}px; padding: 0 5px; }}"
        )
        self._is_open = True
        canvas.viewed.connect(self._take)  # the view moves away from under it
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

    def _take(self) -> None:
        self._close(take=True)

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
