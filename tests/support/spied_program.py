"""The real program as a process that also says what is on its screen.

`python -m tests.support.spied_program ARGUMENTS`: each line on standard input is a Python expression; it is computed on
the thread of the window, with `window` in reach, and its value is written as a line of JSON. The program itself knows
nothing of it.
"""

from __future__ import annotations

import json
import sys
import threading
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QRect, Qt, Signal
from PySide6.QtWidgets import QAbstractButton, QAbstractItemView, QApplication, QTabBar, QWidget

from desktop.app import main
from desktop.window import MainWindow


class Spy(QObject):
    """Answers questions about the window."""

    asked = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.asked.connect(self._answer, Qt.ConnectionType.QueuedConnection)

    def listen(self) -> None:
        """Read questions until the input ends; on a thread of its own."""
        for line in sys.stdin:
            self.asked.emit(line.strip())

    def _answer(self, question: str) -> None:
        windows = [each for each in QApplication.topLevelWidgets() if isinstance(each, MainWindow)]
        known = {"window": windows[0] if windows else None}
        try:
            answer = eval(question, {**globals(), **known})
        except Exception as error:  # noqa: BLE001 - whatever is asked, the program goes on
            answer = {"error": f"{type(error).__name__}: {error}"}
        sys.stdout.write(f"{json.dumps(answer)}\n")
        sys.stdout.flush()


def rect(widget: QWidget, area: QRect | None = None) -> list[int]:
    """A widget, or an area of it, in pixels of the screen: x, y, width, height."""
    inside = area if area is not None else widget.rect()
    corner = widget.mapToGlobal(inside.topLeft())
    return [corner.x(), corner.y(), inside.width(), inside.height()]


def where(name: str) -> list[int] | None:
    """The visible widget of an accessible name, else the button of that text; None if there is none."""
    seen = [widget for widget in QApplication.allWidgets() if widget.isVisible()]
    named = [widget for widget in seen if widget.accessibleName() == name]
    buttons = [each for each in seen if isinstance(each, QAbstractButton) and each.text().strip() == name]
    return next((rect(widget) for widget in [*named, *buttons]), None)


def tab(title: str) -> list[int] | None:
    """A visible tab by its title."""
    for bar in QApplication.allWidgets():
        if isinstance(bar, QTabBar) and bar.isVisible():
            for index in range(bar.count()):
                if bar.tabText(index) == title:
                    return rect(bar, bar.tabRect(index))
    return None


def listed() -> str:
    """What the visible lists, trees and tables show, line by line."""
    lines: list[str] = []
    for view in QApplication.allWidgets():
        if isinstance(view, QAbstractItemView) and view.isVisible() and view.model() is not None:
            model, top = view.model(), QModelIndex()
            columns = 1 if isinstance(model, QAbstractListModel) else model.columnCount(top)
            for row in range(model.rowCount(top)):
                cells = [model.index(row, column).data() for column in range(columns)]
                lines.append(" ".join(map(str, cells)))
    return "\n".join(lines)


def step(window: MainWindow, index: int) -> str:
    """The id of the step that was added so many-th."""
    assert window.active is not None
    return list(window.active.document.workflow.steps)[index]


def palette_row(window: MainWindow, title: str) -> list[int] | None:
    """An entry of the palette of steps."""
    panel: Any = window.docks.get("palette").panel
    for row in range(panel.model.rowCount()):
        index = panel.model.index(row, 0)
        if getattr(panel.model.line(row), "title", "") == title and hasattr(panel.model.line(row), "type"):
            return rect(panel.view.viewport(), panel.view.visualRect(index))
    return None


def port(canvas: Any, step_id: str, side: str) -> list[int]:
    """A step's first port of that side (`in`, `out`), as a place of one pixel."""
    box = canvas.diagram.boxes[step_id]
    spot = next(each for each in box.shape.ports if each.side == side)
    x, y = canvas.camera.to_window(box.x + spot.x, box.y + spot.y)
    return rect(canvas.viewport(), QRect(round(x), round(y), 1, 1))


def header(canvas: Any, step_id: str) -> list[int]:
    """A step's header."""
    box = canvas.diagram.boxes[step_id]
    x, y = canvas.camera.to_window(box.x, box.y)
    return rect(canvas.viewport(), QRect(round(x), round(y), round(box.width * canvas.camera.scale), 20))


if __name__ == "__main__":
    spy = Spy()
    threading.Thread(target=spy.listen, name="spy", daemon=True).start()
    sys.exit(main(sys.argv[1:]))
