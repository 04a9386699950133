"""The files of a message: pictures as pictures, others as chips with their name and size. A click opens them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt, QUrl
from PySide6.QtGui import QColor, QFontMetrics, QImage, QPainter, QPainterPath, QPen

from core.cli.wording import size_text
from desktop.chat.pictures import Pictures
from desktop.icons import Icons
from desktop.theme import Theme

SMALL: Final = QSizeF(220, 150)
"""The largest that a picture is which a person sent along, in logical pixels."""

LARGE: Final = QSizeF(400, 320)
"""The largest that a picture is which was made in the conversation."""

_CHIP_HEIGHT: Final = 40
_GAP: Final = 8
_LEAST: Final = 48.0


class FilesStrip:
    """Paints the files of one message. most: how large a picture is at most; as large as it is held until it is there.

    under: the index of the file that the mouse is over, -1 for none.
    """

    def __init__(
        self,
        files: Sequence[Mapping[str, Any]],
        pictures: Pictures,
        theme: Theme,
        icons: Icons,
        *,
        most: QSizeF = SMALL,
    ) -> None:
        self._files = list(files)
        self._pictures, self._theme, self._icons, self._most = pictures, theme, icons, most
        self._places: list[QRectF] = []
        self._at = QPointF()
        self.width = 0.0
        self.under = -1

    def show_files(self, files: Sequence[Mapping[str, Any]]) -> None:
        """Show other files."""
        self._files = list(files)

    def holds(self, name: str) -> bool:
        """Whether the picture with that hash is one of them."""
        return any(each.get("blob") == name for each in self._files)

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

    def place_of(self, index: int) -> QRectF:
        """Where a file stands in the row."""
        return self._places[index].translated(self._at)

    def index_at(self, point: QPointF) -> int:
        """The index of the file at a point of the row, -1 for none."""
        found = (n for n, place in enumerate(self._places) if place.translated(self._at).contains(point))
        return next(found, -1)

    def file(self, index: int) -> Mapping[str, Any]:
        """A file by its index."""
        return self._files[index]

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._files)

    def paint(self, painter: QPainter, ratio: float) -> None:
        """Paint them."""
        for index, (each, place) in enumerate(zip(self._files, self._places, strict=False)):
            where = place.translated(self._at)
            if is_picture(each) and not self._pictures.is_lost(str(each["blob"])):
                self._paint_picture(painter, each, where, index == self.under)
            else:
                self._paint_chip(painter, each, where, ratio, index == self.under)

    def _paint_picture(self, painter: QPainter, each: Mapping[str, Any], where: QRectF, is_under: bool) -> None:
        theme = self._theme
        image = self._pictures.get(str(each["blob"]))
        ground = QPainterPath()
        ground.addRoundedRect(where, 8, 8)
        painter.fillPath(ground, theme.color("surface.hover"))
        if image is not None:
            painter.save()
            painter.setClipPath(ground)
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(_centred(image, where), image)
            painter.restore()
        painter.setPen(QPen(theme.color("accent" if is_under else "border.subtle"), 2 if is_under else 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(where.adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)

    def _paint_chip(
        self, painter: QPainter, each: Mapping[str, Any], where: QRectF, ratio: float, is_under: bool
    ) -> None:
        theme = self._theme
        painter.setPen(QPen(theme.color("border.control" if is_under else "border.subtle"), 1))
        painter.setBrush(theme.color("surface.hover" if is_under else "surface.node"))
        painter.drawRoundedRect(where.adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        colour: QColor = theme.color("type.file")
        icon = self._icons.pixmap("link" if address_of(each) else icon_of(_type(each)), colour, 18, ratio)
        painter.drawPixmap(where.topLeft() + QPointF(10, 11), icon)
        painter.setPen(theme.color("text.primary"))
        painter.setFont(theme.font("body"))
        metrics = QFontMetrics(theme.font("body"))
        text = where.adjusted(36, 3, -8, 0)
        name = metrics.elidedText(name_of(each), Qt.TextElideMode.ElideMiddle, int(text.width()))
        painter.drawText(text, Qt.AlignmentFlag.AlignTop, name)
        painter.setPen(theme.color("text.muted"))
        painter.setFont(theme.font("caption"))
        painter.drawText(text.adjusted(0, 17, 0, 0), Qt.AlignmentFlag.AlignTop, self._said(each))

    def _said(self, each: Mapping[str, Any]) -> str:
        if address_of(each):
            return "a picture elsewhere, not loaded"
        return "no longer there" if is_picture(each) else size_text(int(each.get("size") or 0))

    def _size(self, each: Mapping[str, Any], width: float) -> QSizeF:
        if is_picture(each) and not self._pictures.is_lost(str(each["blob"])):
            most = QSizeF(self._most)
            if width < most.width():
                most = QSizeF(width, most.height() * width / most.width())
            image = self._pictures.known(str(each["blob"]))
            if image is None:
                return most
            real = QSizeF(image.size())
            if real.width() > most.width() or real.height() > most.height():
                real.scale(most, Qt.AspectRatioMode.KeepAspectRatio)
            return real.expandedTo(QSizeF(_LEAST, _LEAST))
        wide = max(
            QFontMetrics(self._theme.font("body")).horizontalAdvance(name_of(each)),
            QFontMetrics(self._theme.font("caption")).horizontalAdvance(self._said(each)),
        )
        return QSizeF(min(max(wide + 50, 120), width, 260), _CHIP_HEIGHT)


def _centred(image: QImage, where: QRectF) -> QRectF:
    size = QSizeF(image.size())
    if size.width() > where.width() or size.height() > where.height():
        size = size.scaled(where.size(), Qt.AspectRatioMode.KeepAspectRatio)
    place = QRectF(QPointF(), size)
    place.moveCenter(where.center())
    return place


def icon_of(media_type: str) -> str:
    """The icon of a kind of file."""
    kind = media_type.partition("/")[0]
    return {"image": "image", "text": "file-text"}.get(kind, "file")


def is_picture(each: Mapping[str, Any]) -> bool:
    """Whether a part is a kept picture."""
    return "blob" in each and _type(each).startswith("image/")


def name_of(each: Mapping[str, Any]) -> str:
    """What a file is called: its name, or where it is."""
    address = address_of(each)
    return QUrl(address).host() or "picture" if address else str(each.get("name") or "file")


def address_of(each: Mapping[str, Any]) -> str:
    """The address of a picture that is kept elsewhere, '' for a kept file."""
    place = each.get("image_url")
    url = place.get("url") if isinstance(place, Mapping) else place
    return url if isinstance(url, str) else ""


def _type(each: Mapping[str, Any]) -> str:
    return str(each.get("media_type") or "")
