"""Files that a value names: pictures as pictures, everything else to be saved."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QRectF, QSize, Qt
from PySide6.QtGui import QImage, QImageReader, QPainter, QPaintEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from core.cli.wording import size_text
from desktop.bridge import Bridge, explain
from desktop.icons import Icons
from desktop.panels.paged_text import PageBar
from desktop.panels.value_parts import FileRef
from desktop.style import set_role
from desktop.theme import ThemeManager

ReadFile: TypeAlias = Callable[[str], Awaitable[bytes]]
"""Gives the bytes of a kept file by its hash. Raises StepError(kind='not_found')."""

LARGEST_SIDE: Final = 2_048
"""Pixels of a picture's longer side as it is shown; larger ones are made smaller while they are read."""


class FileView(QWidget):
    """The kept files of one value, one at a time."""

    def __init__(self, read: ReadFile, bridge: Bridge, themes: ThemeManager, icons: Icons) -> None:
        super().__init__()
        self._read, self._bridge = read, bridge
        self._files: Sequence[FileRef] = ()
        self._at = 0
        self.picture = Picture()
        self.about = QLabel()
        self.about.setTextFormat(Qt.TextFormat.PlainText)
        set_role(self.about, kind="muted")
        self._save = QPushButton("Save as…")
        self._save.clicked.connect(self._ask_where)
        self.bar = PageBar(themes, icons)
        self.bar.chosen.connect(self._turn_to)
        foot = QHBoxLayout()
        foot.addWidget(self.about, 1)
        foot.addWidget(self.bar)
        foot.addWidget(self._save)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.picture, 1)
        layout.addLayout(foot)

    def show_files(self, files: Sequence[FileRef]) -> None:
        """Show the first of some files."""
        self._files = files
        self._turn_to(0)

    def _turn_to(self, at: int) -> None:
        self._at = at
        self.bar.show_page(at, max(1, len(self._files)))
        self.picture.show_image(None, "")
        self._save.setEnabled(bool(self._files))
        if not self._files:
            self.about.setText("")
            return
        file = self._files[at]
        self.about.setText(_about(file))
        if not file.media_type.startswith("image/"):
            self.picture.show_image(None, f"{file.media_type} is not shown here. Save it to open it.")
            return
        self.picture.show_image(None, "Reading…")
        self._bridge.spawn(self._load(file), self._loaded, lambda error: self._failed(file, error))

    async def _load(self, file: FileRef) -> tuple[FileRef, QImage, QSize]:
        data = await self._read(file.hash)
        image, size = await asyncio.to_thread(decode, data)
        return file, image, size

    def _loaded(self, found: tuple[FileRef, QImage, QSize]) -> None:
        file, image, size = found
        if not self._is_shown(file):
            return
        self.picture.show_image(image, "This file cannot be shown as a picture. Save it to look at it.")
        if not image.isNull():
            self.about.setText(f"{_about(file)} · {size.width()} x {size.height()} pixels")
            self.picture.setAccessibleName(f"Picture {file.name}, {size.width()} by {size.height()} pixels")

    def _failed(self, file: FileRef, error: Exception) -> None:
        if self._is_shown(file):
            self.picture.show_image(None, explain(error))

    def _is_shown(self, file: FileRef) -> bool:
        return self._at < len(self._files) and self._files[self._at] is file

    def _ask_where(self) -> None:
        file = self._files[self._at]
        dialog = QFileDialog(self, "Save the file", file.name or "file")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda path: self._bridge.spawn(self._write(file, Path(path))))
        dialog.open()

    async def _write(self, file: FileRef, path: Path) -> None:
        data = await self._read(file.hash)
        await asyncio.to_thread(path.write_bytes, data)


class Picture(QWidget):
    """A picture as large as it fits, never larger than it is, or a text in its place."""

    def __init__(self) -> None:
        super().__init__()
        self.image: QImage | None = None
        self.text = ""
        self.setMinimumHeight(80)

    def show_image(self, image: QImage | None, otherwise: str) -> None:
        """Show a picture, or the text if there is none."""
        self.image = None if image is None or image.isNull() else image
        self.text = "" if self.image is not None else otherwise
        self.setAccessibleName(self.text)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Paint it in the middle."""
        painter = QPainter(self)
        if self.image is None:
            painter.setPen(self.palette().placeholderText().color())
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect().adjusted(16, 8, -16, -8), int(flags), self.text)
            return
        size = self.image.size().toSizeF() / self.devicePixelRatioF()
        if size.width() > self.width() or size.height() > self.height():
            size.scale(self.width(), self.height(), Qt.AspectRatioMode.KeepAspectRatio)
        area = QRectF((self.width() - size.width()) / 2, (self.height() - size.height()) / 2, *size.toTuple())
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(area, self.image)


def decode(data: bytes) -> tuple[QImage, QSize]:
    """The picture in a file, shrunk if it is huge, and its true size; a null image if it is none. For a thread."""
    buffer = QBuffer()
    buffer.setData(QByteArray(data))
    buffer.open(QIODevice.OpenModeFlag.ReadOnly)
    reader = QImageReader(buffer)
    reader.setAutoTransform(True)
    size = reader.size()
    if size.isValid() and max(size.width(), size.height()) > LARGEST_SIDE:
        reader.setScaledSize(size.scaled(LARGEST_SIDE, LARGEST_SIDE, Qt.AspectRatioMode.KeepAspectRatio))
    image = reader.read()
    return image, size if size.isValid() else image.size()


def _about(file: FileRef) -> str:
    return " · ".join(part for part in (file.name, file.media_type, size_text(file.size)) if part)
