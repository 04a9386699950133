"""One file of a conversation, large: a picture, a text, or what there is to say of another file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QDialog, QVBoxLayout, QWidget

from desktop.bridge import Bridge
from desktop.icons import Icons
from desktop.panels.file_view import FileView, ReadFile
from desktop.panels.value_parts import FileRef
from desktop.theme import ThemeManager

SIZE: Final = QSize(900, 700)


class FileWindow(QDialog):
    """A window beside the chat; open it with `show`. files: parts of messages; the arrow keys go through them."""

    def __init__(
        self,
        files: Sequence[Mapping[str, Any]],
        at: int,
        read: ReadFile,
        bridge: Bridge,
        themes: ThemeManager,
        icons: Icons,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setProperty("surface", "window")

        self._files = [_ref(each) for each in files]
        self.view = FileView(read, bridge, themes, icons, zooms=True)
        self.view.turned.connect(self._title)
        column = QVBoxLayout(self)
        side = themes.theme.px("space.3")
        column.setContentsMargins(side, side, side, side)
        column.addWidget(self.view)
        self.view.show_files(self._files, at)
        self.view.picture.setFocus()
        for key, step in ((Qt.Key.Key_Left, -1), (Qt.Key.Key_Right, 1)):
            QShortcut(QKeySequence(key), self).activated.connect(lambda step=step: self.view.step(step))
        QShortcut(QKeySequence(QKeySequence.StandardKey.Copy), self).activated.connect(self.view.copy_picture)
        QShortcut(QKeySequence(QKeySequence.StandardKey.Save), self).activated.connect(self.view.ask_where)
        screen = self.screen().availableGeometry().size()
        self.resize(SIZE.boundedTo(QSize(screen.width() * 9 // 10, screen.height() * 9 // 10)))

    def _title(self, index: int) -> None:
        self.setWindowTitle(self._files[index].name or "File")


def _ref(part: Mapping[str, Any]) -> FileRef:
    size = part.get("size")
    return FileRef(
        str(part["blob"]),
        str(part.get("media_type") or ""),
        size if isinstance(size, int) else 0,
        str(part.get("name") or ""),
    )
