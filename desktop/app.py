"""The program with a window: reads its arguments, makes the application and its loop, and ends in order."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from core.home import default_home
from desktop.bridge import TURN_S, Bridge
from desktop.canvas.dot_child import LAYOUT_ARGUMENT
from desktop.crash import CrashKeeper, report_dialog
from desktop.interrupts import Interrupts
from desktop.privilege import is_container, must_refuse, root_warning
from desktop.program import Program
from desktop.session import Session

REFUSED = 2
"""The exit code when the window was not opened at all."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Open the window and run until it is closed; the exit code.

    In a frozen program it also stands in for the interpreter of the process that lays out workflows.
    """
    if (sys.argv[1:] if arguments is None else arguments)[:1] == [LAYOUT_ARGUMENT]:
        from desktop.canvas.dot_child import main as lay_out

        return lay_out()
    options = _options(sys.argv[1:] if arguments is None else arguments)
    files = [Path(name).resolve() for name in options.files]
    user = os.geteuid() if hasattr(os, "geteuid") else None
    warning = root_warning(user)
    if warning:
        sys.stderr.write(f"{warning}\n")
    if must_refuse(user, os.environ, in_container=is_container()) and not options.as_root:
        sys.stderr.write("Nothing was opened. If you mean it, add --as-root.\n")
        return REFUSED
    home = _home(options.home)
    app = QApplication([sys.argv[0]])
    app.setApplicationName("Steploom")
    app.setDesktopFileName("steploom")
    app.setApplicationVersion(version("steploom"))
    keeper = CrashKeeper(home)
    sys.setswitchinterval(TURN_S)
    import qasync

    loop = qasync.QEventLoop(app)
    asyncio.set_event_loop(loop)
    try:
        with loop:
            return int(loop.run_until_complete(_run(app, options, files, home, keeper)))
    finally:
        asyncio.set_event_loop(None)
        keeper.close()


async def _run(
    app: QApplication, options: argparse.Namespace, files: Sequence[Path], home: Path, keeper: CrashKeeper
) -> int:
    bridge = Bridge(asyncio.get_running_loop())
    session = Session(home, database_url=options.database, memory_only=options.in_memory, demo=options.demo)
    program = Program(app, session, bridge, files=files)
    window = program.window
    gone = asyncio.Event()
    window.closed.connect(gone.set)
    session.opened.connect(lambda workspace: keeper.mask_with(workspace.secrets.mask))
    keeper.tell_with(lambda report: report_dialog(window, report, keeper.file).open())
    interrupts = Interrupts(lambda: window.close_at_once())
    window.show()
    # What comes next imports for a second or more: after the first paint, so that there is something to look at.
    QTimer.singleShot(0, lambda: bridge.spawn(program.start(), name="start"))
    try:
        await gone.wait()
        window.hide()
    finally:
        await program.close()
        interrupts.close()
        window.deleteLater()
    return 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="steploom-desktop", description="Draw AI workflows as graphs of steps; run, debug and reuse them."
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help="workflows to open, instead of those open last")
    parser.add_argument("--home", default="", help="the folder of Steploom's data")
    parser.add_argument("--database", default="", metavar="URL", help="a PostgreSQL, instead of the settings' one")
    parser.add_argument("--in-memory", action="store_true", help="keep no runs")
    parser.add_argument("--demo", action="store_true", help="use the demo model")
    parser.add_argument("--as-root", action="store_true", help="run although this is the administrator's account")
    parser.add_argument("--version", action="version", version=f"Steploom {version('steploom')}")
    return parser.parse_args(list(arguments))


def _home(named: str) -> Path:
    return Path(named).expanduser().resolve() if named else default_home()
