"""Saving an agent that is edited: as the next version, under another name, and what to do if somebody was quicker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from core.agents.agent import Agent
from core.agents.agent_file import AgentFileError
from core.agents.library import AgentChanged, AgentLibrary, SavedAgent
from core.store.errors import NameTaken
from desktop.agents.differences import differences
from desktop.agents.draft import AgentDraft
from desktop.bridge import Bridge, explain
from desktop.dialogs.message import Choice, MessageDialog
from desktop.filing import numbered

if TYPE_CHECKING:
    from core.workspace import Workspace


class AgentSaving(QObject):
    """Saves a draft. saved: a SavedAgent. refused: why not, in words. busy: whether it is being saved."""

    saved = Signal(object)
    refused = Signal(str)
    busy = Signal(bool)

    def __init__(
        self, draft: AgentDraft, bridge: Bridge, workspace: Callable[[], Workspace | None], parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._draft, self._bridge, self._workspace, self._parent = draft, bridge, workspace, parent
        self._running = False
        self.question: MessageDialog | None = None

    def save(self, then: Callable[[], object] | None = None) -> None:
        """Save as the next version. then: called if it was saved."""
        workspace, draft = self._workspace(), self._draft
        if self._running:
            return
        if draft.unfinished:
            self.refused.emit("Something that is typed does not fit yet, so it is not saved.")
            return
        if not draft.agent.name.strip():
            self.refused.emit("It has no name yet, so it is not saved.")
            return
        if workspace is None:
            self.refused.emit("The database is not open, so it is not saved. Try again in a moment.")
            return
        agent = draft.agent
        self._set_running(True)

        def done(saved: SavedAgent) -> None:
            self._set_running(False)
            draft.saved_as(agent, saved.agent.name, saved.version)
            self.saved.emit(saved)
            if then is not None:
                then()

        def failed(error: Exception) -> None:
            self._set_running(False)
            if isinstance(error, AgentChanged):
                self._ask(error, then)
            elif isinstance(error, NameTaken):
                self.refused.emit(f"There is another agent called “{agent.name}”. Choose another name.")
            elif isinstance(error, AgentFileError):
                self.refused.emit(" ".join(each.words for each in error.problems[:3]))
            else:
                self.refused.emit(f"It is not saved. {explain(error)}")

        self._bridge.spawn(_kept(workspace.agents, agent, draft.version, draft.name or agent.name), done, failed)

    def _set_running(self, running: bool) -> None:
        self._running = running
        self.busy.emit(running)

    def _ask(self, error: AgentChanged, then: Callable[[], object] | None) -> None:
        new = not self._draft.version
        name = error.theirs.name
        question = MessageDialog(
            self._parent,
            title=f"There is an agent “{name}” already" if new else f"Somebody else saved “{name}” meanwhile",
            text=f"The newest there is version {error.current}. Nothing is lost: saving yours makes a version of its "
            "own after it, and both are kept. In this they differ:",
            detail="\n".join(differences(error.theirs, self._draft.agent)) or "In nothing.",
            choices=[
                Choice("cancel", "Cancel"),
                *([] if new else [Choice("theirs", "Take the other")]),
                *([Choice("rename", "Save under another name")] if new else []),
                Choice("mine", f"Save mine as version {error.current + 1}", "primary"),
            ],
        )
        question.chosen.connect(lambda key: self._decided(key, error, then))
        self.question = question
        question.open()

    def _decided(self, key: str, error: AgentChanged, then: Callable[[], object] | None) -> None:
        self.question = None
        draft = self._draft
        match key:
            case "mine":
                draft.name, draft.version = error.theirs.name, error.current
                self.save(then)
            case "theirs":
                draft.version = error.current
                draft.edit("Take the other version", lambda _: error.theirs)
                draft.saved_as(error.theirs, error.theirs.name, error.current)
            case "rename":
                draft.edit("Rename", lambda agent: replace(agent, name=numbered(agent.name)))
                self.save(then)


async def _kept(library: AgentLibrary, agent: Agent, version: int, name: str) -> SavedAgent:
    """Save what is kept as `name`, under its own name from now on if that is another one."""
    if not version or name == agent.name:
        return await library.save(agent, version)
    taken = {saved.agent.name for saved in await library.list()}
    if agent.name in taken:  # said before a version is made that nobody asked for
        raise NameTaken(agent.name)
    await library.save(replace(agent, name=name), version)
    return await library.rename(name, agent.name)
