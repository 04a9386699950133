"""An agent while it is edited: what is typed, what of it an agent cannot hold yet, undo, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoCommand, QUndoStack

from core.agents.agent import Agent, Function
from core.agents.check import ANYTHING, Available, check_agent
from core.workflow.model import Json
from core.workflow.problems import Problem
from desktop.agents.agent_fields import NotFit, function_values, values_of, with_function_value, with_value
from desktop.panels.fields import Value

Place: TypeAlias = tuple[str | int, ...]
"""Where in the editor something stands: `("limits", "usd")`, `("functions", 0, "timeout_s")`, `("prompt",)`."""

FILE_NAMES: Final[Mapping[str, str]] = {"timeout": "timeout_s", "disabled": "enabled"}
"""Fields of a function that the file calls otherwise than the editor."""

_KINDS: Final = frozenset({"workflow", "python", "mcp", "agent"})


@dataclass(frozen=True, slots=True)
class Unfinished:
    """What was typed and cannot stand in an agent yet. reason: a sentence."""

    value: Json
    reason: str


@dataclass(frozen=True, slots=True)
class DraftState:
    """One state of the work. unfinished: what was typed beside the agent's own values, by place."""

    agent: Agent
    unfinished: Mapping[Place, Unfinished] = field(default_factory=dict)


