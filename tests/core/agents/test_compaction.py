"""Conversations that outgrow the model: what gives way, what stays, and that nothing is torn apart or lost."""

from __future__ import annotations

import json
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from core.agents.agent import Agent, ModelChoice
from core.agents.chat_events import ContextCompacted
from core.agents.compaction import cut_point
from core.agents.context import assemble, room
from core.agents.kit import ModelFacts
from core.agents.prompt import SystemPrompt
from core.engine.errors import StepError
from core.engine.events import NO_USAGE, Usage
from core.engine.services import ChatAnswer, Models
from core.engine.testing_models import Scripted
from core.store.conversation_records import CompactionNote, FunctionCall, StoredMessage
from core.workflow.model import Json
from tests.support.agent_rig import AgentRig, Recording, ended, wants

NOTE: dict[str, Json] = {
    "goals": ["Find the leak"], "decisions": ["Not the valve"], "open_items": [], "facts": ["It is 4 mm"], "files": [],
}  # fmt: skip


def small(context: int) -> Any:
    async def look_up(model: str) -> ModelFacts:
        return ModelFacts("small", context, max_output=context // 8, structured=True, functions=True)

    return look_up


def said(text: str, usage: Usage = NO_USAGE) -> ChatAnswer:
    return ChatAnswer(text, {"role": "assistant", "content": text}, "small", usage=usage)


async def test_old_results_give_way_first_and_can_still_be_read() -> None:
    big = "x" * 9_000
    look = Recording("look", big)
    script: list[Scripted] = [
        wants(("look", {"n": 1}), usage=NO_USAGE), said("One."), said("Two."), said("Three."),
    ]  # fmt: skip
    rig = AgentRig(*script, functions=[look], look_up=small(5_000))
    conversation = await rig.conversation()
    await rig.say("Look.", conversation)
    await rig.say("And?", conversation)
    await rig.say("So? " + "s" * 2_000, conversation)
    pruned = [event for event in rig.told(ContextCompacted) if event.kind == "pruned"]
    assert pruned
    assert pruned[-1].tokens_after < pruned[-1].tokens_before
    (result,) = [message for message in rig.sent() if message["role"] == "tool"]
    assert result["content"].startswith("[9000 characters left out to save room.")
    assert "read_result" in rig.offered()
    path = await rig.path()
    assert path[2].text == big


async def test_the_middle_gives_way_to_a_typed_note_and_the_conversation_keeps_every_message() -> None:
    script: list[Scripted] = []
    for n in range(7):
        script.append(said(f"Answer {n}. " + "a" * 1_500))
    rig = AgentRig(*script[:3], json.dumps(NOTE), *script[3:], look_up=small(3_000))
    conversation = await rig.conversation()
    for n in range(4):
        await rig.say(f"Question {n}. " + "q" * 500, conversation)
    (event,) = [event for event in rig.told(ContextCompacted) if event.kind == "summarised"]
    assert "Goals:\n- Find the leak" in event.note
    assert "Open" not in event.note
    system, *history = rig.sent()
    assert "# Earlier in this conversation" in system["content"]
    assert "It is 4 mm" in system["content"]
    assert "Question 0" not in str(history)
    assert "Question 3" in str(history)
    assert history[0]["role"] == "user"
    path = await rig.path()
    assert [message.role for message in path] == ["user", "assistant"] * 4
    assert "Question 0" in path[0].text
    request = await rig.conversations.request(path[-1].id)
    assert request is not None
    assert "summary" in [section.name for section in request.sections]


async def test_a_model_that_cannot_write_the_note_does_not_lose_the_conversation() -> None:
    answers = [said(f"Answer {n}. " + "a" * 1_500) for n in range(4)]
    rig = AgentRig(*answers[:3], "no JSON at all", answers[3], look_up=small(3_000))
    conversation = await rig.conversation()
    for n in range(4):
        outcome = ended(await rig.say(f"Question {n}. " + "q" * 500, conversation))
    assert outcome.status == "completed"
    assert "The person said:\n- Question 0." in rig.sent()[0]["content"]


async def test_a_request_that_the_server_finds_too_long_is_compacted_once_and_sent_again() -> None:
    too_long = StepError("Too long.", kind="context_length")
    script: list[Scripted] = [said("One. " + "a" * 400), too_long, json.dumps(NOTE), said("Two.")]
    rig = AgentRig(*script, look_up=small(100_000))
    conversation = await rig.conversation()
    await rig.say("First question.", conversation)
    assert ended(await rig.say("Second question.", conversation)).text == "Two."
    assert "Find the leak" in rig.sent()[0]["content"]
    again = AgentRig(said("One."), too_long, json.dumps(NOTE), too_long, look_up=small(100_000))
    conversation = await again.conversation()
    await again.say("First question.", conversation)
    assert ended(await again.say("Second question.", conversation)).reason == "Too long."


async def test_a_long_turn_is_cut_between_groups_of_calls_and_keeps_what_was_asked() -> None:
    look = Recording("look", lambda arguments, _: "r" * 2_000 + str(arguments["n"]))
    script: list[Scripted] = []
    for n in range(6):
        script.append(wants(("look", {"n": n}), ("look", {"n": n + 100}), usage=NO_USAGE))
    notes = [json.dumps(NOTE)] * 4
    rig = AgentRig(functions=[look], look_up=small(8_000), models=cast("Models", _Splitting(script, notes)))
    outcome = ended(await rig.say("Find the leak in all rooms."))
    assert outcome.status == "completed"
    assert rig.told(ContextCompacted)
    for request in rig.models.requests:
        check_whole(request.messages)
        assert any("Find the leak in all rooms." in str(message) for message in request.messages)


class _Splitting:
    """Gives notes to those who ask for one, the script to all others."""

    def __init__(self, script: list[Scripted], notes: list[str]) -> None:
        from core.engine.testing_models import ScriptedModels

        self.requests: list[Any] = []
        self._script = ScriptedModels(*script, "Found it.", usage=NO_USAGE)
        self._notes = ScriptedModels(*notes, usage=NO_USAGE)

    def stream(self, request: Any) -> Any:
        is_note = request.schema_name == "note"
        if not is_note:
            self.requests.append(request)
        return (self._notes if is_note else self._script).stream(request)

    def wire_request(self, request: Any) -> dict[str, Json]:
        return self._script.wire_request(request)


def check_whole(messages: Any) -> None:
    """Every call has its result right behind it, and every result its call."""
    open_calls: list[str] = []
    for message in messages:
        if message["role"] == "tool":
            assert open_calls
            assert message["tool_call_id"] == open_calls.pop(0)
        else:
            assert not open_calls
            open_calls = [call["id"] for call in message.get("tool_calls") or ()]
    assert not open_calls


@st.composite
def conversations(draw: st.DrawFn) -> list[StoredMessage]:
    path: list[StoredMessage] = []

    def add(role: Any, body: dict[str, Any], calls: tuple[FunctionCall, ...] = ()) -> None:
        path.append(StoredMessage(len(path) + 1, len(path) or None, role, body.get("content") or "", body, calls=calls))

    for _ in range(draw(st.integers(1, 5))):
        add("user", {"role": "user", "content": "q" * draw(st.integers(1, 300))})
        for _ in range(draw(st.integers(0, 4))):
            ids = [f"c{len(path)}-{n}" for n in range(draw(st.integers(1, 3)))]
            wire = [{"id": each, "type": "function", "function": {"name": "f", "arguments": "{}"}} for each in ids]
            calls = tuple(FunctionCall(each, each, "f") for each in ids)
            add("assistant", {"role": "assistant", "content": None, "tool_calls": wire}, calls)
            for each in ids:
                content = "r" * draw(st.integers(1, 600))
                add("tool", {"role": "tool", "tool_call_id": each, "content": content})
        if draw(st.booleans()):
            add("assistant", {"role": "assistant", "content": "a" * draw(st.integers(1, 300))})
    return path


@given(conversations(), st.integers(50, 3_000))
def test_no_cut_ever_parts_a_call_from_its_result_or_loses_the_question(path: list[StoredMessage], most: int) -> None:
    cut = cut_point(path, most)
    assert 0 <= cut < len(path)
    if cut == 0:
        return
    note = CompactionNote(path[0].id, path[cut - 1].id, "What came before.")
    sent = assemble(SystemPrompt("You are Ada."), path, [note], []).wire()
    check_whole(sent)
    question = [message.body for message in path if message.role == "user"][-1]
    assert question in sent


def test_room_leaves_space_for_the_answer_and_a_reserve() -> None:
    assert room(ModelFacts("m", 100_000, max_output=10_000), None) == 80_000
    assert room(ModelFacts("m", 100_000, max_output=10_000), 1_000) == 89_000
    assert room(ModelFacts("m"), None) < 32_000


async def test_notes_hold_only_on_the_branch_that_they_were_made_on() -> None:
    answers = [said(f"Answer {n}. " + "a" * 1_500) for n in range(5)]
    rig = AgentRig(*answers[:3], json.dumps(NOTE), *answers[3:], look_up=small(3_000))
    conversation = await rig.conversation()
    for n in range(4):
        await rig.say(f"Question {n}. " + "q" * 500, conversation)
    first = (await rig.path())[0]
    await rig.finish(rig.chat.edit(conversation.id, first.id, "Something else."))
    assert "Earlier in this conversation" not in rig.sent()[0]["content"]
    assert [message["content"] for message in rig.sent()[1:]] == ["Something else."]


async def test_what_a_server_counted_is_believed_over_the_estimate() -> None:
    script: list[Scripted] = [said("One.", Usage(3_500, 10)), json.dumps(NOTE), said("Two.")]
    rig = AgentRig(*script, look_up=small(4_000), agents=[Agent("Ada", model=ModelChoice(max_tokens=100))])
    conversation = await rig.conversation()
    await rig.say("Short.", conversation)
    await rig.say("Short too.", conversation)
    assert rig.told(ContextCompacted)
