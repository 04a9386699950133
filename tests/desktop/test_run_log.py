"""The log of a run: the same records whether they were heard live or read from the journal."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from core.workflow.model import Retry
from desktop.run_log import RunLog, variable_scope
from desktop.watched_run import WatchedRun
from tests.support.desktop_runs import open_run_desk
from tests.support.engine_rig import step, workflow

DOCUMENT = workflow(
    step("a", config={"tokens": 3, "fails": 1}, retry=Retry(attempts=2, wait=0.001), then="all"),
    step("all", "many", config={"items": [1, 2]}, then="b",
         body=[step("inner", config={"variables": {"seen": "{{ item }}"}})]),
    step("b", "choose", config={"value": True}, then={"false": "c"}),
    step("c"),
    variables={"seen": 0, "still": "x"},
)  # fmt: skip


async def test_a_live_run_and_the_same_run_from_the_journal_look_alike(qapp: QApplication, home: Path) -> None:
    async with open_run_desk(DOCUMENT, home) as desk:
        live = await desk.finish()
        record = await desk.workspace.journal.run(live.id)
        past = WatchedRun.of(record, await desk.workspace.steps(live.id))

    assert live.status == past.status == "completed"
    assert live.log.records == past.log.records
    assert live.usage == past.usage
    assert live.usage.tokens == 6
    assert live.log.variables == past.log.variables
    faces = {key: (view.state, view.done, view.failed, view.usage) for key, view in live.overlay.by_path.items()}
    again = {key: (view.state, view.done, view.failed, view.usage) for key, view in past.overlay.by_path.items()}
    assert again == {**faces, "a": ("done", 1, 0, faces["a"][3])}
    assert {key: view.state for key, view in past.overlay.by_id.items()} == {
        "a": "done", "all": "done", "inner": "done", "b": "done", "c": "skipped"
    }  # fmt: skip


async def test_attempts_and_newest_records_are_found(qapp: QApplication, home: Path) -> None:
    async with open_run_desk(DOCUMENT, home) as desk:
        log = (await desk.finish()).log

    assert [record.status for record in log.attempts("a")] == ["failed", "completed"]
    newest = log.newest("a")
    assert newest is not None
    assert newest.attempt == 2
    inner = log.newest_of_step("inner")
    assert inner is not None
    assert inner.path.startswith("all[")
    assert log.newest("nothing") is None
    assert log.newest_of_step("nothing") is None
    assert log.attempts("nothing") == []


async def test_a_variable_is_known_by_who_set_it_last(qapp: QApplication, home: Path) -> None:
    async with open_run_desk(DOCUMENT, home) as desk:
        log = (await desk.finish()).log

    seen, still = log.variables["", "seen"], log.variables["", "still"]
    assert seen.set_by in ("all[0]/inner", "all[1]/inner")
    assert seen.value == int(seen.set_by[4]) + 1
    assert seen.at is not None
    assert (still.value, still.set_by, still.at) == ("x", "", None)


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        ("a", ""),
        ("all[3]/a", ""),
        ("all[3]/more[1]/a", ""),
        ("call/a", "call"),
        ("call/all[2]/a", "call"),
        ("all[0]/call/a", "all[0]/call"),
        ("call/inner/all[2]/more[0]/a", "call/inner"),
    ],
)
def test_passes_share_the_variables_around_them_and_called_workflows_have_their_own(path: str, scope: str) -> None:
    assert variable_scope(path) == scope


def test_a_new_log_holds_the_initial_values() -> None:
    log = RunLog({"tone": "calm"})

    assert [(value.name, value.value, value.set_by) for value in log.variables.values()] == [("tone", "calm", "")]
    assert log.waiting() == []
