"""Widgets side by side that go on in a new line where there is no more room."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRect, QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QWidget


class FlowRow(QWidget):
    """Lays its widgets out like words. spacing: logical pixels between them. lines: between lines, as many if None."""

    def __init__(self, *, spacing: int = 6, lines: int | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._spacing, self._lines = spacing, spacing if lines is None else lines
        self._widgets: list[QWidget] = []

    def add(self, widget: QWidget) -> None:
        """Put a widget at the end."""
        widget.setParent(self)
        widget.show()
        self._widgets.append(widget)
        self._lay()

    def remove(self, widget: QWidget) -> None:
        """Take a widget away; it is destroyed."""
        self._widgets.remove(widget)
        widget.hide()
        widget.deleteLater()
        self._lay()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Another width breaks lines elsewhere."""
        super().resizeEvent(event)
        self._lay()

    def event(self, event: QEvent) -> bool:
        """What stands in it wants another size, as when its text has changed."""
        if event.type() == QEvent.Type.LayoutRequest:
            self._lay()
        return super().event(event)

    def _lay(self) -> None:
        x = y = line = 0
        room = max(self.width(), 80)
        for each in self._widgets:
            size: QSize = each.sizeHint()
            wide = min(size.width(), room)
            if x and x + wide > room:
                x, y, line = 0, y + line + self._lines, 0
            each.setGeometry(QRect(x, y, wide, size.height()))
            x += wide + self._spacing
            line = max(line, size.height())
        height = y + line
        if height != self.height():
            self.setFixedHeight(height)
