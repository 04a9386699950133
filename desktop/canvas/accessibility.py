"""The canvas for those who do not see it: every step and wire is a child with its name and how it stands."""

from __future__ import annotations

import itertools
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QObject, QPoint, QRect
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent, QAccessibleEvent, QAccessibleInterface, QWindow
from PySide6.QtWidgets import QWidget

from core.workflow.model import Wire
from desktop.canvas.geometry import Rect
from desktop.canvas.hit import hit
from desktop.canvas.stale import window_rect
from desktop.canvas.traffic import Flow
from desktop.canvas.view import CanvasView
from desktop.overlay import StepState

if TYPE_CHECKING:
    from collections.abc import Mapping

_SAID: Final[Mapping[StepState, str]] = {
    "idle": "", "queued": "queued", "running": "running", "waiting": "waits for a person", "done": "done",
    "failed": "failed", "skipped": "skipped", "cancelled": "cancelled",
}  # fmt: skip

SPOKEN: Final[frozenset[StepState]] = frozenset({"running", "waiting", "failed", "done"})
"""States that are announced when a step comes to them; that a step is running only if it is the selected one."""

URGENT: Final[frozenset[StepState]] = frozenset({"waiting", "failed"})
"""States that are announced at once, whatever is being said."""

_FLOWS: Final[Mapping[Flow, str]] = {"rest": "", "live": "was taken", "dead": "was not taken"}


def describe(canvas: CanvasView, step: str) -> str:
    """What a step is, how it stands, and where it leads, in words."""
    model = canvas.diagram.steps[step]
    kind, view = canvas.types.get(model.type), canvas.state(step)
    parts = [kind.title if kind else f"{model.type}, not installed", _SAID[view.state] if view else ""]
    if model.disabled:
        parts.append("disabled")
    if view is not None and view.state == "failed":
        parts.append(view.error)
    if fault := canvas.faults.sentence(step):
        parts.append(f"needs mending: {fault.rstrip('.')}")
    names = [canvas.diagram.title(wire.target) for wire in model.wires() if wire.target in canvas.diagram.steps]
    parts.append(f"leads to {', '.join(names)}" if names else "leads nowhere")
    return ", ".join(part for part in parts if part)


def describe_wire(canvas: CanvasView, wire: Wire) -> str:
    """From where to where a wire leads, in words."""
    names = (canvas.diagram.title(wire.source), canvas.diagram.title(wire.target))
    exits = canvas.diagram.boxes[wire.source].shape.exits()
    port = f" ({wire.port})" if len(exits) > 1 else ""
    return f"Wire from {names[0]}{port} to {names[1]}"


class _PartInterface(QAccessibleInterface):
    """What a step and a wire have in common: they are painted, so there is no object behind them, and no children."""

    def __init__(self, tree: CanvasInterface) -> None:
        super().__init__()
        self._tree = tree

    def object(self) -> QObject | None:  # type: ignore[override]  # Qt takes null for a child without an object
        """None: it is painted, not a widget."""
        return None

    def parent(self) -> QAccessibleInterface:
        """The canvas."""
        return self._tree

    def child(self, _index: int) -> QAccessibleInterface | None:  # type: ignore[override]  # Qt takes null
        """None."""
        return None

    def childAt(self, _x: int, _y: int) -> QAccessibleInterface | None:  # type: ignore[override]  # noqa: N802 - Qt's name, Qt takes null
        """None."""
        return None

    def childCount(self) -> int:  # noqa: N802 - Qt's name
        """None."""
        return 0

    def indexOfChild(self, _child: QAccessibleInterface) -> int:  # noqa: N802 - Qt's name
        """None."""
        return -1

    def setText(self, kind: QAccessible.Text, text: str) -> None:  # noqa: N802 - Qt's name
        """Nothing: texts are edited on the canvas."""

    def role(self) -> QAccessible.Role:
        """An item of a list."""
        return QAccessible.Role.ListItem

    def window(self) -> QWindow | None:  # type: ignore[override]  # Qt takes null
        """The window of the canvas."""
        return self._tree.window()

    def _on_screen(self, area: Rect) -> QRect:
        canvas = self._tree.canvas
        part = window_rect(area, canvas.camera)
        return QRect(canvas.viewport().mapToGlobal(part.topLeft()), part.size())


