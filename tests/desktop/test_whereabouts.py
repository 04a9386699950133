"""Breadcrumbs: into loops by selecting what is in them, into other workflows by opening them, and back by a press."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QToolButton

from core.workflow import edits
from core.workflow.document import save
from core.workflow.model import Step, Workflow
from desktop.canvas.view import CanvasView
from desktop.document import OpenDocument
from desktop.memory import WindowMemory
from desktop.program import Program
from desktop.work_tab import WorkTab
from tests.support.desktop_program import made_program, real_canvas, take_apart, until

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")


@pytest.fixture
async def program(home: Path) -> AsyncIterator[Program]:
    WindowMemory(home).first_run_done = True
    made = await made_program(home, canvas=real_canvas)
    yield made
    await take_apart(made)


def path(tab: WorkTab) -> list[str]:
    return list(tab.bar.breadcrumbs.path)


async def press(tab: WorkTab, title: str) -> None:
    def found() -> list[QToolButton]:
        buttons = tab.bar.breadcrumbs.findChildren(QToolButton)
        return [button for button in buttons if button.text() == title and button.isVisible()]

    await until(lambda: len(found()) == 1)
    QTest.mouseClick(found()[0], Qt.MouseButton.LeftButton)


async def opened(program: Program, file: Path) -> tuple[WorkTab, CanvasView]:
    program.filing.open_files([file])
    await until(lambda: program.window.active is not None and program.window.active.document.file == file)
    tab = program.window.active
    assert tab is not None
    assert isinstance(tab.canvas, CanvasView)
    return tab, tab.canvas


async def test_a_step_in_loops_shows_the_loops_around_it_and_a_press_leads_out(
    program: Program, tmp_path: Path
) -> None:
    say = Step("say", "template", title="Say", config={"text": "Hi"})
    inner = Step("inner", "repeat", title="Until it fits", config={"times": 2}, body={"say": say})
    outer = Step("outer", "for_each", title="Each page", config={"items": "{{ [1] }}"}, body={"inner": inner})
    save(Workflow("Book", steps={"outer": outer}), file := tmp_path / "book.loom.yaml")
    tab, canvas = await opened(program, file)
    assert path(tab) == ["Book"]
    canvas.select(["say"])
    assert path(tab) == ["Book", "Each page", "Until it fits"]
    canvas.apply("Untitled", lambda workflow: edits.set_title(workflow, "outer", ""))
    assert path(tab) == ["Book", "For each", "Until it fits"], "as its face says"
    tab.document.stack.undo()
    await press(tab, "Each page")
    assert canvas.selected == {"outer"}
    assert path(tab) == ["Book", "Each page"]
    program.commands.run("view.go_up")
    assert canvas.selected == frozenset()
    assert path(tab) == ["Book"]
    assert not program.commands.action("view.go_up").isEnabled()


async def test_the_workflow_that_a_step_runs_is_opened_and_left_again(program: Program, tmp_path: Path) -> None:
    say = Step("say", "template", config={"text": "Hi"})
    save(Workflow("Greeting", steps={"say": say}), tmp_path / "greeting.loom.yaml")
    call = Step("call", "workflow", title="Greet", config={"workflow": "greeting"})
    save(Workflow("Day", steps={"call": call}), file := tmp_path / "day.loom.yaml")
    day, canvas = await opened(program, file)
    assert not program.commands.action("step.open_workflow").isEnabled()
    canvas.select(["call"])
    program.window.activateWindow()
    canvas.setFocus()
    QTest.keyClick(canvas, Qt.Key.Key_F12)
    await until(lambda: program.window.active is not day)
    greeting = program.window.active
    assert greeting is not None
    assert path(greeting) == ["Day", "Greeting"]
    await press(greeting, "Day")
    assert program.window.active is day
    assert canvas.selected == {"call"}
    program.window.close_tab(day)
    assert path(greeting) == ["Greeting"]


async def test_a_step_without_a_workflow_says_what_to_do(program: Program, tmp_path: Path) -> None:
    save(Workflow("Day", steps={"call": Step("call", "workflow", title="Greet")}), file := tmp_path / "day.loom.yaml")
    _, canvas = await opened(program, file)
    canvas.select(["call"])
    assert program.commands.run("step.open_workflow")
    assert program.window.toasts.shown[-1].title == "“Greet” names no workflow yet"


async def test_a_workflow_that_is_open_and_saved_nowhere_is_opened_too(program: Program) -> None:
    for workflow in (
        Workflow("Greeting", steps={"say": Step("say", "template", config={"text": "Hi"})}),
        Workflow("Day", steps={"call": Step("call", "workflow", config={"workflow": "Greeting"})}),
    ):
        assert program.open(OpenDocument(workflow), None) is not None
    greeting, day = program.window.all_tabs
    assert program.window.active is day
    assert isinstance(day.canvas, CanvasView)
    day.canvas.select(["call"])
    assert program.commands.run("step.open_workflow")
    await until(lambda: program.window.active is greeting)
    assert path(greeting) == ["Day", "Greeting"]
    await press(greeting, "Day")
    assert program.window.active is day
