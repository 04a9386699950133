from __future__ import annotations

from core.agents.agent import Agent, Limits
from core.agents.chat_events import (
    CallFinished,
    CallProposed,
    CallStarted,
    MessageSaved,
    RequestSent,
    TextDelta,
    TurnEnded,
    TurnStarted,
)
from core.engine.testing_models import Scripted
from tests.support.agent_rig import AgentRig, Recording, ended, wants


async def test_an_answer_streams_and_is_kept() -> None:
    rig = AgentRig("Hello, Grace.")
    outcome = ended(await rig.say("I am Grace."))
    assert (outcome.status, outcome.text) == ("completed", "Hello, Grace.")
    assert "".join(event.text for event in rig.told(TextDelta)) == "Hello, Grace."
    question, answer = await rig.path()
    assert (question.role, question.text) == ("user", "I am Grace.")
    assert (answer.role, answer.text, answer.status, answer.agent) == ("assistant", "Hello, Grace.", "complete", "Ada")
    assert rig.sent() == [{"role": "system", "content": "You are Ada."}, {"role": "user", "content": "I am Grace."}]
    assert [type(event) for event in rig.events if not isinstance(event, TextDelta)] == [
        MessageSaved, TurnStarted, RequestSent, MessageSaved, TurnEnded,
    ]  # fmt: skip


async def test_a_function_is_called_and_its_result_goes_back_to_the_model() -> None:
    lookup = Recording("lookup", {"stock": 3})
    rig = AgentRig(wants(("lookup", {"article": "bolt"})), "There are 3 bolts.", functions=[lookup])
    outcome = ended(await rig.say("How many bolts?"))
    assert outcome.text == "There are 3 bolts."
    assert lookup.calls == [{"article": "bolt"}]
    _, wish, result, answer = await rig.path()
    (call,) = wish.calls
    assert (call.name, call.status, call.result) == ("lookup", "completed", '{"stock": 3}')
    assert rig.sent()[-1] == {"role": "tool", "tool_call_id": "call_0", "content": '{"stock": 3}'}
    assert rig.sent()[-2] == wish.body
    assert (result.role, answer.role) == ("tool", "assistant")
    told = [type(event) for event in rig.events if isinstance(event, CallProposed | CallStarted | CallFinished)]
    assert told == [CallProposed, CallStarted, CallFinished]


async def test_the_last_request_that_the_limit_of_steps_allows_ends_in_words() -> None:
    look = Recording("look", lambda _, context: context.call.id)
    agent = Agent("Ada", limits=Limits(steps=3))
    script: list[Scripted] = [wants(("look", {"n": 1})), wants(("look", {"n": 2})), "That is all."]
    rig = AgentRig(*script, agents=[agent], functions=[look])
    outcome = ended(await rig.say("Look around."))
    assert (outcome.status, outcome.text) == ("completed", "That is all.")
    assert [request.tool_choice for request in rig.models.requests] == ["", "", "none"]
