"""What another process makes of a run whose process was killed: at every single event, and after each answer."""

from __future__ import annotations

from typing import Any

import pytest

from core.engine.engine import Run
from core.engine.errors import EngineError
from core.engine.events import StepCompleted, StepStarted
from core.engine.lifecycle import RunResult
from core.engine.memory_journal import MemoryJournal
from core.engine.testing import settle
from core.workflow.model import Json, Retry, Step, Workflow
from tests.support.engine_journal import DyingJournal, Killed, WatchedJournal
from tests.support.engine_rig import Rig, step, workflow

pytestmark = pytest.mark.usefixtures("no_task_left")

INNER = workflow(
    step("look", config={"effect": "reads", "value": "{{ input.n + 1 }}"}, then="pay"),
    step("pay", config={"effect": "spends", "value": "{{ look.value * 10 }}", "tokens": 3}),
    name="Inner",
    outputs={"n": "{{ pay.value }}"},
)


def mixed_workflow() -> Workflow:
    """Every effect, a loop, a workflow inside, a choice, a retry, handled failures, variables and a join of any."""
    body = [
        step("draft", config={"effect": "spends", "value": "{{ item }}-{{ index }}", "tokens": 2}, then="file"),
        step(
            "file", idempotency_key="{{ run.id }}-{{ index }}",
            config={"effect": "writes", "value": "{{ draft.value }}", "variables": {"last": "{{ draft.value }}"}},
        ),
    ]  # fmt: skip
    return workflow(
        step("start", config={"value": 1, "variables": {"seen": "start"}}, then=["post", "all", "odd", "call"]),
        step("post", config={"effect": "writes", "value": "posted", "yields": 2}, then="join"),
        step("all", "many", config={"items": ["x", "y"], "collect": "{{ file.value }}"}, body=body, then="join"),
        step("odd", config={"fails": 1, "effect": "reads"}, retry=Retry(attempts=3, wait=1), then="which"),
        step("which", "choose", config={"value": True}, then={"true": "right", "false": "wrong"}),
        step("right", config={"fails": -1}, on_error="branch", then={"error": "rescue"}),
        step("wrong", then="join"),
        step("rescue", config={"value": "{{ right.error.message }}"}, then="join"),
        step("call", "workflow", config={"name": "Inner", "inputs": {"n": 1}}, then="join"),
        step(
            "join", config={"value": "{{ post.value }} {{ vars.last }} {{ vars.seen }}", "effect": "spends"}, then="end"
        ),
        step("end", config={"effect": "writes", "value": "{{ join.value }}"}, idempotency_key="end", then="first"),
        step("first", join="any"),
        variables={"seen": "", "last": ""},
        outputs={
            "join": "{{ end.value }}",
            "all": "{{ all.results }}",
            "rescue": "{{ rescue.value }}",
            "call": "{{ call.n }}",
            "wrong": "{{ wrong.value or 'skipped' }}",
        },
    )


WRITES_WITHOUT_KEY = {"post"}


async def outcome(run: Run, rig: Rig) -> RunResult:
    """The run's result, with as much time as it wants."""
    await settle()
    while not run.done:
        await rig.clock.advance(1)
    return await run.result()


async def undisturbed() -> tuple[RunResult, int]:
    journal = WatchedJournal(MemoryJournal())
    rig = Rig(INNER, journal=journal)
    result = await outcome(rig.engine.start(mixed_workflow()), rig)
    return result, sum(1 for entry in journal.log if not isinstance(entry, str))


async def killed_after(events: int, document: Workflow, *, written_behind: bool) -> tuple[MemoryJournal, Rig]:
    """What is left of a run that was killed, and the rig it ran on."""
    journal = DyingJournal(MemoryJournal(), events, written_behind=written_behind)
    rig = Rig(INNER, journal=journal)
    with pytest.raises((EngineError, Killed)):
        await outcome(rig.engine.start(document), rig)
    assert journal.left is not None
    return journal.left, rig


@pytest.mark.parametrize("written_behind", [False, True], ids=["only what was waited for", "all that was put"])
async def test_a_run_killed_at_any_event_ends_as_if_it_had_not_been(written_behind: bool) -> None:
    expected, events = await undisturbed()
    assert expected.status == "completed"
    assert events > 35
    for cut in range(events):
        left, before = await killed_after(cut, mixed_workflow(), written_behind=written_behind)
        await check_resumption(left, before, expected, cut)


