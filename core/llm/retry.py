"""When a request to a model server is worth making again, and after how long."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from core.engine.errors import StepError
from core.llm.errors import LONGEST_WAIT

_STATUSES = frozenset({408, 429, 500, 502, 503, 504, 524, 529})


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how patiently. retries: after the first attempt. first_wait, longest_wait: seconds."""

    retries: int = 3
    first_wait: float = 0.5
    longest_wait: float = LONGEST_WAIT

    def wait_before_next(self, error: StepError, failures: int, random: Random) -> float | None:
        """Seconds to wait after that many failures, this one included; None if the error is final.

        Overload, the provider's failures and broken connections pass; our own read timeout does not, because the
        request may have been answered and billed.
        """
        if failures > self.retries or not error.retryable:
            return None
        status = error.detail.get("status")
        if error.kind not in ("connection", "server") and status not in _STATUSES:
            return None
        if error.retry_after is not None:
            return min(error.retry_after, self.longest_wait)
        ceiling = min(self.first_wait * 2**failures, self.longest_wait)
        return random.uniform(0, ceiling)
