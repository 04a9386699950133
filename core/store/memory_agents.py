"""A library of agents that lives as long as the process: for work that nobody keeps, and for tests."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from core.ids import new_id
from core.store.agents import (
    AgentDocument,
    AgentRecord,
    FunctionUse,
    gone_agent,
    kept_document,
    name_taken,
    no_agent,
    no_deleted_agent,
    no_version,
)
from core.store.errors import AgentConflict
from core.store.workflows import Version


@dataclass(slots=True)
class _Entry:
    """One agent: its newest record and everything that led there, oldest first."""

    record: AgentRecord
    functions: tuple[FunctionUse, ...]
    versions: list[tuple[Version, AgentRecord]] = field(default_factory=list)


class MemoryAgents:
    """The AgentRecords protocol without any storage. now: the time in UTC."""

    def __init__(
        self,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        make_id: Callable[[], uuid.UUID] = new_id,
    ) -> None:
        self._now = now
        self._make_id = make_id
        self._entries: dict[uuid.UUID, _Entry] = {}

    async def save(
        self, document: AgentDocument, expected_version: int, *, author: str = "", note: str = ""
    ) -> AgentRecord:
        """Save under the document's own name; what is now the newest version. An unchanged document makes none."""
        _, hashed = kept_document(document.body)
        entry = self._live(document.name)
        if entry is None:
            if expected_version:
                raise no_agent(document.name)
            now = self._now()
            entry = _Entry(AgentRecord(self._make_id(), document.name, 0, {}, now, now), ())
            self._entries[entry.record.id] = entry
        elif entry.versions[-1][0].hash == hashed:
            return entry.record
        elif entry.record.version != expected_version:
            raise AgentConflict(
                document.name, expected=expected_version, current=entry.record.version, mine=document.body,
                theirs=entry.record.body,
            )  # fmt: skip
        return self._append(entry, document, author, note)

    async def create(self, document: AgentDocument, *, author: str = "", note: str = "") -> AgentRecord:
        """Save a new agent. Raises NameTaken if there is one of that name, be it the same."""
        if self._live(document.name) is not None:
            raise name_taken(document.name)
        return await self.save(document, 0, author=author, note=note)

    async def get(self, name: str, version: int | None = None) -> AgentRecord:
        """An agent, in its newest version or an older one. Raises AgentNotFound."""
        entry = self._named(name)
        if version is None:
            return entry.record
        for known, record in entry.versions:
            if known.number == version:
                return replace(record, name=name, updated=entry.record.updated)
        raise no_version(version)

    async def by_id(self, agent_id: uuid.UUID) -> AgentRecord:
        """An agent by its id, in its newest version, also one in the bin. Raises AgentNotFound."""
        if agent_id not in self._entries:
            raise gone_agent(agent_id)
        return self._entries[agent_id].record

    async def list(self, *, deleted: bool = False) -> Sequence[AgentRecord]:
        """All agents by name; or those in the bin."""
        found = [e.record for e in self._entries.values() if (e.record.deleted_at is not None) == deleted]
        return sorted(found, key=lambda record: (record.name, record.created))

    async def history(self, name: str) -> Sequence[Version]:
        """All versions of an agent, newest first. Raises AgentNotFound."""
        return [version for version, _ in reversed(self._named(name).versions)]

    async def rename(self, name: str, document: AgentDocument, *, author: str = "") -> AgentRecord:
        """Give an agent another name, as a new version. Raises AgentNotFound or NameTaken."""
        entry = self._named(name)
        if document.name != name and self._live(document.name) is not None:
            raise name_taken(document.name)
        return self._append(entry, document, author, f"Renamed from {name}")

    async def delete(self, name: str) -> None:
        """Put an agent into the bin; its versions stay. Raises AgentNotFound."""
        entry = self._named(name)
        entry.record = replace(entry.record, deleted_at=self._now())

    async def restore(self, name: str) -> None:
        """Take the agent of that name that was deleted last out of the bin. Raises AgentNotFound or NameTaken."""
        entry = max(self._binned(name), key=lambda entry: entry.record.deleted_at or entry.record.created)
        if self._live(name) is not None:
            raise name_taken(name)
        entry.record = replace(entry.record, deleted_at=None)

    async def erase(self, name: str) -> None:
        """Delete the agents of that name that are in the bin for good. Raises AgentNotFound."""
        for entry in self._binned(name):
            del self._entries[entry.record.id]

    async def users(self, kind: str, target: str) -> Sequence[str]:
        """Names of the agents whose newest version has a function of that kind and target."""
        return sorted(
            entry.record.name
            for entry in self._entries.values()
            if entry.record.deleted_at is None
            and any((use.kind, use.target) == (kind, target) for use in entry.functions)
        )

    def named(self, name: str) -> uuid.UUID | None:
        """The id of the agent of that name, or None."""
        entry = self._live(name)
        return entry.record.id if entry else None

    def _append(self, entry: _Entry, document: AgentDocument, author: str, note: str) -> AgentRecord:
        kept, hashed = kept_document(document.body)
        number, now = entry.record.version + 1, self._now()
        entry.record = replace(entry.record, name=document.name, version=number, body=json.loads(kept), updated=now)
        entry.functions = document.functions
        entry.versions.append((Version(number, author, note, now, hashed), entry.record))
        return entry.record

    def _live(self, name: str) -> _Entry | None:
        entries = self._entries.values()
        return next((e for e in entries if e.record.name == name and e.record.deleted_at is None), None)

    def _named(self, name: str) -> _Entry:
        entry = self._live(name)
        if entry is None:
            raise no_agent(name)
        return entry

    def _binned(self, name: str) -> Sequence[_Entry]:
        found = [e for e in self._entries.values() if e.record.name == name and e.record.deleted_at is not None]
        if not found:
            raise no_deleted_agent(name)
        return found
