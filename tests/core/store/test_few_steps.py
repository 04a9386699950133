"""A few steps of one run have a statement of their own; it must write just what the one for any rows writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from core.engine.errors import LeaseLost
from core.engine.events import ErrorInfo, StepCompleted, StepStarted, Usage
from core.engine.journal import StepRecord
from core.store.few_steps import MOST, few_steps
from core.store.held_lease import Attempt, HeldLease
from core.store.journal import PostgresJournal
from core.store.values import LARGEST
from core.workflow.model import Json
from tests.support.journals import at, completed, new_run, started

HASH = "ab" * 32
AWKWARD: dict[str, dict[str, Json]] = {
    "plain": {"text": "four"},
    "nul\x00 and \ud800": {"text": 'a "quoted" \\ back\x00slash\ud800', "list": [1, 2.5, None, True]},
    "naïve/über[3]": {"blob": HASH, "size": 3},
    '{braces},"quotes",\\': {},
}


def _start(run: str, path: str) -> StepStarted:
    return started(run, path, title=f"{path}, shown", definition="d1", inputs={"prompt": path, "more": AWKWARD[path]})


def _end(run: str, path: str) -> StepCompleted:
    return completed(
        run,
        path,
        output=AWKWARD[path],
        ports=("out", 'a "b" \\,{c}'),
        request={"url": path},
        variables={"v": path},
        handled=ErrorInfo("timeout", f"{path} took too long"),
        usage=Usage(3, 2**40, 0.1 + 0.2),
        duration_s=1e-7,
    )


def _of(run: str, records: Sequence[StepRecord]) -> list[StepRecord]:
    return [replace(record, run_id=run) for record in records]


async def _in_one_batch(journal: PostgresJournal) -> list[StepRecord]:
    """The records as the statement for any rows writes them: there are more than a few."""
    lease = await journal.open_run(new_run())
    for path in AWKWARD:
        journal.put(lease, _start(lease.run_id, path))
        journal.put(lease, _end(lease.run_id, path))
    for number in range(MOST):
        journal.put(lease, started(lease.run_id, f"more{number}"))
    await journal.flush(lease)
    return _of("", await journal.steps(lease.run_id))[: len(AWKWARD)]


@pytest.mark.parametrize("at_once", [1, 2, 3])
async def test_steps_that_began_and_completed_together(postgres_journal: PostgresJournal, at_once: int) -> None:
    lease = await postgres_journal.open_run(new_run())
    for number, path in enumerate(AWKWARD, 1):
        postgres_journal.put(lease, _start(lease.run_id, path))
        postgres_journal.put(lease, _end(lease.run_id, path))
        if number % at_once == 0:
            await postgres_journal.flush(lease)
    await postgres_journal.flush(lease)
    found = _of("", await postgres_journal.steps(lease.run_id))
    assert found == await _in_one_batch(postgres_journal)


async def test_the_start_of_each_step_is_durable_with_the_end_of_the_one_before(
    postgres_journal: PostgresJournal,
) -> None:
    lease = await postgres_journal.open_run(new_run())
    before: str | None = None
    for path in AWKWARD:
        if before is not None:
            postgres_journal.put(lease, _end(lease.run_id, before))
        postgres_journal.put(lease, _start(lease.run_id, path))
        await postgres_journal.flush(lease)
        newest = (await postgres_journal.steps(lease.run_id))[-1]
        assert newest == StepRecord(
            lease.run_id,
            path,
            newest.step_id,
            1,
            "started",
            newest.type,
            f"{path}, shown",
            definition="d1",
            inputs={"prompt": path, "more": AWKWARD[path]},
            started=at(1),
        )
        before = path
    assert before is not None
    postgres_journal.put(lease, _end(lease.run_id, before))
    await postgres_journal.flush(lease)
    found = _of("", await postgres_journal.steps(lease.run_id))
    assert found == await _in_one_batch(postgres_journal)


async def test_nothing_is_written_for_a_run_that_was_taken_over(postgres_journal: PostgresJournal) -> None:
    lease = await postgres_journal.open_run(new_run())
    postgres_journal.put(lease, _start(lease.run_id, "plain"))
    await postgres_journal.flush(lease)
    await postgres_journal.close_run(lease)
    _, _, newer = await postgres_journal.take_run(lease.run_id)
    stale = HeldLease(lease.run_id, 1, run=new_run())
    attempt = Attempt(None, 1)
    attempt.add(_start(lease.run_id, "plain"))
    attempt.written = True
    stale.attempts["plain", 1] = attempt
    postgres_journal.put(stale, _end(lease.run_id, "plain"))
    with pytest.raises(LeaseLost):
        await postgres_journal.flush(stale)
    (record,) = await postgres_journal.steps(lease.run_id)
    assert record.status == "started"
    await postgres_journal.close_run(newer)


def test_other_events_and_large_values_are_left_to_the_other_statement() -> None:
    lease = HeldLease("r1", 1, run=new_run())
    simple, large, taken = Attempt(None, 1), Attempt(None, 2), Attempt(StepRecord("r1", "c", "c", 1, "started"), 3)
    simple.add(started("r1", "a"))
    large.add(started("r1", "b", inputs={"text": "x" * LARGEST}))
    assert few_steps(lease, [simple]) is not None
    assert few_steps(lease, [simple] * (MOST + 1)) is None
    assert few_steps(lease, [simple, large]) is None
    assert few_steps(lease, [simple, taken]) is None
