"""Painting a step: body, header, lines, ports, and what a run has done to it. Nothing here knows where it stands."""

from __future__ import annotations

import math
from typing import Final

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFont, QFontMetricsF, QPainter, QPainterPath, QPen, QPixmap, QPolygonF

from desktop.canvas.geometry import HEADER, LINE, PAD, PORT_RADIUS, ROW, PortSpot
from desktop.canvas.ink import Ink
from desktop.canvas.look import LineKind, Look
from desktop.canvas.note_text import paint_note
from desktop.icons import Icons

MARGIN: Final = (8.0, 4.0, 8.0, 14.0)
"""How far a face reaches beyond its body: left (ports), top, right, bottom (the chip)."""

GLYPHS: Final = {
    "queued": "clock", "waiting": "hand", "done": "check", "failed": "triangle-alert", "cancelled": "circle-slash",
    "skipped": "skip-forward",
}  # fmt: skip
"""The icon of each state that has one; a running step turns instead."""

FAULT: Final = "circle-alert"
"""The icon of a step with which something is wrong; its colour says how grave that is, and the tip what it is."""

_GIVING_WAY: Final = ("idle", "done", "skipped", "cancelled")
"""States that matter less than what is wrong with the step now."""

_ICON = 16.0
_CHIP = 18.0
_PIN = 12.0
_MOST_CHIPS = 200
_NOTE_TOP = 8.0
_CHIP_IN = 8.0
"""How far the chip reaches into the body."""
_LINE_COLOURS: Final[dict[LineKind, str]] = {
    "config": "text.muted", "output": "text.primary", "error": "state.failed", "question": "state.waiting",
}  # fmt: skip


