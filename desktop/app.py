"""The program with a window: reads its arguments, and opens the window unless it must not."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from core.home import default_home
from desktop.privilege import is_container, must_refuse, root_warning

REFUSED: Final = 2
"""The exit code when the window was not opened at all."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Open the window and run until it is closed; the exit code.

    In a frozen program it also stands in for the interpreter of the process that lays out workflows.
    """
    from desktop.canvas.dot_child import LAYOUT_ARGUMENT

    given = sys.argv[1:] if arguments is None else list(arguments)
    if given[:1] == [LAYOUT_ARGUMENT]:
        from desktop.canvas.dot_child import main as lay_out

        return lay_out()
    options = _options(given)
    if options.version:
        from importlib.metadata import version

        sys.stdout.write(f"Steploom {version('steploom')}\n")
        return 0
    user = os.geteuid() if hasattr(os, "geteuid") else None
    warning = root_warning(user)
    if warning:
        sys.stderr.write(f"{warning}\n")
    if must_refuse(user, os.environ, in_container=is_container()) and not options.as_root:
        sys.stderr.write("Nothing was opened. If you mean it, add --as-root.\n")
        return REFUSED
    return _opened(options)


def _opened(options: argparse.Namespace) -> int:
    from desktop import garbage  # before everything else of the window, and of Qt
    from desktop.start_up import plain_imports

    garbage.rest()
    plain_imports()
    from desktop.launch import Wanted, launch

    home = Path(options.home).expanduser().resolve() if options.home else default_home()
    files = [Path(name).resolve() for name in options.files]
    return launch(Wanted(home, files, options.database, options.in_memory, options.demo))


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
    parser.add_argument("--version", action="store_true", help="show the version and end")
    return parser.parse_args(list(arguments))
