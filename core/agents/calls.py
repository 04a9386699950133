"""Carrying out the calls of one answer: decided, durable before they begin, each with exactly one result."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Final

from core.agents.agent import Agent
from core.agents.approval import About, Decision, decide
from core.agents.arguments import checked_arguments
from core.agents.chat_events import (
    CallFinished,
    CallNeedsApproval,
    CallProgress,
    CallStarted,
    ChatEvent,
    Pending,
)
from core.agents.doom_loop import BLOCK, Verdict, repeated
from core.agents.errors import CallWaits, FunctionError
from core.agents.foreign_text import marked, new_mark, visible
from core.agents.functions import CallableFunction, CallContext, CallResult, FunctionFacts, Surroundings
from core.agents.handoff import STATE as HANDED_TO
from core.agents.made_files import files_in, keep
from core.agents.pending import KIND, asks_leave, goes_on, is_pending, of_unknown_outcome, pending_of, waits
from core.agents.results import as_text, capped, failure, failure_of
from core.agents.workflow_runs import RunFailed
from core.engine.clock import Clock, Deadline
from core.engine.errors import JournalUnavailable, LeaseLost
from core.engine.events import NO_USAGE
from core.engine.services import Blobs
from core.store.conversation_records import FILES, ConversationLog, FunctionCall, StoredMessage
from core.workflow.model import Json

AT_ONCE: Final = 4
"""How many calls run at the same time."""

UNFINISHED: Final = "It was cancelled while it ran; whether it took effect is not known."


@dataclass(frozen=True, slots=True)
class CallKit:
    """What carrying out calls needs. context: makes what a function gets beside its arguments."""

    log: ConversationLog
    clock: Clock
    random: Random
    blobs: Blobs | None
    agent: Agent
    emit: Callable[[ChatEvent], None]
    surroundings: Surroundings
    context: Callable[[FunctionCall, Callable[[str, float | None, float | None], None]], CallContext]


class CallRound:
    """The calls of one assistant message.

    functions: by name. about: what decisions look at. verdicts: by call id, of the doom loop. began: ids of calls that
    this process has started; others that are `started` were interrupted.
    """

    def __init__(
        self,
        kit: CallKit,
        message: StoredMessage,
        functions: Mapping[str, CallableFunction],
        about: About,
        verdicts: Mapping[str, Verdict],
    ) -> None:
        self._kit = kit
        self._calls: dict[str, FunctionCall] = {call.id: call for call in message.calls}
        self._functions = functions
        self._about = about
        self._verdicts = verdicts
        self._results: dict[str, CallResult] = {}
        self._again: set[str] = set()
        self._at_once = asyncio.Semaphore(AT_ONCE)

    @property
    def calls(self) -> Sequence[FunctionCall]:
        """The calls as they stand, in the order of the model."""
        return tuple(self._calls.values())

    @property
    def results(self) -> Mapping[str, CallResult]:
        """What the calls made by this process gave, by call id."""
        return self._results

    @property
    def pending(self) -> tuple[Pending, ...]:
        """What is waited for."""
        return tuple(pending_of(call, self._kit.agent.name) for call in self.calls if is_pending(call))

    async def carry_out(self) -> tuple[Pending, ...]:
        """Decide about each call and make those that may be made; what the rest waits for, empty if all are settled.

        Calls run beside each other if all of them may, else in order, and then none runs before one that waits.
        """
        for call in self.calls:
            if not call.settled:
                await self._prepare(call)
        runnable = [call for call in self.calls if self._may_run(call)]
        if all(self._facts(call).parallel_safe for call in self.calls if not call.settled):
            await self._together(runnable)
        else:
            for call in self.calls:
                if self._may_run(self._calls[call.id]):
                    await self._make(self._calls[call.id])
                if not self._calls[call.id].settled:
                    break
        return self.pending

    def _may_run(self, call: FunctionCall) -> bool:
        return call.status == "approved" or (call.status == "started" and call.id in self._again)

    async def give_up(self, reason: str) -> None:
        """Settle what is open: nothing of it will go on."""
        for call in self.calls:
            if call.settled:
                continue
            said = UNFINISHED if call.status in ("started", "unknown") else reason
            await self._settle(replace(call, status="cancelled", reason=reason, result=failure("cancelled", said)))

    async def _together(self, calls: Sequence[FunctionCall]) -> None:
        tasks = [asyncio.create_task(self._make(call)) for call in calls]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _facts(self, call: FunctionCall) -> FunctionFacts:
        function = self._functions.get(call.name)
        return function.facts if function is not None else FunctionFacts(call.name)

    async def _prepare(self, call: FunctionCall) -> None:
        """Bring a call to where it is approved, waits, or is settled without being made."""
        if is_pending(call) and call.state.get(KIND) not in ("question", "later"):
            return
        function = self._functions.get(call.name)
        if function is None:
            known = ", ".join(self._functions) or "none"
            missing = f"There is no function {call.name!r} to call now."
            await self._fail(call, FunctionError(missing, kind="unknown_function", hint=f"There are: {known}."))
            return
        if call.status == "approved":
            return
        if is_pending(call):
            # What it waits for may have come; if not, it says so again and nothing was repeated.
            await self._keep(replace(call, status="approved"))
            return
        facts = function.facts
        if call.status == "started":
            await self._take_up(call, facts)
            return
        if self._verdicts.get(call.id) in ("block", "stop"):
            await self._fail(call, FunctionError(BLOCK, kind="repeated"))
            return
        if facts.trouble:
            await self._fail(call, FunctionError(facts.trouble, kind="unavailable"))
            return
        try:
            checked_arguments(call, facts)
        except FunctionError as error:
            await self._fail(call, error)
            return
        await self._decide(call, decide(facts, self._about))

    async def _take_up(self, call: FunctionCall, facts: FunctionFacts) -> None:
        """A call that was being made when its process ended: made again only if that repeats nothing."""
        if facts.resumable or facts.effect != "writes" or self._kit.surroundings.remembers_calls:
            self._again.add(call.id)
            return
        asked = of_unknown_outcome(call)
        await self._keep(asked)
        self._kit.emit(self._event(CallNeedsApproval, pending=pending_of(asked, self._kit.agent.name)))

    async def _decide(self, call: FunctionCall, decision: Decision) -> None:
        match decision.verdict:
            case "run":
                await self._keep(replace(call, status="approved", reason=decision.reason))
            case "refuse":
                said = decision.reason
                await self._settle(replace(call, status="denied", reason=said, result=failure("denied", said)))
            case "ask":
                asked = asks_leave(call, decision.reason, decision.warnings)
                await self._keep(asked)
                self._kit.emit(self._event(CallNeedsApproval, pending=pending_of(asked, self._kit.agent.name)))

    async def _make(self, call: FunctionCall) -> None:
        """Make one call; it is settled or waits afterwards."""
        async with self._at_once:
            kit, function = self._kit, self._functions[call.name]
            run_id = call.run_id or kit.surroundings.new_run_id(function.facts)
            call = goes_on(call, kit.clock.now())
            call = replace(call, status="started", started=call.started or kit.clock.now(), run_id=run_id)
            await self._keep(call)
            kit.emit(self._event(CallStarted, call=call))
            try:
                result = await self._result(call, function)
            except CallWaits as wait:
                await self._keep(waits(call, wait, kit.clock.now()))
                kit.emit(self._event(CallNeedsApproval, pending=pending_of(self._calls[call.id], kit.agent.name)))
            except (JournalUnavailable, LeaseLost):
                raise
            except asyncio.CancelledError:
                await self._settle(
                    replace(call, status="cancelled", reason="cancelled", result=failure("cancelled", UNFINISHED))
                )
                raise
            except Exception as error:  # noqa: BLE001 - functions come from anyone; their failures are the model's to read
                await self._fail(call, error)
            else:
                await self._complete(call, function.facts, result)

    async def _result(self, call: FunctionCall, function: CallableFunction) -> CallResult:
        kit, facts = self._kit, function.facts
        arguments = checked_arguments(call, facts)

        def progress(text: str, done: float | None, total: float | None) -> None:
            kit.emit(self._event(CallProgress, call_id=call.id, text=text, done=done, total=total))

        context = kit.context(call, progress)
        deadline = Deadline(kit.clock, facts.timeout)
        try:
            async with deadline:
                return await context.surroundings.call(function, arguments, context)
        except TimeoutError:
            if not deadline.expired:
                raise
            raise FunctionError(f"It took longer than its {facts.timeout:g} s.", kind="timeout") from None

    async def _complete(self, call: FunctionCall, facts: FunctionFacts, result: CallResult) -> None:
        text = as_text(result.value)
        tainted = facts.untrusted if result.tainted is None else result.tainted
        if tainted:
            text = visible(text)
        shown, is_cut = capped(text, call.id)
        blob = ""
        if is_cut and self._kit.blobs is not None:
            blob = (await self._kit.blobs.put(text.encode(), "text/plain", f"{facts.name}.txt")).hash
        if tainted:
            shown = marked(shown, facts.name, new_mark(self._kit.random))
        self._results[call.id] = result
        state = dict(call.state)
        if files := await self._files(result):
            state[FILES] = files
        if result.handoff is not None:
            state[HANDED_TO] = {"agent": result.handoff.agent, "reason": result.handoff.reason}
        done = replace(
            call,
            status="completed",
            tainted=tainted,
            result=shown,
            result_blob=blob,
            usage=call.usage + result.usage,
            state=state,
        )
        await self._settle(replace(done, result=repeated(done, self._verdicts.get(call.id, "fine"), shown)))

    async def _files(self, result: CallResult) -> list[Json]:
        """The parts that stand for what the call made, besides what the model reads of it."""
        kept = await keep(result.files, self._kit.blobs) if self._kit.blobs is not None else []
        return [*kept, *files_in(result.value)]

    async def _fail(self, call: FunctionCall, error: Exception) -> None:
        text, reason = failure_of(error)
        facts = self._facts(call)
        tainted = facts.untrusted and call.status == "started"
        usage = call.usage + (error.usage if isinstance(error, RunFailed) else NO_USAGE)
        shown = marked(text, facts.name, new_mark(self._kit.random)) if tainted else visible(text)
        await self._settle(replace(call, status="failed", reason=reason, result=shown, tainted=tainted, usage=usage))

    async def _settle(self, call: FunctionCall) -> None:
        call = replace(call, ended=self._kit.clock.now())
        await self._keep(call)
        self._kit.emit(self._event(CallFinished, call=call))

    async def _keep(self, call: FunctionCall) -> None:
        await self._kit.log.update_call(call)
        self._calls[call.id] = call

    def _event(self, kind: type[ChatEvent], /, **facts: Any) -> ChatEvent:
        return kind(self._kit.log.conversation.id, self._kit.clock.now(), **facts)
