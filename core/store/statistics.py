"""What runs, steps and models did in a span of time, in numbers.

Runs are counted where they stand. Steps are too many for that: as runs end, their attempts are added up by hour and by
how long they took, and by day for long spans; in buckets that are 20 % apart, so that a percentile is right within
10 %.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.store.database import Database
from core.store.values import escape, unescape

BATCH = 2000
"""Runs that are counted in one transaction."""

_COUNT = text("""
WITH due AS MATERIALIZED (
    SELECT id, workflow_name, counted, ended FROM executions
    WHERE ended IS NOT NULL AND (counted IS NULL OR counted < ended)
    ORDER BY ended LIMIT :batch FOR UPDATE SKIP LOCKED
),
marked AS (UPDATE executions SET counted = due.ended FROM due WHERE executions.id = due.id),
attempts AS MATERIALIZED (
    SELECT due.workflow_name AS workflow, s.step_id, s.type AS step_type,
        coalesce(s.output ->> 'model', s.request ->> 'model', '') AS model, s.ended, s.status,
        floor(ln(greatest(s.duration_s, 0.0001)) / ln(CAST(1.2 AS float8)))::int2 AS bucket,
        s.tokens_in, s.tokens_out, s.cost_usd
    FROM due JOIN step_results AS s ON s.run_id = due.id
    WHERE s.status IN ('completed', 'failed', 'cancelled') AND s.started IS NOT NULL
        AND s.ended > coalesce(due.counted, '-infinity') AND s.ended <= due.ended
),
steps AS (
    INSERT INTO counted_steps AS old (workflow, step_id, step_type, model)
    SELECT DISTINCT workflow, step_id, step_type, model FROM attempts ORDER BY 1, 2, 3, 4
    ON CONFLICT (workflow, step_id, step_type, model) DO UPDATE SET model = old.model
    RETURNING id, workflow, step_id, step_type, model
),
added AS (
    INSERT INTO step_statistics AS old (step, hours, at, bucket, attempts, failures, tokens_in, tokens_out, cost_usd)
    SELECT steps.id, hours, date_trunc(CASE hours WHEN 1 THEN 'hour' ELSE 'day' END, ended), bucket,
        count(*), count(*) FILTER (WHERE status = 'failed'), sum(tokens_in), sum(tokens_out), sum(cost_usd)
    FROM attempts JOIN steps USING (workflow, step_id, step_type, model) CROSS JOIN (VALUES (1), (24)) AS u (hours)
    GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
    ON CONFLICT (step, hours, at, bucket) DO UPDATE SET
        attempts = old.attempts + excluded.attempts, failures = old.failures + excluded.failures,
        tokens_in = old.tokens_in + excluded.tokens_in, tokens_out = old.tokens_out + excluded.tokens_out,
        cost_usd = old.cost_usd + excluded.cost_usd
)
SELECT count(*) FROM due""")
"""Ordered by the keys, so that two programs that count never wait for each other in a circle."""

_RUNS = text("""
WITH counted AS (
    SELECT piece AS at, found.*
    FROM generate_series(
        CAST(:since AS timestamptz), CAST(:until AS timestamptz), make_interval(secs => :piece)
    ) AS piece CROSS JOIN LATERAL (
        SELECT status, count(*) AS number, sum(cost_usd) AS cost_usd FROM executions
        WHERE created >= piece AND created < least(piece + make_interval(secs => :piece), :until)
            AND (CAST(:workflow AS text) IS NULL OR workflow_name = :workflow)
        GROUP BY status
    ) AS found
    UNION ALL
    SELECT date_bin(make_interval(secs => :piece), created, :since), status, -count(*), -sum(cost_usd)
    FROM spread_runs JOIN executions ON executions.id = spread_runs.run_id
    WHERE created >= :since AND created < :until AND (CAST(:workflow AS text) IS NULL OR workflow_name = :workflow)
    GROUP BY 1, 2
)
SELECT at, status, CAST(sum(number) AS bigint) AS number, sum(cost_usd) AS cost_usd
FROM counted GROUP BY 1, 2 HAVING sum(number) > 0 ORDER BY 1, 2""")
"""Piece by piece from the index alone: grouping all rows by their piece takes three times as long.

