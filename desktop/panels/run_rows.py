"""Runs as rows of a table, with how each stands told by sign, colour and word."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, QSortFilterProxyModel, Qt

from core.cli.wording import duration
from core.engine.journal import RunRecord
from desktop.icons import Icons
from desktop.overlay import StepState
from desktop.panels.json_tree import preview
from desktop.panels.wording import RUN_STATES, STATE_ICONS, clock_time, money, part_words, path_words
from desktop.theme import Theme
from desktop.watched_run import may_resume

Index = QModelIndex | QPersistentModelIndex

COLUMNS: Final = ("State", "Started", "Ran", "Duration", "Tokens", "Cost", "Inputs", "Error", "Workflow")
PART, TOKENS, COST, INPUTS, ERROR, WORKFLOW = (
    COLUMNS.index(name) for name in ("Ran", "Tokens", "Cost", "Inputs", "Error", "Workflow")
)
SORT: Final = Qt.ItemDataRole.UserRole
"""What a column is sorted by."""

_WORDS: Final = {
    "queued": "Queued", "running": "Running", "suspended": "Waiting", "completed": "Completed", "failed": "Failed",
    "cancelled": "Cancelled",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run. live: this window executes it."""

    record: RunRecord
    live: bool

    @property
    def word(self) -> str:
        """How it stands, in a word. A run that claims to run and that nobody executes was interrupted."""
        record = self.record
        if record.interrupted and not self.live:
            return "Interrupted"
        return "Stopped" if record.status == "cancelled" and record.resumable else _WORDS[record.status]

    @property
    def state(self) -> StepState:
        """The state whose colour and sign it has."""
        return "cancelled" if self.word == "Interrupted" else RUN_STATES[self.record.status]

    @property
    def may_resume(self) -> bool:
        """Whether it can go on from here."""
        is_executed = self.record.status == "running" and not self.record.interrupted
        return not self.live and not is_executed and may_resume(self.record)

    @property
    def part(self) -> str:
        """What of the workflow it executed, '' for all."""
        return part_words(self.record.part, self.record.workflow)

    @property
    def inputs(self) -> str:
        """What it was given, on one line."""
        shown = (f"{name}: {preview(value)}" for name, value in self.record.inputs.items())
        return ", ".join(shown)[:300]

    @property
    def error(self) -> str:
        """What it failed of, and where, on one line."""
        record = self.record
        if record.error is None:
            return ""
        where = path_words(record.error_path, record.workflow)
        return " ".join(f"{where}: {record.error.message}".removeprefix(": ").split())[:300]


class RunRows(QAbstractTableModel):
    """Runs. now: the time in UTC."""

    def __init__(
        self, theme: Theme, icons: Icons, *, now: Callable[[], datetime], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._theme, self._icons, self._now = theme, icons, now
        self.rows: Sequence[RunRow] = ()

    def show(self, rows: Sequence[RunRow]) -> None:
        """Show other runs; the same runs in another state keep their rows."""
        if [row.record.id for row in rows] == [row.record.id for row in self.rows]:
            self.rows = rows
            if rows:
                self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, len(COLUMNS) - 1))
            return
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def set_theme(self, theme: Theme) -> None:
        """Show in another theme."""
        self.beginResetModel()
        self._theme = theme
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008 - Qt's name and default
        """How many runs there are."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008 - Qt's name and default
        """As many as COLUMNS."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(  # noqa: N802 - Qt's name
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """The names of the columns."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section]
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.TextAlignmentRole:
            return _side(section)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """What a cell shows, and by what it is sorted."""
        row, column = self.rows[index.row()], index.column()
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self._text(row, column)
            case Qt.ItemDataRole.DecorationRole if column == 0:
                sign = "circle-alert" if row.word == "Interrupted" else STATE_ICONS[row.state]
                return self._icons.icon(sign, self._theme, f"state.{row.state}")
            case Qt.ItemDataRole.ForegroundRole if column == ERROR:
                return self._theme.color("state.failed")
            case Qt.ItemDataRole.ForegroundRole:
                return self._theme.color(f"state.{row.state}" if column == 0 else "text.secondary")
            case Qt.ItemDataRole.FontRole:
                return self._theme.font("mono") if column == INPUTS else self._theme.font("body", tabular=True)
            case Qt.ItemDataRole.TextAlignmentRole:
                return _side(column)
            case Qt.ItemDataRole.ToolTipRole:
                return self._tip(row)
            case _ if role == SORT:
                return self._sorted_by(row, column)
            case _:
                return None

    @staticmethod
    def _tip(row: RunRow) -> str:
        record = row.record
        if record.error is None:
            return record.id
        return f"{record.error_path}: {record.error.message}" if record.error_path else record.error.message

    def _text(self, row: RunRow, column: int) -> str:
        record = row.record
        match column:
            case 0:
                return row.word
            case 1:
                return clock_time(record.created, self._now())
            case 2:
                return row.part or "all"
            case 3:
                return duration(record.duration_s) if record.duration_s else ""
            case 4:
                return f"{record.usage.tokens:,}" if record.usage.tokens else ""
            case 5:
                return money(record.usage.cost_usd)
            case 6:
                return row.inputs
            case 7:
                return row.error
            case _:
                return record.workflow.name

    @staticmethod
    def _sorted_by(row: RunRow, column: int) -> str | float:
        record = row.record
        return (
            row.word,
            record.created.timestamp(),
            row.part,
            record.duration_s,
            float(record.usage.tokens),
            record.usage.cost_usd,
            row.inputs,
            row.error,
            record.workflow.name,
        )[column]


class RunFilter(QSortFilterProxyModel):
    """Sorts runs, and shows those in a state that hold a text in their inputs, error or id."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setSortRole(SORT)
        self._word = ""
        self._text = ""

    def only(self, word: str, text: str) -> None:
        """Show runs in that state ('' for any) with that text."""
        self._word, self._text = word, text.casefold().strip()
        self.invalidate()

    def filterAcceptsRow(self, row: int, parent: Index) -> bool:  # noqa: N802 - Qt's name
        """Whether a run is shown."""
        model = self.sourceModel()
        assert isinstance(model, RunRows)
        shown = model.rows[row]
        if self._word and shown.word != self._word:
            return False
        record = shown.record
        error = f"{record.error.message} {record.error_path}" if record.error is not None else ""
        return (
            not self._text
            or self._text in f"{record.id} {error} {shown.error} {shown.inputs} {record.workflow.name}".casefold()
        )


def _side(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column in (3, 4, 5) else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter
