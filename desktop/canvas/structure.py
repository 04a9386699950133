"""What a person does with the structure of a workflow on the canvas: groups and loops."""

from __future__ import annotations

from collections.abc import Collection

from core.workflow import edits
from core.workflow.model import GroupColour, Workflow
from desktop.canvas.chooser import Choice, Chooser
from desktop.canvas.geometry import FRAME_PAD, HEADER, Rect, around
from desktop.canvas.layers import Place
from desktop.canvas.questions import Questions
from desktop.canvas.quick_add import step_choices
from desktop.canvas.snapping import to_grid
from desktop.canvas.title_editor import TitleEditor

_ROOM = 32.0


class Structure(Questions):
    """Acts on the selection of one canvas, as CanvasActions does."""

    # -- groups ----------------------------------------------------------------------------------------------------

    def group(self) -> None:
        """Put a frame around the selected steps, and ask for its title where it stands."""
        steps, made = self._canvas.selected, list[str]()

        def edit(workflow: Workflow) -> Workflow:
            changed, group = edits.add_group(workflow, steps, title="Group")
            made.append(group)
            return changed

        if steps and self._canvas.apply("Group", edit):
            self.rename_group(made[-1])

    def rename_group(self, group: str) -> None:
        """Edit the title of a group's frame in place."""
        canvas = self._canvas
        frame = next((frame for frame in canvas.diagram.groups if frame.id == group), None)
        if frame is None or canvas.document.read_only:
            return

        def done(title: str) -> None:
            canvas.apply("Rename the group", lambda workflow: edits.set_group(workflow, group, title=title))

        left, top, right, _ = frame.rect
        TitleEditor(canvas, frame.group.title, Rect(left + 6.0, top + 4.0, right - 6.0, top + 28.0), done).open()

    def colour_group(self, colour: GroupColour) -> None:
        """Give the groups of the selected steps a colour."""
        workflow, steps = self._canvas.document.workflow, self._canvas.selected
        groups = [key for key, group in workflow.groups.items() if steps.intersection(group.steps)]

        def edit(workflow: Workflow) -> Workflow:
            for group in groups:
                workflow = edits.set_group(workflow, group, colour=colour)
            return workflow

        if groups:
            self._canvas.apply("Colour the group", edit)
        elif steps:
            self._canvas.said.emit("These steps are in no group. Put them into one first.")

    def ungroup(self) -> None:
        """Take the frames off the selected steps."""
        steps = self._canvas.selected
        if steps:
            self._canvas.apply("Ungroup", lambda workflow: edits.leave_groups(workflow, steps))

    # -- loops -----------------------------------------------------------------------------------------------------

    def ask_loop_around(self) -> Chooser | None:
        """Put the selected steps into a new loop of the chosen kind."""
        canvas, steps = self._canvas, self._canvas.selected
        if not steps or canvas.document.read_only:
            return None
        kinds = [kind for kind in canvas.types if kind.is_container]
        choices = [Choice(kind.type, kind.title, kind.category, kind.icon, f"kind.{kind.category}") for kind in kinds]

        def wrap(type_name: str) -> None:
            made: list[str] = []

            def edit(workflow: Workflow) -> Workflow:
                laid = edits.move_steps(workflow, canvas.diagram.unlaid())
                changed, loop = edits.wrap_in_loop(laid, steps, type_name, types=canvas.types)
                made.append(loop)
                return changed

            if canvas.apply("Put into a new loop", edit):
                canvas.focus_on(made[-1])

        return self._ask(choices, "Repeat them how?", "No loop is called so.", self._beside(min(steps)), wrap)

    def ask_into_loop(self) -> Chooser | None:
        """Name the loop that the selected steps shall stand in."""
        canvas, diagram, steps = self._canvas, self._canvas.diagram, self._canvas.selected
        if not steps or canvas.document.read_only:
            return None
        moved = diagram.with_inside(steps)
        loops = {box.id for box in diagram.boxes.values() if box.is_frame and box.id not in moved}
        if not loops:
            canvas.said.emit("There is no other loop. Add one first, or put the steps into a new one.")
            return None

        def move(loop: str) -> None:
            others = around(diagram.boxes[one].rect for one in diagram.inside(loop) - moved)
            frame = diagram.boxes[loop]
            corner = (frame.x + FRAME_PAD, frame.y + HEADER + FRAME_PAD)
            places = self._moved_to((others.left, others.bottom + _ROOM) if others else corner, steps)

            def edit(workflow: Workflow) -> Workflow:
                return edits.move_into_body(edits.move_steps(workflow, places), steps, loop, types=canvas.types)

            canvas.apply("Move into the loop", edit)

        choices = step_choices(diagram, fits=loops.__contains__)
        return self._ask(choices, "Into which loop?", "No loop is called so.", self._beside(min(steps)), move)

    def take_out_of_loop(self) -> None:
        """Put the selected steps beside the loop that they stand in."""
        canvas, diagram, steps = self._canvas, self._canvas.diagram, self._canvas.selected
        loop = next((diagram.boxes[step].parent for step in sorted(steps)), None)
        if not steps:
            return
        places: dict[str, Place] = {}
        if loop is not None:
            frame = diagram.boxes[loop].rect
            places = self._moved_to((frame.left, frame.bottom + _ROOM), steps)

        def edit(workflow: Workflow) -> Workflow:
            changed = edits.move_out_of_body(workflow, steps, types=canvas.types)
            return edits.move_steps(changed, places)

        canvas.apply("Take out of the loop", edit)

    def dissolve_loop(self) -> None:
        """Take the selected loop away and leave its steps in its place."""
        canvas = self._canvas
        loops = [step for step in canvas.selected if canvas.diagram.steps[step].body is not None]
        if len(loops) != 1:
            canvas.said.emit("Select one loop to dissolve it.")
            return
        inside = canvas.diagram.inside(loops[0])

        def edit(workflow: Workflow) -> Workflow:
            laid = edits.move_steps(workflow, canvas.diagram.unlaid())
            return edits.unwrap_loop(laid, loops[0], types=canvas.types)

        if canvas.apply("Dissolve the loop", edit):
            canvas.select(inside)

    def _moved_to(self, corner: Place, steps: Collection[str]) -> dict[str, Place]:
        """Places for steps and what is inside them, so that together their corner stands at a point."""
        diagram = self._canvas.diagram
        area = diagram.bounds(steps)
        if area is None:
            return {}
        x, y = to_grid(*corner)
        dx, dy = x - area.left, y - area.top
        boxes = (diagram.boxes[step] for step in diagram.with_inside(steps))
        return {**diagram.unlaid(), **diagram.carried({box.id: (box.x + dx, box.y + dy) for box in boxes})}
