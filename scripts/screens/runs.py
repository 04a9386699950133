"""Running: what is asked before, what is seen meanwhile and afterwards, what waits for a person."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from scripts.screens.documents import ASKING, FAILING, POSTER, RUNNABLE, VALUES
from scripts.screens.forms import page_of
from scripts.screens.stage import (
    INPUTS,
    Scene,
    Shots,
    canvas_of,
    dialog_after,
    dialog_of,
    heighten,
    open_text,
    reveal,
    run,
    until,
)

if TYPE_CHECKING:
    from desktop.panels.value_view import ViewName
    from desktop.panels.values import PartName
    from desktop.program import Program


async def asked(program: Program) -> Shots:
    """The inputs of a run, with a mistake; of one step alone; an output to be edited."""
    from PySide6.QtWidgets import QMenu

    from desktop.run_chooser import RunChooser

    canvas = await canvas_of(program)
    dialog = await dialog_after(program, lambda: program.commands.run("run.start"))
    yield "inputs", dialog
    dialog.submit()
    await asyncio.sleep(0.2)
    yield "inputs_missing", dialog
    dialog.reject()
    await run(program, INPUTS)
    canvas.setFocus()
    canvas.focus_on("reply")
    yield "alone", await dialog_after(program, lambda: program.commands.run("run.step"))
    dialog_of(program).reject()
    yield "output", await dialog_after(program, lambda: program.commands.run("run.edit_output"))
    dialog_of(program).reject()
    await run(program, {**INPUTS, "customer": "Bo"})
    chooser = program.window.findChild(RunChooser)
    assert chooser is not None
    chooser.build()
    menu = chooser.choices
    assert isinstance(menu, QMenu)
    menu.ensurePolished()
    menu.adjustSize()
    yield "chooser", menu


async def drawer(program: Program) -> Shots:
    """Each panel of the drawer: empty, and with a run."""
    from PySide6.QtWidgets import QTreeView

    from desktop.panels.timeline import TimelinePanel

    panels = ("timeline", "values", "variables", "problems", "history", "waiting", "monitoring")
    await open_text(program, "showcase", RUNNABLE)
    heighten(program, 300)
    for name in panels:
        yield f"{name}_empty", await reveal(program, name)
    await run(program)
    timeline = await reveal(program, "timeline", 1.0)
    yield "timeline", timeline
    inner = next(each for each in timeline.findChildren(TimelinePanel) if each.isVisible())
    inner.select("everybody[1]/polish")
    await asyncio.sleep(0.3)
    yield "timeline_open", timeline
    canvas = await canvas_of(program)
    canvas.select(["keep"])
    for name in panels[1:6]:
        shown = await reveal(program, name, 0.8)
        for tree in shown.findChildren(QTreeView):
            tree.expandAll()
        yield name, shown
    yield "whole", program.window


async def values(program: Program) -> Shots:
    """Values in every view."""
    from desktop.panels.values import ValuesPanel

    canvas = await open_text(program, "values", VALUES)
    await run(program)
    canvas.select(["make"])
    heighten(program, 340)
    panel = await reveal(program, "values", 0.8)
    shown = panel.findChildren(ValuesPanel)[0]
    yield "json", panel
    view = shown.view
    looks: tuple[tuple[str, ViewName], ...] = (
        ("text", "text"), ("markdown", "markdown"), ("table", "table"), ("long", "text"), ("many", "json"),
    )  # fmt: skip
    for key, name in looks:
        keys = ("result", key)
        view.choose(keys)
        view.show_view(name)
        await asyncio.sleep(0.4)
        yield f"{keys[-1]}_{name}", panel
    parts: tuple[PartName, ...] = ("input", "request", "error", "facts")
    for part in parts:
        shown.show_part(part)
        await asyncio.sleep(0.2)
        yield part, panel


async def waiting(program: Program) -> Shots:
    """Questions as cards on the canvas, in the list, and in a dialog."""
    canvas = await open_text(program, "asking", ASKING)
    await run(program)
    await asyncio.sleep(0.5)
    canvas.fit()
    await asyncio.sleep(0.3)
    yield "", program.window
    heighten(program, 300)
    panel = await reveal(program, "waiting", 0.6)
    yield "list", panel
    from PySide6.QtWidgets import QPushButton

    answer = [each for each in panel.findChildren(QPushButton) if each.isVisible() and each.isEnabled()]
    if answer:
        answer[0].click()
        await asyncio.sleep(0.5)
        yield "answer", program.window


async def question(program: Program) -> Shots:
    """For the documentation: a run that asks about a picture, with the values of the step that made it."""
    canvas = await open_text(program, "poster", POSTER)
    await run(program)
    canvas.fit()
    canvas.select(["draw"])
    await reveal(program, "values", 0.8)
    page = await page_of(program, "draw")
    page.tabs.setCurrentIndex(page.tabs.indexOf(page.output))
    for toast in program.window.toasts.shown:
        program.window.toasts.remove(toast)
    await asyncio.sleep(0.6)
    yield "", program.window


async def failed(program: Program) -> Shots:
    """A failed run, its record, and the history of several."""
    canvas = await open_text(program, "failing", FAILING)
    for _ in range(3):
        await run(program)
    canvas.fit()
    await asyncio.sleep(0.3)
    yield "", program.window
    panel = await reveal(program, "history", 0.8)
    await until(lambda: panel.isVisible())
    from desktop.panels.history import HistoryPanel

    inner = panel.findChildren(HistoryPanel)[0]
    inner.table.selectRow(0)
    await asyncio.sleep(0.2)
    yield "history", panel
    inner.ask_deletion()
    await asyncio.sleep(0.2)
    yield "delete", dialog_of(program)
    dialog_of(program).close()
    canvas.select(["pay"])
    shown = await reveal(program, "values", 0.5)
    from desktop.panels.values import ValuesPanel

    shown.findChildren(ValuesPanel)[0].show_part("error")
    await asyncio.sleep(0.2)
    yield "error", shown


SCENES = {
    "ask": Scene(asked),
    "drawer": Scene(drawer),
    "values": Scene(values),
    "waiting": Scene(waiting),
    "question": Scene(question, empty=True),
    "failed": Scene(failed),
}
