"""What can be done with agents: carried out in the background, said in messages, undone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QObject, Signal

from core.workflow.problems import DocumentError
from desktop.bridge import Bridge, explain
from desktop.dialogs.problem_report import ProblemReport
from desktop.filing import numbered
from desktop.window import MainWindow

if TYPE_CHECKING:
    from core.agents.agent import Agent
    from core.agents.examples import Added
    from core.agents.library import AgentLibrary, SavedAgent
    from core.workspace import Workspace

SUFFIX: Final = ".agent.yaml"
"""How the file of an agent ends; as in core.agents.agent_file, which is not loaded before it is needed."""


class AgentDesk(QObject):
    """The agents as last seen. changed: what is told here is not what it was. listed: there are other agents than when
    they were read before. opened: another workspace.

    edit_wanted: the name of an agent to be edited. new_wanted: an Agent to be edited that is not kept yet. chat_wanted:
    the name of an agent to talk with. deleted_some: names. agents: all there are, by name. deleted: those in the bin.
    examples: agents that come with the program. is_read: whether they were read yet.
    """

    changed = Signal()
    listed = Signal()
    opened = Signal()
    edit_wanted = Signal(str)
    new_wanted = Signal(object)
    chat_wanted = Signal(str)
    deleted_some = Signal(list)

    def __init__(self, window: MainWindow, bridge: Bridge) -> None:
        super().__init__(window)
        self._window, self._bridge = window, bridge
        self.workspace: Workspace | None = None
        self.agents: Sequence[SavedAgent] = ()
        self.deleted: Sequence[SavedAgent] = ()
        self.examples: Sequence[Agent] = ()
        self.is_read = False
        self._examples_asked = False
        self._listing: asyncio.Task[None] | None = None

    @property
    def available(self) -> bool:
        """Whether there is a workspace that can keep agents."""
        return self.workspace is not None

    def use(self, workspace: Workspace) -> None:
        """From now on they are that workspace's. They are read when somebody looks at them."""
        self.workspace = workspace
        self.agents = self.deleted = ()
        self.is_read = False
        self.changed.emit()
        self.opened.emit()

    def refresh(self) -> None:
        """Look at the agents again."""
        if self.workspace is not None:
            self._listing = self._bridge.spawn(_listed(self.workspace), self._show, instead_of=self._listing)
        if not self._examples_asked:
            self._examples_asked = True
            self._bridge.in_thread(_read_examples, self._show_examples)

    def names(self) -> Sequence[str]:
        """The names of all agents."""
        return [saved.agent.name for saved in self.agents]

    def new(self) -> None:
        """Begin a new agent; it is kept when it is saved."""
        from core.agents.agent import Agent

        self.new_wanted.emit(Agent(self.free("New agent")))

    def edit(self, name: str) -> None:
        """Open an agent's editor."""
        self.edit_wanted.emit(name)

    def chat(self, name: str) -> None:
        """Talk with an agent."""
        self.chat_wanted.emit(name)

    def duplicate(self, name: str) -> None:
        """Make a copy under the next free name, and edit it."""
        copy = self.free(name)
        self._do(
            lambda library: library.duplicate(name, copy), f"{name} could not be copied", lambda _: self.edit(copy)
        )

    def add_example(self, example: Agent) -> None:
        """Take an agent that comes with the program into the library, with the agents and workflows that it calls."""
        workspace = self.workspace
        if workspace is None:
            return

        def done(added: Added) -> None:
            self.refresh()
            self._window.toasts.show(
                f"{added.name} is one of your agents now", _along(added), kind="done", action="Chat",
                on_action=lambda: self.chat(added.name),
            )  # fmt: skip

        self._bridge.spawn(
            _added_example(workspace, example), done, lambda error: self._say(f"{example.name} is not added", error)
        )

    def delete(self, names: Sequence[str]) -> None:
        """Put agents into the bin; the message offers to take them out again."""
        title = f"{names[0]} is deleted" if len(names) == 1 else f"{len(names)} agents are deleted"

        def done(_: object) -> None:
            self.deleted_some.emit(list(names))
            self._window.toasts.show(
                title, "Conversations and memories stay." if len(names) == 1 else "Their conversations stay.",
                kind="done", action="Undo", on_action=lambda: self.restore(names),
            )  # fmt: skip

        self._do(lambda library: _each(library.delete, names), "It could not be deleted", done)

    def restore(self, names: Sequence[str]) -> None:
        """Take agents out of the bin."""
        self._do(lambda library: _each(library.restore, names), "It could not be taken back")

    def export(self, name: str, file: Path) -> None:
        """Write an agent to a file."""
        self._do(
            lambda library: _written(library, name, file),
            f"{name} could not be exported",
            lambda _: self._window.toasts.show(f"{name} is exported", f"To {file}.", kind="done"),
        )

    def import_files(self, files: Sequence[Path]) -> None:
        """Take files in, each under a free name; a broken one is reported and keeps no other out."""
        for file in files:
            self._import(file)

    def free(self, name: str) -> str:
        """That name, or the next in its row that no agent has."""
        taken = set(self.names())
        while name in taken:
            name = numbered(name)
        return name

    def _import(self, file: Path) -> None:
        if self.workspace is None:
            self._window.toasts.show(
                f"{file.name} is not imported", "The database is not open yet; try again in a moment.", kind="failed"
            )
            return

        def done(found: tuple[str, str]) -> None:
            name, asks = found
            self.refresh()
            self._window.toasts.show(
                f"{name} is one of your agents now", asks or f"From {file.name}.", kind="done", action="Edit",
                on_action=lambda: self.edit(name),
            )  # fmt: skip

        def failed(error: Exception) -> None:
            if isinstance(error, DocumentError):
                self._report(file, error)
            else:
                self._say(f"{file.name} is not imported", error)

        self._bridge.spawn(_imported(self.workspace.agents, file), done, failed)

    def _report(self, file: Path, error: DocumentError) -> None:
        number = len(error.problems)
        ProblemReport(
            self._window,
            title=f"{file.name} could not be imported",
            text=f"{'One thing is' if number == 1 else f'{number} things are'} wrong with it. Nothing was changed.",
            problems=error.problems,
        ).open()

    def _do(
        self,
        work: Callable[[AgentLibrary], Coroutine[Any, Any, Any]],
        failure: str,
        then: Callable[[Any], object] = lambda _: None,
    ) -> None:
        if self.workspace is None:
            return

        def done(result: Any) -> None:
            then(result)
            self.refresh()

        def failed(error: Exception) -> None:
            self._say(failure, error)
            self.refresh()

        self._bridge.spawn(work(self.workspace.agents), done, failed)

    def _say(self, title: str, error: Exception) -> None:
        self._window.toasts.show(title, explain(error), kind="failed")

    def _show(self, found: tuple[Sequence[SavedAgent], Sequence[SavedAgent]]) -> None:
        was_read, self.is_read = self.is_read, True
        if found != (self.agents, self.deleted) or not was_read:
            self.agents, self.deleted = found
            self.changed.emit()
            self.listed.emit()

    def _show_examples(self, examples: Sequence[Agent]) -> None:
        self.examples = examples
        self.changed.emit()


