"""The command line: everything the window can do that needs no window."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec


def main() -> None:
    """The console script `steploom`: the window if nothing else is asked for and there is a screen.

    In a frozen program it also stands in for the interpreter of `code` steps.
    """
    from core.engine.child_code import RUN_CODE_ARGUMENT

    if sys.argv[1:2] == [RUN_CODE_ARGUMENT]:
        from core.engine.child_code import main as run_code

        sys.exit(run_code())
    if len(sys.argv) == 1 and _has_window():
        # Another program, because nothing here may import Qt.
        os.execv(sys.executable, [sys.executable, "-m", "desktop"])  # noqa: S606 - our own interpreter and package
    from core.cli.app import run_app

    run_app()


def _has_window() -> bool:
    """Whether the application is installed and there is a screen to open it on."""
    screen = sys.platform in ("win32", "darwin") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return bool(screen) and find_spec("desktop") is not None
