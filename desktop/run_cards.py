"""Questions of the shown run as cards on the canvas, each below the step that asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol, runtime_checkable

from PySide6.QtCore import QObject, QPoint, QRect, QSize, Qt, SignalInstance
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QFrame, QScrollArea, QToolButton, QVBoxLayout, QWidget

from core.engine.journal import StepRecord
from core.workflow.model import Json
from desktop.canvas.geometry import Rect
from desktop.canvas.viewport import Viewport
from desktop.dialogs.approval import ApprovalCard
from desktop.icons import Icons
from desktop.made_pictures import PictureRoom, pictures_of
from desktop.run_controller import RunController
from desktop.run_log import AttemptKey
from desktop.theme import Theme

WIDTH: Final = 340
"""Of a card, in logical pixels, whatever the canvas's scale."""

HIGHEST: Final = 440
_GAP: Final = 10
_EDGE: Final = 12


@runtime_checkable
class StepPlaces(Protocol):
    """Where the steps of a canvas stand; CanvasView does that."""

    @property
    def viewed(self) -> SignalInstance:
        """Another part is in view."""

    @property
    def drawn(self) -> SignalInstance:
        """Steps have moved, or look otherwise."""

    @property
    def selection_changed(self) -> SignalInstance:
        """Other steps are selected: a frozenset of ids."""

    @property
    def camera(self) -> Viewport:
        """From canvas to window."""

    def viewport(self) -> QWidget:
        """What cards lie on."""

    def place_of(self, step: str) -> Rect | None:
        """The body of a step, in canvas pixels; None if it is not drawn."""


class QuestionCards(QObject):
    """Shows a card for every step that asks; a card that was put away comes back when its step is selected."""

    def __init__(self, canvas: StepPlaces, controller: RunController, room: PictureRoom) -> None:
        super().__init__(controller)
        self._canvas, self._controller, self._room = canvas, controller, room
        self._bridge, self._themes, self._icons = room.bridge, room.themes, room.icons
        self._put_away: set[AttemptKey] = set()
        self._asked: dict[str, StepRecord] = {}
        self.cards: dict[str, CardFrame] = {}
        for signal in (controller.changed, controller.shown_changed, controller.state_changed):
            signal.connect(lambda *_: self.refresh())
        canvas.viewed.connect(self._place)
        canvas.drawn.connect(lambda _: self._place())
        canvas.selection_changed.connect(self._selected)
        room.themes.changed.connect(lambda _: self._rebuild())
        self.refresh()

    def open(self, step_id: str) -> None:
        """Show the card of a step that asks, and give it the keyboard."""
        record = self._asked.get(step_id)
        if record is None:
            return
        self._put_away.discard((record.path, record.attempt))
        self.refresh()
        self._place()
        card = self.cards.get(step_id)
        if card is not None and card.card.buttons:
            card.card.buttons[0].setFocus()

    def refresh(self) -> None:
        """Show a card for each step that asks now: of several passes of a loop the first."""
        run = self._controller.shown
        self._asked = {}
        for record in run.log.waiting() if run is not None else ():
            self._asked.setdefault(record.step_id, record)
        wanted = {
            step_id: record
            for step_id, record in self._asked.items()
            if (record.path, record.attempt) not in self._put_away and self._canvas.place_of(step_id) is not None
        }
        for step_id in [i for i, frame in self.cards.items() if wanted.get(i) is None or frame.key != _key(wanted[i])]:
            self._remove(step_id)
        for step_id, record in wanted.items():
            if step_id not in self.cards:
                self.cards[step_id] = self._card(record)
        self._place()

    def _card(self, record: StepRecord) -> CardFrame:
        run, question = self._controller.shown, record.question
        assert run is not None
        assert question is not None
        several = sum(1 for each in run.log.waiting() if each.step_id == record.step_id)
        card = ApprovalCard(
            question, self._bridge, self._themes, self._icons, title=record.title or record.step_id,
            about=record.path if several > 1 else "",
        )  # fmt: skip
        frame = CardFrame(card, _key(record), self._themes.theme, self._icons, self._canvas.viewport())
        made = self._room.add(card, pictures_of(run.log.records.values()))
        if made is not None:
            made.resized.connect(self._place)

        def refused(error: Exception) -> None:
            card.allow(True)
            self._bridge.tell(error)

        def send(answer: Mapping[str, Json]) -> None:
            self._controller.answer(record.path, answer, run.id, refused)

        def put_away() -> None:
            self._put_away.add(_key(record))
            self.refresh()

        card.answered.connect(send)
        frame.close_button.clicked.connect(put_away)
        QShortcut(
            QKeySequence(Qt.Key.Key_Escape), frame, context=Qt.ShortcutContext.WidgetWithChildrenShortcut
        ).activated.connect(put_away)
        return frame

    def _place(self) -> None:
        steps = {step_id: self._in_window(step_id) for step_id in self.cards}
        taken: list[QRect] = []
        for step_id, frame in self.cards.items():
            step = steps[step_id]
            if step is None:
                frame.hide()
                continue
            room = self._canvas.viewport().rect()
            frame.fit(room.height() - 2 * _EDGE)
            others = [other for each, other in steps.items() if other is not None and each != step_id]
            frame.move(card_place(step, frame.size(), room, taken, others))
            taken.append(frame.geometry())
            frame.show()
            frame.raise_()

    def _in_window(self, step_id: str) -> QRect | None:
        """Where a step is seen, None if it is not in view."""
        camera, place = self._canvas.camera, self._canvas.place_of(step_id)
        if place is None or not place.intersects(camera.visible()):
            return None
        left, top = camera.to_window(place.left, place.top)
        right, bottom = camera.to_window(place.right, place.bottom)
        return QRect(round(left), round(top), round(right - left), round(bottom - top))

    def _selected(self, steps: frozenset[str]) -> None:
        asked = [self._asked[step] for step in steps if step in self._asked]
        if asked and any(_key(record) in self._put_away for record in asked):
            self._put_away -= {_key(record) for record in asked}
            self.refresh()

    def _remove(self, step_id: str) -> None:
        frame = self.cards.pop(step_id)
        frame.hide()
        frame.deleteLater()

    def _rebuild(self) -> None:
        for step_id in list(self.cards):
            self._remove(step_id)
        self.refresh()


