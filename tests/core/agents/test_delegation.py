"""Agents that give tasks to others, and agents that hand a conversation over."""

from __future__ import annotations

import json
from typing import Any

from core.agents.agent import Agent, Function, Limits
from core.agents.chat_events import CallProgress, HandedOver
from core.engine.events import Usage
from core.engine.testing_models import Scripted
from tests.support.agent_rig import AgentRig, Recording, ended, waiting, wants


def boss(**more: Any) -> Agent:
    settings = {"kind": "agent", "target": "Clerk", "policy": "auto", **more}
    return Agent("Boss", functions=(Function("clerk", **settings),))


async def test_another_agent_works_in_a_conversation_of_its_own_and_reports_back() -> None:
    look = Recording("look", "seen")
    script: list[Scripted] = [
        wants(("clerk", {"task": "Look."})),
        wants(("look", {})),
        "I saw it.",
        "The clerk saw it.",
    ]
    rig = AgentRig(*script, agents=[boss(), Agent("Clerk", prompt="You are the clerk.")], functions=[look])
    outcome = ended(await rig.say("Have a look."))
    assert outcome.text == "The clerk saw it."
    assert rig.sent(1) == [
        {"role": "system", "content": rig.sent(1)[0]["content"]}, {"role": "user", "content": "Look."},
    ]  # fmt: skip
    assert rig.sent(1)[0]["content"].startswith("You are the clerk.")
    assert rig.sent()[-1]["content"] == "I saw it."
    call = (await rig.path())[1].calls[0]
    assert call.usage == Usage(200, 40, 0.02)
    assert outcome.usage == Usage(400, 80, 0.04)
    assert any("Clerk calls look" in event.text for event in rig.told(CallProgress))


async def test_a_delegation_asks_unless_it_is_allowed_because_it_spends() -> None:
    rig = AgentRig(wants(("clerk", {"task": "x"})), agents=[boss(policy=""), Agent("Clerk")])
    assert waiting(await rig.say("Go.")).pending[0].kind == "approval"


async def test_a_delegation_ends_at_its_own_budget() -> None:
    look = Recording("look", lambda _, context: context.call.id)
    script: list[Scripted] = [wants(("clerk", {"task": "Look."}))]
    script += [wants(("look", {"n": n}), usage=Usage(10, 10, 0.05)) for n in range(2)]
    rig = AgentRig(*script, "It cost too much.", agents=[boss(usd=0.1), Agent("Clerk")], functions=[look])
    assert ended(await rig.say("Go.")).text == "It cost too much."
    error = json.loads(rig.sent()[-1]["content"])["error"]
    assert (error["type"], "0.1 USD" in error["message"]) == ("limited", True)


async def test_what_is_left_of_the_turns_money_bounds_a_delegation() -> None:
    rich = Agent("Boss", functions=boss().functions, limits=Limits(usd=0.05))
    script: list[Scripted] = [wants(("clerk", {"task": "x"}), usage=Usage(1, 1, 0.045)), wants(("look", {}))]
    rig = AgentRig(*script, agents=[rich, Agent("Clerk")], functions=[Recording("look")])
    outcome = ended(await rig.say("Go."))
    assert outcome.status == "limited"


async def test_agents_that_work_beside_each_other_share_what_is_left_of_the_turns_money() -> None:
    look = Recording("look", lambda _, context: context.call.id)
    functions = (Function("clerk", kind="agent", target="Clerk", policy="auto", parallel=True),)
    rich = Agent("Boss", functions=functions, limits=Limits(usd=0.1))
    script: list[Scripted] = [wants(("clerk", {"task": "a"}), ("clerk", {"task": "b"}))]
    script += [wants(("look", {"n": n}), usage=Usage(1, 1, 0.03)) for n in range(8)]
    rig = AgentRig(*script, agents=[rich, Agent("Clerk")], functions=[look])
    outcome = ended(await rig.say("Go."))
    assert (outcome.status, outcome.reason) == ("limited", "The turn reached its limit of 0.1 USD.")
    # 0.01 of its own and twice 0.03 for each: both ask at once while there is still something left.
    assert len(rig.models.requests) == 5
    reasons = {json.loads(call.result)["error"]["message"] for call in (await rig.path())[1].calls}
    assert reasons == {"The turn that it works for reached its limit of 0.1 USD."}


async def test_what_one_agent_has_cost_is_known_before_the_next_of_the_same_answer_begins() -> None:
    rich = Agent("Boss", functions=boss().functions, limits=Limits(usd=0.1))
    script: list[Scripted] = [
        wants(("clerk", {"task": "a"}), ("clerk", {"task": "b"})),
        wants(("look", {}), usage=Usage(1, 1, 0.095)),
    ]
    rig = AgentRig(*script, agents=[rich, Agent("Clerk")], functions=[Recording("look")])
    assert ended(await rig.say("Go.")).status == "limited"
    assert len(rig.models.requests) == 2


