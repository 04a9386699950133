"""Loops and workflows that workers share, with one worker in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.engine.errors import JournalUnavailable
from core.engine.events import Usage
from core.engine.spread import Order, Spot
from core.service.spread import QueuedSpread
from core.workflow.document import loads
from core.workflow.model import Json
from core.workspace import Workspace
from tests.support.engine_steps import Stage
from tests.support.office import at_work, staged_workspace, stands, until

SHOUT = """\
steploom: 1
name: Shout
inputs: {words: {type: array}}
variables: {last: {type: string, default: none}}
steps:
  pick:
    type: condition
    config: {value: 1, operator: equals, operand: 1}
    then: {true: mark, false: other}
  mark:
    type: template
    config: {text: '!'}
    then: all
  other:
    type: template
    config: {text: '?'}
    then: all
  all:
    type: for_each
    config:
      items: '{{ input.words }}'
      spread: true
      concurrency: 2
      collect: '{{ loud.text }}'
    body:
      loud:
        type: template
        config: {text: '{{ item | upper }}{{ mark.text }}{{ index }}{{ other.text or input.words | length }}'}
        then: keep
      keep:
        type: set
        config: {variables: {last: '{{ vars.last }} {{ loud.text }}'}}
outputs: {words: '{{ all.results }}', last: '{{ vars.last }}', run: '{{ run.id }}'}
"""

WORK = """\
steploom: 1
name: Work
inputs: {{items: {{type: array}}}}
steps:
  all:
    type: for_each
    {more}
    config:
      items: '{{{{ input.items }}}}'
      spread: true
      concurrency: {concurrency}
      on_item_error: {on_item_error}
      collect: '{{{{ do.value }}}}'
    body:
      do:
        type: {kind}
        config: {config}
outputs: {{results: '{{{{ all.results }}}}', errors: '{{{{ all.errors }}}}', failed: '{{{{ all.failed }}}}'}}
"""


def work(
    config: str = "{value: '{{ item }}'}", *, on_item_error: str = "stop", concurrency: int = 8, kind: str = "work",
    more: str = "",
) -> str:  # fmt: skip
    """A spread loop of one step. config: of that step. more: fields of the loop."""
    return WORK.format(
        config=config, on_item_error=on_item_error, concurrency=concurrency, kind=kind, more=more or "title: All"
    )


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
async def idle(database_url: str, tmp_path: Path, stage: Stage) -> AsyncIterator[Workspace]:
    """A workspace with the steps of tests, and nobody who executes its runs."""
    async with staged_workspace(database_url, tmp_path / "home", stage) as opened:
        yield opened


@pytest.fixture
async def office(idle: Workspace) -> AsyncIterator[Workspace]:
    """A workspace whose runs a worker executes, one at a time."""
    async with at_work(idle, 1):
        yield idle


@pytest.fixture
async def busy(idle: Workspace) -> AsyncIterator[Workspace]:
    """A workspace whose runs a worker executes, many at a time."""
    async with at_work(idle, 20):
        yield idle


async def asked(office: Workspace, text: str, items: list[Json]) -> str:
    return await office.queue.enqueue(loads(text), {"items": items})


async def passes(office: Workspace, run_id: str) -> list[tuple[str, str]]:
    """Ids and statuses of the runs that a run's steps have asked for, in order."""
    assert office.store is not None
    from sqlalchemy import text

    query = text(
        "SELECT e.id, e.status FROM spread_runs JOIN executions AS e ON e.id = run_id WHERE parent_id = :id "
        "ORDER BY path, round, number"
    )

    async def look(connection: object) -> list[tuple[str, str]]:
        rows = await connection.execute(query, {"id": run_id})  # type: ignore[attr-defined]
        return [(row.id, row.status) for row in rows]

    return await office.store.database.run(look)


async def test_each_item_is_a_run_of_its_own_that_reads_what_is_around_the_loop(office: Workspace) -> None:
    run_id = await office.queue.enqueue(loads(SHOUT), {"words": ["a", "b", "c", "d", "e"]})
    run = await stands(office, run_id)
    assert run.error is None
    words = ["A!05", "B!15", "C!25", "D!35", "E!45"]
    assert run.outputs == {"words": words, "last": "none E!45", "run": run_id}
    assert [status for _, status in await passes(office, run_id)] == ["completed"] * 5
    paths = [step.path for step in await office.steps(run_id) if step.status == "completed"]
    assert paths[:4] == ["pick", "mark", "all[0]/loud", "all[0]/keep"]
    assert [run.id for run in await office.runs()] == [run_id]


