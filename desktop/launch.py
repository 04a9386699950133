"""The application and its loop: made, run until the window is closed, and ended in order."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import qasync
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from desktop import garbage
from desktop.bridge import TURN_S, Bridge
from desktop.collector import Collector
from desktop.crash import CrashKeeper, report_dialog
from desktop.interrupts import Interrupts
from desktop.program import Program
from desktop.session import Session


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the program was asked for. home: the folder of its data. files: opened at the start.

    database: the URL of a PostgreSQL instead of the settings' one. in_memory: no database. demo: the demo model.
    """

    home: Path
    files: Sequence[Path] = ()
    database: str = ""
    in_memory: bool = False
    demo: bool = False


def launch(wanted: Wanted) -> int:
    """Open the window and run until it is closed; the exit code."""
    app = QApplication([sys.argv[0]])
    app.setApplicationName("Steploom")
    app.setDesktopFileName("steploom")
    keeper = CrashKeeper(wanted.home)
    sys.setswitchinterval(TURN_S)
    loop = qasync.QEventLoop(app)
    asyncio.set_event_loop(loop)
    try:
        with loop:
            return int(loop.run_until_complete(_run(app, wanted, keeper)))
    finally:
        asyncio.set_event_loop(None)
        keeper.close()


async def _run(app: QApplication, wanted: Wanted, keeper: CrashKeeper) -> int:
    bridge = Bridge(asyncio.get_running_loop())
    session = Session(wanted.home, database_url=wanted.database, memory_only=wanted.in_memory, demo=wanted.demo)
    program = Program(app, session, bridge, files=wanted.files)
    window = program.window
    gone = asyncio.Event()
    window.closed.connect(gone.set)
    session.opened.connect(lambda workspace: keeper.mask_with(workspace.secrets.mask))
    keeper.tell_with(lambda report: report_dialog(window, report, keeper.file).open())
    program.drawable.connect(garbage.settle)
    collector = Collector(app)
    program.shown.connect(collector.begin)
    interrupts = Interrupts(lambda: window.close_at_once())
    window.show()
    # What comes next imports for half a second or more: after the first paint, so that there is something to look at.
    QTimer.singleShot(0, lambda: bridge.spawn(_start(program, collector), name="start"))
    try:
        await gone.wait()
        window.hide()
    finally:
        await program.close()
        interrupts.close()
        window.deleteLater()
    return 0


async def _start(program: Program, collector: Collector) -> None:
    try:
        await program.start()
    finally:
        collector.begin()  # also if nothing could be shown
