"""Function calls of an answer, put together from the pieces in which servers send them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from core.engine.services import ToolCall


@dataclass(slots=True)
class _Call:
    index: object
    id: str = ""
    name: str = ""
    arguments: str = ""


class ToolCallPieces:
    """Collects the pieces. new_id: makes an id for a call whose server gave none."""

    def __init__(self, new_id: Callable[[], str]) -> None:
        self._new_id = new_id
        self._calls: list[_Call] = []

    def __len__(self) -> int:
        return len(self._calls)

    def add(self, pieces: Sequence[Any]) -> None:
        """Take the `tool_calls` of one delta or of a whole message."""
        seen: set[object] = set()
        for piece in pieces:
            if isinstance(piece, Mapping):
                self._add(piece, seen)

    def _add(self, piece: Mapping[str, Any], seen: set[object]) -> None:
        function = piece.get("function")
        function = function if isinstance(function, Mapping) else {}
        id_, name = str(piece.get("id") or ""), str(function.get("name") or "")
        index = piece.get("index")
        call = self._open_call(index, id_)
        if call is None or _is_another(call, id_, name, repeated=index in seen):
            call = _Call(index)
            self._calls.append(call)
        seen.add(index)
        call.id = call.id or id_
        call.name = call.name or name
        call.arguments += _argument_text(function.get("arguments"))

    def _open_call(self, index: object, id_: str) -> _Call | None:
        if index is None:  # servers without indices: by id, else the call that is being written
            return next((c for c in reversed(self._calls) if not id_ or c.id == id_), None)
        return next((c for c in reversed(self._calls) if c.index == index), None)

    def finish(self, *, cut_off: bool) -> tuple[ToolCall, ...]:
        """The calls, in order, each with an id of its own. cut_off: the answer hit its limit, so the last call may lack
        its end."""
        seen: set[str] = set()
        for call in self._calls:
            if not call.id or call.id in seen:  # some servers number the calls of each answer, all of them 0
                call.id = self._new_id()
            seen.add(call.id)
        last = len(self._calls) - 1
        return tuple(
            ToolCall(
                call.id, call.name, parse_arguments(call.arguments, empty=not (cut_off and n == last)), call.arguments
            )
            for n, call in enumerate(self._calls)
        )


def wire_calls(calls: Sequence[ToolCall]) -> list[dict[str, Any]]:
    """The calls in the form in which they are sent back. A call without arguments gets `{}`."""
    return [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.raw or "{}"}}
        for call in calls
    ]


def parse_arguments(text: str, *, empty: bool = True) -> dict[str, Any] | None:
    """The object that a call's argument text says; None if it is broken or no object.

    empty: whether no text at all means a call without arguments.
    """
    if not text.strip():
        return {} if empty else None
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _is_another(call: _Call, id_: str, name: str, *, repeated: bool) -> bool:
    """Whether a piece begins a new call although its index is taken: some servers give every call index 0."""
    if id_ and call.id:
        return id_ != call.id
    if not name or not call.name:
        return False
    complete = bool(call.arguments) and parse_arguments(call.arguments) is not None
    return repeated or name != call.name or complete


def _argument_text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)
