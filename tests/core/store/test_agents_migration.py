"""Databases with agents and conversations of before are brought up to date, and back, with what is in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from core.store import schema
from core.store.address import Address
from core.store.agents import PostgresAgents
from core.store.database import Database
from core.store.migrations import REVISIONS
from core.store.postgres_conversations import PostgresConversations
from core.store.thread import StoreThread
from tests.support.conversations import said

BEFORE = REVISIONS[REVISIONS.index("m20261127_agents") - 1]

FILL = """
INSERT INTO agents (id, name, description, model, instructions, options, version) VALUES
    ('00000000-0000-0000-0000-000000000001', 'Ada', 'Knows "all"', 'openai/gpt-5-mini', 'Be brief.',
     '{"temperature": 0.5, "other": true}', 3),
    ('00000000-0000-0000-0000-000000000002', 'Plain', '', '', '', '{}', 1);
INSERT INTO agent_functions (agent_id, name, kind, config)
    VALUES ('00000000-0000-0000-0000-000000000001', 'look_up', 'workflow', '{}');
INSERT INTO conversations (id, agent_id, title, summary) VALUES
    ('00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-000000000001', 'Talk', 'They talked.'),
    ('00000000-0000-0000-0000-00000000000b', NULL, 'Empty', '');
INSERT INTO messages (conversation_id, role, text, body, tokens_in, cost_usd) VALUES
    ('00000000-0000-0000-0000-00000000000a', 'system', 'Be brief.', '{"role": "system"}', 0, 0),
    ('00000000-0000-0000-0000-00000000000a', 'user', 'Hello', '{"role": "user", "z": 1, "a": 2}', 0, 0),
    ('00000000-0000-0000-0000-00000000000a', 'assistant', 'Hi', '{"role": "assistant"}', 7, 0.5);
"""


@pytest.fixture
def address(empty_database_url: str) -> Address:
    made = Address.parse(empty_database_url)
    schema.upgrade(made)
    schema.downgrade(made, BEFORE)
    return made


@pytest.fixture
def connection(address: Address) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(address.dsn, autocommit=True) as opened:
        opened.execute(FILL)
        yield opened


async def test_old_agents_and_conversations_are_kept(address: Address, connection: psycopg.Connection[Any]) -> None:
    schema.upgrade(address)
    thread = StoreThread()
    database = Database(thread, address)
    try:
        agents, conversations = PostgresAgents(database), PostgresConversations(database)
        ada, plain = await agents.list()
        assert (ada.name, ada.version, ada.body) == (
            "Ada",
            3,
            {
                "steploom_agent": 1,
                "name": "Ada",
                "description": 'Knows "all"',
                "prompt": "Be brief.",
                "model": {"model": "openai/gpt-5-mini", "temperature": 0.5},
            },
        )
        assert (plain.version, plain.body) == (1, {"steploom_agent": 1, "name": "Plain"})
        assert [version.number for version in await agents.history("Ada")] == [3]

        talk, empty = sorted(await conversations.list(), key=lambda found: -found.messages)
        page = await conversations.page(talk.conversation.id)
        assert [(message.role, message.text) for message in page.messages] == [("user", "Hello"), ("assistant", "Hi")]
        assert list(page.messages[0].body) == ["role", "z", "a"]
        assert page.messages[1].parent == page.messages[0].id
        assert (talk.conversation.head, talk.conversation.usage.cost_usd) == (page.messages[1].id, 0.5)
        assert (empty.conversation.head, empty.messages) == (None, 0)
        log = await conversations.write(talk.conversation.id)
        assert (await log.add(said("And now?"))).parent == page.messages[1].id
        await log.close()
    finally:
        await thread.call(database.close)
        thread.close()


def test_going_back_keeps_agents_conversations_and_messages(
    address: Address, connection: psycopg.Connection[Any]
) -> None:
    schema.upgrade(address)
    schema.downgrade(address, BEFORE)
    rows = connection.execute("SELECT name, description, model, instructions, version FROM agents ORDER BY name")
    assert rows.fetchall() == [("Ada", 'Knows "all"', "openai/gpt-5-mini", "Be brief.", 3), ("Plain", "", "", "", 1)]
    assert connection.execute("SELECT title FROM conversations ORDER BY title").fetchall() == [("Empty",), ("Talk",)]
    assert connection.execute("SELECT role, text FROM messages ORDER BY id").fetchall() == [
        ("user", "Hello"), ("assistant", "Hi")
    ]  # fmt: skip
    connection.execute("INSERT INTO conversations (title) VALUES ('new')")
    assert schema.upgrade(address).is_current
