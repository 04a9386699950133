"""What a person can do on the canvas by menu or key: each method is one intent, and at most one entry of undo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from PySide6.QtGui import QGuiApplication

from core.workflow import edits
from core.workflow.editing.copies import NUDGE
from core.workflow.model import Step, Wire, Workflow
from desktop.canvas import arrange, walking
from desktop.canvas.geometry import HEADER, WIDTH, NodeBox, Rect, around
from desktop.canvas.layers import Place
from desktop.canvas.note_editor import NoteEditor
from desktop.canvas.snapping import to_grid
from desktop.canvas.structure import Structure
from desktop.canvas.title_editor import TitleEditor

if TYPE_CHECKING:
    from desktop.canvas.view import CanvasView

_ROOM = 32.0


class CanvasActions(Structure):
    """Acts on the selection of one canvas. What cannot be done is said by the canvas's signal `said`."""

    def __init__(self, canvas: CanvasView) -> None:
        super().__init__(canvas)
        self.pointed: Place | None = None
        """Where a menu was opened: what is pasted from it goes there."""

    # -- steps -----------------------------------------------------------------------------------------------------

    def add(
        self,
        type_name: str,
        at: Place,
        *,
        after: tuple[str, str] | None = None,
        on: Wire | None = None,
        into: str | None = None,
    ) -> str | None:
        """Add a step with its input port at a canvas point; its id. after: source and port that lead to it.

        on: the wire that it goes into. into: the loop that it stands in, '' for none, None for where its source
        stands. None if it could not be added.
        """
        canvas, made = self._canvas, list[str]()
        place = self._free(*to_grid(at[0], at[1] - HEADER / 2))

        def edit(workflow: Workflow) -> Workflow:
            places = edits.move_steps(workflow, canvas.diagram.unlaid())
            changed, step = edits.add_step(
                places, type_name, at=place, after=after, on=on, into=into, types=canvas.types
            )
            made.append(step)
            return changed

        kind = canvas.types.get(type_name)
        if not canvas.apply(f"Add {kind.title if kind else type_name}", edit):
            return None
        # Where one points it stays where it is; what would be out of sight comes into view.
        canvas.focus_on(made[-1], reveal=not canvas.visible_area().encloses(canvas.diagram.boxes[made[-1]].rect))
        if canvas.diagram.boxes[made[-1]].shape.form == "note":
            self.edit_note(made[-1])
        return made[-1]

    def add_next(self, type_name: str) -> str | None:
        """Add a step after the selected one, or into the selected wire, or in the middle of the view; its id."""
        canvas, kind = self._canvas, self._canvas.types.get(type_name)
        spot = self.next_spot()
        if spot is not None and kind is not None and not kind.canvas_only:
            return self.add(type_name, spot.place, after=spot.after, on=spot.on)
        x, y = canvas.visible_area().center
        return self.add(type_name, (x - WIDTH / 2, y), into="")

    def delete(self, *, rejoin: bool = False) -> None:
        """Remove the selected steps and wires. rejoin: what led to a removed step leads on to what came after it."""
        steps, wires = self._canvas.selected, frozenset(self._canvas.marks.wires)
        if not steps and not wires:
            return

        def edit(workflow: Workflow) -> Workflow:
            return edits.remove_steps(edits.disconnect(workflow, wires), steps, rejoin=rejoin)

        self._canvas.apply(f"Delete {_counted(len(steps) or len(wires), 'step' if steps else 'wire')}", edit)

    def copy(self) -> None:
        """Put the selected steps on the clipboard, as text that pastes anywhere."""
        steps = self._canvas.selected
        if steps:
            QGuiApplication.clipboard().setText(
                edits.copy_steps(self._canvas.document.workflow, steps, types=self._canvas.types)
            )

    def cut(self) -> None:
        """Copy the selected steps and remove them."""
        if self._canvas.selected:
            self.copy()
            self.delete()

    def paste(self, at: Place | None = None) -> None:
        """Add the steps that the clipboard's text holds. at: the canvas point for their top left corner.

        Without one they go where a menu was opened, or beside where they stood if that is in view, or into its middle.
        """
        text, canvas, made = QGuiApplication.clipboard().text(), self._canvas, list[str]()
        point, self.pointed = at or self.pointed, None

        def edit(workflow: Workflow) -> Workflow:
            spot = point or self._in_view(edits.steps_of_text(text))
            into = self.loop_at(point) if point else ""
            changed, steps = edits.paste(
                workflow, text, at=to_grid(*spot) if spot else None, into=into, types=canvas.types
            )
            made[:] = steps
            return changed

        was_empty = not canvas.diagram.boxes
        if canvas.apply("Paste", edit):
            canvas.select(made)
            if was_empty:
                canvas.fit()

    def _in_view(self, source: Workflow) -> Place | None:
        """A corner for pasted steps that brings them into view; None if they are in view where they stood."""
        seen = self._canvas.visible_area()
        area = around(Rect(x, y, x + WIDTH, y + HEADER) for x, y, *_ in source.layout.values())
        if area is not None and seen.encloses(area.grown(NUDGE)):
            return None
        width, height = (area.width, area.height) if area else (WIDTH, HEADER)
        x, y = seen.center
        return max(x - width / 2, seen.left + NUDGE), max(y - height / 2, seen.top + NUDGE)

    def duplicate(self) -> None:
        """Add a copy of the selected steps beside them."""
        steps, canvas, made = self._canvas.selected, self._canvas, list[str]()

        def edit(workflow: Workflow) -> Workflow:
            changed, copies = edits.duplicate_steps(workflow, steps, types=canvas.types)
            made[:] = copies.values()
            return changed

        if steps and canvas.apply(f"Duplicate {_counted(len(steps), 'step')}", edit):
            canvas.select(made)

    def toggle_disabled(self) -> None:
        """Have runs pass the selected steps over, or no longer, if all of them are passed over already."""
        steps = self._canvas.selected
        disable = not all(self._canvas.diagram.steps[step].disabled for step in steps)
        label = f"{'Disable' if disable else 'Enable'} {_counted(len(steps), 'step')}"
        if steps:
            self._canvas.apply(label, lambda workflow: edits.set_disabled(workflow, steps, disable))

    def toggle_collapsed(self) -> None:
        """Show the selected steps by their header alone, or wholly again."""
        steps = self._canvas.selected
        fold = not steps <= self._canvas.document.workflow.collapsed
        if steps:
            self._canvas.apply(
                "Collapse" if fold else "Expand", lambda workflow: edits.set_collapsed(workflow, steps, fold)
            )

    def rename(self) -> None:
        """Edit the title of the selected step in place."""
        canvas = self._canvas
        if len(canvas.selected) != 1 or canvas.document.read_only:
            return
        step = next(iter(canvas.selected))
        before = canvas.diagram.title(step)

        def done(title: str) -> None:
            if title == before:  # else the name of its type would be written down as its title
                return
            canvas.apply("Rename", lambda workflow: edits.set_title(workflow, step, title))

        box = canvas.diagram.boxes[step]
        place = Rect(box.x + 34.0, box.y + 4.0, box.rect.right - 6.0, box.y + HEADER - 4.0)
        TitleEditor(canvas, before, place, done).open()

    def edit_note(self, note: str) -> None:
        """Edit the text of a note in place."""
        canvas = self._canvas
        box = canvas.diagram.boxes.get(note)
        if box is None or canvas.document.read_only:
            return

        def done(text: str) -> None:
            canvas.apply("Edit the note", lambda workflow: edits.set_config_field(workflow, note, ("text",), text))

        NoteEditor(canvas, str(canvas.diagram.steps[note].config.get("text") or ""), box, done).open()

    # -- places ----------------------------------------------------------------------------------------------------

    def nudge(self, dx: float, dy: float) -> None:
        """Move the selected steps by canvas pixels; a series of nudges is one entry of undo."""
        steps = self._canvas.selected
        if steps:
            self._place(
                "Nudge", {i: (b.x + dx, b.y + dy) for i, b in self._boxes().items()}, merge=f"nudge {sorted(steps)}"
            )

    def align(self, edge: arrange.Edge) -> None:
        """Bring the selected steps into one line."""
        self._place(f"Align {edge}", arrange.aligned(self._chosen(), edge))

    def distribute(self, axis: arrange.Axis) -> None:
        """Bring the selected steps to equal distances."""
        self._place(f"Distribute {axis}", arrange.distributed(self._chosen(), axis))

    def tidy(self) -> None:
        """Arrange the workflow so that it reads from left to right, or several selected steps of one level alone."""
        canvas, diagram, workflow = self._canvas, self._canvas.diagram, self._canvas.document.workflow
        if canvas.document.read_only:
            canvas.apply("Tidy up", lambda workflow: workflow)  # says why not
            return
        steps = self._selected_of_one_level()
        level = arrange.level_of(
            steps or workflow.steps, diagram.size_of, diagram.is_note,
            groups=workflow.groups.values(), ports=diagram.port_height, folded=workflow.collapsed,
        )  # fmt: skip
        chosen = frozenset(steps or ())
        canvas.arranger.arrange(level, lambda places: self._tidied(arrange.tidied(workflow, level, places), chosen))

    def _tidied(self, places: Mapping[str, Place], chosen: frozenset[str]) -> None:
        """Move the steps that are still there to their new places, before the person's eyes."""
        canvas = self._canvas
        known = {step: place for step, place in places.items() if step in canvas.diagram.boxes}
        before, view = {step: canvas.diagram.place_of(step) for step in known}, canvas.glide.now()
        full = {**canvas.diagram.unlaid(), **canvas.diagram.carried(known)}
        if not canvas.apply("Tidy up", lambda workflow: edits.move_steps(workflow, full)):
            canvas.said.emit("Everything is in its place already.")
            return
        area = canvas.diagram.bounds(chosen or None)
        if area is not None and not canvas.visible_area().encloses(area):
            canvas.fit()
        canvas.glide.begin(before, view)

    def _selected_of_one_level(self) -> dict[str, Step]:
        """The selected steps, if they are several of one level."""
        diagram, selected = self._canvas.diagram, self._canvas.selected
        levels = {diagram.boxes[step].parent for step in selected}
        if len(selected) < 2 or len(levels) != 1:
            return {}
        return {step: model for step, model in diagram.steps.items() if step in selected}

    # -- choosing --------------------------------------------------------------------------------------------------

    def select_all(self) -> None:
        """Select every step."""
        self._canvas.select(self._canvas.diagram.boxes)

    def select_upstream(self) -> None:
        """Select everything that leads to the selected steps as well."""
        self._canvas.select(walking.upstream(self._canvas.diagram, self._canvas.selected))

    def select_downstream(self) -> None:
        """Select everything that the selected steps lead to as well."""
        self._canvas.select(walking.downstream(self._canvas.diagram, self._canvas.selected))

    def walk(self, direction: walking.Direction) -> None:
        """Go to the step that a wire leads to, or that lies in that direction."""
        canvas, diagram = self._canvas, self._canvas.diagram
        here = canvas.marks.focus if canvas.marks.focus in diagram.boxes else next(iter(sorted(canvas.selected)), "")
        if not here:
            target = min(diagram.boxes.values(), key=lambda b: (b.x, b.y), default=None)
            if target is not None:
                canvas.focus_on(target.id)
            return
        there = walking.along_wires(diagram, here, direction) or walking.in_direction(diagram, here, direction)
        if there is not None:
            canvas.focus_on(there)

    def fit_selection(self) -> None:
        """Show the selected steps as large as it goes."""
        self._canvas.fit(self._canvas.selected or None)

    def _boxes(self) -> dict[str, NodeBox]:
        diagram = self._canvas.diagram
        return {step: diagram.boxes[step] for step in diagram.with_inside(self._canvas.selected)}

    def _chosen(self) -> list[NodeBox]:
        return [self._canvas.diagram.boxes[step] for step in sorted(self._canvas.selected)]

    def _place(self, label: str, places: Mapping[str, Place], *, merge: str = "") -> None:
        """Move steps, and what is inside them along."""
        if not places:
            return
        diagram = self._canvas.diagram
        out = dict(places)
        for step, (x, y) in places.items():
            box = diagram.boxes[step]
            for child in diagram.inside(step) - places.keys():
                inner = diagram.boxes[child]
                out[child] = (inner.x + x - box.x, inner.y + y - box.y)
        full = {**diagram.unlaid(), **diagram.carried(out)}
        self._canvas.apply(label, lambda workflow: edits.move_steps(workflow, full), merge=merge)

    def _free(self, x: float, y: float) -> Place:
        """The place nearest below where a step of the usual size covers no other."""
        area = Rect(x, y, x + 240.0, y + 96.0)
        near = sorted(self._canvas.diagram.in_area(Rect(x, y, x + 240.0, y + 2_000.0)), key=lambda box: box.y)
        for box in near:
            if not box.is_frame and box.rect.intersects(area):
                area = area.moved(0.0, box.rect.bottom + _ROOM - area.top)
        return to_grid(area.left, area.top)


def _counted(number: int, what: str) -> str:
    return what if number == 1 else f"{number} {what}s"
