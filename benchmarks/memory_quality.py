"""How good what is remembered is, on our own cases, beside plain nearest vectors and a store that only ever adds.

    python -m benchmarks.memory_quality [--minilm PYTHON MODEL_FOLDER] [--show]

The cases are in `memory_cases.txt`: facts asked for in other words, updates, contradictions, denials, near names and
numbers, questions to which nothing is known, and facts that hold for a time. Every case is told to an agent of its own,
among some fifty statements that all agents share, and asked once, for five memories at most. The systems get the same
statements, questions and vectors:

- `nearest`: every statement is kept; the five nearest by cosine are told.
- `add only`: the rule of mem0 2: a statement is dropped if the very same text is kept, and nothing is ever replaced;
  told is what has a cosine of 0.1 or more, by (cosine + sigmoid of BM25 + up to 0.5 for names in common) / maximum.
- `rules`: Steploom without a model to decide. `model`: with a scripted one that decides as the case's class says, where
  the rules leave it open: what a perfect model would add.
- `words`: Steploom without vectors.

A case is good if what answers is told and nothing out of date is told; where nothing is known, if nothing is told.
`first`: share in which the answer comes first. `kept`: share of the statements that must stay which did.

Without --minilm vectors are hashed words: the same on every machine, but paraphrases are not alike to them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import re
import subprocess
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from core.engine.clock import SystemClock
from core.engine.events import Usage
from core.ids import new_id
from core.llm.demo_vectors import hashed_vector
from core.memory.decision import Decision, DecisionKind
from core.memory.embedder import Embedder
from core.memory.memories import Memories
from core.memory.proposal import Proposed
from core.memory.words import COMMON, names_of, stem, words_of
from core.store import schema
from core.store.address import Address
from core.store.database import Database
from core.store.memories import MemoryRecords
from core.store.memory_records import Memory, MemoryFilter, Scope
from core.store.memory_upkeep import MemoryUpkeep
from core.store.server import EmbeddedServer
from core.store.thread import StoreThread

CASES = Path(__file__).with_name("memory_cases.txt")
CLASSES = ("fact", "update", "contradiction", "negation", "names", "abstain", "time")
TOLD = 5
_SPAN = re.compile(r"\[(-?\d+)\.\.(-?\d+)?\]\s*")


@dataclass(frozen=True, slots=True)
class Statement:
    """begins, ends: days from today; None for always and for no end."""

    text: str
    begins: int | None = None
    ends: int | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """right, wrong: texts that answer, and texts that are out of date."""

    number: int
    kind: str
    statements: tuple[Statement, ...]
    question: str
    right: tuple[str, ...]
    wrong: tuple[str, ...]


@dataclass
class Score:
    good: list[bool] = field(default_factory=list)
    first: list[bool] = field(default_factory=list)
    kept: list[float] = field(default_factory=list)


def read_cases() -> list[Case]:
    lines = [line for line in CASES.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    return [_case(number, line) for number, line in enumerate(lines)]


def _case(number: int, line: str) -> Case:
    kind, told, question, right, wrong = (part.strip() for part in line.split("|"))
    statements = tuple(_statement(part.strip()) for part in told.split(" / "))

    def named(numbers: str) -> tuple[str, ...]:
        return tuple(statements[int(n) - 1].text for n in numbers.split())

    return Case(number, kind, statements, question, named(right), named(wrong))


def _statement(text: str) -> Statement:
    span = _SPAN.match(text)
    if span is None:
        return Statement(text)
    return Statement(text[span.end() :], int(span[1]), int(span[2]) if span[2] else None)


class Vectors:
    """A `Models` that gives vectors of a sentence model in another process, or of hashed words.

    The vectors of the sentence model are kept in a file beside it, as it takes a tenth of a second for each.
    """

    def __init__(self, minilm: Sequence[str] | None) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._file = Path(minilm[1]) / "steploom-vectors.json" if minilm else None
        self._kept: dict[str, list[float]] = {}
        if minilm and self._file:
            if self._file.exists():
                self._kept = json.loads(self._file.read_text())
            command = [minilm[0], str(Path(__file__).with_name("memory_minilm.py")), minilm[1]]
            alone = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=alone
            )

    def of(self, text: str) -> list[float]:
        if text not in self._kept:
            if self._process is None:
                self._kept[text] = hashed_vector(text)
            else:
                assert self._process.stdin
                assert self._process.stdout
                self._process.stdin.write(json.dumps(text) + "\n")
                self._process.stdin.flush()
                self._kept[text] = json.loads(self._process.stdout.readline())
        return self._kept[text]

    async def embed(
        self, texts: Sequence[str], *, model: str = "", dimensions: int | None = None
    ) -> tuple[list[list[float]], Usage]:
        return [self.of(text) for text in texts], Usage()

    def stream(self, request: Any) -> Any:
        raise NotImplementedError

    async def image(self, request: Any) -> Any:
        raise NotImplementedError

    def wire_request(self, request: Any) -> Any:
        raise NotImplementedError

    def close(self) -> None:
        if self._process is not None:
            assert self._process.stdin
            self._process.stdin.close()
            self._process.wait()
            if self._file:
                self._file.write_text(json.dumps(self._kept))


class Scripted:
    """Decides as the class of the case says: what a model would do that makes no mistake."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self._replaced: dict[str, tuple[DecisionKind, tuple[str, ...]]] = {}
        self.asked = 0
        for case in cases:
            if case.kind in ("update", "contradiction"):
                kind: DecisionKind = "updated" if case.kind == "update" else "contradiction"
                for text in case.right:
                    self._replaced[text] = (kind, case.wrong)

    async def decide(self, content: str, key: str, candidates: Sequence[Memory]) -> Decision:
        self.asked += 1
        kind, wrong = self._replaced.get(content, ("new", ()))
        for known in candidates:
            if known.content in wrong:
                return Decision(kind, known, "scripted")
        return Decision("new", reason="scripted")


