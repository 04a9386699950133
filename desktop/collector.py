"""Looks for garbage on the GUI thread, and nowhere else.

Python looks for it in whichever thread happens to make the next object. A cycle that holds a widget or an item of the
canvas would then be taken apart by the store's thread or by a model's, beside the loop that paints it, and Qt may be
used on its own thread only.
"""

from __future__ import annotations

import gc
import sys
from typing import Final

from PySide6.QtCore import QObject, QTimer

EVERY_MS: Final = 500
"""Between two looks at whether enough has been made since the last search."""

_GROWN: Final = 1.25
"""The oldest objects are searched again when there are so many times as many in memory as after the last time."""


class Collector(QObject):
    """Searches in place of Python once it has begun; its parent's thread is the one that does."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._least = 0.0
        self._timer = QTimer(self, interval=EVERY_MS)
        self._timer.timeout.connect(self.look)

    @property
    def works(self) -> bool:
        """Whether it has begun."""
        return self._timer.isActive()

    def begin(self) -> None:
        """Search from now on; what is there now counts as searched. Begun already: nothing."""
        if self.works:
            return
        gc.disable()
        self._least = sys.getallocatedblocks() * _GROWN
        self._timer.start()

    def look(self) -> None:
        """Search the generations that are due, by Python's own thresholds."""
        made, young, middle = gc.get_count()
        often, seldom, rarely = gc.get_threshold()
        if young > seldom and middle > rarely and sys.getallocatedblocks() >= self._least:
            gc.collect()
            self._least = sys.getallocatedblocks() * _GROWN
        elif young > seldom:
            gc.collect(1)
        elif made > often:
            gc.collect(0)
