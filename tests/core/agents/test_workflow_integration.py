"""Agents inside workflows and workflows inside agents: one run, one set of variables, nothing done twice."""

from __future__ import annotations

import json
from typing import Any

import pytest

from core.agents.agent import Agent, Function, Limits
from core.agents.errors import ChatError
from core.agents.step_work import StepAgents
from core.engine.engine import Run
from core.engine.errors import StepError
from core.engine.events import Event, StepDelta, StepStarted
from core.engine.lifecycle import RunResult
from core.engine.testing import settle
from core.engine.testing_models import Scripted, ScriptedModels
from core.workflow.model import Json, Step, Workflow
from tests.support.agent_rig import AgentRig, Recording, ended, wants


class _Late:
    """The agents service of a rig that is made after its engine."""

    rig: AgentRig

    async def work(self, *given: Any) -> Any:
        return await StepAgents(lambda: self.rig.kit, self.rig.conversations).work(*given)


def rig_with_steps(*script: Scripted, **more: Any) -> AgentRig:
    late = _Late()
    late.rig = AgentRig(*script, services={"agents": late}, **more)
    return late.rig


def asking(config: dict[str, Json] | None = None, **more: Any) -> Workflow:
    step = Step("answer", "agent", config={"agent": "Ada", "task": "Help {{ input.who }}.", **(config or {})})
    parts = {"inputs": {"who": {"type": "string"}}, "outputs": {"text": "{{ answer.text }}"}, **more}
    steps = {"answer": step, **parts.pop("steps", {})}
    return Workflow("Asking", steps=steps, **parts)


async def run(
    rig: AgentRig, workflow: Workflow, inputs: dict[str, Json] | None = None
) -> tuple[RunResult, list[Event]]:
    return await follow(rig.engine.start(workflow, {"who": "Grace"} if inputs is None else inputs))


async def follow(running: Run) -> tuple[RunResult, list[Event]]:
    events: list[Event] = []
    running.listeners.append(events.append)
    return await running.result(), events


SETS = Workflow(
    "Sets",
    variables={"tone": {"type": "string", "default": "none"}},
    inputs={"to": {"type": "string"}},
    steps={
        "read": Step("read", "template", config={"text": "{{ vars.tone }}"}, then={"out": ("write",)}),
        "write": Step("write", "set", config={"variables": {"tone": "{{ input.to }}"}}),
    },
    outputs={"before": "{{ read.text }}"},
)
SPEAKER = Agent("Ada", prompt="Tone: {{ vars.tone }}", functions=(Function("sets", target="Sets"),))


async def test_a_workflow_sees_the_variables_of_the_chat_and_the_agent_sees_what_it_sets() -> None:
    rig = AgentRig(wants(("sets", {"to": "warm"})), "Done.", agents=[SPEAKER], workflows=[SETS])
    conversation = await rig.conversation(variables={"tone": "dry", "other": 1})
    await rig.say("Set it.", conversation)
    assert rig.sent(0)[0]["content"].startswith("Tone: dry")
    assert json.loads(rig.sent()[-1]["content"]) == {"before": "dry"}
    assert rig.sent(1)[0]["content"].startswith("Tone: warm")
    assert (await rig.conversations.get(conversation.id)).variables == {"tone": "warm", "other": 1}


async def test_the_agent_itself_sets_a_variable_and_a_workflow_reads_it() -> None:
    script: list[Scripted] = [
        wants(("set_variable", {"name": "tone", "value": "loud"})), wants(("sets", {"to": "x"})), "Done.",
    ]  # fmt: skip
    rig = AgentRig(*script, agents=[SPEAKER], workflows=[SETS])
    conversation = await rig.conversation(variables={"tone": "dry"})
    await rig.say("Be loud.", conversation)
    assert rig.sent(1)[0]["content"].startswith("Tone: loud")
    assert json.loads(rig.sent(2)[-1]["content"]) == {"before": "loud"}


async def test_an_agent_step_answers_streams_and_counts_what_it_cost() -> None:
    rig = rig_with_steps("Hello Grace.")
    result, events = await run(rig, asking())
    assert (result.status, result.outputs) == ("completed", {"text": "Hello Grace."})
    assert "".join(event.text for event in events if isinstance(event, StepDelta)) == "Hello Grace."
    assert result.usage.cost_usd == 0.01
    record = (await rig.journal.steps(result.run_id))[0]
    assert record.request is not None
    assert record.output is not None
    assert (record.output["requests"], record.output["calls"], record.output["agent"]) == (1, 0, "Ada")
    assert rig.sent()[-1]["content"] == "Help Grace."


