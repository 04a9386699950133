"""The functions of an agent as a table: whether offered, name, what is called, and who decides about a call."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, QSize, Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from core.agents.agent import Function
from core.agents.functions import FunctionFacts
from desktop.agents.agent_fields import KIND_ICONS, KIND_NAMES
from desktop.agents.draft import AgentDraft
from desktop.panels.background import Surroundings

Index = QModelIndex | QPersistentModelIndex

COLUMNS: Final = ("Function", "Calls", "Approval")

POLICY_WORDS: Final[Mapping[str, str]] = {"auto": "runs by itself", "ask": "asks first", "never": "never"}

_ROOT = QModelIndex()


class FunctionTableModel(QAbstractTableModel):
    """Shows a draft's functions. toggled: an index, and whether it shall be offered."""

    toggled = Signal(int, bool)

    def __init__(self, draft: AgentDraft, around: Surroundings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._draft, self._around = draft, around
        self._functions: tuple[Function, ...] = ()
        self._facts: Mapping[str, FunctionFacts] = {}
        self._wrong: Collection[int] = ()

    def show_draft(self) -> None:
        """Show the functions as they are now."""
        functions = self._draft.agent.functions
        if len(functions) != len(self._functions):
            self.beginResetModel()
            self._functions = functions
            self.endResetModel()
        elif functions != self._functions:
            self._functions = functions
            self._tell()

    def show_facts(self, facts: Mapping[str, FunctionFacts], wrong: Collection[int]) -> None:
        """Show what is known of functions by name, and which of them have errors."""
        if facts != self._facts or set(wrong) != set(self._wrong):
            self._facts, self._wrong = dict(facts), set(wrong)
            self._tell()

    def rowCount(self, parent: Index = _ROOT) -> int:  # noqa: N802 - Qt's name
        """One row for each function."""
        return 0 if parent.isValid() else len(self._functions)

    def columnCount(self, parent: Index = _ROOT) -> int:  # noqa: N802 - Qt's name
        """Name, target, approval."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:  # noqa: N802 - Qt's name
        """The titles of the columns."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section]
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        """The first column can be checked."""
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return flags | Qt.ItemFlag.ItemIsUserCheckable if index.column() == 0 else flags

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """What a cell shows."""
        function = self._functions[index.row()]
        theme, icons = self._around.themes.theme, self._around.icons
        match role, index.column():
            case Qt.ItemDataRole.CheckStateRole, 0:
                return Qt.CheckState.Checked if function.enabled else Qt.CheckState.Unchecked
            case Qt.ItemDataRole.DisplayRole, 0:
                return function.name or "no name yet"
            case Qt.ItemDataRole.DisplayRole, 1:
                return function.target or f"{KIND_NAMES.get(function.kind, function.kind)}: not chosen"
            case Qt.ItemDataRole.DisplayRole, 2:
                return self._policy(function)
            case Qt.ItemDataRole.DecorationRole, 1:
                return icons.icon(KIND_ICONS.get(function.kind, "box"), theme)
            case Qt.ItemDataRole.DecorationRole, 2 if index.row() in self._wrong:
                return icons.icon("circle-alert", theme, "state.failed")
            case Qt.ItemDataRole.DecorationRole, 2 if self._trouble(function):
                return icons.icon("triangle-alert", theme, "state.waiting")
            case Qt.ItemDataRole.ForegroundRole, _ if not function.enabled:
                return theme.color("text.muted")
            case Qt.ItemDataRole.ToolTipRole, 0:
                return f"{'Offered' if function.enabled else 'Not offered'} to the model"
            case Qt.ItemDataRole.ToolTipRole, _:
                facts = self._facts.get(function.name)
                return (facts.trouble if facts is not None else "") or function.description
            case Qt.ItemDataRole.AccessibleTextRole, 0:
                wrong = ", has errors" if index.row() in self._wrong else ""
                return f"{function.name}, {'offered' if function.enabled else 'not offered'}{wrong}"
        return None

    def setData(self, index: Index, value: Any, role: int = 0) -> bool:  # noqa: N802 - Qt's name
        """Check or uncheck a function."""
        if role != Qt.ItemDataRole.CheckStateRole:
            return False
        self.toggled.emit(index.row(), Qt.CheckState(value) == Qt.CheckState.Checked)
        return True

    def _trouble(self, function: Function) -> str:
        facts = self._facts.get(function.name)
        return facts.trouble if facts is not None and function.enabled else ""

    def _policy(self, function: Function) -> str:
        if not function.enabled:
            return "not offered"
        if self._trouble(function):
            return "cannot be called"
        facts = self._facts.get(function.name)
        policy = function.policy or (facts.policy if facts is not None else "")
        words = POLICY_WORDS.get(policy, "by its effect")
        return words if function.policy else f"{words} (default)" if policy else words

    def _tell(self) -> None:
        if self._functions:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._functions) - 1, len(COLUMNS) - 1))


class FunctionTable(QTableView):
    """The table. removed: Delete was pressed on a row."""

    removed = Signal()

    def __init__(self, model: FunctionTableModel) -> None:
        super().__init__()
        self.setModel(model)
        self.setAccessibleName("Functions")
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setIconSize(QSize(16, 16))
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(34)
        head = self.horizontalHeader()
        head.setHighlightSections(False)
        head.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        head.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        head.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        head.setSectionResizeMode(2, QHeaderView.ResizeMode.ResizeToContents)

    def keyPressEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Delete removes the function; Space offers it or not, in whichever column the cursor stands."""
        if event.key() == Qt.Key.Key_Delete:
            self.removed.emit()
        elif event.key() == Qt.Key.Key_Space and self.currentIndex().isValid():
            first = self.currentIndex().siblingAtColumn(0)
            checked = Qt.CheckState(first.data(Qt.ItemDataRole.CheckStateRole)) == Qt.CheckState.Checked
            wanted = Qt.CheckState.Unchecked if checked else Qt.CheckState.Checked
            self.model().setData(first, wanted, Qt.ItemDataRole.CheckStateRole)
        else:
            super().keyPressEvent(event)
