"""What a call that waits says of itself in its record, and how a person's word gets there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from core.agents.approval import GRANT, GRANTED_TAINTED
from core.agents.chat_events import Pending, PendingKind
from core.agents.errors import CallWaits, NothingToDo
from core.agents.results import failure
from core.engine.journal import RunRecord
from core.store.conversation_records import WAITED, FunctionCall
from core.workflow.model import Json

KIND: Final = "pending"
ANSWER: Final = "answer"
KEPT: Final = "kept"
SINCE: Final = "since"
RESULT: Final = "result"

RUN_AGAIN, TREAT_AS_DONE, FAIL = "run_again", "treat_as_done", "fail"
"""What a person may say of a call that was interrupted while it changed something."""

_UNKNOWN = (
    "“{name}” was interrupted while it was changing something outside. Nobody knows whether it got through. Look "
    "there, then answer: run it again, treat it as done, or let it fail."
)


def asks_leave(call: FunctionCall, reason: str, warnings: tuple[str, ...]) -> FunctionCall:
    """The call as one that waits for leave."""
    state: dict[str, Json] = {KIND: "approval", "warnings": list(warnings)}
    return replace(call, status="waiting", reason=reason, state={**call.state, **state})


def of_unknown_outcome(call: FunctionCall) -> FunctionCall:
    """The call as one of which nobody knows whether it got through."""
    return replace(
        call, status="unknown", reason=_UNKNOWN.format(name=call.name), state={**call.state, KIND: "unknown"}
    )


def waits(call: FunctionCall, wait: CallWaits, now: datetime) -> FunctionCall:
    """The call as one that cannot go on without an answer, or before a time."""
    state = {k: v for k, v in call.state.items() if k != ANSWER}
    until = wait.until.isoformat() if wait.until else None
    state |= {KIND: wait.kind, KEPT: dict(wait.state), "until": until, SINCE: now.isoformat()}
    return replace(call, status="waiting", reason=wait.message, state=state)


def goes_on(call: FunctionCall, now: datetime) -> FunctionCall:
    """The call as one that is made again after it waited: how long that was is known from now on."""
    since = call.state.get(SINCE)
    if not isinstance(since, str):
        return call
    before = call.state.get(WAITED)
    waited = (now - datetime.fromisoformat(since)).total_seconds() + (
        before if isinstance(before, int | float) else 0.0
    )
    rest = {key: value for key, value in call.state.items() if key != SINCE}
    return replace(call, state={**rest, WAITED: max(0.0, waited)})


def pending_of(call: FunctionCall, agent: str) -> Pending:
    """What such a call waits for. Of a call that waits for calls of another agent see `Chat.pending`."""
    state: Mapping[str, Any] = call.state
    kept = state.get(KEPT) or {}
    choices: tuple[str, ...] = tuple(kept.get("choices") or ())
    kind: PendingKind = state.get(KIND, "approval")
    if kind == "unknown":
        choices = (RUN_AGAIN, TREAT_AS_DONE, FAIL)
    until = state.get("until")
    return Pending(
        id=call.id,
        kind=kind,
        message=call.reason,
        call=call,
        agent=agent,
        warnings=tuple(state.get("warnings") or ()),
        choices=choices,
        schema=kept.get("schema"),
        run_id=str(kept.get("run_id") or call.run_id),
        path=str(kept.get("path") or ""),
        until=datetime.fromisoformat(until) if until else None,
    )


def later(run: RunRecord, agent: str) -> Pending:
    """What a conversation waits for whose workflow waits for a time."""
    return Pending(run.id, "later", waits_until(run), agent=agent, run_id=run.id, until=run.wake_at)


def waits_until(run: RunRecord) -> str:
    """What to say of a run that waits for a time."""
    when = f" until {run.wake_at:%Y-%m-%d %H:%M} UTC" if run.wake_at else ""
    return f"The run of {run.workflow.name} waits{when}."


def is_pending(call: FunctionCall) -> bool:
    """Whether the call waits for a person or a time."""
    return call.status in ("waiting", "unknown") and KIND in call.state and ANSWER not in call.state


def conversation_inside(call: FunctionCall) -> str:
    """The conversation of another agent that the call waits for, '' for none."""
    kept = call.state.get(KEPT)
    return str(kept.get("conversation") or "") if isinstance(kept, dict) else ""


def answered(call: FunctionCall, *, allow: bool, reason: str, for_conversation: bool, tainted: bool) -> FunctionCall:
    """The call after a person allowed or denied it. Raises NothingToDo if it waits for no such word."""
    if not is_pending(call) or call.state.get(KIND) != "approval":
        raise NothingToDo(f"The call of {call.name} waits for no approval; it is {call.status}.")
    if not allow:
        said = reason or "The person did not allow it."
        return replace(call, status="denied", reason=said, result=failure("denied", said, "Do not try it another way."))
    state = dict(call.state) | {ANSWER: {"allow": True}}
    if for_conversation:
        state |= {GRANT: True, GRANTED_TAINTED: tainted}
    return replace(call, status="approved", reason=reason or "A person allowed it.", state=state)


def decided_outcome(call: FunctionCall, choice: str, result: str = "") -> FunctionCall:
    """The call of unknown outcome after a person said what to do. Raises NothingToDo."""
    if call.status != "unknown":
        raise NothingToDo(f"The outcome of {call.name} is known; it is {call.status}.")
    match choice:
        case "run_again":
            return replace(call, status="approved", state={**call.state, ANSWER: choice}, reason="A person chose so.")
        case "treat_as_done":
            said = result or "A person looked: it was done."
            return replace(call, status="completed", state={**call.state, ANSWER: choice}, result=said)
        case "fail":
            said = "It was interrupted, and a person chose not to repeat it."
            return replace(
                call,
                status="failed",
                state={**call.state, ANSWER: choice},
                reason=said,
                result=failure("interrupted", said),
            )
        case _:
            raise NothingToDo(f"Answer with one of {RUN_AGAIN}, {TREAT_AS_DONE}, {FAIL}.")


def handed_in(call: FunctionCall, result: str) -> FunctionCall:
    """The call after whoever asked has carried it out; it goes on with that. Raises NothingToDo for other calls."""
    if not is_pending(call) or call.state.get(KIND) != "asker":
        raise NothingToDo(f"The call of {call.name} waits for no result from outside; it is {call.status}.")
    return replace(call, status="approved", state={**call.state, ANSWER: {RESULT: result}})


def with_answer(call: FunctionCall, answer: Mapping[str, Json]) -> FunctionCall:
    """The call after the question of what it runs was answered; it goes on with that."""
    if not is_pending(call) or call.state.get(KIND) != "question":
        raise NothingToDo(f"The call of {call.name} asks nothing; it is {call.status}.")
    return replace(call, status="approved", state={**call.state, ANSWER: dict(answer)})