async def test_passes_are_counted_as_what_they_are_and_not_as_runs_of_the_workflow(office: Workspace) -> None:
    metrics = office.watch.metrics
    run_id = await office.queue.enqueue(loads(SHOUT), {"words": ["a", "b", "c"]})
    assert (await stands(office, run_id)).status == "completed"
    told = metrics.text().decode().splitlines()
    assert [line for line in told if line.startswith(("workflow_executions_total", "workflow_spread_runs_total"))] == [
        'workflow_executions_total{status="suspended",workflow="Shout"} 1.0',
        'workflow_executions_total{status="completed",workflow="Shout"} 1.0',
        'workflow_spread_runs_total{status="completed",workflow="Shout"} 3.0',
    ]
    assert 'workflow_execution_duration_seconds_count{workflow="Shout"} 1.0' in told


async def test_a_run_that_no_worker_executes_makes_its_passes_itself(idle: Workspace) -> None:
    result = await idle.run(loads(SHOUT), {"words": ["a", "b"]})
    assert result.status == "completed"
    assert (result.outputs or {})["words"] == ["A!02", "B!12"]
    assert await passes(idle, result.run_id) == []


async def test_without_a_database_a_spread_loop_runs_where_it_is(tmp_path: Path) -> None:
    async with Workspace.open(tmp_path / "home", memory_only=True) as opened:
        run_id = await opened.queue.enqueue(loads(SHOUT), {"words": ["a"]})
        assert ((await stands(opened, run_id)).outputs or {})["words"] == ["A!01"]


async def test_at_most_so_many_passes_run_at_the_same_time(busy: Workspace, stage: Stage) -> None:
    run_id = await asked(busy, work("{value: '{{ item }}', gate: true}", concurrency=3), list(range(8)))
    opened: set[str] = set()

    async def as_many_as_may() -> bool:
        return len(stage.running - opened) == min(3, 8 - len(opened))

    while len(opened) < 8:
        await until(as_many_as_may)
        first = min(stage.running - opened)
        opened.add(first)
        stage.gate(first).set()
    run = await stands(busy, run_id)
    assert (run.outputs or {})["results"] == list(range(8))
    assert stage.most == 3


async def test_a_loop_without_items_needs_no_runs(office: Workspace) -> None:
    run_id = await asked(office, work(), [])
    assert (await stands(office, run_id)).outputs == {"results": [], "errors": [], "failed": 0}


FAILING = "{value: '{{ item }}', fails: '{{ -1 if item == 2 else 0 }}', retryable: false, tokens: 1000}"


@pytest.mark.parametrize(("mode", "results"), [("skip", [0, 1, 3]), ("collect", [0, 1, None, 3])])
async def test_a_pass_that_fails_is_left_out_or_noted(busy: Workspace, mode: str, results: list[Json]) -> None:
    run = await stands(busy, await asked(busy, work(FAILING, on_item_error=mode), [0, 1, 2, 3]))
    errors = [{"index": 2, "type": "failed", "message": "It broke."}] if mode == "collect" else []
    assert run.outputs == {"results": results, "errors": errors, "failed": 1}
    assert run.usage == Usage(4000, 0, 4.0)


async def test_the_first_failure_stops_the_loop_and_the_other_passes(busy: Workspace, stage: Stage) -> None:
    config = FAILING[:-1] + ", gate: '{{ item != 2 }}'}"
    run_id = await asked(busy, work(config, concurrency=3), list(range(6)))
    run = await stands(busy, run_id)
    assert run.error is not None
    assert (run.status, run.error.message, run.error_path) == ("failed", "It broke.", "all[2]/do")

    async def all_stopped() -> bool:
        return [status for _, status in await passes(busy, run_id)] == ["cancelled"] * 2 + ["failed"] + [
            "cancelled"
        ] * 3

    await until(all_stopped)
    assert sorted(stage.times) == ["all[0]/do", "all[1]/do", "all[2]/do"]


async def test_a_failed_run_that_is_resumed_repeats_no_pass_that_was_completed(busy: Workspace, stage: Stage) -> None:
    once = "{value: '{{ item }}', fails: '{{ 1 if item == 2 else 0 }}', retryable: false, tokens: 1000}"
    run_id = await asked(busy, work(once, concurrency=1), list(range(4)))
    assert (await stands(busy, run_id)).status == "failed"
    result = await (await busy.resume(run_id)).result()
    assert (result.status, result.waiting) == ("suspended", ("all",))
    run = await stands(busy, run_id)
    assert (run.outputs or {})["results"] == [0, 1, 2, 3]
    assert dict(stage.times) == {"all[0]/do": 1, "all[1]/do": 1, "all[2]/do": 2, "all[3]/do": 1}
    assert run.usage == Usage(5000, 0, 5.0)


