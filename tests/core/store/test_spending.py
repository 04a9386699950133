from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from core.engine.events import ErrorInfo, RunCompleted, RunFailed, RunStarted, Usage
from core.store.agents import AgentDocument, PostgresAgents
from core.store.conversations import Spending as Paid
from core.store.database import Database
from core.store.journal import PostgresJournal
from core.store.postgres_conversations import PostgresConversations
from core.store.spending import Asked, PastRun, Spending
from core.store.statistics import Span, Spent
from core.workflow.model import Workflow
from tests.support.conversations import said
from tests.support.journals import NOON, at, completed, new_run, started

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def spending(database: Database) -> Spending:
    return Spending(database)


@pytest.fixture
async def conversations(database: Database) -> AsyncIterator[PostgresConversations]:
    made = PostgresConversations(database)
    yield made
    await database.thread.call(made.stop)


async def ran(
    journal: PostgresJournal,
    cost: float,
    *,
    name: str = "A",
    created: datetime = NOON,
    seconds: float = 1.0,
    labels: dict[str, str] | None = None,
) -> None:
    """A completed run that cost so much."""
    run = new_run(workflow=Workflow(name), created=created, labels=labels or {})
    lease = await journal.open_run(run)
    journal.put(lease, RunCompleted(run.id, created, {}, Usage(1, 1, cost), seconds))
    await journal.close_run(lease)


async def test_what_a_run_costs_counts_while_it_is_executed_and_once_when_it_has_ended(
    spending: Spending, postgres_journal: PostgresJournal
) -> None:
    await ran(postgres_journal, 4.0, created=NOON - timedelta(seconds=1))
    run = new_run(workflow=Workflow("B"))
    lease = await postgres_journal.open_run(run)
    postgres_journal.put(lease, RunStarted(run.id, NOON, "B", {}))
    postgres_journal.put(lease, started(run.id))
    postgres_journal.put(lease, completed(run.id, usage=Usage(5, 5, 0.5)))
    await postgres_journal.flush(lease)
    assert await spending.since(NOON) == 0.5
    assert await spending.of_workflow("B", NOON) == 0.5
    assert await spending.of_workflow("A", NOON) == 0.0

    postgres_journal.put(lease, RunCompleted(run.id, at(9), {}, Usage(5, 5, 0.5), 9))
    await postgres_journal.close_run(lease)
    assert await spending.since(NOON) == 0.5
    assert await spending.since(NOON - timedelta(hours=1)) == 4.5


async def test_chats_count_but_not_what_runs_tell_themselves(
    spending: Spending, conversations: PostgresConversations
) -> None:
    async def talk(key: str, cost: float, run_id: str = "") -> UUID:
        conversation = await conversations.create(key=key)
        log = await conversations.write(conversation.id)
        await log.add(said("Well.", "assistant", usage=Usage(1, 1, cost), run_id=run_id))
        await log.close()
        return conversation.id

    await talk("", 1.0)
    step = await talk("step:run-1:ask:x", 2.0)
    await talk(f"call:{step}:1", 8.0)
    chat = await talk("", 0.25)
    await talk(f"call:{chat}:1", 0.25)
    await talk("", 4.0, run_id="run-1")
    assert await spending.since(LONG_AGO) == 1.5


async def test_agents_are_told_dearest_first_within_the_span(
    spending: Spending, conversations: PostgresConversations, database: Database
) -> None:
    agents = PostgresAgents(database)
    for name, cost in (("Cheap", 0.5), ("Dear", 2.0)):
        agent = (await agents.save(AgentDocument(name, {"name": name}), 0)).id
        for number in range(2):
            await conversations.spend(Paid(f"{name}:{number}", agent, at(number), Usage(3, 4, cost), "title"))
    found = await spending.agents(Span(NOON, NOON + timedelta(hours=1)))
    assert found == [Spent("Dear", 2, 6, 8, 4.0), Spent("Cheap", 2, 6, 8, 1.0)]
    assert [each.attempts for each in await spending.agents(Span(at(1), NOON + timedelta(hours=1)))] == [1, 1]


async def test_past_runs_are_completed_whole_runs_with_real_models_the_newest_first(
    spending: Spending, postgres_journal: PostgresJournal
) -> None:
    assert await spending.past("A") == []
    for minute, cost in enumerate((0.01, 0.02, 0.09)):
        await ran(postgres_journal, cost, created=NOON + timedelta(minutes=minute), seconds=cost * 100)
    await ran(postgres_journal, 99, name="Other")
    await ran(postgres_journal, 0.0, labels={"demo": "yes"})
    failed = new_run(workflow=Workflow("A"))
    lease = await postgres_journal.open_run(failed)
    postgres_journal.put(lease, RunFailed(failed.id, at(1), "a", ErrorInfo("server", "It broke."), Usage(0, 0, 50), 1))
    await postgres_journal.close_run(lease)
    assert await spending.past("A") == [PastRun(0.09, 9.0), PastRun(0.02, 2.0), PastRun(0.01, 1.0)]


async def test_a_past_run_tells_what_each_step_asked_of_each_model(
    spending: Spending, postgres_journal: PostgresJournal
) -> None:
    run = new_run(workflow=Workflow("A"))
    lease = await postgres_journal.open_run(run)
    postgres_journal.put(lease, RunStarted(run.id, NOON, "A", {}))
    for path, model, usage in (
        ("each[0]/ask", "m/one", Usage(10, 5, 0.1)), ("each[1]/ask", "m/one", Usage(20, 5, 0.1)),
        ("each[2]/ask", "m/two", Usage(1, 1, 0.5)), ("free", "", Usage()),
    ):  # fmt: skip
        postgres_journal.put(lease, started(run.id, path))
        postgres_journal.put(lease, completed(run.id, path, output={"model": model}, usage=usage))
    postgres_journal.put(lease, RunCompleted(run.id, at(9), {}, Usage(31, 11, 0.7), 9.0))
    await postgres_journal.close_run(lease)
    (past,) = await spending.past("A")
    assert (past.cost_usd, past.duration_s) == (0.7, 9.0)
    assert sorted(past.asked, key=lambda asked: asked.model) == [
        Asked("ask", "m/one", 30, 10, 0.1 + 0.1), Asked("ask", "m/two", 1, 1, 0.5),
    ]  # fmt: skip
