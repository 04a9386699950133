"""The library of agents as documents, in the database and in memory: the same tests for both."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from core.store.address import Address
from core.store.agents import AgentDocument, AgentRecords, FunctionUse, PostgresAgents
from core.store.database import Database
from core.store.errors import AgentConflict, AgentNotFound, NameTaken
from core.store.memory_agents import MemoryAgents
from core.store.thread import StoreThread
from tests.support.conversations import ODD, RepeatingDatabase

USES = (FunctionUse("look_up", "workflow", "Look up"), FunctionUse("ask_ada", "agent", "Ada"))
HELPER = AgentDocument("Helper", {"name": "Helper", "z": 1, "a": {"text": ODD, "n": 10**30}}, USES)


@pytest.fixture(params=["database", "database that is cut off after every commit", "memory"])
async def agents(request: pytest.FixtureRequest) -> AsyncIterator[AgentRecords]:
    if request.param == "memory":
        yield MemoryAgents()
        return
    thread = StoreThread()
    kind = Database if request.param == "database" else RepeatingDatabase
    database = kind(thread, Address.parse(request.getfixturevalue("database_url")), patience=5)
    yield PostgresAgents(database)
    await thread.call(database.close)
    thread.close()


def changed(text: str, name: str = "Helper") -> AgentDocument:
    return AgentDocument(name, {**HELPER.body, "name": name, "text": text}, HELPER.functions)


async def test_a_saved_agent_is_read_back_the_same(agents: AgentRecords) -> None:
    saved = await agents.save(HELPER, 0)
    assert (saved.name, saved.version, saved.body, saved.deleted_at) == ("Helper", 1, HELPER.body, None)
    assert await agents.get("Helper") == saved == await agents.by_id(saved.id)
    assert list(saved.body) == ["name", "z", "a"]


async def test_every_changed_save_is_a_version_and_an_unchanged_one_is_not(agents: AgentRecords) -> None:
    first = await agents.save(HELPER, 0, author="Ada", note=ODD)
    assert await agents.save(HELPER, 1) == first
    second = await agents.save(changed("better"), 1, author="Bob")
    assert (second.id, second.version, second.body["text"]) == (first.id, 2, "better")
    assert (await agents.get("Helper", 1)).body == HELPER.body
    assert (await agents.get("Helper", 2)) == second
    versions = await agents.history("Helper")
    assert [(v.number, v.author, v.note) for v in versions] == [(2, "Bob", ""), (1, "Ada", ODD)]
    with pytest.raises(AgentNotFound, match="no version 3"):
        await agents.get("Helper", 3)


async def test_a_save_over_somebody_elses_version_is_refused_with_both_shown(agents: AgentRecords) -> None:
    await agents.save(HELPER, 0)
    await agents.save(changed("theirs"), 1)
    with pytest.raises(AgentConflict, match="version 1, the newest is version 2") as caught:
        await agents.save(changed("mine"), 1)
    assert (caught.value.mine["text"], caught.value.theirs["text"]) == ("mine", "theirs")
    with pytest.raises(AgentConflict, match="a new agent"):
        await agents.save(changed("new"), 0)
    assert (await agents.save(changed("mine"), 2)).version == 3


async def test_of_many_that_save_at_once_one_wins(agents: AgentRecords) -> None:
    await agents.save(HELPER, 0)
    results = await asyncio.gather(*(agents.save(changed(str(n)), 1) for n in range(8)), return_exceptions=True)
    assert [result.version for result in results if not isinstance(result, BaseException)] == [2]
    assert sum(isinstance(result, AgentConflict) for result in results) == 7


async def test_of_many_that_make_the_same_name_at_once_one_wins(agents: AgentRecords) -> None:
    results = await asyncio.gather(*(agents.save(changed(str(n)), 0) for n in range(5)), return_exceptions=True)
    assert [result.version for result in results if not isinstance(result, BaseException)] == [1]
    assert sum(isinstance(result, AgentConflict) for result in results) == 4


async def test_a_new_agent_needs_a_name_of_its_own(agents: AgentRecords) -> None:
    made = await agents.create(HELPER, author="Ada")
    assert await agents.get("Helper") == made
    for document in (HELPER, changed("other")):
        with pytest.raises(NameTaken, match="There is an agent 'Helper' already"):
            await agents.create(document)
    await agents.delete("Helper")
    assert (await agents.create(HELPER)).id != made.id


async def test_a_renamed_agent_keeps_its_id_and_history(agents: AgentRecords) -> None:
    made = await agents.save(HELPER, 0)
    await agents.save(changed("other", "Other"), 0)
    renamed = await agents.rename("Helper", changed("same", ODD), author="Ada")
    assert (renamed.id, renamed.name, renamed.version) == (made.id, ODD, 2)
    assert [v.note for v in await agents.history(ODD)] == ["Renamed from Helper", ""]
    assert (await agents.get(ODD, 1)).name == ODD
    with pytest.raises(NameTaken, match="There is an agent 'Other' already"):
        await agents.rename(ODD, changed("x", "Other"))
    for call in (agents.get("Helper"), agents.rename("Helper", HELPER), agents.save(HELPER, 1)):
        with pytest.raises(AgentNotFound, match="steploom agents list"):
            await call


async def test_deleted_agents_wait_in_the_bin(agents: AgentRecords) -> None:
    made = await agents.save(HELPER, 0)
    await agents.save(changed("b", "B"), 0)
    await agents.delete("Helper")
    assert [record.name for record in await agents.list()] == ["B"]
    (binned,) = await agents.list(deleted=True)
    assert (binned.id, binned.deleted_at is not None) == (made.id, True)
    assert (await agents.by_id(made.id)).deleted_at is not None
    with pytest.raises(AgentNotFound):
        await agents.get("Helper")
    await agents.restore("Helper")
    assert await agents.get("Helper") == made
    with pytest.raises(AgentNotFound, match="no deleted agent 'Helper'"):
        await agents.restore("Helper")


async def test_a_restored_name_may_be_taken_meanwhile(agents: AgentRecords) -> None:
    first = await agents.save(HELPER, 0)
    await agents.delete("Helper")
    second = await agents.save(changed("second"), 0)
    assert second.id != first.id
    with pytest.raises(NameTaken):
        await agents.restore("Helper")
    await agents.delete("Helper")
    await agents.restore("Helper")
    assert (await agents.get("Helper")).id == second.id
    await agents.erase("Helper")
    with pytest.raises(AgentNotFound, match="deleted for good"):
        await agents.by_id(first.id)
    with pytest.raises(AgentNotFound):
        await agents.erase("Helper")
    with pytest.raises(AgentNotFound):
        await agents.delete("Nobody")
    with pytest.raises(AgentNotFound):
        await agents.by_id(uuid.UUID(int=7))


async def test_agents_that_use_a_workflow_are_found(agents: AgentRecords) -> None:
    await agents.save(HELPER, 0)
    await agents.save(changed("b", "Another"), 0)
    await agents.save(AgentDocument("Third", {"name": "Third"}), 0)
    assert await agents.users("workflow", "Look up") == ["Another", "Helper"]
    assert await agents.users("agent", "Look up") == []
    await agents.save(replace(changed("c", "Another"), functions=()), 1)
    assert await agents.users("workflow", "Look up") == ["Helper"]
    await agents.delete("Helper")
    assert await agents.users("workflow", "Look up") == []
