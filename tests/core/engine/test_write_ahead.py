"""What must be durable before what: the order of records, flushes and the steps' own work."""

from __future__ import annotations

from typing import Literal

import pytest

from core.engine.clock import SystemClock
from core.engine.errors import JournalUnavailable, LeaseLost
from core.engine.events import (
    Event,
    RunCancelled,
    RunCompleted,
    RunFailed,
    StepCompleted,
    StepEvent,
    StepStarted,
)
from core.engine.memory_journal import MemoryJournal
from core.engine.step_type import StepContext, StepTypes
from core.engine.testing import settle
from core.workflow.model import Json, Retry
from tests.support.engine_journal import WatchedJournal
from tests.support.engine_rig import Rig, step, workflow
from tests.support.engine_steps import Stage, WorkConfig, WorkStep

pytestmark = pytest.mark.usefixtures("no_task_left")

LASTING: tuple[Literal["spends"], Literal["writes"]] = ("spends", "writes")


class LoggedWork(WorkStep):
    """Writes into the journal's log when its run() begins."""

    def __init__(self, stage: Stage, log: list[Event | str]) -> None:
        super().__init__(stage)
        self._log = log

    async def run(self, config: WorkConfig, context: StepContext) -> dict[str, Json]:
        self._log.append(f"run {context.path}")
        return await super().run(config, context)


def watched() -> tuple[Rig, WatchedJournal]:
    journal = WatchedJournal(MemoryJournal())
    rig = Rig(journal=journal)
    types = StepTypes([LoggedWork(rig.stage, journal.log)])
    for kind in rig.engine.types:
        if kind.type != "work":
            types.add(kind)
    rig.engine.types = types
    return rig, journal


def told(log: list[Event | str], kind: type[StepEvent], path: str) -> int:
    return next(i for i, entry in enumerate(log) if type(entry) is kind and entry.path == path)


def is_durable(log: list[Event | str], record: int, before: int) -> bool:
    """Whether a flush that was asked for after one place of the log had returned before another."""
    between = log[record + 1 : before]
    asked = [entry.removeprefix("flush ") for entry in between if isinstance(entry, str) and entry.startswith("flush ")]
    return any(f"durable {number}" in between for number in asked)


@pytest.mark.parametrize("effect", LASTING)
async def test_a_step_that_spends_or_writes_begins_after_its_start_is_durable(effect: str) -> None:
    rig, journal = watched()
    await rig.run(workflow(step("pure", then="a"), step("a", config={"effect": effect})))

    log = journal.log
    assert is_durable(log, told(log, StepStarted, "a"), log.index("run a"))
    assert not is_durable(log, told(log, StepStarted, "pure"), log.index("run pure"))


@pytest.mark.parametrize("effect", LASTING)
async def test_no_successor_starts_before_the_record_of_a_step_that_spends_or_writes_is_durable(effect: str) -> None:
    rig, journal = watched()
    await rig.run(
        workflow(step("a", config={"effect": effect}, then=["b", "c"]), step("b", then="d"), step("c"), step("d"))
    )

    log = journal.log
    for successor in "bc":
        assert is_durable(log, told(log, StepCompleted, "a"), log.index(f"run {successor}"))


@pytest.mark.parametrize("effect", LASTING)
async def test_every_attempt_of_a_retried_step_is_durable_before_it_runs(effect: str) -> None:
    rig, journal = watched()
    run = await rig.begin(workflow(step("a", config={"effect": effect, "fails": 2}, retry=Retry(attempts=3))))
    await rig.clock.advance(10)
    await run.result()

    log = journal.log
    starts = [i for i, entry in enumerate(log) if type(entry) is StepStarted]
    runs = [i for i, entry in enumerate(log) if entry == "run a"]
    assert len(starts) == len(runs) == 3
    assert all(is_durable(log, started, ran) for started, ran in zip(starts, runs, strict=True))


async def test_pure_and_reading_steps_never_wait_for_the_journal() -> None:
    rig, journal = watched()
    journal.hold()
    run = await rig.begin(
        workflow(
            step("a", then="all"), step("b", config={"effect": "reads"}, then="all"),
            step("all", "many", config={"items": [1, 2]}, body=[step("c", then="d"), step("d")], then="e"), step("e"),
        )
    )  # fmt: skip

    assert rig.stage.ended[-1] == "e"
    assert journal.flushes == 0, "only the end of the run waits, and that lets go of it at the same time"
    journal.release()
    assert (await run.result()).status == "completed"


