"""What every field has in common in which something is edited where it stands on a canvas."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QRect, Qt
from PySide6.QtGui import QFont, QKeyEvent
from PySide6.QtWidgets import QLineEdit, QPlainTextEdit

from desktop.canvas.geometry import Rect

if TYPE_CHECKING:
    from desktop.canvas.view import CanvasView

_SMALLEST_FONT = 11


class InPlace(QObject):
    """Lays a field over a place of a canvas and closes it: the keys that it is asked for, the focus going elsewhere and
    a view that moves on take the text, Escape leaves it as it was.

    takes: whether a key takes the text. text: what stands in the field. done: gets the text, once.
    """

    def __init__(
        self,
        canvas: CanvasView,
        field: QLineEdit | QPlainTextEdit,
        *,
        takes: Callable[[QKeyEvent], bool],
        text: Callable[[], str],
        done: Callable[[str], None],
    ) -> None:
        super().__init__(field)
        self._canvas, self._field = canvas, field
        self._takes, self._text, self._done = takes, text, done
        self._is_open = False

    def open(self, place: Rect, least: tuple[int, int], font: QFont, look: str) -> None:
        """Show the field and give it the keyboard.

        place: in canvas pixels. least: width and height in window pixels. font: at 100 %. look: its style sheet.
        """
        canvas, field = self._canvas, self._field
        scale = canvas.camera.scale
        x, y = canvas.camera.to_window(place.left, place.top)
        width, height = max(least[0], round(place.width * scale)), max(least[1], round(place.height * scale))
        field.setGeometry(QRect(round(x), round(y), width, height))
        scaled = QFont(font)
        scaled.setPixelSize(max(_SMALLEST_FONT, round(font.pixelSize() * scale)))
        field.setFont(scaled)
        field.setStyleSheet(look)
        self._is_open = True
        canvas.viewed.connect(self._take)  # the view moves away from under it
        field.installEventFilter(self)
        field.selectAll()
        field.show()
        field.setFocus(Qt.FocusReason.OtherFocusReason)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Keys and focus of the field."""
        if event.type() == QEvent.Type.FocusOut:
            self._close(take=True)
            return False
        if not isinstance(event, QKeyEvent) or event.type() != QEvent.Type.KeyPress:
            return False
        gives_up = event.key() == Qt.Key.Key_Escape
        if gives_up or self._takes(event):
            self._close(take=not gives_up)
            return True
        return False

    def _take(self) -> None:
        self._close(take=True)

    def _close(self, *, take: bool) -> None:
        if not self._is_open:
            return
        self._is_open = False
        has_keyboard, text = self._field.hasFocus(), self._text().strip()
        self._field.hide()
        self._field.deleteLater()
        if take:
            self._done(text)
        if has_keyboard:  # else it went elsewhere, and stays there
            self._canvas.setFocus()
