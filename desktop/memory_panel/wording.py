"""Types, states, sources and changes of memories as the panel says them, each with its sign."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final

from desktop.panels.wording import ago

if TYPE_CHECKING:
    from core.memory.audit import FindingKind
    from core.memory.proposal import Outcome
    from core.store.memory_records import ChangeKind, Memory, MemoryState, MemoryType, Source, SourceKind

TYPES: Final[Mapping[MemoryType, tuple[str, str]]] = {
    "fact": ("Fact", "book-open"),
    "learned": ("Learned", "graduation-cap"),
    "conversation": ("Conversation", "message-circle"),
}
"""Name and icon."""

STATES: Final[Mapping[MemoryState, tuple[str, str, str]]] = {
    "live": ("Holds", "circle-check", "state.done"),
    "quarantined": ("Waits for you", "shield-alert", "state.waiting"),
    "replaced": ("Superseded", "replace", "text.muted"),
    "forgotten": ("Forgotten", "archive", "text.muted"),
}
"""Name, icon and the token of its colour."""

SOURCES: Final[Mapping[SourceKind, tuple[str, str]]] = {
    "user": ("A person", "user"),
    "assistant": ("A model", "bot"),
    "run": ("A workflow", "workflow"),
    "tool": ("A function's result", "plug"),
    "web": ("The web", "globe"),
    "mcp": ("An MCP server", "server"),
    "file": ("A file", "file-text"),
}
"""Name and icon."""

CHANGES: Final[Mapping[ChangeKind, tuple[str, str]]] = {
    "made": ("Remembered", "plus"),
    "repeated": ("Said again", "repeat"),
    "edited": ("Changed", "pencil"),
    "replaced": ("Superseded", "replace"),
    "forgotten": ("Forgotten", "archive"),
    "restored": ("Brought back", "undo-2"),
    "confirmed": ("Confirmed", "shield-check"),
    "pinned": ("Pinned", "pin"),
    "unpinned": ("No longer pinned", "pin-off"),
    "erased": ("Forgotten for good", "trash-2"),
}
"""Name and icon."""

FINDINGS: Final[Mapping[FindingKind, tuple[str, str, str]]] = {
    "secret": ("Secrets", "key-round", "state.failed"),
    "conflict": ("Contradictions", "git-branch", "state.waiting"),
    "exact_double": ("The same words twice", "copy", "state.waiting"),
    "near_double": ("Nearly the same", "copy", "state.waiting"),
    "raw_data": ("Raw data", "braces", "state.waiting"),
    "never_recalled": ("Never recalled", "eye-off", "text.muted"),
    "stale": ("Not recalled for long", "clock", "text.muted"),
    "changed": ("Changed lately", "replace", "text.muted"),
}
"""Name, icon and the token of its colour; in the order in which they are shown."""

SHARED: Final = "Shared by all agents"


def percent(share: float) -> str:
    """A share of 0 to 1 as `70 %`."""
    return f"{round(share * 100)} %"


def count_of(number: int, one: str = "memory", many: str = "memories") -> str:
    """`1 memory`, `1,204 memories`."""
    return f"{number:,} {one if number == 1 else many}"


def said_by(source: Source) -> str:
    """Where a memory comes from: `The web, news.example`."""
    kind = SOURCES[source.kind][0]
    return f"{kind}, {source.who}" if source.who and source.who != "you" else kind


def used(memory: Memory, now: datetime) -> str:
    """How often it was recalled, and when last."""
    if not memory.access_count:
        return "Never recalled"
    times = "once" if memory.access_count == 1 else f"{memory.access_count:,} times"
    return f"Recalled {times}, last {ago(memory.last_accessed, now)}"


def kept_as(outcome: Outcome, replaced: str) -> tuple[str, str]:
    """What came of a memory that was put up, as a title and a sentence. replaced: the words that it replaced."""
    match outcome.kind:
        case "new":
            return "It is remembered", outcome.reason
        case "same":
            return "It was known already", outcome.reason
        case "updated":
            return "It is remembered, and what it updates is superseded", f"No longer holds: {replaced}"
        case "contradiction":
            return "It is remembered, and what it contradicts is superseded", f"No longer holds: {replaced}"
        case "quarantined":
            return "It waits for you", outcome.reason
        case "refused":
            return "It was not remembered", outcome.reason
