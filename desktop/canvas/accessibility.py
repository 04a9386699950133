"""The canvas for those who do not see it: every step is a child with its name, what it does and how it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, QPoint, QRect
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent, QAccessibleEvent, QAccessibleInterface, QWindow

from desktop.canvas.stale import window_rect
from desktop.canvas.view import CanvasView
from desktop.overlay import StepState

if TYPE_CHECKING:
    from collections.abc import Mapping

_SAID: Final[Mapping[StepState, str]] = {
    "idle": "", "queued": "queued", "running": "running", "waiting": "waits for a person", "done": "done",
    "failed": "failed", "skipped": "skipped", "cancelled": "cancelled",
}  # fmt: skip

SPOKEN: Final[frozenset[StepState]] = frozenset({"waiting", "failed", "done"})
"""States that are announced when a step comes to them."""


def describe(canvas: CanvasView, step: str) -> str:
    """What a step is, how it stands, and where it leads, in words."""
    model = canvas.diagram.steps[step]
    kind, view = canvas.types.get(model.type), canvas.state(step)
    parts = [kind.title if kind else f"{model.type}, not installed", _SAID[view.state] if view else ""]
    if model.disabled:
        parts.append("disabled")
    if view is not None and view.state == "failed":
        parts.append(view.error)
    names = [canvas.diagram.steps[wire.target].name for wire in model.wires() if wire.target in canvas.diagram.steps]
    parts.append(f"leads to {', '.join(names)}" if names else "leads nowhere")
    return ", ".join(part for part in parts if part)


class StepInterface(QAccessibleInterface):
    """One step."""

    def __init__(self, tree: CanvasInterface, step: str) -> None:
        super().__init__()
        self._tree = tree
        self.step = step

    def isValid(self) -> bool:  # noqa: N802 - Qt's name
        """Whether the step is still there."""
        return self.step in self._tree.canvas.diagram.boxes

    def object(self) -> QObject | None:  # type: ignore[override]  # Qt takes null for a child without an object
        """None: steps are painted, not widgets."""
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

    def text(self, kind: QAccessible.Text) -> str:
        """The step's name, or what there is to say about it."""
        if not self.isValid():
            return ""
        if kind == QAccessible.Text.Name:
            return self._tree.canvas.diagram.steps[self.step].name
        return describe(self._tree.canvas, self.step) if kind == QAccessible.Text.Description else ""

    def setText(self, kind: QAccessible.Text, text: str) -> None:  # noqa: N802 - Qt's name
        """Nothing: titles are edited on the canvas."""

    def rect(self) -> QRect:
        """Where the step is on the screen."""
        canvas = self._tree.canvas
        if not self.isValid():
            return QRect()
        part = window_rect(canvas.diagram.boxes[self.step].rect, canvas.camera)
        return QRect(canvas.viewport().mapToGlobal(part.topLeft()), part.size())

    def role(self) -> QAccessible.Role:
        """An item of a list."""
        return QAccessible.Role.ListItem

    def state(self) -> QAccessible.State:
        """Selected, focused, out of sight."""
        canvas, state = self._tree.canvas, QAccessible.State()
        state.selectable = state.focusable = True
        state.selected = self.step in canvas.marks.selected
        state.focused = canvas.hasFocus() and canvas.marks.focus == self.step
        state.offscreen = self.isValid() and not canvas.diagram.boxes[self.step].rect.intersects(canvas.visible_area())
        state.disabled = not self.isValid()
        return state

    def window(self) -> QWindow | None:  # type: ignore[override]  # Qt takes null
        """The window of the canvas."""
        return self._tree.window()


class CanvasInterface(QAccessibleInterface):
    """The canvas: a list of its steps in document order."""

    def __init__(self, canvas: CanvasView) -> None:
        super().__init__()
        self.canvas = canvas
        self._steps: dict[str, StepInterface] = {}

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
        """The step at a place in document order."""
        ids = list(self.canvas.diagram.boxes)
        return self.step(ids[index]) if 0 <= index < len(ids) else None

    def step(self, step_id: str) -> StepInterface:
        """A step's child."""
        found = self._steps.get(step_id)
        if found is None:
            found = self._steps[step_id] = StepInterface(self, step_id)
            QAccessible.registerAccessibleInterface(found)
        return found

    def childAt(self, x: int, y: int) -> QAccessibleInterface | None:  # type: ignore[override]  # noqa: N802 - Qt's name, Qt takes null
        """The step at a place on the screen."""
        point = self.canvas.canvas_point(self.canvas.viewport().mapFromGlobal(QPoint(x, y)))
        for box in reversed(list(self.canvas.diagram.boxes.values())):
            if box.rect.contains(*point):
                return self.step(box.id)
        return None

    def childCount(self) -> int:  # noqa: N802 - Qt's name
        """How many steps there are."""
        return len(self.canvas.diagram.boxes)

    def indexOfChild(self, child: QAccessibleInterface) -> int:  # noqa: N802 - Qt's name
        """A step's place in document order, -1 for something else."""
        step = getattr(child, "step", "")
        return list(self.canvas.diagram.boxes).index(step) if step in self.canvas.diagram.boxes else -1

    def text(self, kind: QAccessible.Text) -> str:
        """The workflow's name, or how large it is."""
        workflow = self.canvas.document.workflow
        if kind == QAccessible.Text.Name:
            return f"Canvas of {workflow.name}" if workflow.name else "Canvas"
        count = len(self.canvas.diagram.boxes)
        return f"{count} steps, {len(self.canvas.diagram.wires)} wires" if kind == QAccessible.Text.Description else ""

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
        if QAccessible.isActive() and state in SPOKEN:
            name = self._canvas.diagram.steps[step].name
            QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self._canvas, f"{name}: {_SAID[state]}"))


def interface_of(_class_name: str, obj: QObject) -> QAccessibleInterface | None:
    """Qt asks this for what stands for an object; the application installs it once by QAccessible.installFactory."""
    if not isinstance(obj, CanvasView):
        return None
    if obj.accessible is None:
        obj.accessible = CanvasInterface(obj)
        obj.speaker = Speaker(obj, obj.accessible)
    return obj.accessible
