"""How long the numbers of the monitoring panel take with many kept runs: `python -m benchmarks.statistics [RUNS]`.

Makes a database of its own with that many runs (100,000) of 6 steps over 30 days, counts them as the program does, and
prints the median and the slowest of ten readings of each number, in milliseconds.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from time import perf_counter

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.store.statistics import Span
from core.store.store import Store

END = datetime(2026, 3, 1, tzinfo=UTC)
READINGS = 10

DOCUMENT = 'INSERT INTO documents (hash, body) VALUES (\'h\', \'{"steploom": 1, "name": "W"}\')'
RUNS = """
INSERT INTO executions (id, workflow_name, document_hash, inputs, labels, status, created, ended, tokens_in, tokens_out,
    cost_usd, duration_s, lease_epoch)
SELECT 'run-' || n, 'Workflow ' || n % 40, 'h', json_build_object('ticket', repeat('x', 200)), '{}',
    CASE WHEN n % 20 = 0 THEN 'failed' ELSE 'completed' END,
    CAST(:end AS timestamptz) - n * interval '30 days' / :count,
    CAST(:end AS timestamptz) - n * interval '30 days' / :count + interval '9 seconds', 900, 300, 0.002, 9, 1
FROM generate_series(1, :count) AS n"""
STEPS = """
INSERT INTO step_results (run_id, path, attempt, seq, step_id, status, type, title, cause, definition, output, ports,
    tokens_in, tokens_out, cost_usd, duration_s, started, ended)
SELECT e.id, 'step_' || k, 1, k, 'step_' || k,
    CASE WHEN k = 5 AND e.status = 'failed' THEN 'failed' ELSE 'completed' END,
    (ARRAY['chat', 'condition', 'api', 'set', 'chat', 'write_file'])[k + 1], '', 'first', 'd',
    json_build_object('model', CASE k WHEN 0 THEN 'm/small' WHEN 4 THEN 'm/large' END, 'text', repeat('y', 100)),
    '{out}', 150, 50, 0.0003, exp(3 * random()) * (k + 1) / 10, e.created, e.created + interval '1 second'
FROM executions AS e CROSS JOIN generate_series(0, 5) AS k"""


async def measure(count: int, home: Path) -> None:
    """Fill, count, read."""
    async with await Store.open(None, home) as store:

        async def fill(connection: AsyncConnection) -> None:
            await connection.execute(text(DOCUMENT))
            await connection.execute(text(RUNS), {"count": count, "end": END})
            await connection.execute(text(STEPS))

        await store.database.run(fill)
        began = perf_counter()
        while await store.statistics.count():
            pass
        print(f"counting {count} runs of 6 steps: {perf_counter() - began:.1f} s")

        async def analyze(connection: AsyncConnection) -> None:
            await connection.execute(text("ANALYZE"))

        await store.database.run(analyze)
        week, month = Span(END - timedelta(days=7), END), Span(END - timedelta(days=31), END)
        days = Span(END - timedelta(days=2), END)
        one = Span(month.since, month.until, "Workflow 7")
        numbers = store.statistics
        readings: dict[str, Callable[[], Awaitable[object]]] = {
            "runs by hour, a week": lambda: numbers.runs(week, timedelta(hours=1)),
            "runs by hour, a month": lambda: numbers.runs(month, timedelta(hours=1)),
            "runs by hour, a month, one workflow": lambda: numbers.runs(one, timedelta(hours=1)),
            "step types, two days": lambda: numbers.types(days),
            "each step, two days": lambda: numbers.steps(days),
            "step types, a month": lambda: numbers.types(month),
            "each step, a month": lambda: numbers.steps(month),
            "spent by model, a month": lambda: numbers.spent(month, "model"),
            "spent by workflow, a month": lambda: numbers.spent(month, "workflow"),
            "what is uncounted": numbers.uncounted,
            "runs of one hour": lambda: numbers.list(Span(END - timedelta(hours=1), END)),
            "failed runs of a month": lambda: numbers.list(month, "failed"),
            "names of workflows": numbers.workflows,
            "spent today": lambda: store.spending.since(END - timedelta(days=1)),
            "spent by one workflow today": lambda: store.spending.of_workflow("Workflow 7", END - timedelta(days=1)),
            "spent by agent, a month": lambda: store.spending.agents(month),
            "estimate of a run": lambda: store.spending.estimate("Workflow 7"),
        }
        for name, read in readings.items():
            times = []
            for _ in range(READINGS):
                began = perf_counter()
                await read()
                times.append((perf_counter() - began) * 1000)
            print(f"{name:40} median {median(times):7.1f} ms, slowest {max(times):7.1f} ms")


def main() -> None:
    """Measure in a folder that is removed afterwards."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as home:
        asyncio.run(measure(count, Path(home)))


if __name__ == "__main__":
    main()
