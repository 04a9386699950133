"""Conversations that wait for a time go on by themselves when it has come, whoever looks after them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from core.agents.agent import Agent, Function, Limits
from core.agents.reply import Reply
from core.agents.waker import LOOK_EVERY_S, ChatWaker
from core.engine.testing import settle
from core.workflow.model import Step, Trigger, Workflow
from tests.support.agent_rig import AgentRig, ended, waiting, wants

NAP = Workflow(
    "Nap", steps={"w": Step("w", "wait", config={"duration": "2h"})}, outputs={"slept": "well"}
)  # fmt: skip
ASKS = Workflow("Asks", steps={"q": Step("q", "approval", config={"message": "Sure?", "choices": ["yes", "no"]})},
                outputs={"said": "{{ q.choice }}"})  # fmt: skip
SLOW = Workflow(
    "Slow", trigger=Trigger("message"), inputs={"message": {"type": "string"}},
    steps={"w": Step("w", "wait", config={"duration": "2h"})}, outputs={"answer": "Good morning, {{ input.message }}."},
)  # fmt: skip
ADA = Agent("Ada", functions=(Function("nap", target="Nap"), Function("ask", target="Asks")))
TWO_HOURS = 7_200.0


def rig_with(*script: object, agents: tuple[Agent, ...] = (ADA,)) -> AgentRig:
    return AgentRig(*script, agents=list(agents), workflows=[NAP, ASKS, SLOW])  # type: ignore[arg-type] # a script


@asynccontextmanager
async def waking(rig: AgentRig) -> AsyncIterator[list[Reply]]:
    """A waker at work; the replies that it began."""
    told: list[Reply] = []
    waker = ChatWaker(rig.chat, rig.conversations, rig.journal, rig.clock, told=told.append)
    task = asyncio.create_task(waker.run())
    await settle()
    try:
        yield told
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await rig.chat.stop()


async def until(met: Callable[[], bool]) -> None:
    for _ in range(200):
        if met():
            return
        await settle()
    raise AssertionError("it did not come")


async def test_a_turn_goes_on_when_the_wait_of_the_workflow_it_called_has_ended() -> None:
    rig = rig_with(wants(("nap", {})), "It slept well.")
    async with waking(rig) as told:
        (pending,) = waiting(await rig.say("Take a nap.")).pending
        assert (pending.kind, pending.until) == ("later", rig.clock.now() + timedelta(hours=2))
        await rig.clock.advance(TWO_HOURS - 1)
        await settle()
        assert told == []
        await rig.clock.advance(1)
        await until(lambda: bool(told))
        assert ended(await told[0].outcome()).text == "It slept well."
        assert told[0].conversation_id == rig.last
        assert '"slept": "well"' in rig.sent()[-1]["content"]
        assert await rig.conversations.waiting_runs() == []


async def test_what_waited_before_the_program_began_goes_on_too() -> None:
    rig = rig_with(wants(("nap", {})), "It slept well.")
    conversation = await rig.conversation()
    waiting(await rig.say("Take a nap.", conversation))
    await rig.clock.advance(TWO_HOURS * 2)
    async with waking(rig) as told:
        await until(lambda: bool(told))
        assert ended(await told[0].outcome()).text == "It slept well."


async def test_a_workflow_that_answers_by_itself_goes_on_too() -> None:
    rig = rig_with()
    async with waking(rig) as told:
        conversation = await rig.chat.start(workflow="Slow")
        (pending,) = waiting(await rig.say("Ada", conversation)).pending
        assert (pending.kind, pending.run_id) == ("later", pending.id)
        assert await rig.chat.pending(conversation.id) == (pending,)
        await rig.clock.advance(TWO_HOURS)
        await until(lambda: bool(told))
        assert ended(await told[0].outcome()).text == "Good morning, Ada."


async def test_of_an_agent_that_was_given_a_task_who_gave_it_goes_on() -> None:
    boss = Agent("Boss", functions=(Function("ask_ada", kind="agent", target="Ada", policy="auto"),))
    rig = rig_with(wants(("ask_ada", {"task": "Nap."})), wants(("nap", {})), "Done.", "She slept.", agents=(boss, ADA))
    async with waking(rig) as told:
        conversation = await rig.conversation("Boss")
        waiting(await rig.say("Let her sleep.", conversation))
        await rig.clock.advance(TWO_HOURS)
        await until(lambda: bool(told))
        assert told[0].conversation_id == conversation.id
        assert ended(await told[0].outcome()).text == "She slept."


async def test_a_question_that_was_answered_at_the_run_itself_lets_the_conversation_go_on() -> None:
    rig = rig_with(wants(("ask", {})), "You are sure.")
    async with waking(rig) as told:
        (pending,) = waiting(await rig.say("Ask me.")).pending
        await rig.clock.advance(LOOK_EVERY_S)
        assert told == []
        await rig.journal.answer(pending.run_id, pending.path, {"choice": "yes"})
        await (await rig.engine.resume(pending.run_id)).result()
        await rig.clock.advance(LOOK_EVERY_S)
        await until(lambda: bool(told))
        assert ended(await told[0].outcome()).text == "You are sure."


async def test_who_comes_second_leaves_the_conversation_alone() -> None:
    rig = rig_with(wants(("nap", {})), "It slept well.")
    conversation = await rig.conversation()
    waiting(await rig.say("Take a nap.", conversation))
    log = await rig.conversations.write(conversation.id)  # somebody else is at it
    await rig.clock.advance(TWO_HOURS)
    async with waking(rig) as told:
        await until(lambda: bool(told))
        with pytest.raises(Exception, match=r"."):
            await told[0].outcome()
        await log.close()
        await rig.clock.advance(LOOK_EVERY_S)
        await until(lambda: len(told) > 1)
        assert ended(await told[1].outcome()).text == "It slept well."


async def test_what_waits_on_a_branch_that_is_not_shown_is_left() -> None:
    rig = rig_with(wants(("nap", {})), "Another way.")
    conversation = await rig.conversation()
    waiting(await rig.say("Take a nap.", conversation))
    assert len(await rig.conversations.waiting_runs()) == 1
    await rig.say("No, wake up.", conversation)
    assert await rig.conversations.waiting_runs() == []


async def test_what_was_waited_for_does_not_count_as_work_of_the_turn() -> None:
    agent = replace(ADA, limits=Limits(seconds=60))
    rig = rig_with(wants(("ask", {})), wants(("ask", {})), "Fine.", agents=(agent,))
    outcome = await rig.say("Ask me.")
    for _ in range(2):
        (pending,) = waiting(outcome).pending
        await rig.clock.advance(600)
        outcome = await rig.finish(await rig.chat.answer_question(pending.id, {"choice": "yes"}))
    assert ended(outcome).text == "Fine."
    calls = [call for message in await rig.path() for call in message.calls]
    assert [call.worked_s for call in calls] == [0.0, 0.0]
    assert [(call.ended - call.started).total_seconds() for call in calls if call.ended and call.started] == [600, 600]