class StepInterface(_PartInterface):
    """One step."""

    def __init__(self, tree: CanvasInterface, step: str) -> None:
        super().__init__(tree)
        self.step = step

    def isValid(self) -> bool:  # noqa: N802 - Qt's name
        """Whether the step is still there."""
        return self.step in self._tree.canvas.diagram.boxes

    def text(self, kind: QAccessible.Text) -> str:
        """The step's name, or what there is to say about it."""
        if not self.isValid():
            return ""
        if kind == QAccessible.Text.Name:
            return self._tree.canvas.diagram.title(self.step)
        return describe(self._tree.canvas, self.step) if kind == QAccessible.Text.Description else ""

    def rect(self) -> QRect:
        """Where the step is on the screen."""
        return self._on_screen(self._tree.canvas.diagram.boxes[self.step].rect) if self.isValid() else QRect()

    def state(self) -> QAccessible.State:
        """Selected, focused, out of sight."""
        canvas, state = self._tree.canvas, QAccessible.State()
        state.selectable = state.focusable = True
        state.selected = self.step in canvas.marks.selected
        state.focused = canvas.hasFocus() and canvas.marks.focus == self.step
        state.offscreen = self.isValid() and not canvas.diagram.boxes[self.step].rect.intersects(canvas.visible_area())
        state.disabled = not self.isValid()
        return state

    def relations(
        self, match: QAccessible.RelationFlag = QAccessible.RelationFlag.AllRelations
    ) -> list[tuple[QAccessibleInterface, QAccessible.RelationFlag]]:
        """The steps that it leads to and comes from."""
        found: list[tuple[QAccessibleInterface, QAccessible.RelationFlag]] = []
        flags = QAccessible.RelationFlag
        for wire in sorted(self._tree.canvas.diagram.wires_of(self.step), key=repr):
            to = wire.source == self.step
            flag = flags.FlowsTo if to else flags.FlowsFrom
            if match & flag:
                found.append((self._tree.step(wire.target if to else wire.source), flag))
        return found


class WireInterface(_PartInterface):
    """One wire."""

    def __init__(self, tree: CanvasInterface, wire: Wire) -> None:
        super().__init__(tree)
        self.wire = wire

    def isValid(self) -> bool:  # noqa: N802 - Qt's name
        """Whether the wire is still there."""
        return self.wire in self._tree.canvas.diagram.wires

    def text(self, kind: QAccessible.Text) -> str:
        """From where to where, or what a run did with it."""
        canvas = self._tree.canvas
        if not self.isValid():
            return ""
        if kind == QAccessible.Text.Name:
            return describe_wire(canvas, self.wire)
        if kind != QAccessible.Text.Description:
            return ""
        said = (_FLOWS[canvas.flow(self.wire)], canvas.tally(self.wire))
        return ", ".join(each for each in said if each)

    def rect(self) -> QRect:
        """The rectangle around it on the screen."""
        return self._on_screen(self._tree.canvas.diagram.paths.rect(self.wire)) if self.isValid() else QRect()

    def state(self) -> QAccessible.State:
        """Selected, out of sight."""
        canvas, state = self._tree.canvas, QAccessible.State()
        state.selectable = True
        state.selected = self.wire in canvas.marks.wires
        state.offscreen = self.isValid() and not canvas.diagram.paths.rect(self.wire).intersects(canvas.visible_area())
        state.disabled = not self.isValid()
        return state


