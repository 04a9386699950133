"""How often what a run changes is painted: as often as is good to see, but never for more than a share of a core."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

LEAST_MS: Final = 33
"""Between two pictures of what is running."""

MOST_MS: Final = 100
"""However dear a picture is, a person sees that things go on."""

SHARE: Final = 0.11
"""Of a core, for what is measured here; putting pictures on the screen comes on top, nearly as much again."""


class Pace:
    """Measures what pictures cost and says when the next one is due. clock: CPU seconds of this thread."""

    def __init__(self, clock: Callable[[], float] = time.thread_time) -> None:
        self._clock = clock
        self._spent = 0.0
        self._cost = 0.0

    @contextmanager
    def measured(self) -> Iterator[None]:
        """What is done inside belongs to the picture at work."""
        began = self._clock()
        try:
            yield
        finally:
            self._spent += self._clock() - began

    def next(self) -> int:
        """A picture is finished: milliseconds until the next. Pictures become dear at once and cheap by and by."""
        self._cost = max(self._spent, 0.7 * self._cost + 0.3 * self._spent)
        self._spent = 0.0
        return min(MOST_MS, max(LEAST_MS, round(self._cost * 1_000 / SHARE)))
