"""The panel's numbers as a person reads them."""

from __future__ import annotations

from datetime import datetime, timedelta

from core.cli.wording import duration
from desktop.monitoring.numbers import STATES, WORDS, Bar, Numbers
from desktop.monitoring.ranges import DAY, HOUR, Range


def money(dollars: float) -> str:
    """US dollars: exact to the cent from one dollar on, to a hundredth of one below."""
    if dollars >= 1:
        return f"${dollars:,.2f}"
    return f"${dollars:.4f}" if dollars else "$0"


def took(seconds: float) -> str:
    """How long something took, also where that is less than a millisecond."""
    return f"{seconds * 1000:.1f} ms" if 0 < seconds < 0.01 else duration(seconds)


def share(part: float | None) -> str:
    """A share of 1 in percent; a dash where there is none."""
    if part is None:
        return "\N{EN DASH}"
    return f"{part * 100:.1f} %" if 0 < part < 0.1 else f"{part * 100:.0f} %"


def piece_words(range_: Range, index: int) -> str:
    """When a piece of a range is, in the person's time."""
    start = range_.start_of(index).astimezone()
    day = f"{start:%a} {start.day} {start:%b}"
    if range_.piece < DAY:
        return f"{day}, {start:%H:%M} to {start + range_.piece:%H:%M}"
    if range_.piece == DAY:
        return day
    end = start + range_.piece - timedelta(days=1)
    return f"{day} to {end:%a} {end.day} {end:%b}"


def bar_words(range_: Range, index: int, bar: Bar) -> str:
    """What a bar says: when, and how many runs stand how."""
    parts = [f"{bar.counts[state]:,} {WORDS[state].lower()}" for state in STATES if bar.counts.get(state)]
    if bar.cost_usd:
        parts.append(money(bar.cost_usd))
    return f"{piece_words(range_, index)}: {', '.join(parts) if parts else 'no runs'}"


def tick(when: datetime, range_: Range) -> str:
    """A label below a bar."""
    local = when.astimezone()
    if range_.piece < DAY and range_.until - range_.since <= 2 * DAY:
        return f"{local:%H:%M}"
    return f"{local.day} {local:%b}"


def ticks(range_: Range, every: int) -> list[int]:
    """Which bars get a label, at least so many apart: where days begin, if the labels name days."""
    if range_.piece < DAY and range_.until - range_.since > 2 * DAY:
        starts = [n for n in range(range_.pieces) if range_.start_of(n).astimezone().hour < range_.piece / HOUR]
        apart = max(1, -(-every * range_.piece // DAY))
        return starts[::apart]
    return list(range(every // 2, range_.pieces, every))


def figures(numbers: Numbers, lost_after_s: float) -> list[tuple[str, str]]:
    """The most telling numbers, each with what it is. lost_after_s: a worker that is silent for longer is no more."""
    alive = sum(worker.silent_s <= lost_after_s for worker in numbers.workers)
    waiting = sum(count for count, _ in numbers.waiting.values())
    oldest = max((seconds for _, seconds in numbers.waiting.values()), default=0.0)
    tokens = sum(each.tokens_in + each.tokens_out for each in numbers.spent.get("model", ()))
    return [
        ("Runs", f"{numbers.runs:,}"),
        ("Failed", share(numbers.failing)),
        ("Cost of runs", money(numbers.cost_usd)),
        ("Tokens of steps", f"{tokens:,}"),
        ("Queued", f"{waiting:,}" + (f", oldest {duration(oldest)}" if waiting else "")),
        ("Workers", f"{alive:,}" if alive else "none"),
    ]
