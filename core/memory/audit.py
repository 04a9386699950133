"""What a look over the memories of an agent finds: doubles, conflicts, secrets, what is never used or out of date."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias
from uuid import UUID

from core.memory.decision import is_unchanged
from core.memory.guard import holds_secret, is_dump
from core.store.memory_records import Memory, Scope
from core.store.memory_upkeep import MemoryUpkeep

FindingKind: TypeAlias = Literal[
    "exact_double", "near_double", "conflict", "secret", "raw_data", "never_recalled", "stale", "changed"
]
"""exact_double: the same words twice. near_double: alike, with the same numbers, names and denials. conflict: about one
thing of which one value only can hold. secret: looks like a password or key. raw_data: no statement. never_recalled:
never of use. stale: not of use for long. changed: it holds instead of another one since lately."""

NEAR = 0.92
"""Cosine from which two memories are shown side by side."""

_OLD = timedelta(days=30)
_STALE = timedelta(days=180)
_LATELY = timedelta(days=90)
_MOST = 5000


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to look at. memories: those concerned, the newer first. similarity: of a near double, else None.

    advice: what a person might do.
    """

    kind: FindingKind
    memories: tuple[Memory, ...]
    advice: str
    similarity: float | None = None


@dataclass(frozen=True, slots=True)
class Audit:
    """All findings, the graver kinds first. looked_at: memories; at most 5,000, the newest."""

    findings: tuple[Finding, ...]
    looked_at: int

    def of(self, kind: FindingKind) -> tuple[Finding, ...]:
        """The findings of a kind."""
        return tuple(finding for finding in self.findings if finding.kind == kind)


async def audit(upkeep: MemoryUpkeep, scope: Scope, now: datetime) -> Audit:
    """Look over the live memories that an agent may recall. Nothing is changed.

    The server compares vectors while it gives the memories; their words are looked at in a thread. Cancelling stops
    what the server does.
    """
    memories, alike, replaced = await asyncio.gather(
        upkeep.every(scope, limit=_MOST),
        upkeep.alike(scope, similarity=NEAR, most=_MOST),
        upkeep.replaced(scope, since=now - _LATELY),
    )
    return await asyncio.to_thread(_audited, memories, alike, replaced, now)


def _audited(
    memories: Sequence[Memory],
    alike: Iterable[tuple[UUID, UUID, float]],
    replaced: Iterable[Memory],
    now: datetime,
) -> Audit:
    by_id = {memory.id: memory for memory in memories}
    doubles = list(_exact_doubles(memories))
    said = {memory.id: place for place, finding in enumerate(doubles) for memory in finding.memories}
    findings = [
        *_unfit(memories),
        *_conflicts(memories),
        *doubles,
        *[
            finding
            for first, second, similarity in alike
            if said.get(first, -1) != said.get(second, -2)
            and (finding := _near_double(by_id, first, second, similarity)) is not None
        ],
        *_unused(memories, now),
        *_changed(by_id, replaced),
    ]
    return Audit(tuple(findings), len(memories))


def _unfit(memories: Iterable[Memory]) -> Iterable[Finding]:
    for memory in memories:
        if holds_secret(memory.content):
            yield Finding("secret", (memory,), "Forget it for good, and change the secret if it is one.")
        elif is_dump(memory.content):
            yield Finding("raw_data", (memory,), "Write down what follows from it, or forget it.")


def _conflicts(memories: Sequence[Memory]) -> Iterable[Finding]:
    about: dict[tuple[UUID | None, str], list[Memory]] = {}
    for memory in memories:
        if memory.fact_key:
            about.setdefault((memory.agent_id, memory.fact_key), []).append(memory)
    for same in about.values():
        if len(same) > 1:
            yield Finding("conflict", tuple(same), "Only one of them can hold. Keep the right one, forget the others.")


def _exact_doubles(memories: Sequence[Memory]) -> Iterable[Finding]:
    said: dict[str, list[Memory]] = {}
    for memory in memories:
        said.setdefault(" ".join(memory.content.casefold().split()).rstrip(".! "), []).append(memory)
    for same in said.values():
        if len(same) > 1:
            yield Finding("exact_double", tuple(same), "One is enough: forget an agent's own if it is shared too.")


def _near_double(by_id: dict[UUID, Memory], first: UUID, second: UUID, similarity: float) -> Finding | None:
    if first not in by_id or second not in by_id:
        return None
    pair = sorted((by_id[first], by_id[second]), key=lambda memory: memory.created, reverse=True)
    if not is_unchanged(pair[0].content, pair[1].content):
        return None  # alike to a vector, but another number, name or denial: two facts
    return Finding("near_double", tuple(pair), "If they say the same, forget the older one.", similarity)


def _unused(memories: Iterable[Memory], now: datetime) -> Iterable[Finding]:
    for memory in memories:
        if memory.pinned:
            continue
        if memory.access_count == 0 and now - memory.created > _OLD:
            yield Finding("never_recalled", (memory,), "It was never of use. Forget it, or say it in clearer words.")
        elif memory.access_count and now - memory.last_accessed > _STALE:
            yield Finding("stale", (memory,), "It was not of use for half a year. See whether it still holds.")


def _changed(by_id: dict[UUID, Memory], replaced: Iterable[Memory]) -> Iterable[Finding]:
    for old in replaced:
        new = by_id.get(old.superseded_by) if old.superseded_by is not None else None
        if new is not None:
            advice = "See whether the newer one holds. The older is kept, and can be brought back."
            yield Finding("changed", (new, old), advice)
