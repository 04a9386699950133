"""How often something may be called, as people write it: `60/1m`, `5/s`, `1000/1d`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_RATE = re.compile(r"\s*(\d{1,6})\s*/\s*(\d{0,5})\s*(s|m|h|d)\s*", re.ASCII)
_PERIODS: Final = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `calls` in any `seconds`, on the average."""

    calls: int
    seconds: float

    def __str__(self) -> str:
        unit, length = next((unit, length) for unit, length in _PERIODS.items() if self.seconds % length == 0)
        return f"{self.calls}/{self.seconds / length:.0f}{unit}"


def parse_rate(text: str) -> Rate | None:
    """The rate that a text means, None if it means none."""
    match = _RATE.fullmatch(text)
    if match is None or not int(match[1]) or not int(match[2] or 1):
        return None
    return Rate(int(match[1]), int(match[2] or 1) * _PERIODS[match[3]])
