"""A small workflow for the canvas, and a hand that works on it with mouse and keys."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from core.workflow.model import Step, Workflow
from desktop.canvas.chooser import Chooser
from desktop.canvas.view import CanvasView

NO_KEY = Qt.KeyboardModifier.NoModifier
LEFT = Qt.MouseButton.LeftButton


def small_workflow() -> Workflow:
    """Two values, an addition that nothing leads to, a decision with two ways, and a loop of one step."""
    steps = {
        "one": Step("one", "value", "First", {"value": 1}, {"out": ("choose",)}),
        "choose": Step(
            "choose", "choose", "Decide", {"value": "{{ one.value }}"}, {"true": ("yes",), "false": ("no",)}
        ),
        "yes": Step("yes", "value", "Yes"),
        "no": Step("no", "value", "No"),
        "free": Step("free", "add", "Free"),
        "loop": Step("loop", "loop", "Each", {"times": 2}, body={"inner": Step("inner", "value", "Inner")}),
    }
    layout = {
        "one": (0.0, 0.0), "choose": (320.0, 0.0), "yes": (640.0, -104.0), "no": (640.0, 104.0),
        "free": (0.0, 240.0), "loop": (320.0, 240.0), "inner": (344.0, 304.0),
    }  # fmt: skip
    return Workflow("Small", steps=steps, layout=layout)


@dataclass
class Hand:
    """A person's mouse and keys over one canvas, in canvas pixels."""

    canvas: CanvasView
    said: list[str] = field(default_factory=list)

    def at(self, x: float, y: float) -> QPoint:
        """The place in the window over a canvas point."""
        left, top = self.canvas.camera.to_window(x, y)
        return QPoint(round(left), round(top))

    def middle(self, step: str) -> tuple[float, float]:
        """The middle of a step's header."""
        box = self.canvas.diagram.boxes[step]
        return box.x + 120.0, box.y + 18.0

    def port(self, step: str, name: str) -> tuple[float, float]:
        """Where an output port is; the input for an empty name."""
        box = self.canvas.diagram.boxes[step]
        spot = box.shape.exit(name) if name else box.shape.entry()
        assert spot is not None
        return box.spot(spot)

    def move(
        self, x: float, y: float, keys: Qt.KeyboardModifier = NO_KEY, button: Qt.MouseButton | None = None
    ) -> None:
        """Move the pointer. button: the one that is held."""
        at = QPointF(self.at(x, y))
        view = self.canvas.viewport()
        held = button or Qt.MouseButton.NoButton
        QApplication.sendEvent(
            view,
            QMouseEvent(
                QMouseEvent.Type.MouseMove,
                at,
                QPointF(view.mapToGlobal(at.toPoint())),
                Qt.MouseButton.NoButton,
                held,
                keys,
            ),
        )

    def press(self, x: float, y: float, keys: Qt.KeyboardModifier = NO_KEY, button: Qt.MouseButton = LEFT) -> None:
        """Press a button."""
        QTest.mousePress(self.canvas.viewport(), button, keys, self.at(x, y))

    def release(self, x: float, y: float, keys: Qt.KeyboardModifier = NO_KEY, button: Qt.MouseButton = LEFT) -> None:
        """Let the button go."""
        QTest.mouseRelease(self.canvas.viewport(), button, keys, self.at(x, y))

    def drag(
        self,
        start: tuple[float, float],
        end: tuple[float, float],
        keys: Qt.KeyboardModifier = NO_KEY,
        button: Qt.MouseButton = LEFT,
    ) -> None:
        """Drag from one canvas point to another, over a point between."""
        self.press(*start, keys, button)
        between = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
        for place in (between, end):
            self.move(*place, keys, button)
        self.release(*end, keys, button)

    def click(self, x: float, y: float, keys: Qt.KeyboardModifier = NO_KEY) -> None:
        """Press and let go."""
        QTest.mouseClick(self.canvas.viewport(), LEFT, keys, self.at(x, y))

    def double_click(self, x: float, y: float) -> None:
        """Click twice."""
        QTest.mouseDClick(self.canvas.viewport(), LEFT, NO_KEY, self.at(x, y))

    def key(self, key: Qt.Key, keys: Qt.KeyboardModifier = NO_KEY) -> None:
        """Press a key on the canvas."""
        QTest.keyClick(self.canvas, key, keys)

    def chooser(self) -> Chooser:
        """The list that is open."""
        found = [c for c in self.canvas.viewport().findChildren(Chooser) if c.isVisible()]
        assert len(found) == 1
        return found[0]

    def offered(self) -> list[str]:
        """The keys of the lines that the open list shows."""
        lines = self.chooser().list
        return [str(lines.item(row).data(Qt.ItemDataRole.UserRole)) for row in range(lines.count())]

    def choose(self, text: str) -> None:
        """Type into the open list and take the first match."""
        field = self.chooser().field
        QTest.keyClicks(field, text)
        QTest.keyClick(field, Qt.Key.Key_Return)

    def body(self, loop: str) -> set[str]:
        """The steps inside a loop."""
        return set(self.workflow().steps[loop].body or {})

    def workflow(self) -> Workflow:
        """The document as it is now."""
        return self.canvas.document.workflow


MakeHand: TypeAlias = Callable[[Workflow], Hand]
"""Opens a canvas of a workflow."""


def settled(canvas: CanvasView) -> None:
    """Wait until the canvas has painted everything that it means to."""
    for _ in range(500):
        QApplication.processEvents()
        if not canvas.is_busy:
            QApplication.processEvents()
            return
        time.sleep(0.002)
    raise AssertionError("The canvas never came to rest.")