def card_place(step: QRect, size: QSize, room: QRect, taken: Sequence[QRect], others: Sequence[QRect] = ()) -> QPoint:
    """Where the card of a step lies: below it, or else above, right or left, or beside other cards, but on none.

    step, room: in pixels of the canvas's window. others: steps that ask, too, and are better not hidden. Where there is
    no such place, as near below it as the window allows.
    """
    inner = room.adjusted(_EDGE, _EDGE, -_EDGE, -_EDGE)
    below, above = step.bottom() + 1 + _GAP, step.top() - _GAP - size.height()
    right, left = step.right() + 1 + _GAP, step.left() - _GAP - size.width()
    wanted = [(step.left(), below), (step.left(), above), (right, step.top()), (left, step.top())]
    for other in taken:  # then beside the cards that lie there
        beside = (other.right() + 1 + _GAP, other.left() - _GAP - size.width())
        wanted += [(x, y) for x in beside for y in (step.top(), below, above)]
        past = (other.bottom() + 1 + _GAP, other.top() - _GAP - size.height())
        wanted += [(x, y) for x in (step.left(), right, left) for y in past]
    places = [QRect(_within(QPoint(x, y), size, inner), size) for x, y in wanted]
    free = [each for each in places if not any(each.intersects(other) for other in taken)]
    clear = [each for each in free if not each.intersects(step)]
    best = [each for each in clear if not any(each.intersects(other) for other in others)]
    return (best or clear or free or places)[0].topLeft()


def _within(at: QPoint, size: QSize, inner: QRect) -> QPoint:
    """The nearest place inside."""
    x = max(inner.left(), min(at.x(), inner.right() + 1 - size.width()))
    return QPoint(x, max(inner.top(), min(at.y(), inner.bottom() + 1 - size.height())))


class CardFrame(QFrame):
    """A question on the canvas, scrolled if it is long. key: the attempt that asks. close_button: puts it away."""

    def __init__(self, card: ApprovalCard, key: AttemptKey, theme: Theme, icons: Icons, parent: QWidget) -> None:
        super().__init__(parent)
        self.card, self.key = card, key
        self.setObjectName("question")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setStyleSheet(
            f"#question {{ background: {theme.css('surface.panel')}; border: 1px solid {theme.css('state.waiting')};"
            f" border-radius: {theme.px('radius.panel')}px; }} #question QScrollArea {{ background: transparent; }}"
        )
        card.setStyleSheet("ApprovalCard { border: none; background: transparent; }")
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(card)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(1, 1, 1, 1)
        layout.addWidget(area)
        self.close_button = QToolButton()
        self.close_button.setIcon(icons.icon("x", theme, "text.muted", 14))
        self.close_button.setIconSize(QSize(14, 14))
        self.close_button.setToolTip("Put away (Esc); it stays in the list of what waits for you")
        self.close_button.setAccessibleName("Put the question away")
        card.add_to_head(self.close_button)
        self.setFixedWidth(WIDTH)

    def fit(self, most: int = HIGHEST) -> None:
        """Be as high as the question, up to a limit."""
        layout = self.card.layout()
        wanted = layout.heightForWidth(WIDTH - 2) if layout is not None and layout.hasHeightForWidth() else 0
        self.setFixedHeight(min(HIGHEST, most, max(wanted, self.card.sizeHint().height()) + 4))


def _key(record: StepRecord) -> AttemptKey:
    return record.path, record.attempt
