"""The whole program on the loop of a test: made, waited for, taken apart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication, QWidget
from shiboken6 import isValid

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

_STANDING: Final[dict[Program, asyncio.AbstractEventLoop]] = {}
"""The programs that were made and not taken apart yet, each with its loop."""


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
    _STANDING[program] = asyncio.get_running_loop()
    return program


async def made_program(
    home: Path, *, files: tuple[Path, ...] = (), canvas: CanvasMaker = plain_canvas, database_url: str = ""
) -> Program:
    """A program with the demo model. database_url: '' keeps everything in memory."""
    program = unstarted_program(home, files=files, canvas=canvas, database_url=database_url)
    await program.start()
    return program


async def take_apart(program: Program) -> None:
    """Close a program as a signal does, and destroy it. Does nothing if that was done before."""
    _STANDING.pop(program, None)
    if not isValid(program):
        return
    program.window.close_at_once()
    await program.close()
    program.window.deleteLater()
    program.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    app.setStyleSheet("")


def take_standing_apart() -> None:
    """Take apart what a test or a fixture made and left because it failed: it would make the tests after it fail too.

    To be called before the loop is closed and the database dropped that they work with.
    """
    for program, loop in list(_STANDING.items()):
        loop.run_until_complete(take_apart(program))
