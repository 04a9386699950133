"""What models have cost so far: today, of a workflow, of agents, of earlier runs like the next one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.engine.budget import BUDGET, CONTINUE, STOP, USE
from core.store.database import Database
from core.store.rates import Rates
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
), 0) - coalesce((
    SELECT sum(s.counted_usd)
    FROM spread_runs AS s
    JOIN executions AS parent ON parent.id = s.parent_id JOIN executions AS run ON run.id = s.run_id
    WHERE parent.status <> 'running' AND parent.created >= :since AND (CAST(:workflow AS text) IS NULL
        OR (parent.workflow_name = :workflow AND run.workflow_name = :workflow))
), 0)""")
"""The row of a run says what it cost when it ends or waits, with what the runs have cost that its steps asked for and
that have rows of their own; until then its steps do."""

_FAMILY = text("""
WITH RECURSIVE above AS (
    SELECT CAST(:run_id AS text) AS id, 0 AS height
    UNION ALL
    SELECT s.parent_id, above.height + 1 FROM above JOIN spread_runs AS s ON s.run_id = above.id
),
family AS (
    (SELECT id FROM above ORDER BY height DESC LIMIT 1)
    UNION ALL
    SELECT s.run_id FROM family JOIN spread_runs AS s ON s.parent_id = family.id
),
asked AS (
    SELECT run_id, status, ended, answer, answer ->> 'choice' AS choice,
        state -> :mark ->> 'key' = :limit AS of_limit, CAST(state -> :mark ->> 'up_to_usd' AS float8) AS up_to,
        starts_with(answer ->> 'choice', :uses) AND EXISTS (
            SELECT 1 FROM json_array_elements_text(question -> 'choices') AS offered WHERE offered = answer ->> 'choice'
        ) AS names_model
    FROM step_results WHERE run_id IN (SELECT id FROM family) AND question IS NOT NULL AND state -> :mark IS NOT NULL
)
SELECT
    (SELECT id FROM above ORDER BY height DESC LIMIT 1) AS root,
    (SELECT count(*) FROM family) AS runs,
    (SELECT coalesce(sum(cost_usd), 0) FROM step_results WHERE run_id IN (SELECT id FROM family)) AS dollars,
    coalesce(max(up_to) FILTER (WHERE of_limit AND (choice = :goes_on OR names_model)), 0) AS up_to,
    count(answer) FILTER (WHERE of_limit) AS answers,
    coalesce(bool_or(of_limit AND answer IS NULL AND status = 'suspended' AND EXISTS (
        SELECT 1 FROM executions WHERE id = run_id AND executions.status IN ('queued', 'running', 'suspended')
    )), false) AS is_asked,
    coalesce(max(ended) FILTER (WHERE of_limit AND choice = :stop) > coalesce((
        SELECT max(ended) FROM step_results AS failed
        WHERE failed.run_id = (SELECT id FROM above ORDER BY height DESC LIMIT 1)
            AND failed.status = 'failed' AND failed.error ->> 'type' = 'budget'
    ), '-infinity'), false) AS is_stopped,
    coalesce((array_agg(choice ORDER BY ended DESC) FILTER (WHERE names_model))[1], '') AS choice
FROM asked""")
"""Rows of steps tell only what these have cost themselves, so that nothing is counted twice. The choice to stop holds
until the first of these runs has failed by it: of one that is resumed then, a person is asked again."""

CLAIM_S: Final = 30.0
"""Seconds after which the right to ask falls to another, if whoever had it did not get to ask."""

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
WITH RECURSIVE past AS MATERIALIZED (
    SELECT id, cost_usd, duration_s, created FROM executions
    WHERE workflow_name = :workflow AND status = 'completed' AND part IS NULL AND labels ->> 'demo' IS NULL
        AND NOT EXISTS (SELECT 1 FROM spread_runs WHERE spread_runs.run_id = executions.id)
    ORDER BY created DESC LIMIT :runs
),
family AS (
    SELECT id AS past, id FROM past
    UNION ALL
    SELECT family.past, spread_runs.run_id FROM family JOIN spread_runs ON spread_runs.parent_id = family.id
)
SELECT past.id, past.cost_usd AS billed, past.duration_s, steps.step_id,
    coalesce(steps.output ->> 'model', steps.request ->> 'model', '') AS model,
    sum(steps.tokens_in) AS tokens_in, sum(steps.tokens_out) AS tokens_out, sum(steps.cost_usd) AS cost_usd
