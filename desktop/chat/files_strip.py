"""The files of a message: pictures small, others as chips with their name and size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPainterPath, QPen

from core.cli.wording import size_text
from desktop.chat.pictures import Pictures
from desktop.icons import Icons
from desktop.theme import Theme

PICTURE: Final = QSizeF(220, 150)
_CHIP_HEIGHT: Final = 40
_GAP: Final = 8


class FilesStrip:
    """Paints the files of one message; pictures are as large as they may be before they are there."""

    def __init__(self, files: Sequence[Mapping[str, Any]], pictures: Pictures, theme: Theme, icons: Icons) -> None:
        self._files = list(files)
        self._pictures, self._theme, self._icons = pictures, theme, icons
        self._places: list[QRectF] = []
        self._at = QPointF()
        self.width = 0.0

    def show_files(self, files: Sequence[Mapping[str, Any]]) -> None:
        """Show other files."""
        self._files = list(files)

    def fit(self, width: float) -> float:
        """Lay them out in lines; their height, 0 for no files."""
        self._places, x, y, line, self.width = [], 0.0, 0.0, 0.0, 0.0
        for each in self._files:
            size = self._size(each, width)
            if x and x + size.width() > width:
                x, y, line = 0.0, y + line + _GAP, 0.0
            self._places.append(QRectF(QPointF(x, y), size))
            x += size.width() + _GAP
            line = max(line, size.height())
            self.width = max(self.width, x - _GAP)
        return y + line if self._files else 0.0

    def move(self, x: float, y: float) -> None:
        """Say where they are painted."""
        self._at = QPointF(x, y)

    def file_at(self, point: QPointF) -> Mapping[str, Any] | None:
        """The file at a point of the row."""
        for each, place in zip(self._files, self._places, strict=False):
            if place.translated(self._at).contains(point):
                return each
        return None

    def paint(self, painter: QPainter, ratio: float) -> None:
        """Paint them."""
        for each, place in zip(self._files, self._places, strict=False):
            where = place.translated(self._at)
            if _is_picture(each) and not self._pictures.is_lost(str(each["blob"])):
                self._paint_picture(painter, each, where)
            else:
                self._paint_chip(painter, each, where, ratio)

    def _paint_picture(self, painter: QPainter, each: Mapping[str, Any], where: QRectF) -> None:
        theme = self._theme
        image = self._pictures.get(str(each["blob"]))
        ground = QPainterPath()
        ground.addRoundedRect(where, 8, 8)
        painter.fillPath(ground, theme.color("surface.hover"))
        if image is None:
            return
        size = QSizeF(image.size()).scaled(where.size(), Qt.AspectRatioMode.KeepAspectRatio)
        place = QRectF(QPointF(), size)
        place.moveCenter(where.center())
        painter.save()
        painter.setClipPath(ground)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(place, image)
        painter.restore()

    def _paint_chip(self, painter: QPainter, each: Mapping[str, Any], where: QRectF, ratio: float) -> None:
        theme = self._theme
        painter.setPen(QPen(theme.color("border.subtle"), 1))
        painter.setBrush(theme.color("surface.node"))
        painter.drawRoundedRect(where.adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        icon = self._icons.pixmap(icon_of(str(each.get("media_type") or "")), theme.color("type.file"), 18, ratio)
        painter.drawPixmap(where.topLeft() + QPointF(10, 11), icon)
        painter.setPen(theme.color("text.primary"))
        painter.setFont(theme.font("body"))
        metrics = QFontMetrics(theme.font("body"))
        text = where.adjusted(36, 3, -8, 0)
        name = metrics.elidedText(str(each.get("name") or "file"), Qt.TextElideMode.ElideMiddle, int(text.width()))
        painter.drawText(text, Qt.AlignmentFlag.AlignTop, name)
        painter.setPen(theme.color("text.muted"))
        painter.setFont(theme.font("caption"))
        size = size_text(int(each.get("size") or 0))
        lost = "no longer there" if _is_picture(each) else size
        painter.drawText(text.adjusted(0, 17, 0, 0), Qt.AlignmentFlag.AlignTop, lost)

    def _size(self, each: Mapping[str, Any], width: float) -> QSizeF:
        if _is_picture(each) and not self._pictures.is_lost(str(each["blob"])):
            return PICTURE if width >= PICTURE.width() else QSizeF(width, PICTURE.height() * width / PICTURE.width())
        wide = QFontMetrics(self._theme.font("body")).horizontalAdvance(str(each.get("name") or "file"))
        return QSizeF(min(max(wide + 50, 120), width, 260), _CHIP_HEIGHT)


def icon_of(media_type: str) -> str:
    """The icon of a kind of file."""
    kind = media_type.partition("/")[0]
    return {"image": "image", "text": "file-text"}.get(kind, "file")


def _is_picture(each: Mapping[str, Any]) -> bool:
    return str(each.get("media_type") or "").startswith("image/")
