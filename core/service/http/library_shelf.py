"""The library of workflows as the service offers it."""

from __future__ import annotations

from collections.abc import Sequence

from core.agents.workflow_chat import message_input
from core.service.http.parts import ShelfEntry, ShelfWorkflow
from core.store.workflows import Workflows


class LibraryShelf:
    """Implements `WorkflowShelf` by the library in the database."""

    def __init__(self, workflows: Workflows) -> None:
        self._workflows = workflows

    async def list(self) -> Sequence[ShelfEntry]:
        """As the protocol says."""
        entries = await self._workflows.list()
        return [
            ShelfEntry(each.name, each.version, each.updated, each.folder, each.tags, each.published_version,
                       each.is_active)
            for each in entries
        ]  # fmt: skip

    async def chats(self) -> Sequence[ShelfEntry]:
        """As the protocol says."""
        found = await self._workflows.run_by_default("message")
        return [ShelfEntry(e.workflow.name, e.version, e.updated) for e in found if message_input(e.workflow)]

    async def get(self, name: str, version: int | None = None) -> ShelfWorkflow:
        """As the protocol says."""
        stands = await self._workflows.publication(name)
        saved = await self._workflows.get(name, stands.published or None if version is None else version)
        return ShelfWorkflow(saved.workflow, saved.version, saved.folder, stands.published, stands.is_active)