async def check_resumption(left: MemoryJournal, before: Rig, expected: RunResult, cut: int) -> None:
    newest = {record.path: record for record in await left.steps("run-1")}
    completed = {path for path, record in newest.items() if record.status == "completed"}
    interrupted = {path for path, record in newest.items() if record.status == "started"}
    rig = Rig(INNER, journal=left)
    result = await outcome(await rig.engine.resume("run-1"), rig)

    asked = interrupted & WRITES_WITHOUT_KEY
    assert set(result.waiting) == asked, cut
    assert not asked & set(rig.stage.paths), cut
    for path in asked:
        await left.answer("run-1", path, {"choice": "run_again"})
    if asked:
        assert result.status == "suspended", cut
        result = await outcome(await rig.engine.resume("run-1"), rig)

    assert result.status == "completed", cut
    assert result.outputs == expected.outputs, cut
    assert not completed & set(rig.stage.paths), cut
    containers = {"all", "call"}
    assert interrupted - containers <= set(rig.stage.paths) | {"which"}, cut
    assert all(times == 1 for path, times in rig.stage.times.items() if path != "odd"), cut
    keys = dict(before.stage.keys) | {"end": "end"}
    assert all(keys.get(path, key) == key for path, key in rig.stage.keys), cut
    assert "started" not in {record.status for record in await left.steps("run-1")}, cut


async def test_nothing_that_ran_with_lasting_effect_is_forgotten_by_a_kill() -> None:
    _, events = await undisturbed()
    for cut in range(events):
        left, before = await killed_after(cut, mixed_workflow(), written_behind=False)
        known = {(record.path, record.attempt) for record in await left.steps("run-1")}
        lasting = {"post", "end", "join", "call/pay"} | {f"all[{n}]/{s}" for n in (0, 1) for s in ("draft", "file")}
        assert {entry for entry in before.stage.ran if entry[0] in lasting} <= known, cut


async def test_a_kill_during_the_resumption_loses_nothing_either() -> None:
    expected, events = await undisturbed()
    for cut in range(5, events, 4):
        left, _ = await killed_after(cut, mixed_workflow(), written_behind=False)
        for second in range(1, events, 7):
            journal = DyingJournal(left.survivor(), second, written_behind=True)
            rig = Rig(INNER, journal=journal)
            try:
                await outcome(await rig.engine.resume("run-1"), rig)
            except (EngineError, Killed):
                assert journal.left is not None
            last = Rig(INNER, journal=journal.left or journal.inner)
            record = await last.journal.run("run-1")
            if record.status == "completed":
                continue
            result = await outcome(await last.engine.resume("run-1"), last)
            while result.status == "suspended":
                for path in result.waiting:
                    await last.journal.answer("run-1", path, {"choice": "run_again"})
                result = await outcome(await last.engine.resume("run-1"), last)
            assert result.outputs == expected.outputs, (cut, second)


# -- a step that changes the world, interrupted ------------------------------------------------------------------------


async def interrupted(*steps: Step) -> Rig:
    """A rig that finds a run whose step `post` was interrupted."""
    document = workflow(*steps, outputs={"post": "{{ post.value }}", "error": "{{ post.error.type }}"})
    first = Rig()
    run = await first.begin(document)
    assert first.stage.running == {"post"}
    assert isinstance(first.journal, MemoryJournal)
    left = first.journal.survivor()
    run.cancel()
    await run.result()
    return Rig(journal=left)


def post(**more: Any) -> Step:
    return step("post", config={"effect": "writes", "gate": True, "value": "v"}, then="after", title="Post it", **more)


async def test_an_interrupted_write_without_a_key_asks_what_to_do() -> None:
    rig = await interrupted(post(), step("after"))
    result = await rig.resume()

    assert (result.status, result.waiting) == ("suspended", ("post",))
    assert rig.stage.ran == []
    record = (await rig.journal.steps("run-1"))[-1]
    assert (record.status, record.attempt) == ("suspended", 1)
    assert record.question is not None
    assert record.question.choices == ("run_again", "treat_as_done", "fail")
    assert "“Post it” was interrupted" in record.question.message
    assert (await rig.resume()).waiting == ("post",)


async def test_the_answer_to_run_it_again_runs_it_again() -> None:
    rig = await interrupted(post(), step("after"))
    await rig.resume()
    await rig.journal.answer("run-1", "post", {"choice": "run_again"})
    rig.stage.gate("post").set()
    result = await rig.resume()

    assert result.outputs == {"post": "v", "error": None}
    assert rig.stage.ran == [("post", 2), ("after", 1)]


