"""Stopping, editing, making again, going on; files; what a person sees and what a model is sent."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.agents.agent import Agent, ModelChoice
from core.agents.attachments import Attachment
from core.agents.chat_events import TurnEnded, chat_event_json
from core.agents.errors import ChatError, NothingToDo
from core.agents.kit import ModelFacts
from core.engine.errors import StepError
from core.engine.testing import ManualClock, settle
from core.engine.testing_models import BreaksOff, Stalls
from tests.support.agent_rig import AgentRig, Recording, ended, wants
from tests.support.openrouter_defaults import tiny_png


async def test_a_stopped_answer_is_kept_and_marked() -> None:
    rig = AgentRig(Stalls("The answer to"))
    conversation = await rig.conversation()
    reply = rig.chat.send(conversation.id, "What is it?")
    await rig.models.stalled.wait()
    assert rig.chat.cancel(conversation.id)
    outcome = ended(await rig.finish(reply))
    assert (outcome.status, outcome.text) == ("cancelled", "The answer to")
    rig.last = conversation.id
    kept = (await rig.path())[-1]
    assert (kept.text, kept.status, kept.reason) == ("The answer to", "partial", "It was cancelled.")
    assert not rig.chat.cancel(conversation.id)


async def test_stopping_during_a_call_leaves_every_call_with_a_result() -> None:
    async def forever(*_: object) -> None:
        import asyncio

        await asyncio.get_running_loop().create_future()

    slow = Recording("slow", forever, effect="writes")
    rig = AgentRig(wants(("slow", {}), ("slow", {"n": 2})), "On we go.", functions=[slow])
    conversation = await rig.conversation()
    reply = rig.chat.send(conversation.id, "Go.")
    await settle()
    reply.cancel()
    assert ended(await rig.finish(reply)).status == "cancelled"
    rig.last = conversation.id
    path = await rig.path()
    assert [message.role for message in path] == ["user", "assistant", "tool", "tool", "assistant"]
    assert "not known" in path[2].text
    assert [call.status for call in path[1].calls] == ["cancelled", "cancelled"]
    assert ended(await rig.finish(rig.chat.resume(conversation.id))).text == "On we go."
    assert len(slow.calls) == 1


async def test_a_turn_that_failed_says_why_and_goes_on_from_where_it_was() -> None:
    look = Recording("look", "seen")
    down = StepError("The server is down.", kind="server")
    rig = AgentRig(wants(("look", {})), down, "There it is.", functions=[look])
    outcome = ended(await rig.say("Look."))
    assert (outcome.status, outcome.reason) == ("failed", "The server is down.")
    assert ended(await rig.finish(rig.chat.resume(rig.last))).text == "There it is."
    assert len(look.calls) == 1
    with pytest.raises(NothingToDo):
        await rig.chat.resume(rig.last).outcome()


async def test_an_answer_that_broke_off_keeps_what_had_come() -> None:
    rig = AgentRig(BreaksOff("Once upon", StepError("Cut.", kind="connection")))
    assert ended(await rig.say("Tell.")).status == "failed"
    kept = (await rig.path())[-1]
    assert (kept.text, kept.status) == ("Once upon", "failed")


async def test_editing_and_making_again_open_branches_beside_the_old_ones() -> None:
    rig = AgentRig("First.", "Second.", "Third.")
    await rig.say("Hello.")
    question = (await rig.path())[0]
    await rig.finish(rig.chat.regenerate(rig.last))
    assert [message.text for message in await rig.path()] == ["Hello.", "Second."]
    await rig.finish(rig.chat.edit(rig.last, question.id, "Good day."))
    assert [message.text for message in await rig.path()] == ["Good day.", "Third."]
    page = await rig.conversations.page(rig.last)
    assert [len(each) for each in page.siblings.values()] == [2]
    assert rig.sent()[1:] == [{"role": "user", "content": "Good day."}]
    with pytest.raises(NothingToDo, match="not shown"):
        await rig.chat.edit(rig.last, question.id, "Again.").outcome()
    with pytest.raises(ChatError, match="Only what a person said"):
        await rig.chat.edit(rig.last, (await rig.path())[1].id, "Again.").outcome()


async def test_a_conversation_takes_its_title_from_what_was_said_first() -> None:
    rig = AgentRig("Yes.", "No.")
    conversation = await rig.conversation()
    await rig.say(
        "Could you   tell me\nwhether the long contract with the landlord ends in May or in June?", conversation
    )
    title = (await rig.conversations.get(conversation.id)).title
    assert title == "Could you tell me whether the long contract with the…"
    await rig.say("And now?", conversation)
    assert (await rig.conversations.get(conversation.id)).title == title


async def test_the_prompt_reads_variables_the_date_and_the_agent() -> None:
    agent = Agent("Ada", "Helps.", prompt="{{ agent.name }} {{ agent.description }} {{ vars.tone }} {{ date }}")
    rig = AgentRig("Hello.", agents=[agent], clock=ManualClock(datetime(2026, 11, 27, 12, tzinfo=UTC)))
    conversation = await rig.conversation(variables={"tone": "dry"})
    await rig.say("Hi.", conversation)
    assert rig.sent()[0]["content"].startswith("Ada Helps. dry 2026-11-27\n")


async def test_a_prompt_that_cannot_be_filled_in_ends_the_turn_with_the_reason() -> None:
    rig = AgentRig(agents=[Agent("Ada", prompt="{{ vars.missing }}")])
    outcome = ended(await rig.say("Hi."))
    assert (outcome.status, "missing" in outcome.reason) == ("failed", True)


async def test_files_are_kept_by_hash_and_sent_as_the_model_takes_them() -> None:
    rig = AgentRig("I see.")
    conversation = await rig.conversation()
    files = [
        Attachment(tiny_png(), "dot.png"),
        Attachment(b"%PDF-1.4 ...", "paper.pdf"),
        Attachment(b"Sell all.", "notes.txt"),
    ]
    await rig.finish(rig.chat.send(conversation.id, "Look.", files))
    rig.last = conversation.id
    question = (await rig.path())[0]
    assert len(question.blobs) == 3
    assert question.tainted
    picture, paper, notes, text = rig.sent()[-1]["content"]
    assert picture["image_url"]["url"].startswith("data:image/png;base64,")
    assert paper["file"]["filename"] == "paper.pdf"
    assert "Sell all." in notes["text"]
    assert notes["text"].startswith("<data-")
    assert text == {"type": "text", "text": "Look."}


async def test_a_model_that_sees_no_pictures_is_sent_none() -> None:
    async def blind(model: str) -> ModelFacts:
        return ModelFacts("test/blind", 10_000, inputs=("text",))

    rig = AgentRig("Fine.", look_up=blind, agents=[Agent("Ada", model=ModelChoice("test/blind"))])
    conversation = await rig.conversation()
    with pytest.raises(ChatError, match=r"test/blind takes no pictures, so dot\.png"):
        await rig.chat.send(conversation.id, "Look.", [Attachment(tiny_png(), "dot.png")]).outcome()
    assert ended(await rig.say("Then not.", conversation)).text == "Fine."


async def test_an_empty_message_is_refused() -> None:
    rig = AgentRig()
    conversation = await rig.conversation()
    with pytest.raises(ChatError, match="nothing to send"):
        await rig.chat.send(conversation.id, "  ").outcome()


async def test_what_was_sent_for_an_answer_can_be_looked_at_afterwards() -> None:
    rig = AgentRig(wants(("look", {})), "Seen.", functions=[Recording("look")])
    await rig.say("Look.")
    request = await rig.conversations.request((await rig.path())[-1].id)
    assert request is not None
    assert [section.name for section in request.sections] == ["system", "history", "functions"]
    assert request.body["messages"] == rig.sent()


async def test_events_can_be_watched_late_and_by_several() -> None:
    rig = AgentRig("Hello there.")
    conversation = await rig.conversation()
    reply = rig.chat.send(conversation.id, "Hi.")
    first = [event async for event in reply]
    second = [event async for event in reply]
    assert first == second == reply.events
    assert isinstance(first[-1], TurnEnded)
    told = [chat_event_json(event) for event in first]
    assert told[-1]["event"] == "turn_ended"
    assert told[-1]["usage"] == {"tokens_in": 100, "tokens_out": 20, "cost_usd": 0.01}
