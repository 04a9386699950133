"""Files that a value names: pictures as pictures, everything else to be saved."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QGuiApplication,
    QImage,
    QImageReader,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from core.cli.wording import size_text
from desktop.bridge import Bridge, explain
from desktop.elided_label import ElidedLabel
from desktop.icons import Icons
from desktop.panels.paged_text import PageBar, PagedText
from desktop.panels.value_parts import FileRef
from desktop.style import set_role
from desktop.theme import ThemeManager

ReadFile: TypeAlias = Callable[[str], Coroutine[Any, Any, bytes]]
"""Gives the bytes of a kept file by its hash. Raises StepError(kind='not_found')."""

LARGEST_SIDE: Final = 2_048
"""Pixels of a picture's longer side as it is shown; larger ones are made smaller while they are read."""


LARGEST_TEXT: Final = 4_000_000
"""Bytes up to which a text is shown."""


SHOWN: Final = frozenset({b"png", b"jpeg", b"gif", b"webp", b"bmp"})
"""Formats that are shown. Others, such as SVG, can name other files, and come from models and from outside."""


_SMALLEST, _LARGEST, _PIXELS_SHOW = 0.05, 16.0, 4.0
"""Scales of a picture; from the last on its pixels are shown as they are."""


class FileView(QWidget):
    """The kept files of one value, one at a time. turned: the index of the one that is shown now."""

    turned = Signal(int)

    def __init__(
        self, read: ReadFile, bridge: Bridge, themes: ThemeManager, icons: Icons, *, zooms: bool = False
    ) -> None:
        """zooms: whether the wheel makes a picture larger and smaller."""
        super().__init__()
        self._read, self._bridge = read, bridge
        self._files: Sequence[FileRef] = ()
        self._at = 0
        self._shown_text = ""
        self._true_size = QSize()
        self.picture = Picture(zooms=zooms)
        self.text = PagedText(themes, icons, markdown=False)
        self._stack = QStackedWidget()
        self._stack.addWidget(self.picture)
        self._stack.addWidget(self.text)
        self.about = ElidedLabel()
        set_role(self.about, kind="muted")
        self._save = QPushButton("Save as…")
        self._save.clicked.connect(self.ask_where)
        self.copy_button = QPushButton("Copy")
        self.copy_button.clicked.connect(self.copy_picture)
        self.bar = PageBar(themes, icons)
        self.bar.chosen.connect(self._turn_to)
        foot = QHBoxLayout()
        foot.addWidget(self.about, 1)
        foot.addWidget(self.bar)
        for button in (self.copy_button, self._save):
            button.setAutoDefault(False)
        foot.addWidget(self.copy_button)
        foot.addWidget(self._save)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._stack, 1)
        layout.addLayout(foot)

    def show_files(self, files: Sequence[FileRef], at: int = 0) -> None:
        """Show one of some files."""
        self._files = files
        self._turn_to(at)

    def step(self, by: int) -> None:
        """Show the next file (1) or the one before (-1), if there is one."""
        if 0 <= self._at + by < len(self._files):
            self._turn_to(self._at + by)

    def copy_picture(self) -> None:
        """Put the picture, all of it, or the text on the clipboard."""
        clipboard = QGuiApplication.clipboard()
        if self.picture.image is not None and max(self._true_size.toTuple()) > LARGEST_SIDE:
            self._bridge.spawn(self._whole(self._files[self._at]), clipboard.setImage)
        elif self.picture.image is not None:
            clipboard.setImage(self.picture.image)
        elif self._shown_text:
            clipboard.setText(self._shown_text)

    def _turn_to(self, at: int) -> None:
        self._at = at
        self.bar.show_page(at, max(1, len(self._files)))
        self._shown_text = ""
        self._stack.setCurrentWidget(self.picture)
        self.picture.show_image(None, "")
        self.copy_button.setEnabled(False)
        self._save.setEnabled(bool(self._files))
        if not self._files:
            self.about.setText("")
            return
        file = self._files[at]
        self.about.setText(_about(file))
        self.turned.emit(at)
        from core.steps.parts.attachments import is_text

        if is_text(file.media_type) and file.size <= LARGEST_TEXT:
            self.picture.show_image(None, "Reading…")
            self._bridge.spawn(self._read_text(file), self._text_there, lambda error: self._failed(file, error))
            return
        if not file.is_picture:
            self.picture.show_image(None, f"{file.media_type} is not shown here. Save it to open it.")
            return
        self.picture.show_image(None, "Reading…")
        self._bridge.spawn(self._load(file), self._loaded, lambda error: self._failed(file, error))

    async def _whole(self, file: FileRef) -> QImage:
        """The picture in its true size."""
        image, _ = await asyncio.to_thread(decode, await self._read(file.hash), 0)
        return image

    async def _load(self, file: FileRef) -> tuple[FileRef, QImage, QSize]:
        data = await self._read(file.hash)
        image, size = await asyncio.to_thread(decode, data)
        return file, image, size

    def _loaded(self, found: tuple[FileRef, QImage, QSize]) -> None:
        file, image, size = found
        if not self._is_shown(file):
            return
        self.picture.show_image(image, "This file cannot be shown as a picture. Save it to look at it.")
        self.copy_button.setEnabled(not image.isNull())
        self._true_size = size
        if not image.isNull():
            self.about.setText(f"{_about(file)} · {size.width()} x {size.height()} pixels")
            self.picture.setAccessibleName(f"Picture {file.name}, {size.width()} by {size.height()} pixels")

    async def _read_text(self, file: FileRef) -> tuple[FileRef, str]:
        return file, (await self._read(file.hash)).decode("utf-8", "replace")

    def _text_there(self, found: tuple[FileRef, str]) -> None:
        file, text = found
        if self._is_shown(file):
            self._shown_text = text
            self.text.show_text(text)
            self._stack.setCurrentWidget(self.text)
            self.copy_button.setEnabled(bool(text))

    def _failed(self, file: FileRef, error: Exception) -> None:
        if self._is_shown(file):
            self.picture.show_image(None, explain(error))

    def _is_shown(self, file: FileRef) -> bool:
        return self._at < len(self._files) and self._files[self._at] is file

    def ask_where(self) -> None:
        """Ask where the file is to be saved."""
        if not self._files:
            return
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
    """A picture as large as it fits, never larger than it is, or a text in its place.

    zooms: the wheel makes it larger and smaller at the mouse, dragging moves it, a double click goes between as large
    as fits and as large as it is; so do + and -, 0 and 1. scale: 1.0 as large as it is, None as large as fits.
    """

    def __init__(self, *, zooms: bool = False) -> None:
        super().__init__()
        self.image: QImage | None = None
        self.text = ""
        self.scale: float | None = None
        self._zooms = zooms
        self._middle = QPointF()
        self._held: QPointF | None = None
        if zooms:
            self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumHeight(80)

    def show_image(self, image: QImage | None, otherwise: str) -> None:
        """Show a picture, or the text if there is none."""
        self.image = None if image is None or image.isNull() else image
        self.scale, self._middle = None, QPointF()
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
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, (self.scale or 0) < _PIXELS_SHOW)
        painter.drawImage(self._area(), self.image)

    def zoom_to(self, scale: float | None, at: QPointF | None = None) -> None:
        """Show it in another scale; None as large as fits. at: the point that stays where it is, None the middle."""
        if self.image is None:
            return
        before = self._area()
        fixed = at if at is not None else QPointF(self.rect().center())
        self.scale = None if scale is None else min(max(scale, _SMALLEST), _LARGEST)
        after = self._area()
        share = QPointF((fixed.x() - before.x()) / before.width(), (fixed.y() - before.y()) / before.height())
        self._middle += fixed - QPointF(after.x() + share.x() * after.width(), after.y() + share.y() * after.height())
        self._keep_in_sight()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802 - Qt's name
        """Make it larger or smaller."""
        if not self._zooms or self.image is None:
            event.ignore()
            return
        self.zoom_to(self._shown_scale() * 1.25 ** (event.angleDelta().y() / 120), event.position())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """As large as it is, or as fits."""
        if self._zooms:
            self.zoom_to(1.0 if self.scale is None else None, event.position())

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Take hold of it."""
        self._held = event.position() if self._zooms and event.button() == Qt.MouseButton.LeftButton else None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Move it."""
        if self._held is not None and self.scale is not None:
            self._middle += event.position() - self._held
            self._held = event.position()
            self._keep_in_sight()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Let go."""
        self._held = None

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """+ and - zoom; 1 is as large as it is, 0 as large as fits."""
        if not self._zooms or self.image is None:
            super().keyPressEvent(event)
            return
        match event.text():
            case "+" | "=":
                self.zoom_to(self._shown_scale() * 1.25)
            case "-":
                self.zoom_to(self._shown_scale() / 1.25)
            case "1":
                self.zoom_to(1.0)
            case "0":
                self.zoom_to(None)
            case _:
                super().keyPressEvent(event)

    def _shown_scale(self) -> float:
        assert self.image is not None
        return self._area().width() * self.devicePixelRatioF() / max(self.image.width(), 1)

    def _area(self) -> QRectF:
        """Where the picture is."""
        assert self.image is not None
        size = self.image.size().toSizeF() / self.devicePixelRatioF()
        if self.scale is not None:
            size *= self.scale
        elif size.width() > self.width() or size.height() > self.height():
            size.scale(self.width(), self.height(), Qt.AspectRatioMode.KeepAspectRatio)
        area = QRectF((self.width() - size.width()) / 2, (self.height() - size.height()) / 2, *size.toTuple())
        return area if self.scale is None else area.translated(self._middle)

    def _keep_in_sight(self) -> None:
        """No further away than its edge in the middle."""
        if self.scale is None:
            self._middle = QPointF()
        else:
            area = self._area()
            x, y = area.width() / 2, area.height() / 2
            self._middle = QPointF(min(max(self._middle.x(), -x), x), min(max(self._middle.y(), -y), y))
        self.update()


def decode(data: bytes, most: int = LARGEST_SIDE) -> tuple[QImage, QSize]:
    """The picture in a file and its true size; a null image if it is none that is shown. For a thread.

    most: pixels of its longer side, 0 for all there are.
    """
    buffer = QBuffer()
    buffer.setData(QByteArray(data))
    buffer.open(QIODevice.OpenModeFlag.ReadOnly)
    reader = QImageReader(buffer)
    reader.setAutoTransform(True)
    if bytes(reader.format().data()) not in SHOWN:
        return QImage(), QSize()
    size = reader.size()
    if most and size.isValid() and max(size.width(), size.height()) > most:
        reader.setScaledSize(size.scaled(most, most, Qt.AspectRatioMode.KeepAspectRatio))
    image = reader.read()
    return image, size if size.isValid() else image.size()


def _about(file: FileRef) -> str:
    return " · ".join(part for part in (file.name, file.media_type, size_text(file.size)) if part)
