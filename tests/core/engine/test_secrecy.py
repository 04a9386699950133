from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from core.engine.events import StepCompleted, StepDelta, event_json
from core.engine.memory_journal import MemoryJournal
from core.engine.services import Services
from core.workflow.model import Json
from tests.support.engine_rig import Rig, step, workflow

pytestmark = pytest.mark.usefixtures("no_task_left")

TOKEN = "sk-very-secret-4711"
MASKED = "[secret API]"


def secret_rig() -> Rig:
    return Rig(secrets={"API": TOKEN})


async def shown(rig: Rig) -> str:
    """All that events and records tell, as text; the documents apart, which hold the secret's text on purpose."""
    runs = [replace(run, workflow=workflow()) for run in await rig.journal.runs()]
    records = [record for run in runs for record in await rig.journal.steps(run.id)]
    return repr([event_json(event) for event in rig.events]) + repr(rig.events) + repr(records) + repr(runs)


class BrokenKeyring:
    async def get(self, name: str) -> str | None:
        raise OSError("the keyring is locked")


async def test_a_secret_reaches_the_step_and_nothing_that_is_shown() -> None:
    rig = secret_rig()
    config: Mapping[str, Json] = {
        "key": "{{ secrets.API }}", "value": f"echo {TOKEN}", "deltas": [f"so {TOKEN} it is"],
        "variables": {"v": f"{TOKEN}!"},
    }  # fmt: skip
    result = await rig.run(
        workflow(
            step("a", config=config, then="b"), step("b", config={"value": "{{ vars.v }}"}),
            variables={"v": ""}, outputs={"a": "{{ a.value }}", "b": "{{ b.value }}", "key": "{{ a.key }}"},
        )
    )  # fmt: skip

    assert result.outputs == {"a": f"echo {MASKED}", "b": f"{MASKED}!", "key": MASKED}
    text = await shown(rig)
    assert TOKEN not in text
    assert f"Bearer {MASKED}" in text
    assert f"so {MASKED} it is" in text


async def test_a_secret_is_masked_in_errors_also_when_they_are_handled() -> None:
    rig = secret_rig()
    config = {"key": "{{ secrets.API }}", "fails": -1, "message": f"{TOKEN} was refused"}
    result = await rig.run(
        workflow(
            step("a", config=config, on_error="branch", then={"error": "b"}),
            step("b", config={"value": "{{ a.error.message }}"}, then="c"),
            step("c", config=config),
        )
    )

    assert result.error is not None
    assert result.error.message == f"{MASKED} was refused"
    assert TOKEN not in await shown(rig) + repr(result)


async def test_a_secret_is_masked_in_the_question_that_a_person_gets() -> None:
    rig = secret_rig()
    await rig.run(workflow(step("ask", "ask", config={"message": "Use {{ secrets.API }}?", "state": {"k": TOKEN}})))

    text = await shown(rig)
    assert TOKEN not in text
    assert f"Use {MASKED}?" in text


async def test_secrets_of_steps_that_an_earlier_process_ran_stay_masked() -> None:
    rig = secret_rig()
    document = workflow(
        step("all", "loop", config={"times": 1}, body=[step("a", config={"key": "{{ secrets.API }}"})], then="ask"),
        step("ask", "ask", then={"answered": "b"}),
        step("b", config={"value": "{{ ask.choice }}"}),
        outputs={"b": "{{ b.value }}"},
    )
    await rig.run(document)
    assert isinstance(rig.journal, MemoryJournal)
    other = Rig(journal=rig.journal.survivor(), secrets={"API": TOKEN})
    await other.journal.answer("run-1", "ask", {"choice": f"the server echoed {TOKEN[:3]}"})
    other.stage.answers.clear()
    result = await other.resume()
    assert result.outputs == {"b": "the server echoed sk-"}

    third = Rig(journal=rig.journal.survivor(), secrets={"API": TOKEN})
    await third.journal.answer("run-1", "ask", {"choice": f"the server echoed {TOKEN}"})
    assert (await third.resume()).outputs == {"b": f"the server echoed {MASKED}"}


