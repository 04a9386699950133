"""Runs that another process executes, opened in the window: followed to their end, as if it executed them itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from core.engine.engine import Run
from core.engine.errors import JournalUnavailable
from core.engine.events import Event
from core.engine.testing import ManualClock
from core.ids import new_run_id
from core.service.run_teller import RunTeller
from core.workflow.model import Json
from core.workspace import Workspace
from desktop.run_controller import LOOK_EVERY_S
from desktop.running import standing
from desktop.watched_run import WatchedRun
from tests.support.desktop_runs import RunDesk, all_step_types, open_run_desk
from tests.support.engine_rig import step, workflow
from tests.support.engine_steps import Stage
from tests.support.postgres import database_url, postgres_server
from tests.support.qt_loop import next_signal

__all__ = ["database_url", "postgres_server"]

TWO = workflow(
    step("a", config={"value": 1, "tokens": 10}, then="b"), step("b", config={"gate": True, "value": 2}), name="Two"
)
ASKING = workflow(
    step("first", config={"gate": True}, then="ask"),
    step("ask", "ask", then={"answered": "b"}),
    step("b", config={"value": "{{ ask.choice }}"}),
    name="Asking",
)


@pytest.fixture
async def desk(qapp: QApplication, home: Path) -> AsyncIterator[RunDesk]:
    async with open_run_desk(TWO, home, clock=ManualClock()) as made:
        yield made


async def opened(desk: RunDesk, run_id: str) -> WatchedRun:
    desk.controller.open_past(run_id)
    (shown,) = await next_signal(desk.controller.shown_changed)
    assert isinstance(shown, WatchedRun)
    return shown


async def until(desk: RunDesk, run: WatchedRun, note: str) -> None:
    """Wait until the window says that of a run."""
    while (stands := standing(run) if not run.live else "Running…").partition(" in ")[0] != note:
        try:
            await next_signal(desk.controller.state_changed)
        except TimeoutError:
            raise AssertionError(f"It stands so: {stands}. What was told: {desk.failures}") from None


def state(run: WatchedRun, step_id: str) -> str:
    return run.overlay.by_id[step_id].state if step_id in run.overlay.by_id else "unknown"


def value(run: WatchedRun, step_id: str) -> Json:
    return (run.overlay.by_id[step_id].output or {})["value"]


async def elsewhere(desk: RunDesk, step_id: str = "b") -> Run:
    """A run that this window's controller knows nothing of, at that step."""
    run = desk.workspace.start(desk.document.workflow)
    await desk.stage_reached(step_id)
    return run


async def test_a_run_of_another_process_is_followed_to_its_end(desk: RunDesk) -> None:
    other = await elsewhere(desk)
    run = await opened(desk, other.id)
    await until(desk, run, "Running…")
    await desk.stage_reached("b")
    async with asyncio.timeout(20):
        while state(run, "b") != "running":
            await next_signal(desk.controller.changed)
    assert state(run, "a") == "done"
    assert [each.id for each in desk.controller.live] == [run.id]
    desk.stage.gate("b").set()
    await until(desk, run, "Done")
    assert state(run, "b") == "done"
    assert value(run, "b") == 2
    assert run.usage.tokens == 10
    assert [each.id for each in desk.controller.live] == []
    assert [record.path for record in run.log.records.values()] == ["a", "b"]
    assert desk.controller.shown is run
    assert desk.failures == []


async def test_opening_it_again_does_not_follow_it_twice(desk: RunDesk) -> None:
    other = await elsewhere(desk)
    run = await opened(desk, other.id)
    desk.controller.show("")
    assert await opened(desk, other.id) is run
    desk.stage.gate("b").set()
    await until(desk, run, "Done")


async def test_a_run_whose_process_dies_is_told_to_be_interrupted(desk: RunDesk) -> None:
    journal, clock = desk.workspace.journal, desk.workspace.clock
    assert isinstance(clock, ManualClock)
    other = await elsewhere(desk)
    record = replace(await journal.run(other.id), id=new_run_id())
    lease = await journal.open_run(record)
    run = await opened(desk, record.id)
    await until(desk, run, "Running…")
    await journal.close_run(lease)
    while run.live:
        await clock.advance(LOOK_EVERY_S)
    assert standing(run) == "Interrupted"
    desk.controller.resume(record.id)
    desk.stage.gate("b").set()
    ended = await desk.over()
    assert (ended.id, ended.status) == (record.id, "completed")


async def test_a_run_is_followed_again_when_the_database_is_back(
    desk: RunDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, follow = desk.workspace.clock, desk.workspace.follow
    assert isinstance(clock, ManualClock)
    tries: list[str] = []

    async def shaky(run_id: str) -> AsyncIterator[Event]:
        tries.append(run_id)
        async with aclosing(follow(run_id)) as events:
            async for event in events:
                yield event
                if len(tries) == 1:
                    raise JournalUnavailable("The database is away.")

    monkeypatch.setattr(desk.workspace, "follow", shaky)
    other = await elsewhere(desk)
    await opened(desk, other.id)
    while len(tries) < 2:
        await clock.advance(LOOK_EVERY_S)
    desk.stage.gate("b").set()
    (run,) = desk.controller.runs
    await until(desk, run, "Done")
    assert (run.usage.tokens, desk.controller.shown, desk.failures) == (10, run, [])


async def test_closing_the_tab_leaves_the_run_alone(desk: RunDesk) -> None:
    other = await elsewhere(desk)
    await opened(desk, other.id)
    desk.controller.close()
    desk.stage.gate("b").set()
    assert (await other.result()).status == "completed"
    assert desk.failures == []


async def test_a_question_of_a_run_elsewhere_is_answered_here(qapp: QApplication, home: Path) -> None:
    async with open_run_desk(ASKING, home) as desk:
        other = await elsewhere(desk, "first")
        run = await opened(desk, other.id)
        desk.stage.gate("first").set()
        await until(desk, run, "Waits for you")
        desk.controller.answer("ask", {"choice": "yes"})
        ended = await desk.over()
        assert (ended.id, ended.status, desk.controller.shown) == (run.id, "completed", ended)
        assert value(ended, "b") == "yes"
        assert desk.failures == []


async def test_stopping_it_reaches_whoever_executes_it(desk: RunDesk) -> None:
    queued = await desk.workspace.queue.enqueue(desk.document.workflow, {})
    run = await opened(desk, queued)
    await desk.stage_reached("b")
    desk.controller.stop()
    await until(desk, run, "Cancelled")
    assert (await desk.workspace.journal.run(queued)).status == "cancelled"


async def test_what_another_process_executes_is_heard_through_the_database(
    qapp: QApplication, home: Path, database_url: str, tmp_path: Path
) -> None:
    stage = Stage()
    async with Workspace.open(
        tmp_path / "elsewhere", database_url=database_url, demo=True, types=all_step_types(stage)
    ) as office:
        telling = asyncio.create_task(RunTeller(office).run())
        async with open_run_desk(TWO, home, database_url=database_url) as desk:
            other = office.start(TWO)
            async with asyncio.timeout(20):
                while "b" not in stage.running:  # noqa: ASYNC110 - steps of tests know no event of ours
                    await asyncio.sleep(0.01)
            run = await opened(desk, other.id)
            async with asyncio.timeout(20):
                while state(run, "a") != "done":
                    await next_signal(desk.controller.changed)
            stage.gate("b").set()
            await until(desk, run, "Done")
            assert value(run, "b") == 2
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
