"""The runs of the open workflow, or of a span of time: found, sorted, looked at again, resumed, deleted."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Final, Protocol

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence, QResizeEvent, QShortcut, QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from core.engine.journal import Journal, RunRecord
from desktop.bridge import Bridge
from desktop.dialogs.message import Choice, MessageDialog
from desktop.dialogs.value_editors import ChoiceBox
from desktop.document import OpenDocument
from desktop.icons import Icons
from desktop.panels.empty_note import EmptyNote
from desktop.panels.run_rows import COST, ERROR, INPUTS, PART, TOKENS, WORKFLOW, RunFilter, RunRow, RunRows
from desktop.panels.run_scope import RunScope, ScopeChip
from desktop.run_controller import RunController
from desktop.style import set_role
from desktop.theme import Theme, ThemeManager

LIMIT: Final = 200
"""How many of the newest runs are listed at first, and how many more at a time."""

_WIDEST: Final = 200
"""Of a column that is as wide as its texts, in logical pixels."""

_NARROWEST: Final = 420
"""Of the panel, in logical pixels."""

_SIGN: Final = 36
"""Width of a button that shows its sign alone."""

_UNBOUND: Final = 16_777_215
"""Qt's word for no limit of a width."""

_ROOM_FOR_WORDS: Final = 760
"""Logical pixels from which on the buttons say what they do."""

_NO_RUNS: Final = ("No runs yet", "Press Run; every run is kept here with all its values.")
_NONE_THERE: Final = ("No such run is kept", "It was removed meanwhile, or stands otherwise by now.")


class KeptRuns(Protocol):
    """What the history needs of the workspace."""

    journal: Journal

    async def delete_run(self, run_id: str) -> None:
        """Forget a run. Raises RunNotFound or RunBusy."""


class Remark(QPushButton):
    """A link that is said where there is room for all of it."""

    said = ""

    def say(self, text: str) -> None:
        """Say something else."""
        self.said = text
        self.setAccessibleName(text)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Say it, or nothing."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        has_room = self.fontMetrics().horizontalAdvance(self.said) + 12 <= self.width()
        self.setText(self.said if has_room else "")


