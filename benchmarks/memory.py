"""Recall beside its physical limit: a raw vector query through psycopg on the same server, in the same run.

    python -m benchmarks.memory [--agents 100x1000] [--questions 100] [--data FOLDER] [--keep] [--peers FOLDER]

--agents: how many agents of what size, such as `5x100000,30x10000,200x1000` for a million memories. --data: where the
server's data go (about 20 GB for a million memories); with --keep they stay, and the next run loads nothing. --peers:
a folder with `bench.py` of the measurements of pgvector alone, run once for the same number of memories.

What is compared, for agents of each size, question by question in turn:

- `raw exact`: the best plan there is without an index of vectors: half-precision vectors beside the row
  (`STORAGE PLAIN`), found by a b-tree on the agent, ten nearest, binary parameters, prepared.
- `raw HNSW`: the same question through the HNSW index, filtered by agent, with iterative scans and the smallest
  `hnsw.ef_search` of 100, 200, 400 and 800 that finds 95 %: a plan that finds less does not do the same work. `raw HNSW
  100` is the same with 100, whatever it finds.
- `recall`: all of `Memories.recall` with `touch`: the search by meaning, the one by words, joining, ranking by recency
  and importance, the token limit, and the update of what was used. The question's vector is given.

Recall@10 is measured against brute force over all vectors of the agent. `final` is the share of the ten memories that
recall gives which it also gives when the search by meaning is exact. Targets: at 100,000 memories of 100 agents
recall@10 >= 0.99 and at most 3 times the raw query; at a million never fewer memories than asked for, recall@10 >= 0.95
and at most 3 times the better of both raw plans for agents of 1,000, 10,000 and 100,000 memories.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from pgvector import HalfVector, Vector
from pgvector.psycopg import register_vector

from benchmarks.memory_data import Floats, MadeUp, Nearest
from core.engine.clock import SystemClock
from core.engine.events import Usage
from core.ids import new_id
from core.memory.embedder import Embedder
from core.memory.memories import Memories
from core.memory.ranking import Weights, fit, rank
from core.store import schema
from core.store.address import Address
from core.store.database import Database
from core.store.memories import MemoryRecords
from core.store.memory_records import Scope
from core.store.memory_records import Vector as Meant
from core.store.memory_upkeep import MemoryUpkeep
from core.store.server import EmbeddedServer
from core.store.tables import EMBEDDING_DIMENSIONS
from core.store.thread import StoreThread

MODEL = "openai/text-embedding-3-small"
WANTED = 10
_LARGE, _FEW = 50_000, 8
"""An exact search over so many memories takes seconds: it is asked that few questions only."""
EXACT = "SELECT number FROM raw_memories WHERE agent = %s ORDER BY (embedding <=> %s) + 0 LIMIT 10"
# Without sorting nothing but the HNSW index can be chosen: else the planner may sort all of an agent's memories.
GRAPH = f"""SELECT id FROM agent_memories WHERE agent_id = %s AND state = 'live'
  ORDER BY embedding::halfvec({EMBEDDING_DIMENSIONS}) <=> %s LIMIT 10"""
_EFS = (100, 200, 400, 800)


@dataclass
class Given:
    """A `Models` that knows the questions' vectors, as asking a model is not what is measured."""

    vectors: dict[str, list[float]] = field(default_factory=dict)

    async def embed(
        self, texts: Sequence[str], *, model: str = "", dimensions: int | None = None
    ) -> tuple[list[list[float]], Usage]:
        return [self.vectors[text] for text in texts], Usage()

    def stream(self, request: Any) -> Any:
        raise NotImplementedError

    async def image(self, request: Any) -> Any:
        raise NotImplementedError

    def wire_request(self, request: Any) -> Any:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Asked:
    """The questions of one size of agents. nearest: numbers of the truly nearest memories of each."""

    size: int
    agents: list[int]
    vectors: Floats
    texts: list[str]
    nearest: list[set[int]]


def memory_id(number: int) -> UUID:
    return UUID(int=(1 << 64) + number)


def agent_id(number: int) -> UUID:
    return UUID(int=number + 1)


def sizes_of(text: str) -> list[int]:
    """`2x10,1x30` as [10, 10, 30]."""
    pairs = (part.split("x") for part in text.split(","))
    return [int(size) for count, size in pairs for _ in range(int(count))]


