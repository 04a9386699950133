"""What a graph is painted on outside the window: an image, a drawing, a page. Written whole, or not at all."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Final

from PySide6.QtCore import QMarginsF, QRect, QRectF, QSize, QSizeF, Qt
from PySide6.QtGui import QColor, QImage, QPageSize, QPainter, QPdfWriter
from PySide6.QtSvg import QSvgGenerator

from desktop.canvas.geometry import Rect

MOST_PIXELS: Final = 64_000_000
"""A PNG of a large graph gets fewer pixels per canvas pixel, so that it can be opened anywhere."""

ICON_DENSITY: Final = 4.0
"""Pixels of an icon for each canvas pixel, where the rest is drawn without pixels."""

_DENSITY: Final = 2.0
_POINTS_PER_PIXEL: Final = 0.75
_PDF_DPI: Final = 96


class ExportFailed(Exception):
    """The picture could not be written; the text says why and what to do."""

    code = "export"


class Sheet(ABC):
    """Something to paint on once. density: pixels of an icon for each canvas pixel.

    prepare and close take long for a large graph and belong into a thread, never while something is painted.
    """

    density = ICON_DENSITY

    def __init__(self) -> None:
        self._painter: QPainter | None = None
        self._given_up = False
        self._closing = False

    def prepare(self) -> None:  # noqa: B027 - most sheets need no room
        """Make room; in a thread."""

    @abstractmethod
    def _opened(self) -> QPainter:
        """Begin to paint."""

    def open(self) -> QPainter:
        """What paints, in canvas pixels, the corner of the graph's area at 0, 0; on the thread that paints."""
        self._painter = self._opened()
        return self._painter

    def close(self) -> None:
        """Finish, and write what was painted; in a thread. Raises ExportFailed."""
        self._closing = True
        self._end()

    def drop(self) -> None:
        """Give up: nothing is written, and what stood there before still does."""
        self._given_up = True
        if not self._closing:
            self._end()

    def _end(self) -> None:
        if self._painter is not None:
            self._painter.end()
            self._painter = None


class FileSheet(Sheet):
    """One that is written to a file; what was there before is replaced when all is written."""

    def __init__(self, path: Path, area: Rect, ground: QColor, title: str) -> None:
        super().__init__()
        self._path, self._area, self._ground, self._title = path, area, ground, title
        self._part = path.with_name(f".{path.name}.part")

    def close(self) -> None:
        """Write the file. Raises ExportFailed."""
        super().close()
        try:
            self._write()
            if self._given_up:
                return
            if not self._part.is_file() or not self._part.stat().st_size:
                raise ExportFailed(
                    f"The picture could not be written to {self._path}. Is there room, and may you write there?"
                )
            self._part.replace(self._path)
        except OSError as error:
            raise ExportFailed(f"The picture could not be written to {self._path}: {error.strerror}.") from error
        finally:
            self._part.unlink(missing_ok=True)

    def drop(self) -> None:
        """Leave nothing behind."""
        super().drop()
        if not self._closing:
            self._part.unlink(missing_ok=True)

    def _write(self) -> None:
        """Write what was painted to the part; nothing to do for what writes while it is painted on."""

    def _with_ground(self, painter: QPainter) -> QPainter:
        painter.fillRect(QRectF(0, 0, self._area.width, self._area.height), self._ground)
        painter.setPen(Qt.PenStyle.NoPen)
        return painter


class ImageSheet(FileSheet):
    """A PNG."""

    def __init__(self, path: Path, area: Rect, ground: QColor, title: str) -> None:
        super().__init__(path, area, ground, title)
        self.density = min(_DENSITY, math.sqrt(MOST_PIXELS / (area.width * area.height)))
        self.image = QImage()

    def prepare(self) -> None:
        """Make the image; a quarter of a gigabyte for the largest."""
        size = QSize(math.ceil(self._area.width * self.density), math.ceil(self._area.height * self.density))
        self.image = QImage(size, QImage.Format.Format_ARGB32_Premultiplied)
        if self.image.isNull():
            raise ExportFailed("There is not enough memory for a picture of that size. Use .svg or .pdf.")
        self.image.fill(self._ground)

    def _opened(self) -> QPainter:
        painter = QPainter(self.image)
        painter.scale(self.density, self.density)
        return painter

    def _write(self) -> None:
        self.image.save(str(self._part), "PNG")  # type: ignore[call-overload] # the stubs want bytes, Qt a str


class DrawingSheet(FileSheet):
    """An SVG."""

    def _opened(self) -> QPainter:
        size = QSize(math.ceil(self._area.width), math.ceil(self._area.height))
        self._generator = generator = QSvgGenerator()
        generator.setFileName(str(self._part))
        generator.setSize(size)
        generator.setViewBox(QRect(0, 0, size.width(), size.height()))
        generator.setTitle(self._title)
        return self._with_ground(QPainter(generator))


class PageSheet(FileSheet):
    """A PDF of one page, as large as the graph."""

    def _opened(self) -> QPainter:
        self._writer = writer = QPdfWriter(str(self._part))
        writer.setTitle(self._title)
        writer.setResolution(_PDF_DPI)
        size = QSizeF(self._area.width * _POINTS_PER_PIXEL, self._area.height * _POINTS_PER_PIXEL)
        writer.setPageSize(QPageSize(size, QPageSize.Unit.Point, "", QPageSize.SizeMatchPolicy.ExactMatch))
        writer.setPageMargins(QMarginsF(0, 0, 0, 0))
        return self._with_ground(QPainter(writer))


def file_sheet(path: Path, area: Rect, ground: QColor, title: str) -> FileSheet:
    """A sheet for a file; its suffix (.png, .svg, .pdf) says of what kind. Raises ExportFailed."""
    kinds: dict[str, type[FileSheet]] = {".png": ImageSheet, ".svg": DrawingSheet, ".pdf": PageSheet}
    kind = kinds.get(path.suffix.lower())
    if kind is None:
        raise ExportFailed(f"A picture cannot be written as “{path.suffix or path.name}”. Use .png, .svg or .pdf.")
    if not path.parent.is_dir():
        raise ExportFailed(f"There is no folder {path.parent}. Choose another one.")
    return kind(path, area, ground, title)
