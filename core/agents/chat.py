"""Talking with agents and workflows: the one door for windows, command line, HTTP and scripts.

    async for event in chat.send(conversation.id, "What does the contract say about notice?"):
        ...

A turn is worked on whether anybody watches or not. Where a call needs a person's leave the turn ends as waiting;
`answer_approval` goes on with it, tomorrow if need be, in this process or another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeAlias
from uuid import UUID

from core.agents import attachments as files
from core.agents.agent_function import PARENT_CALL
from core.agents.approval import is_tainted
from core.agents.attachments import Attachment
from core.agents.chat_events import CallFinished, ChatEvent, MessageSaved, Pending, TurnWaiting
from core.agents.chat_surroundings import CONVERSATION_LABEL, ChatSurroundings
from core.agents.context import CALL_ID
from core.agents.errors import ChatError, NothingToDo
from core.agents.kit import Kit
from core.agents.pending import (
    answered,
    conversation_inside,
    decided_outcome,
    handed_in,
    is_pending,
    later,
    pending_of,
    with_answer,
)
from core.agents.reply import Outcome, Reply
from core.agents.results import failure
from core.agents.terms import NO_TERMS, Terms
from core.agents.turn import Turn, TurnSettings
from core.agents.workflow_chat import WorkflowChat
from core.agents.workflow_runs import RunMaker
from core.engine.errors import EngineError
from core.engine.journal import asking
from core.engine.services import WorkflowSource
from core.store.conversation_records import Conversation, ConversationLog, FunctionCall, StoredMessage
from core.store.conversations import Conversations
from core.workflow.model import NOTHING, Json

_ChatWork: TypeAlias = Callable[[ConversationLog, Callable[[ChatEvent], None]], Awaitable[Outcome]]

RUN_LABEL = "run"
"""Label of a conversation that belongs to an `agent` step: the run's id."""

_TITLE = 60
"""Characters of a title that is made of what was said first."""


@dataclass(frozen=True, slots=True)
class ChatParts:
    """What a Chat is made of. workflows: to chat with. new_run_id: makes ids of runs."""

    kit: Kit
    conversations: Conversations
    runs: RunMaker
    new_run_id: Callable[[], str]
    workflows: WorkflowSource | None = None


