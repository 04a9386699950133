from __future__ import annotations

from dataclasses import replace

import pytest

from core.agents.agent import Agent, Function, Limits
from core.agents.agent_file import AgentFileError
from core.agents.library import AgentChanged, AgentLibrary
from core.store.errors import AgentNotFound, NameTaken
from core.store.memory_agents import MemoryAgents
from tests.core.agents.test_agent_file import AGENT


@pytest.fixture
def library() -> AgentLibrary:
    return AgentLibrary(MemoryAgents())


async def test_a_saved_agent_is_read_back_the_same(library: AgentLibrary) -> None:
    saved = await library.save(AGENT, 0)
    assert (saved.agent, saved.version, saved.deleted) == (AGENT, 1, None)
    assert await library.get("Travel helper") == saved == await library.get_by_id(saved.id)
    assert await library.list() == [saved]


async def test_a_save_over_somebody_elses_version_shows_both_agents(library: AgentLibrary) -> None:
    await library.save(AGENT, 0)
    theirs, mine = replace(AGENT, prompt="theirs"), replace(AGENT, prompt="mine")
    await library.save(theirs, 1)
    with pytest.raises(AgentChanged, match="the newest is version 2") as caught:
        await library.save(mine, 1)
    assert (caught.value.mine, caught.value.theirs) == (mine, theirs)
    assert (caught.value.expected, caught.value.current) == (1, 2)


async def test_an_older_version_can_be_saved_again_under_a_later_name(library: AgentLibrary) -> None:
    await library.save(AGENT, 0)
    await library.save(replace(AGENT, prompt="worse"), 1, author="Ada", note="a try")
    renamed = await library.rename("Travel helper", "Trips")
    assert (renamed.agent.name, renamed.version) == ("Trips", 3)
    older = await library.get("Trips", 1)
    assert older.agent == replace(AGENT, name="Trips")
    assert (await library.save(older.agent, 3)).version == 4
    assert [version.note for version in await library.history("Trips")] == [
        "", "Renamed from Travel helper", "a try", ""
    ]  # fmt: skip


async def test_a_copy_is_an_agent_of_its_own(library: AgentLibrary) -> None:
    original = await library.save(AGENT, 0)
    copy = await library.duplicate("Travel helper", "Copy")
    assert copy.id != original.id
    assert copy.agent == replace(AGENT, name="Copy")
    assert (await library.history("Copy"))[0].note == "Copied from Travel helper"
    with pytest.raises(NameTaken):
        await library.duplicate("Travel helper", "Copy")
    with pytest.raises(NameTaken):
        await library.rename("Copy", "Travel helper")
    with pytest.raises(AgentNotFound):
        await library.duplicate("Nobody", "X")


async def test_deleting_can_be_undone(library: AgentLibrary) -> None:
    saved = await library.save(AGENT, 0)
    await library.delete("Travel helper")
    assert [each.agent.name for each in await library.list(deleted=True)] == ["Travel helper"]
    await library.restore("Travel helper")
    assert (await library.get("Travel helper")).id == saved.id


async def test_agents_that_use_a_workflow_are_named(library: AgentLibrary) -> None:
    await library.save(AGENT, 0)
    assert await library.users("workflow", "Look up") == ["Travel helper"]
    assert await library.users("agent", "Ada") == ["Travel helper"]


async def test_what_could_not_be_read_back_is_not_saved(library: AgentLibrary) -> None:
    for agent in (
        Agent(""), Agent("A", limits=Limits(usd=float("nan"))), Agent("A", functions=(Function("f"), Function("f")))
    ):  # fmt: skip
        with pytest.raises(AgentFileError):
            await library.save(agent, 0)
    assert await library.list() == []
