"""The real program as a process that tells what it has imported and made when something is first painted.

`python -m tests.support.watched_start HOME`: starts with what was open last in that home, ends by itself once the
workspace is open, and writes one line of JSON: for `window` (its first paint), `canvas` (the first paint of a workflow)
and `workspace` the names of all modules, those of the program whose source was read, the panels that were made, and
whether garbage is looked for. The program itself knows nothing of it.
"""

from __future__ import annotations

import gc
import json
import linecache
import sys
from typing import Any

from desktop import start_up
from desktop.app import main

SEEN: dict[str, dict[str, Any]] = {}


def see(moment: str, window: Any) -> None:
    """Keep how things stand, the first time."""
    if moment not in SEEN:
        panels = [dock.spec.id for dock in window.docks.all if dock.panel is not None]
        read = [name for name in linecache.cache if "/desktop/" in name]
        SEEN[moment] = {"modules": sorted(sys.modules), "read": read, "panels": panels, "collects": collects()}


def collects() -> dict[str, bool]:
    """Who looks for garbage."""
    from PySide6.QtCore import QCoreApplication

    from desktop.collector import Collector

    app = QCoreApplication.instance()
    own = app.findChild(Collector) if app is not None else None
    return {"python": gc.isenabled(), "own": own is not None and own.works}


def watch() -> None:
    """Stand before the window's own methods; to be called when the program imports its window."""
    from PySide6.QtCore import QTimer

    from desktop.program import Program
    from desktop.window import MainWindow

    open_document, used, show = MainWindow.open_document, Program._workspace_used, MainWindow.showEvent

    def opened(self: MainWindow, *args: Any, **more: Any) -> object:
        tab = open_document(self, *args, **more)
        kind: Any = type(tab.canvas)
        paint = kind.paintEvent

        def painted(canvas: object, event: object) -> None:
            paint(canvas, event)
            see("canvas", self)

        kind.paintEvent = painted
        return tab

    def shown(self: MainWindow, event: Any) -> None:
        show(self, event)
        see("window", self)

    def ready(self: Program, workspace: Any) -> None:
        used(self, workspace)
        QTimer.singleShot(0, lambda: end(self))

    def end(program: Program) -> None:
        see("workspace", program.window)
        program.window.close_at_once()

    changed: Any = MainWindow
    changed.open_document, changed.showEvent = opened, shown
    changed = Program
    changed._workspace_used = ready


def plain_imports() -> None:
    """What the program calls right before it imports its window."""
    original()
    watch()


if __name__ == "__main__":
    original, start_up.plain_imports = start_up.plain_imports, plain_imports
    code = main(["--home", sys.argv[1], "--in-memory", "--demo"])
    sys.stdout.write(f"{json.dumps(SEEN)}\n")
    sys.exit(code)