class Chat:
    """Conversations with agents and with workflows. All methods belong to one asyncio loop."""

    def __init__(self, parts: ChatParts) -> None:
        self._parts = parts
        self._source = parts.conversations
        self._replies: dict[UUID, Reply] = {}
        self.when_waiting: list[Callable[[], object]] = []
        """Called whenever a turn has come to wait for something."""

    @property
    def parts(self) -> ChatParts:
        """What it is made of, for those who make another one like it."""
        return self._parts

    async def start(
        self, agent: str = "", *, workflow: str = "", title: str = "", variables: Mapping[str, Json] = NOTHING
    ) -> Conversation:
        """A new conversation with the agent of that name, or with a workflow.

        Raises AgentNotFound, or StepError for a workflow that is not there.
        """
        if workflow:
            found = await self._workflow(workflow)
            return await self._source.create(workflow=found, title=title, variables=variables)
        known = await self._parts.kit.agents.named(agent)
        return await self._source.create(agent_id=known.id, title=title, variables=variables)

    def running(self, conversation_id: UUID) -> Reply | None:
        """The answer that is being made in this process, or None."""
        reply = self._replies.get(conversation_id)
        return reply if reply is not None and not reply.done else None

    @property
    def busy(self) -> int:
        """How many answers are being made in this process."""
        return sum(1 for reply in self._replies.values() if not reply.done)

    def send(
        self, conversation_id: UUID, text: str, attachments: Sequence[Attachment] = (), terms: Terms = NO_TERMS
    ) -> Reply:
        """Say something; the answer in the making. What still waited for a person counts as denied. terms: what is
        wished of an agent's answer.

        Raises ChatError if this process is answering already; everything else comes while the reply is watched.
        """

        async def work(log: ConversationLog, emit: Callable[[ChatEvent], None]) -> Outcome:
            await self._close_calls(log, "The person wrote something else instead.", emit)
            await self._say(log, text, attachments, emit)
            return await self._answer(log, emit, terms=terms)

        return self._begin(conversation_id, work)

    def hand_in(self, conversation_id: UUID, results: Mapping[str, str], terms: Terms = NO_TERMS) -> Reply:
        """Go on with what calls have given, by their ids, that whoever asks has carried out.

        If they were handed in before, the answer to them is made again, on a new branch. Watching raises NothingToDo if
        there are no such calls, or if one of them waits for something else.
        """

        async def work(log: ConversationLog, emit: Callable[[ChatEvent], None]) -> Outcome:
            path = await log.path()
            at = next((i for i, m in enumerate(path) if any(call.id in results for call in m.calls)), None)
            if at is None:
                raise NothingToDo("No call of this conversation waits for such a result.")
            calls = path[at].calls
            for call in calls:
                if call.id in results and is_pending(call):
                    await log.update_call(handed_in(call, results[call.id]))
            if all(call.settled for call in calls):
                await log.move_head(path[min(at + len(calls), len(path) - 1)].id)
            return await self._answer(log, emit, resumed=True, terms=terms)

        return self._begin(conversation_id, work)

    def edit(
        self, conversation_id: UUID, message_id: int, text: str, attachments: Sequence[Attachment] | None = None
    ) -> Reply:
        """Say something else than what was said, on a new branch. attachments: None to keep those there were."""

        async def work(log: ConversationLog, emit: Callable[[ChatEvent], None]) -> Outcome:
            path = await log.path()
            old = _at(path, message_id)
            if old.role != "user":
                raise ChatError("Only what a person said can be edited. Have an answer made again instead.")
            await self._close_calls(log, "The person went another way.", emit)
            await log.move_head(old.parent)
            kept = _kept_parts(old) if attachments is None else []
            await self._say(log, text, attachments or (), emit, kept)
            return await self._answer(log, emit)

        return self._begin(conversation_id, work)

    def regenerate(self, conversation_id: UUID, message_id: int | None = None) -> Reply:
        """Have an answer made again, on a new branch. message_id: of the answer, or of the question; None: the last."""

        async def work(log: ConversationLog, emit: Callable[[ChatEvent], None]) -> Outcome:
            path = await log.path()
            upto = path if message_id is None else path[: path.index(_at(path, message_id)) + 1]
            question = next((message for message in reversed(upto) if message.role == "user"), None)
            if question is None:
                raise NothingToDo("Nothing was asked yet, so no answer can be made again.")
            await self._close_calls(log, "The person had the answer made again.", emit)
            await log.move_head(question.id)
            return await self._answer(log, emit)

        return self._begin(conversation_id, work)

    def resume(self, conversation_id: UUID) -> Reply:
        """Go on with a turn that waited, failed, was stopped, or whose process ended. Nothing done is done again.

        Watching raises NothingToDo if the conversation stands at an answer.
        """

        async def work(log: ConversationLog, emit: Callable[[ChatEvent], None]) -> Outcome:
            if not await leave_broken_end(log):
                raise NothingToDo(NothingToDo.__doc__)
            return await self._answer(log, emit, resumed=True)

        return self._begin(conversation_id, work)

    async def answer_approval(
        self, call_id: str, allow: bool, *, reason: str = "", for_conversation: bool = False
    ) -> Reply:
        """Allow or deny a call that waits, and go on. reason: for the model, if it is denied. for_conversation: the
        same function is not asked for again here, until something foreign is read.

        Raises NothingToDo if nothing waits under that id.
        """
        return await self._decide(
            call_id,
            lambda call, tainted: answered(
                call, allow=allow, reason=reason, for_conversation=for_conversation, tainted=tainted
            ),
        )

    async def answer_unknown(self, call_id: str, choice: str, *, result: str = "") -> Reply:
        """Say what to do about a call that was interrupted: `run_again`, `treat_as_done` (with a result) or `fail`."""
        return await self._decide(call_id, lambda call, _: decided_outcome(call, choice, result))

    async def answer_question(self, pending_id: str, answer: Mapping[str, Json]) -> Reply:
        """Answer what a workflow asks: `{"choice": ...}` or `{"form": {...}}`. pending_id: of the Pending."""
        conversation = await self._conversation_of_run(pending_id)
        if conversation is None:
            return await self._decide(pending_id, lambda call, _: with_answer(call, answer))
        waiting = await self.pending(conversation)
        if not waiting:
            raise NothingToDo(NothingToDo.__doc__)

        async def work(log: ConversationLog, emit: Callable[[ChatEvent], None]) -> Outcome:
            return await self._answer(log, emit, resumed=True, answer=(waiting[0].path, answer))

        return self._begin(conversation, work)

    async def wake(self, conversation_id: UUID) -> Reply | None:
        """Go on with a conversation because what it waits for is there; None if it is being answered here already.

        Of an agent that was given a task, whoever gave it goes on. Raises ChatError if it belongs to the step of a run.
        """
        root = await self._root(await self._source.get(conversation_id))
        return self.resume(root) if self.running(root) is None else None

    async def pending(self, conversation_id: UUID) -> tuple[Pending, ...]:
        """What the conversation waits for, also of agents that work for the one that speaks."""
        conversation = await self._source.get(conversation_id)
        path = (await self._source.page(conversation_id)).messages
        if conversation.workflow:
            return await self._pending_run(conversation, path)
        found: list[Pending] = []
        for message in reversed(path):
            if message.calls:
                for call in message.calls:
                    found += await self._pending_call(call, message.agent)
                break
        return tuple(found)

    def cancel(self, conversation_id: UUID) -> bool:
        """Stop the answer that is being made in this process; whether there was one."""
        reply = self.running(conversation_id)
        if reply is not None:
            reply.cancel()
        return reply is not None

    async def stop(self) -> None:
        """Stop all that is being answered and wait until that is written down."""
        replies = [reply for reply in self._replies.values() if not reply.done]
        for reply in replies:
            reply.cancel()
        await asyncio.gather(*(reply.outcome() for reply in replies), return_exceptions=True)

    def _begin(self, conversation_id: UUID, work: _ChatWork) -> Reply:
        if self.running(conversation_id) is not None:
            raise ChatError("This conversation is being answered. Wait for the answer, or stop it first.")

        async def held(emit: Callable[[ChatEvent], None]) -> Outcome:
            log = await self._source.write(conversation_id)
            try:
                outcome = await work(log, emit)
            finally:
                await log.close()
            if isinstance(outcome, TurnWaiting):
                for tell in tuple(self.when_waiting):
                    tell()
            return outcome

        # A service talks for months: what was answered is in the store, and nobody asks for it here any more.
        self._replies = {known: reply for known, reply in self._replies.items() if not reply.done}
        reply = self._replies[conversation_id] = Reply(conversation_id, held)
        return reply

    async def _answer(
        self,
        log: ConversationLog,
        emit: Callable[[ChatEvent], None],
        *,
        resumed: bool = False,
        answer: tuple[str, Mapping[str, Json]] | None = None,
        terms: Terms = NO_TERMS,
    ) -> Outcome:
        parts, conversation = self._parts, log.conversation
        if conversation.workflow:
            assert parts.workflows is not None
            workflow = await parts.workflows.get(conversation.workflow, "")
            chat = WorkflowChat(workflow, "", log, parts.runs, parts.kit.clock, parts.new_run_id, emit)
            return await chat.run(resumed=resumed, answer=answer)
        if conversation.agent_id is None:
            raise ChatError("The agent of this conversation is gone for good, so nobody can answer.")
        known = await parts.kit.agents.numbered(conversation.agent_id)
        surroundings = ChatSurroundings(log, parts.runs, parts.new_run_id)
        settings = TurnSettings(terms=terms)
        return await Turn(parts.kit, self._source, log, known, surroundings, emit, settings).run(resumed=resumed)

    async def _say(
        self,
        log: ConversationLog,
        text: str,
        attachments: Sequence[Attachment],
        emit: Callable[[ChatEvent], None],
        kept: Sequence[Mapping[str, Json]] = (),
    ) -> None:
        kit, conversation = self._parts.kit, log.conversation
        if not text.strip() and not attachments and not kept:
            raise ChatError("There is nothing to send. Write something first.")
        if attachments and conversation.agent_id is not None:
            known = await kit.agents.numbered(conversation.agent_id)
            files.refuse_unfit(attachments, await kit.look_up(known.agent.model.model))
        saved = await log.add(await self.user_message(text, attachments, kept))
        emit(MessageSaved(conversation.id, kit.clock.now(), saved))
        if not conversation.title:
            await log.set_title(_title(text) or "Files")

    async def user_message(
        self, text: str, attachments: Sequence[Attachment] = (), kept: Sequence[Mapping[str, Json]] = ()
    ) -> StoredMessage:
        """What a person says as a message to be added; its files are kept. kept: parts for files that were before."""
        kit = self._parts.kit
        parts = [*kept, *await files.keep(attachments, kit.blobs, kit.random)]
        content = [*parts, {"type": "text", "text": text}] if parts else text
        return StoredMessage(
            id=0,
            parent=None,
            role="user",
            text=text,
            body={"role": "user", "content": content},
            tainted=bool(parts),
            blobs=tuple(str(part["blob"]) for part in parts),
        )

    async def _close_calls(self, log: ConversationLog, reason: str, emit: Callable[[ChatEvent], None]) -> None:
        """Settle what the branch that is left still waits for, so that every call has its result."""
        kit = self._parts.kit
        path = await log.path()
        index = next((i for i in range(len(path) - 1, -1, -1) if path[i].calls), None)
        if index is None:
            return
        settled = []
        for call in path[index].calls:
            if not call.settled:
                unsure = call.status in ("started", "unknown")
                said = "It was interrupted; whether it took effect is not known." if unsure else reason
                await self._abandon(call)
                call = replace(
                    call, status="cancelled", reason=reason, result=failure("cancelled", said), ended=kit.clock.now()
                )
                await log.update_call(call)
                emit(CallFinished(log.conversation.id, kit.clock.now(), call))
            settled.append(call)
        have = sum(1 for message in path[index + 1 :] if CALL_ID in message.body)
        for call in settled[have:]:
            body = {"role": "tool", "tool_call_id": call.wire_id, "content": call.result, CALL_ID: call.id}
            await log.add(StoredMessage(0, None, "tool", call.result, body, run_id=call.run_id, tainted=call.tainted))

    async def _abandon(self, call: FunctionCall) -> None:
        """End for good the run that a call has left waiting."""
        if call.run_id:
            with suppress(EngineError):
                await self._parts.runs.journal.cancel(call.run_id)

    async def _decide(self, call_id: str, change: Callable[[FunctionCall, bool], FunctionCall]) -> Reply:
        """Write a person's word down, then go on with the conversation that the call belongs to in the end."""
        conversation = await self._source.get(await self._source.of_call(call_id))
        root = await self._root(conversation)
        await self._until_it_waits(root)
        log = await self._source.write(conversation.id)
        try:
            path = await log.path()
            call = next((call for message in path for call in message.calls if call.id == call_id), None)
            if call is None:
                raise NothingToDo("That call is on a branch that is not shown. Switch to it first.")
            await log.update_call(change(call, is_tainted(path)))
        finally:
            await log.close()
        return self.resume(root)

    async def _until_it_waits(self, conversation_id: UUID) -> None:
        """A person may answer while calls beside the one that waits still run: then those end first."""
        reply = self.running(conversation_id)
        if reply is not None:
            with suppress(Exception):  # what became of the reply is told to whoever watches it
                await reply.outcome()

    async def _root(self, conversation: Conversation) -> UUID:
        """The conversation that goes on: of an agent that was given a task, that of whoever gave it."""
        while PARENT_CALL in conversation.labels:
            parent = await self._source.of_call(conversation.labels[PARENT_CALL])
            conversation = await self._source.get(parent)
        if RUN_LABEL in conversation.labels:
            raise ChatError(
                f"This call belongs to run {conversation.labels[RUN_LABEL]}. Answer the question that the run asks."
            )
        return conversation.id

    async def _pending_call(self, call: FunctionCall, agent: str) -> Sequence[Pending]:
        if not is_pending(call):
            return ()
        inside = conversation_inside(call)
        return await self.pending(UUID(inside)) if inside else (pending_of(call, agent),)

    async def _pending_run(self, conversation: Conversation, path: Sequence[StoredMessage]) -> tuple[Pending, ...]:
        last = path[-1] if path else None
        if last is None or last.role != "tool" or not last.run_id:
            return ()
        with suppress(EngineError):
            for step in reversed(asking(await self._parts.runs.journal.steps(last.run_id))):
                if (question := step.question) is not None:
                    return (
                        Pending(
                            id=last.run_id,
                            kind="question",
                            message=question.message,
                            agent=conversation.workflow,
                            choices=question.choices,
                            schema=question.schema,
                            run_id=last.run_id,
                            path=step.path,
                            until=step.until,
                        ),
                    )
            record = await self._parts.runs.journal.run(last.run_id)
            if record.status == "suspended":
                return (later(record, conversation.workflow),)
        return ()

    async def _conversation_of_run(self, run_id: str) -> UUID | None:
        """The conversation that a run answers by itself, None if the id is of no such run."""
        with suppress(EngineError):
            labels = (await self._parts.runs.journal.run(run_id)).labels
            if labels.get("trigger") == "message" and CONVERSATION_LABEL in labels:
                return UUID(labels[CONVERSATION_LABEL])
        return None

    async def _workflow(self, name: str) -> str:
        if self._parts.workflows is None:
            raise ChatError("No library of workflows is connected here.")
        await self._parts.workflows.get(name, "")
        return name


async def leave_broken_end(log: ConversationLog) -> bool:
    """Go back to before a note of how a turn broke off, so that it can go on; False if there is nothing to go on with.

    What had come of a broken answer stays on a branch of its own.
    """
    path = await log.path()
    if not path:
        return False
    last = path[-1]
    if last.role != "assistant" or last.calls:
        return True
    if last.status == "complete" or last.parent is None:
        return False
    await log.move_head(last.parent)
    return True


def _at(path: Sequence[StoredMessage], message_id: int) -> StoredMessage:
    found = next((message for message in path if message.id == message_id), None)
    if found is None:
        raise NothingToDo("That message is on a branch that is not shown. Switch to it first.")
    return found


def _kept_parts(message: StoredMessage) -> list[Mapping[str, Json]]:
    content = message.body.get("content")
    return [part for part in content if part.get("type") == "blob"] if isinstance(content, list) else []


def _title(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _TITLE else f"{line[: _TITLE - 1].rsplit(' ', 1)[0]}…"
