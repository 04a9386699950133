"""What can be done with memories: carried out in the background, said in messages, undone where it can be."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from uuid import UUID

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QWidget

from desktop.bridge import Bridge, OnError, explain
from desktop.commands import Command
from desktop.window import MainWindow

if TYPE_CHECKING:
    from core.memory.audit import Audit
    from core.memory.memories import Memories
    from core.memory.proposal import Outcome, Proposed
    from core.store.memories import MemoryRecords
    from core.store.memory_records import Change, Memory, MemoryFilter, MemoryPage, MemoryType, Scope
    from core.workspace import Workspace
    from desktop.memory_panel.panel import MemoryPanel
    from desktop.memory_panel.trial import Trial

PANEL: Final = "memory"
LOOK_MS: Final = 30_000
"""How often it is looked whether memories wait for a person."""
NEAR_MS: Final = 3_000
"""How often it is looked whether agents have learned something while the panel is seen."""

WHO: Final = "you"
"""Whose name a change by hand carries in the history."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Owner:
    """An agent that remembers. room: tokens for memories in its prompts. shared: whether it recalls the shared ones."""

    id: UUID
    name: str
    room: int
    shared: bool


class MemoryDesk(QObject):
    """Does what the panel asks for. changed: memories are not what they were. owners_changed: there are other agents.

    conversation_wanted: ids of a conversation and of a message in it that are to be seen. run_wanted: the id of a run.
    waiting: how many memories wait for a person.
    """

    changed = Signal()
    owners_changed = Signal()
    counted = Signal(int)
    conversation_wanted = Signal(str, str)
    run_wanted = Signal(str)

    def __init__(self, window: MainWindow, bridge: Bridge) -> None:
        super().__init__(window)
        self._window, self._bridge = window, bridge
        self._workspace: Workspace | None = None
        self._panel: MemoryPanel | None = None
        self.owners: Sequence[Owner] = ()
        self.waiting = 0
        self.changed.connect(self._count)
        # Agents learn behind the window, some time after a conversation: only looking tells of what waits.
        self._looking = QTimer(self)
        self._looking.setInterval(NEAR_MS)
        self._looking.timeout.connect(self._look)
        self._reading: asyncio.Task[None] | None = None
        self._newest = -1
        self._turns = 0

    @property
    def available(self) -> bool:
        """Whether anything can be remembered: it needs the database."""
        return self._workspace is not None and self._workspace.store is not None

    def use(self, workspace: Workspace) -> None:
        """From now on these are that workspace's memories."""
        self._workspace = workspace
        self._panel = None
        self._window.docks.get(PANEL).renew()
        self._count()
        self._looking.start()

    def make_panel(self) -> QWidget:
        """The panel, or why there is none."""
        from desktop.empty_state import EmptyState

        window = self._window
        if self._workspace is None or not self.available:
            return EmptyState(
                window.icons, window.themes, icon="brain", title="Nothing is remembered",
                text="Memories need the database, which is not there now.",
            )  # fmt: skip
        from desktop.memory_panel.around import Around
        from desktop.memory_panel.panel import MemoryPanel

        self._panel = MemoryPanel(Around(self, window.themes, window.icons, self._workspace.clock.now))
        return self._panel

    def commands(self) -> list[Command]:
        """What can be done from anywhere in the window."""

        def on_panel(act: Callable[[MemoryPanel], object]) -> Callable[[], None]:
            def run() -> None:
                self._window.docks.reveal(PANEL)
                if self._panel is not None:
                    act(self._panel)

            return run

        def able() -> bool:
            return self.available

        def command(name: str, title: str, act: Callable[[MemoryPanel], object], icon: str, text: str) -> Command:
            return Command(
                f"memory.{name}", title, on_panel(act), icon, (), "Agents", "memory", able, help=text
            )  # fmt: skip

        return [
            command("add", "Remember something…", lambda panel: panel.add(), "plus",
                    "Gives an agent, or all of them, a memory by hand."),
            command("recall", "Recall as an agent would", lambda panel: panel.show_recall(), "search",
                    "Shows what an agent is told about a question, with scores and reasons."),
            command("confirm", "Confirm memories that wait", lambda panel: panel.show_waiting(), "shield-alert",
                    "Lists what came from outside and is not recalled until a person confirms it."),
            command("audit", "Look memories over", lambda panel: panel.show_audit(), "list-checks",
                    "Finds doubles, contradictions, secrets, and what is never recalled."),
            command("export", "Export memories…", lambda panel: panel.ask_export(), "download",
                    "Writes the listed memories with their history to a file."),
        ]  # fmt: skip

    # -- reading -------------------------------------------------------------------------------------------------------

    def owner_name(self, agent_id: UUID | None) -> str:
        """Whose memories those are, by name."""
        if agent_id is None:
            return "Shared"
        return next((owner.name for owner in self.owners if owner.id == agent_id), "A deleted agent")

    def refresh(self) -> None:
        """Memories or agents may have changed elsewhere: look again."""
        if self.available:
            self._read_agents()
            self._look_again()

    def agents_changed(self) -> None:
        """There may be other agents now: they own memories, too, if somebody looks at these."""
        if self.available and self._panel is not None and self._panel.isVisible():
            self._read_agents()

    def read(
        self, shown: MemoryFilter, limit: int, offset: int, on_done: Callable[[MemoryPage], None], on_error: OnError
    ) -> None:
        """A part of a list."""
        self._ask(lambda memories: memories.list(shown, limit=limit, offset=offset), on_done, on_error)

    def look_at(
        self,
        memory_id: UUID,
        on_done: Callable[[tuple[Memory, Sequence[Change], Sequence[Memory]]], None],
        on_error: OnError,
    ) -> None:
        """A memory, its history, and the memories that it holds instead of; newest first."""

        async def work(memories: Memories) -> tuple[Memory, Sequence[Change], Sequence[Memory]]:
            memory = await memories.get(memory_id)
            return memory, await memories.history(memory_id), await memories.replaced_by(memory_id)

        self._ask(work, on_done, on_error)

    def recall(
        self, agent_id: UUID | None, question: str, room: int, on_done: Callable[[Trial], None], on_error: OnError
    ) -> None:
        """What an agent would be told, without counting it as used. agent_id: None for the shared memories alone."""
        from desktop.memory_panel.trial import tried

        scope = self._scope(agent_id)
        self._ask(lambda memories: tried(memories, scope, question, room), on_done, on_error)

    def audit(
        self, agent_id: UUID | None, on_done: Callable[[Audit], None], on_error: OnError
    ) -> asyncio.Task[None] | None:
        """Look over what an agent may recall; None for the shared memories alone. Cancelling the task stops it."""
        scope = self._scope(agent_id)
        return self._ask(lambda memories: memories.audit(scope), on_done, on_error)

    # -- changing ------------------------------------------------------------------------------------------------------

    def add(
        self, agent_id: UUID | None, proposed: Proposed, on_done: Callable[[Outcome, str], None], on_error: OnError
    ) -> None:
        """Remember something by hand. on_done: gets what came of it, and the words that it replaced."""
        from core.store.memory_records import Scope

        async def work(memories: Memories) -> tuple[Outcome, str]:
            return await _with_replaced(memories, await memories.remember(Scope(agent_id), proposed))

        def done(result: tuple[Outcome, str]) -> None:
            self._look_again()
            on_done(*result)

        self._ask(work, done, on_error)

    def edit(
        self,
        memory: Memory,
        on_done: Callable[[Memory], None],
        on_error: OnError,
        *,
        content: str | None = None,
        type: MemoryType | None = None,
        importance: float | None = None,
        supersede: bool | None = None,
    ) -> None:
        """Change a memory, as `Memories.edit` does; the message offers to take it back."""

        async def work(memories: Memories) -> tuple[Memory, int]:
            before = (await memories.history(memory.id))[0].number
            changed = await memories.edit(
                memory.id, content=content, type=type, importance=importance, supersede=supersede, who=WHO
            )
            return changed, before

        def done(result: tuple[Memory, int]) -> None:
            changed, before = result
            self._look_again()
            on_done(changed)
            if changed.id != memory.id:
                title, said = "It holds from now on", f"Until now held: {_quoted([memory])}"
                self._say(title, said, lambda: self.take_back(changed, memory))
            elif changed != memory:
                self._say("The memory is changed", "Its history keeps what it was.", self._reverting(memory.id, before))

        self._ask(work, done, on_error)

    def pin(self, memories: Sequence[Memory], pinned: bool) -> None:
        """Have memories recalled whatever is asked, or no longer."""
        ids = [memory.id for memory in memories]

        def done(_: object) -> None:
            what = "It is" if len(ids) == 1 else f"{len(ids)} memories are"
            if pinned:
                self._say(f"{what} pinned", "Recalled whatever is asked, and kept by all limits.")
            else:
                self._say(f"{what} no longer pinned")

        self._do(lambda each: _each(ids, lambda one: each.pin(one, pinned, who=WHO)), done)

    def forget(self, memories: Sequence[Memory], *, cause: str = "forgotten by hand") -> None:
        """Recall memories no more; the message offers to bring them back."""
        ids = [memory.id for memory in memories if memory.state != "forgotten"]
        if not ids:
            return
        rejected = cause == "rejected"
        verb = "rejected" if rejected else "forgotten"
        title = f"It is {verb}" if len(ids) == 1 else f"{len(ids)} memories are {verb}"

        def done(_: object) -> None:
            self._say(title, _quoted(memories), lambda: self.bring_back(ids))

        self._do(lambda each: _each(ids, lambda one: each.forget(one, who=WHO, cause=cause)), done)

    def bring_back(self, ids: Sequence[UUID]) -> None:
        """Undo the newest change of memories."""
        self._do(lambda each: _each(ids, lambda one: each.revert(one, who=WHO)))

    def revert(self, memory_id: UUID, number: int) -> None:
        """Make a memory what it was after one of its changes."""
        self._do(
            lambda each: each.revert(memory_id, number, who=WHO),
            lambda _: self._say("It is what it was", "That, too, is in its history."),
        )

    def take_back(self, newer: Memory, older: Memory) -> None:
        """Let a memory hold again that a newer one had superseded."""
        self._do(
            lambda each: each.take_back(newer.id, older.id, who=WHO),
            lambda _: self._say("The older one holds again", _quoted([older])),
        )

    def confirm(self, memories: Sequence[Memory]) -> None:
        """Let memories that came from outside be recalled."""
        ids = [memory.id for memory in memories if memory.state == "quarantined"]

        async def work(each: Memories) -> list[tuple[Outcome, str]]:
            return [await _with_replaced(each, await each.confirm(one, who=WHO)) for one in ids]

        def done(results: list[tuple[Outcome, str]]) -> None:
            if len(results) == 1:
                outcome, replaced = results[0]
                title = "It was known already" if outcome.kind == "same" else "It is confirmed"
                self._say(title, f"No longer holds: {replaced}" if replaced else "Agents may recall it now.")
            else:
                self._say(f"{len(results)} memories are confirmed", "Agents may recall them now.")

        if ids:
            self._do(work, done)

    def still_holds(self, memories: Sequence[Memory]) -> None:
        """Count memories as used now, so that they are no longer out of date."""
        ids = [memory.id for memory in memories]
        self._do(lambda each: each.touch(ids), lambda _: self._say("Noted", "It counts as used today."))

    def forget_for_good(self, memories: Sequence[Memory]) -> None:
        """Remove memories and their history; the panel has asked. This cannot be undone."""
        ids = [memory.id for memory in memories]

        def done(number: int) -> None:
            self._say("It is gone for good" if number == 1 else f"{number} memories are gone for good")

        self._do(lambda each: each.forget_for_good(*ids, who=WHO, cause="by hand"), done)

    def export(self, shown: MemoryFilter, file: Path) -> None:
        """Write what a filter lets through to a file."""
        from desktop.memory_panel.files import written
        from desktop.memory_panel.wording import count_of

        def done(number: int) -> None:
            self._say(f"{count_of(number)} exported", f"To {file}.")

        def failed(error: Exception) -> None:
            self._window.toasts.show("The memories could not be exported", explain(error), kind="failed")

        self._ask(lambda memories: written(memories, shown, file), done, failed, apart=True)

    def tell(self, title: str, text: str = "") -> None:
        """Say in the window what was done."""
        self._say(title, text)

    # -- inside --------------------------------------------------------------------------------------------------------

    def _ask(
        self,
        work: Callable[[Memories], Coroutine[Any, Any, T]],
        on_done: Callable[[T], None] | None = None,
        on_error: OnError | None = None,
        *,
        apart: bool = False,
    ) -> asyncio.Task[None] | None:
        """Do some work with the memories. apart: it computes for longer than a frame, so it gets a thread."""
        workspace = self._workspace
        if workspace is None or workspace.store is None:
            return None

        def done(result: T) -> None:
            if on_done is not None and self._workspace is workspace:  # else who asked is gone with its panel
                on_done(result)

        return self._bridge.spawn(_worked(workspace, work, apart=apart), done, on_error)

    def _scope(self, agent_id: UUID | None) -> Scope:
        """What an agent may recall, as its settings say."""
        from core.store.memory_records import Scope

        owner = next((owner for owner in self.owners if owner.id == agent_id), None)
        return Scope(agent_id, owner.shared if owner is not None else True)

    def _do(
        self, work: Callable[[Memories], Coroutine[Any, Any, Any]], then: Callable[[Any], object] = lambda _: None
    ) -> None:
        def done(result: Any) -> None:
            self._look_again()
            then(result)

        def failed(error: Exception) -> None:
            self._window.toasts.show("That cannot be done", explain(error), kind="failed")
            self._look_again()

        self._ask(work, done, failed)

    def _say(self, title: str, text: str = "", undo: Callable[[], object] | None = None) -> None:
        self._window.toasts.show(title, text, kind="done", action="Undo" if undo else "", on_action=undo)

    def _reverting(self, memory_id: UUID, number: int) -> Callable[[], None]:
        return lambda: self._do(lambda each: each.revert(memory_id, number, who=WHO))

    def _read_agents(self) -> None:
        self._reading = self._bridge.spawn(self._read_owners(), self._show_owners, instead_of=self._reading)

    async def _read_owners(self) -> Sequence[Owner]:
        assert self._workspace is not None
        await asyncio.to_thread(_load)
        agents = await self._workspace.agents.list()
        return [Owner(s.id, s.agent.name, s.agent.memory.context_tokens, s.agent.memory.shared) for s in agents]

    def _show_owners(self, owners: Sequence[Owner]) -> None:
        if owners != self.owners:
            self.owners = owners
            self.owners_changed.emit()

    def _count(self) -> None:
        if self._workspace is not None and self.available:
            self._bridge.spawn(_waiting(self._workspace), self._show_count, lambda _: None)
        else:
            self._show_count(0)

    @property
    def _is_seen(self) -> bool:
        return bool(self._window.docks.get(PANEL).is_in_front)

    def _look(self) -> None:
        self._turns = 0 if self._is_seen else (self._turns + 1) % (LOOK_MS // NEAR_MS)
        if self._turns:
            return
        if self._workspace is not None and self.available:
            self._bridge.spawn(_newest(self._workspace), self._hear, lambda _: None)

    def _hear(self, newest: int) -> None:
        if newest != self._newest:
            self._tell(newest)

    def _look_again(self) -> None:
        """Have all be read again, once it is known which change is the newest: what comes later is heard of."""
        if self._workspace is not None and self.available:
            self._bridge.spawn(_newest(self._workspace), self._tell, lambda _: self.changed.emit())

    def _tell(self, newest: int) -> None:
        self._newest = newest
        self.changed.emit()

    def _show_count(self, number: int) -> None:
        if number == self.waiting:
            return
        self.waiting = number
        self._window.docks.get(PANEL).count(number)
        self.counted.emit(number)


def _load() -> None:
    """Import what memories need; it takes longer than a frame."""
    import core.agents.library
    import core.memory.composition  # noqa: F401


async def _worked(workspace: Workspace, work: Callable[[Memories], Coroutine[Any, Any, T]], *, apart: bool) -> T:
    await asyncio.to_thread(_load)
    memories = workspace.memories
    assert memories is not None
    return await (asyncio.to_thread(_alone, work(memories)) if apart else work(memories))


def _alone(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a loop of this thread's own; the store takes calls from any loop."""
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        return runner.run(work)


async def _waiting(workspace: Workspace) -> int:
    """How many memories wait for a person. Asks the store: no more is needed for the number."""
    from core.store.memory_records import MemoryFilter

    page = await (await _records(workspace)).list(MemoryFilter(states=("quarantined",)), limit=1)
    return page.total


async def _newest(workspace: Workspace) -> int:
    """The number of the newest change of a memory."""
    return await (await _records(workspace)).newest_change()


async def _records(workspace: Workspace) -> MemoryRecords:
    def load() -> type[MemoryRecords]:
        from core.store.memories import MemoryRecords

        return MemoryRecords

    made = await asyncio.to_thread(load)
    assert workspace.store is not None
    return made(workspace.store.database)


async def _each(ids: Sequence[UUID], work: Callable[[UUID], Awaitable[object]]) -> None:
    for one in ids:
        await work(one)


async def _with_replaced(memories: Memories, outcome: Outcome) -> tuple[Outcome, str]:
    if outcome.replaced is None:
        return outcome, ""
    return outcome, (await memories.get(outcome.replaced)).content


def _quoted(memories: Sequence[Memory]) -> str:
    first = " ".join(memories[0].content.split())
    return f"“{first[:80]}…”" if len(first) > 80 else f"“{first}”"
