"""What a run looks like on the canvas: passes of loops, what is marked, results that were not made anew."""

from __future__ import annotations

from core.engine.events import StepCompleted
from desktop.overlay import RunOverlay, StepMark, loops_of
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
