"""An agent that is edited, as text that survives a killed program: fit to be saved or not."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from core.agents.agent import Agent
from core.agents.agent_decoding import decode, decode_function
from core.agents.agent_encoding import encode, encode_function
from desktop.agents.draft import AgentDraft, DraftState, Place, Unfinished
from desktop.undo_journal import Snapshot
from desktop.unsaved_work import AGENT, State


@dataclass(frozen=True, slots=True)
class UnsavedAgent:
    """What was kept of an agent. kept_as, version: under which name it was saved, in which version; '', 0 if never."""

    state: DraftState
    kept_as: str
    version: int


def snapshot_of(draft: AgentDraft) -> Snapshot:
    """The draft as it is now."""
    state, kept_as = draft.state, draft.name
    name = state.agent.name.strip() or "Agent without a name"
    return Snapshot(name, lambda: _text(state, kept_as), version=draft.version, kind=AGENT)


def read_unsaved(state: State) -> UnsavedAgent | None:
    """The agent of a kept state; None if it cannot be read."""
    try:
        data = json.loads(state.text)
        agent, _ = decode({**data["agent"], "functions": {}})
        if agent is None:
            return None
        functions = tuple(decode_function(str(each["name"]), each["function"])[0] for each in data["functions"])
        unfinished = {_place(each["place"]): Unfinished(each["value"], str(each["reason"])) for each in data["typed"]}
        return UnsavedAgent(
            DraftState(replace(agent, functions=functions), unfinished), str(data["kept_as"]), state.version
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _text(state: DraftState, kept_as: str) -> str:
    """Functions stand in a list: while they are edited, two of them may have one name."""
    agent: Agent = replace(state.agent, functions=())
    data: dict[str, Any] = {
        "kept_as": kept_as,
        "agent": encode(agent),
        "functions": [{"name": each.name, "function": encode_function(each)} for each in state.agent.functions],
        "typed": [
            {"place": list(place), "value": typed.value, "reason": typed.reason}
            for place, typed in state.unfinished.items()
        ],
    }
    return json.dumps(data, ensure_ascii=False)


def _place(parts: list[str | int]) -> Place:
    return tuple(part if isinstance(part, int) else str(part) for part in parts)