async def _listed(workspace: Workspace) -> tuple[Sequence[SavedAgent], Sequence[SavedAgent]]:
    return await workspace.agents.list(), await workspace.agents.list(deleted=True)


async def _each(work: Callable[[str], Coroutine[Any, Any, None]], names: Sequence[str]) -> None:
    for name in names:
        await work(name)


async def _written(library: AgentLibrary, name: str, file: Path) -> None:
    from core.agents.agent_file import save

    agent = (await library.get(name)).agent
    await asyncio.to_thread(save, agent, file)


async def _imported(library: AgentLibrary, file: Path) -> tuple[str, str]:
    """Save a file's agent under the first free name; the name, and what is to be said of its functions."""
    from core.agents.agent_file import load
    from core.agents.examples import save_under_free_name
    from core.agents.taken_in import said_of, without_leave

    agent, asking = without_leave(await asyncio.to_thread(load, file))
    return await save_under_free_name(library, agent, f"Imported from {file.name}"), said_of(asking)


async def _added_example(workspace: Workspace, example: Agent) -> Added:
    from core.agents.examples import add_example

    store = workspace.store
    return await add_example(example, workspace.agents, store.workflows if store is not None else None)


def _along(added: Added) -> str:
    """What came along, in a sentence; '' for nothing."""
    parts = []
    for names, one in ((added.agents, "agent"), (added.workflows, "workflow")):
        if names:
            parts.append(f"the {one}{'' if len(names) == 1 else 's'} {', '.join(names)}")
    return f"With {' and '.join(parts)}, which it calls." if parts else ""


def _read_examples() -> Sequence[Agent]:
    from core.agents.agent_file import load
    from core.resources import example_agents

    return [load(file) for file in example_agents()]
