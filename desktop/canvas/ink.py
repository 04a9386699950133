"""Pens, brushes and fonts of the canvas, made once for a theme: making them while painting costs more than painting."""

from __future__ import annotations

from typing import get_args

from PySide6.QtCore import Qt
from PySide6.QtGui import QBrush, QColor, QFont, QPen

from core.engine.step_type import Category
from desktop.canvas.geometry import PortKind
from desktop.overlay import StepState
from desktop.theme import GROUP_TINTS, NOTE_TINTS, Theme

WIRE_WIDTH, FLOW_WIDTH = 2.0, 2.5
"""Widths of wires that carry data, and of wires from a decision."""


class Ink:
    """What the canvas paints with. Colours are opaque where they can be: blending takes longer."""

    def __init__(self, theme: Theme) -> None:
        self.theme = theme
        self.back = theme.color("canvas.bg")
        self.dot = theme.color("canvas.dot")
        self.body = QBrush(theme.color("surface.node"))
        self.input = QBrush(theme.color("surface.input"))
        self.frame = QBrush(theme.color("canvas.group"))
        self.border = QPen(theme.color("border.subtle"), 1.0)
        self.hover = QPen(theme.color("border.control"), 1.0)
        self.text = theme.color("text.primary")
        self.second = theme.color("text.secondary")
        self.muted = theme.color("text.muted")
        self.accent = theme.color("accent")
        self.focus = theme.color("focus")
        self.state: dict[StepState, QColor] = {s: theme.color(f"state.{s}") for s in get_args(StepState)}
        self.kind: dict[str, QColor] = {k: theme.color(f"kind.{k}") for k in get_args(Category)}
        self.kind[""] = self.muted
        self.port: dict[PortKind, QColor] = {
            kind: theme.color("text.secondary" if kind == "flow" else f"type.{kind}") for kind in get_args(PortKind)
        }
        self.wire: dict[PortKind, QPen] = {kind: self._wire(kind, 0.7) for kind in self.port}
        self.live_wire: dict[PortKind, QPen] = {kind: self._wire(kind, 1.0) for kind in self.port}
        self.dead_wire: dict[PortKind, QPen] = {kind: self._wire(kind, 0.3) for kind in self.port}
        self.far_wire = QPen(self.mixed(theme.color("wire"), 0.55), 1.0)
        self.far_wire.setCosmetic(True)
        self.chosen_wire = _line(theme.color("wire.selected"), 3.0)
        self.hover_wire = _line(theme.color("wire.hover"), FLOW_WIDTH)
        self.broken_wire = _line(theme.color("wire.invalid"), WIRE_WIDTH)
        self.broken_wire.setDashPattern([3.0, 3.0])
        self.title = theme.font("body.strong")
        self.small = QFont(theme.font("body"))
        self.small.setPixelSize(12)
        self.mono = theme.font("mono")
        self.caption = theme.font("caption")
        self.figures = theme.font("caption", tabular=True)
        self.heading = theme.font("title")
        self.radius = float(theme.px("radius.node"))
        self.chip_radius = float(theme.px("radius.chip"))
        self.stripe = float(theme.px("node.stripe"))

    def mixed(self, colour: QColor, share: float, ground: QColor | None = None) -> QColor:
        """A colour laid over a ground with that opacity, opaque again."""
        under = ground or self.back
        return QColor(
            round(colour.red() * share + under.red() * (1 - share)),
            round(colour.green() * share + under.green() * (1 - share)),
            round(colour.blue() * share + under.blue() * (1 - share)),
        )

    def far(self, kind: str, state: StepState) -> QColor:
        """The colour of a step that is only a rectangle: its state, or else its kind, darker."""
        if state in ("idle", "skipped", "cancelled"):
            return self.mixed(self.kind.get(kind, self.muted), 0.5 if state == "idle" else 0.25)
        return self.state[state]

    def note(self, tint: str) -> QColor:
        """The paper of a note."""
        colour = self.theme.color(NOTE_TINTS[tint]) if tint in NOTE_TINTS else self.muted
        return self.mixed(colour, 0.2 if self.theme.is_dark else 0.16, self.theme.color("surface.node"))

    def group(self, colour: str) -> QColor:
        """The line and title of a group."""
        return self.theme.color(GROUP_TINTS[colour]) if colour in GROUP_TINTS else self.muted

    def _wire(self, kind: PortKind, share: float) -> QPen:
        colour = self.theme.color("wire") if kind == "flow" else self.port[kind]
        return _line(self.mixed(colour, min(1.0, share + 0.2) if kind == "flow" else share), _width(kind))


def _width(kind: PortKind) -> float:
    return FLOW_WIDTH if kind == "flow" else WIRE_WIDTH


def _line(colour: QColor, width: float) -> QPen:
    """Ends are flat: ports cover them, and round ones take half as long again to paint."""
    return QPen(colour, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap)
