"""What a run looks like on the canvas: passes of loops, what is marked, results that were not made anew."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from core.engine.events import StepCompleted
from core.engine.journal import RunRecord, StepRecord
from core.engine.testing import ManualClock
from desktop.overlay import RunOverlay, StepMark, loops_of
from desktop.watched_run import WatchedRun
from tests.support.engine_rig import Rig, step, workflow

LOOP = workflow(
    step("all", "many", config={"items": [1, 2, 3]}, body=[
        step("x", config={"fails": 0}, then="inner"),
        step("inner", "many", config={"items": [1, 2]}, body=[step("y")]),
        step("n", "note"),
    ]),
)  # fmt: skip


async def test_a_loop_counts_its_passes_as_they_end_and_not_its_steps() -> None:
    rig, overlay, seen = Rig(), RunOverlay(loops_of(LOOP)), list[tuple[int, int]]()

    def heard(event: object) -> None:
        overlay(event)  # type: ignore[arg-type] # an Event
        if type(event) is StepCompleted and event.path == "all":
            seen.append((overlay.by_id["all"].passes, overlay.by_id["inner"].passes))

    rig.engine.listeners.append(heard)
    await rig.run(LOOP)

    assert seen == [(3, 6)]
    assert overlay.by_path["all[1]/inner"].passes == 2
    assert (overlay.by_id["all"].passes_failed, overlay.by_id["x"].done) == (0, 3)


async def test_passes_that_failed_are_counted_apart_and_known_again_from_the_records() -> None:
    document = workflow(
        step("all", "many", config={"items": [1, 2]}, body=[
            step("x", config={"fails": "{{ -1 if item == 1 else 0 }}", "retryable": False, "yields": "{{ item }}"}),
        ]),
    )  # fmt: skip
    rig, overlay = Rig(), RunOverlay(loops_of(document))
    rig.engine.listeners.append(overlay)
    await rig.run(document)
    assert overlay.by_id["all"].passes_failed == 1

    past = RunOverlay(loops_of(document))
    past.load(await rig.journal.steps("run-1"), running=False)
    assert (past.by_id["all"].passes, past.by_id["all"].passes_failed) == (overlay.by_id["all"].passes, 1)


def test_only_what_is_marked_otherwise_is_painted_anew() -> None:
    overlay = RunOverlay()
    assert overlay.mark({"a": StepMark(pinned=True), "b": StepMark(stale="Old.")})
    assert overlay.take_dirty() == {"a", "b"}
    assert overlay.mark({"a": StepMark(pinned=True)})
    assert overlay.take_dirty() == {"b"}
    assert not overlay.mark({"a": StepMark(pinned=True)})


async def test_what_went_out_of_each_port_is_counted_over_all_passes_and_known_again_from_the_records() -> None:
    rig, overlay = Rig(), RunOverlay(loops_of(LOOP))
    rig.engine.listeners.append(overlay)
    await rig.run(LOOP)
    assert {i: overlay.by_id[i].sent for i in ("all", "x", "y")} == {
        "all": {"out": 1},
        "x": {"out": 3},
        "y": {"out": 6},
    }

    past = RunOverlay(loops_of(LOOP))
    past.load(await rig.journal.steps("run-1"), running=False)
    assert {i: view.sent for i, view in past.by_id.items()} == {i: view.sent for i, view in overlay.by_id.items()}


def test_a_run_that_waits_for_passes_on_workers_shows_which_are_at_work_and_since_when() -> None:
    document = workflow(step("all", "many", config={"items": [1, 2, 3]}, body=[step("x")]))
    clock = ManualClock()
    began = clock.now() - timedelta(seconds=40)

    def record(path: str, status: Any, **more: Any) -> StepRecord:
        return StepRecord("r", path, path.rpartition("/")[2], 1, status, **{"started": began, **more})

    steps = [
        record("all", "suspended", inputs={"items": [1, 2, 3]}, state={"spread": {"runs": 3}}),
        record("all[0]/x", "completed", output={}),
        record("all[1]/x", "started"),
        record("all[2]/x", "completed", output={}, started=began + timedelta(seconds=30)),
    ]
    run = RunRecord("r", document, {}, "suspended", began)
    shown = WatchedRun.of(run, steps, clock=clock).overlay
    assert (shown.by_id["all"].state, shown.by_id["all"].passes) == ("waiting", 2)
    assert (shown.by_id["x"].state, shown.by_id["x"].running, shown.by_id["x"].done) == ("running", 1, 2)
    assert [clock.monotonic() - view.since for view in (shown.by_path["all[1]/x"], shown.by_id["x"])] == [40, 40]
    over = WatchedRun.of(RunRecord("r", document, {}, "cancelled", began), steps, clock=clock).overlay
    assert over.by_path["all[1]/x"].state == "cancelled"
