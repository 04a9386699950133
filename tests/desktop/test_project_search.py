"""Searching and replacing in all workflows: what is found, what is shown before, what is replaced and what is not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QTreeWidgetItem

from core.workflow.document import save
from core.workflow.model import Step, Workflow
from desktop.canvas.view import CanvasView
from desktop.dialogs.search import SearchDialog
from desktop.memory import WindowMemory
from desktop.program import Program
from desktop.project_search import MOST_FIELDS, Query, Source, search
from tests.support.desktop_program import made_program, real_canvas, take_apart, until

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")


def letter(name: str, text: str) -> Workflow:
    return Workflow(name, steps={"greet": Step("greet", "template", title="Greet", config={"text": text})})


def test_every_field_is_found_with_what_a_replacement_would_make_of_it() -> None:
    first = Source(letter("First", "Dear Sir,\nSir and Madam"))
    found = search([first, Source(letter("Sir", "Hello"))], Query("sir", "Lady"))
    assert [(one.source.title, one.place, len(one.hits)) for one in found] == [
        ("First", "Greet · text", 2), ("Sir", "name", 1),
    ]  # fmt: skip
    assert found[0].change is not None
    assert found[0].change.after == "Dear Lady,\nLady and Madam"


def test_ids_are_found_but_not_replaced() -> None:
    (found,) = [one for one in search([Source(letter("W", "x"))], Query("greet", "y")) if one.hits[0].field == ("id",)]
    assert found.change is None


def test_no_more_fields_are_listed_than_anyone_can_read() -> None:
    steps = {f"s{i}": Step(f"s{i}", "template", config={"text": "a"}) for i in range(MOST_FIELDS)}
    assert len(search([Source(Workflow("a", steps=steps))], Query("a"))) == MOST_FIELDS


@pytest.fixture
async def program(home: Path, database_url: str, tmp_path: Path) -> AsyncIterator[Program]:
    """Three workflows hold the text: one is open from a file, two are in the library."""
    WindowMemory(home).first_run_done = True
    made = await made_program(home, canvas=real_canvas, database_url=database_url)
    assert made.session.workspace is not None
    assert made.session.workspace.store is not None
    store = made.session.workspace.store.workflows
    await store.save(letter("Kept", "Ask gpt-4 kindly"), 0)
    await store.save(letter("Other", "Ask gpt-4 twice: GPT-4"), 0)
    save(letter("Open", "Ask gpt-4 now"), file := tmp_path / "open.loom.yaml")
    made.filing.open_files([file])
    made.library.refresh()
    await until(lambda: len(made.library.entries) == 2 and made.window.active is not None)
    yield made
    await take_apart(made)


async def asked(program: Program, text: str, new: str = "") -> SearchDialog:
    program.commands.run("edit.search_all")
    dialog = program.project_search.dialog
    assert dialog is not None
    await until(lambda: not program.project_search.is_loading)
    QTest.keyClicks(dialog.text, text)
    QTest.keyClicks(dialog.new, new)
    QTest.keyClick(dialog.new, Qt.Key.Key_Return)
    return dialog


def rows(dialog: SearchDialog) -> dict[str, list[QTreeWidgetItem]]:
    found: dict[str, list[QTreeWidgetItem]] = {}
    for at in range(dialog.tree.topLevelItemCount()):
        top = dialog.tree.topLevelItem(at)
        assert top is not None
        found[top.text(0)] = [one for row in range(top.childCount()) if (one := top.child(row)) is not None]
    return found


async def stored(program: Program, name: str) -> str:
    assert program.filing.library is not None
    workflow = (await program.filing.library.get(name)).workflow
    return str(workflow.steps["greet"].config["text"])


async def test_the_replacement_is_shown_before_it_is_made_and_ticks_decide(program: Program) -> None:
    dialog = await asked(program, "gpt-4", "gpt-5")
    await until(lambda: len(rows(dialog)) == 3)
    (other,) = rows(dialog)["Other"]
    assert (other.text(1), other.text(2)) == ("Ask gpt-4 twice: GPT-4", "Ask gpt-5 twice: gpt-5")
    other.setCheckState(0, Qt.CheckState.Unchecked)
    assert dialog.act.text() == "Replace in 2 fields"
    QTest.mouseClick(dialog.act, Qt.MouseButton.LeftButton)
    await until(lambda: dialog.note.text() == "Replaced in 2 fields of 2 workflows.")
    assert program.window.active is not None
    document = program.window.active.document
    assert document.workflow.steps["greet"].config["text"] == "Ask gpt-5 now"
    assert document.stack.undoText() == "Replace “gpt-4” with “gpt-5”"
    assert await stored(program, "Kept") == "Ask gpt-5 kindly"
    assert await stored(program, "Other") == "Ask gpt-4 twice: GPT-4"
    program.commands.run("edit.undo")
    assert document.workflow.steps["greet"].config["text"] == "Ask gpt-4 now"


async def test_case_and_whole_words_narrow_the_search(program: Program) -> None:
    dialog = await asked(program, "GPT-4")
    await until(lambda: len(rows(dialog)) == 3)
    assert not dialog.act.isEnabled()
    QTest.mouseClick(dialog.match_case, Qt.MouseButton.LeftButton)
    await until(lambda: [*rows(dialog)] == ["Other"])
    dialog.text.clear()
    QTest.keyClicks(dialog.text, "gp")
    dialog.match_case.setChecked(False)
    dialog.whole_words.setChecked(True)
    await until(lambda: dialog.note.text() == "Nothing holds that text.")


async def test_a_row_leads_to_its_step_in_an_open_workflow_and_in_one_of_the_library(program: Program) -> None:
    dialog = await asked(program, "gpt-4")
    await until(lambda: len(rows(dialog)) == 3)
    (row,) = rows(dialog)["Open"]
    dialog.tree.itemActivated.emit(row, 0)
    tab = program.window.active
    assert tab is not None
    assert isinstance(tab.canvas, CanvasView)
    assert tab.canvas.selected == {"greet"}
    (row,) = rows(dialog)["Kept"]
    dialog.tree.itemActivated.emit(row, 0)
    await until(lambda: program.window.active is not None and program.window.active.title == "Kept")
    opened = program.window.active
    assert opened is not None
    canvas = opened.canvas
    assert isinstance(canvas, CanvasView)
    await until(lambda: canvas.selected == {"greet"})


async def test_what_somebody_else_saved_meanwhile_is_not_overwritten(program: Program) -> None:
    dialog = await asked(program, "kindly", "soon")
    await until(lambda: len(rows(dialog)) == 1)
    assert program.filing.library is not None
    await program.filing.library.save(letter("Kept", "Quite another text"), 1)
    QTest.mouseClick(dialog.act, Qt.MouseButton.LeftButton)
    await until(lambda: dialog.note.text().startswith("Not everything was replaced. Kept:"))
    assert await stored(program, "Kept") == "Quite another text"


async def test_the_search_is_open_once_and_goes_with_escape(program: Program) -> None:
    dialog = await asked(program, "x")
    program.commands.run("edit.search_all")
    assert program.project_search.dialog is dialog
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    await until(lambda: program.project_search.dialog is None)
