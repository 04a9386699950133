"""Remembering and recalling, as agents, steps and windows use it."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from core.engine.clock import Clock
from core.engine.events import NO_USAGE, Usage
from core.memory import guard
from core.memory.decision import Decider, Decision, RuleDecider, is_unchanged, says_otherwise
from core.memory.embedder import Embedder
from core.memory.errors import MemoryNotFound, MemoryRefused, MemoryTaken
from core.memory.facts import fact_key
from core.memory.proposal import Outcome, Proposed
from core.memory.ranking import Weights, fit, rank
from core.memory.recall import Recall, Recalled, RecallMode
from core.memory.words import telling_words, without_common
from core.store.memories import MemoryRecords, NewMemory
from core.store.memory_records import Change, Hit, Memory, MemoryFilter, MemoryPage, MemoryType, Scope, Source, Vector
from core.store.memory_upkeep import MemoryUpkeep

if TYPE_CHECKING:
    from core.memory.audit import Audit

ALIKE = 0.50
"""Cosine from which a known memory is looked at before a new one is kept. It selects, it never decides.

Low, as a denial or a newer value in other words may be as far as that; what is alike is told apart by words and models.
"""

_ALIKE_IN_WORDS = 0.5
"""Share of telling words in common from which the same is done without an embedding model."""

_CANDIDATES = 6
_LONGEST_QUESTION = 4000
_COUNTED_FOR = 60.0
"""Seconds."""
_WAITING = "{:,} of all memories are found by words only until they have vectors of the present embedding model."
_BY_WORDS = (
    "Found by words only, because {reason}. What says the same in other words is not found; it will be, once there "
    "is an embedding model."
)


@dataclass(frozen=True, slots=True)
class Keep:
    """How much one owner remembers. most: memories. unused_days: for which one may go unrecalled. None: no limit.

    What is over is forgotten, the least important and least used first, and can be brought back; pinned ones stay.
    """

    most: int | None = None
    unused_days: int | None = None


class Memories:
    """All memories. Agents are known by their ids only.

    embedder: None where there is no embedding model. decider: asked about what the rules leave open; None to keep both
    then. keep: how much of each owner is kept where a call says nothing else. recalled: gets the seconds that each
    recall took, and its mode.
    """

    def __init__(
        self,
        records: MemoryRecords,
        upkeep: MemoryUpkeep,
        *,
        clock: Clock,
        new_id: Callable[[], UUID],
        embedder: Embedder | None = None,
        decider: Decider | None = None,
        weights: Weights | None = None,
        keep: Keep | None = None,
        recalled: Callable[[float, str], None] | None = None,
    ) -> None:
        self._recalled = recalled
        self._records = records
        self._upkeep = upkeep
        self._keep_by_default = keep or Keep()
        self._clock = clock
        self._new_id = new_id
        self._embedder = embedder
        self._rules = RuleDecider()
        self._decider = decider
        self._weights = weights or Weights()
        self._counted = float("-inf")
        self._unembedded = 0

    async def recall(
        self, scope: Scope, query: str, *, limit: int = 10, tokens: int = 1500, touch: bool = False
    ) -> Recall:
        """What is remembered that helps with a question, best first: pinned memories, then by meaning and words.

        limit: memories at most, 1 to 1,000. tokens: room for them in a prompt. touch: count the relevant ones as used
        (else call `touch` with those that really were). Raises StoreError.
        """
        began = self._clock.monotonic()
        question = guard.clean(query)[:_LONGEST_QUESTION]
        vector, usage, reason = await self._question(question)
        now = self._clock.now()
        deep = max(40, min(limit, 1000) + 20)
        ranked: list[Recalled] = []
        items: tuple[Recalled, ...] = ()

        def choose(hits: list[Hit]) -> list[UUID]:
            nonlocal ranked, items
            ranked = rank(hits, now, self._weights)
            items = fit(ranked, limit=limit, tokens=tokens)
            return [item.memory.id for item in items if item.relevant] if touch else []

        words = without_common(question)
        await self._records.search(scope, words, vector, now=now, deep=deep, used=choose)
        mode: RecallMode = "keyword" if vector is None else "vector"
        if self._recalled is not None:
            self._recalled(self._clock.monotonic() - began, mode)
        return Recall(
            items,
            mode=mode,
            note=_BY_WORDS.format(reason=reason) if vector is None else await self._waiting(vector.model),
            tokens=sum(item.tokens for item in items),
            left_out=sum(item.relevant for item in ranked) - sum(item.relevant for item in items),
            usage=usage,
        )

    async def touch(self, ids: Collection[UUID]) -> None:
        """Note that these memories were put into a prompt: once a turn, all of them together."""
        await self._records.touch(ids, self._clock.now())

    async def remember(
        self,
        scope: Scope,
        proposed: Proposed,
        *,
        prompts: Iterable[str] = (),
        recalled: Iterable[str] = (),
        keep: Keep | None = None,
    ) -> Outcome:
        """Keep a statement, unless it is known or must not be kept. The same proposal twice is one memory.

        prompts: the system prompts and recalled: the memories that were at hand when it was said; neither is kept
        again. keep: how much the owner may remember. Raises StoreError.
        """
        content = guard.clean(proposed.content)
        foreign = proposed.tainted or proposed.source.is_foreign
        refused = guard.refusal(content, foreign=foreign, prompts=prompts, recalled=recalled)
        if refused:
            return Outcome("refused", None, reason=refused)
        known = await self._records.same(scope.agent_id, content_hash(content))
        outcome = await self._said_again(known, proposed, foreign) if known else None
        if outcome is not None:
            return outcome
        vector, usage, _ = await self._vector(content)
        memory = self._made(scope, proposed, content, foreign)
        decision = Decision("new") if foreign else await self._decision(memory, vector)
        outcome = await self._keep(memory, vector, decision, proposed.author or proposed.source.who)
        if outcome.kind == "new":
            await self.trim(scope, keep)
        return replace(outcome, usage=usage + decision.usage)

    async def trim(self, scope: Scope, keep: Keep | None = None) -> int:
        """Forget what is over the limits of an owner and what no longer holds; how many memories."""
        limits = keep or self._keep_by_default
        unused = timedelta(days=limits.unused_days) if limits.unused_days else None
        now = self._clock.now()
        return await self._upkeep.trim(scope.agent_id, most=limits.most, unused_for=unused, now=now)

    async def get(self, memory_id: UUID) -> Memory:
        """A memory, whatever its state. Raises MemoryNotFound."""
        return _there(await self._records.get(memory_id))

    async def some(self, ids: Collection[UUID]) -> Sequence[Memory]:
        """Those of the memories that there are, whatever their state."""
        return await self._records.some(ids)

    async def list(self, shown: MemoryFilter | None = None, *, limit: int = 100, offset: int = 0) -> MemoryPage:
        """A part of the memories that a filter lets through, and how many there are in all."""
        return await self._records.list(shown or MemoryFilter(), limit=limit, offset=offset)

    async def history(self, memory_id: UUID) -> Sequence[Change]:
        """Every change of a memory with its cause, newest first; also of one that was forgotten for good."""
        return await self._records.history(memory_id)

    async def edit(
        self,
        memory_id: UUID,
        *,
        content: str | None = None,
        type: MemoryType | None = None,
        importance: float | None = None,
        supersede: bool | None = None,
        who: str = "",
        cause: str = "",
    ) -> Memory:
        """Change a memory; its history keeps what it was. importance: 0 to 1.

        supersede: True if what is so has changed: then a new memory holds from now on, which is given back, and the old
        one keeps what held until now. False if it was wrong from the start: then its words are corrected. None to
        supersede a live one by words that say otherwise, and to correct mere wording.

        Raises MemoryNotFound, MemoryRefused (a secret, say) or MemoryTaken (another one says so).
        """
        known = await self.get(memory_id)
        if content is not None and known.state == "live" and guard.clean(content) != known.content:
            says = guard.clean(content)
            if says_otherwise(says, known.content) if supersede is None else supersede:
                changed = replace(
                    known, type=type or known.type, importance=known.importance if importance is None else importance
                )
                return await self._superseded(changed, says, who, cause or "it has changed")
        values: dict[str, Any] = {}
        if type is not None and type != known.type:
            values["type"] = type
        if importance is not None and importance != known.importance:
            values["importance"] = min(1.0, max(0.0, importance))
        if content is not None and guard.clean(content) != known.content:
            values |= await self._new_content(guard.clean(content))
        if not values:
            return known
        return await self._changed(memory_id, values, "edited", cause or "corrected", who)

    async def replaced_by(self, memory_id: UUID) -> Sequence[Memory]:
        """The memories that this one holds instead of, the newest first."""
        return await self._records.replaced_by(memory_id)

    async def take_back(self, newer: UUID, older: UUID, *, who: str = "") -> Memory:
        """Let the older memory hold again, and the newer one no more that had superseded it. Raises MemoryNotFound."""
        await self.forget(newer, who=who, cause="taken back")
        known = await self.get(older)
        if known.state == "live":
            return known
        values = {"state": "live", "valid_to": None, "superseded_by": None}
        return await self._changed(older, values, "restored", "it holds again", who)

    async def pin(self, memory_id: UUID, pinned: bool = True, *, who: str = "") -> Memory:
        """Have a memory recalled whatever is asked, and spared by limits; or no longer. Raises MemoryNotFound."""
        known = await self.get(memory_id)
        if known.pinned == pinned:
            return known
        kind: Any = "pinned" if pinned else "unpinned"
        return await self._changed(memory_id, {"pinned": pinned}, kind, "", who)

    async def forget(self, memory_id: UUID, *, who: str = "", cause: str = "forgotten by hand") -> Memory:
        """Recall a memory no more; `revert` brings it back. Raises MemoryNotFound."""
        known = await self.get(memory_id)
        if known.state == "forgotten":
            return known
        return await self._changed(memory_id, {"state": "forgotten"}, "forgotten", cause, who)

    async def forget_for_good(self, *ids: UUID, who: str = "", cause: str = "") -> int:
        """Remove memories and their history; a line each says that something was there. How many were."""
        return await self._records.erase(ids, now=self._clock.now(), cause=cause, who=who)

    async def confirm(self, memory_id: UUID, *, who: str = "") -> Outcome:
        """Let a quarantined memory be recalled, as if a person had said it now. Raises MemoryNotFound."""
        known = await self.get(memory_id)
        if known.state != "quarantined":
            return Outcome("same", known, reason="It waits for no confirmation.")
        vector = await self._records.vector(memory_id)
        decision = await self._decision(known, vector)
        if decision.kind == "same" and decision.memory is not None:
            await self._changed(memory_id, {"state": "forgotten"}, "forgotten", "known already", who)
            return Outcome("same", decision.memory, reason=decision.reason, usage=decision.usage)
        memory = await self._changed(memory_id, {"state": "live"}, "confirmed", "confirmed by a person", who)
        replaced = decision.memory.id if decision.memory else None
        if replaced is not None:
            await self._records.replace(replaced, memory, cause=decision.reason, who=who, now=self._clock.now())
        return Outcome(_outcome(decision), memory, replaced, decision.reason, decision.usage)

    async def revert(self, memory_id: UUID, number: int | None = None, *, who: str = "") -> Memory:
        """Make a memory what it was after one of its changes; None takes the newest change back.

        Raises MemoryNotFound, or MemoryTaken if another one says so by now.
        """
        await self.get(memory_id)
        changes = await self._records.history(memory_id)
        wanted = changes[1:2] if number is None else [change for change in changes if change.number == number]
        if not wanted:
            raise MemoryNotFound
        change = wanted[0]
        values: dict[str, Any] = {
            "type": change.type,
            "importance": change.importance,
            "state": change.state,
            "pinned": change.pinned,
        }
        if change.state in ("live", "quarantined"):
            values |= {"valid_to": None, "superseded_by": None}
        known = await self.get(memory_id)
        if change.content != known.content:
            values |= await self._new_content(change.content)
        return await self._changed(memory_id, values, "restored", f"back to change {change.number}", who)

    async def audit(self, scope: Scope) -> Audit:
        """Look over what an agent may recall: doubles, conflicts, secrets, what is unused. Nothing is changed."""
        from core.memory.audit import audit

        return await audit(self._upkeep, scope, self._clock.now())

    async def export(self, shown: MemoryFilter | None = None) -> AsyncIterator[dict[str, Any]]:
        """Every memory that a filter lets through with its history, as JSON objects. Vectors are left out."""
        from core.memory.export import exported

        async for entry in exported(self._records, shown or MemoryFilter(states=())):
            yield entry

    async def _waiting(self, model: str) -> str:
        """What is to be said of memories that have no vector of the model yet; looked up once a minute."""
        now = self._clock.monotonic()
        if now - self._counted > _COUNTED_FOR:
            self._counted, self._unembedded = now, await self._upkeep.waiting(model)
        return _WAITING.format(self._unembedded) if self._unembedded else ""

    async def _question(self, text: str) -> tuple[Vector | None, Usage, str]:
        if self._embedder is None:
            return None, NO_USAGE, "there is no embedding model"
        if not text:
            return None, NO_USAGE, "the question is empty"
        found = await self._embedder.question(text)
        return (found.vectors[0] if found.vectors else None), found.usage, found.reason

    async def _vector(self, text: str) -> tuple[Vector | None, Usage, str]:
        if self._embedder is None:
            return None, NO_USAGE, "there is no embedding model"
        found = await self._embedder.embed([text])
        return (found.vectors[0] if found.vectors else None), found.usage, found.reason

    async def _said_again(self, known: Sequence[Memory], proposed: Proposed, foreign: bool) -> Outcome | None:
        """What to do about a statement of the very same words; None to keep it anew."""
        author = proposed.author or proposed.source.who
        for memory in known:
            if memory.state == "live" or (memory.state == "quarantined" and foreign):
                await self._changed(memory.id, {}, "repeated", "it was said again", author)
                return Outcome("same", memory, reason="It is known word for word.")
            if memory.state == "quarantined":
                return await self.confirm(memory.id, who=author)
        forgotten = next((memory for memory in known if memory.state == "forgotten"), None)
        if forgotten is None:
            return None
        if foreign or not proposed.explicit:
            return Outcome("refused", None, reason="It was forgotten on purpose. Only a person can bring it back.")
        values = {"state": "live", "valid_to": proposed.valid_to, "superseded_by": None}
        memory = await self._changed(forgotten.id, values, "restored", "it was said again", author)
        return Outcome("new", memory, reason="It had been forgotten and was said again.")

    def _made(self, scope: Scope, proposed: Proposed, content: str, foreign: bool) -> Memory:
        now = self._clock.now()
        return Memory(
            id=self._new_id(),
            agent_id=scope.agent_id,
            type=proposed.type,
            content=content,
            importance=min(1.0, max(0.0, proposed.importance)),
            source=proposed.source,
            state="quarantined" if foreign else "live",
            pinned=proposed.pinned and not foreign,
            valid_from=proposed.valid_from or now,
            valid_to=proposed.valid_to,
            created=now,
            last_accessed=now,
            fact_key=proposed.fact_key or fact_key(content),
        )

    async def _decision(self, memory: Memory, vector: Vector | None) -> Decision:
        """What a memory is to those that are known: by rule and, where rules leave it open, by the decider."""
        candidates = await self._candidates(memory, vector)
        decision = await self._rules.decide(memory.content, memory.fact_key, candidates)
        if decision.sure or self._decider is None:
            return decision
        asked = await self._decider.decide(memory.content, memory.fact_key, candidates)
        if asked.kind == "same" and asked.memory and not is_unchanged(memory.content, asked.memory.content):
            return replace(
                decision, usage=asked.usage, reason="It differs in a number, a name or a denial; both are kept."
            )
        return asked

    async def _candidates(self, memory: Memory, vector: Vector | None) -> Sequence[Memory]:
        """Those of the same owner that are about the same thing, or alike by vector (without one: by words)."""
        own = Scope(memory.agent_id, shared=False)
        words = without_common(memory.content)
        hits = await self._records.search(own, words, vector, now=self._clock.now(), deep=20)
        alike = [hit for hit in hits if _is_alike(hit, memory.content)]
        alike.sort(key=lambda hit: (-(hit.similarity or 0.0), hit.word_rank or 999))
        about = await self._records.by_key(memory.agent_id, memory.fact_key) if memory.fact_key else []
        found = {known.id: known for known in [*about, *(hit.memory for hit in alike)]}
        found.pop(memory.id, None)
        return list(found.values())[: _CANDIDATES + len(about)]

    async def _keep(self, memory: Memory, vector: Vector | None, decision: Decision, author: str) -> Outcome:
        if decision.kind == "same" and decision.memory is not None:
            await self._changed(decision.memory.id, {}, "repeated", "it was said again in other words", author)
            return Outcome("same", decision.memory, reason=decision.reason)
        replaced = decision.memory.id if decision.memory else None
        new = NewMemory(memory, content_hash(memory.content), vector)
        kept = await self._records.add(new, replaces=[replaced] if replaced else [], cause=decision.reason, who=author)
        if kept is None:  # somebody else kept the same meanwhile
            known = await self._records.same(memory.agent_id, new.hash)
            return Outcome("same", known[0] if known else None, reason="It is known word for word.")
        if kept.state == "quarantined":
            return Outcome("quarantined", kept, reason="It came from outside; a person must confirm it first.")
        return Outcome(_outcome(decision), kept, replaced, decision.reason)

    async def _superseded(self, known: Memory, content: str, who: str, cause: str) -> Memory:
        """The memory of other words that holds instead of a known one from now on."""
        values = await self._new_content(content)
        now = self._clock.now()
        made = replace(
            known, id=self._new_id(), content=content, source=Source("user", who), fact_key=values["fact_key"],
            importance=min(1.0, max(0.0, known.importance)), valid_from=now, valid_to=None, created=now,
            last_accessed=now, access_count=0, superseded_by=None, embedding_model="",
        )  # fmt: skip
        new = NewMemory(made, values["content_hash"], values["vector"])
        kept = await self._records.add(new, replaces=[known.id], cause=cause, who=who)
        if kept is None:
            raise MemoryTaken
        return kept

    async def _new_content(self, content: str) -> dict[str, Any]:
        refused = guard.refusal(content, foreign=False)
        if refused:
            raise MemoryRefused(refused)
        vector, _, _ = await self._vector(content)
        return {
            "content": content,
            "content_hash": content_hash(content),
            "fact_key": fact_key(content),
            "vector": vector,
        }

    async def _changed(self, memory_id: UUID, values: dict[str, Any], kind: Any, cause: str, who: str) -> Memory:
        try:
            changed = await self._records.change(memory_id, values, kind, now=self._clock.now(), cause=cause, who=who)
        except IntegrityError:
            raise MemoryTaken from None
        return _there(changed)


def content_hash(content: str) -> str:
    """The mark of a statement, the same for every way to set it: case, spaces and the final full stop aside."""
    plain = " ".join(unicodedata.normalize("NFKC", content).casefold().split()).rstrip(".! ")
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()


def _is_alike(hit: Hit, content: str) -> bool:
    if hit.similarity is not None:
        return hit.similarity >= ALIKE
    mine, theirs = telling_words(content), telling_words(hit.memory.content)
    return bool(mine) and len(mine & theirs) >= _ALIKE_IN_WORDS * max(len(mine), len(theirs))


def _outcome(decision: Decision) -> Any:
    return decision.kind if decision.kind != "same" else "new"


def _there(memory: Memory | None) -> Memory:
    if memory is None:
        raise MemoryNotFound
    return memory
