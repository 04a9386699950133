"""How long the numbers of the monitoring panel take with many kept runs: `python -m benchmarks.statistics [RUNS]`.

Makes a database of its own with that many runs (100,000) of 6 steps over 30 days, and as many messages in chats with
20 agents, counts them as the program does, and prints the median and the slowest of ten readings of each number, in
milliseconds: first of everything that the panel reads at once, then of each query alone.
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
from desktop.monitoring.numbers import read
from desktop.monitoring.ranges import Range

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


AGENTS = """
INSERT INTO agents (id, name, version)
SELECT md5('agent ' || n)::uuid, 'Agent ' || n, 1 FROM generate_series(0, 19) AS n"""
CHATS = """
INSERT INTO conversations (id, agent_id, key)
SELECT md5('chat ' || n)::uuid, md5('agent ' || n % 20)::uuid, CASE WHEN n % 10 = 0 THEN 'step:' || n ELSE '' END
FROM generate_series(0, 1999) AS n"""
MESSAGES = """
INSERT INTO messages (conversation_id, depth, key, role, text, body, cost_usd, created)
SELECT md5('chat ' || n % 2000)::uuid, 0, md5('message ' || n)::uuid,
    CASE WHEN n % 2 = 0 THEN 'user' ELSE 'assistant' END,
    'How long do I have to send it back? ' || n, '{}', CASE WHEN n % 2 = 0 THEN 0 ELSE 0.001 END,
    CAST(:end AS timestamptz) - n * interval '30 days' / :count
FROM generate_series(1, :count) AS n"""
SPENDING = """
INSERT INTO agent_spending (key, agent_id, at, cause, tokens_in, tokens_out, cost_usd)
SELECT 'paid ' || n, md5('agent ' || n % 20)::uuid, CAST(:end AS timestamptz) - n * interval '30 days' / :count,
    'answer', 900, 200, 0.001
FROM generate_series(1, :count) AS n"""


async def fill(store: Store, count: int) -> None:
    """Keep all that."""

    async def work(connection: AsyncConnection) -> None:
        values = {"count": count, "end": END}
        for statement in (DOCUMENT, RUNS, STEPS, AGENTS, CHATS, MESSAGES, SPENDING):
            known = {name: value for name, value in values.items() if f":{name}" in statement}
            await connection.execute(text(statement), known)

    await store.database.run(work)
    began = perf_counter()
    while await store.statistics.count():
        pass
    print(f"counting {count} runs of 6 steps: {perf_counter() - began:.1f} s")

    async def analyze(connection: AsyncConnection) -> None:
        await connection.execute(text("ANALYZE"))

    await store.database.run(analyze)


def readings(store: Store) -> dict[str, Callable[[], Awaitable[object]]]:
    """What is read, by what it is called."""
    day, week, month = (Span(END - timedelta(days=days), END) for days in (1, 7, 31))
    days = Span(END - timedelta(days=2), END)
    one = Span(month.since, month.until, "Workflow 7")
    numbers, spending, journal = store.statistics, store.spending, store.journal

    def panel(span: Span) -> Callable[[], Awaitable[object]]:
        piece = timedelta(hours=1) if span.until - span.since <= timedelta(days=2) else timedelta(days=1)
        return lambda: read(store, Range(span.since, span.until, piece), span.workflow or "")

    return {
        "the whole panel, a day": panel(day),
        "the whole panel, a month": panel(month),
        "the whole panel, a month, one workflow": panel(one),
        "runs by hour, a week": lambda: numbers.runs(week, timedelta(hours=1)),
        "runs by hour, a month": lambda: numbers.runs(month, timedelta(hours=1)),
        "runs by hour, a month, one workflow": lambda: numbers.runs(one, timedelta(hours=1)),
        "steps, two days by the hour": lambda: numbers.steps(days),
        "steps, a month by the day": lambda: numbers.steps(month),
        "steps, a month, one workflow": lambda: numbers.steps(one),
        "spent by agent, a month": lambda: spending.agents(month),
        "what is uncounted": numbers.uncounted,
        "names of workflows": numbers.workflows,
        "queues": store.queued_runs.depth,
        "workers": store.workers.list,
        "history: runs of one hour": lambda: journal.runs(since=END - timedelta(hours=1), until=END, limit=200),
        "history: failed runs of a month": lambda: journal.runs(
            status="failed", since=month.since, until=END, limit=200
        ),
        "history: runs in a state that none has": lambda: journal.runs(
            status="suspended", since=month.since, until=END, limit=200
        ),
        "history: the same of one workflow": lambda: journal.runs(
            status="suspended", workflow="Workflow 7", since=month.since, until=END, limit=200
        ),
        "history: runs of one workflow": lambda: journal.runs(workflow="Workflow 7", limit=200),
        "limit of a day: spent today": lambda: spending.since(day.since),
        "limit of a workflow: spent today": lambda: spending.of_workflow("Workflow 7", day.since),
        "estimate: the last runs of a workflow": lambda: spending.past("Workflow 7"),
    }


async def measure(count: int, home: Path) -> None:
    """Fill, count, read."""
    async with await Store.open(None, home) as store:
        await fill(store, count)
        for name, reading in readings(store).items():
            times = []
            for _ in range(READINGS):
                began = perf_counter()
                await reading()
                times.append((perf_counter() - began) * 1000)
            print(f"{name:40} median {median(times):7.1f} ms, slowest {max(times):7.1f} ms", flush=True)


def main() -> None:
    """Measure in a folder that is removed afterwards."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as home:
        asyncio.run(measure(count, Path(home)))


if __name__ == "__main__":
    main()
