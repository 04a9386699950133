"""The library's workflows as they were last seen: shown before the database answers, and then brought up to date."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.store.workflows import Workflows
from core.workflow.document import dumps
from core.workflow.model import Step, Workflow
from desktop.last_seen import FOLDER
from desktop.memory import RecentWork, WindowMemory
from desktop.program import Program
from desktop.unsaved_work import State, Unsaved
from desktop.work_tab import WorkTab
from tests.support.desktop_program import made_program, take_apart, unstarted_program, until

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")

GREETING = Workflow("Greeting", steps={"hello": Step("hello", "template", config={"text": "Hello"})})
OTHER = replace(GREETING, steps={"hello": Step("hello", "template", config={"text": "Good evening"})})


def library_of(program: Program) -> Workflows:
    workspace = program.session.workspace
    assert workspace is not None
    assert workspace.store is not None
    return workspace.store.workflows


def copies(home: Path) -> list[Path]:
    """Those that stand; one that is being written has another suffix until it takes the place of the one before."""
    return sorted((home / FOLDER).glob("*.json"))


async def kept(home: Path, database_url: str) -> None:
    """Save a workflow in the library, open it, and close the window."""
    WindowMemory(home).first_run_done = True
    program = await made_program(home, database_url=database_url)
    await library_of(program).save(GREETING, 0)
    program.filing.open_recent(RecentWork("library", "Greeting", "Greeting"))
    await until(lambda: bool(copies(home)) and bool(program.window.all_tabs))
    await take_apart(program)


async def seen(program: Program) -> WorkTab:
    """The tab that stands before the database is asked."""
    opening = program.session.open

    async def nothing() -> None:
        assert program.filing.library is None

    program.session.open = nothing  # type: ignore[method-assign] # the database has not answered yet
    await program.start()
    program.session.open = opening  # type: ignore[method-assign] # as above
    (tab,) = program.window.all_tabs
    return tab


async def settled(program: Program) -> None:
    await program.session.open()
    await until(lambda: not program.bridge.busy)


async def test_a_workflow_of_the_library_stands_before_the_database_answers(home: Path, database_url: str) -> None:
    await kept(home, database_url)
    program = unstarted_program(home, database_url=database_url)
    tab = await seen(program)
    assert tab.document.workflow == GREETING
    assert (tab.document.version, tab.document.is_saved) == (1, True)
    assert tab.work == RecentWork("library", "Greeting", "Greeting")
    before = tab.document.workflow
    await settled(program)
    assert program.window.all_tabs == [tab]
    assert tab.document.workflow is before
    await take_apart(program)


async def test_what_somebody_saved_since_takes_its_place(home: Path, database_url: str) -> None:
    await kept(home, database_url)
    program = unstarted_program(home, database_url=database_url)
    tab = await seen(program)
    other = await made_program(home, database_url=database_url)
    await library_of(other).save(OTHER, 1)
    await take_apart(other)
    await settled(program)
    assert tab.document.workflow == OTHER
    assert (tab.document.version, tab.document.is_saved, tab.document.stack.count()) == (2, True, 0)
    assert json.loads(copies(home)[0].read_text())["version"] == 2
    await take_apart(program)


async def test_edits_made_before_the_database_answered_stay_and_saving_them_asks(home: Path, database_url: str) -> None:
    await kept(home, database_url)
    program = unstarted_program(home, database_url=database_url)
    tab = await seen(program)
    tab.document.apply("Edit", lambda workflow: replace(workflow, description="Mine"))
    other = await made_program(home, database_url=database_url)
    await library_of(other).save(OTHER, 1)
    await take_apart(other)
    await settled(program)
    assert tab.document.workflow.description == "Mine"
    assert "Version 2" in tab.notices.text("last_seen")
    conflicts: list[object] = []
    program.filing.conflicting.connect(lambda tab, error: conflicts.append(error))
    program.filing.save(tab)
    await until(lambda: bool(conflicts))
    await take_apart(program)


async def test_another_database_with_the_same_number_is_not_overwritten_unasked(home: Path, database_url: str) -> None:
    await kept(home, database_url)
    copy = copies(home)[0]
    copy.write_text(copy.read_text().replace("Hello", "Hello from elsewhere"))
    program = unstarted_program(home, database_url=database_url)
    tab = await seen(program)
    tab.document.apply("Edit", lambda workflow: replace(workflow, description="Mine"))
    await settled(program)
    conflicts: list[object] = []
    program.filing.conflicting.connect(lambda tab, error: conflicts.append(error))
    program.filing.save(tab)
    await until(lambda: bool(conflicts))
    await take_apart(program)


async def test_unsaved_work_keeps_the_version_that_it_was_made_on(home: Path, database_url: str) -> None:
    await kept(home, database_url)
    other = await made_program(home, database_url=database_url)
    await until(lambda: bool(other.window.all_tabs))
    other.window.all_tabs[0].document.apply("Edit", lambda _: OTHER)
    other.filing.save(other.window.all_tabs[0])
    await until(
        lambda: other.window.all_tabs[0].document.version == 2 and '"version": 2' in copies(home)[0].read_text()
    )
    await take_apart(other)
    program = unstarted_program(home, database_url=database_url)
    tab = await seen(program)
    assert tab.document.version == 2
    mine = replace(GREETING, description="Mine")
    left = State(dumps(mine), "Greeting", datetime(2026, 1, 1, tzinfo=UTC), version=1)
    program.recovery._take_over(Unsaved(home / "unsaved" / "left.unsaved", left), mine)
    assert tab.document.workflow == mine
    await settled(program)
    conflicts: list[object] = []
    program.filing.conflicting.connect(lambda tab, error: conflicts.append(error))
    program.filing.save(tab)
    await until(lambda: bool(conflicts))
    await take_apart(program)


async def test_a_workflow_that_was_deleted_since_becomes_new_work(home: Path, database_url: str) -> None:
    await kept(home, database_url)
    program = unstarted_program(home, database_url=database_url)
    tab = await seen(program)
    other = await made_program(home, database_url=database_url)
    await library_of(other).delete("Greeting")
    await take_apart(other)
    await settled(program)
    assert (tab.work, tab.document.version, tab.document.is_saved) == (None, 0, False)
    assert "not in the library" in tab.notices.text("last_seen")
    program.filing.save(tab)
    await until(lambda: tab.document.is_saved)
    assert tab.notices.text("last_seen") == ""
    await take_apart(program)


async def test_a_tab_that_is_closed_before_the_database_answers_does_not_come_back(
    home: Path, database_url: str
) -> None:
    await kept(home, database_url)
    program = unstarted_program(home, database_url=database_url)
    program.window.close_tab(await seen(program))
    await settled(program)
    assert program.window.all_tabs == []
    await take_apart(program)


async def test_without_a_copy_that_can_be_read_the_database_is_asked(home: Path, database_url: str) -> None:
    await kept(home, database_url)
    copies(home)[0].write_text('{"version": 1, "workflow"')
    program = await made_program(home, database_url=database_url)
    await until(lambda: bool(program.window.all_tabs))
    assert program.window.all_tabs[0].document.workflow == GREETING
    await take_apart(program)


async def test_copies_of_what_is_not_open_any_more_are_thrown_away(home: Path, database_url: str) -> None:
    await kept(home, database_url)
    assert copies(home)[0].stat().st_mode & 0o077 == 0
    program = await made_program(home, database_url=database_url)
    await until(lambda: bool(program.window.all_tabs))
    program.window.close_tab(program.window.all_tabs[0])
    await take_apart(program)
    program = await made_program(home, database_url=database_url)
    assert copies(home) == []
    await take_apart(program)
