"""The library of workflows as the service offers it."""

from __future__ import annotations

from collections.abc import Sequence

from core.service.http.parts import ShelfEntry, ShelfWorkflow
from core.store.workflows import Workflows


class LibraryShelf:
    """Implements `WorkflowShelf` by the library in the database."""

    def __init__(self, workflows: Workflows) -> None:
        self._workflows = workflows

    async def list(self) -> Sequence[ShelfEntry]:
        """As the protocol says."""
        entries = await self._workflows.list()
        return [ShelfEntry(each.name, each.version, each.updated, each.folder, each.tags) for each in entries]

    async def get(self, name: str, version: int | None = None) -> ShelfWorkflow:
        """As the protocol says."""
        if version is None:
            version = (await self._workflows.publication(name)).published or None
        saved = await self._workflows.get(name, version)
        return ShelfWorkflow(saved.workflow, saved.version, saved.folder)
