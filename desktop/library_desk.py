"""What can be done with the workflows of the library: carried out in the background, said in messages, undone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QObject, Signal

from core.workflow.problems import DocumentError
from desktop.bridge import Bridge, explain
from desktop.filing import SUFFIX, Filing, numbered
from desktop.memory import RecentWork
from desktop.window import MainWindow

if TYPE_CHECKING:
    from core.store.workflows import WorkflowEntry, Workflows
    from core.workflow.model import Workflow
    from core.workspace import Workspace

_TRIES: Final = 1_000


class LibraryDesk(QObject):
    """The library as last seen. changed: there are other entries, or there is no library.

    entries: what is in it, by folder and name. deleted: what is in its bin. available: whether there is a library.
    """

    changed = Signal()

    def __init__(self, window: MainWindow, filing: Filing, bridge: Bridge) -> None:
        super().__init__(window)
        self._window, self._filing, self._bridge = window, filing, bridge
        self._store: Workflows | None = None
        self.entries: Sequence[WorkflowEntry] = ()
        self.deleted: Sequence[WorkflowEntry] = ()
        filing.saved.connect(lambda _: self.refresh())

    @property
    def available(self) -> bool:
        """Whether there is a library at all; runs in memory have none."""
        return self._store is not None

    def use(self, workspace: Workspace) -> None:
        """From now on it is that workspace's library."""
        self._store = workspace.store.workflows if workspace.store is not None else None
        self.entries = self.deleted = ()
        self.changed.emit()
        self.refresh()

    def refresh(self) -> None:
        """Look into the library again."""
        if self._store is not None:
            self._bridge.spawn(_listed(self._store), self._show)

    def names(self) -> Sequence[str]:
        """The names of all workflows."""
        return [entry.name for entry in self.entries]

    def folders(self) -> Sequence[str]:
        """The folders there are."""
        return sorted({entry.folder for entry in self.entries if entry.folder})

    def open(self, name: str) -> None:
        """Open a workflow in a tab."""
        self._filing.open_recent(RecentWork("library", name, name))

    def new(self) -> None:
        """Open a new workflow, which goes into the library when it is saved."""
        self._filing.new()

    def duplicate(self, name: str) -> None:
        """Make a copy under the next free name, and open it."""
        copy = self._free(name)
        self._do(lambda store: store.duplicate(name, copy), f"{name} could not be copied", lambda _: self.open(copy))

    def rename(self, name: str, new_name: str) -> None:
        """Give a workflow another name; its runs follow, and so does it where it is open."""
        if new_name != name:
            self._do(
                lambda store: store.rename(name, new_name),
                f"{name} could not be renamed",
                lambda version: self._renamed(name, new_name, version),
            )

    def move(self, names: Sequence[str], folder: str) -> None:
        """File workflows in another folder."""
        self._do(lambda store: _moved(store, names, folder), "It could not be moved")

    def tag(self, name: str, tags: Sequence[str]) -> None:
        """Give a workflow other tags, as a new version."""
        self._do(lambda store: _tagged(store, name, tags), f"{name} could not be tagged")

    def delete(self, names: Sequence[str]) -> None:
        """Put workflows into the bin; the message offers to take them out again."""
        title = f"{names[0]} is deleted" if len(names) == 1 else f"{len(names)} workflows are deleted"

        def done(_: object) -> None:
            self._let_go(names)
            self._window.toasts.show(
                title, "Its runs stay." if len(names) == 1 else "Their runs stay.",
                kind="done", action="Undo", on_action=lambda: self.restore(names),
            )  # fmt: skip

        self._do(lambda store: _deleted(store, names), "It could not be deleted", done)

    def restore(self, names: Sequence[str]) -> None:
        """Take workflows out of the bin."""
        self._do(lambda store: _restored(store, names), "It could not be taken back")

    def export(self, name: str, file: Path) -> None:
        """Write a workflow to a file."""
        self._do(
            lambda store: _written(store, {name: file}),
            f"{name} could not be exported",
            lambda _: self._window.toasts.show(f"{name} is exported", f"To {file}.", kind="done"),
        )

    def export_all(self, names: Sequence[str], folder: Path) -> None:
        """Write workflows to files of a folder, named after them."""
        files = {name: folder / file_name(name) for name in names}
        self._do(
            lambda store: _written(store, files),
            "They could not be exported",
            lambda _: self._window.toasts.show(f"{len(names)} workflows are exported", f"To {folder}.", kind="done"),
        )

    def import_files(self, files: Sequence[Path]) -> None:
        """Take files into the library, each under a free name; a broken one is reported and keeps no other out."""
        for file in files:
            self._import(file)

    def _import(self, file: Path) -> None:
        store = self._store
        if store is None:
            return

        def done(name: str) -> None:
            self.refresh()
            self._window.toasts.show(
                f"{name} is in the library", f"From {file.name}.", kind="done", action="Open",
                on_action=lambda: self.open(name),
            )  # fmt: skip

        def failed(error: Exception) -> None:
            if isinstance(error, DocumentError):
                self._filing.broken.emit(file, error)
            else:
                self._window.toasts.show(f"{file.name} could not be imported", explain(error), kind="failed")

        self._bridge.spawn(_imported(store, file), done, failed)

    def _do(
        self,
        work: Callable[[Workflows], Coroutine[Any, Any, Any]],
        failure: str,
        then: Callable[[Any], object] = lambda _: None,
    ) -> None:
        if self._store is None:
            return

        def done(result: Any) -> None:
            then(result)
            self.refresh()

        def failed(error: Exception) -> None:
            self._window.toasts.show(failure, explain(error), kind="failed")
            self.refresh()

        self._bridge.spawn(work(self._store), done, failed)

    def _show(self, found: tuple[Sequence[WorkflowEntry], Sequence[WorkflowEntry]]) -> None:
        if found != (self.entries, self.deleted):
            self.entries, self.deleted = found
            self.changed.emit()

    def _free(self, name: str) -> str:
        taken = set(self.names())
        copy = numbered(name)
        while copy in taken:
            copy = numbered(copy)
        return copy

    def _renamed(self, name: str, new_name: str, version: int) -> None:
        old = RecentWork("library", name, name)
        for tab in self._window.all_tabs:
            if old.is_same(tab.work):
                saved = tab.document.is_saved
                tab.work = RecentWork("library", new_name, new_name)
                tab.document.apply("Rename", lambda workflow: replace(workflow, name=new_name))
                tab.document.version = version
                if saved:
                    tab.document.mark_saved()

    def _let_go(self, names: Sequence[str]) -> None:
        """What is open of a deleted workflow becomes new work, so that it can still be saved."""
        for tab in self._window.all_tabs:
            if tab.work is not None and tab.work.kind == "library" and tab.work.name in names:
                self._window.memory.forget(tab.work)
                tab.work, tab.document.version = None, 0
                tab.document.stack.resetClean()