async def test_a_secret_that_is_not_set_fails_the_step_with_the_cure() -> None:
    rig = Rig()
    result = await rig.run(workflow(step("a", config={"key": "{{ secrets.API }}"})))

    assert result.error is not None
    assert result.error.type == "credentials"
    assert "steploom keys set API" in result.error.message
    assert await rig.statuses() == {"a": "failed"}


async def test_a_secret_store_that_cannot_be_read_fails_the_step_not_the_program() -> None:
    rig = Rig()
    rig.engine.services = replace(Services(), secrets=BrokenKeyring())
    result = await rig.run(workflow(step("a", config={"key": "{{ secrets.API }}"})))

    assert result.error is not None
    assert result.error.message == "The secret 'API' could not be read: the keyring is locked"
    assert await rig.statuses() == {"a": "failed"}


async def test_secrets_cannot_be_read_in_other_fields() -> None:
    rig = secret_rig()
    result = await rig.run(workflow(step("a", config={"value": "{{ secrets.API }}"})))

    assert result.status == "failed"
    assert TOKEN not in await shown(rig)


async def test_an_unexpected_failure_is_logged_without_the_secret(caplog: pytest.LogCaptureFixture) -> None:
    rig = secret_rig()
    document = workflow(
        step("a", config={"key": "{{ secrets.API }}"}, then="b"), step("b", "odd", config={"how": "bug"})
    )
    await rig.run(document)

    assert "ZeroDivisionError" in caplog.text
    assert TOKEN not in caplog.text


def told_text(rig: Rig) -> list[str]:
    return [event.text for event in rig.told(StepDelta)]


async def test_a_secret_that_comes_in_two_pieces_is_not_shown() -> None:
    rig = secret_rig()
    pieces = ["so ", TOKEN[:1], TOKEN[1:9], f"{TOKEN[9:]} it", " is, s", "ee", " s"]
    await rig.run(workflow(step("a", config={"key": "{{ secrets.API }}", "deltas": pieces})))

    assert "".join(told_text(rig)) == f"so {MASKED} it is, see s"
    assert told_text(rig)[0] == "so "
    assert type(rig.events[-2]) is StepCompleted, "what was held back comes before the end"


async def test_of_an_attempt_that_is_cut_short_the_beginning_of_a_secret_is_never_shown() -> None:
    rig = secret_rig()
    config = {"key": "{{ secrets.API }}", "deltas": [f"so {TOKEN[:-1]}"], "fails": -1}
    await rig.run(workflow(step("a", config=config)))

    assert told_text(rig) == ["so "]


async def test_without_secrets_every_piece_is_shown_as_it_comes(rig: Rig) -> None:
    await rig.run(workflow(step("a", config={"deltas": ["s", "k-", "v"]})))

    assert told_text(rig) == ["s", "k-", "v"]


async def test_a_secret_that_only_a_completed_workflow_inside_read_stays_masked_after_a_resume() -> None:
    inner = workflow(step("a", config={"key": "{{ secrets.API }}"}), name="Inner")
    rig = Rig(inner, secrets={"API": TOKEN})
    document = workflow(
        step("call", "workflow", config={"name": "Inner"}, then="ask"),
        step("ask", "ask", then={"answered": "b"}),
        step("b", config={"value": "{{ ask.choice }}"}),
        outputs={"b": "{{ b.value }}"},
    )
    await rig.run(document)
    assert isinstance(rig.journal, MemoryJournal)
    other = Rig(inner, journal=rig.journal.survivor(), secrets={"API": TOKEN})
    await other.journal.answer("run-1", "ask", {"choice": f"the server echoed {TOKEN}"})

    assert (await other.resume()).outputs == {"b": f"the server echoed {MASKED}"}
    assert "call/a" not in other.stage.paths
