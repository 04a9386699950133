"""Opens canvases for tests, and closes them."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from core.workflow.model import Workflow
from desktop.canvas.view import CanvasView
from desktop.document import OpenDocument
from desktop.overlay import RunOverlay
from desktop.theme import ThemeManager, add_fonts
from tests.support.canvas_hand import Hand, MakeHand, settled, small_workflow
from tests.support.small_steps import small_step_types


@pytest.fixture
def make_hand(qtbot: QtBot) -> Iterator[MakeHand]:
    """Opens a canvas of a workflow, 1200 x 800 pixels at 100 %, with the point (-100, -200) at its corner."""
    add_fonts()
    opened: list[CanvasView] = []

    def make(workflow: Workflow) -> Hand:
        canvas = CanvasView(
            OpenDocument(workflow), RunOverlay(), small_step_types(), ThemeManager(), now=time.monotonic
        )
        opened.append(canvas)
        canvas.resize(1200, 800)
        with qtbot.waitExposed(canvas):
            canvas.show()
        canvas.camera.scale, canvas.camera.x, canvas.camera.y = 1.0, -100.0, -200.0
        canvas.camera_moved()
        canvas.setFocus()
        hand = Hand(canvas)
        canvas.said.connect(hand.said.append)
        settled(canvas)
        return hand

    yield make
    for canvas in opened:
        if isValid(canvas):
            canvas.close()
            canvas.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    QApplication.processEvents()


@pytest.fixture
def hand(make_hand: MakeHand) -> Hand:
    """A hand over the small workflow."""
    return make_hand(small_workflow())
