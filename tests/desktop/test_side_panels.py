"""The panels follow the workflow in front, with the real canvas: what is chosen in one is seen in the others."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest
from PySide6.QtWidgets import QWidget

from core.engine.errors import StepError
from core.engine.step_type import StepTypes
from core.llm.client import ModelServer
from core.workflow.model import Step, Workflow
from desktop.canvas.view import CanvasView
from desktop.document import OpenDocument
from desktop.memory import WindowMemory
from desktop.overlay import RunOverlay
from desktop.panels.inspector import Inspector
from desktop.panels.palette import Palette
from desktop.panels.problems import ProblemsPanel
from desktop.panels.step_page import StepPage
from desktop.panels.step_templates import StepTemplates
from desktop.panels.timeline import TimelinePanel
from desktop.panels.workflow_page import WorkflowPage
from desktop.program import Program
from desktop.side_panels import DEMO_ANSWERS, SessionFacts, TabStack
from desktop.theme import ThemeManager
from desktop.work_tab import WorkTab
from tests.support.desktop_program import made_program, take_apart, until

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")


def real_canvas(document: OpenDocument, overlay: RunOverlay, types: StepTypes, themes: ThemeManager) -> QWidget:
    return CanvasView(document, overlay, types, themes)


@pytest.fixture
async def program(home: Path) -> AsyncIterator[Program]:
    WindowMemory(home).first_run_done = True
    made = await made_program(home, canvas=real_canvas)
    yield made
    await take_apart(made)


def panel(program: Program, panel_id: str) -> QWidget:
    return program.window.docks.get(panel_id).fill()


def opened(program: Program, *steps: Step) -> tuple[WorkTab, CanvasView]:
    workflow = Workflow(
        "Two", steps={step.id: step for step in steps}, layout={s.id: (320.0 * n, 0.0) for n, s in enumerate(steps)}
    )
    tab = program.open(OpenDocument(workflow), None)
    assert tab is not None
    assert isinstance(tab.canvas, CanvasView)
    return tab, tab.canvas


HELLO = Step("hello", "template", title="Say hello", config={"text": "Hello"})


async def test_the_inspector_shows_the_selected_step_and_else_the_workflow(program: Program) -> None:
    _, canvas = opened(program, HELLO)
    inspector = panel(program, "inspector")
    assert isinstance(inspector, Inspector)
    shown = [inspector.step_id]
    for chosen in (["hello"], []):
        canvas.select(chosen)
        shown.append(inspector.step_id)
    assert shown == [None, "hello", None]


async def test_opening_a_workflow_makes_its_page_of_the_inspector_once(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []
    make = Inspector._workflow_page

    def counted(self: Inspector, document: OpenDocument, templates: StepTemplates) -> WorkflowPage:
        made.append(document)
        return make(self, document, templates)

    monkeypatch.setattr(Inspector, "_workflow_page", counted)
    panel(program, "inspector")
    opened(program, HELLO)
    assert len(made) == 1
    opened(program, HELLO)
    assert len(made) == 2


async def test_problems_are_shown_that_are_found_after_the_page_was_made(program: Program) -> None:
    panel(program, "inspector")
    _, canvas = opened(program, Step("ask", "chat", config={}))
    canvas.select(["ask"])
    inspector = panel(program, "inspector")
    assert isinstance(inspector, Inspector)
    page = inspector.page
    assert isinstance(page, StepPage)
    await until(lambda: "has errors" in page.bar.accessibleTabName(0))


async def test_a_step_of_the_palette_is_added_after_the_selected_one_and_wired(program: Program) -> None:
    tab, canvas = opened(program, HELLO)
    palette = panel(program, "palette")
    assert isinstance(palette, Palette)
    canvas.select(["hello"])
    palette.add_requested.emit("condition")
    steps = tab.document.workflow.steps
    assert list(steps) == ["hello", "condition"]
    assert steps["hello"].then == {"out": ("condition",)}
    tab.document.stack.undo()
    assert list(tab.document.workflow.steps) == ["hello"]


async def test_a_step_of_the_palette_begins_a_workflow_where_none_is_open(program: Program) -> None:
    assert program.window.all_tabs == []
    palette = panel(program, "palette")
    assert isinstance(palette, Palette)
    palette.add_requested.emit("chat")
    tab = program.window.active
    assert tab is not None
    assert [step.type for step in tab.document.workflow.steps.values()] == ["chat"]


async def test_a_step_of_the_palette_stands_alone_when_nothing_is_selected(program: Program) -> None:
    tab, _ = opened(program, HELLO)
    palette = panel(program, "palette")
    assert isinstance(palette, Palette)
    palette.add_requested.emit("chat")
    assert tab.document.workflow.steps["hello"].then == {}
    assert "chat" in tab.document.workflow.steps


async def test_a_run_is_seen_in_the_timeline_and_its_values_in_the_inspector(program: Program) -> None:
    tab, canvas = opened(program, HELLO)
    inspector, stack = panel(program, "inspector"), panel(program, "timeline")
    assert isinstance(inspector, Inspector)
    assert isinstance(stack, TabStack)
    canvas.select(["hello"])
    await until(lambda: program.running.controller(tab) is not None)
    assert program.commands.run("run.start")
    await until(lambda: tab.bar.note.text().startswith("Done in"))
    assert isinstance(stack.currentWidget(), TimelinePanel)
    controller = program.running.controller(tab)
    assert controller is not None
    assert controller.shown is not None
    assert controller.shown.overlay.by_id["hello"].output == {"text": "Hello"}


async def test_a_chosen_problem_brings_its_step_into_the_inspector(program: Program) -> None:
    _, _ = opened(program, HELLO, Step("ask", "chat", config={}))
    inspector, problems = panel(program, "inspector"), panel(program, "problems")
    assert isinstance(inspector, Inspector)
    assert isinstance(problems, ProblemsPanel)
    await until(lambda: not problems.is_empty)
    problems.chosen.emit("ask", "config.prompt")
    assert inspector.step_id == "ask"


async def test_closing_a_workflow_empties_the_panels(program: Program) -> None:
    tab, _ = opened(program, HELLO)
    stack = panel(program, "timeline")
    assert isinstance(stack, TabStack)
    await until(lambda: isinstance(stack.currentWidget(), TimelinePanel))
    program.window.close_tab(tab)
    await until(lambda: not isinstance(stack.currentWidget(), TimelinePanel))


async def test_without_a_server_the_demo_model_is_named_as_what_answers(program: Program, unused_tcp_port: int) -> None:
    workspace = program.session.workspace
    assert workspace is not None
    server = workspace.server

    async def no_key() -> None:
        return None

    address = f"http://127.0.0.1:{unused_tcp_port}/v1"
    workspace.server = ModelServer(address, api_key=no_key, clock=workspace.clock, random=Random(1))
    facts = SessionFacts(program.session)
    workspace.demo = False
    with pytest.raises(StepError) as failed:
        await facts.models()
    assert DEMO_ANSWERS not in failed.value.message
    assert "Errno" not in failed.value.message
    workspace.demo = True
    with pytest.raises(StepError) as failed:
        await facts.models()
    assert failed.value.message.endswith(DEMO_ANSWERS)
    await workspace.server.aclose()
    workspace.server = server
