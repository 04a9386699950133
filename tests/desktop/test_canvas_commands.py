"""Steps worked on by the window's commands: by keys on the real canvas, from the menu at the pointer, by new keys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit

from core.workflow import edits
from core.workflow.model import Step, Workflow
from desktop.canvas.view import CanvasView
from desktop.canvas_commands import CONTEXT
from desktop.canvas_signals import context_menu
from desktop.document import OpenDocument
from desktop.memory import WindowMemory
from desktop.program import Program
from tests.support.desktop_program import made_program, real_canvas, take_apart, until

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")

CONTROL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
async def program(home: Path) -> AsyncIterator[Program]:
    WindowMemory(home).first_run_done = True
    made = await made_program(home, canvas=real_canvas)
    yield made
    await take_apart(made)


def opened(program: Program, *, read_only: bool = False) -> CanvasView:
    steps = {
        "ask": Step("ask", "template", title="Ask", config={"text": "Hello"}, then={"out": ("say",)}),
        "say": Step("say", "template", title="Say", config={"text": "{{ ask.text }}"}),
    }
    workflow = Workflow("Two", steps=steps, layout={"ask": (0.0, 0.0), "say": (320.0, 0.0)})
    tab = program.open(OpenDocument(workflow, read_only=read_only, reason="It is a test."), None)
    assert tab is not None
    assert isinstance(tab.canvas, CanvasView)
    program.window.activateWindow()
    tab.canvas.setFocus()
    return tab.canvas


def is_disabled(canvas: CanvasView) -> bool:
    return canvas.document.workflow.steps["ask"].disabled


def titles(program: Program, menu: str) -> list[str]:
    return [command.title for command in program.commands if command.menu == menu]


async def test_every_action_of_the_canvas_has_a_place_in_the_menus_and_the_palette(program: Program) -> None:
    assert {"Add a step…", "Rename", "Connect to…", "Disable or enable", "Tidy up"} <= set(titles(program, "Step"))
    assert {"Cut", "Copy", "Paste", "Duplicate", "Delete and rejoin", "Find a step…"} <= set(titles(program, "Edit"))
    opened(program)
    palette = program.window.palette_window
    palette.open(">tidy")
    assert palette.shown()[0].entry.id == "command:step.tidy"
    palette.dismiss()
    assert program.commands.bindings.conflicts(program.commands) == []


async def test_keys_work_on_the_selected_steps_and_are_undone(program: Program) -> None:
    canvas = opened(program)
    canvas.select(["ask"])
    QTest.keyClick(canvas, Qt.Key.Key_D, CONTROL)
    assert len(canvas.document.workflow.steps) == 3
    QTest.keyClick(canvas, Qt.Key.Key_Z, CONTROL)
    assert list(canvas.document.workflow.steps) == ["ask", "say"]
    canvas.select(["ask"])
    QTest.keyClick(canvas, Qt.Key.Key_M)
    assert is_disabled(canvas)
    QTest.keyClick(canvas, Qt.Key.Key_Delete)
    assert list(canvas.document.workflow.steps) == ["say"]


async def test_commands_of_the_canvas_are_off_without_a_selection_and_where_nothing_may_be_changed(
    program: Program,
) -> None:
    action = program.commands.action
    assert not action("step.add").isEnabled()
    canvas = opened(program)
    assert action("step.add").isEnabled()
    assert not action("edit.copy").isEnabled()
    canvas.select(["ask"])
    assert action("edit.copy").isEnabled()
    canvas = opened(program, read_only=True)
    canvas.select(["ask"])
    assert action("edit.copy").isEnabled()
    assert not action("edit.delete").isEnabled()


async def test_another_key_takes_the_place_of_the_old_one_also_on_the_canvas(program: Program) -> None:
    canvas = opened(program)
    program.commands.set_keys("step.disable", ["P"])
    canvas.select(["ask"])
    QTest.keyClick(canvas, Qt.Key.Key_M)
    assert not is_disabled(canvas)
    QTest.keyClick(canvas, Qt.Key.Key_P)
    assert is_disabled(canvas)
    program.commands.reset_keys()
    QTest.keyClick(canvas, Qt.Key.Key_M)
    assert not is_disabled(canvas)


async def test_keys_typed_into_a_title_are_letters(program: Program) -> None:
    canvas = opened(program)
    canvas.select(["ask"])
    QTest.keyClick(canvas, Qt.Key.Key_F2)
    field = canvas.viewport().findChild(QLineEdit)
    assert isinstance(field, QLineEdit)
    field.selectAll()
    QTest.keyClicks(field, "mcg")
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert canvas.document.workflow.steps["ask"].title == "mcg"
    assert not is_disabled(canvas)


async def test_the_menu_at_the_pointer_offers_what_can_be_done_there(program: Program) -> None:
    canvas = opened(program)
    menu = context_menu(program.window, CONTEXT)
    assert "Paste" in [action.text() for action in menu.actions()]
    assert "Rename" not in [action.text() for action in menu.actions()]
    canvas.select(["ask"])
    menu = context_menu(program.window, CONTEXT)
    assert [action.text() for action in menu.actions() if action.text()][:2] == ["Open settings", "Rename"]


async def test_opening_a_step_goes_to_the_inspector(program: Program) -> None:
    canvas = opened(program)
    canvas.select(["ask"])
    QTest.keyClick(canvas, Qt.Key.Key_Return)
    inspector = program.window.docks.get("inspector")
    await until(lambda: inspector.isAncestorOf(program.window.focusWidget()))


async def test_the_tools_of_the_strip_follow_what_can_be_done(program: Program) -> None:
    canvas = opened(program)
    tab = program.window.active
    assert tab is not None
    assert not tab.bar.tools["edit.undo"].isEnabled()
    canvas.zoom_to(3.0)
    QTest.mouseClick(tab.bar.tools["view.fit"], Qt.MouseButton.LeftButton)
    await until(lambda: canvas.camera.scale < 3.0)
    canvas.select(["ask"])
    canvas.commands.nudge(8, 0)
    assert tab.bar.tools["edit.undo"].isEnabled()


async def test_the_palette_goes_to_steps_by_their_looks_and_adds_new_ones_after_the_selected_one(
    program: Program,
) -> None:
    canvas = opened(program)
    canvas.apply("Untitled", lambda workflow: edits.set_title(workflow, "say", ""))
    palette = program.window.palette_window
    palette.open("@")
    shown = [(hit.entry.title, hit.entry.icon, hit.entry.tint) for hit in palette.shown()]
    kind = canvas.types.get("template")
    assert kind is not None
    assert shown == [("Ask", kind.icon, "kind.logic"), ("Text", kind.icon, "kind.logic")]
    canvas.select(["say"])
    palette.open("+if")
    assert palette.shown()[0].entry.id == "add:condition"
    QTest.keyClick(palette.field, Qt.Key.Key_Return)
    assert canvas.document.workflow.steps["say"].then == {"out": ("condition",)}
    assert canvas.selected == {"condition"}
    QTest.keyClick(canvas, Qt.Key.Key_Z, CONTROL)
    assert "condition" not in canvas.document.workflow.steps
