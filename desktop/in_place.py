"""What every field has in common in which something is edited where it stands."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit, QPlainTextEdit, QWidget


def is_enter(event: QKeyEvent) -> bool:
    """Whether it is the key that ends a line."""
    return event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class InPlace(QObject):
    """Closes a field that lies over what it edits: the keys that it is asked for and the focus going elsewhere take the
    text, Escape leaves it as it was.

    home: gets the keyboard afterwards, unless it went elsewhere. text: what stands in the field. done: gets the text,
    once. takes: whether a key takes the text. closed: with or without the text.
    """

    closed = Signal()

    def __init__(
        self,
        field: QLineEdit | QPlainTextEdit,
        home: QWidget,
        *,
        text: Callable[[], str],
        done: Callable[[str], None],
        takes: Callable[[QKeyEvent], bool] = is_enter,
    ) -> None:
        super().__init__(field)
        self._field, self._home = field, home
        self._takes, self._text, self._done = takes, text, done
        self._is_open = False

    def begin(self) -> None:
        """Show the field, where it was put, and give it the keyboard."""
        field = self._field
        self._is_open = True
        field.installEventFilter(self)
        field.selectAll()
        field.show()
        field.setFocus(Qt.FocusReason.OtherFocusReason)

    def take(self) -> None:
        """Take the text and close."""
        self._close(take=True)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Keys and focus of the field."""
        if event.type() == QEvent.Type.FocusOut:
            self.take()
            return False
        if not isinstance(event, QKeyEvent) or event.type() != QEvent.Type.KeyPress:
            return False
        gives_up = event.key() == Qt.Key.Key_Escape
        if gives_up or self._takes(event):
            self._close(take=not gives_up)
            return True
        return False

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
            self._home.setFocus()
        self.closed.emit()
