"""Conversations in the database: several programs, dead ones, spending, files, and what SQL does not let in."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from core.store.address import Address
from core.store.agents import AgentDocument, PostgresAgents
from core.store.blobs import PostgresBlobs
from core.store.conversation_records import CompactionNote, SentRequest
from core.store.conversations import Spending
from core.store.documents import Documents
from core.store.errors import AgentNotFound, ConversationBusy, ConversationLost
from core.store.memory_agents import MemoryAgents
from core.store.memory_conversations import MemoryConversations
from core.store.postgres_conversations import PostgresConversations
from core.store.workflows import Workflows
from core.workflow.model import Json, Workflow
from tests.support.conversations import COSTLY, DEAD, FOREIGN, asked, at, postgres_conversations, said, talk

OFTEN: dict[str, Any] = {"lease_s": 0.6, "beat_s": 0.1}
EARLY = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture
async def conversations(database_url: str) -> AsyncIterator[PostgresConversations]:
    async with postgres_conversations(database_url) as made:
        yield made


async def test_another_living_program_keeps_its_conversation(
    database_url: str, conversations: PostgresConversations
) -> None:
    made = await conversations.create()
    async with postgres_conversations(database_url, owner=FOREIGN) as theirs:
        log = await theirs.write(made.id)
        with pytest.raises(ConversationBusy, match="process 7 on another-host"):
            await conversations.write(made.id)
        with pytest.raises(ConversationBusy, match="within 30 seconds"):
            await conversations.delete(made.id)
        await log.close()
        ours = await conversations.write(made.id)
        await ours.add(said("ours"))
        with pytest.raises(ConversationLost):
            await log.add(said("theirs"))


async def test_a_dead_programs_conversation_is_free_at_once_and_nothing_of_it_is_lost(
    database_url: str, conversations: PostgresConversations
) -> None:
    made = await conversations.create()
    async with postgres_conversations(database_url, owner=DEAD) as theirs:
        log = await theirs.write(made.id)
        await log.add(said("weather?"))
        await log.add(said("", "assistant"), calls=[asked(status="started")])
        ours = await conversations.write(made.id)
        assert [call.status for message in await ours.path() for call in message.calls] == ["started"]
        with pytest.raises(ConversationLost):
            await log.update_call(asked(status="completed", result="too late"))
        await ours.update_call(asked(status="unknown"))


async def test_a_writer_that_is_not_heard_of_loses_the_conversation(database_url: str) -> None:
    async with (
        postgres_conversations(database_url, owner=FOREIGN, lease_s=0.2, beat_s=60) as silent,
        postgres_conversations(database_url) as waiting,
    ):
        made = await waiting.create()
        log = await silent.write(made.id)
        async with asyncio.timeout(10):
            while True:
                try:
                    ours = await waiting.write(made.id)
                    break
                except ConversationBusy:
                    await asyncio.sleep(0.02)
        with pytest.raises(ConversationLost):
            await log.add(said("late"))
        await ours.add(said("in time"))


async def test_a_writer_stays_the_writer_as_long_as_it_lives(database_url: str) -> None:
    async with (
        postgres_conversations(database_url, owner=FOREIGN, **OFTEN) as alive,
        postgres_conversations(database_url) as waiting,
    ):
        made = await waiting.create()
        log = await alive.write(made.id)
        with psycopg.connect(Address.parse(database_url).dsn, autocommit=True) as connection:
            expires = "SELECT lease_expires FROM conversations"
            first = connection.execute(expires).fetchone()
            later = "SELECT lease_expires > %s + interval '1 second' FROM conversations"
            async with asyncio.timeout(10):
                while connection.execute(later, first).fetchone() == (False,):  # noqa: ASYNC110 - seen in the database only
                    await asyncio.sleep(0.05)
        with pytest.raises(ConversationBusy):
            await waiting.write(made.id)
        await log.add(said("still here"))


async def test_a_closed_store_lets_go_of_its_conversations(
    database_url: str, conversations: PostgresConversations
) -> None:
    made = await conversations.create()
    async with postgres_conversations(database_url, owner=FOREIGN) as theirs:
        await theirs.write(made.id)
    await (await conversations.write(made.id)).close()


async def test_of_two_that_want_to_write_at_once_one_may(
    database_url: str, conversations: PostgresConversations
) -> None:
    async with postgres_conversations(database_url, owner=FOREIGN) as theirs:
        for _ in range(5):
            made = await conversations.create()
            both = (conversations.write(made.id), theirs.write(made.id))
            results = await asyncio.gather(*both, return_exceptions=True)
            assert sum(isinstance(result, ConversationBusy) for result in results) == 1
            (log,) = (result for result in results if not isinstance(result, BaseException))
            await talk(log, *"abc")
            assert [message.text for message in await log.path()] == ["a", "b", "c"]


async def test_writes_and_reads_at_once_of_one_writer_make_one_branch(conversations: PostgresConversations) -> None:
    log = await conversations.write((await conversations.create()).id)
    await log.add(said("", "assistant"), calls=[asked(number) for number in range(6)])

    async def call(number: int) -> None:
        for status in ("started", "completed"):
            await log.update_call(asked(number, status=status))
            await log.path()
            await log.add(said(f"{number} {status}"))

    await asyncio.gather(*(call(number) for number in range(6)))
    seen = await log.path()
    assert [message.parent for message in seen[1:]] == [message.id for message in seen[:-1]]
    assert len(seen) == 13
    assert {one.status for one in seen[0].calls} == {"completed"}
    await log.close()
    assert await (await conversations.write(log.conversation.id)).path() == seen


@pytest.mark.parametrize("kind", ["database", "memory"])
async def test_what_an_agent_spends_is_counted_once(kind: str, database_url: str) -> None:
    async with postgres_conversations(database_url) as kept:
        memory_agents = MemoryAgents()
        agents = memory_agents if kind == "memory" else PostgresAgents(kept._database)
        conversations = MemoryConversations(agent_named=memory_agents.named) if kind == "memory" else kept
        ada = (await agents.save(AgentDocument("Ada", {"name": "Ada"}), 0)).id
        bob = (await agents.save(AgentDocument("Bob", {"name": "Bob"}), 0)).id
        log = await conversations.write((await conversations.create(agent_id=ada)).id)
        first = await log.add(said("hello", "assistant", agent="Ada", usage=COSTLY, created=at(0)))
        await log.add(said("hi", "assistant", agent="Bob", usage=COSTLY, created=at(1)), calls=[asked()])
        await log.update_call(asked(status="started", started=at(2)))
        await log.update_call(asked(status="completed", usage=COSTLY, started=at(2), ended=at(3)))
        await log.update_call(asked(status="completed", usage=COSTLY, started=at(2), ended=at(3)))
        await log.add_note(CompactionNote(first.id, first.id, "note", usage=COSTLY))
        for _ in range(2):
            await conversations.spend(Spending("title:1", ada, at(4), COSTLY, "title"))
        assert await conversations.spent(ada, EARLY) == COSTLY + COSTLY + COSTLY
        assert await conversations.spent(bob, EARLY) == COSTLY + COSTLY
        assert await conversations.spent(bob, at(2)) == COSTLY
        assert await conversations.spent(bob, at(3.5)) == await conversations.spent(uuid.uuid4(), EARLY)
        assert log.conversation.usage == COSTLY + COSTLY + COSTLY + COSTLY
        await log.close()
        await conversations.delete(log.conversation.id)
        assert await conversations.spent(bob, EARLY) == COSTLY + COSTLY  # no way around a limit


async def test_a_conversation_with_an_agent_that_is_gone_for_good_is_refused_in_words(
    conversations: PostgresConversations,
) -> None:
    with pytest.raises(AgentNotFound, match="deleted for good"):
        await conversations.create(agent_id=uuid.uuid4())


async def test_a_conversation_outlives_its_agent(conversations: PostgresConversations) -> None:
    agents = PostgresAgents(conversations._database)
    ada = (await agents.save(AgentDocument("Ada", {"name": "Ada"}), 0)).id
    log = await conversations.write((await conversations.create(agent_id=ada)).id)
    await log.add(said("hello", "assistant", agent="Ada", usage=COSTLY))
    await agents.delete("Ada")
    assert (await conversations.get(log.conversation.id)).agent_id == ada
    await agents.erase("Ada")
    assert (await conversations.get(log.conversation.id)).agent_id is None
    await log.add(said("still here", "assistant", agent="Ada", usage=COSTLY))
    assert [message.text for message in await log.path()] == ["hello", "still here"]


async def test_files_of_conversations_are_not_swept_until_they_are_deleted(
    conversations: PostgresConversations,
) -> None:
    blobs = PostgresBlobs(conversations._database)
    names = [(await blobs.put(text.encode(), "text/plain")).hash for text in ("picture", "result", "in a body")]
    large: Json = {"text": "x" * 300_000}
    log = await conversations.write(
        (await conversations.create(variables={"v": large}, labels={"l": "y" * 300_000})).id
    )
    await log.add(said("look", blobs=(names[0],), detail={"d": large}))
    body: dict[str, Json] = {"role": "user", "content": [{"type": "image", "blob": names[2]}]}
    request = SentRequest({"messages": [{"content": "z" * 300_000}], "extra": {"e": large}})
    answer = await log.add(
        said("", "assistant"), calls=[asked(result_blob=names[1], state={"s": large})], request=request
    )
    await log.add(replace(said("see"), body=body))
    await log.add_note(CompactionNote(answer.id, answer.id, "note", body={"b": large}))
    await log.set_variables({"v": large, "w": large})

    assert await blobs.sweep(timedelta(0)) == 1  # the variables as they were before
    assert len(await log.path()) == 3
    assert await conversations.request(answer.id) == request
    fork = await conversations.fork(log.conversation.id, answer.id)
    await log.close()
    await conversations.delete(log.conversation.id)
    await blobs.sweep(timedelta(0))
    copied = (await conversations.page(fork.id)).messages[1]
    assert await conversations.request(copied.id) == request
    await conversations.delete(fork.id)
    assert await blobs.sweep(timedelta(0)) > 0
    with psycopg.connect(conversations._database.address.dsn) as connection:
        assert connection.execute("SELECT count(*) FROM blobs").fetchone() == (0,)


async def test_deleting_leaves_nothing_behind(conversations: PostgresConversations) -> None:
    log = await conversations.write((await conversations.create()).id)
    request = SentRequest({"messages": [{"content": "hi"}], "tools": [{"name": "x"}]})
    answer = await log.add(said("", "assistant"), calls=[asked()], request=request)
    await log.add_note(CompactionNote(answer.id, answer.id, "note"))
    await log.close()
    await conversations.delete(log.conversation.id)
    with psycopg.connect(conversations._database.address.dsn) as connection:
        for table in ("messages", "function_calls", "model_requests", "request_parts", "conversation_notes"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


async def test_repeated_parts_of_requests_are_kept_once(conversations: PostgresConversations) -> None:
    log = await conversations.write((await conversations.create()).id)
    history: list[Json] = []
    for number in range(20):
        history.append({"role": "user", "content": f"message {number}"})
        await log.add(said("ok", "assistant"), request=SentRequest({"messages": [*history], "tools": [{"name": "x"}]}))
    with psycopg.connect(conversations._database.address.dsn) as connection:
        assert connection.execute("SELECT count(*) FROM request_parts").fetchone() == (21,)
    head = log.conversation.head
    assert head is not None
    found = await conversations.request(head)
    assert found is not None
    assert found.body["messages"] == history


async def test_a_renamed_workflow_keeps_its_conversations(conversations: PostgresConversations) -> None:
    workflows = Workflows(conversations._database, Documents())
    await workflows.save(Workflow("Answer mail"), 0)
    made = await conversations.create(workflow="Answer mail")
    await workflows.rename("Answer mail", "Answer letters")
    assert (await conversations.get(made.id)).workflow == "Answer letters"


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE function_calls SET status = 'started'", "ck_function_calls_started"),
        ("UPDATE function_calls SET status = 'completed', started = now()", "ck_function_calls_ended"),
        ("UPDATE function_calls SET ended = now()", "ck_function_calls_ended"),
        ("UPDATE function_calls SET status = 'lost'", "ck_function_calls_status"),
        ("UPDATE messages SET role = 'system'", "ck_messages_role"),
        ("UPDATE messages SET status = 'wrong'", "ck_messages_status"),
        ("UPDATE messages SET depth = 5 WHERE parent_id IS NULL", "ck_messages_depth"),
        ("UPDATE messages SET parent_id = id, depth = 1", "ck_messages_parent_is_older"),
        ("UPDATE messages SET parent_id = 0, depth = 1", "fk_messages_conversation_id_parent_id"),
        ("UPDATE conversations SET head = 0", "fk_conversations_id_head"),
        ("UPDATE conversations SET head = (SELECT max(id) FROM messages)", "fk_conversations_id_head"),
        ("UPDATE conversations SET lease_owner = NULL WHERE lease_owner IS NOT NULL", "ck_conversations_lease"),
        ("INSERT INTO agent_spending (key, agent_id, at, cost_usd) SELECT 'x', id, now(), -1 FROM agents",
         "ck_agent_spending_amounts"),
        ("UPDATE agent_versions SET number = 0", "ck_agent_versions_number"),
        ("UPDATE agents SET version = 0", "ck_agents_version"),
        ("UPDATE conversations SET agent_id = (SELECT id FROM agents), workflow_name = 'x'",
         "ck_conversations_one_answers"),
    ],
)  # fmt: skip
async def test_the_database_itself_refuses_what_cannot_be(
    conversations: PostgresConversations, statement: str, constraint: str
) -> None:
    await PostgresAgents(conversations._database).save(AgentDocument("Ada", {"name": "Ada"}), 0)
    await conversations.create()
    log = await conversations.write((await conversations.create()).id)
    await talk(log, "question")
    await log.add(said("", "assistant"), calls=[asked()])
    with (
        psycopg.connect(conversations._database.address.dsn) as connection,
        pytest.raises(psycopg.errors.IntegrityError, match=constraint),
    ):
        connection.execute(statement)


async def test_ten_thousand_messages_are_read_in_windows_without_reading_them_all(
    conversations: PostgresConversations,
) -> None:
    made = await conversations.create()
    fill = """
        INSERT INTO messages (conversation_id, parent_id, depth, key, role, text, body)
        SELECT %(id)s, n - 1, n - 1, gen_random_uuid(), 'user', 'message ' || n, '{}'
        FROM generate_series(2, 10000) n"""
    with psycopg.connect(conversations._database.address.dsn, autocommit=True) as connection:
        one = (
            "INSERT INTO messages (conversation_id, depth, key, role, text, body) VALUES (%s, 0, %s, 'user', 'a', '{}')"
        )
        connection.execute(one, (made.id, uuid.uuid4()))
        connection.execute(fill, {"id": made.id})
        connection.execute("UPDATE conversations SET head = 10000")
    read = [(await conversations.page(made.id, start=start, count=50)) for start in (None, 0, 5000)]
    assert [(len(page.messages), page.start, page.total) for page in read] == [
        (50, 9950, 10_000), (50, 0, 10_000), (50, 5000, 10_000)
    ]  # fmt: skip
    assert read[1].messages[1].text == "message 2"
    fork = await conversations.fork(made.id, 10_000)
    page = await conversations.page(fork.id, count=2)
    assert (page.total, page.messages[1].text) == (10_000, "message 10000")
    assert page.messages[1].parent == page.messages[0].id
