"""The list of what waits for a person, a card for each question."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QPushButton, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from core.workflow.model import Json
from desktop.bridge import Bridge
from desktop.dialogs.approval import ApprovalCard
from desktop.icons import Icons
from desktop.made_pictures import PictureRoom
from desktop.panels.empty_note import EmptyNote
from desktop.panels.wording import ago
from desktop.style import set_role
from desktop.theme import ThemeManager
from desktop.waiting_list import Answers, Waiting, WaitingList

if TYPE_CHECKING:
    from desktop.panels.file_view import ReadFile

_WIDEST = 640


class WaitingPanel(QWidget):
    """Cards to answer on. run_chosen: the id of a run to look at.

    answers: where an answer goes. files: where pictures are read. now: the time in UTC. answered_by: who sits here,
    '' if unknown.
    """

    run_chosen = Signal(str)

    def __init__(
        self,
        waiting: WaitingList,
        answers: Answers,
        bridge: Bridge,
        themes: ThemeManager,
        icons: Icons,
        read: ReadFile,
        *,
        now: Callable[[], datetime],
        answered_by: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._waiting, self._bridge, self._themes, self._icons = waiting, bridge, themes, icons
        self._answers = answers
        self._room = PictureRoom(read, bridge, themes, icons)
        self._now, self._answered_by = now, answered_by
        self.cards: dict[tuple[str, str, datetime], ApprovalCard] = {}
        self._heading = QLabel()
        set_role(self._heading, kind="caption")
        self._column = QVBoxLayout()
        self._column.setSpacing(themes.theme.px("space.3"))
        inside = QWidget()
        inside.setMaximumWidth(_WIDEST)
        centre = QVBoxLayout(inside)
        side = themes.theme.px("space.3")
        centre.setContentsMargins(side, themes.theme.px("space.2"), side, side)
        centre.addWidget(self._heading)
        centre.addLayout(self._column)
        centre.addStretch(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setAlignment(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inside)
        empty = EmptyNote("check", "Nothing waits for you", "Questions of runs appear here.", themes, icons)
        self._stack = QStackedWidget()
        self._stack.addWidget(empty)
        self._stack.addWidget(area)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._stack)
        waiting.changed.connect(self._show)
        themes.changed.connect(lambda _theme: self._rebuild())
        self._show()

    def _rebuild(self) -> None:
        for card in self.cards.values():
            card.deleteLater()
        self.cards.clear()
        self._show()

    def _show(self) -> None:
        """Keep the cards of questions that still stand, so that half an answer is not lost."""
        questions = self._waiting.questions
        standing = {each.key for each in questions}
        for gone in [key for key in self.cards if key not in standing]:
            card = self.cards.pop(gone)
            card.hide()
            card.deleteLater()
        for place, each in enumerate(questions):
            if each.key not in self.cards:
                self.cards[each.key] = self._card(each)
                self._column.insertWidget(place, self.cards[each.key])
        count = len(questions)
        self._heading.setText("1 question waits for you" if count == 1 else f"{count} questions wait for you")
        self._stack.setCurrentIndex(1 if count else 0)

    def _card(self, each: Waiting) -> ApprovalCard:
        card = ApprovalCard(
            each.question,
            self._bridge,
            self._themes,
            self._icons,
            title=each.title,
            about=f"{each.workflow} · {ago(each.asked, self._now())}",
            answered_by=self._answered_by,
        )
        open_run = QPushButton("Show the run")
        open_run.setAutoDefault(False)
        set_role(open_run, role="link")
        open_run.clicked.connect(lambda: self.run_chosen.emit(each.run_id))
        card.add_beside(open_run)
        self._room.add(card, each.made)

        def refused(error: Exception) -> None:
            card.allow(True)
            self._bridge.tell(error)
            self._waiting.refresh()

        def send(answer: Mapping[str, Json]) -> None:
            self._answers.answer(each.path, answer, each.run_id, refused)

        card.answered.connect(send)
        return card
