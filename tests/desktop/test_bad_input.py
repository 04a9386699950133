"""Bad input loses no work: broken and newer files, a step type that is not there, a database that goes away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QLabel

from core.resources import example
from core.workflow.document import load, save
from core.workflow.model import Step, Workflow
from desktop.canvas.view import CanvasView
from desktop.dialogs.message import MessageDialog
from desktop.dialogs.problem_report import ProblemReport
from desktop.document import OpenDocument
from desktop.memory import WindowMemory
from desktop.program import Program
from desktop.unsaved_work import FOLDER
from desktop.work_tab import WorkTab
from tests.support.desktop_drop import drop_files
from tests.support.desktop_program import made_program, real_canvas, take_apart, until
from tests.support.tcp_relay import relay_to

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")


@pytest.fixture
async def program(home: Path) -> AsyncIterator[Program]:
    WindowMemory(home).first_run_done = True
    made = await made_program(home, canvas=real_canvas)
    yield made
    await take_apart(made)


async def opened(program: Program, file: Path) -> tuple[WorkTab, CanvasView]:
    before = len(program.window.all_tabs)
    program.filing.open_files([file])
    await until(lambda: len(program.window.all_tabs) > before)
    tab = program.window.active
    assert tab is not None
    assert isinstance(tab.canvas, CanvasView)
    return tab, tab.canvas


async def test_a_broken_file_dropped_on_the_canvas_is_reported_by_line_with_its_cure(
    program: Program, tmp_path: Path
) -> None:
    tab, canvas = await opened(program, example("support_triage"))
    tab.document.apply("Rename", lambda workflow: replace(workflow, name="Mine"))
    before = tab.document.workflow
    broken = tmp_path / "broken.loom.yaml"
    broken.write_text("steploom: 1\nname: X\nsteps:\n  a:\n    type: 5\n    nonsense: true\n")
    assert drop_files(canvas.viewport(), [broken])
    await until(lambda: bool(program.window.findChildren(ProblemReport)))
    (report,) = program.window.findChildren(ProblemReport)
    shown = [label.text() for label in report.findChildren(QLabel)]
    assert shown.index("Line 5") < shown.index("Line 6")
    assert 'Write a text. Quotes make it one: "5".' in shown
    QTest.mouseClick(report.buttons["copy"], Qt.MouseButton.LeftButton)
    QTest.mouseClick(report.buttons["close"], Qt.MouseButton.LeftButton)
    assert program.window.all_tabs == [tab]
    assert tab.document.workflow is before
    assert not tab.document.is_saved


@pytest.mark.parametrize("content", [b"", b"\x00\xff\xfe", b"- just\n- a list\n", b"a: [1, 2\n", b"steploom: x\n"])
async def test_whatever_a_file_holds_it_is_reported_and_nothing_is_opened(
    program: Program, tmp_path: Path, content: bytes
) -> None:
    broken = tmp_path / "broken.loom.yaml"
    broken.write_bytes(content)
    assert drop_files(program.window.start_page.viewport(), [broken])
    await until(lambda: bool(program.window.findChildren(ProblemReport)))
    (report,) = program.window.findChildren(ProblemReport)
    assert report.problems
    report.buttons["close"].click()
    assert program.window.all_tabs == []


async def test_a_picture_is_told_from_a_workflow_and_what_concerns_no_line_concerns_the_file(
    program: Program, tmp_path: Path
) -> None:
    picture = tmp_path / "cat.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    assert drop_files(program.window.start_page.viewport(), [picture])
    await until(lambda: bool(program.window.findChildren(ProblemReport)))
    (report,) = program.window.findChildren(ProblemReport)
    shown = [label.text() for label in report.findChildren(QLabel)]
    assert "This is not a text file, so it holds no workflow." in shown
    assert "Open a file whose name ends in .loom.yaml." in shown
    assert "File" in shown
    report.buttons["close"].click()


async def test_a_dropped_workflow_is_opened(program: Program, tmp_path: Path) -> None:
    file = tmp_path / "triage.loom.yaml"
    file.write_bytes(example("support_triage").read_bytes())
    assert drop_files(program.window.start_page.viewport(), [file])
    await until(lambda: program.window.active is not None)
    assert program.window.active is not None
    assert program.window.active.document.file == file


async def test_a_newer_document_opens_to_be_looked_at_only(program: Program, tmp_path: Path) -> None:
    file = tmp_path / "newer.loom.yaml"
    text = "steploom: 99\nname: Tomorrow\nnovelty: 1\nsteps:\n  say: {type: template, config: {text: Hi}, warp: 9}\n"
    file.write_text(text)
    tab, canvas = await opened(program, file)
    assert "A newer Steploom made this (format 99" in tab.notices.text("read_only")
    assert [step.id for _, step in tab.document.workflow.walk()] == ["say"]
    canvas.select(["say"])
    canvas.setFocus()
    QTest.keyClick(canvas, Qt.Key.Key_Delete)
    assert [step.id for _, step in tab.document.workflow.walk()] == ["say"]
    for command in ("file.save", "file.save_as", "run.start", "edit.delete"):
        assert not program.commands.action(command).isEnabled()
    assert file.read_text() == text


async def test_a_step_of_a_type_that_is_not_installed_keeps_its_settings_and_wires(
    program: Program, tmp_path: Path
) -> None:
    steps = {
        "before": Step("before", "template", config={"text": "Hi"}, then={"out": ("strange",)}),
        "strange": Step(
            "strange", "acme.teleport", config={"where": "Mars", "deep": {"a": [1, None]}}, then={"there": ("after",)}
        ),
        "after": Step("after", "template", config={"text": "Done"}),
    }
    file = tmp_path / "strange.loom.yaml"
    save(Workflow("Strange", steps=steps), file)
    before = file.read_bytes()
    tab, canvas = await opened(program, file)
    shape = canvas.diagram.boxes["strange"].shape
    assert shape.form == "unknown"
    assert [port.name for port in shape.exits()] == ["there"]
    canvas.select(["strange"])
    canvas.commands.nudge(8, 0)
    tab.document.stack.undo()
    tab.document.apply("Touch", lambda workflow: replace(workflow, description="Touched"))
    tab.document.apply("Back", lambda workflow: replace(workflow, description=""))
    program.commands.run("file.save")
    await until(lambda: tab.document.is_saved)
    assert load(file).steps == load_steps(before)
    program.commands.run("run.start")
    await until(lambda: "acme.teleport" in " ".join(toast.text for toast in program.window.toasts.shown))


def load_steps(text: bytes) -> object:
    from core.workflow.document import loads

    return loads(text).steps


async def test_a_database_that_goes_away_keeps_the_edits_and_says_so(home: Path, database_url: str) -> None:
    WindowMemory(home).first_run_done = True
    parts = urlsplit(database_url)
    options = parse_qs(parts.query)
    socket = f"{options['host'][0]}/.s.PGSQL.{options['port'][0]}"
    async with relay_to(socket) as relay:
        url = f"postgresql://{parts.username or 'postgres'}@127.0.0.1:{relay.port}{parts.path}"
        program = await made_program(home, canvas=real_canvas, database_url=url)
        tab = program.open(OpenDocument(Workflow("Kept", steps={"a": Step("a", "template")})), None)
        assert tab is not None
        assert program.window.status.text("database") == "Database ready"
        tab.document.apply("Rename", lambda workflow: replace(workflow, description="Before"))

        await relay.cut()
        program.connection.watch.ask()
        await until(lambda: program.connection.watch.is_lost)
        assert program.window.status.text("database") == "The database is gone"
        assert "Your edits are kept on this computer" in tab.notices.text("database")
        tab.document.apply("Rename", lambda workflow: replace(workflow, description="While it is gone"))
        await until(lambda: any("While it is gone" in each.read_text() for each in (home / FOLDER).glob("*.unsaved")))
        other = program.open(OpenDocument(Workflow("Other")), None)
        assert other is not None
        assert other.notices.text("database")
        button = tab.notices.button("database")
        assert button is not None
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
        dialog = next(each for each in program.window.findChildren(QFileDialog) if each.isVisible())
        dialog.reject()

        await relay.mend()
        program.connection.watch.ask()
        await until(lambda: not program.connection.watch.is_lost)
        assert program.window.status.text("database") == "Database ready"
        assert tab.notices.text("database") == ""
        assert tab.document.workflow.description == "While it is gone"
        program.window.tabs.setCurrentWidget(tab)
        program.commands.run("file.save")
        await until(lambda: tab.document.is_saved)
        assert tab.document.version == 1
        await take_apart(program)


async def test_somebody_elses_newer_version_is_shown_and_both_are_kept(home: Path, database_url: str) -> None:
    WindowMemory(home).first_run_done = True
    program = await made_program(home, canvas=real_canvas, database_url=database_url)
    tab = program.open(OpenDocument(Workflow("Shared", steps={"a": Step("a", "template")})), None)
    assert tab is not None
    tab.document.apply("Describe", lambda workflow: replace(workflow, description="Mine"))
    program.commands.run("file.save")
    await until(lambda: tab.document.version == 1)
    workspace = program.session.workspace
    assert workspace is not None
    assert workspace.store is not None
    await workspace.store.workflows.save(Workflow("Shared", steps={"b": Step("b", "template")}), 1)

    tab.document.apply("Describe", lambda workflow: replace(workflow, description="Mine again"))
    program.commands.run("file.save")
    await until(lambda: bool(program.window.findChildren(MessageDialog)))
    (question,) = program.window.findChildren(MessageDialog)
    assert question.windowTitle() == "Somebody else saved “Shared” meanwhile"
    question.buttons["mine"].click()
    await until(lambda: tab.document.is_saved)
    assert [each.number for each in await workspace.store.workflows.history("Shared")] == [3, 2, 1]
    await take_apart(program)


async def test_work_that_a_killed_program_left_is_offered_and_taken_back_by_undo(home: Path, tmp_path: Path) -> None:
    WindowMemory(home).first_run_done = True
    file = tmp_path / "triage.loom.yaml"
    file.write_bytes(example("support_triage").read_bytes())
    program = await made_program(home, canvas=real_canvas)
    tab, _ = await opened(program, file)
    tab.document.apply("Rename", lambda workflow: replace(workflow, name="Half done"))
    await until(lambda: bool(list((home / FOLDER).glob("*.unsaved"))))
    await take_apart(program)  # without a question, as on a signal
    for left in (home / FOLDER).glob("*.unsaved"):  # as if by a process that is gone
        left.write_text(left.read_text().replace('"pid": ', '"pid": 4'))

    program = await made_program(home, canvas=real_canvas)
    question = program.recovery.question
    assert question is not None
    assert "Half done" in question.windowTitle()
    question.buttons["open"].click()
    await until(lambda: any(tab.title == "Half done" for tab in program.window.all_tabs))
    (found,) = program.window.all_tabs
    assert not found.document.is_saved
    assert found.document.file == file
    found.document.stack.undo()
    assert found.title == "Support triage"
    await asyncio.sleep(0)
    found.document.mark_saved()
    await take_apart(program)


async def test_settings_can_be_mended_while_the_database_cannot_be_used(home: Path) -> None:
    memory = WindowMemory(home)
    memory.first_run_done = True
    memory.flush()  # which makes the folder
    (home / "settings.toml").write_text('database_url = "postgresql://nobody@127.0.0.1:9/none?connect_timeout=1"\n')
    program = await made_program(home, canvas=real_canvas, database_url="postgresql://nobody@127.0.0.1:9/none")
    assert program.window.status.text("database") == "No database"
    program.window.status.asked.emit("database")
    await until(lambda: program.settings.dialog is not None)
    dialog = program.settings.dialog
    assert dialog is not None
    assert dialog.row("database_url").editor.value.startswith("postgresql://nobody@")
    dialog.reject()
    await take_apart(program)
