"""The workflow's variables as they are now in the shown run, and who set them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QSplitter,
    QStackedWidget,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from desktop.bridge import Bridge
from desktop.icons import Icons
from desktop.panels.empty_note import EmptyNote
from desktop.panels.file_view import ReadFile
from desktop.panels.json_tree import preview
from desktop.panels.value_view import ValueView
from desktop.panels.wording import path_words
from desktop.run_controller import RunController
from desktop.run_log import VariableValue
from desktop.theme import Theme, ThemeManager

_COLUMNS: Final = ("Variable", "Value", "Set by", "At")


class VariablesPanel(QWidget):
    """A row for each variable; the chosen one is shown whole. step_chosen: the scope path of a step to go to."""

    step_chosen = Signal(str)

    def __init__(
        self,
        controller: RunController,
        read: ReadFile,
        bridge: Bridge,
        themes: ThemeManager,
        icons: Icons,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._controller = controller
        self._shown: VariableValue | None = None
        self.model = VariableRows(themes.theme, self)
        self.table = QTableView()
        self.table.setModel(self.model)
        self.table.setAccessibleName("Variables")
        self.table.setShowGrid(False)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(28)
        header = self.table.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        header.resizeSection(0, 130)
        header.resizeSection(2, 120)
        header.resizeSection(3, 80)
        self.table.selectionModel().currentRowChanged.connect(lambda *_: self._show_chosen())
        self.table.activated.connect(self._go)
        self.view = ValueView(read, bridge, themes, icons, compact=True)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.addWidget(self.table)
        split.addWidget(self.view)
        split.setChildrenCollapsible(False)
        split.setHandleWidth(1)
        split.setSizes([560, 400])
        self.view.setContentsMargins(themes.theme.px("space.2"), 0, 0, 0)
        self.empty = EmptyNote(
            "braces", "No variables", "Variables that the workflow declares or a step sets appear here.", themes, icons
        )
        self._stack = QStackedWidget()
        self._stack.addWidget(self.empty)
        self._stack.addWidget(split)
        layout = QVBoxLayout(self)
        side = themes.theme.px("space.2")
        layout.setContentsMargins(side, side, side, side)
        layout.addWidget(self._stack)
        controller.changed.connect(self.refresh)
        controller.shown_changed.connect(lambda _run: self.refresh())
        themes.changed.connect(self.model.set_theme)
        self.refresh()

    def refresh(self) -> None:
        """Show the values as they are now."""
        run = self._controller.shown
        if run is not None:
            self.model.show(list(run.log.variables.values()), partial(path_words, workflow=run.workflow))
        else:
            self.model.show([])
        self._stack.setCurrentIndex(1 if self.model.rowCount() else 0)
        if self.model.rowCount() and not self.table.currentIndex().isValid():
            self.table.selectRow(0)
        self._show_chosen()

    def _show_chosen(self) -> None:
        index = self.table.currentIndex()
        variable = self.model.rows[index.row()] if index.isValid() and index.row() < len(self.model.rows) else None
        if variable is not self._shown:
            self._shown = variable
            root = f"vars.{variable.name}" if variable is not None and not variable.scope else ""
            self.view.show_value(variable.value if variable is not None else None, root)

    def _go(self, index: QModelIndex) -> None:
        path = self.model.rows[index.row()].set_by
        if path:
            self.step_chosen.emit(path)


class VariableRows(QAbstractTableModel):
    """Variables as rows; a refresh keeps the rows that stayed, so that the selection stays too."""

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.rows: list[VariableValue] = []
        self._said: Callable[[str], str] = str

    def show(self, rows: list[VariableValue], said: Callable[[str], str] = str) -> None:
        """Show the values as they are now. said: what people call the step at a path."""
        self._said = said
        if [(row.scope, row.name) for row in rows] != [(row.scope, row.name) for row in self.rows]:
            self.beginResetModel()
            self.rows = rows
            self.endResetModel()
            return
        changed = [n for n, (new, old) in enumerate(zip(rows, self.rows, strict=True)) if new is not old]
        self.rows = rows
        for n in changed:
            self.dataChanged.emit(self.index(n, 0), self.index(n, len(_COLUMNS) - 1))

    def set_theme(self, theme: Theme) -> None:
        """Show in another theme."""
        self.beginResetModel()
        self._theme = theme
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: N802, B008 - Qt's
        """How many variables there are."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: N802, B008 - Qt's
        """Name, value, setter, time."""
        return 0 if parent.isValid() else len(_COLUMNS)

    def headerData(  # noqa: N802 - Qt's name
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """The names of the columns."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return _COLUMNS[section]
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        return None

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """What a cell shows."""
        row, column = self.rows[index.row()], index.column()
        match role:
            case Qt.ItemDataRole.DisplayRole:
                name = f"{row.scope}: {row.name}" if row.scope else row.name
                at = f"{row.at.astimezone():%H:%M:%S}" if row.at is not None else ""
                set_by = self._said(row.set_by) if row.set_by else "initial value"
                return (name, preview(row.value), set_by, at)[column]
            case Qt.ItemDataRole.ToolTipRole if column == 2:
                return row.set_by or None
            case Qt.ItemDataRole.FontRole:
                return self._theme.font("mono") if column == 1 else self._theme.font("body", tabular=column == 3)
            case Qt.ItemDataRole.ForegroundRole if column >= 2:
                return self._theme.color("text.muted" if column == 3 or not row.set_by else "text.secondary")
            case _:
                return None