def load(connection: psycopg.Connection[Any], data: MadeUp, nearest: Sequence[Nearest]) -> None:
    """Both tables, and on the way the truth about the questions. The indexes are made when all is there."""
    definitions = [
        str(row[0])
        for row in connection.execute(
            "SELECT pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class c ON c.oid = indexrelid "
            "WHERE indrelid = 'agent_memories'::regclass AND NOT indisprimary"
        )
    ]
    for definition in definitions:
        connection.execute(f"DROP INDEX {definition.split(' INDEX ')[1].split(' ON ')[0]}")
    agents = [(agent_id(number), f"agent {number}") for number in range(len(data.sizes))]
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO agents (id, name) VALUES (%s, %s)", agents)
    connection.execute(
        f"CREATE TABLE raw_memories (number bigint, agent int, embedding halfvec({EMBEDDING_DIMENSIONS}))"
    )
    connection.execute("ALTER TABLE raw_memories ALTER embedding SET STORAGE PLAIN")
    began = time.perf_counter()
    for block in data.blocks():
        _copy(connection, block)
        for each in nearest:
            each.look_at(block)
        if not block.first % 100_000:
            print(f"  {block.first:,} loaded after {time.perf_counter() - began:.0f} s", flush=True)
    connection.execute("CREATE INDEX ON raw_memories (agent)")
    for definition in sorted(definitions, key=lambda text: "hnsw" in text):
        began = time.perf_counter()
        connection.execute(definition)
        print(f"  {time.perf_counter() - began:7.1f} s  {definition.split(' ON ')[0]}", flush=True)
    connection.execute("VACUUM ANALYZE agent_memories")
    connection.execute("VACUUM ANALYZE raw_memories")


def _copy(connection: psycopg.Connection[Any], block: Any) -> None:
    columns = "id, agent_id, type, content, content_hash, embedding, embedding_model"
    with connection.cursor().copy(f"COPY agent_memories ({columns}) FROM STDIN WITH (FORMAT BINARY)") as copy:
        copy.set_types(["uuid", "uuid", "text", "text", "text", "vector", "text"])
        for place, text in enumerate(block.texts):
            number = block.first + place
            owner = agent_id(int(block.agents[place]))
            vector = Vector(block.vectors[place])
            copy.write_row((memory_id(number), owner, "fact", text, f"{number:064x}", vector, MODEL))
    with connection.cursor().copy("COPY raw_memories FROM STDIN WITH (FORMAT BINARY)") as copy:
        copy.set_types(["int8", "int4", "halfvec"])
        for place in range(len(block.texts)):
            copy.write_row((block.first + place, int(block.agents[place]), HalfVector(block.vectors[place])))


def questions_of(data: MadeUp, count: int) -> list[Asked]:
    """Questions for each size of agents; their answers are found while loading."""
    vectors, texts = data.questions(count)
    asked = []
    for size in sorted(set(data.sizes)):
        owners = [number for number, each in enumerate(data.sizes) if each == size]
        chosen = [owners[number % len(owners)] for number in range(count)]
        asked.append(Asked(size, chosen, vectors, [f"{text} {size}" for text in texts], []))
    return asked


@dataclass
class Row:
    """What was measured of one plan. kept: recall@10. few: the fewest memories that came back."""

    name: str
    times: list[float] = field(default_factory=list)
    kept: list[float] = field(default_factory=list)
    few: int = WANTED
    final: list[float] = field(default_factory=list)

    def add(self, seconds: float, found: Sequence[int], truth: set[int]) -> None:
        self.times.append(seconds * 1000)
        self.kept.append(len(set(found[:WANTED]) & truth) / WANTED)
        self.few = min(self.few, len(found))

    @property
    def median(self) -> float:
        return statistics.median(self.times)


class Raw:
    """The queries that a database's own client would send."""

    def __init__(self, dsn: str) -> None:
        self._connection = psycopg.connect(dsn, autocommit=True)
        register_vector(self._connection)
        self._connection.execute(
            "SET max_parallel_workers_per_gather = 0; SET plan_cache_mode = force_custom_plan; SET jit = off"
        )
        self._connection.execute("SET hnsw.iterative_scan = relaxed_order; SET hnsw.ef_search = 100")
        self._cursor = self._connection.cursor(binary=True)

    def exact(self, agent: int, vector: Floats) -> list[int]:
        return [row[0] for row in self._cursor.execute(EXACT, (agent, HalfVector(vector)), prepare=True).fetchall()]

    def graph(self, agent: int, vector: Floats) -> list[int]:
        values = (agent_id(agent), HalfVector(vector))
        return [row[0].int - (1 << 64) for row in self._cursor.execute(GRAPH, values, prepare=True).fetchall()]

    def settle(self, ef: int) -> None:
        """Set what the next query needs, outside of the time that is measured. ef: 0 for the exact plan."""
        free = "off" if ef else "on"
        self._connection.execute(
            f"SET hnsw.ef_search = {ef or 100}; SET enable_seqscan = {free}; SET enable_sort = {free}; "
            f"SET enable_bitmapscan = {free}"
        )


