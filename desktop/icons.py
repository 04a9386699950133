"""Icons by name, in the colours of the theme: the shipped SVG files, painted once for each colour and size.

Qt's SVG knows no `currentColor`, so the colour is put into the text before it is painted.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Final

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from core.resources import root
from desktop.theme import Theme

UNKNOWN: Final = "box"
"""What is shown for a name that no file has (a plug-in's step type)."""

KEPT: Final = 2_000
"""Pixmaps that are kept; at 16 px and 200 % that is 8 MB."""

DENSITIES: Final = (1.0, 2.0)
"""Device pixels per logical pixel that a QIcon holds; Qt scales between them."""

PROGRAM_SIZES: Final = (16, 24, 32, 48, 64, 128)
"""Pixels of the program's own icon."""


class Icons:
    """The icons of one folder."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or root() / "resources" / "icons"
        self._texts: dict[str, str] = {}
        self._pixmaps: OrderedDict[tuple[str, str, int, float], QPixmap] = OrderedDict()

    @cached_property
    def names(self) -> Sequence[str]:
        """All names, sorted."""
        return sorted(file.stem for file in self._folder.glob("*.svg"))

    def svg(self, name: str, colour: QColor) -> str:
        """The icon's SVG text in that colour; the box for an unknown name."""
        return self._text(name).replace("currentColor", colour.name())

    def pixmap(self, name: str, colour: QColor, px: int = 16, dpr: float = 1.0) -> QPixmap:
        """The icon at `px` logical pixels. dpr: device pixels per logical pixel."""
        key = (name, colour.name(QColor.NameFormat.HexArgb), px, dpr)
        found = self._pixmaps.get(key)
        if found is not None:
            self._pixmaps.move_to_end(key)
            return found
        made = self._pixmaps[key] = self._painted(name, colour, px, dpr)
        if len(self._pixmaps) > KEPT:
            self._pixmaps.popitem(last=False)
        return made

    def icon(self, name: str, theme: Theme, colour: str = "text.secondary", px: int = 16) -> QIcon:
        """The icon for buttons and menus, with its disabled look. colour: a token's name."""
        icon = QIcon()
        strong = "text.primary" if colour == "text.secondary" else colour
        modes = (
            (QIcon.Mode.Normal, colour),
            (QIcon.Mode.Active, strong),
            (QIcon.Mode.Selected, strong),
            (QIcon.Mode.Disabled, "text.disabled"),
        )
        for mode, token in modes:
            for dpr in DENSITIES:
                icon.addPixmap(self.pixmap(name, theme.color(token), px, dpr), mode)
        return icon

    def program(self) -> QIcon:
        """The program's own icon, for its windows and the tray."""
        drawing = QSvgRenderer(str(root() / "resources" / "logo" / "steploom.svg"))
        icon = QIcon()
        for side in PROGRAM_SIZES:
            pixmap = QPixmap(side, side)
            pixmap.fill(Qt.GlobalColor.transparent)
            painter = QPainter(pixmap)
            drawing.render(painter, QRectF(0, 0, side, side))
            painter.end()
            icon.addPixmap(pixmap)
        return icon

    def _text(self, name: str) -> str:
        text = self._texts.get(name)
        if text is None:
            file = self._folder / f"{name}.svg"
            if not file.is_file():
                file = self._folder / f"{UNKNOWN}.svg"
            text = self._texts[name] = file.read_text(encoding="utf-8")
        return text

    def _painted(self, name: str, colour: QColor, px: int, dpr: float) -> QPixmap:
        side = round(px * dpr)
        pixmap = QPixmap(side, side)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setOpacity(colour.alphaF())
        QSvgRenderer(QByteArray(self.svg(name, colour).encode())).render(painter, QRectF(0, 0, side, side))
        painter.end()
        pixmap.setDevicePixelRatio(dpr)
        return pixmap
