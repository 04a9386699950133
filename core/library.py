"""Workflows by name: files beside the document that asks, then the library in the store."""

from __future__ import annotations

import asyncio
import difflib
from pathlib import Path
from typing import Protocol

from core.engine.errors import StepError
from core.workflow.document import load
from core.workflow.model import Workflow
from core.workflow.problems import DocumentError

SUFFIX = ".loom.yaml"
"""How the file of a workflow ends."""


class StoredWorkflows(Protocol):
    """The part of the store that a library reads."""

    async def find(self, name: str) -> Workflow | None:
        """The current version of the workflow with that name, or None."""

    async def names(self) -> list[str]:
        """The names of all workflows."""


class Library:
    """The WorkflowSource service. stored: None when there is no store (runs in memory)."""

    def __init__(self, stored: StoredWorkflows | None = None) -> None:
        self._stored = stored

    async def get(self, name: str, origin: str) -> Workflow:
        """The workflow of that name, or in that file relative to the folder `origin`.

        Raises StepError(kind='not_found'), or (kind='validation') for a file that is no workflow document.
        """
        file = await asyncio.to_thread(find_file, name, origin)
        if file is not None:
            try:
                return await asyncio.to_thread(load, file)
            except DocumentError as error:
                raise StepError(str(error), kind="validation") from None
        if self._stored is not None:
            stored = await self._stored.find(name)
            if stored is not None:
                return stored
        raise StepError(await self._not_found(name, origin), kind="not_found")

    async def _not_found(self, name: str, origin: str) -> str:
        folder = Path(origin or ".").resolve()
        names = await self._stored.names() if self._stored is not None else []
        files = await asyncio.to_thread(lambda: [path.name for path in folder.glob(f"*{SUFFIX}")])
        near = difflib.get_close_matches(name, [*names, *files], n=1, cutoff=0.5)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        return f"There is no workflow {name!r}, neither as a file in {folder} nor in the library.{hint}"


def find_file(name: str, origin: str) -> Path | None:
    """The file that a name means, with or without its ending, or None."""
    base = Path(origin or ".") / Path(name).expanduser()
    for candidate in (base, base.with_name(base.name + SUFFIX) if base.name else base):
        if candidate.is_file():
            return candidate
    return None
