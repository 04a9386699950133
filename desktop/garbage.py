"""When Python looks for garbage: not while much is made that stays, which it would go through again and again."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


def rest() -> None:
    """Look for no garbage until the Collector begins: while everything is imported nearly nothing is."""
    gc.disable()


def settle() -> None:
    """Never again look at what is there now: the program's own modules and its window, which stay to the end.

    To be called before a person's work is opened, because that is closed again.
    """
    gc.freeze()


@contextmanager
def undisturbed() -> Iterator[None]:
    """Look for no garbage inside: a large document is a hundred thousand objects, and all of them stay."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
