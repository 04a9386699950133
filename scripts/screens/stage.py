"""A real program with the demonstration model, and what scenes do with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from PySide6.QtCore import Qt
    from PySide6.QtWidgets import QApplication, QWidget

    from core.workflow.model import Json
    from core.workspace import Workspace
    from desktop.canvas.view import CanvasView
    from desktop.program import Program
    from desktop.run_controller import RunController
    from desktop.theme import ThemeName
    from desktop.work_tab import WorkTab

PATIENCE_S: Final = 60.0
INPUTS: Final = {"ticket": "Our shop is DOWN, this is urgent!", "customer": "Ann", "model": ""}

Shots: TypeAlias = "AsyncIterator[tuple[str, QWidget]]"
"""What is seen one after the other, each with its name; '' for the scene's own."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A way through the program. first: it is started for the first time. database: with one of its own.

    empty: nothing is open at first, instead of an example. size: of the window, in logical pixels.
    """

    play: Callable[[Program], Shots]
    first: bool = False
    database: bool = False
    empty: bool = False
    size: tuple[int, int] = (1440, 900)


async def until(met: Callable[[], object]) -> None:
    """Wait as a person does: by looking."""
    async with asyncio.timeout(PATIENCE_S):
        while not met():  # noqa: ASYNC110 - many different signals tell what is waited for
            await asyncio.sleep(0.02)


@asynccontextmanager
async def program_for(app: QApplication, scene: Scene, theme: ThemeName, home: Path) -> AsyncIterator[Program]:
    """A program with the demo model, as the scene wants it."""
    from core.resources import example
    from desktop.bridge import Bridge
    from desktop.memory import WindowMemory
    from desktop.program import Program
    from desktop.session import Session

    memory = WindowMemory(home)
    memory.first_run_done, memory.theme = not scene.first, theme
    memory.flush()
    session = Session(home, memory_only=not scene.database, demo=True)
    files = () if scene.first or scene.empty else (example("support_triage"),)
    program = Program(app, session, Bridge(asyncio.get_running_loop()), files=files)
    program.window.resize(*scene.size)
    program.window.show()
    try:
        await program.start()
        await asyncio.sleep(0.2)
        yield program
    finally:
        program.window.close_at_once()
        await program.close()
        program.window.deleteLater()


def workspace_of(program: Program) -> Workspace:
    """The open workspace."""
    workspace = program.session.workspace
    assert workspace is not None
    return workspace


async def tab_of(program: Program) -> WorkTab:
    """The workflow in front, as soon as it can be run."""
    window = program.window
    await until(lambda: window.active is not None and program.running.controller(window.active) is not None)
    assert window.active is not None
    return window.active


async def canvas_of(program: Program) -> CanvasView:
    """The canvas in front."""
    from desktop.canvas.view import CanvasView

    canvas = (await tab_of(program)).canvas
    assert isinstance(canvas, CanvasView)
    return canvas


async def open_text(program: Program, name: str, text: str) -> CanvasView:
    """Open a document that is written to a file first; its canvas."""
    file = program.session.home / f"{name}.loom.yaml"
    await asyncio.to_thread(file.write_text, text, encoding="utf-8")
    before = len(program.window.all_tabs)
    program.filing.open_files([file])
    await until(lambda: len(program.window.all_tabs) > before)
    canvas = await canvas_of(program)
    await asyncio.sleep(0.3)
    canvas.fit()
    return canvas


async def run(program: Program, inputs: Mapping[str, Json] | None = None) -> RunController:
    """Run the workflow in front to its end, or until it waits."""
    controller = program.running.controller(await tab_of(program))
    assert controller is not None
    before = len(controller.runs)
    controller.start(dict(inputs or {}))
    await until(lambda: len(controller.runs) > before and not controller.live)
    await asyncio.sleep(0.6)  # the tick of the last step fades in
    return controller


def dialog_of(program: Program, kind: type[Any] | None = None) -> Any:
    """The dialog that is open."""
    from PySide6.QtWidgets import QApplication, QDialog

    wanted = kind or QDialog
    return next(
        each
        for each in (*program.window.findChildren(wanted), *QApplication.topLevelWidgets())
        if isinstance(each, wanted) and each.isVisible()
    )


async def dialog_after(program: Program, act: Callable[[], object], kind: type[Any] | None = None) -> Any:
    """Do something, and wait for the dialog that it opens."""
    from PySide6.QtWidgets import QApplication, QDialog

    act()
    wanted = kind or QDialog
    await until(lambda: any(isinstance(each, wanted) and each.isVisible() for each in QApplication.allWidgets()))
    await asyncio.sleep(0.3)
    return dialog_of(program, kind)


async def reveal(program: Program, panel: str, seconds: float = 0.5) -> QWidget:
    """Bring a panel to the front; the panel."""
    program.window.docks.reveal(panel)
    await asyncio.sleep(seconds)
    return program.window.docks.get(panel).fill()


def heighten(program: Program, height: int = 420) -> None:
    """Make the drawer higher."""
    from PySide6.QtCore import Qt

    program.window.resizeDocks([program.window.docks.get("timeline")], [height], Qt.Orientation.Vertical)


def press_key(widget: QWidget, key: Qt.Key) -> None:
    """Press a key."""
    from PySide6.QtTest import QTest

    QTest.keyClick(widget, key)


def type_keys(widget: QWidget, text: str) -> None:
    """Type a text."""
    from PySide6.QtTest import QTest

    QTest.keyClicks(widget, text)


def move_mouse(canvas: CanvasView, x: float, y: float, *, held: bool = False) -> None:
    """Move the mouse to a point of the canvas. held: with the left button down."""
    from PySide6.QtCore import QEvent, QPointF, Qt
    from PySide6.QtGui import QMouseEvent
    from PySide6.QtWidgets import QApplication

    at = QPointF(*canvas.camera.to_window(x, y))
    view = canvas.viewport()
    held_buttons = Qt.MouseButton.LeftButton if held else Qt.MouseButton.NoButton
    event = QMouseEvent(
        QEvent.Type.MouseMove, at, QPointF(view.mapToGlobal(at.toPoint())), Qt.MouseButton.NoButton, held_buttons,
        Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    QApplication.sendEvent(view, event)


def press_mouse(canvas: CanvasView, x: float, y: float) -> None:
    """Press the left button at a point of the canvas."""
    from PySide6.QtCore import QPoint, Qt
    from PySide6.QtTest import QTest

    left, top = canvas.camera.to_window(x, y)
    QTest.mousePress(
        canvas.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(round(left), round(top))
    )
