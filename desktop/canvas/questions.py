"""What the canvas asks a person by a list with a search field: which step to add, where to lead to, where to go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint

from core.workflow import edits
from core.workflow.model import Wire
from desktop.canvas.chooser import WIDE, WIDTH, Choice, Chooser, Search
from desktop.canvas.finder import Finder
from desktop.canvas.geometry import Rect
from desktop.canvas.layers import COLUMN_GAP, Place
from desktop.canvas.quick_add import step_choices, type_choices
from desktop.canvas.stale import window_rect

if TYPE_CHECKING:
    from desktop.canvas.view import CanvasView

_TOP_LEVEL = ""
_BELOW = 32
"""Window pixels between the list and what was found."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a step goes. place: the canvas point of its input port. after: the source and port that lead to it. on: the
    wire that it goes into.
    """

    place: Place
    after: tuple[str, str] | None = None
    on: Wire | None = None


class Questions:
    """Opens lists on one canvas; what is chosen there is done."""

    def __init__(self, canvas: CanvasView) -> None:
        self._canvas = canvas

    def ask_for_step(
        self, at: QPoint, *, after: tuple[str, str] | None = None, on: Wire | None = None, place: Place | None = None
    ) -> Chooser:
        """Open the list of step types at a place in the window and add the one that is chosen.

        place: the canvas point for its input port, if that is not where the list opens.
        """
        canvas = self._canvas
        point = place or canvas.canvas_point(at)
        into = None if after or on else self.loop_at(point)

        def chosen(type_name: str) -> None:
            canvas.commands.add(type_name, point, after=after, on=on, into=into)

        choices = type_choices(canvas.types, wired=bool(after or on))
        chooser = self._ask(choices, "Add a step", "No step type is called so.", at, chosen)
        if after is not None:
            self._hold_wire((*after, *point))
            chooser.closed.connect(lambda: self._hold_wire(None))
        return chooser

    def _hold_wire(self, wire: tuple[str, str, float, float] | None) -> None:
        """Show the wire that the new step will hang on, as long as the list is open."""
        self._canvas.marks.loose = wire
        self._canvas.repaint_all()

    def ask_next(self) -> Chooser:
        """Open the list of step types: for what comes after the selected step or goes into the selected wire, or where
        the pointer is, or in the middle of the view."""
        canvas, spot = self._canvas, self.next_spot()
        if spot is None:
            return self.ask_for_step(canvas.interactions.pointer or canvas.viewport().rect().center() - QPoint(160, 80))
        return self.ask_for_step(self._in_window(*spot.place), after=spot.after, on=spot.on, place=spot.place)

    def next_spot(self) -> Spot | None:
        """Where the next step belongs: after the selected step, or into the selected wire; None for no matter where."""
        canvas = self._canvas
        if len(canvas.selected) == 1:
            step = next(iter(canvas.selected))
            port = self._open_port(step)
            return Spot(self.place_after(step, port), after=(step, port)) if port else None
        if len(canvas.marks.wires) == 1 and not canvas.selected:
            path = canvas.diagram.wires[next(iter(canvas.marks.wires))]
            return Spot(((path.x1 + path.x2) / 2, (path.y1 + path.y2) / 2), on=path.wire)
        return None

    def ask_target(self) -> Chooser | None:
        """Name a step that the selected one shall lead to; first the port, if there are several."""
        canvas = self._canvas
        if len(canvas.selected) != 1 or canvas.document.read_only:
            return None
        source = next(iter(canvas.selected))
        exits = canvas.diagram.boxes[source].shape.exits()
        if not exits:
            canvas.said.emit("Nothing goes on from this step, so it leads nowhere.")
            return None
        if len(exits) == 1:
            return self._ask_target_of(source, exits[0].name)
        wires = [wire for wire in canvas.diagram.wires_of(source) if wire.source == source]

        def leads(port: str) -> str:
            names = [canvas.diagram.title(wire.target) for wire in wires if wire.port == port]
            return f"leads to {', '.join(names)}" if names else "open"

        ports = [Choice(port.name, port.name, leads(port.name), "circle-dot") for port in exits]
        ports.sort(key=lambda choice: choice.detail != "open")
        return self._ask(
            ports, "From which port?", "No port is called so.", self._beside(source),
            lambda port: self._ask_target_of(source, port),
        )  # fmt: skip

    def ask_cut(self) -> Chooser | None:
        """Name a wire of the selected step that shall be cut."""
        canvas = self._canvas

        def cut(wire: Wire) -> None:
            canvas.apply("Cut a wire", lambda workflow: edits.disconnect(workflow, [wire]))

        return None if canvas.document.read_only else self._ask_wire("Cut which wire?", cut)

    def ask_wire(self) -> Chooser | None:
        """Name a wire of the selected step to select it: Tab then puts a step into it, Delete cuts it."""
        return self._ask_wire("Select which wire?", lambda wire: self._canvas.select((), [wire]))

    def _ask_wire(self, prompt: str, chosen: Callable[[Wire], object]) -> Chooser | None:
        canvas = self._canvas
        if len(canvas.selected) != 1:
            return None
        step = next(iter(canvas.selected))
        wires = {repr(wire): wire for wire in sorted(canvas.diagram.wires_of(step), key=repr)}
        if not wires:
            canvas.said.emit("No wire begins or ends at this step.")
            return None
        names = {one: canvas.diagram.title(one) for wire in wires.values() for one in (wire.source, wire.target)}
        choices = [
            Choice(
                key,
                f"To {names[wire.target]}" if wire.source == step else f"From {names[wire.source]}",
                f"port “{wire.port}”",
                "spline",
            )
            for key, wire in wires.items()
        ]
        place = self._beside(step)
        return self._ask(choices, prompt, "No wire leads there.", place, lambda key: chosen(wires[key]))

    def find(self) -> Chooser:
        """Go to a step that is called so, or holds a text in its settings or last values."""
        canvas = self._canvas
        at = QPoint(canvas.viewport().width() // 2 - WIDE // 2, 48)
        finder = Finder(canvas.diagram, canvas.overlay)
        prompt = "Find by title, id, setting or last value"
        chooser = self._ask(finder, prompt, "Nothing holds that text.", at, canvas.focus_on, width=WIDE)
        chooser.pointed.connect(lambda step: self._show_found(step, chooser))
        return chooser

    def _show_found(self, step: str, chooser: Chooser) -> None:
        """Select a step that was found, and bring it out from under the list."""
        canvas = self._canvas
        canvas.focus_on(step)
        box = canvas.diagram.boxes.get(canvas.diagram.shown_for(step))
        if box is not None:
            place = window_rect(box.rect, canvas.camera)
            if place.intersects(chooser.geometry()):
                canvas.pan(0, place.top() - chooser.geometry().bottom() - _BELOW)

    def loop_at(self, point: Place) -> str:
        """The innermost loop at a canvas point, '' for none."""
        frames = [b for b in self._canvas.diagram.in_area(Rect(*point, *point)) if b.is_frame]
        return frames[-1].id if frames else _TOP_LEVEL

    def _ask_target_of(self, source: str, port: str) -> Chooser:
        canvas, types = self._canvas, self._canvas.types
        refused = edits.refusals(canvas.document.workflow, types, source, port)

        def connect(target: str) -> None:
            canvas.apply("Draw a wire", lambda workflow: edits.connect(workflow, source, port, target, types=types))

        choices = step_choices(canvas.diagram, fits=lambda step: not refused.get(step))
        several = len(canvas.diagram.boxes[source].shape.exits()) > 1
        title = f"Connect “{port}” to" if several else "Connect to"
        return self._ask(choices, title, "No step fits.", self._beside(source), connect)

    def place_after(self, step: str, port: str) -> Place:
        """The canvas point for the input port of what comes after a port of a step."""
        box = self._canvas.diagram.boxes[step]
        spot = box.shape.exit(port)
        return box.rect.right + COLUMN_GAP, box.y + (spot.y if spot is not None else 0.0)

    def _open_port(self, step: str) -> str:
        """The first port that leads nowhere, or else the first; '' if there is none."""
        exits = self._canvas.diagram.boxes[step].shape.exits()
        wired = {wire.port for wire in self._canvas.diagram.wires_of(step) if wire.source == step}
        return next((p.name for p in exits if p.name not in wired), exits[0].name if exits else "")

    def _beside(self, step: str) -> QPoint:
        box = self._canvas.diagram.boxes[step]
        return self._in_window(box.rect.right + 16.0, box.y)

    def _in_window(self, x: float, y: float) -> QPoint:
        left, top = self._canvas.camera.to_window(x, y)
        return QPoint(round(left), round(top))

    def _ask(
        self,
        choices: Sequence[Choice] | Search,
        prompt: str,
        nothing: str,
        at: QPoint,
        chosen: Callable[[str], object],
        *,
        width: int = WIDTH,
    ) -> Chooser:
        canvas = self._canvas
        for other in canvas.viewport().findChildren(Chooser):
            other.dismiss()
        chooser = Chooser(
            choices, prompt=prompt, nothing=nothing, theme=canvas.theme, icons=canvas.icons, parent=canvas.viewport(),
            width=width,
        )  # fmt: skip
        chooser.closed.connect(canvas.setFocus)
        chooser.chosen.connect(chosen)
        chooser.open_at(at)
        return chooser