def file_name(name: str) -> str:
    """A file's name for a workflow of that name."""
    plain = "".join(letter if letter.isalnum() else "_" for letter in name.lower()).strip("_")
    return f"{plain or 'workflow'}{SUFFIX}"


async def _listed(store: Workflows) -> tuple[Sequence[WorkflowEntry], Sequence[WorkflowEntry]]:
    return await store.list(), await store.list(deleted=True)


async def _moved(store: Workflows, names: Sequence[str], folder: str) -> None:
    for name in names:
        found = await store.get(name)
        await store.save(found.workflow, found.version, folder=folder)


async def _tagged(store: Workflows, name: str, tags: Sequence[str]) -> None:
    found = await store.get(name)
    await store.save(replace(found.workflow, tags=tuple(tags)), found.version, note="Other tags")


async def _deleted(store: Workflows, names: Sequence[str]) -> None:
    for name in names:
        await store.delete(name)


async def _restored(store: Workflows, names: Sequence[str]) -> None:
    for name in names:
        await store.restore(name)


async def _written(store: Workflows, files: dict[str, Path]) -> None:
    from core.workflow.document import save

    for name, file in files.items():
        workflow = (await store.get(name)).workflow
        await asyncio.to_thread(save, workflow, file)


async def _imported(store: Workflows, file: Path) -> str:
    """Save a file's workflow under the first free name; the name."""
    from core.store.errors import VersionConflict
    from core.workflow.document import load

    workflow: Workflow = await asyncio.to_thread(load, file)
    for _ in range(_TRIES):
        try:
            await store.save(workflow, 0, note=f"Imported from {file.name}")
        except VersionConflict:
            workflow = replace(workflow, name=numbered(workflow.name))
        else:
            break
    return workflow.name