class Ours:
    """Steploom's memories, an agent for each case."""

    def __init__(self, database: Database, vectors: Vectors | None, decider: Scripted | None = None) -> None:
        self._clock = SystemClock()
        self._database = database
        embedder = Embedder(vectors, "minilm", self._clock) if vectors else None
        self._memories = Memories(
            MemoryRecords(database),
            MemoryUpkeep(database),
            clock=self._clock,
            new_id=new_id,
            embedder=embedder,
            decider=decider,
        )

    async def share(self, texts: Sequence[str]) -> None:
        for text in texts:
            await self._memories.remember(Scope(None), Proposed(text))

    async def tell(self, case: Case, agent: UUID) -> list[str]:
        """What is told, best first; and of what was kept the texts that still hold."""
        scope = Scope(agent)
        now = self._clock.now()
        for place, each in enumerate(case.statements):
            begins = now - timedelta(minutes=30 - place) if each.begins is None else now + timedelta(days=each.begins)
            ends = None if each.ends is None else now + timedelta(days=each.ends)
            await self._memories.remember(scope, Proposed(each.text, valid_from=begins, valid_to=ends))
        recall = await self._memories.recall(scope, case.question, limit=TOLD)
        return [item.memory.content for item in recall.relevant]

    async def holds(self, agent: UUID) -> set[str]:
        page = await self._memories.list(MemoryFilter(agents=(agent,), states=("live",)))
        return {memory.content for memory in page.items}


def nearest(vectors: Vectors, statements: Sequence[str], question: str) -> list[str]:
    asked = vectors.of(question)
    return sorted(statements, key=lambda text: -_cosine(asked, vectors.of(text)))[:TOLD]


def add_only(vectors: Vectors, statements: Sequence[str], question: str) -> list[str]:
    """mem0's ranking, with stems where it has lemmas and capitals where it has a tagger."""
    kept = list(dict.fromkeys(statements))
    asked = vectors.of(question)
    words = _bm25(kept, question)
    scores: dict[str, float] = {}
    for text in kept:
        likeness = _cosine(asked, vectors.of(text))
        if likeness < 0.1:
            continue
        common = names_of(question) & names_of(text)
        boost = min(0.5, 0.25 * len(common))
        sigmoid = 1 / (1 + math.exp(-(words[text] - 3))) if words[text] else 0.0
        scores[text] = (likeness + sigmoid + boost) / 2.5
    return sorted(scores, key=lambda text: -scores[text])[:TOLD]


def _bm25(texts: Sequence[str], question: str) -> dict[str, float]:
    tokens = {text: [stem(word) for word in words_of(text) if word not in COMMON] for text in texts}
    length = sum(map(len, tokens.values())) / max(1, len(texts))
    known = Counter(word for words in tokens.values() for word in set(words))
    asked = {stem(word) for word in words_of(question) if word not in COMMON}
    scores = {}
    for text, words in tokens.items():
        counts = Counter(words)
        scores[text] = sum(
            math.log(1 + (len(texts) - known[word] + 0.5) / (known[word] + 0.5))
            * counts[word] * 2.2 / (counts[word] + 1.2 * (0.25 + 0.75 * len(words) / length))
            for word in asked & set(words)
        )  # fmt: skip
    return scores


