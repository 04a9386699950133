"""What models have cost so far: today, of a workflow, of agents, of earlier runs like the next one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.store.database import Database
from core.store.statistics import Span, Spent
from core.store.values import escape, unescape

PAST_RUNS = 50
"""So many of the newest completed runs tell what the next one will cost."""

_RUNS = text("""
SELECT coalesce((
    SELECT sum(cost_usd) FROM executions
    WHERE created >= :since AND (CAST(:workflow AS text) IS NULL OR workflow_name = :workflow)
), 0) + coalesce((
    SELECT sum(steps.cost_usd)
    FROM executions AS run JOIN step_results AS steps ON steps.run_id = run.id
    WHERE run.status = 'running' AND run.created >= :since
        AND (CAST(:workflow AS text) IS NULL OR run.workflow_name = :workflow)
), 0) - coalesce((
    SELECT sum(cost_usd) FROM executions
    WHERE status = 'running' AND created >= :since
        AND (CAST(:workflow AS text) IS NULL OR workflow_name = :workflow)
), 0)""")
"""The row of a run says what it cost when it ends or waits; until then its steps do."""

_CHATS = text("""
SELECT coalesce(sum(message.cost_usd), 0)
FROM messages AS message JOIN conversations AS own ON own.id = message.conversation_id
WHERE message.created >= :since AND message.cost_usd > 0 AND message.run_id IS NULL AND own.key NOT LIKE 'step:%'
    AND NOT EXISTS (
        SELECT 1 FROM conversations AS caller
        WHERE own.key LIKE 'call:%' AND caller.id::text = split_part(own.key, ':', 2) AND caller.key LIKE 'step:%'
    )""")
"""What an agent spends for a step, and what a workflow spends for a chat, is in the runs."""

_AGENTS = text("""
SELECT agents.name, count(*) AS attempts, sum(tokens_in) AS tokens_in, sum(tokens_out) AS tokens_out,
    sum(cost_usd) AS cost_usd
FROM agent_spending JOIN agents ON agents.id = agent_spending.agent_id
WHERE at >= :since AND at < :until
GROUP BY agents.id, agents.name ORDER BY 5 DESC, 3 DESC, 1""")

_PAST = text("""
SELECT count(*) AS runs, percentile_cont(0.5) WITHIN GROUP (ORDER BY cost_usd) AS usual_usd,
    max(cost_usd) AS most_usd, percentile_cont(0.5) WITHIN GROUP (ORDER BY duration_s) AS usual_s
FROM (
    SELECT cost_usd, duration_s FROM executions
    WHERE workflow_name = :workflow AND status = 'completed' AND part IS NULL AND labels ->> 'demo' IS NULL
    ORDER BY created DESC LIMIT :runs
) AS past""")


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run will cost if it is like the workflow's newest completed runs. runs: how many those are, at least 1.

    usual_usd, usual_s: half of them cost or took no more, in US dollars and seconds. most_usd: the dearest of them.
    """

    runs: int
    usual_usd: float
    most_usd: float
    usual_s: float


class Spending:
    """What has been spent, from the rows of runs, steps and messages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def since(self, when: datetime) -> float:
        """US dollars of all runs that began since then, what they do now included, and of chats."""

        async def work(connection: AsyncConnection) -> float:
            runs = await connection.scalar(_RUNS, {"since": when, "workflow": None})
            return float(runs or 0) + float(await connection.scalar(_CHATS, {"since": when}) or 0)

        return await self._database.run(work)

    async def of_workflow(self, workflow: str, since: datetime) -> float:
        """US dollars of the runs of a workflow that began since then, what they do now included."""
        values = {"since": since, "workflow": escape(workflow)}

        async def work(connection: AsyncConnection) -> float:
            return float(await connection.scalar(_RUNS, values) or 0)

        return await self._database.run(work)

    async def agents(self, span: Span) -> Sequence[Spent]:
        """What agents asked models for, in chats and in steps, the dearest first. Of all workflows."""

        async def work(connection: AsyncConnection) -> Sequence[Spent]:
            rows = await connection.execute(_AGENTS, {"since": span.since, "until": span.until})
            return [
                Spent(unescape(row.name), int(row.attempts), int(row.tokens_in), int(row.tokens_out), row.cost_usd)
                for row in rows
            ]

        return await self._database.run(work)

    async def estimate(self, workflow: str) -> Estimate | None:
        """What the next run of a workflow will cost; None if none was completed with a real model."""

        async def work(connection: AsyncConnection) -> Estimate | None:
            row = (await connection.execute(_PAST, {"workflow": escape(workflow), "runs": PAST_RUNS})).one()
            if not row.runs:
                return None
            return Estimate(int(row.runs), float(row.usual_usd), float(row.most_usd), float(row.usual_s))

        return await self._database.run(work)