def _enough(raw: Raw, asked: Asked) -> int:
    """The smallest ef_search with which the index finds 95 %, or the largest."""
    for ef in _EFS:
        raw.settle(ef)
        shares = [
            len(set(raw.graph(agent, asked.vectors[n])) & asked.nearest[n]) / WANTED
            for n, agent in enumerate(asked.agents)
        ]
        if statistics.mean(shares) >= 0.95:
            return ef
    return _EFS[-1]


async def measure(asked: Asked, dsn: str, database: Database, rounds: int) -> list[Row]:
    """All plans in turn for every question, several times; the first round warms the caches."""
    raw = Raw(dsn)
    given = Given({text: vector.tolist() for text, vector in zip(asked.texts, asked.vectors, strict=True)})
    records = MemoryRecords(database)
    embedder = Embedder(given, MODEL, SystemClock())
    memories = Memories(records, MemoryUpkeep(database), clock=SystemClock(), new_id=new_id, embedder=embedder)
    ef = _enough(raw, asked)
    plans: dict[str, tuple[int, Callable[[int, Floats], list[int]]]] = {
        "raw exact": (0, raw.exact),
        f"raw HNSW {ef}": (ef, raw.graph),
        f"raw HNSW {_EFS[0]}": (_EFS[0], raw.graph),
    }
    rows = {name: Row(name) for name in (*plans, "recall")}
    for turn in range(rounds + 1):
        for n, agent in enumerate(asked.agents):
            vector, text, truth = asked.vectors[n], asked.texts[n], asked.nearest[n]
            found: dict[str, tuple[float, list[int]]] = {}
            for name, (search, query) in plans.items():
                if name == "raw exact" and asked.size > _LARGE and n >= _FEW:
                    continue
                raw.settle(search)
                began = time.perf_counter()
                numbers = query(agent, vector)
                found[name] = (time.perf_counter() - began, numbers)
            began = time.perf_counter()
            recall = await memories.recall(Scope(agent_id(agent)), text, limit=WANTED, tokens=5000, touch=True)
            seconds = time.perf_counter() - began
            near = [item for item in recall.items if item.why.vector_rank]
            if turn:
                for name, (taken, numbers) in found.items():
                    rows[name].add(taken, numbers, truth)
                rows["recall"].times.append(seconds * 1000)
                assert near, "nothing was found by meaning"
                rows["recall"].few = min(rows["recall"].few, len(recall.items))
    await _truth(records, asked, rows["recall"])
    return list(rows.values())


async def _truth(records: MemoryRecords, asked: Asked, row: Row) -> None:
    """How complete the search by meaning is, and how much of the final list would be the same if it were exact."""
    for n, agent in enumerate(asked.agents):
        scope, now = Scope(agent_id(agent)), SystemClock().now()
        meant = Meant(tuple(asked.vectors[n].tolist()), MODEL)
        mine = await records.search(scope, asked.texts[n], meant, now=now)
        if asked.size > _LARGE and n >= _FEW:
            exact = mine
        else:
            exact = await records.search(scope, asked.texts[n], meant, now=now, graph=False, wide=asked.size)
        best = {hit.memory.id.int - (1 << 64) for hit in mine if hit.vector_rank and hit.vector_rank <= WANTED}
        row.kept.append(len(best & asked.nearest[n]) / WANTED)
        lists = [
            {item.memory.id for item in fit(rank(hits, now, Weights()), limit=WANTED, tokens=5000)}
            for hits in (mine, exact)
        ]
        row.final.append(len(lists[0] & lists[1]) / max(1, len(lists[1])))


def report(asked: Asked, rows: Sequence[Row]) -> list[str]:
    # A plan that finds too little is shown, and is no limit.
    limit = min(row.median for row in rows if row.name.startswith("raw") and statistics.mean(row.kept) >= 0.95)
    lines = []
    for row in rows:
        p95 = sorted(row.times)[int(len(row.times) * 0.95)]
        final = f"{statistics.mean(row.final):.4f}" if row.final else ""
        lines.append(
            f"| {asked.size:,} | {row.name} | {row.median:.2f} | {p95:.2f} | {row.median / limit:.2f} | "
            f"{statistics.mean(row.kept):.4f} | {final} | {row.few} |"
        )
    return lines


