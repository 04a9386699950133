"""The whole window put together: it opens, saves, runs with the demo model, and is taken apart in order."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton, QWidget

from core.ids import new_run_id
from core.resources import example
from core.workflow.document import load
from core.workflow.model import Step, Workflow
from desktop.dialogs.message import MessageDialog
from desktop.dialogs.problem_report import ProblemReport
from desktop.dialogs.settings import SettingsDialog
from desktop.document import OpenDocument
from desktop.memory import RecentWork, WindowMemory
from desktop.program import Program
from desktop.work_tab import WorkTab
from tests.support.desktop_program import made_program, take_apart, until

# The platform without a screen cannot tell a window manager the least size of a dialog, and says so.
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")


@pytest.fixture
async def program(home: Path) -> AsyncIterator[Program]:
    """A program whose first run is over."""
    WindowMemory(home).first_run_done = True
    made = await made_program(home)
    yield made
    await take_apart(made)


async def opened(program: Program, file: Path) -> WorkTab:
    program.filing.open_files([file])
    await until(lambda: program.window.active is not None)
    assert program.window.active is not None
    return program.window.active


def message(program: Program) -> MessageDialog:
    (found,) = [each for each in program.window.findChildren(MessageDialog) if each.isVisible()]
    return found


async def test_the_workspace_is_opened_and_the_status_line_says_so(program: Program) -> None:
    assert program.session.workspace is not None
    assert program.window.status.text("database") == "Kept in memory"
    assert program.window.status.text("server") == "Demo model"
    assert program.window.status.text("running") == "Nothing is running"
    assert program.window.docks.get("palette").panel is not None


async def test_a_file_is_opened_changed_and_saved(program: Program, tmp_path: Path) -> None:
    file = tmp_path / "triage.loom.yaml"
    file.write_bytes(example("support_triage").read_bytes())
    tab = await opened(program, file)
    tab.document.apply("Rename", lambda workflow: replace(workflow, name="Other"))
    program.commands.run("file.save")
    await until(lambda: tab.document.is_saved)
    assert load(file).name == "Other"
    assert program.window.toasts.shown[-1].title == "Other is saved"


async def test_a_broken_file_is_reported_with_its_line_and_leaves_open_work_as_it_was(
    program: Program, tmp_path: Path
) -> None:
    tab = await opened(program, example("support_triage"))
    broken = tmp_path / "broken.loom.yaml"
    broken.write_text("steploom: 1\nname: X\nsteps:\n  a:\n    type: 5\n    nonsense: true\n")
    program.filing.open_files([broken])
    await until(lambda: bool(program.window.findChildren(ProblemReport)))
    (dialog,) = program.window.findChildren(ProblemReport)
    assert dialog.windowTitle() == "broken.loom.yaml could not be opened"
    assert "line 5" in dialog.text()
    dialog.buttons["close"].click()
    assert program.window.all_tabs == [tab]
    assert tab.document.is_saved


async def test_a_file_that_is_not_there_is_said(program: Program, tmp_path: Path) -> None:
    program.filing.open_files([tmp_path / "gone.loom.yaml"])
    await until(lambda: bool(program.window.findChildren(MessageDialog)))
    message(program).buttons["close"].click()
    assert program.window.all_tabs == []


async def test_an_example_is_opened_as_new_work(program: Program) -> None:
    program.filing.open_example(example("support_triage"))
    await until(lambda: program.window.active is not None)
    tab = program.window.active
    assert tab is not None
    assert (tab.document.file, tab.work) == (None, None)
    assert program.memory.recent == ()


async def test_closing_with_unsaved_work_asks_and_saves(program: Program, tmp_path: Path) -> None:
    file = tmp_path / "triage.loom.yaml"
    file.write_bytes(example("support_triage").read_bytes())
    tab = await opened(program, file)
    tab.document.apply("Rename", lambda workflow: replace(workflow, name="Other"))
    program.window.close()
    assert program.window.isVisible()
    program.window.close()  # asking again asks once
    message(program).buttons["save"].click()
    await until(lambda: not program.window.isVisible())
    assert load(file).name == "Other"


@pytest.mark.parametrize(("button", "stays"), [("cancel", True), ("discard", False)])
async def test_closing_with_unsaved_work_can_be_given_up_or_lose_it(program: Program, button: str, stays: bool) -> None:
    tab = await opened(program, example("support_triage"))
    tab.document.apply("Rename", lambda workflow: replace(workflow, name="Other"))
    program.window.close()
    message(program).buttons[button].click()
    assert program.window.isVisible() is stays
    assert load(example("support_triage")).name == "Support triage"


async def test_saving_without_a_place_and_a_database_says_what_to_do(program: Program) -> None:
    program.filing.new()
    tab = program.window.active
    assert tab is not None
    program.filing.save(tab)
    dialog = message(program)
    assert dialog.windowTitle() == "Untitled workflow is not saved"
    dialog.buttons["close"].click()


def note_workflow(value: str) -> Workflow:
    return Workflow("Greeting", steps={"hello": Step("hello", "template", config={"text": value})})


async def test_run_executes_the_workflow_in_front(program: Program) -> None:
    tab = program.open(OpenDocument(note_workflow("Hello {{ 1 + 1 }}")), None)
    assert tab is not None
    assert program.commands.run("run.start")
    await until(lambda: tab.bar.note.text().startswith("Done in"))
    controller = program.running.controller(tab)
    assert controller is not None
    assert controller.shown is not None
    assert controller.shown.status == "completed"
    assert not tab.is_running
    assert program.window.status.text("running") == "Nothing is running"


async def test_a_workflow_with_errors_says_why_it_cannot_run(program: Program) -> None:
    tab = program.open(OpenDocument(note_workflow("{{ nobody.text }}")), None)
    assert tab is not None
    program.commands.run("run.start")
    await until(lambda: bool(program.window.toasts.shown))
    toast = program.window.toasts.shown[-1]
    assert toast.title == "Greeting cannot run"
    assert "nobody" in toast.text
    wanted: list[str] = []
    tab.step_wanted.connect(wanted.append)
    (show,) = [button for button in toast.findChildren(QPushButton) if button.text()]
    QTest.mouseClick(show, Qt.MouseButton.LeftButton)
    assert not program.window.docks.get("problems").visibleRegion().isEmpty()
    assert wanted == ["hello"]


async def test_stop_ends_a_run(program: Program) -> None:
    step = Step("pause", "wait", config={"duration": "30s"})
    tab = program.open(OpenDocument(Workflow("Long", steps={"pause": step})), None)
    assert tab is not None
    controller = program.running.controller(tab)
    assert controller is not None
    program.commands.run("run.start")
    await until(lambda: bool(controller.runs))
    program.commands.run("run.stop")
    await until(lambda: not controller.live)
    assert not tab.is_running


async def test_stop_is_about_the_shown_run_also_while_that_waits_for_a_worker(program: Program) -> None:
    step = Step("pause", "wait", config={"duration": "30s"})
    tab = program.open(OpenDocument(Workflow("Long", steps={"pause": step})), None)
    assert tab is not None
    controller, workspace = program.running.controller(tab), program.session.workspace
    assert controller is not None
    assert workspace is not None
    program.commands.run("run.start")
    await until(lambda: tab.is_running)
    (run,) = controller.runs
    await until(lambda: bool(run.overlay.by_id))
    controller.show("")
    assert not tab.is_running
    queued = replace(await workspace.journal.run(run.id), id=new_run_id(), status="queued")
    await workspace.journal.close_run(await workspace.journal.open_run(queued))
    controller.open_past(queued.id)
    await until(lambda: tab.is_running)
    program.commands.run("run.stop")
    await until(lambda: not tab.is_running)
    assert (await workspace.journal.run(queued.id)).status == "cancelled"
    assert run.live
    controller.show(run.id)
    assert tab.is_running


async def test_settings_are_shown_checked_and_saved(program: Program) -> None:
    program.commands.run("file.settings")
    await until(lambda: program.settings.dialog is not None)
    dialog = program.settings.dialog
    assert isinstance(dialog, SettingsDialog)
    dialog.row("default_model").editor.show("other/model")
    dialog.row("default_model").editor.changed.emit()
    assert dialog.save.isEnabled()
    dialog.save.click()
    await until(lambda: any(toast.title == "Settings saved" for toast in program.window.toasts.shown))
    assert 'default_model = "other/model"' in (program.session.home / "settings.toml").read_text()
    assert program.session.workspace is not None
    assert program.session.workspace.settings.default_model == "other/model"


async def test_runs_go_on_after_the_settings_were_saved(program: Program) -> None:
    tab = program.open(OpenDocument(note_workflow("Hello")), None)
    assert tab is not None
    await program.session.reopen()
    program.commands.run("run.start")
    await until(lambda: tab.bar.note.text().startswith("Done in"))


async def test_the_palette_offers_actions_steps_and_settings(program: Program) -> None:
    program.open(OpenDocument(note_workflow("Hello")), None)
    wanted: list[str] = []
    assert program.window.active is not None
    program.window.active.step_wanted.connect(wanted.append)
    palette = program.window.palette_window
    for typed, found in [
        ("@hello", "step:hello"),
        ("chat model", "setting:default_model"),
        (">save", "command:file.save"),
    ]:
        palette.open(typed)
        assert palette.shown()[0].entry.id == found
    palette.open("@hello")
    palette.shown()[0].entry.run()
    assert wanted == ["hello"]
    palette.dismiss()


async def test_a_past_run_is_found_in_the_palette_and_shown_on_its_document(program: Program) -> None:
    tab = program.open(OpenDocument(note_workflow("Hello")), None)
    assert tab is not None
    program.commands.run("run.start")
    await until(lambda: tab.bar.note.text().startswith("Done in"))
    palette = program.window.palette_window
    await until(lambda: bool(list(program.recent_runs.provider().entries())))
    program.window.close_tab(tab)
    palette.open("#greet")
    (hit,) = palette.shown()
    assert hit.entry.path == "completed"
    palette.dismiss()
    hit.entry.run()
    assert program.window.active is not None
    assert program.window.active.document.read_only
    controller = program.running.controller(program.window.active)
    assert controller is not None
    await until(lambda: controller.shown is not None)


async def test_files_of_the_command_line_are_opened_instead_of_the_last_work(home: Path) -> None:
    memory = WindowMemory(home)
    memory.first_run_done = True
    memory.open_work = [RecentWork("file", str(example("api_report")), "API report")]
    memory.flush()
    program = await made_program(home, files=(example("support_triage"),))
    await until(lambda: bool(program.window.all_tabs))
    assert [tab.title for tab in program.window.all_tabs] == ["Support triage"]
    await take_apart(program)


async def test_what_was_open_last_is_opened_again(home: Path) -> None:
    memory = WindowMemory(home)
    memory.first_run_done = True
    memory.open_work = [RecentWork("file", str(example("api_report")), "API report")]
    memory.flush()
    program = await made_program(home)
    await until(lambda: bool(program.window.all_tabs))
    assert [tab.title for tab in program.window.all_tabs] == ["API report"]
    await take_apart(program)


async def test_a_database_that_cannot_be_used_leaves_drawing_possible(home: Path) -> None:
    WindowMemory(home).first_run_done = True
    program = await made_program(home, database_url="postgresql://nobody@127.0.0.1:9/none?connect_timeout=1")
    assert program.window.status.text("database") == "No database"
    toast = program.window.toasts.shown[-1]
    assert toast.title == "The database cannot be used"
    program.filing.new()
    assert program.window.active is not None
    program.filing.save(program.window.active)
    message(program).buttons["close"].click()
    await take_apart(program)


async def test_the_first_run_offers_the_demo_model_and_does_not_come_again(home: Path) -> None:
    program = await made_program(home)
    assert program.models.choice is not None
    page = program.window.start_page.findChildren(QWidget)
    assert any(each.accessibleName() == "Where should models come from?" for each in page)
    from desktop.first_run import FirstRun

    first = program.window.start_page.findChildren(FirstRun)[0]
    first.demo.click()
    assert first.isHidden()
    assert program.memory.first_run_done
    assert program.session.workspace is not None
    assert program.session.workspace.demo
    await take_apart(program)
    again = await made_program(home)
    assert again.models.choice is None
    await take_apart(again)


async def test_new_work_is_kept_in_the_library_and_opened_from_there(home: Path, database_url: str) -> None:
    WindowMemory(home).first_run_done = True
    program = await made_program(home, database_url=database_url)
    assert program.window.status.text("database") == "Database ready"
    tab = program.open(OpenDocument(note_workflow("Hello")), None)
    assert tab is not None
    tab.document.apply("Describe", lambda workflow: replace(workflow, description="It greets."))
    program.commands.run("file.save")
    await until(lambda: tab.document.is_saved)
    assert (tab.document.version, tab.work) == (1, RecentWork("library", "Greeting", "Greeting"))
    await take_apart(program)

    again = await made_program(home, database_url=database_url)
    await until(lambda: bool(again.window.all_tabs))
    (found,) = again.window.all_tabs
    assert (found.title, found.document.version) == ("Greeting", 1)
    assert found.document.workflow.description == "It greets."
    await take_apart(again)
