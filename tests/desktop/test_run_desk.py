"""The whole window after a run: what panels, menus and keys offer for a step of it, with the real canvas."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton

from core.workflow.document import save
from core.workflow.edits import set_config_field
from core.workflow.model import Step, Workflow
from desktop.canvas.view import CanvasView
from desktop.canvas_commands import CONTEXT
from desktop.document import OpenDocument
from desktop.memory import WindowMemory
from desktop.panels.history import HistoryPanel
from desktop.panels.inspector import Inspector
from desktop.panels.step_page import TABS, StepPage
from desktop.panels.timeline import TimelinePanel
from desktop.panels.values import ValuesPanel
from desktop.program import Program
from desktop.run_controller import RunController
from desktop.work_tab import WorkTab
from tests.support.desktop_program import made_program, real_canvas, take_apart, until

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")

DOCUMENT = Workflow(
    "Chain",
    steps={
        "hello": Step("hello", "template", title="Say hello", config={"text": "Hello"}, then={"out": ("loud",)}),
        "loud": Step("loud", "template", config={"text": "{{ hello.text }}!"}, then={"out": ("end",)}),
        "end": Step("end", "template", config={"text": "{{ loud.text + 1 }}"}),
    },
    layout={"hello": (0.0, 0.0), "loud": (320.0, 0.0), "end": (640.0, 0.0)},
)


class Desk:
    """A program with a workflow that was run once."""

    def __init__(self, program: Program, tab: WorkTab, controller: RunController) -> None:
        self.program, self.tab, self.controller = program, tab, controller
        assert isinstance(tab.canvas, CanvasView)
        self.canvas: CanvasView = tab.canvas

    @property
    def page(self) -> StepPage:
        (inspector,) = self.program.window.findChildren(Inspector)
        assert isinstance(inspector.page, StepPage)
        return inspector.page

    async def over(self, runs: int) -> None:
        """Wait until so many runs were begun and none is executed."""
        await until(lambda: len(self.controller.runs) == runs and not self.controller.live)

    def button(self, text: str) -> QPushButton:
        return next(each for each in self.page.strip.notices.buttons if each.text() == text)


@pytest.fixture
async def desk(home: Path) -> AsyncIterator[Desk]:
    WindowMemory(home).first_run_done = True
    program = await made_program(home, canvas=real_canvas)
    program.window.docks.get("inspector").fill()
    tab = program.open(OpenDocument(DOCUMENT), None)
    assert tab is not None
    await until(lambda: program.running.controller(tab) is not None)
    controller = program.running.controller(tab)
    assert controller is not None
    made = Desk(program, tab, controller)
    assert program.commands.run("run.start")
    await made.over(1)
    yield made
    await take_apart(program)


async def test_a_failed_step_says_why_and_offers_to_try_again_from_there(desk: Desk) -> None:
    desk.canvas.select(["end"])
    (said,) = desk.page.strip.notices.texts
    assert "{{ loud.text + 1 }}" in said
    desk.page.tabs.setCurrentIndex(2)
    desk.button("Open settings").click()
    assert desk.page.tabs.currentIndex() == 0
    desk.button("Input").click()
    assert desk.page.tabs.currentIndex() == TABS.index("Input")
    desk.tab.document.apply("Mend", lambda w: set_config_field(w, "end", "text", "done"))
    desk.button("Retry from here").click()
    await desk.over(2)
    shown = desk.controller.shown
    assert shown is not None
    assert (shown.status, shown.overlay.by_id["loud"].cause) == ("completed", "reused")
    assert not desk.page.strip.isVisible()


async def test_a_run_that_failed_or_was_stopped_is_resumed_by_a_command(desk: Desk) -> None:
    commands = desk.program.commands
    commands.refresh()
    assert commands.action("run.resume").isEnabled()
    assert commands.run("run.resume")
    await until(lambda: len(desk.controller.runs[0].log.attempts("end")) == 2 and not desk.controller.live)
    (run,) = desk.controller.runs
    assert [record.status for record in run.log.attempts("end")] == ["failed", "failed"]
    assert len(run.log.attempts("hello")) == 1


async def test_a_failed_run_offers_to_go_on_beside_run_and_its_message_goes_when_it_does(desk: Desk) -> None:
    bar, window = desk.tab.bar, desk.program.window
    assert (bar.resume.isVisible(), bar.stop.isVisible()) == (True, False)
    assert [toast.title for toast in window.toasts.shown] == ["Chain failed"]
    window.activateWindow()
    desk.canvas.setFocus()
    QTest.mouseClick(bar.resume, Qt.MouseButton.LeftButton)
    await until(lambda: len(desk.controller.runs[0].log.attempts("end")) == 2 and not desk.controller.live)
    assert len(window.toasts.shown) == 1  # of the new failure
    assert desk.canvas.hasFocus()
    desk.controller.show("")
    assert (bar.resume.isVisible(), bar.stop.isVisible()) == (False, True)


async def test_the_message_of_a_failed_run_names_the_step_and_leads_to_it(desk: Desk) -> None:
    window = desk.program.window
    (toast,) = window.toasts.shown
    assert toast.text.startswith("end: ")
    desk.program.open(OpenDocument(Workflow("Other")), None)
    assert window.active is not desk.tab
    (show,) = [button for button in toast.findChildren(QPushButton) if button.text() == "Show the step"]
    QTest.mouseClick(show, Qt.MouseButton.LeftButton)
    assert window.active is desk.tab
    assert desk.canvas.selected == {"end"}
    assert window.toasts.shown == []


async def test_the_message_of_a_run_that_failed_in_another_workflow_leads_to_the_step_that_runs_that(
    desk: Desk, tmp_path: Path
) -> None:
    save(replace(DOCUMENT, name="Inner"), tmp_path / "inner.loom.yaml")
    steps = {
        "end": Step("end", "template", config={"text": "Fine"}, then={"out": ("inner",)}),
        "inner": Step("inner", "workflow", title="Run it", config={"workflow": "inner.loom.yaml"}),
    }
    program = desk.program
    tab = program.open(OpenDocument(Workflow("Outer", steps=steps), file=tmp_path / "outer.loom.yaml"), None)
    assert tab is not None
    await until(lambda: program.running.controller(tab) is not None)
    assert program.commands.run("run.start")
    await until(lambda: any(toast.title == "Outer failed" for toast in program.window.toasts.shown))
    assert program.window.toasts.shown[-1].text.startswith("Run it: ")


async def test_how_the_shown_run_stands_is_said_as_long_as_it_is_shown(desk: Desk) -> None:
    note = desk.tab.bar.note
    assert note.text() == "Failed"
    desk.tab.document.apply("Mend", lambda w: set_config_field(w, "end", "text", "done"))
    await until(lambda: desk.canvas.look("end").chip.startswith("Stale"))
    assert note.text() == "Failed"
    desk.controller.show("")
    assert note.text() == ""
    desk.controller.show(desk.controller.runs[0].id)
    assert note.text() == "Failed"


ASKS = Workflow(
    "Asks",
    steps={
        "ask": Step("ask", "approval", title="Send it?", config={"message": "Send?", "timeout": "2d"}),
        "nap": Step("nap", "wait", config={"duration": "1d"}),
    },
)


async def test_a_run_that_asks_waits_for_an_answer_though_it_would_go_on_by_itself_one_day(desk: Desk) -> None:
    window = desk.program.window
    tab = desk.program.open(OpenDocument(ASKS), None)
    assert tab is not None
    await until(lambda: desk.program.running.controller(tab) is not None)
    controller = desk.program.running.controller(tab)
    assert controller is not None
    controller.start({})
    await until(lambda: tab.bar.note.text() == "Waits for you")
    await until(lambda: any(toast.title == "Asks waits for you" for toast in window.toasts.shown))
    controller.answer("ask", {"choice": "approve"})
    await until(lambda: tab.bar.note.text().startswith("Waits until "))
    await until(lambda: not any(toast.title == "Asks waits for you" for toast in window.toasts.shown))


async def test_the_keyboard_goes_to_the_canvas_when_its_button_has_nothing_more_to_do(desk: Desk) -> None:
    desk.program.window.activateWindow()
    desk.tab.bar.resume.setFocus()
    assert desk.tab.bar.resume.hasFocus()
    desk.controller.show("")
    assert desk.canvas.hasFocus()


async def test_a_changed_step_says_that_its_result_is_stale_and_why(desk: Desk) -> None:
    desk.canvas.select(["loud"])
    assert desk.page.strip.notices.texts == []
    desk.tab.document.apply("Change", lambda w: set_config_field(w, "hello", "text", "Hi"))
    await until(lambda: bool(desk.page.strip.notices.texts))
    assert "“Say hello” before it has changed" in desk.page.strip.notices.texts[0]
    await until(lambda: desk.canvas.look("loud").chip.startswith("Stale"))
    desk.button("Run from here").click()
    await desk.over(2)
    assert desk.controller.overlay.by_id["loud"].output == {"text": "Hi!"}


async def test_a_key_pins_the_output_of_the_selected_step(desk: Desk) -> None:
    desk.canvas.select(["hello"])
    desk.canvas.setFocus()
    desk.program.commands.action("run.pin").trigger()
    await until(lambda: desk.canvas.look("hello").chip == "Pinned")
    assert desk.button("Unpin").isVisible()
    assert desk.page.runs.actions_by_ask["pin"].text() == "Unpin the output"
    desk.button("Unpin").click()
    await until(lambda: desk.canvas.look("hello").chip != "Pinned")


async def test_parts_are_offered_by_menu_by_key_and_by_the_button_of_the_page(desk: Desk) -> None:
    names = ("run.step", "run.to_here", "run.from_here", "run.edit_output", "run.pin")
    assert set(names) <= set(CONTEXT)
    commands = desk.program.commands
    desk.canvas.select([])
    commands.refresh()
    assert not any(commands.action(name).isEnabled() for name in names)
    desk.canvas.select(["hello"])
    commands.refresh()
    assert all(commands.action(name).isEnabled() for name in names)
    assert commands.run("run.to_here")
    await desk.over(2)
    shown = desk.controller.shown
    assert shown is not None
    assert shown.outputs == {"text": "Hello"}
    desk.page.runs.actions_by_ask["until"].trigger()
    await desk.over(3)


async def test_notes_are_kept_with_the_step_and_undone_like_any_edit(desk: Desk) -> None:
    desk.canvas.select(["hello"])
    page = desk.page
    page.tabs.setCurrentIndex(TABS.index("Notes"))
    page.notes.text.setFocus()
    QTest.keyClicks(page.notes.text, "From the old macro.")
    step = desk.tab.document.workflow.step("hello")
    assert step is not None
    assert step.notes == "From the old macro."
    desk.tab.document.stack.undo()
    assert page.notes.text.toPlainText() == ""


async def test_a_bar_of_the_timeline_shows_that_very_attempt(desk: Desk) -> None:
    window = desk.program.window
    for panel in ("timeline", "values"):
        window.docks.get(panel).fill()
    (timeline,) = window.findChildren(TimelinePanel)
    (values,) = window.findChildren(ValuesPanel)
    timeline.step_selected.emit("loud", 1)
    assert desk.canvas.selected == {"loud"}
    assert values.record is not None
    assert (values.record.path, values.record.attempt) == ("loud", 1)


async def test_a_past_run_opens_on_the_document_as_it_was_then(desk: Desk) -> None:
    window = desk.program.window
    window.docks.reveal("history")
    (history,) = window.findChildren(HistoryPanel)
    await until(lambda: bool(history.rows.rows))
    history.opened.emit(history.rows.rows[0].record.id)
    await until(lambda: window.active is desk.tab)
    desk.tab.document.apply("Change", lambda w: set_config_field(w, "hello", "text", "Hi"))
    history.opened.emit(history.rows.rows[0].record.id)
    await until(lambda: window.active is not desk.tab)

    past = window.active
    assert past is not None
    assert past.document.read_only
    tabs = window.tabs
    assert [tabs.tabIcon(tabs.indexOf(tab)).isNull() for tab in (desk.tab, past)] == [True, False]
    assert "as it was when that run began" in tabs.tabToolTip(tabs.indexOf(past))
    assert past.document.workflow == DOCUMENT
    await until(lambda: past.canvas.overlay.by_id)  # type: ignore[attr-defined] # a CanvasView
    assert desk.tab.document.workflow != DOCUMENT


async def test_shift_enter_on_the_canvas_runs_to_the_step(desk: Desk) -> None:
    desk.canvas.select(["hello"])
    with_shift = Qt.KeyboardModifier.ShiftModifier
    desk.program.window.activateWindow()
    desk.canvas.setFocus()
    QTest.keyClick(desk.canvas, Qt.Key.Key_Return, with_shift)
    await desk.over(2)
    assert desk.controller.runs[-1].part.until == "hello"
