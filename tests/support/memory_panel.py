"""The memory panel of a real program, and its parts as a person's hands find them."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton, QWidget

from core.agents.agent import Agent
from core.memory.memories import Memories
from core.memory.proposal import Outcome, Proposed
from core.store.memory_records import Memory, MemoryFilter, MemoryType, Scope, Source
from desktop.dialogs.message import MessageDialog
from desktop.memory_panel.panel import MemoryPanel
from desktop.program import Program
from tests.support.desktop_program import until


def memories_of(program: Program) -> Memories:
    assert program.session.workspace is not None
    memories = program.session.workspace.memories
    assert memories is not None
    return memories


def panel_of(program: Program) -> MemoryPanel:
    found = program.window.docks.get("memory").fill()
    assert isinstance(found, MemoryPanel)
    return found


async def make_agent(program: Program, name: str) -> UUID:
    assert program.session.workspace is not None
    return (await program.session.workspace.agents.save(Agent(name), 0)).id


async def tell(
    program: Program, owner: UUID | None, text: str, kind: MemoryType = "fact", *, source: Source | None = None,
    importance: float = 0.5, pinned: bool = False,
) -> Outcome:  # fmt: skip
    """Have something remembered, as an agent does behind the window's back."""
    proposed = Proposed(text, kind, importance, source or Source("user", "Ada"), pinned=pinned)
    return await memories_of(program).remember(Scope(owner), proposed)


async def state_of(program: Program, memory_id: UUID) -> str:
    return (await memories_of(program).get(memory_id)).state


async def all_of(program: Program, text: str = "") -> Sequence[Memory]:
    return (await memories_of(program).list(MemoryFilter(states=(), text=text))).items


def listed(program: Program) -> list[str]:
    """The words of all rows that have been read."""
    rows = panel_of(program).list.rows
    found = [rows.memory(row) for row in range(rows.total or 0)]
    return [memory.content for memory in found if memory is not None]


async def see(program: Program, *texts: str) -> None:
    """Wait until the list shows just these, in any order."""
    await until(lambda: sorted(listed(program)) == sorted(texts))


def row_of(program: Program, text: str) -> int:
    return listed(program).index(text)


def click_row(program: Program, text: str, held: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    """Click a memory in the list."""
    part = panel_of(program).list
    index = part.rows.index(row_of(program, text))
    part.view.scrollTo(index)
    at = part.view.visualRect(index).center()
    QTest.mouseClick(part.view.viewport(), Qt.MouseButton.LeftButton, held, at)


def press(button: QWidget) -> None:
    """Click the middle of a button that can be seen and pressed."""
    assert button.isVisible()
    assert button.isEnabled()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def button_of(parent: QWidget, title: str) -> QPushButton:
    found = [each for each in parent.findChildren(QPushButton) if each.text() == title and each.isVisible()]
    assert found, f"there is no button {title!r}: {[each.text() for each in parent.findChildren(QPushButton)]}"
    return found[0]


def question_of(program: Program) -> MessageDialog:
    return next(each for each in panel_of(program).findChildren(MessageDialog) if each.isVisible())


def undo(program: Program) -> None:
    """Press the newest message's button."""
    press(button_of(program.window.toasts.shown[-1], "Undo"))
