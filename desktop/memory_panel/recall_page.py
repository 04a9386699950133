"""Recall as an agent would: what it is told about a question, why, and what it is not told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from core.memory.recall import Recalled
from desktop.bridge import explain
from desktop.empty_state import EmptyState
from desktop.memory_panel.around import Around, button, text_label
from desktop.memory_panel.owner_box import OwnerBox
from desktop.memory_panel.results import Results
from desktop.memory_panel.trial import LIMIT, Fate, Trial
from desktop.memory_panel.wording import SHARED, count_of
from desktop.style import set_role

ROOM: Final = 1500
"""Tokens for memories where no agent says otherwise."""

_FATES: Final[dict[Fate, str]] = {
    "told": "",
    "no_room": "Left out: no room for it in the prompt",
    "beyond": f"Left out: {LIMIT} better ones are told",
    "not_relevant": "Not told: it has little to do with the question",
}


class RecallPage(QWidget):
    """opened: the Memory that the person wants to see whole."""

    opened = Signal(object)

    def __init__(self, around: Around) -> None:
        super().__init__()
        self._around, self._desk = around, around.desk
        self._turn = 0
        self.trial: Trial | None = None
        self.owner = OwnerBox(around, "Recall as this agent", shared="Shared memories alone")
        self.owner.chosen.connect(self._owner_chosen)
        self.room = QSpinBox()
        self.room.setRange(50, 100_000)
        self.room.setSingleStep(100)
        self.room.setFixedHeight(self.owner.sizeHint().height())
        self.room.setGroupSeparatorShown(True)
        self.room.setSuffix(" tokens")
        self.room.setAccessibleName("Room for memories in the prompt, in tokens")
        self.room.setToolTip("Room for memories in the prompt; the agent's own setting at first")
        self.room.valueChanged.connect(lambda _: self._ask_again())
        self.question = QLineEdit()
        self.question.setPlaceholderText("What would be asked?")
        self.question.setAccessibleName("The question to recall for")
        self.question.returnPressed.connect(self.ask)
        self.ask_button = button("Recall", self.ask, "primary")
        self.summary = text_label("", "secondary")
        self.note = text_label("", "secondary", selectable=True)
        self.cards: list[RecallCard] = []
        self._lay_out()
        self._desk.owners_changed.connect(self._owner_chosen)
        self._desk.changed.connect(self._ask_again)
        around.themes.changed.connect(self._dress)
        self._dress()
        self._owner_chosen()

    def ask(self) -> None:
        """Recall for what was typed."""
        question = self.question.text().strip()
        if not question:
            return
        self._turn += 1
        turn = self._turn
        self._desk.recall(
            self.owner.agent_id, question, self.room.value(),
            lambda trial: self._show(turn, trial), lambda error: self._failed(turn, error),
        )  # fmt: skip

    def _ask_again(self) -> None:
        if self.trial is not None and self.isVisible():
            self.ask()

    def _owner_chosen(self) -> None:
        owner = next((each for each in self._desk.owners if each.id == self.owner.agent_id), None)
        before = self.room.blockSignals(True)
        self.room.setValue(owner.room if owner is not None else ROOM)
        self.room.blockSignals(before)
        self._ask_again()

    def _show(self, turn: int, trial: Trial) -> None:
        if turn != self._turn:
            return
        self.trial = trial
        self.cards = [
            RecallCard(self._around, place + 1, item, fate)
            for place, (item, fate) in enumerate(zip(trial.recall.items, trial.fates, strict=True))
        ]
        for card in self.cards:
            card.opened.connect(self.opened)
        self.summary.setText(_summary(trial))
        self._say(trial.recall.note)
        self._results.show_cards(self.cards)

    def _failed(self, turn: int, error: Exception) -> None:
        if turn == self._turn:
            self.summary.setText("")
            self._say(explain(error))

    def _say(self, note: str) -> None:
        self.note.setText(note)
        self._notice.setVisible(bool(note))

    def _lay_out(self) -> None:
        around = self._around
        start = EmptyState(
            around.icons, around.themes, icon="search", title="See what an agent would be told",
            text="Type what somebody might ask. You see what is recalled, with scores and reasons, and what is left "
            "out. Nothing counts as used by it.",
        )  # fmt: skip
        none_found = EmptyState(
            around.icons, around.themes, icon="search", title="Nothing is remembered that could help",
            text="The agent would be told nothing. Ask in other words, or remember something for it.",
        )  # fmt: skip
        self._results = Results(start, none_found, gap=8)
        self._notice = QFrame()
        set_role(self._notice, role="card")
        self._sign = QLabel()
        notice = QHBoxLayout(self._notice)
        notice.setContentsMargins(12, 8, 12, 8)
        notice.setSpacing(10)
        notice.addWidget(self._sign, 0, Qt.AlignmentFlag.AlignTop)
        notice.addWidget(self.note, 1)
        self._notice.hide()
        who = QHBoxLayout()
        who.setSpacing(6)
        who.addWidget(self.owner, 1)
        who.addWidget(self.room)
        asked = QHBoxLayout()
        asked.setSpacing(6)
        asked.addWidget(self.question, 1)
        asked.addWidget(self.ask_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 8, 0)
        column.setSpacing(8)
        column.addLayout(who)
        column.addLayout(asked)
        column.addWidget(self._notice)
        column.addWidget(self.summary)
        column.addWidget(self._results, 1)

    def _dress(self, _theme: object = None) -> None:
        theme = self._around.themes.theme
        self._sign.setPixmap(
            self._around.icons.pixmap("info", theme.color("state.waiting"), 16, self.devicePixelRatioF())
        )
        for card in self.cards:
            card.dress()


class RecallCard(QFrame):
    """A recalled memory with its score and the three parts of it. opened: its Memory, when it is pressed."""

    opened = Signal(object)

    def __init__(self, around: Around, place: int, item: Recalled, fate: Fate) -> None:
        super().__init__()
        self._around, self.item, self.fate = around, item, fate
        self.setProperty("role", "card")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        told = fate == "told"
        why = item.why
        number = QLabel(f"{place}")
        number.setProperty("kind", "caption")
        number.setFixedWidth(18)
        score = QLabel(f"{item.score:.2f}")
        set_role(score, kind="strong")
        score.setToolTip("Of 1: 0.6 relevance, 0.2 importance, 0.2 how lately it was of use")
        words = text_label(item.memory.content, "" if told else "muted")
        top = QHBoxLayout()
        top.setSpacing(6)
        top.addWidget(number, 0, Qt.AlignmentFlag.AlignTop)
        top.addWidget(words, 1)
        top.addWidget(score, 0, Qt.AlignmentFlag.AlignTop)
        parts = QHBoxLayout()
        parts.setContentsMargins(24, 0, 0, 0)
        parts.setSpacing(10)
        for name, share, tip in (
            ("Relevance", why.relevance, "its places in both searches, beside the best that was found"),
            ("Importance", why.importance, "as it is set"),
            ("Recency", why.recency, "how lately it was made or of use"),
        ):
            parts.addWidget(_Meter(around, name, share, tip), 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 10)
        column.setSpacing(6)
        column.addLayout(top)
        column.addLayout(parts)
        because = text_label(_in_line(reasons(item)), "muted")
        because.setContentsMargins(24, 0, 0, 0)
        column.addWidget(because)
        self.fate_label = text_label(_FATES[fate], "secondary")
        self.fate_label.setContentsMargins(24, 0, 0, 0)
        self.fate_label.setVisible(not told)
        column.addWidget(self.fate_label)
        owner = around.desk.owner_name(item.memory.agent_id) if item.memory.agent_id else SHARED
        said = [item.memory.content.rstrip("."), f"Score {item.score:.2f}", *reasons(item), _FATES[fate], owner]
        self.setAccessibleName(f"{place}: {'. '.join(part for part in said if part)}")
        self.dress()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Return or Space opens it."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.opened.emit(self.item.memory)
        else:
            super().keyPressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """A click opens it."""
        super().mouseReleaseEvent(event)
        if event.button() == Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self.opened.emit(self.item.memory)

    def dress(self) -> None:
        """The ring that shows where the keyboard is, in the colours of the theme."""
        theme = self._around.themes.theme
        self.setStyleSheet(f"RecallCard:focus {{ border: 1px solid {theme.css('focus')}; }}")


class _Meter(QWidget):
    """A share of 0 to 1 with its name above a bar."""

    def __init__(self, around: Around, name: str, share: float, tip: str) -> None:
        super().__init__()
        self._around, self._name, self._share = around, name, share
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip(f"{name}: {share:.2f} of 1; {tip}")

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """A line of words and a bar."""
        return QSize(70, 26)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """It may be pressed together."""
        return QSize(40, 26)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """The name; below it the bar, and the number at its end, so that both fit into a narrow panel."""
        theme = self._around.themes.theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font("caption", tabular=True))
        painter.setPen(theme.color("text.muted"))
        number, metrics = f"{self._share:.2f}", painter.fontMetrics()
        taken = metrics.horizontalAdvance(number) + 6
        name = metrics.elidedText(self._name, Qt.TextElideMode.ElideRight, self.width())
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(0, 0, self.width(), 15), Qt.AlignmentFlag.AlignLeft | middle, name)
        painter.drawText(QRectF(0, 11, self.width(), 15), Qt.AlignmentFlag.AlignRight | middle, number)
        length = self.width() - taken
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("border.subtle"))
        painter.drawRoundedRect(QRectF(0, 17, length, 4), 2, 2)
        if self._share > 0.01:
            painter.setBrush(theme.color("accent"))
            painter.drawRoundedRect(QRectF(0, 17, max(4, length * min(1.0, self._share)), 4), 2, 2)
        painter.end()


_DOT: Final = "\u00a0\u00a0·  "
"""Between parts of a line, which breaks after it."""


def reasons(item: Recalled) -> Sequence[str]:
    """Why it was found: by its vector, its words, or because it is pinned; and what room it takes."""
    why = item.why
    said = ["Pinned"] if why.pinned else []
    if why.similarity is not None:
        place = f", place {why.vector_rank}" if why.vector_rank is not None else ""
        said.append(f"Meaning {why.similarity:.2f} alike{place}")
    if why.words:
        said.append(f"Words: {', '.join(why.words)}")
    said.append(f"{item.tokens} tokens")
    return said


def _in_line(parts: Sequence[str]) -> str:
    """The parts in a line that breaks between them, not within one."""
    return _DOT.join(part.replace(" ", "\u00a0") if len(part) < 40 else part for part in parts)


def _summary(trial: Trial) -> str:
    recall = trial.recall
    how = "By meaning and words" if recall.mode == "vector" else "By words only"
    told = trial.number("told")
    said = [how, f"{count_of(told)} told, {trial.tokens:,} of {trial.room:,} tokens" if told else "nothing is told"]
    if left := trial.number("no_room"):
        said.append(f"{left} left out for want of room")
    if beyond := trial.number("beyond") + recall.left_out:
        said.append(f"{beyond} beyond the best {LIMIT}")
    return _DOT.join(said)
