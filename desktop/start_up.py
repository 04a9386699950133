"""What lets the window stand sooner: plain imports, and a collector that rests until the work is on the screen.

Together a fifth of the time until then (benchmarks/startup.py); both take nothing from what runs afterwards.
"""

from __future__ import annotations

import builtins
import gc


def plain_imports() -> None:
    """Let an import do nothing but import.

    PySide6 wraps every import, for modules that say `from __feature__ import snake_case`: it reads the source of each
    module that is imported from then on, and keeps it in memory. Nothing here says that.
    """
    import PySide6.QtCore  # noqa: F401 - it is what wraps them

    original = getattr(builtins, "__orig_import__", None)
    if original is not None:
        builtins.__import__ = original


def rest_collector() -> None:
    """Look for no garbage: while everything is imported nearly nothing is."""
    gc.disable()


def settle_collector() -> None:
    """Never again look at what is there now: the program's own modules and its window, which stay to the end.

    To be called before a person's work is opened, because that is closed again.
    """
    gc.freeze()


def wake_collector() -> None:
    """Look for garbage again."""
    gc.enable()
