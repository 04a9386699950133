"""A new user makes a scheduled workflow in the window and closes it: its runs are there when it is opened again."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QWidget

from core.engine.testing import ManualClock
from core.service.control import ServiceControl
from core.settings import change
from core.workspace import Workspace
from desktop.bridge import Bridge
from desktop.canvas.view import CanvasView
from desktop.panels.history import HistoryPanel
from desktop.panels.inspector import Inspector
from desktop.panels.palette import Palette
from desktop.panels.step_page import StepPage
from desktop.panels.trigger_switch import TriggerSwitch
from desktop.panels.workflow_form import WorkflowForm
from desktop.panels.workflow_page import WorkflowPage
from desktop.program import Program
from desktop.session import Session
from tests.support.desktop_program import real_canvas, take_apart, until
from tests.support.http_service import running

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")  # offscreen

NAME = "Heartbeat"


@pytest.fixture
def home() -> Iterator[Path]:
    """A data folder with a database server of its own, which another user may reach if this one is root."""
    folder = Path(tempfile.mkdtemp(prefix="steploom-walk-"))
    folder.chmod(0o755)
    change(folder, service={"port": 0})
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def window(home: Path, database_url: str = "") -> AsyncIterator[Program]:
    """The whole program, as it is opened and closed by a person."""
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    bridge = Bridge(asyncio.get_running_loop())
    program = Program(app, Session(home, database_url=database_url), bridge, canvas=real_canvas)
    program.window.resize(1500, 1100)
    program.window.show()
    try:
        await program.start()
        await until(lambda: program.service.state is not None, 60)
        yield program
    finally:
        await take_apart(program)


def click(widget: QWidget) -> None:
    assert widget.isVisible()
    assert widget.isEnabled()
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)


def button(program: Program, text: str) -> QAbstractButton:
    """The visible button of that text."""
    found = [each for each in program.window.findChildren(QAbstractButton) if each.text().strip() == text]
    return next(each for each in found if each.isVisible())


def page(program: Program) -> WorkflowForm:
    """The inspector's page of the workflow."""
    (inspector,) = program.window.findChildren(Inspector)
    assert isinstance(inspector.page, WorkflowPage)
    return inspector.page.form


async def draw(program: Program) -> None:
    """From the first start to a workflow of one step: choose the demo model, add a step by hand, name and text it."""
    click(button(program, "Use the demo model"))
    await until(lambda: program.memory.demo)
    click(button(program, "New workflow"))
    tab = program.window.active
    assert tab is not None
    (palette,) = program.window.findChildren(Palette)
    palette.search.setFocus()
    QTest.keyClicks(palette.search, "Text")
    QTest.keyClick(palette.search, Qt.Key.Key_Return)
    await until(lambda: len(tab.document.workflow.steps) == 1)
    (inspector,) = program.window.findChildren(Inspector)
    await until(lambda: isinstance(inspector.page, StepPage))
    assert isinstance(inspector.page, StepPage)
    field = inspector.page.settings.rows["text"].keyboard()
    field.setFocus()
    QTest.keyClicks(field, "Still here")
    assert isinstance(tab.canvas, CanvasView)
    QTest.mouseClick(tab.canvas.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(8, 8))
    await until(lambda: isinstance(inspector.page, WorkflowPage))
    assert isinstance(inspector.page, WorkflowPage)
    title = inspector.page.header.title
    title.setFocus()
    title.selectAll()
    QTest.keyClicks(title, NAME)
    QTest.keyClick(title, Qt.Key.Key_Return)
    assert tab.document.workflow.name == NAME


