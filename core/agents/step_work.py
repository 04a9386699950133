"""Agents inside runs: the service behind the step type `agent`."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from core.agents.approval import is_tainted
from core.agents.chat import RUN_LABEL, leave_broken_end
from core.agents.chat_events import ChatEvent, MessageSaved, ReasoningDelta, RequestSent, TextDelta, TurnEnded
from core.agents.errors import ChatError
from core.agents.foreign_text import marked, new_mark
from core.agents.kit import Kit
from core.agents.limits import spent_in, turn_of
from core.agents.made_files import made_by
from core.agents.step_questions import StepQuestions
from core.agents.step_surroundings import StepSurroundings, is_inside
from core.agents.terms import Terms
from core.agents.turn import Turn, TurnSettings
from core.engine.errors import StepError, Suspended
from core.engine.services import AgentAnswer, AgentTask
from core.engine.step_type import StepContext
from core.store.conversation_records import ConversationLog, StoredMessage
from core.store.conversations import Conversations
from core.store.errors import AgentNotFound
from core.workflow.model import Json

PATH_LABEL: Final = "path"
"""Label of a conversation that belongs to a step: the step's scope path."""


class StepAgents:
    """The Agents service. kit: of the turns, with the run's own models."""

    def __init__(self, kit: Callable[[], Kit], conversations: Conversations) -> None:
        self._kit = kit
        self._source = conversations

    async def work(self, task: AgentTask, context: StepContext) -> AgentAnswer:
        """Have the agent work, or go on where it was. Raises StepError, Suspend or Suspended."""
        kit = self._kit()
        try:
            known = await kit.agents.named(task.agent)
        except AgentNotFound as error:
            raise StepError(str(error), kind="not_found") from None
        questions = StepQuestions(self._source)
        if context.answer is not None:
            await questions.take_answer(context.answer, context.state)
        conversation = await self._source.create(
            agent_id=known.id,
            title=f"{context.step_id} of a run",
            key=f"step:{context.run_id}:{context.path}:{_digest(task)}",
            labels={RUN_LABEL: context.run_id, PATH_LABEL: context.path},
        )
        log = await self._source.write(conversation.id)
        try:
            resumed = await self._asked(log, task, kit)
            relay = _Relay(context)
            surroundings = StepSurroundings(context, questions)
            settings = TurnSettings(usd=task.usd, terms=Terms(schema=task.schema))
            turn = Turn(kit, self._source, log, known, surroundings, relay.emit, settings)
            outcome = await turn.run(resumed=resumed)
            path = await log.path()
        finally:
            await log.close()
        if not isinstance(outcome, TurnEnded):
            mine = [pending for pending in outcome.pending if not is_inside(pending)]
            raise questions.suspension(mine[0]) if mine else Suspended()
        _raise_if_broken(outcome, turn)
        return _answer(outcome, path, str(conversation.id))

    async def _asked(self, log: ConversationLog, task: AgentTask, kit: Kit) -> bool:
        """Put the task to a new conversation; whether there was one already."""
        if await log.path():
            await leave_broken_end(log)
            return True
        parts: list[dict[str, Json]] = [{"type": "blob", **file, "mark": new_mark(kit.random)} for file in task.files]
        if task.material.strip():
            parts.append({"type": "text", "text": marked(task.material, "material", new_mark(kit.random))})
        content = [*parts, {"type": "text", "text": task.text}] if parts else task.text
        message = StoredMessage(
            id=0,
            parent=None,
            role="user",
            text=task.text,
            body={"role": "user", "content": content},
            tainted=bool(parts),
            blobs=tuple(str(part["blob"]) for part in parts if "blob" in part),
        )
        await log.add(message)
        return False


class _Relay:
    """Shows in the run what happens in the turn: text as it comes, requests as sent, what they cost."""

    def __init__(self, context: StepContext) -> None:
        self._context = context

    def emit(self, event: ChatEvent) -> None:
        """Take in one event."""
        match event:
            case TextDelta():
                self._context.delta(event.text)
            case ReasoningDelta():
                self._context.delta(event.text, "reasoning")
            case RequestSent():
                self._context.record_request(event.body)
            case MessageSaved() if event.message.role == "assistant":
                self._context.spend(event.message.usage)
            case _:
                pass


def _digest(task: AgentTask) -> str:
    """The same for the same task: a step that is run again in a loop with another one begins a new conversation."""
    facts: list[object] = [task.agent, task.text, task.schema, [file.get("blob") for file in task.files]]
    if task.material:  # so that a run that was begun without it goes on
        facts.append(task.material)
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=dict).encode()).hexdigest()[:16]


def _raise_if_broken(outcome: TurnEnded, turn: Turn) -> None:
    match outcome.status:
        case "completed":
            return
        case "cancelled":
            raise asyncio.CancelledError
        case "limited":
            raise StepError(outcome.reason or "The agent reached a limit.", kind="limit")
        case _:
            if isinstance(turn.failure, StepError):
                raise turn.failure
            code = turn.failure.code if isinstance(turn.failure, ChatError) else "failed"
            raise StepError(outcome.reason or "The agent failed.", kind=code)


def _answer(outcome: TurnEnded, path: Sequence[StoredMessage], conversation: str) -> AgentAnswer:
    spent = spent_in(turn_of(path))
    last = next((message for message in reversed(path) if message.role == "assistant"), None)
    return AgentAnswer(
        text=outcome.text,
        value=outcome.value,
        agent=last.agent if last is not None else "",
        model=last.model if last is not None else "",
        conversation=conversation,
        requests=spent.steps,
        calls=spent.calls,
        tainted=is_tainted(path),
        images=[_without_type(part) for message in turn_of(path) for part in made_by(message)],
    )


def _without_type(part: Mapping[str, Json]) -> dict[str, Json]:
    """A part of a message as steps name files."""
    return {key: value for key, value in part.items() if key != "type"}
