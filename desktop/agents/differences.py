"""In what two agents differ, in lines for a person. No Qt."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from core.agents.agent import Agent
from core.agents.agent_encoding import encode, encode_function
from core.workflow.model import Json

_LONG: Final = 80


def differences(theirs: Agent, mine: Agent, *, labels: tuple[str, str] = ("theirs", "yours")) -> list[str]:
    """Each field that differs, with both values; of longer texts the lines that differ. labels: what both are."""
    lines: list[str] = []
    for path, other, own in _pairs(_data(theirs), _data(mine)):
        lines += _lines(path, other, own, labels)
    return lines


def _data(agent: Agent) -> dict[str, Json]:
    plain = encode(replace(agent, functions=()))
    for index, function in enumerate(agent.functions):
        plain[f"function {function.name or index}"] = encode_function(function)
    return plain


def _pairs(theirs: Mapping[str, Json], mine: Mapping[str, Json], at: str = "") -> Iterator[tuple[str, Json, Json]]:
    for key in dict.fromkeys([*theirs, *mine]):
        other, own = theirs.get(key), mine.get(key)
        if other == own:
            continue
        if isinstance(other, dict) and isinstance(own, dict):
            yield from _pairs(other, own, f"{at}{key}, ")
        else:
            yield f"{at}{key}", other, own


def _lines(path: str, theirs: Json, mine: Json, labels: tuple[str, str]) -> list[str]:
    wide = max(map(len, labels)) + 2
    one, two = (f"  {f'{label}:':<{wide}}" for label in labels)
    texts = isinstance(theirs, str) and isinstance(mine, str)
    if texts and ("\n" in f"{theirs}{mine}" or len(f"{theirs}{mine}") > _LONG):
        changed = difflib.ndiff(str(theirs).splitlines(), str(mine).splitlines())
        marks = {"- ": one, "+ ": two}
        return [f"{path}:", *(f"{marks[each[:2]]}{each[2:]}" for each in changed if each[:2] in marks)]
    return [f"{path}:", f"{one}{_shown(theirs)}", f"{two}{_shown(mine)}"]


def _shown(value: Json) -> str:
    if value is None:
        return "not set"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
