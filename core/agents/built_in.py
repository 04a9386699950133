"""Functions that every agent has: reading on in a long result, and setting the shared variables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from core.agents.errors import FunctionError
from core.agents.functions import CallableFunction, CallContext, CallResult, FunctionFacts
from core.agents.results import MOST_CHARACTERS, result_name
from core.engine.errors import StepError
from core.engine.services import Blobs
from core.store.conversation_records import FunctionCall, StoredMessage
from core.workflow.model import Json

READ_RESULT: Final = "read_result"
SET_VARIABLE: Final = "set_variable"
BUILT_IN = frozenset({READ_RESULT, SET_VARIABLE})
"""Names that are taken."""


class ReadResult:
    """Reads on in results of this conversation that were too long, or were left out to save room."""

    def __init__(self, calls: Sequence[FunctionCall], blobs: Blobs | None) -> None:
        self._calls = {result_name(call.id): call for call in calls}
        self._blobs = blobs
        self.facts = FunctionFacts(
            READ_RESULT,
            "Reads a part of an earlier function result that was too long to be shown whole.",
            source="this conversation",
            parameters={
                "type": "object",
                "properties": {
                    "name": {"type": "string", "description": "As the shortened result names it."},
                    "offset": {"type": "integer", "minimum": 0, "description": "First character."},
                    "length": {"type": "integer", "minimum": 1, "maximum": MOST_CHARACTERS},
                },
                "required": ["name"],
                "additionalProperties": False,
            },
            resumable=True,
            untrusted=True,
        )

    async def call(self, arguments: Mapping[str, Json], context: CallContext) -> CallResult:
        """The part, with what it is of how many characters."""
        call = self._calls.get(str(arguments["name"]))
        if call is None:
            raise FunctionError(
                f"There is no result {arguments['name']!r} here.",
                kind="not_found",
                hint=f"There are: {', '.join(list(self._calls)[-20:]) or 'none'}.",
            )
        text = await self._whole(call)
        offset, length = _whole_number(arguments.get("offset"), 0), _whole_number(arguments.get("length"), 20_000)
        part = text[offset : offset + length]
        return CallResult(f"[characters {offset} to {offset + len(part)} of {len(text)}]\n{part}", tainted=call.tainted)

    async def _whole(self, call: FunctionCall) -> str:
        if call.result_blob and self._blobs is not None:
            try:
                return (await self._blobs.get(call.result_blob)).decode("utf-8", "replace")
            except StepError:
                pass
        return call.result


class SetVariable:
    """Sets one of the variables that the agent shares with the workflows it calls."""

    def __init__(self, variables: Mapping[str, Json]) -> None:
        self.facts = FunctionFacts(
            SET_VARIABLE,
            "Sets one of the variables that are shared with the workflows you call.",
            source="the shared variables",
            parameters={
                "type": "object",
                "properties": {"name": {"type": "string", "enum": list(variables)}, "value": {}},
                "required": ["name", "value"],
                "additionalProperties": False,
            },
            resumable=True,
        )

    async def call(self, arguments: Mapping[str, Json], context: CallContext) -> CallResult:
        """Set it."""
        name = str(arguments["name"])
        await context.surroundings.set_variables({name: arguments["value"]})
        return CallResult({"set": name})


def built_in(
    path: Sequence[StoredMessage], variables: Mapping[str, Json], blobs: Blobs | None, *, pruned: bool
) -> list[CallableFunction]:
    """The built-in functions that are of use now."""
    calls = [call for message in path for call in message.calls if call.result]
    found: list[CallableFunction] = []
    if pruned or any(call.result_blob for call in calls):
        found.append(ReadResult(calls, blobs))
    if variables:
        found.append(SetVariable(variables))
    return found


def _whole_number(value: Json, otherwise: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else otherwise
