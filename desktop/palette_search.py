"""What the command palette shows for what was typed: entries of all providers, matched, ranked and put in sections."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from desktop.fuzzy import Match, match

SHOWN: Final = 60
"""Hits that are shown at most."""

RECENT_SHOWN: Final = 6
"""Entries in the section Recent."""

RECENT_BONUS: Final = 24
"""What the entry used last gains; the others gain less by their place."""

BESIDE: Final = 4
"""For a word that stands beside the title only; three times that if it begins a word there."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that can be chosen.

    id: stable, so that it can be remembered as recent. path: where it stands (`File`, `Support triage`). keys: as this
    system writes them. also: other words it is found by. tint: the token of its icon's colour. run: what choosing it
    does.
    """

    id: str
    title: str
    run: Callable[[], object]
    icon: str = ""
    path: str = ""
    keys: tuple[str, ...] = ()
    enabled: bool = True
    also: str = ""
    tint: str = "text.secondary"


class Provider(Protocol):
    """A part of the program that offers entries."""

    @property
    def section(self) -> str:
        """The heading above its entries."""

    @property
    def prefix(self) -> str:
        """A character that asks for this provider alone (`>`, `@`, `#`), or ''."""

    def entries(self) -> Iterable[Entry]:
        """Everything there is now."""


@dataclass(frozen=True, slots=True)
class FunctionProvider:
    """A provider made of a function."""

    section: str
    prefix: str
    entries: Callable[[], Iterable[Entry]]


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry that fits. bold: indexes of the title's letters that were typed."""

    entry: Entry
    score: int = 0
    bold: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """Hits under one heading."""

    title: str
    hits: tuple[Hit, ...]


class Recency:
    """What was chosen last. ids: newest first."""

    def __init__(self, ids: Sequence[str] = (), kept: int = 50) -> None:
        self._ids = list(ids)
        self._kept = kept

    @property
    def ids(self) -> Sequence[str]:
        """Newest first."""
        return tuple(self._ids)

    def used(self, entry_id: str) -> None:
        """Note that an entry was chosen."""
        if entry_id in self._ids:
            self._ids.remove(entry_id)
        self._ids.insert(0, entry_id)
        del self._ids[self._kept :]

    def bonus(self) -> Mapping[str, int]:
        """What each gains in the ranking."""
        return {name: max(1, RECENT_BONUS - 3 * n) for n, name in enumerate(self._ids)}


def search(text: str, providers: Sequence[Provider], recency: Recency) -> list[Section]:
    """The sections for a typed text; with nothing typed, what was used last and then everything that can be done."""
    asked = [each for each in providers if each.prefix and text.startswith(each.prefix)]
    query = text[1:].strip() if asked else text.strip()
    chosen = asked or providers
    if query:
        return _matching(query, chosen, recency)
    return _everything(chosen, recency, with_recent=not asked)


def _everything(providers: Sequence[Provider], recency: Recency, *, with_recent: bool) -> list[Section]:
    sections: dict[str, list[Hit]] = {}
    by_id: dict[str, Entry] = {}
    for provider in providers:
        for entry in provider.entries():
            if entry.enabled:
                by_id[entry.id] = entry
                sections.setdefault(provider.section, []).append(Hit(entry))
    recent = [Hit(by_id[name]) for name in recency.ids if name in by_id][:RECENT_SHOWN] if with_recent else []
    known = {hit.entry.id for hit in recent}
    found = [Section("Recent", tuple(recent))] if recent else []
    for title, hits in sections.items():
        rest = tuple(hit for hit in hits if hit.entry.id not in known)
        if rest:
            found.append(Section(title, rest))
    return _limited(found)


def _matching(query: str, providers: Sequence[Provider], recency: Recency) -> list[Section]:
    bonus = recency.bonus()
    sections: dict[str, list[Hit]] = {}
    for provider in providers:
        for entry in provider.entries():
            hit = _hit(query, entry, bonus)
            if hit is not None:
                sections.setdefault(provider.section, []).append(hit)
    for hits in sections.values():
        hits.sort(key=lambda hit: (-hit.score, hit.entry.title))
    ranked = sorted(sections.items(), key=lambda item: -item[1][0].score)
    return _limited([Section(title, tuple(hits)) for title, hits in ranked])


def _hit(query: str, entry: Entry, bonus: Mapping[str, int]) -> Hit | None:
    ways = [way for way in (match(query, entry.title), _found_beside(query, entry)) if way is not None]
    if not ways:
        return None
    found = max(ways, key=lambda way: way.score)
    score = found.score + bonus.get(entry.id, 0) - (0 if entry.enabled else 100)
    return Hit(entry, score, found.positions)


def _found_beside(query: str, entry: Entry) -> Match | None:
    """A match in which some words stand in the title and the others, in one piece, in its place or its other words.

    Long texts hold most letters in any order, so scattered letters count in titles only.
    """
    beside = f"{entry.path} {entry.also}".casefold()
    score, bold = 0, set[int]()
    for word in query.casefold().split():
        part = match(word, entry.title)
        if part is not None:
            score += part.score // 2
            bold.update(part.positions)
        elif word in beside:
            score += 3 * BESIDE if f" {word}" in f" {beside}" else BESIDE
        else:
            return None
    return Match(score, tuple(sorted(bold)))


def _limited(sections: Sequence[Section]) -> list[Section]:
    left, found = SHOWN, list[Section]()
    for section in sections:
        hits = section.hits[:left]
        left -= len(hits)
        if hits:
            found.append(Section(section.title, hits))
    return found
