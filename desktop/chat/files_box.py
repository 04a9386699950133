"""Files as a widget of its own: for cards that ask about what was made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QEvent, QSize, QSizeF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop.chat.files_strip import LARGE, FilesStrip, name_of
from desktop.chat.pictures import Pictures
from desktop.icons import Icons
from desktop.theme import Theme


class FilesBox(QWidget):
    """Shows kept files beside and under each other. chosen: the index of one that is wanted large. most: of a picture.

    resized: it is higher or lower now, because a picture was read. The theme is that of its making.
    """

    chosen = Signal(int)
    resized = Signal()

    def __init__(
        self,
        files: Sequence[Mapping[str, Any]],
        pictures: Pictures,
        theme: Theme,
        icons: Icons,
        parent: QWidget | None = None,
        *,
        most: QSizeF = LARGE,
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._strip = FilesStrip(files, pictures, theme, icons, most=most)
        self._height = 0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(f"Made so far: {', '.join(map(name_of, files))}")
        self.setToolTip("Open it large")
        pictures.loaded.connect(self._loaded)

    @property
    def count(self) -> int:
        """How many files there are."""
        return self._strip.count

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Lay the files out anew."""
        super().resizeEvent(event)
        self._fit()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """As high as the files are at this width."""
        return QSize(240, max(self._height, 40))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Paint them."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._strip.paint(painter, self.devicePixelRatioF())
        if self.hasFocus() and self.count:
            painter.setPen(QPen(self._theme.color("focus"), 2, Qt.PenStyle.DashLine))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(self._strip.place_of(0).adjusted(1, 1, -1, -1), 8, 8)
        painter.end()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Mark the one under the mouse."""
        under = self._strip.index_at(event.position())
        if under != self._strip.under:
            self._strip.under = under
            self.update()

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Mark none."""
        self._strip.under = -1
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Tell which one was clicked."""
        index = self._strip.index_at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and index >= 0:
            self.chosen.emit(index)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Enter and Space open the first."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self.count:
            self.chosen.emit(0)
        else:
            super().keyPressEvent(event)

    def _loaded(self, name: str) -> None:
        if self._strip.holds(name):
            self._fit()
            self.update()

    def _fit(self) -> None:
        height = round(self._strip.fit(self.width()))
        if height != self._height:
            self._height = height
            self.setFixedHeight(max(height, 1))
            self.updateGeometry()
            self.resized.emit()
