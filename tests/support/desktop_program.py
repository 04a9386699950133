"""The whole program on the loop of a test: made, waited for, taken apart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication, QWidget

from core.engine.step_type import StepTypes
from desktop.bridge import Bridge
from desktop.document import OpenDocument
from desktop.overlay import RunOverlay
from desktop.program import Program
from desktop.session import Session
from desktop.theme import ThemeManager
from tests.support.desktop_window import PlainCanvas

if TYPE_CHECKING:
    from desktop.program import CanvasMaker


def plain_canvas(document: OpenDocument, overlay: RunOverlay, types: StepTypes, themes: ThemeManager) -> QWidget:
    return PlainCanvas(document, overlay)


async def until(met: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for a condition, looking again at every turn of the loop. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not met():  # noqa: ASYNC110 - what is waited for is told by many different signals
            await asyncio.sleep(0.005)


def real_canvas(document: OpenDocument, overlay: RunOverlay, types: StepTypes, themes: ThemeManager) -> QWidget:
    from desktop.canvas.view import CanvasView

    return CanvasView(document, overlay, types, themes)


def unstarted_program(
    home: Path, *, files: tuple[Path, ...] = (), canvas: CanvasMaker = plain_canvas, database_url: str = ""
) -> Program:
    """A program whose window stands and that has opened nothing yet; arguments as of `made_program`."""
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    session = Session(home, database_url=database_url, memory_only=not database_url, demo=True)
    program = Program(app, session, Bridge(asyncio.get_running_loop()), files=files, canvas=canvas)
    program.window.show()
    return program


async def made_program(
    home: Path, *, files: tuple[Path, ...] = (), canvas: CanvasMaker = plain_canvas, database_url: str = ""
) -> Program:
    """A program with the demo model. database_url: '' keeps everything in memory."""
    program = unstarted_program(home, files=files, canvas=canvas, database_url=database_url)
    await program.start()
    return program


async def take_apart(program: Program) -> None:
    program.window.close_at_once()
    await program.close()
    program.window.deleteLater()
    program.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    app.setStyleSheet("")
