"""The repeat loop runs until something is true."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from core.engine.errors import StepError, Suspended
from core.engine.testing import LoneHost, ManualClock, lone_context, run_lone, settle
from core.steps.repeat import RepeatStep
from core.workflow.model import Json

_STEP = RepeatStep()


def _counting() -> LoneHost:
    return LoneHost(body=lambda index, names: {"draft": {"score": index + 1, "text": f"draft {index + 1}"}})


async def _run(config: dict[str, Any], host: LoneHost | None = None) -> dict[str, Json]:
    return (await run_lone(_STEP, config, lone_context(host or _counting()))).value


async def test_the_loop_ends_when_until_is_true() -> None:
    done = await _run({"until": "{{ draft.score == 3 }}", "collect": "{{ draft.text }}"})
    assert done == {"passes": 3, "done": True, "result": "draft 3"}


async def test_the_loop_ends_when_the_rules_hold() -> None:
    rules = [{"value": "{{ draft.score }}", "operator": "at_least", "operand": "{{ index + 1 }}"},
             {"value": "{{ draft.text }}", "operator": "ends_with", "operand": "2"}]  # fmt: skip
    assert (await _run({"rules": rules}))["passes"] == 2


async def test_the_loop_ends_after_the_stated_number_of_passes() -> None:
    host = _counting()
    done = await _run({"until": False, "max_passes": 4, "collect": "{{ index }}"}, host)
    assert done == {"passes": 4, "done": False, "result": 3}
    assert host.passes == [0, 1, 2, 3]


async def test_a_loop_that_never_ends_by_itself_can_fail() -> None:
    with pytest.raises(StepError, match="After 2 passes") as caught:
        await _run({"until": "{{ draft.score > 9 }}", "max_passes": 2, "on_exhausted": "fail"})
    assert caught.value.kind == "limit"


@pytest.mark.parametrize(("word", "done"), [(" True\n", True), ("false", False), ("", False), ("{{ none }}", False)])
async def test_words_for_true_and_false_are_understood(word: str, done: bool) -> None:
    assert (await _run({"until": word, "max_passes": 1}))["done"] is done


async def test_an_end_condition_that_is_neither_true_nor_false_fails_the_step() -> None:
    with pytest.raises(StepError, match="gave '1'") as caught:
        await _run({"until": "{{ draft.score }}"})
    assert caught.value.kind == "validation"


async def test_the_delay_lies_between_two_passes() -> None:
    host, clock = _counting(), ManualClock()
    context = lone_context(host, clock=clock)
    task = asyncio.create_task(run_lone(_STEP, {"until": False, "max_passes": 2, "delay": "30s"}, context))
    await clock.advance(29.9)
    assert host.passes == [0]
    await clock.advance(0.2)
    await settle()
    assert host.passes == [0, 1]
    assert task.done()
    await task


async def test_the_delay_after_passes_of_an_earlier_process_is_not_waited_out_again() -> None:
    host, clock = _counting(), ManualClock()
    host.replayed = {0, 1}
    config: dict[str, Json] = {"until": False, "max_passes": 4, "delay": "30s"}
    task = asyncio.create_task(run_lone(_STEP, config, lone_context(host, clock=clock)))
    await settle()
    assert host.passes == [0, 1, 2]
    await clock.advance(30)
    assert host.passes == [0, 1, 2, 3]
    await task


async def test_a_pass_that_waits_makes_the_loop_wait() -> None:
    def body(index: int, names: object) -> dict[str, Json]:
        raise Suspended

    with pytest.raises(Suspended):
        await _run({"until": False}, LoneHost(body=body))


def test_the_end_condition_reads_the_steps_inside() -> None:
    config: dict[str, Json] = {"until": "a", "rules": [{"value": "b", "operator": "exists"}], "collect": "c"}
    assert {field.scope for field in _STEP.template_fields(config)} == {"body"}


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ({}, ("until",)),
        ({"until": True, "rules": [{"operator": "exists"}]}, ("until",)),
        ({"until": True, "max_passes": 0}, ("max_passes",)),
        ({"until": True, "delay": "soon"}, ("delay",)),
        ({"until": True, "delay": "2h"}, ("delay",)),
        ({"rules": [{"operator": "equals"}]}, ("rules", 0, "operand")),
    ],
)
def test_a_bad_config_is_a_problem(config: dict[str, Any], path: tuple[object, ...]) -> None:
    assert _STEP.check_config(config)[0].path == path
