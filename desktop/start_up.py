"""What lets the window stand sooner: imports that do nothing but import."""

from __future__ import annotations

import builtins


def plain_imports() -> None:
    """Let an import do nothing but import.

    PySide6 wraps every import, for modules that say `from __feature__ import snake_case`: it reads the source of each
    module that is imported from then on, and keeps it in memory. Nothing here says that.
    """
    import PySide6.QtCore  # noqa: F401 - it is what wraps them

    original = getattr(builtins, "__orig_import__", None)
    if original is not None:
        builtins.__import__ = original
