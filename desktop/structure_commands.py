"""What can be done with the structure of the workflow in front: groups, loops, wires. A table of commands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, get_args

from core.workflow.model import GroupColour
from desktop.canvas_commands import canvas_in_front
from desktop.commands import Command
from desktop.theme import GROUP_TINTS
from desktop.window import MainWindow

if TYPE_CHECKING:
    from desktop.canvas.view import CanvasView


def structure_commands(window: MainWindow) -> Sequence[Command]:
    """The submenus of Step about groups and loops, and cutting a wire by its name."""

    def do(act: Callable[[CanvasView], object]) -> Callable[[], None]:
        def run() -> None:
            if (canvas := canvas_in_front(window)) is not None:
                act(canvas)

        return run

    def can(test: Callable[[CanvasView], bool]) -> Callable[[], bool]:
        def allowed() -> bool:
            canvas = canvas_in_front(window)
            return canvas is not None and not canvas.document.read_only and bool(canvas.selected) and test(canvas)

        return allowed

    def command(
        name: str,
        title: str,
        icon: str,
        keys: tuple[str, ...],
        menu: str,
        act: Callable[[CanvasView], object],
        test: Callable[[CanvasView], bool],
        help_text: str = "",
        tint: str = "text.secondary",
    ) -> Command:
        return Command(
            name, title, do(act), icon, keys, menu, "structure", can(test), help=help_text, scope="canvas", tint=tint
        )  # fmt: skip

    def always(_canvas: CanvasView) -> bool:
        return True

    return [
        command("step.cut_wire", "Cut a wire…", "unlink", ("Shift+C",), "Step", lambda c: c.commands.ask_cut(),
                lambda c: len(c.selected) == 1, "Offers the wires of the selected step."),
        command("step.choose_wire", "Select a wire…", "spline", ("W",), "Step", lambda c: c.commands.ask_wire(),
                lambda c: len(c.selected) == 1, "Tab then puts a step into it, Delete cuts it."),
        command("step.loop.around", "Put into a new loop…", "repeat", ("L",), "Step/Loop",
                lambda c: c.commands.ask_loop_around(), always),
        command("step.loop.into", "Move into a loop…", "corner-down-right", (), "Step/Loop",
                lambda c: c.commands.ask_into_loop(), always),
        command("step.loop.out", "Take out of the loop", "log-in", (), "Step/Loop",
                lambda c: c.commands.take_out_of_loop(), _in_a_loop),
        command("step.loop.dissolve", "Dissolve the loop", "ungroup", (), "Step/Loop",
                lambda c: c.commands.dissolve_loop(), _is_a_loop, "Its steps stay in its place."),
        *(command(f"step.group.{colour}", colour.capitalize(), "circle", (), "Step/Colour of the group",
                  _colour(colour), _in_a_group, tint=GROUP_TINTS.get(colour, "text.muted"))
          for colour in get_args(GroupColour)),
    ]  # fmt: skip


def _in_a_loop(canvas: CanvasView) -> bool:
    return all(canvas.diagram.boxes[step].parent is not None for step in canvas.selected)


def _is_a_loop(canvas: CanvasView) -> bool:
    return len(canvas.selected) == 1 and canvas.diagram.steps[next(iter(canvas.selected))].body is not None


def _in_a_group(canvas: CanvasView) -> bool:
    return any(canvas.selected.intersection(group.steps) for group in canvas.document.workflow.groups.values())


def _colour(colour: GroupColour) -> Callable[[CanvasView], object]:
    return lambda canvas: canvas.commands.colour_group(colour)
