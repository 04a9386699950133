"""What lies under wires and steps: the dots, the groups, the frames of loops."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPainterPath, QPen, QPixmap

from desktop.canvas.detail import Detail
from desktop.canvas.diagram import GroupFrame
from desktop.canvas.faces import Faces
from desktop.canvas.geometry import DOTS, GROUP_PAD, GROUP_TITLE, HEADER, NodeBox
from desktop.canvas.ink import Ink
from desktop.canvas.look import Look
from desktop.canvas.viewport import Viewport

_LEAST_GAP = 14.0
"""Dots nearer than this (window pixels) are thinned out."""

_DOT = 2.0
"""Half the height of a row of dots."""

_FRAME_RADIUS = 12.0
_TITLE = 20.0


def paint_dots(
    painter: QPainter, parts: Sequence[QRect], viewport: Viewport, colour: QColor, dpr: float
) -> None:  # fmt: skip
    """The background's dots in parts of the window; the painter is in window pixels and not clipped.

    Where dots are whole device pixels apart, as at 100 %, one of them is laid like a tile. Otherwise a row of dots is
    painted once, and set down piece by piece: a clip of many parts would make that many times slower.
    """
    step = DOTS
    while step * viewport.scale < _LEAST_GAP:
        step *= 2
    gap = step * viewport.scale
    if (gap * dpr).is_integer():
        tile = _tile(gap, colour, dpr)
        x = _device(-viewport.x * viewport.scale, dpr) - gap / 2
        y = _device(-viewport.y * viewport.scale, dpr) - gap / 2
        for part in parts:
            painter.drawTiledPixmap(QRectF(part), tile, QPointF((part.left() - x) % gap, (part.top() - y) % gap))
    else:
        _paint_rows(painter, parts, viewport, step, colour, dpr)


def _tile(gap: float, colour: QColor, dpr: float) -> QPixmap:
    tile = QPixmap(round(gap * dpr), round(gap * dpr))
    tile.fill(Qt.GlobalColor.transparent)
    tile.setDevicePixelRatio(dpr)
    painter = QPainter(tile)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawEllipse(QPointF(gap / 2, gap / 2), 1.0, 1.0)
    painter.end()
    return tile


def _paint_rows(
    painter: QPainter, parts: Sequence[QRect], viewport: Viewport, step: float, colour: QColor, dpr: float
) -> None:  # fmt: skip
    whole = QRect()
    for part in parts:
        whole = whole.united(part)
    gap = step * viewport.scale
    row = _row_of_dots(whole, viewport, step, colour, dpr)
    for part in parts:
        first = math.floor((viewport.y * viewport.scale + part.top() - _DOT) / gap)
        last = math.ceil((viewport.y * viewport.scale + part.bottom() + _DOT) / gap)
        left, width, above, below = part.left(), part.width(), part.top(), part.top() + part.height()
        for number in range(first, last + 1):
            y = _device((number * step - viewport.y) * viewport.scale, dpr) - _DOT
            top, bottom = max(y, above), min(y + 2 * _DOT, below)
            if top < bottom:
                source = QRectF((left - whole.left()) * dpr, (top - y) * dpr, width * dpr, (bottom - top) * dpr)
                painter.drawPixmap(QRectF(left, top, width, bottom - top), row, source)


def _row_of_dots(whole: QRect, viewport: Viewport, step: float, colour: QColor, dpr: float) -> QPixmap:
    row = QPixmap(math.ceil(whole.width() * dpr), math.ceil(2 * _DOT * dpr))
    row.fill(Qt.GlobalColor.transparent)
    row.setDevicePixelRatio(dpr)
    painter = QPainter(row)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    first = math.floor((viewport.x + whole.left() / viewport.scale) / step)
    last = math.ceil((viewport.x + (whole.right() + 1) / viewport.scale) / step)
    for number in range(first, last + 1):
        x = _device((number * step - viewport.x) * viewport.scale, dpr) - whole.left()
        painter.drawEllipse(QPointF(x, _DOT), 1.0, 1.0)
    painter.end()
    return row


FAR_TITLES = 0.45
"""Below this scale titles of groups are larger than the room above the steps, so they lie on top of everything."""

_WHOLE_TITLES = 0.6
"""From this scale on there is room above the steps for titles of full size; until FAR_TITLES they shrink to fit."""


def paint_group(painter: QPainter, frame: GroupFrame, ink: Ink, scale: float) -> None:
    """A group's frame, with its title unless that lies on top."""
    rect = QRectF(frame.rect.left, frame.rect.top, frame.rect.width, frame.rect.height)
    colour = ink.group(frame.group.colour)
    painter.setBrush(ink.mixed(colour, 0.07))
    pen = QPen(ink.mixed(colour, 0.55), 1.0 / min(scale, 1.0))
    pen.setDashPattern([5.0, 4.0])
    painter.setPen(pen)
    painter.drawRoundedRect(rect, _FRAME_RADIUS, _FRAME_RADIUS)
    if scale >= FAR_TITLES:
        paint_group_title(painter, frame, ink, scale)


