"""The library of agents: every save is a version, and nobody overwrites what somebody else saved meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from core.agents.agent import Agent
from core.agents.agent_file import from_data, to_data
from core.store.agents import AgentDocument, AgentRecord, AgentRecords, FunctionUse
from core.store.errors import AgentConflict, StoreError
from core.store.workflows import Version


@dataclass(frozen=True, slots=True)
class SavedAgent:
    """An agent as it was saved. id: stays through renames. version: its number. deleted: when it went into the bin."""

    id: UUID
    agent: Agent
    version: int
    created: datetime
    updated: datetime
    deleted: datetime | None = None


class AgentChanged(StoreError):
    """Somebody else saved the agent meanwhile.

    expected: the version that the change was based on. current: the newest version. mine: what was to be saved.
    theirs: the newest version.
    """

    code = "agent_conflict"

    def __init__(self, conflict: AgentConflict, mine: Agent, theirs: Agent) -> None:
        super().__init__(str(conflict))
        self.expected = conflict.expected
        self.current = conflict.current
        self.mine = mine
        self.theirs = theirs


class AgentLibrary:
    """Agents by name, over their documents. Names are unique among the agents that are not deleted."""

    def __init__(self, records: AgentRecords) -> None:
        self._records = records

    async def save(self, agent: Agent, expected_version: int, *, author: str = "", note: str = "") -> SavedAgent:
        """Save under the agent's own name; what is now the newest version. An unchanged agent makes none.

        expected_version: the version that the change is based on, 0 for a new agent. Raises AgentChanged if that is
        not the newest version (or an agent of that name is there already), AgentNotFound if it is gone, AgentFileError
        if it could not be read back.
        """
        try:
            return _saved(await self._records.save(_document(agent), expected_version, author=author, note=note))
        except AgentConflict as conflict:
            raise AgentChanged(conflict, agent, from_data(dict(conflict.theirs))) from None

    async def get(self, name: str, version: int | None = None) -> SavedAgent:
        """An agent, in its newest version or an older one (under the name that it has now). Raises AgentNotFound."""
        return _saved(await self._records.get(name, version))

    async def get_by_id(self, agent_id: UUID) -> SavedAgent:
        """An agent by its id, also one in the bin. Raises AgentNotFound."""
        return _saved(await self._records.by_id(agent_id))

    async def list(self, *, deleted: bool = False) -> Sequence[SavedAgent]:
        """All agents by name; or those in the bin."""
        return [_saved(record) for record in await self._records.list(deleted=deleted)]

    async def history(self, name: str) -> Sequence[Version]:
        """All versions of an agent, newest first. Raises AgentNotFound."""
        return await self._records.history(name)

    async def rename(self, name: str, new_name: str, *, author: str = "") -> SavedAgent:
        """Give an agent another name, as a new version; conversations and memories follow.

        Raises AgentNotFound or NameTaken.
        """
        newest = (await self.get(name)).agent
        return _saved(await self._records.rename(name, _document(replace(newest, name=new_name)), author=author))

    async def duplicate(self, name: str, new_name: str, *, author: str = "") -> SavedAgent:
        """Make a new agent from another one, without its memories. Raises AgentNotFound or NameTaken."""
        copy = replace((await self.get(name)).agent, name=new_name)
        return _saved(await self._records.create(_document(copy), author=author, note=f"Copied from {name}"))

    async def delete(self, name: str) -> None:
        """Put an agent into the bin; its versions, memories and conversations stay. Raises AgentNotFound."""
        await self._records.delete(name)

    async def restore(self, name: str) -> None:
        """Take the agent of that name that was deleted last out of the bin. Raises AgentNotFound or NameTaken."""
        await self._records.restore(name)

    async def erase(self, name: str) -> None:
        """Delete the agents of that name in the bin for good, with their memories. Raises AgentNotFound."""
        await self._records.erase(name)

    async def users(self, kind: str, target: str) -> Sequence[str]:
        """Names of the agents that have a function of that kind and target."""
        return await self._records.users(kind, target)


def _document(agent: Agent) -> AgentDocument:
    body = to_data(agent)
    from_data(body, agent.name)
    uses = tuple(FunctionUse(each.name, each.kind, each.target) for each in agent.functions)
    return AgentDocument(agent.name, body, uses)


def _saved(record: AgentRecord) -> SavedAgent:
    agent = replace(from_data(dict(record.body)), name=record.name)
    return SavedAgent(record.id, agent, record.version, record.created, record.updated, record.deleted_at)
