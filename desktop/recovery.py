"""Unsaved work across starts: every open document is kept on disk, and what a killed program left is offered again."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QObject

from core.workflow.model import Workflow
from desktop.bridge import Bridge
from desktop.dialogs.message import Choice, MessageDialog
from desktop.document import OpenDocument
from desktop.memory import RecentWork
from desktop.window import MainWindow
from desktop.work_tab import WorkTab

if TYPE_CHECKING:
    from desktop.agents.draft import AgentDraft
    from desktop.agents.room import AgentRoom
    from desktop.agents.unsaved_agent import UnsavedAgent
    from desktop.undo_journal import UndoJournal
    from desktop.unsaved_work import Unsaved


class Opens(Protocol):
    """Opens a document in a tab, or brings the tab to the front in which the same work is open."""

    def open(self, document: OpenDocument, work: RecentWork | None) -> WorkTab | None:
        """The tab; None as long as nothing can be drawn."""


class Recovery(QObject):
    """Follows the documents of a window and its editors of agents. question: the offer of unsaved work, while it
    stands."""

    def __init__(self, home: Path, window: MainWindow, opens: Opens, bridge: Bridge, agents: AgentRoom) -> None:
        super().__init__(window)
        self._home, self._window, self._opens, self._bridge, self._agents = home, window, opens, bridge, agents
        self._journal: UndoJournal | None = None
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="unsaved work")
        self.question: MessageDialog | None = None
        window.opened.connect(self._opened)
        window.tab_closed.connect(self._closed)
        agents.edited.connect(self._agent_opened)
        agents.put_away.connect(self._agent_closed)

    async def start(self) -> None:
        """Begin to keep unsaved work, and offer what an earlier program could not save."""
        journal, found = await asyncio.to_thread(_prepared, self._home)
        self._journal = journal(self._worker, self)
        self._journal.trouble.connect(
            lambda text: self._window.toasts.show("Unsaved work is not kept", text, kind="failed")
        )
        for tab in self._window.all_tabs:
            self._journal.follow(tab.document)
        for draft in self._agents.drafts:
            self._agent_opened(draft)
        if found:
            self._offer(found)

    async def close(self) -> None:
        """Write what waits. What is unsaved stays on disk for the next start."""
        if self._journal is not None:
            self._journal.close()
        await asyncio.to_thread(self._worker.shutdown)

    def _opened(self, tab: WorkTab) -> None:
        if self._journal is not None:
            self._journal.follow(tab.document)

    def _closed(self, tab: WorkTab) -> None:
        if self._journal is None:
            return
        if self._window.is_closed_at_once:
            self._journal.leave(tab.document)
        else:
            self._journal.forget(tab.document)

    def _agent_opened(self, draft: AgentDraft) -> None:
        if self._journal is not None:
            from desktop.agents.unsaved_agent import snapshot_of

            self._journal.follow_any(draft, lambda: snapshot_of(draft))

    def _agent_closed(self, draft: AgentDraft) -> None:
        if self._journal is None:
            return
        if self._window.is_closed_at_once:
            self._journal.leave(draft)
        else:
            self._journal.forget(draft)

    def _offer(self, found: Sequence[Unsaved]) -> None:
        lines = [f"{each.state.name}, changed {each.state.at.astimezone():%Y-%m-%d %H:%M}" for each in found]
        one = len(found) == 1
        agents = sum(each.state.kind == "agent" for each in found)
        question = MessageDialog(
            self._window,
            title=f"Unsaved work in “{found[0].state.name}”"
            if one
            else f"Unsaved work in {_counted(len(found), agents)}",
            text="Steploom ended before it was saved. Open it to go on where you were; undo leads back to what is "
            "saved.",
            detail="" if one else "\n".join(lines),
            choices=[
                Choice("discard", "Discard", "danger"),
                Choice("later", "Ask again later"),
                Choice("open", "Open", "primary"),
            ],
        )
        self.question = question
        question.chosen.connect(lambda key: self._answered(key, found))
        question.open()

    def _answered(self, key: str, found: Sequence[Unsaved]) -> None:
        self.question = None
        for each in found:
            if key == "open" and each.state.kind == "agent":
                self._bridge.in_thread(_agent_reader(each), lambda read, each=each: self._take_agent(each, read))  # type: ignore[misc] # a loop variable is bound early
            elif key == "open":
                self._bridge.in_thread(each.workflow, lambda read, each=each: self._take_over(each, read[0]))  # type: ignore[misc] # a loop variable is bound early
            elif key == "discard":
                self._bridge.in_thread(each.discard)

    def _take_over(self, unsaved: Unsaved, workflow: Workflow | None) -> None:
        state = unsaved.state
        if workflow is None:
            self._say_unreadable(unsaved)
            return
        tab = self._opens.open(OpenDocument(workflow, file=state.file, version=state.version), _work(unsaved))
        if tab is None or self._journal is None:
            return
        if tab.document.workflow is not workflow:  # it is open as it was saved: one undo leads back to that
            tab.document.apply("Take back unsaved work", lambda _: workflow)
            tab.document.version = state.version  # what it is based on, even if something newer was open
        self._journal.adopt(tab.document, unsaved)

    def _take_agent(self, unsaved: Unsaved, work: UnsavedAgent | None) -> None:
        if work is None:
            self._say_unreadable(unsaved)
            return

        def opened(draft: AgentDraft) -> None:
            if self._journal is not None:
                self._journal.adopt(draft, unsaved)

        self._agents.editors.take_back(work, opened)

    def _say_unreadable(self, unsaved: Unsaved) -> None:
        self._window.toasts.show(
            f"{unsaved.state.name} cannot be read", f"What was kept is left as it is in {unsaved.path}.", kind="failed"
        )


def _counted(number: int, agents: int) -> str:
    """How much there is of what: “2 workflows”, “1 agent and 2 workflows”."""
    kinds = [(agents, "agent"), (number - agents, "workflow")]
    return " and ".join(f"{count} {kind}{'' if count == 1 else 's'}" for count, kind in kinds if count)


def _agent_reader(unsaved: Unsaved) -> Callable[[], UnsavedAgent | None]:
    """What reads an agent's unsaved work, to be called in a thread: what it imports takes longer than a frame."""

    def read() -> UnsavedAgent | None:
        from desktop.agents.unsaved_agent import read_unsaved

        return read_unsaved(unsaved.state)

    return read


def _work(unsaved: Unsaved) -> RecentWork | None:
    state = unsaved.state
    if state.file is not None:
        return RecentWork("file", str(state.file), state.name)
    return RecentWork("library", state.name, state.name) if state.version else None


def _prepared(home: Path) -> tuple[_Maker, Sequence[Unsaved]]:
    """What makes the journal, and what was left; its imports take longer than a frame."""
    from core.engine.clock import SystemClock
    from desktop.undo_journal import UndoJournal
    from desktop.unsaved_work import FOLDER, Owner, recoverable

    owner, folder = Owner.this_process(), home / FOLDER

    def made(worker: ThreadPoolExecutor, parent: QObject) -> UndoJournal:
        return UndoJournal(
            folder, clock=SystemClock(), worker=worker, owner=owner, new_id=lambda: uuid.uuid4().hex, parent=parent
        )

    return made, recoverable(folder)


class _Maker(Protocol):
    def __call__(self, worker: ThreadPoolExecutor, parent: QObject) -> UndoJournal: ...
