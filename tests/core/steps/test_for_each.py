"""The for_each loop runs a pass per item."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from core.engine.errors import ConfigError, EndRun, StepError, Suspended
from core.engine.step_type import Pass
from core.engine.testing import LoneHost, lone_context, run_lone, settle
from core.steps import discover
from core.steps.for_each import ForEachStep
from core.workflow.model import Json, Step, Workflow
from core.workflow.validate import validate

_STEP = ForEachStep()


def _double(index: int, names: Mapping[str, Json]) -> Mapping[str, Json]:
    item = names["item"]
    assert isinstance(item, int)
    return {"double": {"value": item * 2}}


def _failing_at(bad: int, error: Exception) -> Callable[[int, Mapping[str, Json]], Mapping[str, Json]]:
    def body(index: int, names: Mapping[str, Json]) -> Mapping[str, Json]:
        if index == bad:
            raise error
        return {}

    return body


class _HeldHost(LoneHost):
    """Passes that last until they are let go. running: how many are in progress. cut: how many were cancelled."""

    def __init__(self) -> None:
        super().__init__(body=lambda index, names: {})
        self.gates: dict[int, asyncio.Future[None]] = {}
        self.running = 0
        self.most = 0
        self.cut = 0

    async def run_body(self, index: int, names: Mapping[str, Json]) -> Pass:
        self.gates[index] = asyncio.get_running_loop().create_future()
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await self.gates[index]
        except asyncio.CancelledError:
            self.cut += 1
            raise
        finally:
            self.running -= 1
        return await super().run_body(index, names)

    async def let_go(self, index: int) -> None:
        self.gates[index].set_result(None)
        await settle()


async def _run(config: dict[str, Any], host: LoneHost) -> dict[str, Json]:
    return (await run_lone(_STEP, config, lone_context(host))).value


async def test_each_item_gives_a_result_in_the_order_of_the_items() -> None:
    done = await _run({"items": [1, 2, 3], "collect": "{{ double.value + index }}"}, LoneHost(body=_double))
    assert done == {"results": [2, 5, 8], "errors": [], "count": 3, "failed": 0}


async def test_results_keep_their_order_when_later_passes_end_first() -> None:
    host = _HeldHost()
    task = asyncio.create_task(_run({"items": ["a", "b"], "collect": "{{ item }}"}, host))
    await settle()
    await host.let_go(1)
    await host.let_go(0)
    assert (await task)["results"] == ["a", "b"]


@pytest.mark.parametrize(
    ("items", "results"),
    [("[1, 2]", [1, 2]), ({"a": 1}, [{"key": "a", "value": 1}]), ('{"a": 1}', [{"key": "a", "value": 1}]), ([], [])],
)
async def test_lists_objects_and_json_text_give_items(items: Json, results: Json) -> None:
    done = await _run({"items": items, "collect": "{{ item }}"}, LoneHost(body=lambda index, names: {}))
    assert done["results"] == results


async def test_without_collect_the_passes_are_only_counted() -> None:
    done = await _run({"items": [1, 2]}, LoneHost(body=_double))
    assert done == {"results": [], "errors": [], "count": 2, "failed": 0}


async def test_no_more_passes_run_at_once_than_allowed() -> None:
    host = _HeldHost()
    task = asyncio.create_task(_run({"items": list(range(5)), "concurrency": 2}, host))
    await settle()
    assert host.running == 2
    for index in range(5):
        await host.let_go(index)
    await task
    assert host.most == 2


async def test_many_items_do_not_start_a_task_each() -> None:
    host = _HeldHost()
    task = asyncio.create_task(_run({"items": list(range(100_000)), "concurrency": 3}, host))
    await settle()
    assert len(asyncio.all_tasks()) <= 5
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert host.cut == 3


async def test_a_failed_pass_stops_the_others_at_once() -> None:
    host = _HeldHost()
    task = asyncio.create_task(_run({"items": [1, 2, 3, 4], "concurrency": 3}, host))
    await settle()
    host.gates[1].set_exception(StepError("Broken.", kind="server"))
    with pytest.raises(StepError, match="Broken") as caught:
        await task
    assert caught.value.kind == "server"
    assert (host.cut, host.running) == (2, 0)
    assert 3 not in host.gates


async def test_a_failed_pass_is_left_out_when_skipping() -> None:
    host = LoneHost(body=_failing_at(1, StepError("Broken.")))
    done = await _run({"items": ["a", "b", "c"], "on_item_error": "skip", "collect": "{{ item }}"}, host)
    assert done == {"results": ["a", "c"], "errors": [], "count": 3, "failed": 1}


async def test_a_failed_pass_keeps_its_place_when_collecting() -> None:
    host = LoneHost(body=_failing_at(1, StepError("Broken.", kind="server")))
    done = await _run({"items": ["a", "b", "c"], "on_item_error": "collect", "collect": "{{ item }}"}, host)
    assert done["results"] == ["a", None, "c"]
    assert done["errors"] == [{"index": 1, "type": "server", "message": "Broken."}]
    assert done["failed"] == 1


async def test_a_pass_that_waits_lets_the_others_finish_before_the_loop_waits() -> None:
    host = LoneHost(body=_failing_at(0, Suspended()))
    with pytest.raises(Suspended):
        await _run({"items": [1, 2, 3], "concurrency": 1}, host)
    assert host.passes == [0, 1, 2]


async def test_a_step_inside_that_ends_the_run_ends_it_whatever_happens_on_errors() -> None:
    host = LoneHost(body=_failing_at(0, EndRun("completed")))
    with pytest.raises(EndRun):
        await _run({"items": [1, 2], "on_item_error": "skip"}, host)


async def test_more_items_than_allowed_are_an_error_of_kind_limit() -> None:
    host = LoneHost(body=_double)
    with pytest.raises(StepError, match="There are 3 items") as caught:
        await _run({"items": [1, 2, 3], "max_items": 2}, host)
    assert caught.value.kind == "limit"
    assert host.passes == []


@pytest.mark.parametrize(("items", "said"), [("a, b", "'a, b'"), (None, r"nothing \(null\)"), (7, "not int")])
async def test_what_is_no_list_fails_the_step_in_words(items: Json, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        await _run({"items": items}, LoneHost(body=_double))


def test_what_a_pass_gives_reads_the_steps_inside() -> None:
    scopes = {field.path[0]: field.scope for field in _STEP.template_fields({"items": "x", "collect": "y"})}
    assert scopes == {"items": "step", "collect": "body"}


@pytest.mark.parametrize(
    ("config", "path"),
    [({}, "items"), ({"items": [], "concurrency": 0}, "concurrency"),
     ({"items": [], "concurrency": 1001}, "concurrency"), ({"items": "a, b"}, "items"),
     ({"items": [], "on_item_error": "ignore"}, "on_item_error")],
)  # fmt: skip
def test_a_bad_config_is_a_problem(config: dict[str, Any], path: str) -> None:
    (problem,) = _STEP.check_config(config)
    assert problem.path == (path,)


def _document(spread: bool, value: str) -> Workflow:
    keep = Step("keep", "set", config={"variables": {"total": value}})
    inner = Step("each", "repeat", config={"max_passes": 2, "until": False}, body={"keep": keep})
    loop = Step("all", "for_each", config={"items": [1, 2], "spread": spread}, body={"each": inner})
    return Workflow("Sum", steps={"all": loop}, variables={"total": {"type": "integer", "default": 0}})


def test_a_spread_loop_whose_passes_add_to_a_variable_is_warned_of() -> None:
    adds = "{{ vars.total + item }}"
    (problem,) = validate(_document(True, adds), discover())
    assert (problem.code, problem.step, problem.severity) == ("spread_variable", "keep", "warning")
    assert "begins with the value from before the loop" in problem.message
    assert validate(_document(False, adds), discover()) == []
    assert validate(_document(True, "{{ item }}"), discover()) == []


@pytest.mark.parametrize(("kind", "output"), [("for_each", "results"), ("repeat", "result")])
def test_reading_what_a_loop_does_not_collect_is_warned_of(kind: str, output: str) -> None:
    config: dict[str, Json] = {"items": [1]} if kind == "for_each" else {"until": False}
    body = {"say": Step("say", "template", config={"text": "x"})}
    reader = Step("reader", "template", config={"text": f"{{{{ each.{output} }}}}"})

    def problems(**more: Json) -> list[tuple[str, str, str | None]]:
        loop = Step("each", kind, config={**config, **more}, body=body, then={"out": ("reader",)})
        found = validate(Workflow("W", steps={"each": loop, "reader": reader}), discover())
        return [(problem.severity, problem.code, problem.step) for problem in found]

    assert problems() == [("warning", "empty_output", "reader")]
    assert problems(collect="{{ say.text }}") == []
