"""The approval step asks a person and goes on by the answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.engine.errors import StepError, Suspend
from core.engine.testing import ManualClock, lone_context, run_lone
from core.steps.approval import ApprovalStep
from core.workflow.model import Json
from tests.support.http_site import Page, Site

_STEP = ApprovalStep()
_START = datetime(2026, 1, 1, 12, tzinfo=UTC)
_FORM: dict[str, Json] = {
    "type": "object",
    "properties": {"amount": {"type": "number", "minimum": 0}},
    "required": ["amount"],
}


async def test_the_run_is_suspended_with_the_question() -> None:
    with pytest.raises(Suspend) as caught:
        await run_lone(_STEP, {"message": "Publish?", "timeout": "2d"}, lone_context(clock=ManualClock(_START)))
    question = caught.value.question
    assert question is not None
    assert (question.message, question.choices, question.schema) == ("Publish?", ("approve", "reject"), None)
    assert caught.value.until == _START + timedelta(days=2)


async def test_a_form_is_asked_by_its_schema() -> None:
    with pytest.raises(Suspend) as caught:
        await run_lone(_STEP, {"message": "How much?", "form": _FORM})
    question = caught.value.question
    assert question is not None
    assert (question.choices, question.schema) == ((), _FORM)
    assert caught.value.until is None


async def test_a_choice_makes_its_port_live() -> None:
    answer: dict[str, Json] = {"choice": "reject", "comment": "Too dark.", "answered_by": "ada"}
    done = await run_lone(_STEP, {"message": "Publish?"}, lone_context(answer=answer))
    assert done.ports == ("reject",)
    assert done.value == {"choice": "reject", "comment": "Too dark.", "form": None, "answered_by": "ada"}


async def test_a_form_that_fits_is_given_on() -> None:
    context = lone_context(answer={"form": {"amount": 5}})
    done = await run_lone(_STEP, {"message": "How much?", "form": _FORM}, context)
    assert done.ports == ("out",)
    assert done.value["form"] == {"amount": 5}
    assert done.value["choice"] is None


@pytest.mark.parametrize(
    ("config", "answer", "said"),
    [
        ({}, {"choice": "maybe"}, "Answer with one of: approve, reject"),
        ({}, {}, "None is none of the choices"),
        ({"form": _FORM}, {"form": {"amount": -1}}, "“amount” in the form does not fit"),
        ({"form": _FORM}, {"form": {}}, "The form does not fit: 'amount' is a required property"),
        ({"form": _FORM}, {"choice": "approve"}, "The form does not fit"),
    ],
)
async def test_an_answer_that_does_not_fit_is_asked_for_again(config: dict[str, Any], answer: Any, said: str) -> None:
    with pytest.raises(Suspend) as caught:
        await run_lone(_STEP, {"message": "Well?", **config}, lone_context(answer=answer))
    question = caught.value.question
    assert question is not None
    assert question.message.startswith("Well?\n\n")
    assert said in question.message
    assert question.schema == config.get("form")


async def test_a_late_answer_that_does_not_fit_is_none() -> None:
    config: dict[str, Json] = {"message": "?", "timeout": "1h"}
    late = lone_context(
        clock=ManualClock(_START + timedelta(days=1)), state=await _asked(config), answer={"choice": "maybe"}
    )
    assert (await run_lone(_STEP, config, late)).ports == ("timed_out",)


async def test_a_form_fetches_nothing_from_elsewhere(allowed_site: Site) -> None:
    allowed_site.pages["/schema"] = lambda _asked: Page(b"{}", 200, {"content-type": "application/json"})
    form: dict[str, Json] = {"type": "object", "properties": {"a": {"$ref": f"{allowed_site.url}/schema"}}}
    with pytest.raises(StepError, match="The form refers to"):
        await run_lone(_STEP, {"message": "?", "form": form}, lone_context(answer={"form": {"a": {}}}))
    assert allowed_site.asked == []


async def test_a_form_that_is_no_json_schema_fails_the_step() -> None:
    context = lone_context(answer={"form": {}})
    with pytest.raises(StepError, match="no JSON Schema") as caught:
        await run_lone(_STEP, {"message": "?", "form": {"type": "{{ 'thing' }}"}}, context)
    assert caught.value.kind == "config"


async def _asked(config: dict[str, Json]) -> dict[str, Json]:
    with pytest.raises(Suspend) as caught:
        await run_lone(_STEP, config, lone_context(clock=ManualClock(_START)))
    return caught.value.state


async def test_past_the_deadline_the_port_timed_out_is_taken() -> None:
    config: dict[str, Json] = {"message": "?", "timeout": "1h"}
    late = lone_context(clock=ManualClock(_START + timedelta(hours=1)), state=await _asked(config))
    done = await run_lone(_STEP, config, late)
    assert done.ports == ("timed_out",)
    assert done.value == {"choice": None, "comment": "", "form": None, "answered_by": ""}


async def test_woken_before_the_deadline_it_keeps_waiting_for_the_same_one() -> None:
    config: dict[str, Json] = {"message": "?", "timeout": "1h"}
    early = lone_context(clock=ManualClock(_START + timedelta(minutes=30)), state=await _asked(config))
    with pytest.raises(Suspend) as caught:
        await run_lone(_STEP, config, early)
    assert caught.value.until == _START + timedelta(hours=1)


async def test_an_answer_counts_even_past_the_deadline() -> None:
    config: dict[str, Json] = {"message": "?", "timeout": "1h"}
    late = lone_context(
        clock=ManualClock(_START + timedelta(days=1)), state=await _asked(config), answer={"choice": "approve"}
    )
    assert (await run_lone(_STEP, config, late)).ports == ("approve",)


@pytest.mark.parametrize(
    ("config", "ports"),
    [
        ({}, ["approve", "reject"]),
        ({"choices": ["a", "b c"], "timeout": "1d"}, ["a", "b c", "timed_out"]),
        ({"form": {}}, ["out"]),
        ({"form": {}, "timeout": 5}, ["out", "timed_out"]),
        ({"choices": 7}, []),
    ],
)
def test_the_ports_follow_from_the_config(config: dict[str, Any], ports: list[str]) -> None:
    assert list(_STEP.ports(config)) == ports


@pytest.mark.parametrize(
    ("config", "path", "said"),
    [
        ({}, ("message",), "missing"),
        ({"message": "?", "choices": []}, ("choices",), "at least 1"),
        ({"message": "?", "choices": ["ok!"]}, ("choices", 0), "cannot name a port"),
        ({"message": "?", "choices": ["a", "a"]}, ("choices", 1), "already"),
        ({"message": "?", "choices": ["timed_out"]}, ("choices", 0), "already"),
        ({"message": "?", "choices": ["a"], "form": {}}, ("form",), "both choices and a form"),
        ({"message": "?", "form": {"type": "thing"}}, ("form",), "no JSON Schema"),
        ({"message": "?", "timeout": "later"}, ("timeout",), "'later'"),
    ],
)
def test_a_bad_config_is_a_problem(config: dict[str, Any], path: tuple[object, ...], said: str) -> None:
    problem = _STEP.check_config(config)[0]
    assert problem.path == path
    assert said in problem.message
