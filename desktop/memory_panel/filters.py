"""What the list shows and in which order: one menu, and a line that says what it leaves out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QWidget

from core.store.memory_records import MemoryFilter
from desktop.memory_panel.wording import SOURCES, TYPES

if TYPE_CHECKING:
    from core.store.memory_records import MemoryState

USUAL: Final[tuple[MemoryState, ...]] = ("live", "quarantined")
"""What is listed at first: what holds, and what waits for a person."""

ORDERS: Final[Mapping[str, str]] = {
    "newest": "Newest first", "important": "Most important first", "used": "Last recalled first", "content": "By words"
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Choice:
    """One entry of the menu: what it makes of a filter."""

    title: str
    change: Mapping[str, Any]


_STATES: Final[Sequence[_Choice]] = (
    _Choice("Holds or waits for you", {"states": USUAL, "pinned": None}),
    _Choice("Holds", {"states": ("live",), "pinned": None}),
    _Choice("Waits for you", {"states": ("quarantined",), "pinned": None}),
    _Choice("Pinned", {"states": USUAL, "pinned": True}),
    _Choice("Superseded", {"states": ("replaced",), "pinned": None}),
    _Choice("Forgotten", {"states": ("forgotten",), "pinned": None}),
    _Choice("All of them", {"states": (), "pinned": None}),
)


class Filters(QObject):
    """The filter that a person has put together. changed: it is another one."""

    changed = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._filter = MemoryFilter()
        self._groups: list[tuple[QActionGroup, Sequence[_Choice]]] = []
        self.menu = QMenu(parent)
        self.menu.setAccessibleName("What is listed")
        self._section("How it stands", _STATES)
        types = [_Choice("All types", {"types": ()})]
        types += [_Choice(name, {"types": (kind,)}) for kind, (name, _) in TYPES.items()]
        self._section("Type", types)
        sources = [_Choice("All sources", {"sources": ()})]
        sources += [_Choice(name, {"sources": (kind,)}) for kind, (name, _) in SOURCES.items()]
        self._section("Where it comes from", sources)
        self._section("Order", [_Choice(title, {"order": order}) for order, title in ORDERS.items()])
        self.menu.addSeparator()
        self._clear = self.menu.addAction("Clear the filter", self.clear)
        self._mark()

    @property
    def filter(self) -> MemoryFilter:
        """What is let through, of all owners and with all words."""
        return self._filter

    @property
    def is_usual(self) -> bool:
        """Whether nothing but the usual is left out."""
        return replace(self._filter, order="newest") == MemoryFilter()

    def words(self) -> str:
        """What it lets through: `Waits for you · Fact · The web`; '' for the usual."""
        said = []
        if (self._filter.states, self._filter.pinned) != (USUAL, None):
            said.append(next(c.title for c in _STATES if self._holds(c)))
        said += [TYPES[each][0] for each in self._filter.types] + [SOURCES[each][0] for each in self._filter.sources]
        return " · ".join(said)

    def clear(self) -> None:
        """Let the usual through again."""
        self.set(**{name: getattr(MemoryFilter(), name) for name in ("states", "pinned", "types", "sources")})

    def set(self, **change: Any) -> None:
        """Change parts of the filter."""
        self._filter = replace(self._filter, **change)
        self._mark()
        self.changed.emit()

    def _section(self, title: str, choices: Sequence[_Choice]) -> None:
        menu = self.menu.addMenu(title)
        group = QActionGroup(self)
        for choice in choices:
            action = QAction(choice.title, group)
            action.setCheckable(True)
            action.triggered.connect(self._setter(choice))
            menu.addAction(action)
        self._groups.append((group, choices))

    def _setter(self, choice: _Choice) -> Callable[[], None]:
        return lambda: self.set(**choice.change)

    def _holds(self, choice: _Choice) -> bool:
        return all(getattr(self._filter, name) == value for name, value in choice.change.items())

    def _mark(self) -> None:
        for group, choices in self._groups:
            for action, choice in zip(group.actions(), choices, strict=True):
                action.setChecked(self._holds(choice))
        self._clear.setEnabled(not self.is_usual)
