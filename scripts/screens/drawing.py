"""The canvas: every form and state of a step, every list that opens on it, every gesture while it is made."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from scripts.screens.documents import RUNNABLE, SHOWCASE, many_steps
from scripts.screens.stage import (
    Scene,
    Shots,
    canvas_of,
    move_mouse,
    open_text,
    press_key,
    press_mouse,
    run,
    type_keys,
)

if TYPE_CHECKING:
    from desktop.program import Program


async def showcase(program: Program) -> Shots:
    """One of everything, before and after a run."""
    from core.engine.errors import Question
    from core.engine.events import Usage
    from desktop.overlay import StepView

    canvas = await open_text(program, "showcase", SHOWCASE)
    await asyncio.sleep(0.3)
    yield "", program.window
    canvas = await open_text(program, "runnable", RUNNABLE)
    await run(program)
    canvas.fit()
    await asyncio.sleep(0.5)
    yield "done", program.window
    program.window.docks.get("timeline").close()
    overlay = canvas.overlay
    for step, view in {
        "start": StepView(state="done", seconds=1.84, usage=Usage(1_000, 204, 0.004), output={"text": "4"}),
        "ask_mood": StepView(state="running", text="It is rather friendly, as the greeting is warm and"),
        "everybody": StepView(state="running", passes=2, passes_failed=1),
        "line": StepView(state="queued"),
        "is_kind": StepView(state="waiting", question=Question("Shall it go out?")),
        "look_up": StepView(state="failed", seconds=0.2, error="ValueError: There is no customer 17 in the table"),
        "fallback": StepView(state="cancelled"),
        "keep": StepView(state="skipped"),
    }.items():
        overlay.by_id[step] = view
    canvas.show_run(overlay)
    canvas.fit()
    canvas.select(["ask_mood"])
    await asyncio.sleep(0.5)
    yield "states", canvas
    canvas.zoom_to(0.4)
    await asyncio.sleep(0.4)
    yield "far", canvas
    canvas.zoom_to(0.18)
    await asyncio.sleep(0.4)
    yield "farther", canvas
    canvas.zoom_to(1.6)
    canvas.focus_on("ask_mood")
    await asyncio.sleep(0.4)
    yield "near", canvas


async def lists(program: Program) -> Shots:
    """Adding, naming a target, finding; titles and notes while they are written."""
    from PySide6.QtCore import Qt

    canvas = await open_text(program, "showcase", SHOWCASE)
    chooser = canvas.commands.ask_for_step(canvas.viewport().rect().center())
    await asyncio.sleep(0.2)
    yield "add", canvas
    type_keys(chooser.field, "loop")
    await asyncio.sleep(0.1)
    yield "add_typed", canvas
    type_keys(chooser.field, "zzz")
    await asyncio.sleep(0.1)
    yield "add_nothing", canvas
    chooser.dismiss()
    canvas.focus_on("is_kind")
    found = canvas.commands.ask_target()
    await asyncio.sleep(0.1)
    yield "port", canvas
    assert found is not None
    press_key(found.field, Qt.Key.Key_Return)
    await asyncio.sleep(0.1)
    yield "target", canvas
    chooser = canvas.commands.find()
    type_keys(chooser.field, "friendly")
    await asyncio.sleep(0.2)
    yield "find", canvas
    chooser.dismiss()
    canvas.focus_on("start")
    canvas.commands.rename()
    await asyncio.sleep(0.1)
    yield "rename", canvas
    press_key(canvas, Qt.Key.Key_Escape)
    canvas.commands.edit_note("remark")
    await asyncio.sleep(0.1)
    yield "note", canvas


async def gestures(program: Program) -> Shots:
    """Selecting many, drawing a wire with the invalid targets dimmed, moving with guides, walking by keys."""
    canvas = await open_text(program, "showcase", SHOWCASE)
    canvas.setFocus()
    canvas.select(["start", "everybody", "ask_mood"])
    await asyncio.sleep(0.2)
    yield "selected", canvas
    canvas.interactions.by_keyboard = True
    canvas.focus_on("ask_mood")
    canvas.viewport().update()
    await asyncio.sleep(0.2)
    yield "keyboard", canvas
    canvas.select(())
    canvas.zoom_to(1.0)
    canvas.focus_on("start")
    rect = canvas.diagram.boxes["start"].rect
    move_mouse(canvas, rect.left + 100, rect.top + 18)
    await asyncio.sleep(0.6)
    yield "pointed", canvas
    canvas.select(())
    canvas.fit()
    box = canvas.diagram.boxes["is_kind"]
    spot = box.shape.exit("false")
    assert spot is not None
    x, y = box.rect.left + spot.x, box.rect.top + spot.y
    press_mouse(canvas, x, y)
    move_mouse(canvas, x + 30, y + 40, held=True)
    target = canvas.diagram.boxes["fallback"].rect
    move_mouse(canvas, target.left + 4, target.top + 18, held=True)
    await asyncio.sleep(0.2)
    yield "wiring", canvas
    canvas.interactions.cancel()
    rect = canvas.diagram.boxes["fallback"].rect
    press_mouse(canvas, rect.left + 100, rect.top + 18)
    move_mouse(canvas, rect.left + 120, rect.top + 25, held=True)
    move_mouse(canvas, rect.left + 104, rect.top + 2, held=True)
    await asyncio.sleep(0.2)
    yield "moving", canvas
    canvas.interactions.cancel()


async def large(program: Program) -> Shots:
    """Many steps, with the minimap."""
    canvas = await open_text(program, "many", many_steps(240))
    await asyncio.sleep(0.8)
    yield "", canvas
    canvas.zoom_to(1.0)
    await asyncio.sleep(0.4)
    yield "near", canvas


async def empty(program: Program) -> Shots:
    """A workflow without steps."""
    await canvas_of(program)
    program.commands.run("file.new")
    await asyncio.sleep(0.5)
    yield "", program.window


SCENES = {
    "showcase": Scene(showcase),
    "lists": Scene(lists),
    "gestures": Scene(gestures),
    "large": Scene(large),
    "empty": Scene(empty),
}