Without the runs that steps of others asked for: those are parts of them, and their cost is in theirs.
"""

_NAMES = text("""
WITH RECURSIVE names AS (
    (SELECT workflow_name AS name FROM executions ORDER BY workflow_name LIMIT 1)
    UNION ALL
    SELECT (SELECT workflow_name FROM executions WHERE workflow_name > names.name ORDER BY workflow_name LIMIT 1)
    FROM names WHERE names.name IS NOT NULL
)
SELECT name FROM names WHERE name IS NOT NULL LIMIT 1000""")
"""From one name to the next by the index: reading all runs for their few names takes a hundred times as long."""

_STEPS = text("""
WITH sums AS MATERIALIZED (
    SELECT step, bucket, sum(attempts) AS attempts, sum(failures) AS failures, sum(tokens_in) AS tokens_in,
        sum(tokens_out) AS tokens_out, sum(cost_usd) AS cost_usd
    FROM step_statistics
    WHERE hours = :hours AND at >= :since AND at < :until
        AND (CAST(:workflow AS text) IS NULL OR step IN (SELECT id FROM counted_steps WHERE workflow = :workflow))
    GROUP BY step, bucket
),
named AS MATERIALIZED (
    SELECT workflow, step_id, step_type, model, sums.* FROM sums JOIN counted_steps ON counted_steps.id = sums.step
),
buckets AS (
    SELECT 'type' AS kind, '' AS name, '' AS step_id, step_type, bucket, sum(attempts) AS attempts,
        sum(failures) AS failures
    FROM named GROUP BY step_type, bucket
    UNION ALL
    SELECT 'step', workflow, step_id, step_type, bucket, sum(attempts), sum(failures)
    FROM named GROUP BY workflow, step_id, step_type, bucket
),
ranked AS (
    SELECT *, sum(attempts) OVER (PARTITION BY kind, name, step_id, step_type ORDER BY bucket) AS upto,
        sum(attempts) OVER (PARTITION BY kind, name, step_id, step_type) AS total
    FROM buckets
),
times AS (
    SELECT kind, name, step_id, step_type, max(total) AS attempts, sum(failures) AS failures,
        power(CAST(1.2 AS float8), min(bucket) FILTER (WHERE upto >= 0.5 * total) + 0.5) AS p50,
        power(CAST(1.2 AS float8), min(bucket) FILTER (WHERE upto >= 0.95 * total) + 0.5) AS p95,
        power(CAST(1.2 AS float8), max(bucket) + 1) AS slowest
    FROM ranked GROUP BY kind, name, step_id, step_type
),
told AS (
    SELECT *, row_number() OVER (PARTITION BY kind ORDER BY p95 DESC) AS slow,
        row_number() OVER (PARTITION BY kind ORDER BY failures DESC, p95 DESC) AS failing
    FROM times
)
SELECT kind, name, step_id, step_type, attempts, failures, p50, p95, slowest, 0 AS tokens_in, 0 AS tokens_out,
    0.0 AS cost_usd
