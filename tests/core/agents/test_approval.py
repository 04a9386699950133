"""Calls that need a person's leave: asked, kept while nobody answers, made or refused afterwards."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from core.agents.agent import Agent, Function
from core.agents.approval import About, decide
from core.agents.chat_events import CallNeedsApproval
from core.agents.errors import ChatError, NothingToDo
from core.agents.functions import FunctionFacts
from core.engine.testing import settle
from core.engine.testing_models import Scripted, ScriptedModels
from core.workflow.model import Step, Workflow
from tests.support.agent_rig import AgentRig, Recording, ended, waiting, wants


def facts(**more: object) -> FunctionFacts:
    return FunctionFacts("f", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("function", "about", "verdict"),
    [
        (facts(), About(), "run"),
        (facts(effect="writes", policy="auto"), About(), "run"),
        (facts(policy="ask"), About(), "ask"),
        (facts(policy="never"), About(granted=frozenset({"f"})), "refuse"),
        (facts(policy="ask"), About(granted=frozenset({"f"})), "run"),
        (facts(effect="reads"), About(tainted=True), "run"),
        (facts(effect="writes", policy="auto"), About(tainted=True), "ask"),
        (facts(effect="reads", policy="auto", outward=True), About(tainted=True), "ask"),
        (facts(effect="writes", policy="auto"), About(tainted=True, granted=frozenset({"f"})), "run"),
    ],
)
def test_who_decides_about_a_call(function: FunctionFacts, about: About, verdict: str) -> None:
    assert decide(function, about).verdict == verdict


def test_private_data_and_foreign_text_and_a_way_out_are_warned_of_together() -> None:
    decision = decide(facts(outward=True, policy="ask"), About(tainted=True, private=True))
    assert len(decision.warnings) == 2
    assert "private" in decision.warnings[1]


@pytest.mark.parametrize("policy", ["auto", "ask"])
def test_why_a_call_is_asked_for_repeats_no_warning(policy: str) -> None:
    decision = decide(facts(effect="writes", policy=policy), About(tainted=True))
    assert decision.reason
    assert decision.warnings
    assert decision.reason not in decision.warnings


async def test_a_call_waits_and_is_made_once_it_is_allowed() -> None:
    pay = Recording("pay", "paid", effect="writes", policy="ask")
    rig = AgentRig(wants(("pay", {"usd": 5})), "It is paid.", functions=[pay])
    outcome = waiting(await rig.say("Pay."))
    (pending,) = outcome.pending
    assert pending.call is not None
    assert (pending.kind, pending.call.arguments, pending.agent) == ("approval", {"usd": 5}, "Ada")
    assert pay.calls == []
    assert [event.pending for event in rig.told(CallNeedsApproval)] == [pending]
    assert await rig.chat.pending(rig.last) == (pending,)
    done = ended(await rig.finish(await rig.chat.answer_approval(pending.id, True)))
    assert (done.text, pay.calls) == ("It is paid.", [{"usd": 5}])
    assert await rig.chat.pending(rig.last) == ()


async def test_what_is_denied_is_told_to_the_model_with_the_reason() -> None:
    pay = Recording("pay", effect="writes", policy="ask")
    rig = AgentRig(wants(("pay", {})), "Then not.", functions=[pay])
    (pending,) = waiting(await rig.say("Pay.")).pending
    await rig.finish(await rig.chat.answer_approval(pending.id, False, reason="Too much."))
    assert pay.calls == []
    assert json.loads(rig.sent()[-1]["content"])["error"] == {
        "type": "denied", "message": "Too much.", "hint": "Do not try it another way.",
    }  # fmt: skip
    with pytest.raises(NothingToDo):
        await rig.chat.answer_approval(pending.id, True)


async def test_an_answer_may_come_in_another_process_days_later() -> None:
    pay = Recording("pay", "paid", effect="writes", policy="ask")
    first = AgentRig(wants(("pay", {})), functions=[pay])
    (pending,) = waiting(await first.say("Pay.")).pending
    second = AgentRig(
        models=ScriptedModels("Paid."), conversations=first.conversations, functions=[pay], clock=first.clock
    )
    await first.clock.advance(3 * 86_400)
    assert await second.chat.pending(first.last) == (pending,)
    assert ended(await second.finish(await second.chat.answer_approval(pending.id, True))).text == "Paid."
    assert len(pay.calls) == 1


async def test_several_calls_are_asked_for_at_once_and_none_is_made_out_of_order() -> None:
    look, pay = Recording("look", "seen"), Recording("pay", "paid", effect="writes", policy="ask")
    rig = AgentRig(wants(("pay", {"n": 1}), ("look", {}), ("pay", {"n": 2})), "Done.", functions=[look, pay])
    one, two = waiting(await rig.say("Pay twice.")).pending
    assert look.calls == []
    still = waiting(await rig.finish(await rig.chat.answer_approval(two.id, False)))
    assert [pending.id for pending in still.pending] == [one.id]
    ended(await rig.finish(await rig.chat.answer_approval(one.id, True)))
    assert (pay.calls, len(look.calls)) == ([{"n": 1}], 1)
    assert [message["tool_call_id"] for message in rig.sent() if message["role"] == "tool"] == [
        "call_0", "call_1", "call_2",
    ]  # fmt: skip


async def test_an_answer_that_comes_while_other_calls_run_counts_as_soon_as_they_are_done() -> None:
    done = asyncio.Event()

    async def slow(*_: object) -> str:
        await done.wait()
        return "seen"

    look, ask = Recording("look", slow, effect="reads"), Recording("ask", "asked", effect="reads", policy="ask")
    rig = AgentRig(wants(("look", {}), ("ask", {})), "Both.", functions=[look, ask])
    conversation = await rig.conversation()
    reply = rig.chat.send(conversation.id, "Go.")
    await settle()
    (event,) = [event for event in reply.events if isinstance(event, CallNeedsApproval)]
    answering = asyncio.create_task(rig.chat.answer_approval(event.pending.id, True))
    await settle()
    assert not answering.done()
    done.set()
    assert ended(await rig.finish(await answering)).text == "Both."
    assert (len(look.calls), len(ask.calls)) == (1, 1)


async def test_leave_for_the_conversation_holds_there_and_nowhere_else() -> None:
    pay = Recording("pay", "paid", effect="writes", policy="ask", untrusted=False)
    script: list[Scripted] = [wants(("pay", {"n": 1})), "One.", wants(("pay", {"n": 2})), "Two.", wants(("pay", {}))]
    rig = AgentRig(*script, functions=[pay])
    conversation = await rig.conversation()
    (pending,) = waiting(await rig.say("Pay.", conversation)).pending
    await rig.finish(await rig.chat.answer_approval(pending.id, True, for_conversation=True))
    assert ended(await rig.say("And again.", conversation)).text == "Two."
    waiting(await rig.say("Pay elsewhere."))
    assert len(pay.calls) == 2


async def test_leave_for_the_conversation_ends_when_foreign_text_is_read() -> None:
    pay = Recording("pay", "paid", effect="writes", policy="ask")
    web = Recording("web", "Some page.", effect="reads", untrusted=True)
    script: list[Scripted] = [
        wants(("pay", {"n": 1})), "One.", wants(("web", {})), "Read.", wants(("pay", {"n": 2})), "Two.",
        wants(("pay", {"n": 3})), "Three.",
    ]  # fmt: skip
    rig = AgentRig(*script, functions=[pay, web])
    conversation = await rig.conversation()
    (pending,) = waiting(await rig.say("Pay.", conversation)).pending
    await rig.finish(await rig.chat.answer_approval(pending.id, True, for_conversation=True))
    await rig.say("Read the page.", conversation)
    (pending,) = waiting(await rig.say("Pay again.", conversation)).pending
    assert pending.warnings
    await rig.finish(await rig.chat.answer_approval(pending.id, True, for_conversation=True))
    assert ended(await rig.say("Once more.", conversation)).text == "Three."


async def test_who_writes_something_else_instead_of_answering_denies_what_waited() -> None:
    pay = Recording("pay", effect="writes", policy="ask")
    rig = AgentRig(wants(("pay", {})), "As you like.", functions=[pay])
    conversation = await rig.conversation()
    waiting(await rig.say("Pay.", conversation))
    assert ended(await rig.say("Never mind.", conversation)).text == "As you like."
    assert pay.calls == []
    roles = [message["role"] for message in rig.sent()]
    assert roles == ["system", "user", "assistant", "tool", "user"]
    assert await rig.chat.pending(conversation.id) == ()


async def test_a_function_that_is_never_to_be_called_is_not_offered_and_not_called() -> None:
    pay = Recording("pay", effect="writes", policy="never")
    rig = AgentRig(wants(("pay", {})), "No.", functions=[pay])
    ended(await rig.say("Pay."))
    assert (rig.offered(0), pay.calls) == ([], [])
    assert (await rig.path())[1].calls[0].status == "denied"


async def test_a_workflow_that_asks_a_question_makes_the_chat_wait_and_goes_on_with_the_answer() -> None:
    asks = Workflow(
        "Asks",
        steps={
            "ask": Step(
                "ask", "approval", config={"message": "Ship it?", "choices": ["yes", "no"]}, then={"yes": ("t",)}
            ),
            "t": Step("t", "template", config={"text": "shipped"}),
        },
        outputs={"done": "{{ t.text }}"},
    )  # fmt: skip
    agent = Agent("Ada", functions=(Function("ship", target="Asks"),))
    rig = AgentRig(wants(("ship", {})), "It is on its way.", agents=[agent], workflows=[asks])
    (pending,) = waiting(await rig.say("Ship.")).pending
    assert (pending.kind, pending.message, pending.choices) == ("question", "Ship it?", ("yes", "no"))
    assert (pending.run_id, pending.path) == ("run-1", "ask")
    done = ended(await rig.finish(await rig.chat.answer_question(pending.id, {"choice": "yes"})))
    assert done.text == "It is on its way."
    assert json.loads(rig.sent()[-1]["content"]) == {"done": "shipped"}
    assert len(await rig.journal.runs()) == 1


async def test_a_question_that_was_answered_in_the_run_itself_is_heard_when_the_chat_goes_on() -> None:
    ask = Step("ask", "approval", config={"message": "Sure?"})
    asks = Workflow("Asks", steps={"ask": ask}, outputs={"a": "{{ ask.choice }}"})
    agent = Agent("Ada", functions=(Function("ask", target="Asks"),))
    rig = AgentRig(wants(("ask", {})), "Good.", agents=[agent], workflows=[asks])
    waiting(await rig.say("Ask."))
    await rig.journal.answer("run-1", "ask", {"choice": "approve"})
    assert ended(await rig.finish(rig.chat.resume(rig.last))).text == "Good."
    assert json.loads(rig.sent()[-1]["content"]) == {"a": "approve"}


@pytest.mark.parametrize("how", ["answered", "resumed"])
async def test_a_question_of_a_function_that_the_agent_has_lost_meanwhile_fails_its_call(how: str) -> None:
    asks = Workflow("Asks", steps={"ask": Step("ask", "approval", config={"message": "Sure?"})})
    agent = Agent("Ada", functions=(Function("ask", target="Asks"),))
    rig = AgentRig(wants(("ask", {})), "I cannot.", agents=[agent], workflows=[asks])
    (pending,) = waiting(await rig.say("Ask.")).pending
    known = rig.agents.by_name["Ada"]
    rig.agents.by_name["Ada"] = replace(known, agent=replace(agent, functions=()))
    if how == "answered":
        reply = await rig.chat.answer_question(pending.id, {"choice": "approve"})
    else:
        reply = rig.chat.resume(rig.last)
    assert ended(await rig.finish(reply)).text == "I cannot."
    assert json.loads(rig.sent()[-1]["content"])["error"]["type"] == "unknown_function"


async def test_a_conversation_that_is_being_answered_takes_no_second_message() -> None:
    rig = AgentRig("Hello.")
    conversation = await rig.conversation()
    reply = rig.chat.send(conversation.id, "Hi.")
    with pytest.raises(ChatError, match="being answered"):
        rig.chat.send(conversation.id, "Hi again.")
    await reply.outcome()
