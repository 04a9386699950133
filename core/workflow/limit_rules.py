"""What can be wrong with a workflow's limits on spending."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from core.workflow.model import Limits
from core.workflow.problems import Problem

MOST_USD: Final = 1_000_000
"""US dollars: the highest limit that can be written."""


def limit_problems(limits: Limits) -> Iterator[Problem]:
    """Limits that nothing can keep, or of which one makes the other useless."""
    for name, value in (("usd_per_run", limits.usd_per_run), ("usd_per_day", limits.usd_per_day)):
        if value is not None and not (math.isfinite(value) and 0 < value <= MOST_USD):
            message = f"A limit on spending must be more than 0 and at most {MOST_USD:,} US dollars."
            fix = "Write one such as 0.50, or remove it for no limit."
            yield Problem("limit_range", message, fix, field=f"limits.{name}")
    run, day = limits.usd_per_run, limits.usd_per_day
    if run is not None and day is not None and run > day > 0:
        message = "One run may spend more than all runs of a day together, so that the limit of a run never holds."
        fix = "Lower `usd_per_run`, or raise `usd_per_day`."
        yield Problem("limit_order", message, fix, field="limits.usd_per_run", severity="warning")
