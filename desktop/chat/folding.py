"""What unfolds in an answer: a line that is pressed, or opened by the keyboard, and more below it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QWidget

from desktop.icons import Icons
from desktop.theme import Theme


class Folding(QWidget):
    """folded: it was opened or closed. line: height when folded, logical pixels. The theme is that of its making."""

    folded = Signal()

    def __init__(self, line: int, theme: Theme, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._line, self._theme, self._icons = line, theme, icons
        self.is_open = False
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def set_open(self, is_open: bool) -> None:
        """Open or close it."""
        if is_open != self.is_open:
            self.is_open = is_open
            self.folded.emit()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """The line opens and closes it."""
        if event.button() == Qt.MouseButton.LeftButton and event.position().y() <= self._line:
            self.setFocus(Qt.FocusReason.MouseFocusReason)
            self.set_open(not self.is_open)
        else:
            super().mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Enter and Space open and close it, Right opens, Left closes."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.set_open(not self.is_open)
        elif event.key() in (Qt.Key.Key_Right, Qt.Key.Key_Left) and not event.modifiers():
            self.set_open(event.key() == Qt.Key.Key_Right)
        else:
            super().keyPressEvent(event)
