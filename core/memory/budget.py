"""What learning may cost in a day."""

from __future__ import annotations

from datetime import date

from core.engine.clock import Clock
from core.engine.events import Usage


class Budget:
    """Counts what was spent today, by the clock's day in UTC, since the program began.

    usd, tokens: limits for a day; None for none. What is free counts by its tokens only.
    """

    def __init__(self, clock: Clock, *, usd: float | None = None, tokens: int | None = None) -> None:
        self._clock = clock
        self.usd = usd
        self.tokens = tokens
        self._day: date | None = None
        self._spent_usd = 0.0
        self._spent_tokens = 0

    def is_left(self) -> bool:
        """Whether anything may still be spent today."""
        self._turn_day()
        within_usd = self.usd is None or self._spent_usd < self.usd
        return within_usd and (self.tokens is None or self._spent_tokens < self.tokens)

    def spend(self, usage: Usage) -> None:
        """Note what was spent."""
        self._turn_day()
        self._spent_usd += usage.cost_usd
        self._spent_tokens += usage.tokens_in + usage.tokens_out

    def _turn_day(self) -> None:
        today = self._clock.now().date()
        if today != self._day:
            self._day, self._spent_usd, self._spent_tokens = today, 0.0, 0
