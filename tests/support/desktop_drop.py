"""Files dropped on a widget, as a file manager drops them: entering, moving, letting go."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QWidget


def drop_files(widget: QWidget, files: Sequence[Path], at: QPoint | None = None) -> bool:
    """Drop files on a widget; whether they were taken."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(file)) for file in files])
    place = at or widget.rect().center()
    copy, left, plain = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(place, copy, data, left, plain)
    enter.ignore()
    QApplication.sendEvent(widget, enter)
    if not enter.isAccepted():
        return False
    move = QDragMoveEvent(place, copy, data, left, plain)
    QApplication.sendEvent(widget, move)
    drop = QDropEvent(QPointF(place), copy, data, left, plain)
    drop.ignore()
    QApplication.sendEvent(widget, drop)
    return drop.isAccepted()
