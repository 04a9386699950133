"""The step types as the palette lists them: what was used lately, then by category; or what a search finds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from PySide6.QtCore import QAbstractListModel, QMimeData, QModelIndex, QObject, QPersistentModelIndex, Qt

from core.engine.step_type import Category, StepType, StepTypes
from desktop import fuzzy
from desktop.canvas.drops import STEP_MIME

RECENT: Final = 4
"""Step types under “Used lately”."""

CATEGORIES: Final[dict[Category, str]] = {
    "model": "Models",
    "tool": "Services",
    "logic": "Logic",
    "loop": "Loops",
    "code": "Code",
    "input": "Input",
    "output": "Output",
    "human": "People",
}
"""The headings, in their order."""

ITEM: Final = Qt.ItemDataRole.UserRole
"""The role that gives a Heading or an Entry."""

_IN_HELP: Final = 30
"""What a match in the help alone loses against one in the title."""

_OTHERWISE: Final = 25
"""The score of a type that other programs call so: more than for letters that are scattered over a title."""

Index: TypeAlias = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True, slots=True)
class Heading:
    """A line above some entries."""

    title: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A step type. help: one line. matched: the indexes of the title's letters that a search found."""

    type: str
    title: str
    icon: str
    category: Category
    help: str
    matched: tuple[int, ...] = ()


def entry_of(kind: StepType[Any], matched: tuple[int, ...] = ()) -> Entry:
    """A step type as an entry."""
    help_ = kind.manual().partition("\n")[0].replace("`", "")
    return Entry(kind.type, kind.title, kind.icon, kind.category, help_, matched)


def listed(types: StepTypes, recent: Sequence[str] = ()) -> Iterator[Heading | Entry]:
    """All step types under their headings; those used lately on top, too."""
    lately = [kind for name in recent[:RECENT] if (kind := types.get(name)) is not None]
    if lately:
        yield Heading("Used lately")
        yield from (entry_of(kind) for kind in lately)
    for category, title in CATEGORIES.items():
        kinds = sorted((kind for kind in types if kind.category == category), key=lambda kind: kind.title)
        if kinds:
            yield Heading(title)
            yield from (entry_of(kind) for kind in kinds)


def found(types: StepTypes, query: str, recent: Sequence[str] = ()) -> list[Entry]:
    """The step types that a search finds, the best first; of equals that which was used lately."""
    ranked: list[tuple[int, int, str, Entry]] = []
    for kind in types:
        hit = fuzzy.match(query, kind.title)
        score = hit.score if hit is not None else None
        if score is None:
            name, help_ = fuzzy.match(query, kind.type), fuzzy.match(query, entry_of(kind).help)
            score = name.score - 5 if name is not None else None
            if fuzzy.begins_words(query, kind.also_called):
                score = max(score or _OTHERWISE, _OTHERWISE)
            if score is None and help_ is not None and query.casefold() in entry_of(kind).help.casefold():
                score = help_.score - _IN_HELP
        if score is not None:
            lately = recent.index(kind.type) if kind.type in recent else len(recent)
            ranked.append((-score, lately, kind.title, entry_of(kind, hit.positions if hit is not None else ())))
    return [entry for *_, entry in sorted(ranked, key=lambda one: one[:3])]


class PaletteModel(QAbstractListModel):
    """The lines of the palette."""

    def __init__(self, types: StepTypes, parent: QObject) -> None:
        super().__init__(parent)
        self._types = types
        self._lines: Sequence[Heading | Entry] = ()

    def show(self, query: str, recent: Sequence[str]) -> None:
        """Show what a search finds, for '' everything."""
        self.beginResetModel()
        self._lines = found(self._types, query, recent) if query.strip() else list(listed(self._types, recent))
        self.endResetModel()

    def line(self, row: int) -> Heading | Entry | None:
        """What stands in a row; None outside."""
        return self._lines[row] if 0 <= row < len(self._lines) else None

    def entry_rows(self) -> list[int]:
        """The rows that can be chosen."""
        return [row for row, line in enumerate(self._lines) if isinstance(line, Entry)]

    def rowCount(self, parent: Index | None = None) -> int:  # noqa: N802 - Qt's name
        """How many lines there are."""
        return 0 if parent is not None and parent.isValid() else len(self._lines)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The title, the line itself, and what a screen reader says."""
        line = self._lines[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return line.title
            case Qt.ItemDataRole.ToolTipRole:
                return line.help if isinstance(line, Entry) else None
            case Qt.ItemDataRole.AccessibleTextRole:
                return f"{line.title}. {line.help}" if isinstance(line, Entry) else line.title
            case _ if role == ITEM:
                return line
            case _:
                return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Entries can be chosen and dragged, headings cannot."""
        if not isinstance(self.line(index.row()), Entry):
            return Qt.ItemFlag.NoItemFlags
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsDragEnabled

    def mimeTypes(self) -> list[str]:  # noqa: N802 - Qt's name
        """What the canvas takes."""
        return [STEP_MIME]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:  # noqa: N802 - Qt's name
        """A dragged step type."""
        mime = QMimeData()
        line = self.line(indexes[0].row()) if indexes else None
        if isinstance(line, Entry):
            mime.setData(STEP_MIME, line.type.encode())
        return mime