class Faces:
    """Paints looks in the colours of one theme."""

    def __init__(self, ink: Ink, icons: Icons) -> None:
        self._ink = ink
        self._icons = icons
        self._bodies: dict[tuple[float, float], tuple[QPainterPath, QPainterPath]] = {}
        self._chips: dict[tuple[str, float, float], QPixmap] = {}
        self._metrics: dict[str, QFontMetricsF] = {}

    def paint(self, painter: QPainter, look: Look, scale: float, dpr: float) -> None:
        """Paint a step with its body's top left corner at 0, 0. scale: the painter's, for crisp icons."""
        if look.shape.form == "note":
            self._note(painter, look)
            return
        if look.disabled or look.state == "skipped":
            painter.setOpacity(0.45 if look.state == "skipped" else 0.6)
        self._body(painter, look)
        if look.bare:
            self._bars(painter, look)
        else:
            self._header(painter, look, scale * dpr)
            self._lines(painter, look)
        for port in look.shape.ports:
            self._port(painter, port, look)
        painter.setOpacity(1.0)
        self.chip(painter, look)

    def header(self, painter: QPainter, look: Look, width: float, scale: float, dpr: float) -> None:
        """Paint icon, title and state alone, for a frame whose body is painted by others."""
        self._header(painter, look, scale * dpr, width)
        if look.summary:
            painter.setFont(self._ink.small)
            painter.setPen(self._ink.muted)
            left = 44.0 + self._width("title", self._ink.title, look.title) + PAD
            room = width - left - 40.0
            if room > 24.0:
                text = self._elided("small", self._ink.small, look.summary, room)
                painter.drawText(QRectF(left, 0, room, HEADER), _LEFT, text)

    def port(
        self, painter: QPainter, spot: PortSpot, x: float, y: float, *, connected: bool, grow: float = 1.0
    ) -> None:
        """Paint one port with its middle at a point. grow: 1.2 when the pointer is over it."""
        _port_shape(painter, spot, x, y, PORT_RADIUS * grow, self._ink, connected=connected)

    def chip(self, painter: QPainter, look: Look) -> None:
        """Paint the chip on a step's lower edge with its body's corner at 0, 0; nothing if it has none."""
        ink, rect = self._ink, self.chip_rect(look)
        if rect is None:
            return
        pinned = look.chip_kind == "pinned"
        asks = look.state == "waiting"
        back = ink.state["waiting"] if asks else ink.theme.color("surface.menu")
        edges = {"pinned": QPen(ink.accent, 1.0), "stale": QPen(ink.state["waiting"], 1.0)}
        failed = QPen(ink.state["failed"], 1.0) if look.state == "failed" else ink.border
        painter.setPen(edges.get(look.chip_kind, failed))
        painter.setBrush(back)
        painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), _CHIP / 2 - 0.5, _CHIP / 2 - 0.5)
        painter.setFont(ink.figures)
        if pinned:
            icon = QRectF(rect.left() + 6.0, rect.center().y() - _PIN / 2 + 1.0, _PIN - 2.0, _PIN - 2.0)
            pixmap = self._icons.pixmap("pin", ink.accent, 24, 1.0)
            painter.drawPixmap(icon, pixmap, QRectF(pixmap.rect()))
            rect.adjust(_PIN, 0.0, 0.0, 0.0)
        words = {"pinned": ink.accent, "stale": ink.state["waiting"]}.get(look.chip_kind, ink.second)
        painter.setPen(ink.back if asks else words)
        text = self._elided("figures", ink.figures, look.chip, rect.width() - 12.0)
        painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)

    def chip_rect(self, look: Look) -> QRectF | None:
        """Where the chip is, from the body's corner; None if there is none."""
        if not look.chip:
            return None
        pin = _PIN if look.chip_kind == "pinned" else 0.0
        width = self._width("figures", self._ink.figures, look.chip) + 16.0 + pin
        return QRectF(PAD, look.shape.height - _CHIP_IN, min(width, look.shape.width - 2 * PAD), _CHIP)

    def clock(self, text: str, scale: float, dpr: float) -> QPixmap:
        """The chip with the time that a step has run, at that scale; kept, as all that run show few different ones."""
        found = self._chips.get((text, scale, dpr))
        if found is None:
            if len(self._chips) > _MOST_CHIPS:
                self._chips.clear()
            width = self._width("figures", self._ink.figures, text) + 16.0
            found = QPixmap(math.ceil((width + 2.0) * scale * dpr), math.ceil((_CHIP + 2.0) * scale * dpr))
            found.setDevicePixelRatio(dpr)
            found.fill(Qt.GlobalColor.transparent)
            painter = QPainter(found)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.scale(scale, scale)
            chip = QRectF(1.0, 1.0, width, _CHIP)
            painter.setPen(QPen(self._ink.state["running"], 1.0))
            painter.setBrush(self._ink.theme.color("surface.menu"))
            painter.drawRoundedRect(chip, _CHIP / 2, _CHIP / 2)
            painter.setFont(self._ink.figures)
            painter.setPen(self._ink.state["running"])
            painter.drawText(chip, Qt.AlignmentFlag.AlignCenter, text)
            painter.end()
            self._chips[text, scale, dpr] = found
        return found

    def _body(self, painter: QPainter, look: Look) -> None:
        ink, shape = self._ink, look.shape
        rect = QRectF(0.5, 0.5, shape.width - 1.0, shape.height - 1.0)
        pen = QPen(ink.border)
        if look.state in ("failed", "waiting"):
            pen = QPen(ink.state[look.state], 2.0)
            rect = QRectF(1, 1, shape.width - 2.0, shape.height - 2.0)
        elif look.state == "running":
            pen = QPen(ink.mixed(ink.state["running"], 0.45, ink.body.color()), 2.0)
            rect = QRectF(1, 1, shape.width - 2.0, shape.height - 2.0)
        elif look.state == "done":
            pen = QPen(ink.mixed(ink.state["done"], 0.45, ink.body.color()), 1.0)
        if look.state == "skipped" or shape.form == "unknown":
            pen.setDashPattern([4.0, 3.0])
            pen.setColor(ink.muted)
        body, stripe = self._paths(shape.width, shape.height)
        painter.fillPath(body, ink.body)
        if look.disabled:
            painter.fillPath(body, QBrush(ink.mixed(ink.muted, 0.35, ink.body.color()), Qt.BrushStyle.BDiagPattern))
        painter.fillPath(stripe, ink.kind[look.kind])
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(rect, ink.radius, ink.radius)

    def _paths(self, width: float, height: float) -> tuple[QPainterPath, QPainterPath]:
        """A body of that size, and the coloured stripe at its left."""
        found = self._bodies.get((width, height))
        if found is None:
            ink, body, strip = self._ink, QPainterPath(), QPainterPath()
            body.addRoundedRect(QRectF(0.5, 0.5, width - 1.0, height - 1.0), ink.radius, ink.radius)
            strip.addRect(QRectF(0, 0, ink.stripe + 0.5, height))
            found = self._bodies[width, height] = (body, body.intersected(strip))
        return found

    def _header(self, painter: QPainter, look: Look, density: float, width: float | None = None) -> None:
        ink = self._ink
        width = look.shape.width if width is None else width
        colour = ink.kind[look.kind]
        tile = QRectF(PAD, (HEADER - 24.0) / 2, 24.0, 24.0)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ink.mixed(colour, 0.16, ink.body.color()))
        painter.drawRoundedRect(tile, 6.0, 6.0)
        self._icon(painter, look.icon, colour, tile.center(), density)
        right = width - PAD
        glyph, state = GLYPHS.get(look.state), look.state
        if look.fault is not None and state in _GIVING_WAY:
            glyph, state = FAULT, "failed" if look.fault == "error" else "waiting"
        if glyph:
            self._icon(painter, glyph, ink.state[state], QPointF(right - _ICON / 2, HEADER / 2), density)
        if glyph or look.state == "running":
            right -= _ICON + 8.0
        painter.setFont(ink.title)
        painter.setPen(ink.text)
        left = tile.right() + 8.0
        painter.drawText(
            QRectF(left, 0, right - left, HEADER), _LEFT, self._elided("title", ink.title, look.title, right - left)
        )

    def _lines(self, painter: QPainter, look: Look) -> None:
        ink, shape = self._ink, look.shape
        top = HEADER
        room = shape.width - 2 * PAD
        if look.summary:
            failed = look.state == "failed" and not shape.previews
            painter.setFont(ink.small)
            painter.setPen(ink.state["failed"] if failed else ink.second)
            text = self._elided("small", ink.small, look.summary, room)
            painter.drawText(QRectF(PAD, top - 2.0, room, ROW - 2.0), _LEFT, text)
        if shape.summary:
            top += ROW
        if look.lines:
            painter.setFont(ink.mono)
            painter.setPen(ink.theme.color(_LINE_COLOURS[look.line_kind]))
            for index, line in enumerate(look.lines):
                area = QRectF(PAD, top - 2.0 + index * LINE, room, LINE)
                painter.drawText(area, _LEFT, self._elided("mono", ink.mono, line, room))
        painter.setFont(ink.caption)
        for port in shape.ports:
            if port.label:
                painter.setPen(ink.state["failed"] if port.name == "error" else ink.second)
                area = QRectF(PAD, port.y - ROW / 2, shape.width - 2 * PAD - 4.0, ROW)
                painter.drawText(area, _RIGHT, self._elided("caption", ink.caption, port.label, room))

    def _bars(self, painter: QPainter, look: Look) -> None:
        """What stands for texts that are too small to read."""
        ink, shape = self._ink, look.shape
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ink.mixed(ink.kind[look.kind], 0.55, ink.body.color()))
        painter.drawRoundedRect(QRectF(PAD, 7.0, 22.0, 22.0), 6.0, 6.0)
        painter.setBrush(ink.mixed(ink.text, 0.5, ink.body.color()))
        painter.drawRoundedRect(QRectF(44.0, 13.0, 32.0 + 26.0 * len(look.title), 10.0), 3.0, 3.0)
        if look.state != "idle":
            painter.setBrush(ink.state[look.state])
            painter.drawEllipse(QPointF(shape.width - PAD - 8.0, HEADER / 2), 8.0, 8.0)
        painter.setBrush(ink.mixed(ink.muted, 0.3, ink.body.color()))
        top = HEADER
        if look.summary:
            painter.drawRoundedRect(QRectF(PAD, top + 5.0, shape.width * 0.5, 8.0), 3.0, 3.0)
        if shape.summary:
            top += ROW
        for index in range(shape.previews):
            share = (0.82, 0.74, 0.46)[index % 3]
            painter.drawRoundedRect(QRectF(PAD, top + 3.0 + index * LINE, shape.width * share, 7.0), 3.0, 3.0)

    def _note(self, painter: QPainter, look: Look) -> None:
        ink, shape = self._ink, look.shape
        paper = ink.note(look.tint)
        rect = QRectF(0.5, 0.5, shape.width - 1.0, shape.height - 1.0)
        painter.setPen(QPen(ink.mixed(ink.muted, 0.3, paper), 1.0))
        painter.setBrush(paper)
        painter.drawRoundedRect(rect, 6.0, 6.0)
        if look.bare:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(ink.mixed(ink.muted, 0.5, paper))
            for index, share in enumerate((0.6, 0.75, 0.4)):
                painter.drawRoundedRect(QRectF(PAD, PAD + index * 18.0, shape.width * share, 7.0), 3.0, 3.0)
            return
        painter.save()
        painter.setClipRect(rect.adjusted(0, 0, 0, -6.0), Qt.ClipOperation.IntersectClip)
        painter.translate(PAD, _NOTE_TOP)
        paint_note(painter, "".join(look.lines), shape.width - 2 * PAD, ink, paper)
        painter.restore()

    def _port(self, painter: QPainter, port: PortSpot, look: Look) -> None:
        x = look.shape.width if port.side == "out" else port.x
        connected = (port.side, port.name) in look.connected or look.bare
        _port_shape(painter, port, x, port.y, PORT_RADIUS, self._ink, connected=connected)

    def _icon(self, painter: QPainter, name: str, colour: QColor, middle: QPointF, density: float) -> None:
        side = max(8, math.ceil(_ICON * density / 2) * 2)
        pixmap = self._icons.pixmap(name, colour, side, 1.0)
        target = QRectF(middle.x() - _ICON / 2, middle.y() - _ICON / 2, _ICON, _ICON)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawPixmap(target, pixmap, QRectF(pixmap.rect()))

    def _measure(self, role: str, font: QFont) -> QFontMetricsF:
        found = self._metrics.get(role)
        if found is None:
            found = self._metrics[role] = QFontMetricsF(font)
        return found

    def _width(self, role: str, font: QFont, text: str) -> float:
        return self._measure(role, font).horizontalAdvance(text)

    def _elided(self, role: str, font: QFont, text: str, room: float) -> str:
        return self._measure(role, font).elidedText(text, Qt.TextElideMode.ElideRight, room)


_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


def _port_shape(
    painter: QPainter, port: PortSpot, x: float, y: float, radius: float, ink: Ink, *, connected: bool
) -> None:
    """Shape: a circle takes or gives one value, a diamond decides the way. Filled: it has a wire."""
    colour = ink.state["failed"] if port.name == "error" and port.side == "out" else ink.port[port.kind]
    painter.setPen(QPen(colour, 2.0))
    painter.setBrush(QBrush(colour) if connected else ink.input)
    reach = radius - 1.0
    if port.kind == "flow":
        reach = radius
        points = [QPointF(x, y - reach), QPointF(x + reach, y), QPointF(x, y + reach), QPointF(x - reach, y)]
        painter.drawPolygon(QPolygonF(points))
    else:
        painter.drawEllipse(QPointF(x, y), reach, reach)
