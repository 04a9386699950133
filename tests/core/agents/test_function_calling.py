"""What becomes of the calls that a model wants: in which order, with what arguments, how often, and what it reads."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from core.agents.agent import Agent, Function, Limits
from core.agents.chat_events import CallFinished, CallProgress
from core.agents.doom_loop import BLOCK, STEER
from core.agents.errors import FunctionError
from core.agents.functions import CallContext
from core.engine.errors import StepError
from core.engine.events import Usage
from core.engine.testing import settle
from core.engine.testing_models import Scripted
from core.workflow.model import Step, Workflow
from tests.support.agent_rig import AgentRig, Recording, ended, wants


def error_in(text: str) -> dict[str, Any]:
    found = json.loads(text)["error"]
    assert isinstance(found, dict)
    return found


class Gate:
    """A function body that stays inside until it is let go, and counts how many are inside."""

    def __init__(self) -> None:
        self.inside = 0
        self.most = 0
        self.opened = asyncio.Event()

    async def __call__(self, _: Any, context: CallContext) -> str:
        self.inside += 1
        self.most = max(self.most, self.inside)
        await self.opened.wait()
        self.inside -= 1
        return context.call.wire_id


async def test_calls_that_only_read_run_beside_each_other_four_at_a_time_and_answer_in_order() -> None:
    gate = Gate()
    look = Recording("look", gate, effect="reads")
    rig = AgentRig(wants(*(("look", {"n": n}) for n in range(6))), "Done.", functions=[look])
    conversation = await rig.conversation()
    reply = rig.chat.send(conversation.id, "Look.")
    await settle()
    assert gate.inside == 4
    gate.opened.set()
    await rig.finish(reply)
    assert gate.most == 4
    results = [message for message in rig.sent() if message["role"] == "tool"]
    assert [message["tool_call_id"] for message in results] == [f"call_{n}" for n in range(6)]
    assert [message["content"] for message in results] == [f"call_{n}" for n in range(6)]


async def test_a_call_that_writes_makes_all_of_them_run_in_order() -> None:
    gate = Gate()
    look, pay = Recording("look", gate, effect="reads"), Recording("pay", gate, effect="writes")
    rig = AgentRig(wants(("look", {}), ("pay", {}), ("look", {"n": 2})), "Done.", functions=[look, pay])
    conversation = await rig.conversation()
    reply = rig.chat.send(conversation.id, "Go.")
    await settle()
    assert (len(look.calls), len(pay.calls)) == (1, 0)
    gate.opened.set()
    await rig.finish(reply)
    assert gate.most == 1
    assert [event.call.name for event in rig.told(CallFinished)] == ["look", "pay", "look"]


async def test_writing_functions_that_are_marked_parallel_run_beside_each_other() -> None:
    gate = Gate()
    gate.opened.set()
    post = Recording("post", gate, effect="writes", parallel=True)
    rig = AgentRig(wants(("post", {"n": 1}), ("post", {"n": 2})), "Done.", functions=[post])
    assert ended(await rig.say("Go.")).status == "completed"
    assert len(post.calls) == 2


SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


@pytest.mark.parametrize(
    ("name", "arguments", "kind", "words"),
    [
        ("look", '{"n": 1', "validation", "no JSON object"),
        ("look", {"n": "one"}, "validation", "$.n"),
        ("look", {}, "validation", "'n' is a required property"),
        ("lok", {"n": 1}, "unknown_function", "There are: look"),
    ],
)
async def test_a_wrong_call_is_answered_by_an_error_that_the_model_can_use(
    name: str, arguments: Any, kind: str, words: str
) -> None:
    look = Recording("look", parameters=SCHEMA)
    rig = AgentRig(wants((name, arguments)), "Sorry.", functions=[look])
    assert ended(await rig.say("Look.")).text == "Sorry."
    assert look.calls == []
    error = error_in(rig.sent()[-1]["content"])
    assert error["type"] == kind
    assert words in error["message"] + error["hint"]
    if isinstance(arguments, str):
        assert rig.sent()[-2]["tool_calls"][0]["id"] == "call_0"


@pytest.mark.parametrize(
    ("raised", "kind", "words"),
    [
        (RuntimeError("the disk is full"), "failed", "RuntimeError: the disk is full"),
        (StepError("No such host.", kind="connection"), "connection", "No such host."),
        (FunctionError("Not today.", kind="closed", hint="Come back tomorrow."), "closed", "Not today."),
    ],
)
async def test_a_failure_is_told_to_the_model_as_data(raised: Exception, kind: str, words: str) -> None:
    rig = AgentRig(wants(("look", {})), "I could not.", functions=[Recording("look", raised)])
    assert ended(await rig.say("Look.")).status == "completed"
    error = error_in(rig.sent()[-1]["content"])
    assert (error["type"], words in error["message"]) == (kind, True)
    (call,) = (await rig.path())[1].calls
    assert (call.status, words in call.reason) == ("failed", True)


async def test_a_call_that_takes_longer_than_it_may_is_stopped() -> None:
    slow = Recording("slow", Gate(), timeout=5.0)
    rig = AgentRig(wants(("slow", {})), "Too slow.", functions=[slow])
    conversation = await rig.conversation()
    reply = rig.chat.send(conversation.id, "Go.")
    await settle()
    await rig.clock.advance(5)
    assert ended(await rig.finish(reply)).text == "Too slow."
    assert error_in(rig.sent()[-1]["content"])["type"] == "timeout"


async def test_a_function_that_fails_three_times_in_a_row_is_no_longer_offered_in_this_turn() -> None:
    bad, good = Recording("bad", RuntimeError("no")), Recording("good")
    script: list[Scripted] = [wants(("bad", {"n": n})) for n in range(3)]
    rig = AgentRig(*script, "I give up.", "Again.", functions=[bad, good])
    conversation = await rig.conversation()
    await rig.say("Go.", conversation)
    assert rig.offered(2) == ["bad", "good"]
    assert rig.offered(3) == ["good"]
    await rig.say("And now?", conversation)
    assert rig.offered(4) == ["bad", "good"]


async def test_a_long_result_is_shown_by_head_and_tail_and_can_be_read_on() -> None:
    text = "".join(f"line {n}\n" for n in range(10_000))
    look = Recording("look", text)
    rig = AgentRig(wants(("look", {})), "Well.", functions=[look])
    conversation = await rig.conversation()
    await rig.say("Look.", conversation)
    shown = rig.sent()[-1]["content"]
    assert len(shown) < 29_000
    assert shown.startswith("line 0\n")
    assert shown.endswith("line 9999\n")
    name = shown.partition('name="')[2].partition('"')[0]
    offset = int(shown.partition("offset=")[2].partition(")")[0])
    rig.models._script.extend([wants(("read_result", {"name": name, "offset": offset, "length": 100})), "I see."])
    await rig.say("Go on.", conversation)
    assert "read_result" in rig.offered()
    assert text[offset : offset + 100] in rig.sent()[-1]["content"]
    call = (await rig.path())[1].calls[0]
    assert (await rig.blobs.get(call.result_blob)).decode() == text


async def test_the_same_call_again_is_remarked_upon_then_refused_then_ends_the_turn_in_words() -> None:
    look = Recording("look", "nothing new")
    script: list[Scripted] = [wants(("look", {"a": 1, "b": 2})) for _ in range(4)]
    rig = AgentRig(*script, "I am stuck.", functions=[look])
    outcome = ended(await rig.say("Look."))
    assert outcome.text == "I am stuck."
    results = [message["content"] for message in rig.sent() if message["role"] == "tool"]
    assert results[0] == "nothing new"
    assert results[1] == f"nothing new\n[{STEER}]"
    assert [error_in(text)["message"] for text in results[2:]] == [BLOCK, BLOCK]
    assert len(look.calls) == 2
    assert rig.models.requests[-1].tool_choice == "none"


async def test_twins_in_one_answer_count_as_one_repetition() -> None:
    look = Recording("look", "seen")
    rig = AgentRig(wants(("look", {}), ("look", {})), "Done.", functions=[look])
    await rig.say("Look.")
    assert [m["content"] for m in rig.sent() if m["role"] == "tool"] == ["seen", "seen"]


async def test_limits_of_calls_end_the_turn_in_words_and_those_of_money_end_it_at_once() -> None:
    look = Recording("look", lambda *_: "x")
    script: list[Scripted] = [wants(("look", {"n": 1}), ("look", {"n": 2})), "Enough."]
    rig = AgentRig(*script, agents=[Agent("Ada", limits=Limits(calls=2))], functions=[look])
    assert ended(await rig.say("Go.")).text == "Enough."
    assert rig.models.requests[-1].tool_choice == "none"

    costly = wants(("look", {}), usage=Usage(100, 50, 0.4))
    for limits, word in ((Limits(usd=0.3), "USD"), (Limits(tokens=150), "tokens")):
        rig = AgentRig(costly, agents=[Agent("Ada", limits=limits)], functions=[look])
        outcome = ended(await rig.say("Go."))
        assert (outcome.status, word in outcome.reason) == ("limited", True)
        assert outcome.usage == Usage(100, 50, 0.4)


async def test_a_turn_ends_when_its_seconds_are_over() -> None:
    slow = Recording("slow", Gate())
    rig = AgentRig(wants(("slow", {})), agents=[Agent("Ada", limits=Limits(seconds=30))], functions=[slow])
    conversation = await rig.conversation()
    reply = rig.chat.send(conversation.id, "Go.")
    await settle()
    await rig.clock.advance(30)
    outcome = ended(await rig.finish(reply))
    assert (outcome.status, "30 s" in outcome.reason) == ("limited", True)
    rig.last = conversation.id
    path = await rig.path()
    assert [message.role for message in path] == ["user", "assistant", "tool", "assistant"]
    assert path[1].calls[0].status == "cancelled"


async def test_what_an_agent_has_spent_today_keeps_it_from_spending_more() -> None:
    agent = Agent("Ada", limits=Limits(usd_per_day=0.015))
    rig = AgentRig("One.", "Two.", agents=[agent])
    assert ended(await rig.say("Hello.")).status == "completed"
    assert ended(await rig.say("Hello again.")).status == "completed"
    outcome = ended(await rig.say("And again."))
    assert (outcome.status, "today" in outcome.reason) == ("limited", True)
    await rig.clock.advance(86_400)
    rig.models._script.append("Three.")
    assert ended(await rig.say("Good morning.")).text == "Three."


async def test_progress_of_a_function_is_told() -> None:
    def work(_: Any, context: CallContext) -> str:
        context.progress("half way", 1, 2)
        return "done"

    rig = AgentRig(wants(("work", {})), "Done.", functions=[Recording("work", work)])
    await rig.say("Work.")
    (progress,) = rig.told(CallProgress)
    assert (progress.text, progress.done, progress.total) == ("half way", 1, 2)


async def test_a_function_that_cannot_be_found_is_not_offered_and_said_to_be_missing() -> None:
    agent = Agent("Ada", functions=(Function("look", target="No such workflow"), Function("set_variable", target="x")))
    rig = AgentRig("Hello.", agents=[agent])
    await rig.say("Hi.")
    assert rig.offered() == []
    from core.agents.chat_events import RequestSent

    (sent,) = rig.told(RequestSent)
    assert any("No such workflow" in trouble for trouble in sent.troubles)
    assert any("built-in" in trouble for trouble in sent.troubles)


STOCK = Workflow(
    "Stock",
    description="How many there are.",
    inputs={"article": {"type": "string"}, "store": {"type": "integer", "default": 1}},
    steps={"t": Step("t", "template", config={"text": "{{ input.store }}: 12 of {{ input.article }}"})},
    outputs={"count": "{{ t.text }}"},
)


async def test_a_workflow_is_a_function_with_its_inputs_as_parameters_and_runs_on_its_own() -> None:
    agent = Agent("Ada", functions=(Function("stock", target="Stock"),))
    rig = AgentRig(wants(("stock", {"article": "bolt"})), "Twelve.", agents=[agent], workflows=[STOCK])
    assert ended(await rig.say("Bolts?")).text == "Twelve."
    (tool,) = rig.models.requests[0].tools
    assert tool["function"]["description"] == "How many there are."
    assert tool["function"]["parameters"]["required"] == ["article"]
    assert json.loads(rig.sent()[-1]["content"]) == {"count": "1: 12 of bolt"}
    (run,) = await rig.journal.runs()
    call = (await rig.path())[1].calls[0]
    assert run.id == call.run_id
    assert run.labels == {"conversation": str(rig.last), "call": call.id, "agent": "Ada"}


async def test_a_workflow_that_fails_tells_the_model_which_step_and_why() -> None:
    broken = Workflow("Broken", steps={"s": Step("s", "stop", config={"status": "failed", "message": "No stock."})})
    agent = Agent("Ada", functions=(Function("look", target="Broken"),))
    rig = AgentRig(wants(("look", {})), "I see.", agents=[agent], workflows=[broken])
    await rig.say("Look.")
    assert error_in(rig.sent()[-1]["content"])["message"] == "No stock. (step s)"
