"""What a person may do about a finding of the audit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.store.memory_records import Memory

if TYPE_CHECKING:
    from core.memory.audit import Finding
    from desktop.memory_panel.desk import MemoryDesk

Ask = Callable[[list[Memory]], object]
"""Asks before memories are forgotten for good."""


@dataclass(frozen=True, slots=True)
class Cure:
    """A button. of: the memory that it stands at; None for the finding as a whole. ends: whether the finding is then
    done with."""

    title: str
    press: Callable[[], object]
    of: Memory | None = None
    ends: bool = True


def cures(finding: Finding, desk: MemoryDesk, ask: Ask, show: Callable[[Memory], object]) -> Sequence[Cure]:
    """The cures of a finding, the best first."""
    memories = finding.memories
    first = memories[0]
    match finding.kind:
        case "exact_double":
            kept = next((memory for memory in memories if memory.is_shared), first)
            others = [memory for memory in memories if memory.id != kept.id]
            title = "Keep the shared one" if kept.is_shared else "Keep the newer one"
            return [Cure(title, lambda: desk.forget(others))]
        case "near_double":
            return [Cure("Keep the newer one", lambda: desk.forget(memories[1:])), *_keeping(memories, desk)]
        case "conflict":
            return _keeping(memories, desk)
        case "secret":
            return [Cure("Forget for good…", lambda: ask([first]), ends=False), _rewriting(first, show)]
        case "raw_data" | "never_recalled":
            return [Cure("Forget", lambda: desk.forget([first])), _rewriting(first, show)]
        case "changed":
            older = memories[1]
            return [
                Cure("The older one holds", lambda: desk.take_back(first, older), older),
                Cure("Rewrite", lambda: show(first), first, ends=False),
            ]
        case "stale":
            return [
                Cure("Still holds", lambda: desk.still_holds([first])),
                Cure("Forget", lambda: desk.forget([first])),
                _rewriting(first, show),
            ]


def _keeping(memories: Sequence[Memory], desk: MemoryDesk) -> list[Cure]:
    """One button at each memory that keeps it alone."""

    def keeping(kept: Memory) -> Callable[[], object]:
        return lambda: desk.forget([memory for memory in memories if memory.id != kept.id])

    return [Cure("Keep this one", keeping(memory), memory) for memory in memories]


def _rewriting(memory: Memory, show: Callable[[Memory], object]) -> Cure:
    return Cure("Rewrite", lambda: show(memory), ends=False)