def _cosine(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True)) / (math.hypot(*one) * math.hypot(*other))


def judge(score: Score, case: Case, told: Sequence[str], holds: set[str] | None) -> bool:
    wrong = any(text in told for text in case.wrong)
    right = all(text in told for text in case.right)
    good = right and not wrong
    if case.kind == "abstain":
        good = not told
    score.good.append(good)
    if case.right:
        score.first.append(bool(told) and told[0] in case.right)
    if holds is not None:
        must = [each.text for each in case.statements if each.text not in case.wrong]
        score.kept += [float(text in holds) for text in must]
    return good


async def judged(cases: Sequence[Case], tell: Callable[[Case], Any], show: str = "") -> dict[str, Score]:
    scores: dict[str, Score] = defaultdict(Score)
    for case in cases:
        told, holds = await tell(case)
        if not judge(scores[case.kind], case, told, holds) and show:
            print(f"  {show} {case.kind}: {case.question}\n    told {told}\n    wanted {case.right}, not {case.wrong}")
    return scores


def table(name: str, scores: dict[str, Score]) -> str:
    def share(values: Sequence[float]) -> str:
        return f"{sum(values) / len(values):.2f}" if values else "-"

    cells = []
    for kind in CLASSES:
        score = scores[kind]
        cells.append(f"{share(score.good)} ({share(score.first)})")
    every = [good for kind in CLASSES for good in scores[kind].good]
    kept = [value for kind in CLASSES for value in scores[kind].kept]
    return f"| {name} | {share(every)} | " + " | ".join(cells) + f" | {share(kept)} |"


async def run(dsn: str, minilm: Sequence[str] | None, show: bool) -> None:
    cases = read_cases()
    background = [each.text for case in cases if case.kind == "fact" for each in case.statements]
    vectors = Vectors(minilm)
    for case in cases:
        for text in (case.question, *(each.text for each in case.statements)):
            vectors.of(text)
    print(f"{len(cases)} cases; vectors of {'MiniLM' if minilm else 'hashed words'}")
    print("| system | all | " + " | ".join(f"{kind}: good (first)" for kind in CLASSES) + " | kept |")
    print("|---" * (len(CLASSES) + 3) + "|")
    for name, rule in (("nearest", nearest), ("add only", add_only)):

        async def tell_plain(case: Case, rule: Any = rule) -> tuple[list[str], None]:
            return rule(vectors, [*background, *(each.text for each in case.statements)], case.question), None

        print(table(name, await judged(cases, tell_plain)), flush=True)
    scripted = Scripted(cases)
    for name, given, decider in (("rules", vectors, None), ("model", vectors, scripted), ("words", None, None)):
        thread = StoreThread()
        database = Database(thread, Address.parse(dsn))
        ours = Ours(database, given, decider)
        agents = await _agents(database, len(cases))
        await ours.share(background)

        async def tell_ours(case: Case, ours: Ours = ours, agents: Any = agents) -> tuple[list[str], set[str]]:
            told = await ours.tell(case, agents[case.number])
            return told, await ours.holds(agents[case.number])

        print(table(name, await judged(cases, tell_ours, name if show else "")), flush=True)
        await thread.call(database.close)
        thread.close()
    print(f"the scripted model was asked {scripted.asked} times")
    vectors.close()


async def _agents(database: Database, count: int) -> list[UUID]:
    from sqlalchemy import text

    async def work(connection: Any) -> list[UUID]:
        await connection.execute(text("TRUNCATE agent_memories, memory_changes, agents CASCADE"))
        query = text("INSERT INTO agents (name) SELECT 'agent ' || n FROM generate_series(1, :count) n RETURNING id")
        return list((await connection.execute(query, {"count": count})).scalars())

    return await database.run(work)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minilm", nargs=2, metavar=("PYTHON", "MODEL"), default=None)
    parser.add_argument("--show", action="store_true", help="show the cases that were not good")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="steploom-quality-", ignore_cleanup_errors=True) as folder:
        server = EmbeddedServer(Path(folder) / "postgres")
        address = server.start()
        try:
            schema.upgrade(address)
            asyncio.run(run(address.dsn, arguments.minilm, arguments.show))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