class HistoryPanel(QWidget):
    """A table of runs. opened: the id of a run that the person wants to see. again_wanted: the RunRecord of one that is
    to be run again, keeping what still holds. resume_wanted: the RunRecord of one that shall go on elsewhere than here.
    retention_wanted: how long runs are kept is to be changed. scope_left: the runs of the workflow in front are wanted
    again.

    controller, document: of the workflow whose runs are listed; None for a panel that lists those of a scope only.
    executed: the ids of runs that this window executes. now: the time in UTC.
    """

    opened = Signal(str)
    again_wanted = Signal(object)
    resume_wanted = Signal(object)
    retention_wanted = Signal()
    scope_left = Signal()

    def __init__(
        self,
        runs: KeptRuns,
        controller: RunController | None,
        document: OpenDocument | None,
        bridge: Bridge,
        themes: ThemeManager,
        icons: Icons,
        *,
        now: Callable[[], datetime],
        executed: Callable[[], Collection[str]] = frozenset,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._executed = executed
        self._scope: RunScope | None = None
        self._limit = LIMIT
        self._runs, self._controller, self._document, self._bridge = runs, controller, document, bridge
        self._icons = icons
        self._records: Sequence[RunRecord] = ()
        self._reading = self._again = False
        self.rows = RunRows(themes.theme, icons, now=now, parent=self)
        self.filter = RunFilter(self)
        self.filter.setSourceModel(self.rows)
        self.table = self._make_table()
        self.states = ChoiceBox()
        self.states.setAccessibleName("Show runs in this state")
        for word in ("All states", "Running", "Waiting", "Completed", "Failed", "Stopped", "Cancelled", "Interrupted"):
            self.states.addItem(word)
        self.states.activated.connect(lambda _row: self._narrow())
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search inputs, errors, ids")
        self.search.setAccessibleName("Search runs")
        self.search.setClearButtonEnabled(True)
        self.search.setMinimumWidth(120)
        self.search.setMaximumWidth(260)
        self.search.textChanged.connect(lambda _text: self._narrow())
        self.open_button = self._button("Open", self.open_chosen)
        self.again_button = self._button("Run again…", self.run_chosen_again)
        self.again_button.setToolTip("Run with these inputs, or others; what still holds of this run is kept")
        self.again_button.setVisible(controller is not None)
        self.resume_button = self._button("Resume", self.resume_chosen)
        self.delete_button = self._button("Delete", self.ask_deletion)
        bar = QHBoxLayout()
        bar.setSpacing(themes.theme.px("space.1"))
        self.chip = ScopeChip(themes, icons)
        self.chip.hide()
        self.chip.cleared.connect(self.scope_left)
        self.more = QPushButton(f"{LIMIT} more")
        self.more.setToolTip(f"List the {LIMIT} runs before these, too")
        set_role(self.more, role="link")
        self.more.clicked.connect(lambda _checked=False: self.list_more())
        self.more.hide()
        for widget in (self.chip, self.states, self.search, self.more):
            bar.addWidget(widget)
        self.kept = Remark()
        self.kept.setToolTip("Change how many runs are kept, and for how long")
        set_role(self.kept, role="link")
        self.kept.clicked.connect(lambda _checked=False: self.retention_wanted.emit())
        # It takes what room is left: a panel must not press its neighbours for a remark.
        self.kept.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.kept.setStyleSheet("QPushButton { text-align: right; }")
        self.kept.hide()
        bar.addWidget(self.kept, 1)
        for button in (self.open_button, self.again_button, self.resume_button, self.delete_button):
            bar.addWidget(button)
        filled = self._filled = QWidget()
        side = themes.theme.px("space.2")
        column = QVBoxLayout(filled)
        column.setContentsMargins(side, themes.theme.px("space.1"), side, side)
        column.setSpacing(themes.theme.px("space.1"))
        column.addLayout(bar)
        self._empty = EmptyNote("history", *_NO_RUNS, themes, icons)
        self._listing = QStackedWidget()
        self._listing.addWidget(self.table)
        self._none_there = EmptyNote("history", *_NONE_THERE, themes, icons)
        self._listing.addWidget(self._none_there)
        column.addWidget(self._listing, 1)
        self._stack = QStackedWidget()
        self._stack.addWidget(self._empty)
        self._stack.addWidget(filled)
        layout = QVBoxLayout(self)
        self.setMinimumWidth(_NARROWEST)  # less than buttons with words take: without room they are signs alone
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._stack)
        if controller is not None:
            controller.state_changed.connect(lambda _run: self.refresh())
        themes.changed.connect(self._retheme)
        self._retheme(themes.theme)
        self._allow()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Read what is kept when it is looked at: runs are made elsewhere, too."""
        super().showEvent(event)
        self.refresh()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Buttons are signs alone where there is no room for their words."""
        super().resizeEvent(event)
        self._name_buttons()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Escape leads back from a scope."""
        if event.key() == Qt.Key.Key_Escape and self._scope is not None:
            self.scope_left.emit()
        else:
            super().keyPressEvent(event)

    def refresh(self) -> None:
        """Read the journal again; calls while it is read make one more reading."""
        if self._reading:
            self._again = True
            return
        if self._document is None and self._scope is None:
            return
        self._reading = True
        self._bridge.spawn(self._read(self._scope, self._limit), self._show, self._failed)

    def show_scope(self, scope: RunScope) -> None:
        """List these runs, whatever workflow is in front."""
        self._scope, self._limit = scope, LIMIT
        self.chip.say(scope.title)
        self.chip.show()
        self.states.setCurrentIndex(0)
        self.search.clear()
        self._narrow()
        self._stack.setCurrentWidget(self._filled)
        self.refresh()
        self.table.setFocus(Qt.FocusReason.OtherFocusReason)

    def list_more(self) -> None:
        """List older runs, too."""
        self._limit += LIMIT
        self.refresh()

    def show_retention(self, runs: int, days: int) -> None:
        """Say how many runs of a workflow are kept, and for how many days; 0 for no limit."""
        limits = [f"the newest {runs:,}" if runs else "", f"those of {days:,} days" if days else ""]
        said = " and ".join(limit for limit in limits if limit)
        self.kept.say(f"Kept: {said}" if said else "All runs are kept")
        self.kept.show()

    def chosen(self) -> Sequence[RunRow]:
        """The chosen runs."""
        picked = self.table.selectionModel().selectedRows()
        return [self.rows.rows[self.filter.mapToSource(index).row()] for index in picked]

    def open_chosen(self) -> None:
        """Ask for the chosen run to be shown."""
        for row in self.chosen()[:1]:
            self.opened.emit(row.record.id)

    def run_chosen_again(self) -> None:
        """Ask for a new run that keeps what still holds of the chosen one."""
        for row in self.chosen()[:1]:
            self.again_wanted.emit(row.record)

    def resume_chosen(self) -> None:
        """Go on with the chosen runs that can go on."""
        for row in self.chosen():
            if row.may_resume and self._controller is not None:
                self._controller.resume(row.record.id)
            elif row.may_resume:
                self.resume_wanted.emit(row.record)

    def ask_deletion(self) -> None:
        """Ask whether the chosen runs shall be deleted."""
        rows = [row for row in self.chosen() if not row.live]
        if not rows:
            return
        what = "this run" if len(rows) == 1 else f"these {len(rows)} runs"
        question = MessageDialog(
            self,
            title=f"Delete {what} with all values?",
            text="This cannot be undone. The workflow itself stays as it is.",
            choices=[Choice("keep", "Cancel"), Choice("delete", "Delete", "danger")],
        )
        ids = [row.record.id for row in rows]
        question.chosen.connect(lambda key: self.delete_runs(ids) if key == "delete" else None)
        question.open()

    def delete_runs(self, run_ids: Sequence[str]) -> None:
        """Delete runs for good."""

        async def work() -> None:
            try:
                for run_id in run_ids:
                    await self._runs.delete_run(run_id)
            finally:
                self.refresh()

        if self._controller is not None and (shown := self._controller.shown) is not None and shown.id in run_ids:
            self._controller.show("")
        self._bridge.spawn(work())

    def _show(self, records: Sequence[RunRecord]) -> None:
        self._reading = False
        self._records = records
        own = {run.id for run in self._controller.live} if self._controller is not None else set()
        live = own | set(self._executed())
        chosen = {row.record.id for row in self.chosen()}
        self.rows.show([RunRow(record, record.id in live) for record in records])
        self._stack.setCurrentIndex(1 if records or self._scope is not None else 0)
        self._listing.setCurrentIndex(0 if records else 1)
        self.more.setVisible(len(records) >= self._limit)
        failed = any(row.error for row in self.rows.rows)
        self.table.setColumnHidden(ERROR, not failed)
        self.table.setColumnHidden(INPUTS, failed and not any(row.inputs for row in self.rows.rows))
        self.table.setColumnHidden(PART, not any(row.part for row in self.rows.rows))
        self.table.setColumnHidden(TOKENS, not any(record.usage.tokens for record in records))
        self.table.setColumnHidden(COST, not any(record.usage.cost_usd for record in records))
        self._widen()
        if self._scope is not None and records and not chosen:
            self.table.selectRow(0)
        if not self.chosen() and chosen:
            at = next((n for n, row in enumerate(self.rows.rows) if row.record.id in chosen), -1)
            self.table.selectRow(self.filter.mapFromSource(self.rows.index(at, 0)).row())
        self._allow()
        if self._again:
            self._again = False
            self.refresh()

    def _widen(self) -> None:
        """Give texts the room that they need, so that inputs and errors get the rest; nothing becomes narrower."""
        header = self.table.horizontalHeader()
        for column in range(PART + 1):
            wanted = min(self.table.sizeHintForColumn(column), _WIDEST)
            if not header.isSectionHidden(column) and header.sectionSize(column) < wanted:
                header.resizeSection(column, wanted)

    def _failed(self, error: Exception) -> None:
        self._reading = self._again = False
        self._bridge.tell(error)

    async def _read(self, scope: RunScope | None, limit: int) -> Sequence[RunRecord]:
        if scope is not None:
            return await scope.read(self._runs.journal, limit)
        assert self._document is not None
        return await self._runs.journal.runs(workflow=self._document.workflow.name, limit=limit)

    def _narrow(self) -> None:
        word = self.states.currentText() if self.states.currentIndex() > 0 else ""
        self.filter.only(word, self.search.text())
        self._allow()

    def _allow(self) -> None:
        rows = self.chosen()
        self.open_button.setEnabled(len(rows) == 1)
        self.again_button.setEnabled(len(rows) == 1)
        self.resume_button.setEnabled(any(row.may_resume for row in rows))
        self.delete_button.setEnabled(any(not row.live for row in rows))

    def _make_table(self) -> QTableView:
        table = QTableView()
        table.setModel(self.filter)
        table.setAccessibleName("Runs" if self._document is None else "Runs of this workflow")
        table.setSortingEnabled(True)
        table.sortByColumn(1, Qt.SortOrder.DescendingOrder)
        table.setShowGrid(False)
        table.setIconSize(QSize(16, 16))
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setTabKeyNavigation(False)
        table.setWordWrap(False)  # or a text is cut off at a word's end, long before its cell's
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(28)
        header = table.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(INPUTS, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(ERROR, QHeaderView.ResizeMode.Stretch)
        for column, width in enumerate((104, 88, 64, 76, 72, 76)):
            header.resizeSection(column, width)
        header.resizeSection(WORKFLOW, 150)
        header.moveSection(header.visualIndex(WORKFLOW), 0)
        table.setColumnHidden(ERROR, True)
        table.setColumnHidden(WORKFLOW, self._document is not None)
        table.selectionModel().selectionChanged.connect(lambda *_: self._allow())
        table.activated.connect(lambda _index: self.open_chosen())
        keys = QShortcut(QKeySequence.StandardKey.Delete, table, context=Qt.ShortcutContext.WidgetShortcut)
        keys.activated.connect(self.ask_deletion)
        return table

    def _name_buttons(self) -> None:
        is_narrow = self.width() < _ROOM_FOR_WORDS
        for button in (self.open_button, self.again_button, self.resume_button, self.delete_button):
            button.setText("" if is_narrow else f" {button.accessibleName()}")
            button.setMaximumWidth(_SIGN if is_narrow else _UNBOUND)

    def _button(self, text: str, press: Callable[[], None]) -> QPushButton:
        button = QPushButton(f" {text}")
        button.setAccessibleName(text)
        button.setToolTip(text)
        set_role(button, role="quiet")
        button.clicked.connect(lambda _checked=False: press())
        return button

    def _retheme(self, theme: Theme) -> None:
        self.rows.set_theme(theme)
        for button, icon in (
            (self.open_button, "eye"),
            (self.again_button, "repeat"),
            (self.resume_button, "play"),
            (self.delete_button, "trash-2"),
        ):
            button.setIcon(self._icons.icon(icon, theme))
