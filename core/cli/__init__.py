"""The command line: everything the window can do that needs no window."""

from __future__ import annotations


def main() -> None:
    """The console script `steploom`."""
    from core.cli.app import run_app

    run_app()
