"""What was open when the window was closed comes back in its order, with the same workflow in front."""

import asyncio
import itertools
from pathlib import Path

import pytest
from PySide6.QtWidgets import QAbstractButton

from core.resources import example
from core.steps import discover
from core.workflow.model import Workflow
from desktop.commands import AT_ONCE
from desktop.document import OpenDocument
from desktop.last_work import IN_FRONT, LastWork, Place
from desktop.memory import RecentWork, WindowMemory
from tests.support.desktop_program import made_program, take_apart, unstarted_program, until

A, B, C = (RecentWork("library", name, name) for name in "abc")


def test_what_was_in_front_is_opened_before_all_others() -> None:
    assert LastWork([A, B, C], B).in_order == [[B], [A, C]]
    assert LastWork([A], A).in_order == [[A]]
    assert LastWork([], None).in_order == []


@pytest.mark.parametrize("front", [None, RecentWork("file", "/gone.loom.yaml", "Gone")])
def test_without_one_that_was_in_front_the_last_is(front: RecentWork | None) -> None:
    assert LastWork([A, B, C], front).in_order == [[C], [A, B]]


def test_the_others_come_behind_at_their_own_places() -> None:
    last = LastWork([A, B, C], B)
    assert last.place(B, []) == Place(0)
    assert last.place(C, [B]) == Place(1, behind=True)
    assert last.place(A, [B, C]) == Place(0, behind=True)


def test_what_was_in_front_comes_to_the_front_even_if_it_is_opened_last() -> None:
    last = LastWork([A, B, C], B)
    assert last.place(C, []) == Place(0, behind=True)
    assert last.place(A, [C]) == Place(0, behind=True)
    assert last.place(B, [A, C]) == Place(1)


def test_what_a_person_opens_is_in_front_and_so_is_what_was_open_last_when_opened_again() -> None:
    last = LastWork([A, B], A)
    assert last.place(C, [A]) == last.place(None, [A]) == IN_FRONT
    assert last.place(B, [A]) == Place(1, behind=True)
    assert last.place(B, [A]) == IN_FRONT


@pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")
async def test_the_window_comes_back_as_it_was_closed(home: Path) -> None:
    WindowMemory(home).first_run_done = True
    names = ("support_triage", "api_report", "document_digest")
    program = await made_program(home, files=tuple(map(example, names)))
    await until(lambda: len(program.window.all_tabs) == 3)
    titles = [tab.title for tab in program.window.all_tabs]
    program.window.tabs.setCurrentWidget(program.window.all_tabs[1])
    await take_apart(program)
    program = await made_program(home)
    assert [tab.title for tab in program.window.all_tabs] == titles
    assert program.window.active is program.window.all_tabs[1]
    assert program.window.active.canvas.isVisible()
    program.filing.open_recent(program.window.memory.open_work[0])
    await until(lambda: program.window.active is program.window.all_tabs[0])
    await take_apart(program)


@pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")
@pytest.mark.parametrize("name", ["support_triage", "none"])
async def test_the_start_page_does_not_show_up_before_the_work_but_where_it_is_gone(home: Path, name: str) -> None:
    memory = WindowMemory(home)
    memory.first_run_done = True
    memory.open_work = [RecentWork("file", str(example("support_triage").with_name(f"{name}.loom.yaml")), name)]
    memory.flush()
    program = unstarted_program(home)
    assert not program.window.start_page.isVisible()
    assert not isinstance(program.window.focusWidget(), QAbstractButton)
    await program.start()
    assert program.window.start_page.isVisible() is (name == "none")
    await take_apart(program)


@pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")
@pytest.mark.parametrize("done", [True, False])
async def test_without_work_the_start_page_is_there_at_once_and_so_is_the_first_run(home: Path, done: bool) -> None:
    memory = WindowMemory(home)
    memory.first_run_done = done
    memory.flush()
    program = unstarted_program(home)
    assert program.window.start_page.isVisible()
    await take_apart(program)


@pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")
async def test_the_tools_above_the_canvas_have_their_icons_when_it_is_first_seen(home: Path) -> None:
    WindowMemory(home).first_run_done = True
    program = unstarted_program(home)
    assert program.commands.action("step.tidy").icon().isNull()
    program.session.types = discover(plug_ins=())
    tab = program.open(OpenDocument(Workflow("New")), None)
    assert tab is not None
    assert tab.bar.tools
    assert not any(tool.icon().isNull() for tool in tab.bar.tools.values())
    await take_apart(program)


@pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")
async def test_the_icons_of_all_commands_come_a_few_at_a_time(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    WindowMemory(home).first_run_done = True
    program = unstarted_program(home)
    named = [command for command in program.commands if command.icon]
    turns: list[int] = []
    sleep = asyncio.sleep

    async def turn(delay: float) -> None:
        turns.append(sum(not program.commands.action(each.id).icon().isNull() for each in named))
        await sleep(delay)

    monkeypatch.setattr("desktop.commands.asyncio.sleep", turn)
    await program.commands.dress_all()
    steps = [after - before for before, after in itertools.pairwise([0, *turns])]
    assert max(steps) <= AT_ONCE
    assert not any(program.commands.action(each.id).icon().isNull() for each in named)
    await take_apart(program)
