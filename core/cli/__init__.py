"""The command line: everything the window can do that needs no window."""

from __future__ import annotations


def main() -> None:
    """The console script `steploom`. In a frozen program it also stands in for the interpreter of `code` steps."""
    import sys

    from core.engine.child_code import RUN_CODE_ARGUMENT

    if sys.argv[1:2] == [RUN_CODE_ARGUMENT]:
        from core.engine.child_code import main as run_code

        sys.exit(run_code())
    from core.cli.app import run_app

    run_app()
