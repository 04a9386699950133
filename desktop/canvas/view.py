"""The canvas: a workflow to look at and to work on.

It derives from pyqtgraph's GraphicsView and keeps its pixel coordinates: the graph is painted by `Painter` and `Live`
out of the `Diagram`, which holds the pace with thousands of steps; scene items are left to what is few and alive.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QAccessibleInterface,
    QCloseEvent,
    QFocusEvent,
    QHideEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QRegion,
    QResizeEvent,
    QShowEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QGraphicsView, QWidget

from core.engine.step_type import StepTypes
from core.workflow.model import Wire
from core.workflow.problems import WorkflowError
from desktop.canvas.actions import CanvasActions
from desktop.canvas.diagram import Damage, Diagram
from desktop.canvas.faults import Faults
from desktop.canvas.fitting import Fitting
from desktop.canvas.geometry import Rect
from desktop.canvas.gliding import Glide
from desktop.canvas.ink import Ink
from desktop.canvas.interactions import Interactions
from desktop.canvas.live import Live, Marks
from desktop.canvas.look import Look, look_from_afar, look_of
from desktop.canvas.minimap import Minimap
from desktop.canvas.pace import LEAST_MS, Pace
from desktop.canvas.painter import Painter
from desktop.canvas.pyqtgraph_view import graphics_view
from desktop.canvas.stale import parts_of, window_rect
from desktop.canvas.strands import LABEL_REACH
from desktop.canvas.tidying import Arranger
from desktop.canvas.traffic import Flow, flow_of, tally_of
from desktop.canvas.viewport import Viewport
from desktop.canvas.zoom_pill import ZoomPill
from desktop.document import Changes, Edit, OpenDocument
from desktop.icons import Icons
from desktop.overlay import RunOverlay, StepState, StepView
from desktop.theme import Theme, ThemeManager

if TYPE_CHECKING:
    _Base = QGraphicsView
else:  # pyqtgraph has no types, and its class is a QGraphicsView
    _Base = graphics_view()

FRAME_MS: Final = 16
SETTLE_MS: Final = 80
"""After the last zoom step everything is painted in full detail."""

_MOST_PIECES: Final = 200
_FEW_PIECES: Final = 16
"""Showing more pieces of the picture than that takes longer than showing the rectangle around them."""

_CLOCK_MS: Final = 1_000
_TURN_S: Final = 1.2


class CanvasView(_Base):
    """A workflow's canvas.

    selection_changed: the selected steps, a frozenset of ids. zoomed: the scale, 1.0 = 100 %. viewed: the part in
    view, or the graph's extent, is another one. activated: a step that
    the person wants to open (Enter, double click). menu_requested: place in the window and what is there (a Hit).
    said: a sentence for the person, such as why something cannot be done. drawn: ids of steps whose state is
    another one, empty if the graph itself is.
    stepped: a step's id and the state that it has come to. pointed: the step under the pointer, '' for none.
    """

    selection_changed = Signal(object)
    zoomed = Signal(float)
    viewed = Signal()
    activated = Signal(str)
    menu_requested = Signal(QPoint, object)
    said = Signal(str)
    drawn = Signal(object)
    stepped = Signal(str, str)
    pointed = Signal(str)

    _is_built = False  # Qt and pyqtgraph send events while they construct themselves

    def __init__(
        self,
        document: OpenDocument,
        overlay: RunOverlay,
        types: StepTypes,
        theme_manager: ThemeManager,
        *,
        icons: Icons | None = None,
        now: Callable[[], float] = time.monotonic,
        parent: QWidget | None = None,
    ) -> None:
        self._painting = QRegion()
        self._pace = Pace()
        super().__init__(parent)
        self.document = document
        self.overlay = overlay
        self.types = types
        self.icons = icons or Icons()
        self.now = now
        self.camera = Viewport(float(self.width()), float(self.height()))
        self.marks = Marks()
        self.diagram = Diagram(types, document.workflow)
        self.faults = Faults(self)
        self._themes = theme_manager
        self._looks: dict[str, Look] = {}
        self._flows: dict[Wire, tuple[Flow, int]] = {}
        self._running: set[str] = set()
        self._has_news = False
        self.picture = Painter(
            self.diagram,
            Ink(theme_manager.theme),
            self.icons,
            look=self.look,
            afar=self.afar,
            tone=self.tone,
            flow=self.flow,
            tally=self.tally,
        )
        self._live = Live(self.diagram, self.picture, self.marks)
        self._set_up_widget()
        self._frame = self._timer(FRAME_MS, self._follow_run, once=True)
        self._settle = self._timer(SETTLE_MS, self._rest, once=True)
        self._turn = self._timer(LEAST_MS, self._turn_rings, once=False)
        self._sharpen = self._timer(FRAME_MS, self._paint_rest, once=True)
        self.arranger = Arranger(self)
        self.glide = Glide(self)
        self.fitting = Fitting(self)
        self.commands = CanvasActions(self)
        self.interactions = Interactions(self)
        self.minimap = Minimap(self)
        self.zoom_pill = ZoomPill(self)
        self.accessible: QAccessibleInterface | None = None
        self.speaker: QObject | None = None
        self._states: dict[str, StepState] = {}
        document.changed.connect(self._document_changed)
        theme_manager.changed.connect(self._theme_changed)
        self._is_built = True
        self.overlay_changed()

    # -- what is shown ---------------------------------------------------------------------------------------------

    @property
    def theme(self) -> Theme:
        """The theme in force."""
        return self._themes.theme

    @property
    def is_busy(self) -> bool:
        """Whether another frame comes by itself: the picture is behind, or a run's news are not shown yet."""
        timers = (self._sharpen, self._settle, self._frame)
        moves = self.arranger.is_busy or self.glide.is_active
        return self.picture.is_behind or moves or self._has_news or any(timer.isActive() for timer in timers)

    @property
    def selected(self) -> frozenset[str]:
        """The selected steps."""
        return frozenset(self.marks.selected)

    def show_run(self, overlay: RunOverlay) -> None:
        """Show another run's states; an empty overlay shows none."""
        self.overlay = overlay
        overlay.take_dirty()
        self._looks.clear()
        self._flows.clear()
        self._running = {i for i, view in overlay.by_id.items() if view.state == "running" and i in self.diagram.boxes}
        self._states.clear()
        self.picture.spoil()
        self.repaint_all()
        self.drawn.emit(frozenset())
        self._animate()

    def overlay_changed(self) -> None:
        """The run has gone on: what changed is painted with the next frame, or with the next turn of the rings."""
        self._has_news = True
        if not self._frame.isActive() and not (self._turn.isActive() and self._turn.interval() < _CLOCK_MS):
            self._frame.start()

    def look(self, step: str) -> Look:
        """How a step looks now."""
        found = self._looks.get(step)
        if found is None:
            model = self.diagram.steps[step]
            found = self._looks[step] = look_of(
                model, self.types.get(model.type), self.diagram.boxes[step].shape, self.state(step),
                self.diagram.connected(step), self.overlay.marks.get(step), self.faults.severity(step),
            )  # fmt: skip
        return found

    def afar(self, step: str) -> Look:
        """How a step looks from so far away that texts cannot be read."""
        model, view = self.diagram.steps[step], self.overlay.by_id.get(step)
        shape = self.diagram.boxes[step].shape
        return look_from_afar(model, self.types.get(model.type), shape, view.state if view else "idle")

    def tone(self, step: str) -> tuple[str, StepState]:
        """A step's kind and state."""
        kind, view = self.types.get(self.diagram.steps[step].type), self.overlay.by_id.get(step)
        return kind.category if kind else "", view.state if view else "idle"

    def state(self, step: str) -> StepView | None:
        """How a step stands in the run that is shown."""
        return self.overlay.by_id.get(step)

    def flow(self, wire: Wire) -> Flow:
        """What the run that is shown did with a wire."""
        return flow_of(self.overlay.by_id.get(wire.source), wire.port)

    def tally(self, wire: Wire) -> str:
        """How much the run that is shown sent along a wire, in words; '' for nothing."""
        view, step = self.overlay.by_id.get(wire.source), self.diagram.steps[wire.source]
        return tally_of(view, wire.port, step, self.types, decides=self.diagram.wires[wire].kind == "flow")

    # -- changing what is shown ------------------------------------------------------------------------------------

    def apply(self, label: str, edit: Edit, *, merge: str = "") -> bool:
        """Make an edit; whether it was made. Why it cannot be made is said to the person."""
        if self.document.read_only:
            self.said.emit("This document is read-only. Save a copy to change it.")
            return False
        try:
            return self.document.apply(label, edit, merge=merge)
        except WorkflowError as error:
            self.said.emit(str(error))
            return False

    def select(self, steps: Iterable[str], wires: Iterable[Wire] = (), *, add: bool = False) -> None:
        """Select these and nothing else, or these as well."""
        before, lit = set(self.marks.selected), set(self.marks.wires)
        known = {step for step in steps if step in self.diagram.boxes}
        cables = {wire for wire in wires if wire in self.diagram.wires}
        self.marks.selected = before | known if add else known
        self.marks.wires = lit | cables if add else cables
        for step in before ^ self.marks.selected:
            self.repaint_step(step)
        for wire in lit ^ self.marks.wires:
            self.repaint_wire(wire)
        if before != self.marks.selected:
            self.selection_changed.emit(self.selected)

    def focus_on(self, step: str, *, reveal: bool = True) -> None:
        """Put the keyboard at a step, or the folded loop that hides it, and select it alone."""
        step = self.diagram.shown_for(step)
        self.repaint_step(self.marks.focus)
        self.marks.focus = step
        self.select([step])
        if reveal and step in self.diagram.boxes and self.camera.reveal(self.diagram.boxes[step].rect):
            self.camera_moved()

    def repaint_step(self, step: str) -> None:
        """Paint what is around a step anew: its rings, not its face."""
        box = self.diagram.boxes.get(step)
        if box is not None:
            self.repaint_part(window_rect(box.rect.grown(30.0), self.camera))

    def repaint_wire(self, wire: Wire | None) -> None:
        """Paint what is around a wire anew."""
        if wire is not None and wire in self.diagram.paths:
            self.repaint_part(window_rect(self.diagram.paths.rect(wire).grown(LABEL_REACH), self.camera))

    def repaint_all(self) -> None:
        """Paint the window anew; the picture below stays."""
        self.repaint_part(QRegion(self.viewport().rect()))

    def repaint_part(self, part: QRegion | QRect) -> None:
        """Paint a part of the window anew.

        What stands in the corners hides what is behind it: painting that too would paint the corners with every frame.
        """
        corners = (self.minimap, self.zoom_pill)
        hidden = [corner.geometry() for corner in corners if corner.isVisible()]
        region = QRegion(part)
        for rect in hidden:
            region -= rect
        self.viewport().update(region)

    def show_damage(self, damage: Damage) -> None:
        """The diagram has changed: forget what is outdated and paint it anew."""
        for step in damage.steps:
            self._looks.pop(step, None)
        self.picture.damaged(damage, self.camera)
        region = QRegion()
        for area in damage.areas if len(damage.areas) < 200 else ():
            region += window_rect(area.grown(32.0), self.camera)
        self.repaint_part(region if len(damage.areas) < 200 else QRegion(self.viewport().rect()))
        self.drawn.emit(frozenset())

    # -- the camera ------------------------------------------------------------------------------------------------

    def pan(self, dx: float, dy: float) -> None:
        """Show what lies further right and down, by window pixels."""
        self.glide.finish()
        self.camera.pan(dx, dy)
        self.picture.scrolled(dx, dy, self.camera)
        self.repaint_all()
        self.viewed.emit()

    def zoom(self, factor: float, at: QPoint | None = None) -> None:
        """Zoom by a factor around a place in the window, or its middle."""
        self.glide.finish()
        at = at or self.viewport().rect().center()
        before = self.camera.scale
        self.camera.zoom(factor, at.x(), at.y())
        if self.camera.scale != before:
            self.picture.moving = True
            self._settle.start()
            self._zoom_changed()

    def zoom_to(self, scale: float) -> None:
        """Show at a scale, around the middle. 1.0 = 100 %."""
        middle = self.viewport().rect().center()
        self.camera.zoom_to(scale, middle.x(), middle.y())
        self._zoom_changed()

    def fit(self, steps: Iterable[str] | None = None) -> None:
        """Show these steps, or everything, as large as it goes but not above 100 %."""
        self.fitting.fit(steps)

    def camera_moved(self, *, on_its_way: bool = False) -> None:
        """The camera was set from outside: paint everything anew. on_its_way: it goes on, so less detail will do."""
        if on_its_way:
            self.picture.moving = True
            self._settle.start()
        self._zoom_changed()

    def canvas_point(self, at: QPoint) -> tuple[float, float]:
        """The canvas point under a place in the window."""
        return self.camera.to_canvas(at.x(), at.y())

    def visible_area(self) -> Rect:
        """The part of the canvas in view."""
        return self.camera.visible()

    def place_of(self, step: str) -> Rect | None:
        """The body of a step; None if there is no such step."""
        box = self.diagram.boxes.get(step)
        return box.rect if box is not None else None

    # -- Qt --------------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Paint what is out of date."""
        self._painting = event.region()
        with self._pace.measured():
            super().paintEvent(event)

    def drawBackground(self, painter: QPainter, _rect: QRectF | QRect) -> None:  # noqa: N802 - Qt's name
        """Paint the picture, what is lit, and the gesture at work."""
        dpr = self.viewport().devicePixelRatioF()
        picture = self.picture.picture(self.camera, dpr)
        density = picture.devicePixelRatio()
        part = self._painting.boundingRect()
        painter.resetTransform()
        count = self._painting.rectCount()
        for piece in parts_of(self._painting) if count <= _MOST_PIECES else (part,):
            source = QRectF(piece.x() * density, piece.y() * density, piece.width() * density, piece.height() * density)
            painter.drawPixmap(QRectF(piece), picture, source)
        area = Rect(*self.canvas_point(part.topLeft()), *self.canvas_point(part.bottomRight())).grown(32.0)
        running = self.running_for if self._running else _nothing_runs
        phase = 0.0 if self.theme.reduced_motion else self.now() / _TURN_S % 1.0
        keyboard = self.interactions.by_keyboard and self.hasFocus()
        self._live.paint(painter, area, self.camera, dpr, running=running, phase=phase, keyboard=keyboard)
        painter.resetTransform()
        self.interactions.paint(painter)
        self.picture.stats.frames += 1
        if self.picture.is_blurred and not self.picture.moving:
            self._sharpen.start()

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802 - Qt's name
        """The window has another size."""
        super().resizeEvent(event)  # type: ignore[arg-type]  # pyqtgraph calls it with None while it is built
        if event is not None and self._is_built:
            size = self.viewport().size()
            self.camera.resize(float(size.width()), float(size.height()))
            self.minimap.place()
            self.zoom_pill.place()
            if not self.fitting.resized():
                self.viewed.emit()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Fit the graph the first time; let rings turn."""
        super().showEvent(event)
        self.fitting.first()
        self._animate()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 - Qt's name
        """Give up gestures and animations."""
        super().hideEvent(event)
        self.interactions.cancel()
        self.glide.finish()
        self._turn.stop()

    def close(self) -> bool:
        """Close it. pyqtgraph takes the viewport away first, so what is at work there is given up before."""
        self.interactions.cancel()
        self.arranger.stop()
        self.glide.finish()
        super().close()
        return True

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802 - Qt's name
        """Stop everything that would come later."""
        for timer in (self._frame, self._settle, self._turn, self._sharpen):
            timer.stop()
        super().closeEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """A button goes down."""
        self.interactions.press(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """The pointer moves."""
        self.interactions.move(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """A button goes up."""
        self.interactions.release(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Open or add."""
        self.interactions.double_click(event)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802 - Qt's name
        """Pan or zoom."""
        self.interactions.wheel(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """A key goes down; what means nothing here goes to the window."""
        if not self.interactions.key(event):
            event.ignore()

    def keyReleaseEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """A key goes up."""
        self.interactions.key_up(event)

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """The pointer is gone."""
        self.interactions.leave()

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802 - Qt's name
        """Show where the keyboard is."""
        super().focusInEvent(event)
        self.repaint_step(self.marks.focus)

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802 - Qt's name
        """Hide where the keyboard is."""
        super().focusOutEvent(event)
        self.repaint_step(self.marks.focus)

    def focusNextPrevChild(self, _forward: bool) -> bool:  # noqa: N802 - Qt's name
        """Never: Tab adds a step here, and F6 goes from panel to panel."""
        return False

    def viewportEvent(self, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Drops, tooltips and touch."""
        return (self._is_built and self.interactions.viewport_event(event)) or super().viewportEvent(event)

    # -- following the document and the run ------------------------------------------------------------------------

    def running_for(self, step: str) -> float | None:
        """Seconds since a step began, None if it does not run."""
        view = self.overlay.by_id.get(step) if step in self._running else None
        return max(0.0, self.now() - view.since) if view is not None else None

    def rings(self) -> QRegion:
        """The part of the window where something turns or travels."""
        region = QRegion()
        seen = self.camera.visible()
        for step in self._running if self.picture.detail != "far" else ():
            arriving = (wire for wire in self.diagram.wires_of(step) if wire.target == step)
            for area in (self.diagram.boxes[step].rect, *(self.diagram.paths.rect(wire) for wire in arriving)):
                if area.intersects(seen):
                    region += window_rect(area.grown(14.0), self.camera)
        return region

    def _set_up_widget(self) -> None:
        self.setCacheMode(QGraphicsView.CacheModeFlag(0))
        self.setAccessibleName("Canvas")
        self.setMouseTracking(True)
        self.setAcceptDrops(True)
        self.viewport().setAcceptDrops(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().grabGesture(Qt.GestureType.PinchGesture)

    def _timer(self, interval: int, call: Callable[[], None], *, once: bool) -> QTimer:
        timer = QTimer(self)
        timer.setInterval(interval)
        timer.setSingleShot(once)
        timer.timeout.connect(call)
        return timer

    def _document_changed(self, changes: Changes) -> None:
        self.glide.finish()
        damage = self.diagram.update(self.document.workflow, changes)
        self.show_damage(damage)
        gone = [step for step in self.marks.selected if step not in self.diagram.boxes]
        cut = [wire for wire in self.marks.wires if wire not in self.diagram.wires]
        if gone or cut:
            self.select(self.marks.selected - {*gone}, self.marks.wires - {*cut})
        self._running &= self.diagram.boxes.keys()

    def _follow_run(self) -> None:
        self._has_news = False
        with self._pace.measured():
            self.restate(self.overlay.take_dirty() & self.diagram.boxes.keys())

    def restate(self, steps: Iterable[str]) -> None:
        """Paint what is different of these steps: in the run that is shown, or of what is wrong with them."""
        region, turned = QRegion(), set[str]()
        for step in steps:
            old = self._looks.pop(step, None)
            view = self.overlay.by_id.get(step)
            if view is not None and view.state == "running":
                self._running.add(step)
            else:
                self._running.discard(step)
            if old is None or old != self.look(step):
                region += self.picture.refaced(step, self.camera, was_opaque=old is not None and old.is_opaque)
            region += self._reflow(step, view)
            state = view.state if view is not None else "idle"
            if self._states.get(step, "idle") != state:
                self._states[step] = state
                self.stepped.emit(step, state)
                turned.add(step)
        if turned:
            self.drawn.emit(frozenset(turned))
        self._animate()
        if self._turn.isActive():  # rings turn with this frame, instead of in one of their own
            region += self.rings()
        self.repaint_part(region if region.rectCount() <= _FEW_PIECES else region.boundingRect())

    def _reflow(self, step: str, view: StepView | None) -> QRegion:
        """The part of the window with the wires of a step whose flow is another one, or what is said of it."""
        region = QRegion()
        for wire in self.diagram.wires_of(step):
            if wire.source == step:
                before = self._flows.get(wire, ("rest", 0))
                now = self._flows[wire] = (flow_of(view, wire.port), view.sent.get(wire.port, 0) if view else 0)
                if now != before:  # a label that comes or goes moves the arrow beside it
                    alone = now[0] == before[0] and min(now[1], before[1]) > 1
                    region += self.picture.rewired(wire, self.camera, label_alone=alone)
        return region

    def _theme_changed(self, theme: Theme) -> None:
        self.picture.recolour(Ink(theme))
        self.zoom_pill.dress(theme)
        self.drawn.emit(frozenset())
        self._animate()
        self.repaint_all()

    def _zoom_changed(self) -> None:
        self.picture.zoomed(self.camera)
        self.repaint_all()
        self.zoomed.emit(self.camera.scale)
        self.viewed.emit()

    def _rest(self) -> None:
        """The zoom has come to rest: paint everything in full detail."""
        self.picture.moving = False
        self.picture.zoomed(self.camera)
        self.repaint_all()

    def _paint_rest(self) -> None:
        self.picture.sharpen(self.camera)
        self.repaint_all()

    def _animate(self) -> None:
        """Turn rings as long as something runs in view."""
        if not self._running or not self.isVisible():
            self._turn.stop()
        elif not self._turn.isActive():
            self._turn.start(_CLOCK_MS if self.theme.reduced_motion else LEAST_MS)

    def _turn_rings(self) -> None:
        if self._turn.interval() < _CLOCK_MS:
            self._turn.setInterval(self._pace.next())
        if self._has_news:
            self._follow_run()
        else:
            self.repaint_part(self.rings())


def _nothing_runs(_step: str) -> float | None:
    return None
