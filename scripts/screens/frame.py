"""The window itself: its pages, menus, dialogs and messages."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from scripts.screens.stage import (
    INPUTS,
    Scene,
    Shots,
    canvas_of,
    dialog_after,
    dialog_of,
    open_text,
    tab_of,
    type_keys,
    until,
    workspace_of,
)

if TYPE_CHECKING:
    from desktop.program import Program


async def after_a_run(program: Program) -> Shots:
    """The example after it ran, with a step chosen."""
    tab, canvas = await tab_of(program), await canvas_of(program)
    controller = program.running.controller(tab)
    assert controller is not None
    controller.start(INPUTS)
    await until(lambda: tab.bar.note.text().startswith("Done"))
    canvas.fit()
    canvas.select(["reply"])
    await asyncio.sleep(1)  # the tick of the last step fades in
    yield "", program.window


async def start_page(program: Program) -> Shots:
    """No workflow is open: at first, and after some were."""
    await until(lambda: program.session.workspace)
    await asyncio.sleep(0.5)
    yield "", program.window
    await open_text(program, "letter", "steploom: 1\nname: Letter to everybody\nsteps: {}\n")
    assert program.window.active is not None
    program.window.close_tab(program.window.active)
    await asyncio.sleep(0.3)
    yield "recent", program.window
    program.commands.run("file.new")
    await asyncio.sleep(0.5)
    yield "new_workflow", program.window


async def first_run(program: Program) -> Shots:
    """Where models come from."""
    await asyncio.sleep(0.5)
    yield "", program.window


async def library(program: Program) -> Shots:
    """The library with a few workflows, one of which ran; its bin; a search without a hit."""
    from dataclasses import replace

    from core.resources import examples
    from core.workflow.document import load
    from desktop.panels.library import LibraryPanel

    await tab_of(program)
    program.window.docks.reveal("library")
    await asyncio.sleep(0.5)
    yield "empty", program.window
    workspace = workspace_of(program)
    assert workspace.store is not None
    for n, file in enumerate(examples()):
        folder = "Customers" if n > 1 else ""
        await workspace.store.workflows.save(await asyncio.to_thread(load, file), 0, folder=folder)
    greeting = await asyncio.to_thread(load, examples()[-1])
    await workspace.store.workflows.save(replace(greeting, name="Weekly report", tags=("weekly", "sales")), 0)
    await (workspace.start(greeting, INPUTS)).result()
    program.library.refresh()
    await until(lambda: any(entry.last_run_status for entry in program.library.entries))
    yield "", program.window
    panel = program.window.docks.get("library").fill()
    assert isinstance(panel, LibraryPanel)
    panel.search.setText("nothing like it")
    await asyncio.sleep(0.4)
    yield "nothing_fits", panel


async def newer_file(program: Program) -> Shots:
    """A workflow of a newer format, and what is said of it."""
    text = "steploom: 99\nname: Tomorrow\nsteps:\n  say: {type: acme.speak, title: Say it, config: {a: 1}}\n"
    await open_text(program, "newer", text)
    yield "", program.window


async def models(program: Program) -> Shots:
    """Where models come from, asked later."""
    program.commands.run("file.models")
    await asyncio.sleep(0.5)
    yield "", dialog_of(program)


async def menus(program: Program) -> Shots:
    """All menus, and the one of the right button."""
    from PySide6.QtWidgets import QMenu

    from desktop.canvas_commands import CONTEXT
    from desktop.canvas_signals import context_menu

    canvas = await canvas_of(program)
    canvas.select(["classify"])
    for action in program.window.menuBar().actions():
        shown = action.menu()
        assert isinstance(shown, QMenu)
        shown.aboutToShow.emit()
        shown.ensurePolished()
        shown.adjustSize()
        yield action.text().replace("&", "").lower(), shown
    shown = context_menu(program.window, CONTEXT)
    shown.ensurePolished()
    shown.adjustSize()
    yield "context", shown


async def palette(program: Program) -> Shots:
    """The command palette: nothing typed, a few letters, steps, nothing found."""
    await tab_of(program)
    for name, typed in (("empty", ""), ("", "run"), ("steps", "@ "), ("nothing", "qwertzuiop")):
        program.window.run_palette(typed)
        await asyncio.sleep(0.2)
        yield name, program.window


async def settings(program: Program) -> Shots:
    """The settings from top to bottom, searched, and with a mistake."""
    from PySide6.QtWidgets import QLineEdit, QScrollArea

    await tab_of(program)
    program.settings.open()
    await until(lambda: program.settings.dialog)
    dialog = dialog_of(program)
    yield "", dialog
    bar = dialog.findChild(QScrollArea).verticalScrollBar()
    for n in range(1, 8):
        bar.setValue(n * 470)
        await asyncio.sleep(0.05)
        yield f"page{n + 1}", dialog
        if bar.value() == bar.maximum():
            break
    dialog.search.setText("zzzz")
    await asyncio.sleep(0.1)
    yield "nothing", dialog
    dialog.search.setText("url")
    for field in dialog.findChildren(QLineEdit):
        if field is not dialog.search and field.isVisible():
            field.setText("nonsense://x y")
    await asyncio.sleep(0.2)
    yield "searched", dialog


async def shortcuts(program: Program) -> Shots:
    """The editor of keys, and one with a conflict."""
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    program.settings.open_shortcuts()
    dialog = dialog_of(program)
    yield "", dialog
    dialog.table.setFocus()
    dialog.table.setCurrentCell(2, dialog.table.columnCount() - 1)
    QTest.keyClick(dialog.table, Qt.Key.Key_F2)
    await asyncio.sleep(0.2)
    yield "editing", dialog


async def help_page(program: Program) -> Shots:
    """The help page, and what is said about the program."""
    program.commands.run("help.page")
    dialog = dialog_of(program)
    yield "", dialog
    dialog.close()
    await asyncio.sleep(0.1)
    yield "about", await dialog_after(program, lambda: program.commands.run("help.about"))


async def broken_file(program: Program) -> Shots:
    """The report of a file that cannot be opened."""
    from desktop.dialogs.problem_report import ProblemReport

    file = program.session.home / "broken.loom.yaml"
    file.write_text("steploom: 1\nname: X\nsteps:\n  a:\n    type: 5\n    nonsense: true\n", encoding="utf-8")
    yield "", await dialog_after(program, lambda: program.filing.open_files([file]), ProblemReport)


async def messages(program: Program) -> Shots:
    """Messages in the corner, notices above the canvas, and questions before work is lost."""
    canvas = await canvas_of(program)
    toasts = program.window.toasts
    toasts.show("Support triage is saved", "In the library, version 3.", kind="done")
    toasts.show("Weekly report is deleted", kind="info", action="Undo", on_action=lambda: None)
    toasts.show(
        "Support triage failed",
        "The model server at http://127.0.0.1:11434/v1 does not answer. Start it, or choose another one in the "
        "settings, and then press Retry from here.",
        kind="failed",
    )
    assert program.window.active is not None
    notices = program.window.active.notices
    notices.tell("database", "The database cannot be reached. Your edits are kept here.", tone="failed",
                 action="Try again", on_action=lambda: None)  # fmt: skip
    notices.tell("waits", "This run waits for an answer.", tone="waiting")
    await asyncio.sleep(0.2)
    yield "", program.window
    for toast in toasts.shown:
        toasts.remove(toast)
    notices.take_back("database")
    notices.take_back("waits")
    canvas.select(["reply"])
    canvas.commands.delete()
    for _ in range(3):
        canvas.commands.add("template", canvas.visible_area().center)
    yield "history", await dialog_after(program, lambda: program.commands.run("edit.history"))
    dialog_of(program).close()
    await asyncio.sleep(0.1)
    program.commands.run("file.close")
    await asyncio.sleep(0.3)
    question = dialog_of(program)
    yield "unsaved", question
    question.reject()
    await asyncio.sleep(0.1)
    dialog = await dialog_after(program, lambda: program.commands.run("edit.search_all"))
    yield "search_empty", dialog
    type_keys(dialog.text, "ticket")
    type_keys(dialog.new, "letter")
    dialog.search()
    await asyncio.sleep(0.5)
    yield "search", dialog


async def interrupted(program: Program) -> Shots:
    """What is offered at the start after a crash."""
    from datetime import UTC, datetime

    from core.engine.journal import RunRecord
    from core.workflow.document import loads
    from desktop.dialogs.message import Choice, MessageDialog

    workflow = loads("steploom: 1\nname: Digest\nsteps: {}\n")
    record = RunRecord("run-1", workflow, {}, "running", datetime.now(UTC))
    program.offers._offer([record])
    await asyncio.sleep(0.2)
    dialog = dialog_of(program)
    yield "", dialog
    dialog.reject()
    question = MessageDialog(
        program.window, title="Unsaved work in 2 workflows", text="Steploom ended before it was saved. Open it to go "
        "on where you were; undo leads back to what is saved.",
        detail="Digest, changed 2026-11-20 10:04\nReport, changed 2026-11-20 10:05",
        choices=[
            Choice("discard", "Discard", "danger"), Choice("later", "Ask again later"),
            Choice("open", "Open", "primary"),
        ],
    )  # fmt: skip
    question.open()
    await asyncio.sleep(0.2)
    yield "unsaved", question


async def narrow(program: Program) -> Shots:
    """A small window: as a workflow opens in it, all of that, and one without a step."""
    canvas = await canvas_of(program)
    await asyncio.sleep(0.3)
    yield "opened", program.window
    canvas.fit()
    await asyncio.sleep(0.3)
    yield "", program.window
    program.commands.run("file.new")
    await asyncio.sleep(0.5)
    yield "new_workflow", program.window


SCENES = {
    "window": Scene(after_a_run),
    "start": Scene(start_page, empty=True),
    "first_run": Scene(first_run, first=True),
    "library": Scene(library, database=True),
    "models": Scene(models),
    "menu": Scene(menus),
    "newer_file": Scene(newer_file),
    "palette": Scene(palette),
    "settings": Scene(settings),
    "shortcuts": Scene(shortcuts),
    "help": Scene(help_page),
    "broken_file": Scene(broken_file),
    "messages": Scene(messages),
    "interrupted": Scene(interrupted),
    "narrow": Scene(narrow, size=(960, 640)),
}
