"""What is under the pointer."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from core.workflow.model import Wire
from desktop.canvas.diagram import Diagram
from desktop.canvas.geometry import GROUP_TITLE, HEADER, PLUS, NodeBox, PortSpot, Rect
from desktop.canvas.routing import curve, distance

PORT_REACH = 7.0
"""How near to a port's middle counts as on it, in window pixels."""

WIRE_REACH = 6.0
SNAP_REACH = 24.0
"""How near a dragged wire has to be to a port to take it, in window pixels."""

LEAST_DETAIL = 0.22
"""Below this scale ports and wires are too small to be meant."""

CORNER_REACH = 14.0
"""How near to its lower right corner a note or a loop is taken by it, in window pixels."""

Part: TypeAlias = Literal["void", "step", "port", "wire", "frame", "group", "corner"]
"""`corner` is where a note or a loop is made larger. `frame` is the inside of a loop: a void that belongs to it.
`group` is the title of a group."""


@dataclass(frozen=True, slots=True)
class Hit:
    """What a point is on. step: its id, or the loop's; port, wire, group: set for those parts."""

    part: Part = "void"
    step: str = ""
    port: PortSpot | None = None
    wire: Wire | None = None
    group: str = ""


NOTHING_HIT = Hit()


def hit(diagram: Diagram, x: float, y: float, scale: float) -> Hit:
    """What is topmost at a canvas point. scale: 1.0 = 100 %."""
    reach = max(PORT_REACH, PORT_REACH / scale)
    near = diagram.in_area(Rect(x, y, x, y).grown(reach))
    near.reverse()
    if scale >= LEAST_DETAIL:
        port = port_at(near, x, y, reach) or _plus_at(diagram, x, y)
        if port is not None:
            return Hit("port", port[0].id, port[1])
    for box in near:
        if box.rect.contains(x, y) and (not box.is_frame or y <= box.y + HEADER):
            return Hit("corner" if _is_corner(box, x, y, scale) else "step", box.id)
    if scale >= LEAST_DETAIL:
        wire = wire_at(diagram, x, y, WIRE_REACH / scale)
        if wire is not None:
            return Hit("wire", wire=wire)
    for group in reversed(diagram.groups):
        left, top, right, _ = group.rect
        if Rect(left, top, right, top + GROUP_TITLE / min(scale, 1.0)).contains(x, y):
            return Hit("group", group=group.id)
    frame = next((box for box in near if box.is_frame and box.rect.contains(x, y)), None)
    if frame is None:
        return NOTHING_HIT
    return Hit("corner" if _is_corner(frame, x, y, scale) else "frame", frame.id)


def _is_corner(box: NodeBox, x: float, y: float, scale: float) -> bool:
    """Whether a point in a box takes its corner: those of notes and loops can be moved."""
    reach = min(CORNER_REACH / scale, box.height / 3)
    sizable = box.is_frame or box.shape.form == "note"
    return sizable and scale >= LEAST_DETAIL and box.rect.right - x <= reach and box.rect.bottom - y <= reach


def port_at(boxes: Iterable[NodeBox], x: float, y: float, reach: float) -> tuple[NodeBox, PortSpot] | None:
    """The port nearest to a point within reach (canvas pixels)."""
    best: tuple[float, NodeBox, PortSpot] | None = None
    for box in boxes:
        for port in box.shape.ports:
            px, py = box.spot(port)
            away = math.hypot(px - x, py - y)
            if away <= reach and (best is None or away < best[0]):
                best = (away, box, port)
    return (best[1], best[2]) if best else None


def _plus_at(diagram: Diagram, x: float, y: float) -> tuple[NodeBox, PortSpot] | None:
    """The open output port whose plus is at a point."""
    for box in diagram.in_area(Rect(x - PLUS - PORT_REACH, y, x, y)):
        for port in box.shape.exits():
            px, py = box.spot(port)
            if math.hypot(px + PLUS - x, py - y) <= PORT_REACH and ("out", port.name) not in diagram.connected(box.id):
                return box, port
    return None


def entry_at(diagram: Diagram, x: float, y: float, scale: float) -> NodeBox | None:
    """The step that a wire dropped at a point leads to: under it, or with its input within the snapping distance."""
    reach = SNAP_REACH / scale
    near = diagram.in_area(Rect(x, y, x, y).grown(reach))
    near.reverse()
    best: tuple[float, NodeBox] | None = None
    for box in near:
        entry = box.shape.entry()
        if entry is None:
            continue
        px, py = box.spot(entry)
        away = math.hypot(px - x, py - y)
        if away <= reach and (best is None or away < best[0]):
            best = (away, box)
    if best is not None:
        return best[1]
    for box in near:
        if box.shape.entry() is not None and box.rect.contains(x, y) and (not box.is_frame or y <= box.y + HEADER):
            return box
    return None


def wire_at(diagram: Diagram, x: float, y: float, reach: float) -> Wire | None:
    """The wire nearest to a point within reach (canvas pixels)."""
    best: tuple[float, Wire] | None = None
    for wire in diagram.paths.within(Rect(x, y, x, y).grown(reach)):
        path = diagram.wires[wire]
        away = distance(curve(path.x1, path.y1, path.x2, path.y2), x, y)
        if away <= reach and (best is None or (away, wire.source) < (best[0], best[1].source)):
            best = (away, wire)
    return best[1] if best else None


def frame_at(diagram: Diagram, area: Rect, moving: frozenset[str] = frozenset()) -> str | None:
    """The innermost loop whose frame has the middle of an area inside. moving: steps that do not count."""
    x, y = area.center
    frames = [b for b in diagram.in_area(Rect(x, y, x, y)) if b.is_frame and b.id not in moving]
    return frames[-1].id if frames else None