def paint_group_title(painter: QPainter, frame: GroupFrame, ink: Ink, scale: float) -> None:
    """A group's title. It keeps its size on the screen, so that it can be read from afar, as long as it hides no step
    that can be read too; it never leaves its frame."""
    rect = QRectF(frame.rect.left, frame.rect.top, frame.rect.width, frame.rect.height)
    colour = ink.group(frame.group.colour)
    shrink = 1.0 / min(1.0, max(scale, _WHOLE_TITLES) if scale >= FAR_TITLES else scale)
    metrics = QFontMetricsF(ink.heading)
    room = rect.width() / shrink - 24.0
    if frame.group.title and room > 30.0:
        painter.save()
        painter.translate(rect.topLeft())
        painter.scale(shrink, shrink)
        painter.setFont(ink.heading)
        title = metrics.elidedText(frame.group.title, Qt.TextElideMode.ElideRight, room)
        if scale < FAR_TITLES:
            back = QRectF(6.0, 0.0, metrics.horizontalAdvance(title) + 12.0, _TITLE + 4.0)
            back = back.intersected(QRectF(0.0, 0.0, rect.width() / shrink, rect.height() / shrink))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(ink.mixed(colour, 0.14))
            painter.drawRoundedRect(back, ink.chip_radius, ink.chip_radius)
        painter.setPen(ink.mixed(colour, 0.85))
        top = min(10.0, max(2.0, ((GROUP_PAD + GROUP_TITLE) / shrink - _TITLE) / 2))
        painter.drawText(QRectF(12.0, top, room, _TITLE), Qt.AlignmentFlag.AlignVCenter, title)
        painter.restore()


def paint_frame(
    painter: QPainter, box: NodeBox, look: Look, ink: Ink, faces: Faces, detail: Detail, density: tuple[float, float]
) -> None:
    """A loop's frame with its header; the painter is in canvas pixels. density: scale and device pixels."""
    scale, dpr = density
    rect = QRectF(box.x + 0.5, box.y + 0.5, box.width - 1.0, box.height - 1.0)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, detail != "far")
    lit = look.state in ("failed", "waiting")
    if detail == "far":
        painter.setPen(QPen(ink.far(look.kind, look.state), 1.0 / scale))
        painter.setBrush(ink.frame)
        painter.drawRect(rect)
        return
    body = QPainterPath()
    body.addRoundedRect(rect, _FRAME_RADIUS, _FRAME_RADIUS)
    painter.fillPath(body, ink.frame)
    painter.save()
    painter.setClipPath(body, Qt.ClipOperation.IntersectClip)
    painter.fillRect(QRectF(box.x, box.y, box.width, HEADER), ink.body)
    painter.fillRect(QRectF(box.x, box.y, ink.stripe + 0.5, box.height), ink.kind[look.kind])
    painter.restore()
    pen = QPen(ink.state[look.state], 2.0) if lit else QPen(ink.border)
    if look.state == "running":
        pen = QPen(ink.mixed(ink.state["running"], 0.45), 2.0)
    painter.setPen(ink.border)
    painter.drawLine(QPointF(box.x + 1, box.y + HEADER), QPointF(rect.right(), box.y + HEADER))
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPath(body)
    painter.save()
    painter.translate(box.x, box.y)
    if detail == "near":
        faces.header(painter, look, box.width, scale, dpr)
    for port in box.shape.ports:
        x = box.width if port.side == "out" else port.x
        faces.port(painter, port, x, port.y, connected=(port.side, port.name) in look.connected)
    painter.restore()


def _device(value: float, dpr: float) -> float:
    """A place on a whole device pixel."""
    return round(value * dpr) / dpr