def schedule(program: Program, every: str = "") -> None:
    """Choose a schedule in the inspector; every: instead of the times that it comes with."""
    choice = page(program).about.rows["trigger"].keyboard()
    choice.setFocus()
    for _ in range(2):
        QTest.keyClick(choice, Qt.Key.Key_Down)
    if every:
        rows = page(program).trigger.form.rows
        cron = rows["cron"].keyboard()
        cron.setFocus()
        QTest.keyClick(cron, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
        QTest.keyClick(cron, Qt.Key.Key_Delete)
        rows["every"].keyboard().setFocus()
        QTest.keyClicks(rows["every"].keyboard(), every)
        QTest.keyClick(rows["every"].keyboard(), Qt.Key.Key_Return)


async def save_and_switch_on(program: Program) -> TriggerSwitch:
    program.window.commands.action("file.save").trigger()
    assert program.window.active is not None
    document = program.window.active.document
    await until(lambda: document.is_saved and document.version == 1)
    strip = page(program).switch
    await until(lambda: strip.switch_button.isVisible())
    click(strip.switch_button)
    await until(lambda: strip.title.text() == "Active")
    return strip


async def find_runs(program: Program, least: int) -> HistoryPanel:
    """Look into the history of the workflow that was open last."""
    await until(lambda: program.window.active is not None and program.window.active.title == NAME, 60)
    program.window.docks.reveal("history")
    await until(lambda: bool(program.window.findChildren(HistoryPanel)))
    (history,) = program.window.findChildren(HistoryPanel)
    await until(lambda: history.table.model().rowCount() >= least, 60)
    return history


async def test_the_service_goes_on_with_it_while_the_window_is_closed(home: Path) -> None:
    control = ServiceControl(home)
    try:
        async with window(home) as program:
            await draw(program)
            schedule(program, every="1s")
            strip = await save_and_switch_on(program)
            click(strip.service_button)
            await until(lambda: bool(program.service.address), 120)
            assert "also when this window is closed" in strip.who.text()
            program.window.close()

        assert (await control.look()).kind == "running"
        closed = datetime.now(UTC)
        async with Workspace.open(home) as looking, asyncio.timeout(120):

            async def done() -> int:
                runs = await looking.journal.runs(workflow=NAME, status="completed", since=closed)
                return len(runs)

            while await done() < 2:  # noqa: ASYNC110 - the service tells nobody
                await asyncio.sleep(0.05)

        async with window(home) as program:
            assert program.service.address
            history = await find_runs(program, 2)
            table = history.table
            at = table.visualRect(table.model().index(0, 0)).center()
            QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=at)
            click(button(program, "Open"))
            assert program.window.active is not None
            controller = program.running.controller(program.window.active)
            assert controller is not None
            await until(lambda: controller.shown is not None and controller.shown.status == "completed", 60)
            strip = page(program).switch
            await until(lambda: any(said.startswith("Done") for _, said in strip.past.texts))
            click(strip.switch_button)
            await until(lambda: strip.title.text() == "Not active")
            program.window.commands.run("service.stop")
            await until(lambda: program.window.status.text("service") == "Service off", 90)
    finally:
        await control.end_now()


async def test_the_default_times_of_a_working_week_are_kept_by_a_service_whose_clock_is_moved(
    home: Path, database_url: str
) -> None:
    clock = ManualClock(datetime.now(UTC))  # before it is switched on, so that the first time is still to come
    async with window(home, database_url) as program:
        await draw(program)
        schedule(program)
        strip = await save_and_switch_on(program)
        assert strip.next.text().endswith("09:00 UTC")
        program.window.close()

    async with Workspace.open(home, database_url=database_url, clock=clock, demo=True) as workspace:
        assert workspace.store is not None
        schedules = workspace.store.schedules
        async with running(workspace), asyncio.timeout(120):
            for day in range(1, 6):
                due = await schedules.next_due()
                assert due is not None
                await clock.advance((due - clock.now()).total_seconds())
                while await schedules.next_due() == due:
                    if clock.now() < due + timedelta(seconds=20):  # a minute later it would count as missed
                        await clock.advance(0.25)  # the service looks every second of its clock
                    await asyncio.sleep(0.01)  # the database answers on a thread of its own
                while len(runs := await workspace.journal.runs(workflow=NAME, status="completed")) < day:  # noqa: ASYNC110 - the database tells nobody
                    await asyncio.sleep(0.01)
    times = sorted(run.labels["scheduled_for"] for run in runs)
    assert len(times) == 5
    assert all(datetime.fromisoformat(at).hour == 9 and datetime.fromisoformat(at).weekday() < 5 for at in times)

    async with window(home, database_url) as program:
        await find_runs(program, 5)
