"""What can be done with the steps of the workflow in front: a table of commands over the canvas's own actions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Protocol, cast, runtime_checkable

from desktop.commands import Command, Commands
from desktop.window import MainWindow

if TYPE_CHECKING:
    from desktop.canvas.arrange import Axis, Edge
    from desktop.canvas.view import CanvasView

    Act = Callable[[CanvasView], object]

_ZOOM: Final = 1.25

_EDGES: Final[Mapping[Edge, tuple[str, str]]] = {
    "left": ("left edges", "align-start-vertical"), "center": ("centres", "align-center-vertical"),
    "right": ("right edges", "align-end-vertical"), "top": ("top edges", "align-start-horizontal"),
    "middle": ("middles", "align-center-horizontal"), "bottom": ("bottom edges", "align-end-horizontal"),
}  # fmt: skip
_AXES: Final[Sequence[tuple[Axis, str, str]]] = (
    ("across", "from left to right", "align-horizontal-space-between"),
    ("down", "from top to bottom", "align-vertical-space-between"),
)


@runtime_checkable
class Drawable(Protocol):
    """A canvas whose steps can be worked on; CanvasView is one, and it is not imported here because it is heavy."""

    @property
    def selected(self) -> frozenset[str]:
        """The selected steps."""

    @property
    def interactions(self) -> object:
        """What hears its keys."""


_canvases: Final[set[type]] = set()
"""The kinds of canvas that are known to be Drawable: to look at one for that takes longer than all else of a look."""


def canvas_commands(window: MainWindow) -> Sequence[Command]:
    """The menus Edit, Step and View as far as they are about steps. Their keys work while the canvas has the focus."""
    can = _Conditions(window)

    def add(
        name: str, title: str, act: Act, icon: str, keys: tuple[str, ...], menu: str, group: str,
        enabled: Callable[[], bool], help_text: str = "",
    ) -> Command:  # fmt: skip
        def run() -> None:
            if (canvas := canvas_in_front(window)) is not None:
                act(canvas)

        return Command(name, title, run, icon, keys, menu, group, enabled, help=help_text, scope="canvas")

    return [
        add("step.add", "Add a step…", lambda c: c.commands.ask_next(), "plus", ("Tab",), "Step", "add", can.edit,
            "Offers every kind of step; after the selected step, if there is one."),
        add("step.add_note", "Add a note", lambda c: c.commands.add("note", c.visible_area().center), "sticky-note", (),
            "Step", "add", can.edit, "A note for people; runs pass it over."),
        add("step.connect", "Connect to…", lambda c: c.commands.ask_target(), "spline", ("C",), "Step", "add",
            can.edit_one,
            "Draws a wire to a step that is found by its name."),
        add("step.open", "Open settings", lambda c: c.activated.emit(next(iter(c.selected))), "sliders-horizontal", (),
            "Step", "change", can.one),
        add("step.rename", "Rename", lambda c: c.commands.rename(), "pencil", ("F2",), "Step", "change", can.edit_one),
        add("step.disable", "Disable or enable", lambda c: c.commands.toggle_disabled(), "ban", ("M",), "Step",
            "change", can.edit_some, "Runs pass the selected steps over, or no longer."),
        add("step.fold", "Collapse or expand", lambda c: c.commands.toggle_collapsed(), "minimize", ("H",), "Step",
            "change", can.edit_some, "Shows the selected steps by their headers alone, or wholly again."),
        add("step.group", "Put into a group", lambda c: c.commands.group(), "group", ("G",), "Step", "group",
            can.edit_some),
        add("step.ungroup", "Take out of the group", lambda c: c.commands.ungroup(), "ungroup", ("Shift+G",), "Step",
            "group", can.edit_grouped),
        *(add(f"step.align.{edge}", f"Align {what}", _align(edge), icon, (), "Step/Arrange", "arrange",
              can.edit_several)
          for edge, (what, icon) in _EDGES.items()),
        *(add(f"step.distribute.{axis}", f"Equal distances {way}", _distribute(axis), icon, (), "Step/Arrange",
              "distribute", can.edit_several) for axis, way, icon in _AXES),
        add("step.tidy", "Tidy up", lambda c: c.commands.tidy(), "wand-sparkles", ("Ctrl+Shift+L",), "Step", "tidy",
            can.edit, "Arranges the workflow so that it reads from left to right."),
        add("edit.cut", "Cut", lambda c: c.commands.cut(), "scissors", ("Ctrl+X",), "Edit", "clipboard", can.edit_some),
        add("edit.copy", "Copy", lambda c: c.commands.copy(), "copy", ("Ctrl+C",), "Edit", "clipboard", can.some,
            "The steps go to the clipboard as text, which pastes anywhere."),
        add("edit.paste", "Paste", lambda c: c.commands.paste(), "clipboard-paste", ("Ctrl+V",), "Edit", "clipboard",
            can.edit),
        add("edit.duplicate", "Duplicate", lambda c: c.commands.duplicate(), "copy", ("Ctrl+D",), "Edit", "clipboard",
            can.edit_some),
        add("edit.delete", "Delete", lambda c: c.commands.delete(), "trash-2", ("Delete", "Backspace"), "Edit",
            "delete", can.edit),
        add("edit.delete_rejoin", "Delete and rejoin", lambda c: c.commands.delete(rejoin=True), "unlink",
            ("Ctrl+Delete", "Ctrl+Backspace"), "Edit", "delete", can.edit_some,
            "What led to the deleted steps then leads on to what came after them."),
        add("edit.select_all", "Select all steps", lambda c: c.commands.select_all(), "box-select", ("Ctrl+A",), "Edit",
            "select", can.look),
        add("edit.select_before", "Select what comes before", lambda c: c.commands.select_upstream(), "arrow-left",
            ("[",), "Edit", "select", can.some),
        add("edit.select_after", "Select what comes after", lambda c: c.commands.select_downstream(), "arrow-right",
            ("]",), "Edit", "select", can.some),
        add("edit.find", "Find a step…", lambda c: c.commands.find(), "search", ("Ctrl+F",), "Edit", "find", can.look),
        add("view.fit", "Fit the workflow", lambda c: c.fit(), "maximize", ("Shift+1",), "View", "zoom", can.look),
        add("view.fit_selection", "Fit the selection", lambda c: c.commands.fit_selection(), "scan", ("Shift+2",),
            "View",
            "zoom", can.some),
        add("view.actual_size", "100 %", lambda c: c.zoom_to(1.0), "scaling", ("Ctrl+0", "Shift+0"), "View", "zoom",
            can.look),
        add("view.zoom_in", "Zoom in", lambda c: c.zoom(_ZOOM), "zoom-in", ("Ctrl++", "Ctrl+="), "View", "zoom",
            can.look),
        add("view.zoom_out", "Zoom out", lambda c: c.zoom(1 / _ZOOM), "zoom-out", ("Ctrl+-",), "View", "zoom",
            can.look),
    ]  # fmt: skip


CONTEXT: Final = (
    "step.open", "step.open_workflow", "step.rename", "", "run.step", "run.to_here", "run.from_here", "run.edit_output",
    "run.pin", "", "step.connect", "step.cut_wire", "step.add", "", "edit.cut", "edit.copy",
    "edit.paste", "edit.duplicate", "edit.delete", "edit.delete_rejoin", "", "step.disable", "step.fold", "step.group",
    "step.ungroup", "Step/Colour of the group", "Step/Loop", "Step/Arrange", "", "step.extract", "step.inline", "",
    "step.tidy", "view.fit",
)  # fmt: skip
"""The menu at the pointer; '' is a line, and a path with / is the whole menu of that name."""


def canvas_in_front(window: MainWindow) -> CanvasView | None:
    """The canvas of the workflow in front, if its steps can be worked on."""
    canvas: object = window.active.canvas if window.active is not None else None
    return cast("CanvasView", canvas) if _is_drawable(canvas) else None


def follow_keys(canvas: object, commands: Commands) -> None:
    """Let a canvas leave alone the keys that its commands had before a person gave them others."""
    if _is_drawable(canvas):
        changed = [commands.get(name) for name in commands.bindings.changes if commands.knows(name)]
        cast("CanvasView", canvas).interactions.leave_keys(
            {keys for command in changed if command.scope == "canvas" for keys in command.keys}
        )


def _is_drawable(canvas: object) -> bool:
    if type(canvas) not in _canvases:
        if not isinstance(canvas, Drawable):
            return False
        _canvases.add(type(canvas))
    return True


class _Conditions:
    """When a command can be used."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window

    def look(self) -> bool:
        return canvas_in_front(self._window) is not None

    def edit(self) -> bool:
        canvas = canvas_in_front(self._window)
        return canvas is not None and not canvas.document.read_only

    def some(self) -> bool:
        canvas = canvas_in_front(self._window)
        return canvas is not None and bool(canvas.selected)

    def one(self) -> bool:
        canvas = canvas_in_front(self._window)
        return canvas is not None and len(canvas.selected) == 1

    def edit_some(self) -> bool:
        return self.edit() and self.some()

    def edit_grouped(self) -> bool:
        canvas = canvas_in_front(self._window)
        groups = canvas.document.workflow.groups.values() if canvas is not None else ()
        return self.edit() and canvas is not None and any(canvas.selected.intersection(one.steps) for one in groups)

    def edit_one(self) -> bool:
        return self.edit() and self.one()

    def edit_several(self) -> bool:
        canvas = canvas_in_front(self._window)
        return self.edit() and canvas is not None and len(canvas.selected) > 1


def _align(edge: Edge) -> Act:
    return lambda canvas: canvas.commands.align(edge)


def _distribute(axis: Axis) -> Act:
    return lambda canvas: canvas.commands.distribute(axis)
