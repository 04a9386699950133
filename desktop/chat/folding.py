"""What unfolds in an answer: a line that is pressed, or opened by the keyboard, and more below it."""

from __future__ import annotations

from typing import ClassVar

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QWidget

from desktop.icons import Icons
from desktop.theme import Theme


class Folding(QWidget):
    """folded: it was opened or closed. The theme is that of its making. line: its height when folded, logical pixels.

    Whoever derives from it lays out in `fit`, reads what is inside in `_fold`, and says in `_name` what it is now.
    """

    folded = Signal()
    line: ClassVar[int] = 28

    def __init__(self, theme: Theme, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._icons = theme, icons
        self.is_open = False
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def fit(self, width: int) -> int:
        """Lay it out for a width; its height."""
        raise NotImplementedError

    def set_open(self, is_open: bool) -> None:
        """Open or close it."""
        if is_open == self.is_open:
            return
        self.is_open = is_open
        self._fold()
        self._name()
        self.folded.emit()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """As high as it is now."""
        return QSize(300, self.fit(max(self.width(), 200)))

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """The line opens and closes it."""
        if event.button() != Qt.MouseButton.LeftButton:
            super().mousePressEvent(event)
        elif event.position().y() <= self.line:
            self.setFocus(Qt.FocusReason.MouseFocusReason)
            self.set_open(not self.is_open)
        else:
            self._press_below(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Enter and Space open and close it, Right opens, Left closes."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.set_open(not self.is_open)
        elif event.key() in (Qt.Key.Key_Right, Qt.Key.Key_Left) and not event.modifiers():
            self.set_open(event.key() == Qt.Key.Key_Right)
        else:
            super().keyPressEvent(event)

    def _fold(self) -> None:
        raise NotImplementedError

    def _name(self) -> None:
        raise NotImplementedError

    def _press_below(self, event: QMouseEvent) -> None:
        super().mousePressEvent(event)