async def test_what_follows_a_loop_waits_for_the_lasting_steps_inside_it() -> None:
    rig, journal = watched()
    await rig.run(
        workflow(
            step("all", "loop", config={"times": 2}, body=[step("a", config={"effect": "spends"})], then="after"),
            step("after"),
        )
    )

    log = journal.log
    assert is_durable(log, told(log, StepCompleted, "all[1]/a"), log.index("run after"))
    assert is_durable(log, told(log, StepCompleted, "all[0]/a"), log.index("run all[1]/a"))


async def test_what_follows_a_workflow_inside_waits_for_its_lasting_steps() -> None:
    journal = WatchedJournal(MemoryJournal())
    rig = Rig(workflow(step("a", config={"effect": "writes"}), name="Inner"), journal=journal)
    run = rig.engine.start(workflow(step("call", "workflow", config={"name": "Inner"}, then="b"), step("b")))
    await run.result()

    log = journal.log
    assert is_durable(log, told(log, StepCompleted, "call/a"), told(log, StepCompleted, "b"))


async def test_a_run_is_told_to_be_over_only_when_that_is_durable() -> None:
    rig, journal = watched()
    journal.hold()
    run = await rig.begin(workflow(step("a")))
    assert rig.told(RunCompleted) == []
    journal.release()
    await run.result()

    assert len(rig.told(RunCompleted)) == 1


async def test_a_run_whose_lease_is_lost_stops_without_a_final_record() -> None:
    journal = MemoryJournal()
    rig = Rig(journal=journal)
    run = await rig.begin(
        workflow(
            step("held", config={"gate": True}, then="next"), step("next", config={"effect": "spends"}),
            step("beside", config={"gate": True}),
        )
    )  # fmt: skip
    journal.abandon("run-1")
    other = Rig(journal=journal)
    taken = await other.engine.resume("run-1")
    await settle()
    rig.stage.gate("held").set()
    with pytest.raises(LeaseLost, match="Another process took this run over"):
        await run.result()

    assert "next" not in rig.stage.paths
    assert not [event for event in rig.events if isinstance(event, RunCompleted | RunFailed | RunCancelled)]
    for name in ("held", "beside"):
        other.stage.gate(name).set()
    assert (await taken.result()).status == "completed"
    assert (await journal.run("run-1")).status == "completed"


async def test_a_run_of_pure_steps_notices_a_lost_lease_too() -> None:
    journal = MemoryJournal()
    rig = Rig(journal=journal)
    run = await rig.begin(workflow(step("held", config={"gate": True}, then="b"), step("b", then="c"), step("c")))
    journal.abandon("run-1")
    _, _, lease = await journal.take_run("run-1")
    rig.stage.gate("held").set()
    with pytest.raises(LeaseLost):
        await run.result()
    await journal.close_run(lease)

    assert rig.stage.paths == ["held"]
    assert (await journal.run("run-1")).status == "running"


@pytest.mark.parametrize("effect", ["pure", "writes"])
async def test_a_journal_that_is_gone_surfaces_from_the_result_and_leaves_no_task(effect: str) -> None:
    journal = WatchedJournal(MemoryJournal())
    rig = Rig(journal=journal)
    journal.broken = True
    run = await rig.begin(workflow(step("a", config={"effect": effect}, then="b"), step("b"), step("c", "ask")))
    with pytest.raises(JournalUnavailable, match="resume the run later"):
        await run.result()

    assert not [event for event in rig.events if isinstance(event, RunCompleted | RunFailed | RunCancelled)]
    journal.broken = False
    assert (await rig.resume()).status == "suspended"


async def test_a_run_of_pure_steps_stops_when_the_journal_has_given_up() -> None:
    journal = WatchedJournal(MemoryJournal())
    rig = Rig(journal=journal)
    run = await rig.begin(workflow(step("held", config={"gate": True}, then="b"), step("b", then="c"), step("c")))
    journal.break_down()
    rig.stage.gate("held").set()
    with pytest.raises(JournalUnavailable):
        await run.result()

    assert rig.stage.paths == ["held"]


async def test_the_systems_own_clock_serves_as_well() -> None:
    rig = Rig()
    rig.engine.clock = SystemClock()
    result = await rig.run(
        workflow(step("a", config={"fails": 1, "seconds": 0.001}, retry=Retry(attempts=2, wait=0.001), timeout=5))
    )

    assert result.status == "completed"
    assert result.duration_s > 0
