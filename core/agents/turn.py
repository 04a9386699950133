"""One turn of an agent: from what a person said to the answer, with every function call between.

The conversation is the turn's whole state. Each model answer and each result is durable before the next step begins,
so a turn that was cut off, or waits for a person, goes on from its messages, in whatever process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from core.agents.account import Account, Share
from core.agents.approval import About, granted_in, is_tainted
from core.agents.calls import CallKit, CallRound
from core.agents.chat_events import (
    CANCELLED,
    CallFinished,
    ChatEvent,
    HandedOver,
    MessageSaved,
    TurnEnded,
    TurnStarted,
    TurnStatus,
    TurnWaiting,
)
from core.agents.context import CALL_ID, REPAIR
from core.agents.doom_loop import is_stuck, verdicts, worn_out
from core.agents.errors import ChatError
from core.agents.foreign_text import visible
from core.agents.functions import CallContext, Surroundings
from core.agents.handoff import MOST_HANDOFFS, active_agent, handed_over, handoffs_in
from core.agents.kit import Kit, KnownAgent
from core.agents.limits import Exceeded, Spent, exceeded, exceeded_today, has_daily_limit, spent_in, turn_of
from core.agents.made_files import IMAGES, hashes, kept_message
from core.agents.model_step import Partial
from core.agents.request import Asked, RequestMaker, Wish
from core.agents.structured import FINAL_ANSWER, REPAIRS, AnswerForm
from core.agents.terms import NO_TERMS, Terms, WithAskers
from core.engine.clock import Deadline
from core.engine.errors import StepError
from core.engine.services import ChatAnswer
from core.steps.parts.answers import UnfitAnswer
from core.store.conversation_records import (
    ConversationLog,
    ConversationSource,
    FunctionCall,
    MessageStatus,
    StoredMessage,
)
from core.workflow.model import Json

E = TypeVar("E", bound=ChatEvent)


@dataclass(frozen=True, slots=True)
class TurnSettings:
    """How a turn differs from the usual. usd: what it may cost at most, besides the agent's limits. depth: how many
    agents stand around this one. tainted: what it was asked comes from outside. terms: what whoever asks wants. share:
    of the account of the turn that this one works for.
    """

    usd: float | None = None
    depth: int = 0
    tainted: bool = False
    terms: Terms = NO_TERMS
    share: Share | None = None


PLAIN = TurnSettings()


class Turn:
    """Answers the newest message of a conversation, or goes on with doing so. failure: why it ended as failed."""

    def __init__(
        self,
        kit: Kit,
        source: ConversationSource,
        log: ConversationLog,
        known: KnownAgent,
        surroundings: Surroundings,
        emit: Callable[[ChatEvent], None],
        settings: TurnSettings = PLAIN,
    ) -> None:
        kit = surroundings.equip(kit)
        if settings.terms.functions:
            kit = replace(kit, functions=WithAskers(kit.functions, settings.terms.functions))
        self._kit = kit
        self._source = source
        self._log = log
        self._first = known
        self._surroundings = surroundings
        self._emit = emit
        self._settings = settings
        self._speaker = known
        self._began = kit.clock.monotonic()
        self._maker = RequestMaker(kit, log, surroundings, emit)
        self.failure: StepError | ChatError | None = None
        self._limits = known.agent.limits
        if settings.usd is not None:
            own = self._limits.usd
            self._limits = replace(self._limits, usd=settings.usd if own is None else min(settings.usd, own))
        self._account = Account(self._limits, settings.share)
        self._partial: Partial | None = None
        self._round: CallRound | None = None
        self._round_message: StoredMessage | None = None
        self._has_asked = False

    async def run(self, *, resumed: bool = False) -> TurnEnded | TurnWaiting:
        """How the turn ended, which listeners were told too. Only a lost or unreachable store raises, and Suspend where
        the surroundings let no model be asked for now: the turn goes on when it is run again.

        A cancelled turn keeps what had come of the answer, ends as cancelled, and then raises CancelledError.
        """
        self._tell(TurnStarted, agent=self._first.agent.name, resumed=resumed)
        path = await self._log.path()
        used = spent_in(turn_of(path))
        left = max(0.0, self._first.agent.limits.seconds - used.seconds)
        deadline = Deadline(self._kit.clock, left)
        try:
            async with deadline:
                return await self._go_on()
        except TimeoutError:
            if not deadline.expired:
                return await self._end("failed", "Something it waited for timed out.")
            return await self._end("limited", f"The turn reached its limit of {self._first.agent.limits.seconds:g} s.")
        except asyncio.CancelledError:
            await self._end("cancelled", CANCELLED)
            raise
        except (StepError, ChatError) as error:
            self.failure = error
            return await self._end("failed", str(error))

    async def _go_on(self) -> TurnEnded | TurnWaiting:
        while True:
            path = await self._log.path()
            turn = turn_of(path)
            self._account.settle(self._spent(turn).usage)
            known = self._speaker = await active_agent(path, self._first, self._kit.agents)
            last = path[-1] if path else None
            open_calls = next((message for message in reversed(turn) if message.calls), None)
            if open_calls is not None and not _is_answered(open_calls, turn):
                waiting = await self._carry_out(open_calls, path, known)
                if waiting is not None:
                    return waiting
                continue
            if last is not None and last.role == "assistant" and not last.calls:
                if last.status != "complete":
                    return await self._finish("limited", last.text, None, last.reason)
                if (ended := await self._accept(last, turn, known)) is not None:
                    return ended
                continue
            if (ended := await self._given(turn, known)) is not None:
                return ended
            limit = await self._limit(turn, known)
            if limit is not None and not limit.in_words:
                return await self._end("limited", limit.reason)
            await self._surroundings.may_ask()
            await self._ask(path, turn, known, limit)

    async def _ask(
        self, path: Sequence[StoredMessage], turn: Sequence[StoredMessage], known: KnownAgent, limit: Exceeded | None
    ) -> None:
        """Ask the model once; its answer and its calls are durable afterwards."""
        kit = self._kit
        self._partial = Partial()
        began = kit.clock.monotonic()
        asked = await self._maker.ask(
            known,
            path,
            self._partial,
            Wish(
                schema=self._schema(known),
                withheld=worn_out(turn),
                in_words=limit is not None,
                may_hand_over=handoffs_in(turn) < MOST_HANDOFFS,
                depth=self._settings.depth,
                step=spent_in(turn).steps + 1,
                terms=self._settings.terms,
                must_call="" if self._has_asked else self._settings.terms.must_call,
            ),
        )
        self._has_asked = True
        message = await self._save(asked, path, known, kit.clock.monotonic() - began)
        self._partial = None
        for call in message.calls:
            self._maker.propose(call, known.agent.name)

    async def _save(
        self, asked: Asked, path: Sequence[StoredMessage], known: KnownAgent, seconds: float
    ) -> StoredMessage:
        answer = asked.answer
        if answer.refusal:
            raise StepError(f"{answer.model} refused to answer: {answer.refusal[:500]}", kind="refused")
        calls = tuple(self._proposed(answer))
        cut = answer.finish in ("length", "content_filter")
        body = await kept_message(answer, self._kit.blobs)
        status: MessageStatus = "partial" if cut and not calls else "complete"
        reason = {"length": "It was cut off at its longest.", "content_filter": "The provider's filter cut it."}
        message = StoredMessage(
            id=0,
            parent=None,
            role="assistant",
            text=answer.text,
            body=body,
            status=status,
            reason=reason.get(answer.finish, "") if status == "partial" else "",
            agent=known.agent.name,
            model=answer.model,
            usage=asked.usage,
            duration_s=round(seconds, 6),
            tainted=self._settings.tainted or is_tainted(path),
            blobs=hashes(body.get(IMAGES) or ()),
            detail=self._maker.detail(answer, path),
        )
        saved = await self._log.add(message, calls=calls, request=asked.sent)
        self._tell(MessageSaved, message=saved)
        return saved

    def _proposed(self, answer: ChatAnswer) -> Sequence[FunctionCall]:
        return [
            FunctionCall(self._kit.new_id(), call.id, call.name, position, call.arguments, call.raw)
            for position, call in enumerate(answer.tool_calls)
        ]

    async def _carry_out(
        self, message: StoredMessage, path: Sequence[StoredMessage], known: KnownAgent
    ) -> TurnWaiting | None:
        """Make the calls of an answer and add their results; what is waited for, if anything."""
        turn = turn_of(path)
        functions = await self._maker.callable_functions(known, path, self._settings.depth, self._schema(known))
        tainted = self._settings.tainted or is_tainted(path)
        about = About(tainted, self._maker.is_private, granted_in(path, tainted=tainted))
        kit = CallKit(
            self._log,
            self._kit.clock,
            self._kit.random,
            self._kit.blobs,
            known.agent,
            self._count,
            self._surroundings,
            lambda call, progress: self._context(call, progress, known, tainted),
        )
        self._round, self._round_message = CallRound(kit, message, functions, about, verdicts(turn)), message
        pending = await self._round.carry_out()
        if pending:
            spent = self._spent(await self._log.path())
            return self._told(TurnWaiting, pending=pending, usage=spent.usage, duration_s=spent.seconds)
        await self._add_results(self._round.calls)
        for call in self._round.calls:
            if (to := handed_over(call)) is not None:
                self._tell(HandedOver, to=to.agent, reason=to.reason)
        self._round = None
        return None

    async def _add_results(self, calls: Sequence[FunctionCall]) -> None:
        """Add a tool message for each call that has none yet, in the order of the calls."""
        turn = turn_of(await self._log.path())
        have = _results_after(turn)
        for call in calls[have:]:
            body = {"role": "tool", "tool_call_id": call.wire_id, "content": call.result, CALL_ID: call.id}
            text = call.result
            message = StoredMessage(0, None, "tool", text, body, run_id=call.run_id, tainted=call.tainted)
            self._tell(MessageSaved, message=await self._log.add(message))

    def _context(
        self,
        call: FunctionCall,
        progress: Callable[[str, float | None, float | None], None],
        known: KnownAgent,
        tainted: bool,
    ) -> CallContext:
        return CallContext(
            call=call,
            agent=known.agent,
            agent_id=known.id,
            conversation_id=self._log.conversation.id,
            surroundings=self._surroundings,
            clock=self._kit.clock,
            progress=progress,
            depth=self._settings.depth,
            tainted=tainted,
            share=Share(self._account, call.id),
        )

    def _count(self, event: ChatEvent) -> None:
        """Tell of a call, and count what it has used before the next one begins."""
        if isinstance(event, CallFinished):
            self._account.use(event.call.id, event.call.usage)
        self._emit(event)

    async def _limit(self, turn: Sequence[StoredMessage], known: KnownAgent) -> Exceeded | None:
        """The limit that keeps the next request from being made, or lets it be the last."""
        if self._settings.share is not None and (why := self._settings.share.used_up()):
            return Exceeded(why, in_words=False)
        if self._kit.day_is_over is not None and (why := await self._kit.day_is_over()):
            return Exceeded(why, in_words=False)
        for each in {self._first.id: self._first, known.id: known}.values():
            if has_daily_limit(each.agent.limits):
                midnight = self._kit.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
                today = await self._source.spent(each.id, midnight)
                if (found := exceeded_today(each.agent.limits, today)) is not None:
                    return found
        return exceeded(self._limits, self._spent(turn), stuck=is_stuck(turn))

    def _spent(self, turn: Sequence[StoredMessage]) -> Spent:
        spent = spent_in(turn_of(turn))
        return replace(spent, usage=spent.usage + self._maker.extra)

    def _schema(self, known: KnownAgent) -> Mapping[str, Json] | None:
        wished = self._settings.terms.schema
        return wished if wished is not None else known.agent.answer_schema

    async def _accept(
        self, answer: StoredMessage, turn: Sequence[StoredMessage], known: KnownAgent
    ) -> TurnEnded | None:
        """End the turn by that answer; None if it does not have the wanted form and the model is told so."""
        form = await self._maker.form(known, self._schema(known))
        if form is None:
            return await self._finish("completed", answer.text, None)
        try:
            return await self._finish("completed", answer.text, form.read_text(answer.text))
        except UnfitAnswer as error:
            return await self._complain(form, str(error), turn)

    async def _given(self, turn: Sequence[StoredMessage], known: KnownAgent) -> TurnEnded | None:
        """End the turn if its answer was given by calling the function for it."""
        for message in reversed(turn):
            for call in message.calls:
                if call.name == FINAL_ANSWER and call.status == "completed":
                    form = await self._maker.form(known, self._schema(known))
                    if form is not None:
                        value = form.read_call(call)
                        return await self._finish("completed", call.result, value)
            if message.calls:
                break
        return None

    async def _complain(self, form: AnswerForm, complaint: str, turn: Sequence[StoredMessage]) -> TurnEnded | None:
        """Tell the model what does not fit, once; after that the turn fails."""
        told = sum(1 for message in turn if REPAIR in message.body)
        if told >= REPAIRS:
            raise StepError(
                f"The agent gave no fitting answer, also when asked again. {complaint} "
                "Make the schema simpler, say more in the prompt, or take another model.",
                kind="validation",
            )
        how = f"Give it by calling {FINAL_ANSWER}." if form.way == "function" else "Reply with the JSON alone."
        text = f"{complaint} {how}"
        body = {"role": "user", "content": text, REPAIR: True}
        # Kept as a result, because it belongs to the turn and was said by no person.
        self._tell(MessageSaved, message=await self._log.add(StoredMessage(0, None, "tool", text, body)))
        return None

    async def _finish(self, status: TurnStatus, text: str, value: Json, reason: str = "") -> TurnEnded:
        path = await self._log.path()
        spent = self._spent(path)
        tainted = self._settings.tainted or is_tainted(path)
        self._maker.learn(self._first, path, tainted=tainted)
        return self._told(
            TurnEnded,
            status=status,
            text=text,
            value=value,
            reason=reason,
            usage=spent.usage,
            duration_s=round(spent.seconds, 6),
        )

    async def _end(self, status: TurnStatus, reason: str) -> TurnEnded:
        """End the turn before its answer: what had come of it is kept and marked, every call gets its result."""
        if self._round is not None and self._round_message is not None:
            await self._round.give_up(reason)
            await self._add_results(self._round.calls)
            self._round = None
        partial = self._partial or Partial()
        text = partial.text
        kept = StoredMessage(
            id=0,
            parent=None,
            role="assistant",
            text=text,
            body={"role": "assistant", "content": text} if text else {},
            status="failed" if status == "failed" else "partial",
            reason=reason,
            agent=self._speaker.agent.name,
            tainted=is_tainted(await self._log.path()),
            detail={"reasoning": visible(partial.reasoning)} if partial.reasoning else {},
        )
        self._tell(MessageSaved, message=await self._log.add(kept))
        spent = self._spent(await self._log.path())
        return self._told(
            TurnEnded, status=status, text=text, reason=reason, usage=spent.usage, duration_s=round(spent.seconds, 6)
        )

    def _tell(self, kind: Any, /, **facts: Any) -> None:
        self._emit(kind(self._log.conversation.id, self._kit.clock.now(), **facts))

    def _told(self, kind: type[E], /, **facts: Any) -> E:
        event = kind(self._log.conversation.id, self._kit.clock.now(), **facts)
        self._emit(event)
        return event


def _is_answered(message: StoredMessage, turn: Sequence[StoredMessage]) -> bool:
    """Whether every call of the turn's last answer with calls has its tool message."""
    return _results_after(turn) >= len(message.calls)


def _results_after(turn: Sequence[StoredMessage]) -> int:
    """How many results stand after the last answer that has calls."""
    count = 0
    for message in reversed(turn):
        if message.role == "assistant" and message.calls:
            return count
        count += message.role == "tool" and CALL_ID in message.body
    return count