def tune(connection: psycopg.Connection[Any], rows: int) -> bool:
    """Give the server memory for that many rows; whether it must be started anew."""
    buffers = "2GB" if rows > 200_000 else "512MB"
    if connection.execute("SHOW shared_buffers").fetchone() == (buffers,):
        return False
    for name, value in (
        ("shared_buffers", buffers),
        ("max_wal_size", "8GB"),
        ("checkpoint_timeout", "30min"),
    ):
        connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
    return True


async def run(arguments: argparse.Namespace, dsn: str) -> None:
    data = MadeUp(sizes_of(arguments.agents))
    asked = questions_of(data, arguments.questions)
    truth_file = Path(arguments.data) / "truth.json"
    with psycopg.connect(dsn, autocommit=True) as connection:
        register_vector(connection)
        there = connection.execute("SELECT to_regclass('raw_memories')").fetchone() != (None,)
        if not there:
            connection.execute(f"SET maintenance_work_mem = '{arguments.index_memory}'")
            connection.execute("SET synchronous_commit = off; SET max_parallel_maintenance_workers = 2")
            nearest = [Nearest(each.vectors, each.agents) for each in asked]
            load(connection, data, nearest)
            truth_file.write_text(json.dumps([[sorted(found) for found in each.numbers()] for each in nearest]))
        sizes = connection.execute(
            "SELECT pg_size_pretty(pg_total_relation_size('agent_memories')), "
            "pg_size_pretty(pg_relation_size('ix_agent_memories_sketch')), "
            "pg_size_pretty(pg_relation_size('ix_agent_memories_embedding')), "
            "pg_size_pretty(pg_total_relation_size('raw_memories'))"
        ).fetchone()
    print("  memories {} (sketches {}, HNSW {}), raw table {}".format(*sizes or ()), flush=True)
    for each, found in zip(asked, json.loads(truth_file.read_text()), strict=True):
        each.nearest.extend(map(set, found))
    thread = StoreThread()
    database = Database(thread, Address.parse(dsn))
    try:
        print("| agent's memories | plan | median ms | p95 ms | x raw | recall@10 | final | fewest |")
        print("|---|---|---|---|---|---|---|---|")
        for each in asked:
            if arguments.only and each.size not in arguments.only:
                continue
            print("\n".join(report(each, await measure(each, dsn, database, arguments.rounds))), flush=True)
    finally:
        await thread.call(database.close)
        thread.close()


def peers(folder: Path, rows: int) -> None:
    """The figures of pgvector's own measurements for the same number of rows, as they print them; the program ends
    with the last lines that the script printed if it fails."""
    with tempfile.TemporaryDirectory(prefix="steploom-peers-") as out:
        (Path(out) / "llm").mkdir()  # the server makes its own folder, but not those around it
        command = [sys.executable, "bench.py", "--n", str(rows), "--tables", "halfvec_plain", "--index", "none"]
        command += ["--skip-orm", "--pgdata", f"{out}/llm/pgdata", "--out", f"{out}/found.json"]
        quiet = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}  # the folder may be read-only
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=7200, check=False, env=quiet)
        if done.returncode:
            sys.exit("The peers' script failed:\n" + "\n".join(done.stderr.strip().splitlines()[-5:]))
        for line in done.stdout.splitlines():
            if "exact_filtered" in line or "hybrid_rrf" in line or "numpy" in line:
                print(f"  peer {line[line.index('{') :]}" if "{" in line else line)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agents", default="100x1000")
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--only", type=int, action="append", help="ask only agents of this size")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", type=Path, default=None)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--index-memory", default="1GB", help="maintenance_work_mem while the indexes are made")
    parser.add_argument("--peers", type=Path, default=None)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="steploom-bench-", ignore_cleanup_errors=True) as temporary:
        arguments.data = arguments.data or Path(temporary)
        server = EmbeddedServer(arguments.data / "postgres")
        address = server.start()
        try:
            with psycopg.connect(address.dsn, autocommit=True) as connection:
                again = tune(connection, sum(sizes_of(arguments.agents)))
            if again:
                server.stop()
                address = server.start()
            schema.upgrade(address)
            asyncio.run(run(arguments, address.dsn))
        finally:
            server.stop()
    if arguments.peers:
        peers(arguments.peers, sum(sizes_of(arguments.agents)))


if __name__ == "__main__":
    main()
