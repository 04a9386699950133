"""The pointer and the keys on the canvas: which gesture begins, and that exactly one is at work."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QEvent, QPoint, Qt, QTimer
from PySide6.QtGui import (
    QDragEnterEvent,
    QDragMoveEvent,
    QDropEvent,
    QHelpEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QNativeGestureEvent,
    QPainter,
    QWheelEvent,
)
from PySide6.QtWidgets import QGestureEvent, QPinchGesture, QToolTip

from desktop.canvas.drops import Drops
from desktop.canvas.gestures.gesture import Gesture, Pointer
from desktop.canvas.gestures.looking import Band, Pan
from desktop.canvas.gestures.moving import Move
from desktop.canvas.gestures.resizing import Resize
from desktop.canvas.gestures.wiring import Cut, Draw, Redirect
from desktop.canvas.hit import NOTHING_HIT, Hit, hit
from desktop.canvas.keyboard import bindings, spelt
from desktop.canvas.tips import tip

if TYPE_CHECKING:
    from desktop.canvas.view import CanvasView

DRAG_PX: Final = 5
"""A press becomes a drag after that many window pixels."""

_BORDER: Final = 40
_AUTOPAN_MS: Final = 16
_AUTOPAN_PX: Final = 14
_WHEEL: Final = 1.0015
"""Zoom per unit of the wheel; a notch is 120 units."""

_SHIFT, _CTRL, _ALT = (
    Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.AltModifier,
)  # fmt: skip


class Interactions:
    """Turns events into gestures and commands.

    gesture: the one at work, None if there is none. by_keyboard: whether the last thing done was a key, so that it is
    shown where the keyboard is.
    """

    def __init__(self, canvas: CanvasView) -> None:
        self.gesture: Gesture | None = None
        self.by_keyboard = False
        self._canvas = canvas
        self._pressed: tuple[Pointer, Hit, Callable[[], Gesture] | None] | None = None
        self._button = Qt.MouseButton.NoButton
        self._space = False
        self._last = QPoint()
        self._is_over = False
        self._keys = bindings(canvas)
        self._drops = Drops(canvas)
        self._autopan = QTimer(canvas)
        self._autopan.setInterval(_AUTOPAN_MS)
        self._autopan.timeout.connect(self._pan_along)

    @property
    def pointer(self) -> QPoint | None:
        """Where the pointer is in the window; None if it is not over the canvas."""
        return self._last if self._is_over else None

    # -- pointer ---------------------------------------------------------------------------------------------------

    def press(self, event: QMouseEvent) -> None:
        """A button goes down."""
        if self._pressed is not None or self.gesture is not None:
            return
        self.by_keyboard = False
        self._canvas.commands.pointed = None
        self._canvas.glide.finish()
        pointer = self._pointer(event)
        at = hit(self._canvas.diagram, pointer.x, pointer.y, self._canvas.camera.scale)
        self._button = event.button()
        if event.button() == Qt.MouseButton.MiddleButton or (
            self._space and event.button() == Qt.MouseButton.LeftButton
        ):
            self._begin(Pan(self._canvas, pointer))
        elif event.button() == Qt.MouseButton.RightButton:
            self._right(pointer, at)
        elif event.button() == Qt.MouseButton.LeftButton:
            self._pressed = (pointer, at, self._candidate(pointer, at))

    def move(self, event: QMouseEvent) -> None:
        """The pointer moves."""
        pointer = self._pointer(event)
        self._last, self._is_over = pointer.at, True
        if self._pressed is not None:
            start, _, make = self._pressed
            if make is not None and (pointer.at - start.at).manhattanLength() >= DRAG_PX:
                self._pressed = None
                self._begin(make())
        if self.gesture is not None:
            self.gesture.move(pointer)
            self._watch_border(pointer)
        elif self._pressed is None:
            self._hover(pointer)

    def release(self, event: QMouseEvent) -> None:
        """A button goes up."""
        if event.button() != self._button:
            return
        pointer = self._pointer(event)
        if self.gesture is not None:
            gesture, self.gesture = self.gesture, None
            self._autopan.stop()
            gesture.end(pointer)
            self._show_cursor(None)
        elif self._pressed is not None:
            _, at, _ = self._pressed
            self._click(pointer, at)
        self._pressed = None

    def double_click(self, event: QMouseEvent) -> None:
        """Open a step, or ask for a new one: in the void, or to go into a wire."""
        if event.button() != Qt.MouseButton.LeftButton:
            return
        pointer = self._pointer(event)
        at = hit(self._canvas.diagram, pointer.x, pointer.y, self._canvas.camera.scale)
        if at.part in ("step", "corner") and self._canvas.diagram.boxes[at.step].shape.form == "note":
            self._canvas.commands.edit_note(at.step)
        elif at.part == "step":
            self._canvas.activated.emit(at.step)
        elif at.part == "wire" and at.wire is not None:
            self._canvas.commands.ask_for_step(pointer.at, on=at.wire)
        elif at.part == "group":
            self._canvas.commands.rename_group(at.group)
        elif at.part in ("void", "frame", "corner"):
            self._canvas.commands.ask_for_step(pointer.at)

    def wheel(self, event: QWheelEvent) -> None:
        """The wheel pans; with Ctrl it zooms around the pointer."""
        delta = event.pixelDelta() if not event.pixelDelta().isNull() else event.angleDelta()
        if event.modifiers() & _CTRL:
            self._canvas.zoom(_WHEEL ** event.angleDelta().y(), event.position().toPoint())
        elif event.modifiers() & _SHIFT:
            self._canvas.pan(-(delta.y() or delta.x()), 0)
        else:
            self._canvas.pan(-delta.x(), -delta.y())
        event.accept()

    def leave(self) -> None:
        """The pointer is gone."""
        self._is_over = False
        if self.gesture is None:
            self._mark(NOTHING_HIT)

    def cancel(self) -> None:
        """Give the gesture up; nothing has happened."""
        self._pressed = None
        self._autopan.stop()
        if self.gesture is not None:
            gesture, self.gesture = self.gesture, None
            gesture.cancel()
            self._show_cursor(None)

    def paint(self, painter: QPainter) -> None:
        """What the gesture shows; the painter is in window pixels."""
        if self.gesture is not None:
            self.gesture.paint(painter)
        self._drops.paint(painter)

    # -- keys and other events -------------------------------------------------------------------------------------

    def key(self, event: QKeyEvent) -> bool:
        """A key goes down; whether it means something here."""
        if event.key() == Qt.Key.Key_Escape:
            marks = self._canvas.marks
            used = bool(self.gesture or self._pressed or marks.selected or marks.wires)
            if self.gesture is None:
                self._canvas.select(())
            self.cancel()
            return used
        if event.key() == Qt.Key.Key_Space:
            if not event.isAutoRepeat() and self.gesture is None:
                self._space = True
                self._show_cursor(Qt.CursorShape.OpenHandCursor)
            return True
        act = self._keys.get(spelt(event))
        if act is None or self.gesture is not None:
            return False
        self.by_keyboard = True
        self._canvas.commands.pointed = None
        act()
        return True

    def leave_keys(self, keys: Collection[str]) -> None:
        """Leave these keys to others; all others are heard as before."""
        form = QKeySequence.SequenceFormat.PortableText
        left = {QKeySequence(each).toString(form) for each in keys}
        self._keys = {name: act for name, act in bindings(self._canvas).items() if name not in left}

    def key_up(self, event: QKeyEvent) -> None:
        """A key goes up."""
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self._space = False
            if self.gesture is None:
                self._show_cursor(None)

    def viewport_event(self, event: QEvent) -> bool:
        """Drops, tooltips and gestures of a touch pad; whether the event is done with."""
        if isinstance(event, QNativeGestureEvent):
            if event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture:
                self._canvas.zoom(1.0 + event.value(), event.position().toPoint())
            return True
        if isinstance(event, QGestureEvent):
            return self._pinch(event)
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            x, y = self._canvas.canvas_point(event.pos())
            text = tip(self._canvas, hit(self._canvas.diagram, x, y, self._canvas.camera.scale))
            QToolTip.showText(event.globalPos(), text, self._canvas)
            return True
        if event.type() == QEvent.Type.DragLeave:
            self._drops.leave()
            return True
        if isinstance(event, QDropEvent):
            return self._drop(event)
        return False

    def _drop(self, event: QDropEvent) -> bool:
        if isinstance(event, QDragEnterEvent | QDragMoveEvent):
            return self._drops.over(event)
        return self._drops.drop(event)

    def _pinch(self, event: QGestureEvent) -> bool:
        pinch = event.gesture(Qt.GestureType.PinchGesture)
        if not isinstance(pinch, QPinchGesture):
            return False
        at = self._canvas.viewport().mapFromGlobal(pinch.centerPoint().toPoint())
        self._canvas.zoom(pinch.scaleFactor(), at)
        event.accept(Qt.GestureType.PinchGesture)
        return True

    # -- which gesture ---------------------------------------------------------------------------------------------

    def _candidate(self, pointer: Pointer, at: Hit) -> Callable[[], Gesture] | None:
        """The gesture that this press becomes if the pointer moves on."""
        canvas, marks = self._canvas, self._canvas.marks
        editable = not canvas.document.read_only
        if pointer.holds(_ALT) and editable:
            return lambda: Cut(canvas, pointer)
        if at.part == "port" and at.port is not None:
            if not editable:
                return None
            if at.port.side == "out":
                step, port = at.step, at.port.name
                return lambda: Draw(canvas, pointer, step, port)
            wires = sorted((w for w in canvas.diagram.wires_of(at.step) if w.target == at.step), key=repr)
            if wires:
                return lambda: Redirect(canvas, pointer, wires if pointer.holds(_SHIFT) else wires[-1:])
        if at.part == "corner" and editable:
            if not canvas.diagram.boxes[at.step].is_frame:
                canvas.focus_on(at.step, reveal=False)
            return lambda: Resize(canvas, pointer, at.step)
        if at.part in ("step", "port"):
            if pointer.holds(_SHIFT):
                canvas.select(set(marks.selected) ^ {at.step}, marks.wires)
            elif at.step not in marks.selected:
                canvas.focus_on(at.step, reveal=False)
            canvas.marks.focus = at.step
            return (lambda: Move(canvas, pointer)) if editable and at.step in marks.selected else None
        if at.part == "wire" and at.wire is not None:
            canvas.select(marks.selected if pointer.holds(_SHIFT) else (), {at.wire}, add=pointer.holds(_SHIFT))
            return None
        if at.part == "group":
            members = canvas.document.workflow.groups[at.group].steps
            canvas.select(members, add=pointer.holds(_SHIFT))
            return (lambda: Move(canvas, pointer)) if editable else None
        return lambda: Band(canvas, pointer, at.step)

    def _click(self, pointer: Pointer, at: Hit) -> None:
        """A press without a movement."""
        canvas = self._canvas
        if at.part == "port" and at.port is not None and at.port.side == "out" and not canvas.document.read_only:
            after = (at.step, at.port.name)
            place = canvas.commands.place_after(*after)
            canvas.commands.ask_for_step(pointer.at + QPoint(24, -16), after=after, place=place)
        elif at.part == "step" and not pointer.holds(_SHIFT):
            canvas.focus_on(at.step, reveal=False)
        elif at.part in ("void", "frame", "corner") and not pointer.holds(_SHIFT):
            canvas.select(() if at.part != "corner" or canvas.diagram.boxes[at.step].is_frame else (at.step,))

    def _right(self, pointer: Pointer, at: Hit) -> None:
        canvas = self._canvas
        canvas.commands.pointed = (pointer.x, pointer.y) if at.part in ("void", "frame") else None
        if at.step and at.part not in ("frame", "corner") and at.step not in self._canvas.marks.selected:
            self._canvas.focus_on(at.step, reveal=False)
        elif at.wire is not None:
            self._canvas.select((), {at.wire})
        elif at.part == "group":
            self._canvas.select(self._canvas.document.workflow.groups[at.group].steps)
        self._canvas.menu_requested.emit(pointer.at, at)

    def _begin(self, gesture: Gesture) -> None:
        self.gesture = gesture
        self._mark(NOTHING_HIT)
        self._show_cursor(gesture.cursor)

    # -- details ---------------------------------------------------------------------------------------------------

    def _pointer(self, event: QMouseEvent) -> Pointer:
        at = event.position().toPoint()
        return Pointer(at, *self._canvas.canvas_point(at), event.modifiers())

    def _hover(self, pointer: Pointer) -> None:
        self._mark(hit(self._canvas.diagram, pointer.x, pointer.y, self._canvas.camera.scale))

    def _mark(self, at: Hit) -> None:
        """Light up what is under the pointer."""
        canvas, marks = self._canvas, self._canvas.marks
        step = at.step if at.part in ("step", "port") else ""
        if (step, at.port, at.wire) == (marks.hover, marks.hover_port, marks.hover_wire):
            return
        for old in {marks.hover, step}:
            canvas.repaint_step(old)
        for wire in {marks.hover_wire, at.wire}:
            canvas.repaint_wire(wire)
        before, marks.hover, marks.hover_port, marks.hover_wire = marks.hover, step, at.port, at.wire
        if step != before:
            canvas.pointed.emit(step)
        if self.gesture is None and not self._space:
            shapes = {"port": Qt.CursorShape.CrossCursor, "corner": Qt.CursorShape.SizeFDiagCursor}
            self._show_cursor(shapes.get(at.part))

    def _show_cursor(self, shape: Qt.CursorShape | None) -> None:
        if shape is None:
            self._canvas.viewport().unsetCursor()
        else:
            self._canvas.viewport().setCursor(shape)

    def _watch_border(self, pointer: Pointer) -> None:
        inner = self._canvas.viewport().rect().adjusted(_BORDER, _BORDER, -_BORDER, -_BORDER)
        if self.gesture is not None and self.gesture.autopan and not inner.contains(pointer.at):
            if not self._autopan.isActive():
                self._autopan.start()
        else:
            self._autopan.stop()

    def _pan_along(self) -> None:
        """Move the view while something is dragged at its border."""
        if self.gesture is None:
            self._autopan.stop()
            return
        inner = self._canvas.viewport().rect().adjusted(_BORDER, _BORDER, -_BORDER, -_BORDER)
        at = self._last
        dx = _AUTOPAN_PX * ((at.x() > inner.right()) - (at.x() < inner.left()))
        dy = _AUTOPAN_PX * ((at.y() > inner.bottom()) - (at.y() < inner.top()))
        self._canvas.pan(dx, dy)
        self.gesture.move(Pointer(at, *self._canvas.canvas_point(at)))