async def test_the_tokens_of_a_turn_bound_those_who_work_for_it_however_deep() -> None:
    def next_one(name: str) -> Function:
        return Function("next", kind="agent", target=name, policy="auto")

    agents = [
        Agent("A", functions=(next_one("B"),), limits=Limits(tokens=400)),
        Agent("B", functions=(next_one("C"),)),
        Agent("C"),
    ]
    look = Recording("look", lambda _, context: context.call.id)
    script: list[Scripted] = [wants(("next", {"task": "x"})), wants(("next", {"task": "y"}))]
    script += [wants(("look", {"n": n})) for n in range(8)]
    rig = AgentRig(*script, agents=agents, functions=[look])
    outcome = ended(await rig.say("Go."))
    assert (outcome.status, outcome.reason) == ("limited", "The turn reached its limit of 400 tokens.")
    assert len(rig.models.requests) == 4  # of 120 tokens each


async def test_agents_stand_three_deep_at_most() -> None:
    agents = [
        Agent(f"A{n}", functions=(Function("next", kind="agent", target=f"A{n + 1}", policy="auto"),)) for n in range(5)
    ]
    script: list[Scripted] = [wants(("next", {"task": f"{n}"})) for n in range(4)]
    rig = AgentRig(*script, "At the bottom.", "Up.", "Up.", "Top.", agents=agents)
    assert ended(await rig.say("Down.")).text == "Top."
    assert [bool(request.tools) for request in rig.models.requests[:4]] == [True, True, True, False]


async def test_leave_that_another_agent_needs_is_asked_for_in_the_chat_and_all_goes_on_from_there() -> None:
    pay = Recording("pay", "paid", effect="writes", policy="ask")
    script: list[Scripted] = [wants(("clerk", {"task": "Pay."})), wants(("pay", {"usd": 5})), "Paid.", "It is done."]
    rig = AgentRig(*script, agents=[boss(), Agent("Clerk")], functions=[pay])
    waiting(await rig.say("Pay."))
    (pending,) = await rig.chat.pending(rig.last)
    assert pending.call is not None
    assert (pending.agent, pending.call.arguments) == ("Clerk", {"usd": 5})
    outcome = ended(await rig.finish(await rig.chat.answer_approval(pending.id, True)))
    assert (outcome.text, len(pay.calls)) == ("It is done.", 1)
    assert len(rig.models.requests) == 4


async def test_a_conversation_is_handed_over_with_prompt_functions_and_history() -> None:
    first = Agent("Desk", functions=(Function("to_billing", kind="agent", target="Billing", handoff=True),))
    second = Agent("Billing", prompt="You do bills.")
    script: list[Scripted] = [
        wants(("to_billing", {"reason": "a bill", "brief": "Wants a refund."})),
        "About your bill.",
        "Sure.",
    ]
    rig = AgentRig(*script, agents=[first, second])
    conversation = await rig.conversation()
    assert ended(await rig.say("My bill is wrong.", conversation)).text == "About your bill."
    (event,) = rig.told(HandedOver)
    assert (event.to, event.reason) == ("Billing", "a bill")
    assert rig.sent(1)[0]["content"].startswith("You do bills.")
    assert rig.sent(1)[1]["content"] == "My bill is wrong."
    assert (await rig.path())[-1].agent == "Billing"
    await rig.say("Thank you.", conversation)
    assert rig.sent()[0]["content"].startswith("You do bills.")


async def test_two_agents_cannot_hand_over_to_each_other_without_end() -> None:
    agents = [
        Agent("A", functions=(Function("to_b", kind="agent", target="B", handoff=True),)),
        Agent("B", functions=(Function("to_a", kind="agent", target="A", handoff=True),)),
    ]
    script: list[Scripted] = [
        wants(("to_b" if n % 2 == 0 else "to_a", {"reason": str(n), "brief": str(n)})) for n in range(3)
    ]
    rig = AgentRig(*script, "Enough.", agents=agents)
    assert ended(await rig.say("Go.")).text == "Enough."
    assert rig.offered() == []


async def test_an_agent_that_is_gone_is_said_to_be_missing() -> None:
    rig = AgentRig(wants(("clerk", {"task": "x"})), "Nobody there.", agents=[boss()])
    assert ended(await rig.say("Go.")).text == "Nobody there."
    assert json.loads(rig.sent()[-1]["content"])["error"]["type"] == "not_found"
