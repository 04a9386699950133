"""The problems of a document as a list shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from core.workflow.model import Workflow
from core.workflow.problems import Problem

ITEM: Final = Qt.ItemDataRole.UserRole
"""The role that gives a ProblemLine."""

Index: TypeAlias = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True, slots=True)
class ProblemLine:
    """A problem and the name of the step that it is in; 'Workflow' for the document as a whole."""

    problem: Problem
    where: str

    @property
    def spoken(self) -> str:
        """All of it in words."""
        problem = self.problem
        place = f"{self.where}, {field_words(problem.field)}" if problem.field else self.where
        return f"{problem.severity.capitalize()} in {place}: {problem.words}"


def lines_of(workflow: Workflow, problems: Sequence[Problem]) -> list[ProblemLine]:
    """The problems with the names of their steps: errors first, each kind in document order."""
    wanted = {problem.step for problem in problems}
    names: Mapping[str, str] = {step.id: step.name for _, step in workflow.walk() if step.id in wanted}
    found = [ProblemLine(problem, names.get(problem.step or "", problem.step or "Workflow")) for problem in problems]
    return sorted(found, key=lambda line: line.problem.severity != "error")


def field_words(field: str) -> str:
    """A field's path as people read it: `config.rules.0.operand` as `rules 1 operand`."""
    parts = field.removeprefix("config.").split(".")
    return " ".join(str(int(part) + 1) if part.isdigit() else part.replace("_", " ") for part in parts)


class ProblemsModel(QAbstractListModel):
    """The lines of the problems panel."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._lines: Sequence[ProblemLine] = ()

    def show(self, lines: Sequence[ProblemLine]) -> None:
        """Show other problems."""
        self.beginResetModel()
        self._lines = lines
        self.endResetModel()

    def line(self, row: int) -> ProblemLine:
        """The problem of a row."""
        return self._lines[row]

    def rowCount(self, parent: Index | None = None) -> int:  # noqa: N802 - Qt's name
        """How many there are."""
        return 0 if parent is not None and parent.isValid() else len(self._lines)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The message, the whole line, and what a screen reader says."""
        line = self._lines[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return line.problem.message
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return line.spoken
        return line if role == ITEM else None
