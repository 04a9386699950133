"""Workflows by name: files beside the document that asks, then the library in the store."""

from __future__ import annotations

import asyncio
import difflib
from contextlib import suppress
from pathlib import Path

from core.engine.errors import StepError
from core.engine.services import Folders
from core.store.errors import WorkflowNotFound
from core.store.workflows import Workflows
from core.workflow.document import load
from core.workflow.model import Workflow
from core.workflow.problems import DocumentError

SUFFIX = ".loom.yaml"
"""How the file of a workflow ends."""


class Library:
    """The WorkflowSource service. stored: None when there is no store (runs in memory).

    folders: where files may be read outside the folder that asks; None for anywhere.
    """

    def __init__(self, stored: Workflows | None = None, folders: Folders | None = None) -> None:
        self._stored = stored
        self._folders = folders

    def within(self, folders: Folders) -> Library:
        """The same workflows, files in those folders only."""
        return Library(self._stored, folders)

    async def get(self, name: str, origin: str) -> Workflow:
        """The workflow of that name, or in that file relative to the folder `origin`.

        Raises StepError(kind='not_found'), (kind='refused') for a file outside the folders that may be read, or
        (kind='validation') for a file that is no workflow document.
        """
        file = await asyncio.to_thread(self._file, name, origin)
        if file is not None:
            try:
                return await asyncio.to_thread(load, file)
            except DocumentError as error:
                raise StepError(str(error), kind="validation") from None
        if self._stored is not None:
            with suppress(WorkflowNotFound):
                return (await self._stored.get(name)).workflow
        raise StepError(await self._not_found(name, origin), kind="not_found")

    def _file(self, name: str, origin: str) -> Path | None:
        file = find_file(name, origin)
        if file is None or self._folders is None or file.resolve().parent == Path(origin or ".").resolve():
            return file
        return self._folders.resolve(str(file), "", write=False)

    async def _not_found(self, name: str, origin: str) -> str:
        folder, files = await asyncio.to_thread(_documents_in, origin)
        names = [entry.name for entry in await self._stored.list()] if self._stored is not None else []
        known = {_plain(candidate): candidate for candidate in [*files, *names]}
        near = difflib.get_close_matches(_plain(name), known, n=1, cutoff=0.5)
        hint = f" Did you mean {known[near[0]]!r}?" if near else ""
        if self._stored is None:
            return f"There is no workflow {name!r} as a file in {folder}; the library cannot be used in memory.{hint}"
        hint = hint or " `steploom workflows list` shows what is there."
        return f"There is no workflow {name!r}, neither as a file in {folder} nor in the library.{hint}"


def _plain(name: str) -> str:
    return name.lower().removesuffix(SUFFIX)


def find_file(name: str, origin: str) -> Path | None:
    """The file that a name means, with or without its ending, or None."""
    with suppress(OSError, RuntimeError):  # a name longer than the system takes, the home of somebody unknown
        base = Path(origin or ".") / Path(name).expanduser()
        for candidate in (base, base.with_name(base.name + SUFFIX) if base.name else base):
            if candidate.is_file():
                return candidate
    return None


def _documents_in(origin: str) -> tuple[Path, list[str]]:
    """The folder, and the names of the workflow documents in it."""
    folder = Path(origin or ".").resolve()
    return folder, [path.name for path in folder.glob(f"*{SUFFIX}") if path.is_file()]
