"""What the panel's tables show of the numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from core.cli.wording import duration
from desktop.monitoring.tables import Cell
from desktop.monitoring.wording import money, share, took

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.store.statistics import Spent, StepTimes
    from core.store.workers import WorkerFacts

SHOWN = 50
"""Rows of a table, at most."""

SPENT = ("Name", "Cost", "Calls", "Tokens in", "Tokens out")
STEPS = ("Step", "Type", "Attempts", "Failed", "Half within", "95 of 100")
WORKERS = ("Worker", "Version", "Queues", "Runs", "Last heard of")
QUEUES = ("Queue", "Waiting", "Oldest")


def spent(items: Sequence[Spent]) -> list[list[Cell]]:
    """What was spent under each name; the fill says how much of all."""
    total = sum(item.cost_usd for item in items)
    tokens = sum(item.tokens_in + item.tokens_out for item in items)
    return [
        [
            Cell(
                item.name,
                share=item.cost_usd / total if total else (item.tokens_in + item.tokens_out) / max(1, tokens),
            ),
            Cell(money(item.cost_usd), item.cost_usd),
            Cell(f"{item.attempts:,}", item.attempts),
            Cell(f"{item.tokens_in:,}", item.tokens_in),
            Cell(f"{item.tokens_out:,}", item.tokens_out),
        ]
        for item in items[:SHOWN]
    ]


def ranked(items: Sequence[StepTimes], *, failing: bool) -> Sequence[StepTimes]:
    """The slowest steps first, or those that failed and the most failing first."""
    if failing:
        items = sorted((item for item in items if item.failures), key=lambda item: -item.failures)
    return items[:SHOWN]


def step_key(item: StepTimes) -> str:
    """What names a step among all workflows."""
    return f"{item.workflow}\n{item.step_id}"


def step_of(key: str) -> tuple[str, str]:
    """The workflow and the step that a key names."""
    workflow, _, step = key.rpartition("\n")
    return workflow, step


def steps(items: Sequence[StepTimes], title_of: Callable[[str], str]) -> list[list[Cell]]:
    """What is known of steps, in that order."""
    return [
        [
            Cell(
                f"{item.workflow} / {item.title or item.step_id}",
                tip=f"{item.workflow} / {item.step_id}" if item.title else "",
            ),
            Cell(title_of(item.step_type)),
            Cell(f"{item.attempts:,}", item.attempts),
            Cell(
                f"{item.failures:,} ({share(item.failures / item.attempts)})" if item.failures else "0",
                item.failures,
                "state.failed" if item.failures else "",
            ),
            Cell(took(item.p50_s), item.p50_s),
            Cell(took(item.p95_s), item.p95_s),
        ]
        for item in items
    ]


def workers(items: Sequence[WorkerFacts], lost_after_s: float) -> list[list[Cell]]:
    """The workers; one that was silent for too long is said to be lost."""
    return [
        [
            Cell(f"{item.host}, process {item.pid}"),
            Cell(item.version),
            Cell(", ".join(item.queues) or "all"),
            Cell(f"{item.running} of {item.concurrency}", item.running),
            Cell(
                f"{duration(item.silent_s)} ago" if item.silent_s <= lost_after_s
                else f"{duration(item.silent_s)} ago: lost",
                item.silent_s,
                "" if item.silent_s <= lost_after_s else "state.failed",
            ),
        ]
        for item in items[:SHOWN]
    ]  # fmt: skip


def queues(waiting: Mapping[str, tuple[int, float]]) -> list[list[Cell]]:
    """What waits in each queue."""
    return [
        [Cell(name), Cell(f"{count:,}", count), Cell(duration(seconds) if count else "", seconds)]
        for name, (count, seconds) in sorted(waiting.items())
    ]
