"""Durations as people write them: `500ms`, `60s`, `2m`, `3h`, `1d`, or a plain number of seconds."""

from __future__ import annotations

import math
import re

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PATTERN = re.compile(r"\s*(-?[0-9]+(?:\.[0-9]*)?(?:e[-+]?[0-9]+)?)\s*(ms|s|m|h|d)?\s*", re.ASCII)
_EXPECTED = "A duration is a number of seconds, or a number with ms, s, m, h or d, such as 90s or 2m"


def parse_duration(value: object) -> float:
    """The duration in seconds. Raises ValueError with a sentence for the person."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        number, unit = value, "s"
    elif isinstance(value, str) and (match := _PATTERN.fullmatch(value)):
        number, unit = float(match[1]), match[2] or "s"
    else:
        raise ValueError(f"{_EXPECTED}; it is not {_shown(value)}.")
    try:
        # Thousandths are divided, not multiplied: 3 / 1000 is the nearest float to 0.003, 3 * 0.001 is not.
        seconds = float(number) / 1000 if unit == "ms" else float(number) * _SECONDS[unit]
    except OverflowError:
        seconds = math.inf
    if not math.isfinite(seconds):
        raise ValueError(f"{_EXPECTED}; {_shown(value)} is too large.")
    return seconds


def format_duration(seconds: float) -> str:
    """The shortest usual spelling, which parse_duration reads back as exactly the same number of seconds."""
    for unit, text in _candidates(seconds):
        spelling = f"{text}{unit}"
        if parse_duration(spelling) == seconds:
            return spelling
    return f"{float(seconds)!r}s"


def _candidates(seconds: float) -> list[tuple[str, str]]:
    """Units to try with the number in them, best first. One minute is `60s`, as most people write a timeout."""
    found: list[tuple[str, str]] = []
    if abs(seconds) > 60:
        found += [
            (unit, f"{seconds / _SECONDS[unit]:.0f}") for unit in ("d", "h", "m") if seconds % _SECONDS[unit] == 0
        ]
    found.append(("s", f"{seconds:.0f}"))
    if abs(seconds) < 1:
        found.append(("ms", f"{seconds * 1000:.0f}"))
    return found


def _shown(value: object) -> str:
    if isinstance(value, int) and value.bit_length() > 1000:
        return "that number"  # Python refuses to spell integers of thousands of digits.
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