async def test_a_pass_that_was_removed_is_made_again_when_its_run_is_resumed(busy: Workspace, stage: Stage) -> None:
    once = "{value: '{{ item }}', fails: '{{ 1 if item == 1 else 0 }}', retryable: false}"
    run_id = await asked(busy, work(once, concurrency=1), [0, 1, 2])
    assert (await stands(busy, run_id)).status == "failed"
    await busy.delete_run((await passes(busy, run_id))[2][0])
    assert len(await passes(busy, run_id)) == 2
    await (await busy.resume(run_id)).result()
    assert ((await stands(busy, run_id)).outputs or {})["results"] == [0, 1, 2]
    assert stage.times["all[0]/do"] == 1


async def test_passes_that_were_asked_for_just_before_a_crash_are_made_once(
    idle: Workspace, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = QueuedSpread.begin
    begun: list[Spot] = []

    async def cut_off(self: QueuedSpread, spot: Spot, order: Order) -> None:
        await begin(self, spot, order)
        begun.append(spot)
        if len(begun) == 1:
            raise JournalUnavailable("The database is away.")

    monkeypatch.setattr(QueuedSpread, "begin", cut_off)
    async with at_work(idle):
        run_id = await asked(idle, work(), ["a", "b", "c"])
        run = await stands(idle, run_id)
    assert (run.outputs or {})["results"] == ["a", "b", "c"]
    assert [status for _, status in await passes(idle, run_id)] == ["completed"] * 3
    assert set(stage.times.values()) == {1}
    assert {spot.round for spot in begun} == {1}


async def test_cancelling_a_run_reaches_its_passes_wherever_they_are_without_anybody_looking_for_it(
    idle: Workspace, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.service.worker_notices.LOOK_EVERY_S", 3600.0)
    run_id = await asked(idle, work("{gate: true}", concurrency=2), list(range(5)))

    async def all_at_work() -> bool:
        return len(stage.running) == 2 and (await idle.journal.run(run_id)).status == "suspended"

    async def all_cancelled() -> bool:
        return {status for _, status in await passes(idle, run_id)} == {"cancelled"}

    async with at_work(idle, 20):
        await until(all_at_work)
        await idle.queue.cancel(run_id)
        await until(all_cancelled)
    assert (await idle.journal.run(run_id)).status == "cancelled"
    assert len(stage.times) == 2


async def test_a_pass_that_a_person_cancels_fails_alone(busy: Workspace, stage: Stage) -> None:
    run_id = await asked(
        busy, work("{value: '{{ item }}', gate: '{{ index == 1 }}'}", on_item_error="collect"), [7, 8, 9]
    )

    async def held() -> bool:
        return "all[1]/do" in stage.running and (await busy.journal.run(run_id)).status == "suspended"

    await until(held)
    (_, (second, _), _) = await passes(busy, run_id)
    await busy.queue.cancel(second)
    run = await stands(busy, run_id)
    assert run.outputs is not None
    assert run.outputs["results"] == [7, None, 9]
    assert "cancelled" in str(run.outputs["errors"])


async def test_a_question_in_a_pass_is_told_and_answered_with_the_run(office: Workspace) -> None:
    run_id = await asked(office, work("{message: 'Send {{ item }}?'}", kind="approval"), ["it"])
    await stands(office, run_id, "suspended")

    async def asks() -> bool:
        return any(step.question for step in await office.steps(run_id))

    await until(asks)
    (asking,) = [step for step in await office.steps(run_id) if step.question]
    assert asking.question is not None
    assert (asking.path, asking.question.message) == ("all[0]/do", "Send it?")
    await office.journal.answer(run_id, "all[0]/do", {"choice": "approve"})
    assert await office.queue.wake(run_id)
    assert (await stands(office, run_id)).status == "completed"


async def test_a_loop_that_takes_too_long_fails_and_its_passes_are_cancelled(busy: Workspace) -> None:
    run_id = await asked(busy, work("{gate: true}", more="timeout: 1.0"), [1, 2])
    run = await stands(busy, run_id)
    assert run.error is not None
    assert (run.status, run.error.type, run.error_path) == ("failed", "timeout", "all")

    async def all_cancelled() -> bool:
        return {status for _, status in await passes(busy, run_id)} == {"cancelled"}

    await until(all_cancelled)


async def test_a_loop_that_is_tried_again_makes_its_passes_anew(busy: Workspace, stage: Stage) -> None:
    text = work("{gate: '{{ index == 0 }}'}", more="timeout: 1.0\n    retry: {attempts: 2, wait: 0.01}")
    run_id = await asked(busy, text, [1, 2])

    async def again() -> bool:
        return stage.times["all[0]/do"] == 2

    await until(again)
    stage.gate("all[0]/do").set()
    assert (await stands(busy, run_id)).status == "completed"
    assert [status for _, status in await passes(busy, run_id)] == ["cancelled", *["completed"] * 3]


async def test_a_pass_can_end_the_whole_run(busy: Workspace) -> None:
    text = work("{status: completed, message: enough, outputs: {results: '{{ item }}'}}", kind="end")
    run = await stands(busy, await asked(busy, text, ["only"]))
    assert (run.status, run.outputs) == ("completed", {"results": "only"})


NESTED = """\
steploom: 1
name: Nested
steps:
  rows:
    type: for_each
    config: {items: [[1, 2], [3]], spread: true, collect: '{{ cells.results }}'}
    body:
      cells:
        type: for_each
        config: {items: '{{ item }}', spread: true, collect: '{{ double.value }}'}
        body:
          double:
            type: work
            config: {value: '{{ item * 2 }}', tokens: 1000}
outputs: {rows: '{{ rows.results }}'}
"""


@pytest.mark.parametrize("outer", ["true", "false"])
async def test_loops_inside_loops_are_spread_too_and_cost_once(office: Workspace, outer: str) -> None:
    assert office.store is not None
    text = NESTED.replace("spread: true", f"spread: {outer}", 1)
    run = await stands(office, await office.queue.enqueue(loads(text), {}))
    assert (run.outputs, run.usage) == ({"rows": [[2, 4], [6]]}, Usage(3000, 0, 3.0))
    since = datetime.now(UTC) - timedelta(hours=1)
    assert await office.store.spending.since(since) == pytest.approx(3.0)
    assert await office.store.spending.of_workflow("Nested", since) == pytest.approx(3.0)
    paths = {step.path for step in await office.steps(run.id) if step.type == "work"}
    assert paths == {"rows[0]/cells[0]/double", "rows[0]/cells[1]/double", "rows[1]/cells[0]/double"}

    await office.delete_run(run.id)
    assert await office.runs() == []
    assert await passes(office, run.id) == []


OUTER = """\
steploom: 1
name: Outer
inputs: {n: {type: integer}}
steps:
  left:
    type: workflow
    config: {workflow: Inner, inputs: {n: '{{ input.n }}'}, spread: true}
  right:
    type: workflow
    config: {workflow: Inner, inputs: {n: '{{ input.n + 1 }}'}, spread: true}
    on_error: branch
    then: {error: note}
  note:
    type: template
    config: {text: '{{ right.error.message }}'}
outputs: {left: '{{ left.twice }}', right: '{{ right.twice or note.text }}'}
"""

INNER = """\
steploom: 1
name: Inner
inputs: {n: {type: integer}}
steps:
  double:
    type: work
    config: {value: '{{ input.n * 2 }}', fails: '{{ -1 if input.n > 5 else 0 }}', retryable: false, tokens: 500}
outputs: {twice: '{{ double.value }}'}
"""


async def test_a_workflow_that_is_spread_is_a_run_of_its_own(office: Workspace) -> None:
    assert office.store is not None
    await office.store.workflows.save(loads(INNER), 0)
    run_id = await office.queue.enqueue(loads(OUTER), {"n": 3})
    run = await stands(office, run_id)
    assert (run.status, run.outputs, run.usage) == ("completed", {"left": 6, "right": 8}, Usage(1000, 0, 1.0))
    made = [await office.journal.run(each) for each, _ in await passes(office, run_id)]
    assert [(each.workflow.name, each.inputs) for each in made] == [("Inner", {"n": 3}), ("Inner", {"n": 4})]
    paths = {step.path for step in await office.steps(run_id) if step.type == "work"}
    assert paths == {"left/double", "right/double"}


async def test_a_failure_in_a_spread_workflow_is_that_of_its_step(office: Workspace) -> None:
    assert office.store is not None
    await office.store.workflows.save(loads(INNER), 0)
    handled = await stands(office, await office.queue.enqueue(loads(OUTER), {"n": 5}))
    assert (handled.status, handled.outputs) == ("completed", {"left": 10, "right": "It broke."})
    failed = await stands(office, await office.queue.enqueue(loads(OUTER), {"n": 6}))
    assert (failed.status, failed.error_path) == ("failed", "left/double")


async def test_inputs_that_do_not_fit_a_spread_workflow_fail_its_step_at_once(office: Workspace) -> None:
    assert office.store is not None
    await office.store.workflows.save(loads(INNER), 0)
    run_id = await office.queue.enqueue(loads(OUTER.replace("'{{ input.n }}'", "many")), {"n": 1})
    run = await stands(office, run_id)
    assert run.error is not None
    assert (run.status, run.error.type, run.error_path) == ("failed", "validation", "left")


WITHOUT_END = """\
steploom: 1
name: Without end
steps:
  again:
    type: workflow
    config: {workflow: Without end, spread: true}
"""


async def test_a_workflow_that_spreads_itself_without_an_end_is_stopped(office: Workspace) -> None:
    assert office.store is not None
    await office.store.workflows.save(loads(WITHOUT_END), 0)
    run = await stands(office, await office.queue.enqueue(loads(WITHOUT_END), {}))
    assert run.error is not None
    assert (run.status, run.error.type) == ("failed", "limit")