class CanvasInterface(QAccessibleInterface):
    """The canvas: a list of its steps in document order, then its wires, then the widgets that stand on it."""

    def __init__(self, canvas: CanvasView) -> None:
        super().__init__()
        self.canvas = canvas
        self._steps: dict[str, StepInterface] = {}
        self._wires: dict[Wire, WireInterface] = {}
        canvas.destroyed.connect(partial(_withdraw, self._steps, self._wires))
        self._listed: tuple[object, list[str], list[Wire]] = (None, [], [])

    def isValid(self) -> bool:  # noqa: N802 - Qt's name
        """Always, as long as it is there."""
        return True

    def object(self) -> QObject:
        """The view."""
        return self.canvas

    def parent(self) -> QAccessibleInterface | None:  # type: ignore[override]  # Qt takes null
        """The widget around the canvas."""
        widget = self.canvas.parentWidget()
        return QAccessible.queryAccessibleInterface(widget) if widget is not None else None

    def child(self, index: int) -> QAccessibleInterface | None:  # type: ignore[override]  # Qt takes null
        """The step, wire or widget at a place."""
        steps, wires = self._parts()
        if 0 <= index < len(steps):
            return self.step(steps[index])
        if len(steps) <= index < len(steps) + len(wires):
            return self.wire(wires[index - len(steps)])
        widgets = self._widgets()
        at = index - len(steps) - len(wires)
        return QAccessible.queryAccessibleInterface(widgets[at]) if 0 <= at < len(widgets) else None

    def step(self, step_id: str) -> StepInterface:
        """A step's child."""
        found = self._steps.get(step_id)
        if found is None:
            found = self._steps[step_id] = StepInterface(self, step_id)
            QAccessible.registerAccessibleInterface(found)
        return found

    def wire(self, wire: Wire) -> WireInterface:
        """A wire's child."""
        found = self._wires.get(wire)
        if found is None:
            found = self._wires[wire] = WireInterface(self, wire)
            QAccessible.registerAccessibleInterface(found)
        return found

    def childAt(self, x: int, y: int) -> QAccessibleInterface | None:  # type: ignore[override]  # noqa: N802 - Qt's name, Qt takes null
        """The widget, step or wire at a place on the screen."""
        at = self.canvas.viewport().mapFromGlobal(QPoint(x, y))
        for widget in self._widgets():
            if widget.rect().contains(widget.mapFromGlobal(QPoint(x, y))):
                return QAccessible.queryAccessibleInterface(widget)
        found = hit(self.canvas.diagram, *self.canvas.canvas_point(at), self.canvas.camera.scale)
        if found.wire is not None:
            return self.wire(found.wire)
        return self.step(found.step) if found.step else None

    def childCount(self) -> int:  # noqa: N802 - Qt's name
        """How many steps, wires and widgets there are."""
        steps, wires = self._parts()
        return len(steps) + len(wires) + len(self._widgets())

    def indexOfChild(self, child: QAccessibleInterface) -> int:  # noqa: N802 - Qt's name
        """A child's place, -1 for something else."""
        steps, wires = self._parts()
        if isinstance(child, StepInterface):
            return steps.index(child.step) if child.isValid() else -1
        if isinstance(child, WireInterface):
            return len(steps) + wires.index(child.wire) if child.isValid() else -1
        widgets = self._widgets()
        one = child.object()
        return len(steps) + len(wires) + widgets.index(one) if one in widgets else -1

    def _parts(self) -> tuple[list[str], list[Wire]]:
        """The steps and wires in their order; made anew only when the workflow is another one."""
        diagram = self.canvas.diagram
        if self._listed[0] is not diagram.workflow:
            steps = list(diagram.boxes)
            wires = [wire for step in steps for wire in diagram.steps[step].wires() if wire in diagram.wires]
            self._listed = (diagram.workflow, steps, wires)
        return self._listed[1], self._listed[2]

    def _widgets(self) -> list[QWidget]:
        """What stands on the canvas: the zoom pill, and lists and fields that are open."""
        held = (*self.canvas.viewport().children(), *self.canvas.children())
        own = self.canvas.viewport()
        return [one for one in held if isinstance(one, QWidget) and one is not own and one.isVisibleTo(self.canvas)]

    def text(self, kind: QAccessible.Text) -> str:
        """The workflow's name, or how large it is."""
        workflow = self.canvas.document.workflow
        if kind == QAccessible.Text.Name:
            return f"Canvas of {workflow.name}" if workflow.name else "Canvas"
        steps, wires = len(self.canvas.diagram.boxes), len(self.canvas.diagram.wires)
        said = f"{steps} {'step' if steps == 1 else 'steps'}, {wires} {'wire' if wires == 1 else 'wires'}"
        return said if kind == QAccessible.Text.Description else ""

    def setText(self, kind: QAccessible.Text, text: str) -> None:  # noqa: N802 - Qt's name
        """Nothing."""

    def rect(self) -> QRect:
        """Where the canvas is on the screen."""
        return QRect(self.canvas.mapToGlobal(QPoint(0, 0)), self.canvas.size())

    def role(self) -> QAccessible.Role:
        """A list."""
        return QAccessible.Role.List

    def state(self) -> QAccessible.State:
        """Focused."""
        state = QAccessible.State()
        state.focusable, state.focused = True, self.canvas.hasFocus()
        return state

    def window(self) -> QWindow | None:  # type: ignore[override]  # Qt takes null
        """The window of the canvas."""
        return self.canvas.window().windowHandle()


