"""The library panel on a real database, by mouse and keys: searched, filed, copied, deleted, taken back, exported."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QListView, QMenu, QPushButton

from core.workflow.document import load, save
from core.workflow.model import Step, Workflow
from desktop.dialogs.problem_report import ProblemReport
from desktop.dialogs.text_prompt import TextPrompt
from desktop.memory import RecentWork, WindowMemory
from desktop.panels.library import LibraryPanel
from desktop.panels.library_delegate import chips
from desktop.panels.library_model import ENTRY, FOLDER, in_order, searchable, standing
from desktop.program import Program
from tests.support.desktop_drop import drop_files
from tests.support.desktop_program import made_program, take_apart, until

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")


def greeting(name: str, *tags: str) -> Workflow:
    return Workflow(name, tags=tags, steps={"hello": Step("hello", "template", config={"text": "Hello"})})


@pytest.fixture
async def program(home: Path, database_url: str) -> AsyncIterator[Program]:
    """A program whose library holds three workflows, one of them in a folder."""
    WindowMemory(home).first_run_done = True
    made = await made_program(home, database_url=database_url)
    store = made.filing.library
    assert store is not None
    workspace = made.session.workspace
    assert workspace is not None
    assert workspace.store is not None
    await workspace.store.workflows.save(greeting("Triage", "support"), 0, folder="Work/Support")
    await workspace.store.workflows.save(greeting("Digest", "papers"), 0)
    await workspace.store.workflows.save(greeting("Report"), 0)
    made.window.docks.reveal("library")
    await until(lambda: panel(made) is not None)
    made.library.refresh()
    await until(lambda: len(made.library.entries) == 3)
    yield made
    await take_apart(made)


def panel(program: Program) -> LibraryPanel:
    found = program.window.docks.get("library").fill()
    assert isinstance(found, LibraryPanel)
    return found


def names(program: Program) -> list[str]:
    return [entry.name for entry in panel(program).model.shown]


def index_of(program: Program, name: str) -> QModelIndex:
    model = panel(program).model
    ways = [QModelIndex()]
    while ways:
        parent = ways.pop()
        for row in range(model.rowCount(parent)):
            index = model.index(row, 0, parent)
            entry = index.data(ENTRY)
            if (entry.name if entry else index.data(FOLDER)) == name:
                return index
            ways.append(index)
    raise AssertionError(name)


def click(program: Program, name: str, *, twice: bool = False, add: bool = False) -> None:
    view = panel(program).view
    view.scrollTo(index_of(program, name))
    at = view.visualRect(index_of(program, name)).center()
    held = Qt.KeyboardModifier.ControlModifier if add else Qt.KeyboardModifier.NoModifier
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, held, at)
    if twice:
        QTest.mouseDClick(view.viewport(), Qt.MouseButton.LeftButton, held, at)


def choose_from_menu(program: Program, title: str) -> None:
    """Press the entry of the menu that stands at the selected rows."""
    menu = panel(program).menu()
    next(each for each in menu.actions() if each.text() == title).trigger()
    menu.deleteLater()


def prompt(program: Program) -> TextPrompt:
    return next(each for each in panel(program).findChildren(TextPrompt) if each.isVisible())


def say(program: Program, text: str) -> None:
    asked = prompt(program)
    asked.field.selectAll()
    QTest.keyClicks(asked.field, text)
    for popup in asked.findChildren(QListView):  # what the field offers stands in the way of the button
        popup.hide()
    QTest.mouseClick(asked.agree, Qt.MouseButton.LeftButton)


async def test_workflows_stand_in_their_folders_and_are_found_by_name_tag_and_state(program: Program) -> None:
    assert names(program) == ["Digest", "Report", "Triage"]
    assert index_of(program, "Triage").parent().data(FOLDER) == "Work/Support"
    search = panel(program).search
    for typed, found in [("supp", ["Triage"]), ("papers", ["Digest"]), ("never ran", names(program)), ("xyz", [])]:
        search.clear()
        QTest.keyClicks(search, typed)
        assert names(program) == found
    search.clear()


async def test_a_double_click_opens_a_workflow_from_the_library(program: Program) -> None:
    click(program, "Triage", twice=True)
    await until(lambda: program.window.active is not None)
    tab = program.window.active
    assert tab is not None
    assert (tab.title, tab.document.version) == ("Triage", 1)


async def test_a_run_shows_how_it_stands_in_the_library(program: Program) -> None:
    program.library.open("Report")
    await until(lambda: program.window.active is not None)
    program.commands.run("run.start")
    await until(lambda: any(e.name == "Report" and e.last_run_status == "completed" for e in program.library.entries))
    entry = next(e for e in program.library.entries if e.name == "Report")
    assert entry.last_run_at is not None
    assert standing(entry, entry.last_run_at) == "ran just now"
    assert "ran" in searchable(entry)


async def test_a_copy_gets_a_free_name_and_is_opened(program: Program) -> None:
    click(program, "Digest")
    choose_from_menu(program, "Duplicate")
    await until(lambda: "Digest 2" in program.library.names())
    await until(lambda: program.window.active is not None and program.window.active.title == "Digest 2")


async def test_what_is_deleted_comes_back_by_undo_and_from_the_bin(program: Program) -> None:
    click(program, "Digest")
    click(program, "Report", add=True)
    QTest.keyClick(panel(program).view, Qt.Key.Key_Delete)
    await until(lambda: names(program) == ["Triage"])
    toast = program.window.toasts.shown[-1]
    assert toast.title == "2 workflows are deleted"
    undo = next(b for b in toast.findChildren(QPushButton) if b.text() == "Undo")
    QTest.mouseClick(undo, Qt.MouseButton.LeftButton)
    await until(lambda: len(names(program)) == 3)

    program.library.delete(["Digest"])
    await until(lambda: [each.name for each in program.library.deleted] == ["Digest"])
    menu = panel(program).more.menu()
    assert isinstance(menu, QMenu)
    bin_action = next(action for action in menu.actions() if action.text() == "Show the bin")
    bin_action.trigger()
    assert names(program) == ["Digest"]
    click(program, "Digest")
    choose_from_menu(program, "Take back")
    await until(lambda: len(program.library.entries) == 3)
    bin_action.trigger()
    assert len(names(program)) == 3


async def test_after_deleting_the_keyboard_is_at_what_came_after(program: Program) -> None:
    click(program, "Digest")
    QTest.keyClick(panel(program).view, Qt.Key.Key_Delete)
    await until(lambda: names(program) == ["Report", "Triage"])
    assert panel(program).chosen() == ["Report"]
    assert panel(program).view.currentIndex().data(ENTRY).name == "Report"


async def test_a_folder_that_was_closed_stays_so_when_the_library_is_read_anew(program: Program) -> None:
    view = panel(program).view
    view.setExpanded(index_of(program, "Work"), False)
    click(program, "Report")
    choose_from_menu(program, "Duplicate")
    await until(lambda: "Report 2" in program.library.names())
    assert not view.isExpanded(index_of(program, "Work"))
    QTest.keyClicks(panel(program).search, "triage")
    assert view.isExpanded(index_of(program, "Work")), "what a search finds is shown"
    panel(program).search.clear()
    assert not view.isExpanded(index_of(program, "Work"))


async def test_a_new_workflow_gets_a_name_that_none_has(program: Program) -> None:
    for expected in ("Untitled workflow", "Untitled workflow 2"):
        program.commands.run("file.new")
        assert program.window.active is not None
        assert program.window.active.title == expected
    program.commands.run("file.save")
    await until(lambda: "Untitled workflow 2" in program.library.names())
    for tab in program.window.all_tabs:
        program.window.close_tab(tab)
    program.commands.run("file.new")
    program.commands.run("file.new")
    assert [tab.title for tab in program.window.all_tabs] == ["Untitled workflow", "Untitled workflow 3"]


def test_names_stand_in_the_order_in_which_people_count() -> None:
    assert sorted(["Week 10", "week 9", "Week 1 b", "A"], key=in_order) == ["A", "Week 1 b", "week 9", "Week 10"]


def test_tags_that_have_no_room_are_counted() -> None:
    assert chips(["ab", "cd"], 100, lambda text: 10 * len(text)) == ["ab", "cd"]
    assert chips(["ab", "cd", "ef", "gh"], 64, lambda text: 10 * len(text)) == ["ab", "+3"]
    assert chips(["a very long one", "b"], 64, lambda text: 10 * len(text)) == ["+2"]
    assert chips([], 64, len) == []


async def test_a_deleted_workflow_that_is_open_can_still_be_saved(program: Program) -> None:
    program.library.open("Report")
    await until(lambda: program.window.active is not None)
    tab = program.window.active
    assert tab is not None
    program.library.delete(["Report"])
    await until(lambda: not tab.document.is_saved)
    program.commands.run("file.save")
    await until(lambda: tab.document.is_saved)
    assert tab.work == RecentWork("library", "Report", "Report")


async def test_a_workflow_is_renamed_where_it_is_listed_and_where_it_is_open(program: Program) -> None:
    program.library.open("Report")
    await until(lambda: program.window.active is not None)
    tab = program.window.active
    assert tab is not None
    click(program, "Report")
    choose_from_menu(program, "Rename…")
    asked = prompt(program)
    asked.field.setText("Digest")
    assert not asked.agree.isEnabled()
    assert "already" in asked.problem.text()
    say(program, "Weekly report")
    await until(lambda: "Weekly report" in program.library.names())
    assert (tab.title, tab.document.version, tab.document.is_saved) == ("Weekly report", 2, True)


async def test_a_workflow_that_was_renamed_in_the_inspector_keeps_its_place_in_the_library(program: Program) -> None:
    program.library.open("Report")
    await until(lambda: program.window.active is not None)
    tab = program.window.active
    assert tab is not None
    tab.document.apply("Rename", lambda workflow: replace(workflow, name="Annual report"))
    program.commands.run("file.save")
    await until(lambda: tab.document.is_saved)
    await until(lambda: sorted(program.library.names()) == ["Annual report", "Digest", "Triage"])


async def test_workflows_are_filed_by_a_folders_name_and_by_a_drop(program: Program) -> None:
    click(program, "Digest")
    choose_from_menu(program, "Move to a folder…")
    say(program, " Home / Papers ")
    await until(lambda: program.library.folders() == ["Home/Papers", "Work/Support"])
    model = panel(program).model
    data = model.mimeData([index_of(program, "Report")])
    assert not model.dropMimeData(data, Qt.DropAction.CopyAction, -1, -1, index_of(program, "Home/Papers"))
    await until(lambda: index_of(program, "Report").parent().data(FOLDER) == "Home/Papers")


async def test_tags_are_given_as_words_between_commas(program: Program) -> None:
    click(program, "Report")
    choose_from_menu(program, "Tags…")
    say(program, "money, weekly,")
    await until(lambda: any(entry.tags == ("money", "weekly") for entry in program.library.entries))


async def test_dropped_files_are_imported_under_free_names_and_broken_ones_are_reported(
    program: Program, tmp_path: Path
) -> None:
    good, broken = tmp_path / "good.loom.yaml", tmp_path / "broken.loom.yaml"
    save(greeting("Report", "other"), good)
    broken.write_text("steploom: 1\nname: X\nsteps:\n  a:\n    nonsense: 1\n")
    assert drop_files(panel(program).view.viewport(), [good, broken])
    await until(lambda: "Report 2" in program.library.names())
    await until(lambda: any(each.isVisible() for each in program.window.findChildren(ProblemReport)))
    (report,) = program.window.findChildren(ProblemReport)
    assert report.windowTitle() == "broken.loom.yaml could not be opened"
    report.buttons["close"].click()


async def test_workflows_are_exported_to_files(program: Program, tmp_path: Path) -> None:
    click(program, "Digest")
    choose_from_menu(program, "Export…")
    dialog = next(each for each in panel(program).findChildren(QFileDialog) if each.isVisible())
    dialog.fileSelected.emit(str(tmp_path / "one.loom.yaml"))
    dialog.close()
    await until(lambda: (tmp_path / "one.loom.yaml").exists())
    assert load(tmp_path / "one.loom.yaml").name == "Digest"
    program.library.export_all(["Triage", "Report"], tmp_path)
    await until(lambda: (tmp_path / "report.loom.yaml").exists())
    assert load(tmp_path / "triage.loom.yaml").name == "Triage"


async def test_without_a_database_the_panel_says_so(home: Path) -> None:
    WindowMemory(home).first_run_done = True
    program = await made_program(home)
    program.window.docks.reveal("library")
    page = panel(program)._stack.currentWidget()
    assert page is panel(program)._none
    await take_apart(program)
