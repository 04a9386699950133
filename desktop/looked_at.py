"""When somebody begins to look at a part of the window."""

from __future__ import annotations

from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QWidget


def is_looked_at(widget: QWidget, event: QEvent) -> bool:
    """Whether an event of a widget says so: it comes into view, or the person comes back to its window.

    What it shows may have been changed elsewhere meanwhile: on the command line, or in another window.
    """
    return event.type() in (QEvent.Type.Show, QEvent.Type.WindowActivate) and widget.isVisible()
