"""Chat with a workflow: the trigger `message`."""

from __future__ import annotations

from core.agents.attachments import Attachment
from core.agents.chat_events import MessageSaved, TextDelta, TurnStarted
from core.engine.testing import settle
from core.engine.testing_models import ScriptedModels, Stalls
from core.workflow.model import Step, Trigger, Workflow
from tests.support.agent_rig import AgentRig, ended, waiting

PROMPT = "{{ vars.count }}: {{ input.message }} {{ input.history | count }} {{ input.files | count }}"
TALKER = Workflow(
    "Talker",
    trigger=Trigger("message"),
    inputs={
        "message": {"type": "string"},
        "history": {"type": "array", "default": []},
        "conversation": {"type": "string", "default": ""},
        "files": {"type": "array", "default": []},
    },
    variables={"count": {"type": "integer", "default": 0}},
    steps={
        "count": Step("count", "set", config={"variables": {"count": "{{ vars.count + 1 }}"}}, then={"out": ("say",)}),
        "say": Step(
            "say", "chat",
            config={"prompt": PROMPT},
        ),
    },
    outputs={"answer": "{{ say.text }}", "other": 1},
)  # fmt: skip
ASKING = Workflow(
    "Asking",
    inputs={"message": {"type": "string"}},
    steps={"ask": Step("ask", "approval", config={"message": "Really?", "choices": ["yes", "no"]})},
    outputs={"answer": "You said {{ ask.choice }}."},
)


async def test_a_message_starts_a_run_whose_answer_streams_and_is_kept() -> None:
    rig = AgentRig("Good day.", workflows=[TALKER])
    conversation = await rig.chat.start(workflow="Talker")
    outcome = ended(await rig.say("Hello.", conversation))
    assert (outcome.status, outcome.text) == ("completed", "Good day.")
    assert "".join(event.text for event in rig.told(TextDelta)) == "Good day."
    assert [event.agent for event in rig.told(TurnStarted)] == ["Talker"]
    (run,) = await rig.journal.runs()
    assert run.labels == {"conversation": str(conversation.id), "trigger": "message"}
    assert run.inputs["conversation"] == str(conversation.id)
    answer = (await rig.path())[-1]
    assert (answer.text, answer.agent, answer.run_id, answer.usage.cost_usd) == ("Good day.", "Talker", run.id, 0.01)
    assert rig.told(MessageSaved)[-1].message == answer


async def test_history_files_and_variables_go_from_message_to_message() -> None:
    rig = AgentRig("One.", "Two.", workflows=[TALKER])
    conversation = await rig.chat.start(workflow="Talker")
    await rig.say("Hello.", conversation)
    await rig.finish(rig.chat.send(conversation.id, "Look.", [Attachment(b"x", "a.txt")]))
    assert rig.sent(0)[-1]["content"] == "1: Hello. 0 0"
    assert rig.sent(1)[-1]["content"] == "2: Look. 2 1"
    assert (await rig.conversations.get(conversation.id)).variables == {"count": 2}


async def test_a_question_of_the_workflow_waits_in_the_chat() -> None:
    rig = AgentRig(workflows=[ASKING])
    conversation = await rig.chat.start(workflow="Asking")
    (pending,) = waiting(await rig.say("Do it.", conversation)).pending
    assert (pending.kind, pending.message, pending.choices) == ("question", "Really?", ("yes", "no"))
    assert await rig.chat.pending(conversation.id) == (pending,)
    outcome = ended(await rig.finish(await rig.chat.answer_question(pending.id, {"choice": "yes"})))
    assert outcome.text == "You said yes."


async def test_a_failure_says_which_step_and_the_message_can_be_answered_again() -> None:
    broken = Workflow(
        "Broken", inputs={"message": {"type": "string"}},
        steps={"s": Step("s", "stop", config={"status": "failed", "message": "Closed."})},
    )  # fmt: skip
    rig = AgentRig(workflows=[broken])
    conversation = await rig.chat.start(workflow="Broken")
    outcome = ended(await rig.say("Hello.", conversation))
    assert (outcome.status, outcome.reason) == ("failed", "Closed. (step s)")
    again = ended(await rig.finish(rig.chat.regenerate(conversation.id)))
    assert again.status == "failed"
    assert len(await rig.journal.runs()) == 2


async def test_stopping_cancels_the_run_and_keeps_what_had_come() -> None:
    rig = AgentRig(Stalls("Once upon"), workflows=[TALKER])
    conversation = await rig.chat.start(workflow="Talker")
    reply = rig.chat.send(conversation.id, "Tell.")
    await rig.models.stalled.wait()
    await settle()
    reply.cancel()
    assert ended(await rig.finish(reply)).status == "cancelled"
    rig.last = conversation.id
    answer = (await rig.path())[-1]
    assert (answer.text, answer.status) == ("Once upon", "partial")
    assert [run.status for run in await rig.journal.runs()] == ["cancelled"]


async def test_the_only_text_that_a_workflow_needs_takes_the_message() -> None:
    triage = Workflow(
        "Triage", inputs={"ticket": {"type": "string"}, "tone": {"type": "string", "default": "dry"}},
        steps={"t": Step("t", "template", config={"text": "{{ input.tone }}: {{ input.ticket }}"})},
        outputs={"answer": "{{ t.text }}"},
    )  # fmt: skip
    rig = AgentRig(workflows=[triage])
    conversation = await rig.chat.start(workflow="Triage")
    assert ended(await rig.say("It is down.", conversation)).text == "dry: It is down."


async def test_a_workflow_without_a_message_says_what_it_lacks() -> None:
    mute = Workflow("Mute", steps={"n": Step("n", "note", config={"text": "x"})})
    rig = AgentRig(workflows=[mute])
    conversation = await rig.chat.start(workflow="Mute")
    outcome = ended(await rig.say("Hello.", conversation))
    assert (outcome.status, "no input 'message'" in outcome.reason) == ("failed", True)


async def test_an_answer_that_was_cut_off_by_the_end_of_the_process_is_made_by_the_same_run() -> None:
    first = AgentRig(Stalls("Once"), workflows=[TALKER])
    conversation = await first.chat.start(workflow="Talker")
    reply = first.chat.send(conversation.id, "Tell.")
    await first.models.stalled.wait()
    first.journal.abandon("run-1")  # type: ignore[attr-defined]  # of the journal in memory
    first.conversations.abandon(conversation.id)  # type: ignore[attr-defined]  # of the twin in memory
    second = AgentRig(
        models=ScriptedModels("Once upon a time."), workflows=[TALKER], conversations=first.conversations,
        journal=first.journal, clock=first.clock,
    )  # fmt: skip
    outcome = ended(await second.finish(second.chat.resume(conversation.id)))
    assert outcome.text == "Once upon a time."
    assert [run.id for run in await second.journal.runs()] == ["run-1"]
    reply.cancel()
