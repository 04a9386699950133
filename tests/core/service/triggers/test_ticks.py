from __future__ import annotations

from datetime import UTC, datetime, timedelta

from core.service.triggers.ticks import MOST_MISSED, decide
from core.workflow.triggers import Missed, Overlap, Schedule

NINE = datetime(2026, 1, 1, 9, 0, tzinfo=UTC)


def hourly(missed: Missed = "skip", overlap: Overlap = "skip", jitter: float = 0.0) -> Schedule:
    return Schedule(cron="0 * * * *", missed=missed, overlap=overlap, jitter=jitter)


def test_a_time_that_came_a_moment_ago_starts_a_run() -> None:
    found = decide(hourly(), NINE, NINE + timedelta(seconds=60), busy=False)
    assert (found.run_for, found.next_at, found.waits) == (NINE, NINE + timedelta(hours=1), False)


def test_missed_times_start_nothing_by_default() -> None:
    found = decide(hourly(), NINE, NINE + timedelta(hours=5, minutes=30), busy=False)
    assert (found.run_for, found.next_at) == (None, NINE + timedelta(hours=6))
    assert found.outcome == "missed 6 times: nothing was there to start it"
    assert "missed 1 time:" in decide(hourly(), NINE, NINE + timedelta(minutes=5), busy=False).outcome
    assert "1000 times or more" in decide(hourly(), NINE, NINE + timedelta(days=90), busy=False).outcome
    # One that has only just come is not missed with the others.
    just = decide(hourly(), NINE, NINE + timedelta(hours=5, seconds=10), busy=False)
    assert (just.run_for, just.next_at) == (None, NINE + timedelta(hours=5))


def test_missed_times_start_one_run_for_the_latest() -> None:
    found = decide(hourly("once"), NINE, NINE + timedelta(hours=5, minutes=30), busy=False)
    assert (found.run_for, found.next_at) == (NINE + timedelta(hours=5), NINE + timedelta(hours=6))


def test_missed_times_start_a_run_each_one_after_the_other() -> None:
    now = NINE + timedelta(hours=2, minutes=30)
    found = decide(hourly("all"), NINE, now, busy=True)  # they would otherwise skip each other
    assert (found.run_for, found.next_at, found.waits) == (NINE, NINE + timedelta(hours=1), True)
    assert not decide(hourly("all", "parallel"), NINE, now, busy=True).waits
    years = decide(hourly("all"), NINE, NINE + timedelta(days=900), busy=False)
    assert years.run_for == NINE + timedelta(days=900) - timedelta(hours=MOST_MISSED - 1)


def test_a_time_that_comes_during_the_run_before_skips_waits_or_runs_beside_it() -> None:
    skipped = decide(hourly(), NINE, NINE, busy=True)
    assert (skipped.run_for, skipped.next_at) == (None, NINE + timedelta(hours=1))
    assert "skipped" in skipped.outcome
    queued = decide(hourly(overlap="queue"), NINE, NINE, busy=True)
    assert (queued.run_for, queued.waits) == (NINE, True)
    beside = decide(hourly(overlap="parallel"), NINE, NINE, busy=True)
    assert (beside.run_for, beside.waits) == (NINE, False)


def test_jitter_does_not_make_a_time_late() -> None:
    assert decide(hourly(jitter=600), NINE, NINE + timedelta(seconds=600), busy=False).run_for == NINE
    assert decide(hourly(jitter=600), NINE, NINE + timedelta(seconds=700), busy=False).run_for is None


def test_the_last_time_of_all_is_followed_by_none() -> None:
    once = Schedule(at=NINE)
    assert decide(once, NINE, NINE, busy=False).next_at is None
    late = decide(Schedule(at=NINE, missed="once"), NINE, NINE + timedelta(days=3), busy=False)
    assert (late.run_for, late.next_at) == (NINE, None)
