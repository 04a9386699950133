"""What an agent inside a run waits for, as the question of a suspended step; and a person's answer to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final
from uuid import UUID

from core.agents.approval import is_tainted
from core.agents.chat_events import Pending
from core.agents.errors import NothingToDo
from core.agents.functions import CallContext
from core.agents.pending import answered, conversation_inside, is_pending, pending_of
from core.agents.results import as_text
from core.engine.errors import Question, Suspend, Suspended
from core.store.conversation_records import FunctionCall
from core.store.conversations import Conversations
from core.workflow.model import Json

ALLOW, ALLOW_ALL, DENY = "allow", "allow_all", "deny"
"""The answers: once, for the rest of this conversation, or not."""

_CALL: Final = "call"
_ALL: Final = 1_000_000
"""More messages than a conversation has."""


class StepQuestions:
    """Asks and hears, for the conversations of one run's step."""

    def __init__(self, source: Conversations) -> None:
        self._source = source
        self._names: dict[str, tuple[str, int]] = {}

    async def names_of(self, context: CallContext) -> tuple[str, int]:
        """What a call is called as a step, and its place: `lookup[1]`, `lookup[2]`; the same after a crash."""
        if context.call.id not in self._names:
            counts: Counter[str] = Counter()
            page = await self._source.page(context.conversation_id, start=0, count=_ALL)
            calls = [call for message in page.messages for call in message.calls]
            for number, call in enumerate(calls):
                counts[call.name] += 1
                self._names[call.id] = f"{call.name}[{counts[call.name]}]", number
        return self._names[context.call.id]

    def suspension(self, pending: Pending) -> Suspend:
        """The question for one call that waits for leave. state: which."""
        call = pending.call
        assert call is not None
        return Suspend(
            question=Question(_asked(pending, call), choices=(ALLOW, ALLOW_ALL, DENY)), state={_CALL: call.id}
        )

    async def suspension_in(self, conversation: str) -> Suspend | Suspended:
        """The same for what an agent in another conversation waits for."""
        page = await self._source.page(UUID(conversation))
        newest = next((message for message in reversed(page.messages) if message.calls), None)
        for call in newest.calls if newest is not None else ():
            if not is_pending(call):
                continue
            if inside := conversation_inside(call):
                return await self.suspension_in(inside)
            pending = pending_of(call, newest.agent if newest is not None else "")
            return self.suspension(pending) if pending.kind == "approval" else Suspended()
        return Suspended()

    async def take_answer(self, answer: Mapping[str, Json], state: Mapping[str, Json]) -> None:
        """Write a person's answer to the call that the state names; one that was heard already changes nothing."""
        call_id = state.get(_CALL)
        if not isinstance(call_id, str):
            return
        log = await self._source.write(await self._source.of_call(call_id))
        try:
            path = await log.path()
            call = next((call for message in path for call in message.calls if call.id == call_id), None)
            if call is None:
                return
            choice, comment = answer.get("choice"), str(answer.get("comment") or "")
            try:
                changed = answered(
                    call,
                    allow=choice in (ALLOW, ALLOW_ALL),
                    reason=comment,
                    for_conversation=choice == ALLOW_ALL,
                    tainted=is_tainted(path),
                )
            except NothingToDo:
                return
            await log.update_call(changed)
        finally:
            await log.close()


def _asked(pending: Pending, call: FunctionCall) -> str:
    """The question with the whole call: nothing of what is allowed may be hidden."""
    arguments = as_text(dict(call.arguments)) if call.arguments is not None else call.raw
    parts = [f"{pending.agent} wants to call {call.name} with these arguments:", arguments, pending.message]
    return "\n\n".join([*parts, *pending.warnings])