async def test_calls_of_an_agent_step_are_steps_below_it_and_workflows_run_inside_the_run() -> None:
    look = Recording("look", {"n": 1})
    script: list[Scripted] = [wants(("look", {"a": 1}), ("look", {"a": 2})), wants(("sets", {"to": "warm"})), "Done."]
    rig = rig_with_steps(*script, agents=[SPEAKER], functions=[look], workflows=[SETS])
    result, events = await run(rig, asking(variables={"tone": {"default": "dry"}}))
    assert result.status == "completed"
    started = [event.path for event in events if isinstance(event, StepStarted)]
    assert started[0] == "answer"
    assert set(started) == {
        "answer", "answer/look[1]", "answer/look[2]", "answer/sets[1]", "answer/sets[1]/read", "answer/sets[1]/write",
    }  # fmt: skip
    records = {record.path: record for record in await rig.journal.steps(result.run_id)}
    assert records["answer/look[1]"].type == "function"
    assert records["answer/look[1]"].inputs == {"a": 1}
    assert records["answer/look[1]"].output == {"result": {"n": 1}, "from_outside": False}
    assert len(await rig.journal.runs()) == 1


async def test_variables_are_shared_both_ways_between_a_run_its_agent_and_the_workflows_that_it_calls() -> None:
    after = Step("after", "template", config={"text": "{{ vars.tone }}"})
    document = asking(
        variables={"tone": {"default": "dry"}},
        steps={"after": after},
        outputs={"tone": "{{ after.text }}"},
    )
    step = Step("answer", "agent", config={"agent": "Ada", "task": "Set it."}, then={"out": ("after",)})
    script: list[Scripted] = [wants(("sets", {"to": "warm"})), "Done."]
    rig = rig_with_steps(*script, agents=[SPEAKER], workflows=[SETS])
    result, _ = await run(rig, document.with_step(step))
    assert rig.sent(0)[0]["content"].startswith("Tone: dry")
    assert json.loads(rig.sent(1)[-1]["content"]) == {"before": "dry"}
    assert rig.sent(1)[0]["content"].startswith("Tone: warm")
    assert result.outputs == {"tone": "warm"}


async def test_variables_are_shared_across_nesting() -> None:
    """A chat calls a workflow, whose agent step calls another workflow; what that sets is seen everywhere above."""
    inner = Step("inner", "agent", config={"agent": "Inner", "task": "Set it."}, then={"out": ("seen",)})
    outer = Workflow(
        "Outer",
        variables={"tone": {"type": "string", "default": "none"}},
        steps={"inner": inner, "seen": Step("seen", "template", config={"text": "{{ vars.tone }}"})},
        outputs={"seen": "{{ seen.text }}"},
    )
    agents = [
        Agent("Outer", prompt="Tone: {{ vars.tone }}", functions=(Function("outer", target="Outer", policy="auto"),)),
        Agent("Inner", prompt="Inner tone: {{ vars.tone }}", functions=(Function("sets", target="Sets"),)),
    ]  # fmt: skip
    script: list[Scripted] = [wants(("outer", {})), wants(("sets", {"to": "deep"})), "Inner done.", "Done."]
    rig = rig_with_steps(*script, agents=agents, workflows=[SETS, outer])
    conversation = await rig.conversation(variables={"tone": "dry"})
    assert ended(await rig.say("Go.", conversation)).text == "Done."
    assert rig.sent(1)[0]["content"].startswith("Inner tone: dry")
    assert json.loads(rig.sent(2)[-1]["content"]) == {"before": "dry"}
    assert rig.sent(2)[0]["content"].startswith("Inner tone: deep")
    assert json.loads(rig.sent(3)[-1]["content"]) == {"seen": "deep"}
    assert rig.sent(3)[0]["content"].startswith("Tone: deep")
    assert (await rig.conversations.get(conversation.id)).variables["tone"] == "deep"