async def test_the_answer_to_treat_it_as_done_goes_on_without_running_it() -> None:
    rig = await interrupted(post(), step("after"))
    await rig.resume()
    await rig.clock.advance(1000)
    await rig.journal.answer("run-1", "post", {"choice": "treat_as_done", "output": {"value": "by hand"}})
    result = await rig.resume()

    assert result.outputs == {"post": "by hand", "error": None}
    assert rig.stage.paths == ["after"]
    assert rig.events.index(rig.told(StepStarted, "post")[0]) < rig.events.index(rig.told(StepCompleted, "post")[0])
    record = [r for r in await rig.journal.steps("run-1") if r.path == "post"][-1]
    assert (record.attempt, record.status, record.type, record.cause) == (2, "completed", "work", "answered")
    assert record.duration_s == 0


@pytest.mark.parametrize("on_error", ["stop", "branch"])
async def test_the_answer_to_let_it_fail_fails_it_as_its_on_error_says(on_error: str) -> None:
    rig = await interrupted(post(on_error=on_error), step("after"))
    await rig.resume()
    await rig.journal.answer("run-1", "post", {"choice": "fail"})
    result = await rig.resume()

    assert rig.stage.ran == []
    if on_error == "branch":
        assert result.outputs == {"post": None, "error": "interrupted"}
    else:
        assert result.error is not None
        assert (result.error.type, result.error_path) == ("interrupted", "post")


@pytest.mark.parametrize("answer", [{}, {"choice": "maybe"}, {"choice": None}])
async def test_an_answer_that_is_none_of_these_repeats_nothing_and_asks_again(answer: dict[str, Json]) -> None:
    rig = await interrupted(post(), step("after"))
    await rig.resume()
    await rig.journal.answer("run-1", "post", answer)
    result = await rig.resume()

    assert (result.status, result.waiting) == ("suspended", ("post",))
    assert rig.stage.ran == []
    await rig.journal.answer("run-1", "post", {"choice": "treat_as_done"})
    assert (await rig.resume()).status == "completed"


async def test_an_interrupted_write_with_a_key_runs_again_with_the_same_key() -> None:
    first = await interrupted(post(idempotency_key="{{ run.id }}/{{ 1 + 1 }}"), step("after"))
    first.stage.gate("post").set()
    result = await first.resume()

    assert result.status == "completed"
    assert first.stage.keys[0] == ("post", "run-1/2")


@pytest.mark.parametrize("effect", ["pure", "reads", "spends"])
async def test_any_other_interrupted_step_runs_again_unasked(effect: str) -> None:
    rig = await interrupted(step("post", config={"effect": effect, "gate": True, "value": "v"}))
    rig.stage.gate("post").set()

    assert (await rig.resume()).outputs == {"post": "v", "error": None}


async def test_an_answer_given_before_a_write_was_interrupted_is_still_there_when_it_runs_again() -> None:
    first = Rig()
    document = workflow(
        step("post", "ask", config={"effect": "writes", "gate": True}), outputs={"choice": "{{ post.choice }}"}
    )
    await first.run(document)
    await first.journal.answer("run-1", "post", {"choice": "yes"})
    run = await first.engine.resume("run-1")
    await settle()
    assert isinstance(first.journal, MemoryJournal)
    rig = Rig(journal=first.journal.survivor())
    run.cancel()
    await run.result()

    assert (await rig.resume()).waiting == ("post",)
    await rig.journal.answer("run-1", "post", {"choice": "run_again"})
    rig.stage.gate("post").set()
    assert (await rig.resume()).outputs == {"choice": "yes"}


async def test_a_run_killed_after_its_end_step_ends_the_same_way() -> None:
    document = workflow(
        step("stop", "end", config={"outputs": {"early": 1}}, then="sync"), step("slow", config={"gate": True}),
        step("sync"), outputs={"early": 0},
    )  # fmt: skip
    journal = WatchedJournal(MemoryJournal())
    first = Rig(journal=journal)
    await first.run(document)
    events = sum(1 for entry in journal.log if not isinstance(entry, str))
    for cut in range(events):
        left, _ = await killed_after(cut, document, written_behind=True)
        rig = Rig(journal=left)
        result = await rig.resume()
        assert (result.status, result.outputs) == ("completed", {"early": 1}), cut
