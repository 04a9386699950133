"""Making workflows of steps and putting them back, exporting, and the menu at the pointer, in the whole window."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtPrintSupport import QPrintDialog, QPrinter
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QMenu, QProgressDialog, QPushButton

from core.workflow.document import load, save
from core.workflow.model import Step, Workflow
from desktop import export_commands
from desktop.canvas.printing import print_on, printer_for
from desktop.canvas.view import CanvasView
from desktop.canvas_commands import CONTEXT
from desktop.canvas_signals import context_menu
from desktop.dialogs.text_prompt import TextPrompt
from desktop.memory import WindowMemory
from desktop.program import Program
from tests.support.desktop_program import made_program, real_canvas, take_apart, until

pytestmark = pytest.mark.qt_log_ignore(
    "This plugin does not support propagateSizeHints",
    "This plugin does not support raise",
    "This plugin does not support grabbing the keyboard",
)

STEPS = {
    "ask": Step("ask", "template", title="Ask", config={"text": "Dear {{ input.name }}"}, then={"out": ("praise",)}),
    "praise": Step("praise", "template", title="Praise", config={"text": "{{ ask.text }}!"}, then={"out": ("send",)}),
    "send": Step("send", "template", title="Send", config={"text": "{{ praise.text }}"}),
}
LETTER = Workflow(
    "Letter",
    inputs={"name": {"type": "string"}},
    steps=STEPS,
    outputs={"text": "{{ send.text }}"},
    layout={"ask": (0.0, 0.0), "praise": (320.0, 0.0), "send": (640.0, 0.0)},
)


@pytest.fixture
async def program(home: Path) -> AsyncIterator[Program]:
    WindowMemory(home).first_run_done = True
    made = await made_program(home, canvas=real_canvas)
    yield made
    await take_apart(made)


async def letter(program: Program, folder: Path) -> CanvasView:
    file = folder / "letter.loom.yaml"
    save(LETTER, file)
    program.filing.open_files([file])
    await until(lambda: program.window.active is not None and program.window.active.document.file == file)
    assert program.window.active is not None
    canvas = program.window.active.canvas
    assert isinstance(canvas, CanvasView)
    return canvas


def prompt(program: Program) -> TextPrompt:
    (found,) = [one for one in program.window.findChildren(TextPrompt) if one.isVisible()]
    return found


async def test_selected_steps_become_a_workflow_beside_this_one_and_come_back(program: Program, tmp_path: Path) -> None:
    canvas = await letter(program, tmp_path)
    canvas.select(["ask", "praise"])
    assert program.commands.run("step.extract")
    QTest.keyClicks(prompt(program).field, "Warm words")
    QTest.keyClick(prompt(program).field, Qt.Key.Key_Return)
    await until(lambda: canvas.document.workflow.steps.keys() == {"warm_words", "send"})
    made = load(tmp_path / "warm_words.loom.yaml")
    assert made.steps.keys() == {"ask", "praise"}
    assert [*made.inputs] == ["name"]
    (result,) = made.outputs
    assert canvas.document.workflow.steps["send"].config["text"] == f"{{{{ warm_words.{result} }}}}"
    assert canvas.selected == {"warm_words"}
    assert program.window.toasts.shown[-1].title == "“Warm words” is a workflow of its own"

    assert program.commands.run("step.inline")
    await until(lambda: len(canvas.document.workflow.steps) == 3)
    names = {step.title: step for step in canvas.document.workflow.steps.values()}
    assert names["Praise"].then == {"out": ("send",)}
    assert len(canvas.selected) == 2
    for _ in range(2):
        program.commands.run("edit.undo")
    assert canvas.document.workflow == LETTER


async def test_a_name_that_is_taken_is_said_before_anything_is_written(program: Program, tmp_path: Path) -> None:
    canvas = await letter(program, tmp_path)
    (tmp_path / "taken.loom.yaml").write_text("not to be lost")
    canvas.select(["praise"])
    program.commands.run("step.extract")
    asked = prompt(program)
    QTest.keyClicks(asked.field, "Taken")
    assert "There is a file taken.loom.yaml already" in asked.problem.text()
    assert not asked.agree.isEnabled()
    QTest.keyClick(asked, Qt.Key.Key_Escape)
    assert (tmp_path / "taken.loom.yaml").read_text() == "not to be lost"


async def test_steps_with_another_between_them_are_refused_with_the_reason(program: Program, tmp_path: Path) -> None:
    canvas = await letter(program, tmp_path)
    canvas.select(["ask", "send"])
    program.commands.run("step.extract")
    assert "Praise" in program.window.toasts.shown[-1].text
    assert not [one for one in program.window.findChildren(TextPrompt) if one.isVisible()]


async def test_a_workflow_kept_nowhere_is_extracted_into_a_tab_of_its_own(program: Program) -> None:
    program.filing.new()
    tab = program.window.active
    assert tab is not None
    assert isinstance(tab.canvas, CanvasView)
    tab.document.apply("Fill", lambda _: LETTER)
    tab.canvas.select(["ask"])
    program.commands.run("step.extract")
    QTest.keyClicks(prompt(program).field, "Opening")
    QTest.keyClick(prompt(program).field, Qt.Key.Key_Return)
    await until(lambda: "opening" in tab.document.workflow.steps)
    assert program.window.active is tab
    other = next(one for one in program.window.all_tabs if one is not tab)
    assert other.title == "Opening"
    assert not other.document.is_saved


async def test_a_workflow_that_is_not_there_cannot_be_put_back(program: Program, tmp_path: Path) -> None:
    canvas = await letter(program, tmp_path)
    lost = Step("lost", "workflow", title="Lost", config={"workflow": "gone"})
    canvas.document.apply("Add", lambda w: Workflow(w.name, steps={"lost": lost}))
    canvas.select(["lost"])
    program.commands.run("step.inline")
    await until(lambda: bool(program.window.toasts.shown))
    assert "no workflow “gone”" in program.window.toasts.shown[-1].text


def entries(menu: QMenu) -> dict[str, QAction]:
    found: dict[str, QAction] = {}
    for action in menu.actions():
        inner = action.menu()
        found |= entries(inner) if isinstance(inner, QMenu) else {action.text(): action}
    return found


async def test_the_menu_at_the_pointer_offers_what_can_be_done_there(program: Program, tmp_path: Path) -> None:
    canvas = await letter(program, tmp_path)
    box = canvas.diagram.boxes["praise"]
    x, y = canvas.camera.to_window(box.x + 120.0, box.y + 18.0)
    QTest.mouseClick(
        canvas.viewport(), Qt.MouseButton.RightButton, Qt.KeyboardModifier.NoModifier, QPoint(round(x), round(y))
    )
    (menu,) = [one for one in program.window.findChildren(QMenu) if one.isVisible()]
    offered = entries(menu)
    assert {"Extract into a workflow…", "Put into a new loop…", "Cut a wire…", "Delete and rejoin"} <= {*offered}
    assert "Replace by its steps" not in offered
    assert "Take out of the loop" not in offered
    menu.close()
    offered["Put into a group"].trigger()
    assert next(iter(canvas.document.workflow.groups.values())).steps == ("praise",)
    coloured = entries(context_menu(program.window, CONTEXT))
    coloured["Green"].trigger()
    assert next(iter(canvas.document.workflow.groups.values())).colour == "green"


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
async def test_the_workflow_is_exported_by_the_menu(program: Program, tmp_path: Path, suffix: str) -> None:
    await letter(program, tmp_path)
    program.commands.run(f"file.export.{suffix}")
    (dialog,) = [one for one in program.window.findChildren(QFileDialog) if one.isVisible()]
    file = tmp_path / f"letter.{suffix}"
    assert [Path(name) for name in dialog.selectedFiles()] == [file]
    dialog.fileSelected.emit(str(file))
    dialog.reject()
    await until(lambda: file.is_file() and program.bridge.busy == 0)
    assert file.stat().st_size > 1_000
    assert program.window.toasts.shown[-1].title == f"letter.{suffix} is written"


async def test_a_picture_that_cannot_be_written_is_said(program: Program, tmp_path: Path) -> None:
    await letter(program, tmp_path)
    program.commands.run("file.export.png")
    (dialog,) = [one for one in program.window.findChildren(QFileDialog) if one.isVisible()]
    dialog.fileSelected.emit(str(tmp_path / "nowhere" / "letter.png"))
    dialog.reject()
    await until(lambda: bool(program.window.toasts.shown))
    assert "There is no folder" in program.window.toasts.shown[-1].text


async def test_the_mermaid_text_is_copied(program: Program, tmp_path: Path) -> None:
    await letter(program, tmp_path)
    program.commands.run("file.export.mermaid")
    text = QGuiApplication.clipboard().text()
    assert "flowchart LR" in text
    assert 's2["Praise"]' in text


async def test_the_workflow_is_printed_on_one_page_in_light_colours(program: Program, tmp_path: Path) -> None:
    canvas = await letter(program, tmp_path)
    program.themes.choose("dark")
    printer = printer_for(canvas)
    printer.setOutputFormat(QPrinter.OutputFormat.PdfFormat)
    printer.setOutputFileName(str(tmp_path / "paper.pdf"))
    await print_on(printer, canvas)
    content = (tmp_path / "paper.pdf").read_bytes()
    assert content.startswith(b"%PDF")
    assert content.count(b"/Type /Page\n") == 1


async def test_print_asks_for_a_printer_without_holding_the_window_up(program: Program, tmp_path: Path) -> None:
    await letter(program, tmp_path)
    program.commands.run("file.print")
    (dialog,) = program.window.findChildren(QPrintDialog)
    dialog.reject()


async def test_an_empty_workflow_has_nothing_to_export(program: Program) -> None:
    program.filing.new()
    program.commands.refresh()
    assert not program.commands.action("file.export.png").isEnabled()


def left(folder: Path, text: str) -> list[str]:
    return [path.name for path in folder.iterdir() if text in path.name]


async def test_a_long_export_shows_how_far_it_is_and_is_given_up_by_a_button(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_commands, "PATIENCE_MS", 0)
    canvas = await letter(program, tmp_path)
    many = {f"s{n}": Step(f"s{n}", "template", config={"text": f"{n}"}) for n in range(400)}
    canvas.apply("Add many", lambda workflow: replace(workflow, steps={**workflow.steps, **many}))
    file = tmp_path / "many.png"
    export_commands.write(program.window, program.bridge, canvas, file)

    def shown() -> list[QProgressDialog]:
        return [one for one in program.window.findChildren(QProgressDialog) if one.isVisible() and one.value() > 0]

    await until(lambda: len(shown()) == 1)
    (cancel,) = shown()[0].findChildren(QPushButton)
    QTest.mouseClick(cancel, Qt.MouseButton.LeftButton)
    await until(lambda: program.bridge.busy == 0)
    assert not shown()
    assert left(tmp_path, "many") == []
    assert program.window.toasts.shown == []
