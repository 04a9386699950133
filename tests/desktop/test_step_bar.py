"""The buttons at the step under the pointer: they come, stay while they are reached, do what they say, and go."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QEnterEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu

from core.workflow.model import Step, Workflow
from desktop.canvas.view import CanvasView
from desktop.document import OpenDocument
from desktop.memory import WindowMemory
from desktop.program import Program
from desktop.step_bar import StepBar
from tests.support.canvas_hand import Hand
from tests.support.desktop_program import made_program, real_canvas, take_apart

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")

DOCUMENT = Workflow(
    "Two",
    steps={
        "one": Step("one", "template", "One", {"text": "1"}, {"out": ("two",)}),
        "two": Step("two", "template", "Two", {"text": "2"}),
    },
    layout={"one": (0.0, 0.0), "two": (320.0, 0.0)},
)


class Bench:
    def __init__(self, program: Program, canvas: CanvasView) -> None:
        self.program, self.canvas, self.hand = program, canvas, Hand(canvas)
        (self.bar,) = canvas.viewport().findChildren(StepBar)

    def point(self, step: str) -> None:
        """Rest on a step."""
        self.hand.move(*self.hand.middle(step))
        self.bar._coming.timeout.emit()

    def press(self, name: str) -> None:
        QTest.mouseClick(self.bar.buttons[name], Qt.MouseButton.LeftButton)


@pytest.fixture
async def bench(home: Path) -> AsyncIterator[Bench]:
    WindowMemory(home).first_run_done = True
    program = await made_program(home, canvas=real_canvas)
    program.window.resize(1440, 900)
    tab = program.open(OpenDocument(DOCUMENT), None)
    assert tab is not None
    assert isinstance(tab.canvas, CanvasView)
    yield Bench(program, tab.canvas)
    await take_apart(program)


async def test_it_comes_above_the_step_that_is_pointed_at_and_goes_when_that_is_left(bench: Bench) -> None:
    assert not bench.bar.isVisible()
    bench.point("one")
    assert (bench.bar.isVisible(), bench.bar.step) == (True, "one")
    corner = bench.hand.at(240.0, 0.0)
    assert bench.bar.geometry().bottom() < corner.y()
    assert bench.bar.geometry().right() <= corner.x()
    bench.hand.move(280.0, 400.0)
    assert bench.bar.isVisible()
    bench.bar._going.timeout.emit()
    assert not bench.bar.isVisible()


async def test_it_stays_while_the_pointer_is_on_it(bench: Bench) -> None:
    bench.point("one")
    bench.hand.move(280.0, 400.0)
    assert bench.bar._going.isActive()
    place = QPointF(5, 5)
    QApplication.sendEvent(bench.bar, QEnterEvent(place, place, place))
    assert not bench.bar._going.isActive()
    QApplication.sendEvent(bench.bar, QEvent(QEvent.Type.Leave))
    assert bench.bar._going.isActive()


async def test_a_button_means_the_step_that_it_stands_at_whatever_is_selected(bench: Bench) -> None:
    document = bench.canvas.document
    bench.canvas.select(["one"])
    bench.point("two")
    bench.press("step.disable")
    assert [step.disabled for step in document.workflow.steps.values()] == [False, True]
    assert not bench.bar.isVisible()
    bench.point("one")
    bench.press("edit.delete")
    assert list(document.workflow.steps) == ["two"]
    document.stack.undo()
    assert list(document.workflow.steps) == ["one", "two"]


async def test_more_opens_the_menu_of_the_step(bench: Bench) -> None:
    bench.point("two")
    bench.press("more")
    assert bench.canvas.selected == {"two"}
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    assert "Rename" in [action.text() for action in menu.actions()]
    menu.close()


async def test_it_does_not_come_while_something_is_dragged_or_the_steps_are_small(bench: Bench) -> None:
    bench.canvas.zoom_to(0.3)
    bench.point("one")
    assert not bench.bar.isVisible()
    bench.canvas.zoom_to(1.0)
    bench.point("one")
    assert bench.bar.isVisible()
    bench.canvas.pan(10, 0)
    assert not bench.bar.isVisible()


async def test_a_document_that_cannot_be_changed_has_none(bench: Bench) -> None:
    tab = bench.program.open(OpenDocument(DOCUMENT, read_only=True, reason="It is past."), None)
    assert tab is not None
    assert isinstance(tab.canvas, CanvasView)
    assert tab.canvas.viewport().findChildren(StepBar) == []
    assert isinstance(bench.hand.at(0, 0), QPoint)