FROM past JOIN family ON family.past = past.id LEFT JOIN step_results AS steps
    ON steps.run_id = family.id AND (steps.tokens_in > 0 OR steps.tokens_out > 0 OR steps.cost_usd > 0)
GROUP BY past.created, past.id, past.cost_usd, past.duration_s, 4, 5
ORDER BY past.created DESC, past.id""")
"""What runs that its steps asked for did, a run did too."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a step asked one model for in a run, all its attempts and passes together. cost_usd: as billed then."""

    step_id: str
    model: str
    tokens_in: int
    tokens_out: int
    cost_usd: float

    @property
    def tokens(self) -> int:
        """Tokens in both directions."""
        return self.tokens_in + self.tokens_out


@dataclass(frozen=True, slots=True)
class PastRun:
    """A completed run: what it was billed in US dollars, its seconds, and what its steps asked for."""

    cost_usd: float
    duration_s: float
    asked: tuple[Asked, ...] = ()


@dataclass(frozen=True, slots=True)
class Family:
    """Runs that share one work, and one limit on what they may spend.

    root: the run that the others are part of. runs: how many they are. dollars: what they have spent together. up_to:
    so much may they spend in spite of the limit as people said, 0 if nobody did. answers: how often somebody answered
    about the limit. is_asked: one of them asks now. is_stopped: somebody told them to stop. model: the cheaper one that
    somebody had them go on with last, '' for none.
    """

    root: str
    runs: int = 1
    dollars: float = 0.0
    up_to: float = 0.0
    answers: int = 0
    is_asked: bool = False
    is_stopped: bool = False
    model: str = ""


class Spending:
    """What has been spent, from the rows of runs, steps and messages."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._rates = Rates(database)

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

    async def of_run(self, run_id: str, limit: str) -> Family:
        """A run with the runs that its steps asked for and those that it is part of. limit: the key of one."""
        values = {"run_id": run_id, "limit": limit, "mark": BUDGET, "goes_on": CONTINUE, "uses": USE, "stop": STOP}

        async def work(connection: AsyncConnection) -> Family:
            row = (await connection.execute(_FAMILY, values)).one()
            model = unescape(row.choice).removeprefix(USE)
            return Family(
                row.root, row.runs, float(row.dollars), float(row.up_to), row.answers, row.is_asked, row.is_stopped,
                model,
            )  # fmt: skip

        return await self._database.run(work)

    async def may_ask(self, family: Family, limit: str, run_id: str) -> bool:
        """Whether that run is the one of these that asks a person about a limit."""
        return await self._rates.claim(f"question {family.root} {limit} {family.answers}", run_id, CLAIM_S)

    async def agents(self, span: Span) -> Sequence[Spent]:
        """What agents asked models for, in chats and in steps, the dearest first. Of all workflows."""

        async def work(connection: AsyncConnection) -> Sequence[Spent]:
            rows = await connection.execute(_AGENTS, {"since": span.since, "until": span.until})
            return [
                Spent(unescape(row.name), int(row.attempts), int(row.tokens_in), int(row.tokens_out), row.cost_usd)
                for row in rows
            ]

        return await self._database.run(work)

    async def past(self, workflow: str) -> Sequence[PastRun]:
        """The newest completed runs of the whole workflow with a real model, the newest first."""

        async def work(connection: AsyncConnection) -> Sequence[PastRun]:
            rows = await connection.execute(_PAST, {"workflow": escape(workflow), "runs": PAST_RUNS})
            return [_past_run(list(group)) for _, group in groupby(rows, key=lambda row: row.id)]

        return await self._database.run(work)


def _past_run(rows: Sequence[Any]) -> PastRun:
    asked = tuple(
        Asked(unescape(row.step_id), unescape(row.model), int(row.tokens_in), int(row.tokens_out), row.cost_usd)
        for row in rows
        if row.step_id is not None
    )
    return PastRun(float(rows[0].billed), float(rows[0].duration_s), asked)