class AgentDraft(QObject):
    """An agent that is edited.

    changed: after every edit, undo and redo. saved_changed: whether there is unsaved work. name: under which it is
    kept, '' if it is not. version: that edits are based on, 0 if it is not kept.
    """

    changed = Signal()
    saved_changed = Signal(bool)

    def __init__(self, agent: Agent, *, name: str = "", version: int = 0, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = DraftState(agent)
        self.name, self.version, self._begun = name, version, agent
        self.stack = QUndoStack(self)
        self.stack.cleanChanged.connect(self._tell_saved)
        if not version:
            self.stack.resetClean()  # a new agent is unsaved work as soon as something is typed

    @property
    def agent(self) -> Agent:
        """The agent as it is now."""
        return self._state.agent

    @property
    def state(self) -> DraftState:
        """All that would be lost: the agent, and what is typed beside it."""
        return self._state

    @property
    def unfinished(self) -> Mapping[Place, Unfinished]:
        """What was typed and does not fit yet."""
        return self._state.unfinished

    @property
    def is_saved(self) -> bool:
        """Whether nothing would be lost."""
        if not self.version:
            return self._state == DraftState(self._begun)
        return self.stack.isClean()

    def values(self, section: str) -> dict[str, Json]:
        """What a section's form shows: what was typed, be it fit or not."""
        return {**values_of(self.agent, section), **self._typed((section,))}

    def function_values(self, index: int) -> dict[str, Json]:
        """What the form of a function shows."""
        return {**function_values(self.agent.functions[index]), **self._typed(("functions", index))}

    def set_value(self, section: str, key: str, value: Value, *, typing: bool = False) -> None:
        """Change a field of a section; what does not fit is kept as typed."""
        place = (section, key)
        self._set(place, value, lambda agent: with_value(agent, section, key, value), typing=typing)

    def set_function_value(self, index: int, key: str, value: Value, *, typing: bool = False) -> None:
        """Change a field of a function; what does not fit is kept as typed."""

        def edit(agent: Agent) -> Agent:
            changed = with_function_value(agent.functions[index], key, value)
            return replace(agent, functions=(*agent.functions[:index], changed, *agent.functions[index + 1 :]))

        self._set(("functions", index, key), value, edit, typing=typing)

    def edit(self, label: str, change: Callable[[Agent], Agent], *, merge: str = "") -> None:
        """Change the agent as a whole. merge: consecutive changes with the same text are undone together."""
        self._push(label, replace(self._state, agent=change(self.agent)), merge)

    def add_function(self, function: Function) -> int:
        """Add a function; its index."""
        self.edit("Add a function", lambda agent: replace(agent, functions=(*agent.functions, function)))
        return len(self.agent.functions) - 1

    def remove_function(self, index: int) -> None:
        """Remove a function, and what was typed for it."""
        kept: dict[Place, Unfinished] = {}
        for place, typed in self.unfinished.items():
            if place[0] == "functions" and isinstance(place[1], int):
                if place[1] == index:
                    continue
                place = ("functions", place[1] - (place[1] > index), *place[2:])
            kept[place] = typed
        functions = (*self.agent.functions[:index], *self.agent.functions[index + 1 :])
        self._push("Remove a function", DraftState(replace(self.agent, functions=functions), kept), "")

    def end_merging(self) -> None:
        """The next change is undone by itself."""
        index = self.stack.index()
        command = self.stack.command(index - 1) if index else None
        if isinstance(command, _Change):
            command.merge = ""

    def saved_as(self, agent: Agent, name: str, version: int) -> None:
        """It was saved; edits that were made meanwhile stay unsaved. agent: what was saved."""
        self.name, self.version = name, version
        if agent == self.agent and not self.unfinished:
            self.stack.setClean()
        else:
            self.stack.resetClean()
        self.changed.emit()
        self.saved_changed.emit(self.is_saved)

    def take_back(self, state: DraftState) -> None:
        """Go on with unsaved work of an earlier time; one undo leads back to what is here now."""
        if not self.version:
            self._begun = Agent("")  # it is unsaved, whatever it is
        if state == self._state:
            self.stack.resetClean()
        self._push("Take back unsaved work", state, "")
        self.changed.emit()
        self.saved_changed.emit(self.is_saved)

    def lost(self) -> None:
        """It is no longer kept: somebody deleted it. What is open becomes new work."""
        self.name, self.version = "", 0
        self._begun = Agent("")
        self.stack.resetClean()
        self.changed.emit()
        self.saved_changed.emit(False)

    def show(self, state: DraftState) -> None:
        """Show another state and tell the views; only undo commands call this."""
        self._state = state
        self.changed.emit()
        if not self.version:
            self.saved_changed.emit(self.is_saved)

    def _typed(self, place: Place) -> dict[str, Json]:
        length = len(place)
        return {str(at[length]): typed.value for at, typed in self.unfinished.items() if at[:length] == place}

    def _set(self, place: Place, value: Value, change: Callable[[Agent], Agent], *, typing: bool) -> None:
        rest = {at: typed for at, typed in self.unfinished.items() if at != place}
        try:
            state = DraftState(change(self.agent), rest)
        except NotFit as error:
            assert not isinstance(value, type(None))
            state = DraftState(self.agent, {**rest, place: Unfinished(value, str(error))})  # type: ignore[arg-type]  # ABSENT always fits
        merge = ".".join(map(str, place)) if typing else ""
        self._push(f"Change {place[-1]}", state, merge)

    def _push(self, label: str, state: DraftState, merge: str) -> None:
        if state != self._state:
            self.stack.push(_Change(self, label, self._state, state, merge))

    def _tell_saved(self, _clean: bool) -> None:
        self.saved_changed.emit(self.is_saved)


class _Change(QUndoCommand):
    """One entry of the undo stack: the state before and after."""

    def __init__(self, draft: AgentDraft, label: str, before: DraftState, after: DraftState, merge: str) -> None:
        super().__init__(label)
        self._draft, self._before, self._after, self.merge = draft, before, after, merge

    def id(self) -> int:
        return 1 if self.merge else -1

    def mergeWith(self, other: QUndoCommand) -> bool:  # noqa: N802 - Qt's name
        if not isinstance(other, _Change) or other.merge != self.merge:
            return False
        self._after = other._after
        self.setObsolete(self._after == self._before)
        return True

    def redo(self) -> None:
        self._draft.show(self._after)

    def undo(self) -> None:
        self._draft.show(self._before)


def problems_of(
    agent: Agent, unfinished: Mapping[Place, Unfinished], available: Available = ANYTHING
) -> list[tuple[Place, Problem]]:
    """All that is wrong, with where it stands in the editor. May take longer than a frame."""
    found = [(place, Problem("unfinished", typed.reason, "")) for place, typed in unfinished.items()]
    return found + [(place_of(agent, problem.field), problem) for problem in check_agent(agent, available)]


def place_of(agent: Agent, name: str) -> Place:
    """The place in the editor of a field of the agent's file."""
    if name == "functions" or not name.startswith("functions."):
        parts: Sequence[str] = name.split(".")
        if parts[0] in ("name", "description"):
            return ("profile", *parts)
        if parts[0] == "hosts":
            return ("reach", *parts)
        if parts[0] == "answer":
            return ("answer", "answer")
        return tuple(int(part) if part.isdigit() else part for part in parts)
    rest = name.removeprefix("functions.")
    names = [function.name for function in agent.functions]
    for index, own in enumerate(names):
        known = own if own.strip() and names.count(own) == 1 else str(index)
        if rest == known:
            return ("functions", index, "name")
        if rest.startswith(f"{known}."):
            key = rest.removeprefix(f"{known}.")
            return ("functions", index, "target" if key in _KINDS else FILE_NAMES.get(key, key))
    return ("functions",)
