"""Many kept runs to look at as numbers, and the monitoring panel of a real program."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.store.store import Store
from desktop.monitoring.panel import MonitoringPanel
from desktop.program import Program

DOCUMENT = 'INSERT INTO documents (hash, body) VALUES (\'h\', \'{"steploom": 1, "name": "Triage"}\')'

RUNS = """
INSERT INTO executions (id, workflow_name, document_hash, inputs, labels, status, error, error_path, created, ended,
    tokens_in, tokens_out, cost_usd, duration_s, lease_epoch)
SELECT 'run-' || n, (ARRAY['Triage', 'Digest', 'Weekly report'])[n % 3 + 1], 'h', '{}', '{}',
    CASE WHEN n % 20 = 0 THEN 'failed' WHEN n % 33 = 0 THEN 'cancelled' WHEN n % 41 = 0 THEN 'suspended'
        ELSE 'completed' END,
    CASE WHEN n % 20 = 0 THEN CAST('{"type": "server", "message": "The server broke.", "attempt": 1}' AS json) END,
    CASE WHEN n % 20 = 0 THEN 'write' ELSE '' END, at, CASE WHEN n % 41 = 0 THEN NULL ELSE at + interval '9 s' END,
    900, 300, 0.002, 9, 1
FROM (
    SELECT n, CAST(:end AS timestamptz) - power(CAST(n AS float8) / :count, 1.5) * :days * interval '1 day' AS at
    FROM generate_series(1, :count) AS n
) AS made"""

STEPS = """
INSERT INTO step_results (run_id, path, attempt, seq, step_id, status, type, title, cause, definition, output, ports,
    tokens_in, tokens_out, cost_usd, duration_s, started, ended)
SELECT e.id, k.step_id, 1, k.n, k.step_id,
    CASE WHEN k.n = 5 AND e.status = 'failed' THEN 'failed' ELSE 'completed' END, k.type, '', 'first', 'd',
    json_build_object('model', k.model), '{out}', CASE WHEN k.model IS NULL THEN 0 ELSE 450 END,
    CASE WHEN k.model IS NULL THEN 0 ELSE 150 END, coalesce(k.cost, 0), k.seconds * exp(1.5 * random()), e.created,
    e.created + interval '1 second'
FROM executions AS e CROSS JOIN (VALUES
    (0, 'classify', 'chat', 'openai/gpt-5-mini', 0.0004, 0.4), (1, 'urgent', 'condition', NULL, NULL, 0.0004),
    (2, 'look_up', 'api', NULL, NULL, 0.06), (3, 'keep', 'set', NULL, NULL, 0.0002),
    (4, 'answer', 'chat', 'anthropic/claude-sonnet', 0.0016, 2.0), (5, 'write', 'write_file', NULL, NULL, 0.003)
) AS k (n, step_id, type, model, cost, seconds)
WHERE e.ended IS NOT NULL"""

AGENT = "INSERT INTO agents (id, name, version) VALUES (:id, :name, 1)"
SPENT = """
INSERT INTO agent_spending (key, agent_id, at, cause, tokens_in, tokens_out, cost_usd)
SELECT :name || n, :id, CAST(:end AS timestamptz) - n * interval '1 hour', 'answer', 900, 200, 0.01
FROM generate_series(1, :count) AS n"""

WORKER = """
INSERT INTO workers (id, owner, host, pid, version, queues, concurrency, running, started, heartbeat)
VALUES (:id, :host, :host, 4711, '0.1.0', '{}', 10, 3, now(), now() - :silent * interval '1 second')"""


async def keep_runs(store: Store, end: datetime, *, count: int = 3000, days: float = 30) -> None:
    """Keep that many runs of three workflows, most of them young; nothing of them is counted yet."""

    async def work(connection: AsyncConnection) -> None:
        await connection.execute(text(DOCUMENT))
        await connection.execute(text(RUNS), {"count": count, "end": end, "days": days})
        await connection.execute(text(STEPS))

    await store.database.run(work)


async def keep_workers(store: Store) -> None:
    """A worker that is alive and one that is lost."""

    async def work(connection: AsyncConnection) -> None:
        for host, silent in (("loom-1", 2), ("loom-2", 95)):
            await connection.execute(text(WORKER), {"id": uuid4(), "host": host, "silent": silent})

    await store.database.run(work)


async def keep_spending(store: Store, end: datetime) -> None:
    """What two agents spent."""

    async def work(connection: AsyncConnection) -> None:
        for name, count in (("Concierge", 40), ("Researcher", 12)):
            agent = uuid4()
            await connection.execute(text(AGENT), {"id": agent, "name": name})
            await connection.execute(text(SPENT), {"id": agent, "name": name, "count": count, "end": end})

    await store.database.run(work)


def panel_of(program: Program) -> MonitoringPanel:
    found = program.window.docks.get("monitoring").fill()
    assert isinstance(found, MonitoringPanel)
    return found


def store_of(program: Program) -> Store:
    assert program.session.workspace is not None
    store = program.session.workspace.store
    assert store is not None
    return store