async def test_a_call_that_needs_leave_suspends_the_run_with_the_whole_question() -> None:
    pay = Recording("pay", "paid", effect="writes", policy="ask")
    rig = rig_with_steps(wants(("pay", {"usd": 5})), "It is paid.", functions=[pay])
    result, _ = await run(rig, asking())
    assert (result.status, result.waiting) == ("suspended", ("answer",))
    record = (await rig.journal.steps(result.run_id))[-1]
    assert record.question is not None
    assert record.question.choices == ("allow", "allow_all", "deny")
    assert '{"usd": 5}' in record.question.message
    assert pay.calls == []
    await rig.journal.answer(result.run_id, "answer", {"choice": "allow"})
    resumed, _ = await follow(await rig.engine.resume(result.run_id))
    assert (resumed.status, resumed.outputs) == ("completed", {"text": "It is paid."})
    assert len(pay.calls) == 1


async def test_what_a_run_asks_is_answered_in_the_run_and_not_in_a_chat() -> None:
    pay = Recording("pay", effect="writes", policy="ask")
    rig = rig_with_steps(wants(("pay", {})), functions=[pay])
    await run(rig, asking())
    (found,) = await rig.conversations.list(own=False)
    (pending,) = await rig.chat.pending(found.conversation.id)
    with pytest.raises(ChatError, match="belongs to run run-1"):
        await rig.chat.answer_approval(pending.id, True)
    assert await rig.chat.pending(found.conversation.id) == (pending,)


async def test_a_denied_call_of_an_agent_step_is_told_to_the_model() -> None:
    pay = Recording("pay", effect="writes", policy="ask")
    rig = rig_with_steps(wants(("pay", {})), "Then not.", functions=[pay])
    result, _ = await run(rig, asking())
    await rig.journal.answer(result.run_id, "answer", {"choice": "deny", "comment": "No money."})
    resumed, _ = await follow(await rig.engine.resume(result.run_id))
    assert (resumed.outputs, pay.calls) == ({"text": "Then not."}, [])
    assert "No money." in rig.sent()[-1]["content"]


async def test_a_workflow_that_waits_inside_an_agent_step_suspends_the_run_at_its_own_step() -> None:
    ask = Step("ask", "approval", config={"message": "Sure?"}, then={"approve": ("t",)})
    asks = Workflow(
        "Asks", steps={"ask": ask, "t": Step("t", "template", config={"text": "go"})}, outputs={"t": "{{ t.text }}"}
    )
    agent = Agent("Ada", functions=(Function("ask", target="Asks"),))
    rig = rig_with_steps(wants(("ask", {})), "Gone.", agents=[agent], workflows=[asks])
    result, _ = await run(rig, asking())
    assert (result.status, result.waiting) == ("suspended", ("answer/ask[1]/ask",))
    await rig.journal.answer(result.run_id, "answer/ask[1]/ask", {"choice": "approve"})
    resumed, _ = await follow(await rig.engine.resume(result.run_id))
    assert resumed.outputs == {"text": "Gone."}
    assert json.loads(rig.sent()[-1]["content"]) == {"t": "go"}
    assert len(rig.models.requests) == 2


async def test_leave_that_an_agent_inside_an_agent_needs_is_asked_for_at_the_call() -> None:
    pay = Recording("pay", "paid", effect="writes", policy="ask")
    boss = Agent("Ada", functions=(Function("ask_clerk", kind="agent", target="Clerk", policy="auto"),))
    script: list[Scripted] = [wants(("ask_clerk", {"task": "Pay."})), wants(("pay", {})), "Paid it.", "All done."]
    rig = rig_with_steps(*script, agents=[boss, Agent("Clerk")], functions=[pay])
    result, _ = await run(rig, asking())
    assert (result.status, result.waiting) == ("suspended", ("answer/ask_clerk[1]",))
    await rig.journal.answer(result.run_id, "answer/ask_clerk[1]", {"choice": "allow"})
    resumed, _ = await follow(await rig.engine.resume(result.run_id))
    assert resumed.outputs == {"text": "All done."}
    assert len(pay.calls) == 1


async def test_an_agent_step_gives_structured_output() -> None:
    schema: dict[str, Json] = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    rig = rig_with_steps('{"n": "three"}', '{"n": 3}')
    result, _ = await run(rig, asking({"schema": schema}, outputs={"n": "{{ answer.json.n }}"}))
    assert result.outputs == {"n": 3}
    assert "$.n" in rig.sent()[-1]["content"]


