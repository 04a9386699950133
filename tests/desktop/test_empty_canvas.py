"""A workflow without steps says how to begin, and begins by a click or a key."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QPoint, QRect, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from core.resources import starters
from core.steps import discover
from core.workflow.model import Workflow
from core.workflow.validate import validate
from desktop.canvas.view import CanvasView
from desktop.document import OpenDocument
from desktop.empty_canvas import EmptyCanvas, read_starters
from desktop.memory import WindowMemory
from desktop.program import Program
from desktop.start_page import SMALL_HEIGHT
from desktop.work_tab import WorkTab
from tests.support.desktop_program import made_program, real_canvas, take_apart, until

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")


@pytest.fixture
async def program(home: Path) -> AsyncIterator[Program]:
    WindowMemory(home).first_run_done = True
    made = await made_program(home, canvas=real_canvas)
    made.window.resize(1440, 900)
    yield made
    await take_apart(made)


async def new_tab(program: Program) -> tuple[WorkTab, CanvasView, EmptyCanvas]:
    assert program.commands.run("file.new")
    tab = program.window.active
    assert tab is not None
    assert isinstance(tab.canvas, CanvasView)
    empty = tab.canvas.viewport().findChildren(EmptyCanvas)[0]
    await until(lambda: len(empty.cards) == len(starters()))
    return tab, tab.canvas, empty


def test_every_beginning_is_right_as_it_stands() -> None:
    types = discover(plug_ins=())
    found = read_starters()
    assert len(found) == 3
    for starter in found:
        assert validate(starter, types) == [], starter.name
        assert starter.description


async def test_a_beginning_is_taken_by_a_click_and_one_undo_takes_it_back(program: Program) -> None:
    tab, canvas, empty = await new_tab(program)
    assert empty.isVisible()
    assert empty.geometry().center().x() == pytest.approx(canvas.viewport().rect().center().x(), abs=2)
    QTest.mouseClick(empty.cards[1], Qt.MouseButton.LeftButton)
    workflow = tab.document.workflow
    assert (workflow.name, list(workflow.inputs)) == ("Untitled workflow", ["items"])
    assert not empty.isVisible()
    assert canvas.selected == {next(iter(workflow.steps))}
    tab.document.stack.undo()
    assert tab.document.workflow == Workflow("Untitled workflow")
    assert empty.isVisible()


async def test_arrows_walk_to_the_beginnings_and_enter_takes_one(program: Program) -> None:
    tab, canvas, empty = await new_tab(program)
    program.window.activateWindow()
    canvas.setFocus()
    QTest.keyClick(canvas, Qt.Key.Key_Down)
    assert empty.cards[0].hasFocus()
    QTest.keyClick(empty.cards[0], Qt.Key.Key_Right)
    assert empty.cards[1].hasFocus()
    QTest.keyClick(empty.cards[1], Qt.Key.Key_Left)
    QTest.keyClick(empty.cards[0], Qt.Key.Key_Left)
    assert empty.cards[-1].hasFocus()
    QTest.keyClick(empty.cards[-1], Qt.Key.Key_Escape)
    assert canvas.hasFocus()
    QTest.keyClick(canvas, Qt.Key.Key_Down)
    QTest.keyClick(empty.cards[0], Qt.Key.Key_Return)
    assert [step.type for step in tab.document.workflow.steps.values()] == ["chat"]
    assert canvas.hasFocus()


async def test_a_double_click_on_its_words_adds_a_step_there(program: Program) -> None:
    _, canvas, empty = await new_tab(program)
    words = empty.children()[1]
    middle = empty.mapTo(canvas.viewport(), empty.rect().center())
    target = canvas.viewport().childAt(middle.x(), empty.y() + 8)
    assert target is not None
    assert target is not canvas.viewport(), words
    QTest.mouseDClick(target, Qt.MouseButton.LeftButton)
    from desktop.canvas.chooser import Chooser

    assert canvas.viewport().findChildren(Chooser)


async def test_it_makes_one_column_where_there_is_little_room(program: Program) -> None:
    _, canvas, empty = await new_tab(program)
    assert len({card.y() for card in empty.cards}) == 1
    program.window.resize(900, 700)
    QApplication.sendPostedEvents()
    await until(lambda: len({card.y() for card in empty.cards}) == 3)
    assert canvas.viewport().rect().contains(empty.geometry().topLeft())


async def test_in_a_small_window_every_beginning_can_be_seen_and_pressed(program: Program) -> None:
    _, canvas, empty = await new_tab(program)
    heights = {card.height() for card in empty.cards}
    assert min(heights) > 2 * SMALL_HEIGHT
    program.window.resize(960, 640)
    await until(lambda: {card.height() for card in empty.cards} == {SMALL_HEIGHT})
    for card in empty.cards:
        place = QRect(card.mapTo(canvas.viewport(), QPoint()), card.size())
        assert canvas.viewport().rect().contains(place)
        assert not place.intersects(canvas.zoom_pill.geometry())
        assert card.toolTip()
    program.window.resize(1440, 900)
    await until(lambda: {card.height() for card in empty.cards} == heights)
    assert not empty.cards[0].toolTip()


async def test_a_document_that_cannot_be_changed_offers_no_beginning(program: Program) -> None:
    tab = program.open(OpenDocument(Workflow("Past"), read_only=True, reason="It is past."), None)
    assert tab is not None
    assert isinstance(tab.canvas, CanvasView)
    assert not tab.canvas.viewport().findChildren(EmptyCanvas)[0].isVisible()


async def test_a_workflow_that_is_closed_before_the_beginnings_are_read_harms_nothing(program: Program) -> None:
    failures: list[str] = []
    program.bridge.failed.connect(failures.append)
    assert program.commands.run("file.new")
    tab = program.window.active
    assert tab is not None
    program.window.close_tab(tab)
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    await until(lambda: program.bridge.busy == 0)
    assert failures == []