FROM told WHERE slow <= :most OR failing <= :most AND failures > 0
UNION ALL
SELECT 'model', model, '', '', sum(attempts), 0, 0, 0, 0, sum(tokens_in), sum(tokens_out), sum(cost_usd)
FROM named WHERE model <> '' GROUP BY model
UNION ALL
SELECT 'workflow', workflow, '', '', sum(attempts), 0, 0, 0, 0, sum(tokens_in), sum(tokens_out), sum(cost_usd)
FROM named WHERE model <> '' GROUP BY workflow""")
"""All that is told of steps at once: reading their counts takes most of the time."""

_TITLES = text("""
WITH RECURSIVE steps AS (
    SELECT known.name, step.key, step.value
    FROM unnest(CAST(:names AS text[])) AS known (name)
    CROSS JOIN LATERAL (
        SELECT document_hash FROM executions WHERE workflow_name = known.name ORDER BY created DESC LIMIT 1
    ) AS newest
    JOIN documents ON documents.hash = newest.document_hash
    CROSS JOIN json_each(documents.body -> 'steps') AS step
    UNION ALL
    SELECT steps.name, step.key, step.value
    FROM steps CROSS JOIN json_each(
        CASE json_typeof(steps.value -> 'body') WHEN 'object' THEN steps.value -> 'body' END) AS step
)
SELECT name, key AS step_id, value ->> 'title' AS title FROM steps WHERE value ->> 'title' <> ''""")

MOST: Final = 200
"""Steps that are told of at most: that many of the slowest, and of the most failing."""

_UNCOUNTED = text("SELECT count(*) FROM executions WHERE ended IS NOT NULL AND (counted IS NULL OR counted < ended)")

_FORGET = text("DELETE FROM step_statistics WHERE at < :before")

_HOURLY_FOR = timedelta(hours=50)
"""Longer spans are read by days: that is a tenth of the rows."""


@dataclass(frozen=True, slots=True)
class Span:
    """From a time on, up to but without another, perhaps of one workflow only.

    Steps are told for the whole hours that it touches, for the whole days if it is longer than two.
    """

    since: datetime
    until: datetime
    workflow: str | None = None


@dataclass(frozen=True, slots=True)
class RunCount:
    """Runs that were started in one piece of a span and stand so. at: where the piece begins."""

    at: datetime
    status: str
    number: int
    cost_usd: float


@dataclass(frozen=True, slots=True)
class StepTimes:
    """How long attempts took. workflow, step_id, title: '' when told by type. p50_s, p95_s: seconds, within 10 %.

    title: the step's in the newest run of the workflow that is kept, '' if it has none there.
    """

    step_type: str
    attempts: int
    failures: int
    p50_s: float
    p95_s: float
    slowest_s: float
    workflow: str = ""
    step_id: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class StepNumbers:
    """What is told of the steps of a span.

    types: by type; steps: each of each workflow; the slowest (95 of 100) first. models, workflows: what models were
    asked for, the dearest first.
    """

    types: Sequence[StepTimes] = ()
    steps: Sequence[StepTimes] = ()
    models: Sequence[Spent] = ()
    workflows: Sequence[Spent] = ()


@dataclass(frozen=True, slots=True)
class Spent:
    """What models were asked for under a name, by steps of workflows."""

    name: str
    attempts: int
    tokens_in: int
    tokens_out: int
    cost_usd: float


class Statistics:
    """Numbers of all that is kept, and of what was counted before its runs were removed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def count(self, batch: int = BATCH) -> int:
        """Count the steps of some runs that ended since; how many runs those were. 0: nothing is left to count."""

        async def work(connection: AsyncConnection) -> int:
            return int(await connection.scalar(_COUNT, {"batch": batch}) or 0)

        return await self._database.run(work)

    async def uncounted(self) -> int:
        """How many runs ended whose steps are not counted yet."""

        async def work(connection: AsyncConnection) -> int:
            return int(await connection.scalar(_UNCOUNTED) or 0)

        return await self._database.run(work)

    async def runs(self, span: Span, piece: timedelta) -> Sequence[RunCount]:
        """Runs by when they started and how they stand, in pieces of that length from the span's beginning on."""
        values = {**_values(span), "piece": piece.total_seconds()}

        async def work(connection: AsyncConnection) -> Sequence[RunCount]:
            rows = await connection.execute(_RUNS, values)
            return [RunCount(row.at, row.status, row.number, row.cost_usd) for row in rows]

        return await self._database.run(work)

    async def workflows(self) -> Sequence[str]:
        """The names of all workflows of which runs are kept, at most 1,000."""

        async def work(connection: AsyncConnection) -> Sequence[str]:
            return [unescape(row.name) for row in await connection.execute(_NAMES)]

        return await self._database.run(work)

    async def steps(self, span: Span) -> StepNumbers:
        """How long steps took, how often they failed, and what they asked models for."""

        async def work(connection: AsyncConnection) -> StepNumbers:
            rows = (await connection.execute(_STEPS, {**_counted(span), "most": MOST})).all()
            names = sorted({row.name for row in rows if row.kind == "step"})
            titled = (await connection.execute(_TITLES, {"names": names})).all() if names else ()
            titles = {(row.name, row.step_id): unescape(row.title) for row in titled}
            return StepNumbers(
                _times((row for row in rows if row.kind == "type"), {}),
                _times((row for row in rows if row.kind == "step"), titles),
                _spent(row for row in rows if row.kind == "model"),
                _spent(row for row in rows if row.kind == "workflow"),
            )

        return await self._database.run(work)

    async def forget(self, before: datetime) -> None:
        """Remove counts of hours and days that began before that time."""
        await self._database.run(lambda connection: connection.execute(_FORGET, {"before": before}))


def _values(span: Span) -> dict[str, Any]:
    workflow = None if span.workflow is None else escape(span.workflow)
    return {"since": span.since, "until": span.until, "workflow": workflow}


def _counted(span: Span) -> dict[str, Any]:
    """The values for a query of counted steps."""
    hourly = span.until - span.since <= _HOURLY_FOR
    since = span.since.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return {**_values(span), "hours": 1 if hourly else 24, "since": since if hourly else since.replace(hour=0)}


def _times(rows: Iterable[Any], titles: Mapping[tuple[str, str], str]) -> Sequence[StepTimes]:
    found = [
        StepTimes(
            row.step_type, int(row.attempts), int(row.failures), row.p50, row.p95, row.slowest, unescape(row.name),
            unescape(row.step_id), titles.get((row.name, row.step_id), ""),
        )
        for row in rows
    ]  # fmt: skip
    return sorted(found, key=lambda each: -each.p95_s)


def _spent(rows: Iterable[Any]) -> Sequence[Spent]:
    found = [
        Spent(unescape(row.name), int(row.attempts), int(row.tokens_in), int(row.tokens_out), float(row.cost_usd))
        for row in rows
    ]
    return sorted(found, key=lambda each: (-each.cost_usd, -each.tokens_in, each.name))