async def test_an_agent_step_fails_with_the_models_own_error_and_is_retried_where_it_stood() -> None:
    from core.workflow.model import Retry

    look = Recording("look", "seen")
    limited = StepError("Slow down.", kind="rate_limit", retryable=True)
    rig = rig_with_steps(wants(("look", {})), limited, "Seen.", functions=[look])
    document = asking()
    step = Step("answer", "agent", config={"agent": "Ada", "task": "Look."}, retry=Retry(2, wait=1))
    running = rig.engine.start(document.with_step(step), {"who": "Grace"})
    await settle()
    await rig.clock.advance(1)
    result = await running.result()
    assert (result.status, result.outputs) == ("completed", {"text": "Seen."})
    assert len(look.calls) == 1


async def test_an_agent_step_that_reaches_a_limit_fails_with_that_kind() -> None:
    look = Recording("look", lambda *_: "x")
    rig = rig_with_steps(wants(("look", {})), agents=[Agent("Ada", limits=Limits(usd=0.001))], functions=[look])
    result, _ = await run(rig, asking())
    assert result.error is not None
    assert (result.status, result.error.type) == ("failed", "limit")


async def test_an_unknown_agent_fails_the_step_by_name() -> None:
    rig = rig_with_steps()
    result, _ = await run(rig, asking({"agent": "Nobody"}))
    assert result.error is not None
    assert (result.error.type, "Nobody" in result.error.message) == ("not_found", True)


async def test_agents_in_a_loop_each_have_a_conversation_of_their_own() -> None:
    body = {"answer": Step("answer", "agent", config={"agent": "Ada", "task": "Greet {{ item }}."})}
    loop = Step("each", "for_each", config={"items": ["Ann", "Ben"], "collect": "{{ answer.text }}"}, body=body)
    document = Workflow("Loop", steps={"each": loop}, outputs={"all": "{{ each.results }}"})
    rig = rig_with_steps("Hello one.", "Hello two.")
    result, _ = await run(rig, document, {})
    assert isinstance(result.outputs, dict)
    assert sorted(map(str, result.outputs["all"])) == ["Hello one.", "Hello two."]
    assert len(await rig.conversations.list(own=False)) == 2


@pytest.mark.parametrize("cut", range(1, 60))
async def test_a_run_that_is_killed_at_any_event_of_an_agent_step_repeats_no_call(cut: int) -> None:
    from core.engine.errors import EngineError
    from core.engine.memory_journal import MemoryJournal
    from tests.support.engine_journal import DyingJournal, Killed

    pay = Recording("pay", "paid", effect="writes")
    script: list[Scripted] = [wants(("pay", {"n": 1}), ("pay", {"n": 2})), wants(("sets", {"to": "warm"})), "Done."]
    document = asking(
        variables={"tone": {"default": "dry"}}, outputs={"text": "{{ answer.text }}", "tone": "{{ vars.tone }}"}
    )
    journal = DyingJournal(MemoryJournal(), cut, written_behind=False)
    first = rig_with_steps(*script, agents=[SPEAKER], functions=[pay], workflows=[SETS], journal=journal)
    try:
        result, _ = await run(first, document)
    except (EngineError, Killed):
        pass
    else:
        assert journal.left is None
        assert result.outputs == {"text": "Done.", "tone": "warm"}
        return
    assert journal.left is not None
    left = script[len(first.models.requests) :]
    # What a real process would have done between its last durable step and its death is told by the records alone.
    second = rig_with_steps(
        models=ScriptedModels(*left) if left else ScriptedModels("Done."), agents=[SPEAKER], functions=[pay],
        workflows=[SETS], journal=journal.left, conversations=first.conversations,
    )  # fmt: skip
    await _release(first)
    resumed, _ = await follow(await second.engine.resume("run-1"))
    for _ in range(2):
        if resumed.status != "suspended":
            break
        for path in resumed.waiting:
            await journal.left.answer("run-1", path, {"choice": "treat_as_done"})
        resumed, _ = await follow(await second.engine.resume("run-1"))
    assert resumed.status == "completed", cut
    assert all(pay.calls.count({"n": n}) <= 1 for n in (1, 2)), cut


async def _release(rig: AgentRig) -> None:
    for found in await rig.conversations.list(own=False):
        rig.conversations.abandon(found.conversation.id)  # type: ignore[attr-defined]  # of the twin in memory