def _withdraw(*parts: Mapping[Any, _PartInterface]) -> None:
    """Have Qt forget them: it keeps all that was registered until it ends, and then looks at each once more."""
    for each in itertools.chain.from_iterable(part.values() for part in parts):
        QAccessible.deleteAccessibleInterface(QAccessible.uniqueId(each))


class Speaker(QObject):
    """Tells assistive technology what happens on a canvas: which step has the keyboard, and how a run goes on."""

    def __init__(self, canvas: CanvasView, tree: CanvasInterface) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._tree = tree
        canvas.selection_changed.connect(self._selected)
        canvas.stepped.connect(self._stepped)

    def _selected(self, steps: frozenset[str]) -> None:
        if QAccessible.isActive() and len(steps) == 1:
            child = self._tree.step(next(iter(steps)))
            QAccessible.updateAccessibility(QAccessibleEvent(child, QAccessible.Event.Focus))

    def _stepped(self, step: str, state: StepState) -> None:
        if not QAccessible.isActive() or state not in SPOKEN:
            return
        if state == "running" and self._canvas.selected != {step}:
            return
        self._announce(sentence(self._canvas, step, state), urgent=state in URGENT)

    def _announce(self, text: str, *, urgent: bool) -> None:
        event = QAccessibleAnnouncementEvent(self._canvas, text)
        levels = QAccessible.AnnouncementPoliteness
        event.setPoliteness(levels.Assertive if urgent else levels.Polite)
        QAccessible.updateAccessibility(event)


def sentence(canvas: CanvasView, step: str, state: StepState) -> str:
    """What is said when a step comes to a state: `Classify: failed, Rate limit reached`."""
    view = canvas.state(step)
    error = f", {view.error}" if state == "failed" and view is not None and view.error else ""
    return f"{canvas.diagram.title(step)}: {_SAID[state]}{error}"


def install() -> None:
    """Let Qt ask `interface_of` for every object; once is enough for the whole program."""
    QAccessible.installFactory(interface_of)


def interface_of(_class_name: str, obj: QObject) -> QAccessibleInterface | None:
    """Qt asks this for what stands for an object."""
    if not isinstance(obj, CanvasView):
        return None
    if obj.accessible is None:
        obj.accessible = CanvasInterface(obj)
        obj.speaker = Speaker(obj, obj.accessible)
    return obj.accessible
