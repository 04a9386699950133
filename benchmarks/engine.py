"""The engine beside its physical limits: bare asyncio and hand-written psycopg, on the same server in the same run.

    python -m benchmarks.engine [--rounds 5] [--case NAME] [--peers DIR] [--peers-python PATH]

Every measurement is a fresh process; a row of ours stands between two of its limit, and its ratio is to their mean.
The table gives medians over the rounds. --peers: a folder with scripts of other engines in the same form
(`bench_langgraph.py mem_chain` prints one JSON line with `median_s`), run once each where they can be imported.

Cases: memory_chain and memory_fan_out (1,000 no-op steps; microseconds of CPU a step), durable_chain (200 steps that
spend, each durable before the next starts), durable_fan_out (500 no-op steps at once, all durable before the one that
joins them begins), durable_fan_out_ahead (the same with steps that spend, so that the start of each is durable before
it runs: two records a step, here and in the limit), waiting_runs (500 workflows of 10 steps that each wait 50 ms and
spend).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, ClassVar

import psycopg

from benchmarks import raw
from core.engine.clock import SystemClock
from core.engine.engine import Engine
from core.engine.events import Usage
from core.engine.journal import Journal
from core.engine.memory_journal import MemoryJournal
from core.engine.services import Services
from core.engine.step_type import Config, ConfigModel, Effect, StepContext, StepType, StepTypes
from core.ids import new_run_id
from core.workflow.model import Json, Step, Workflow

REPEATS = 3
CASES: dict[str, tuple[str, ...]] = {
    "memory_chain": ("raw", "ours", "ours-qasync"),
    "memory_fan_out": ("raw", "ours", "ours-qasync"),
    "durable_chain": ("raw", "ours", "ours-qasync"),
    "durable_fan_out": ("raw", "ours", "ours-qasync"),
    "durable_fan_out_ahead": ("raw", "ours", "ours-qasync"),
    "waiting_runs": ("raw", "ours", "ours-qasync"),
}
UNITS = {
    "memory_chain": 1000,
    "memory_fan_out": 1000,
    "durable_chain": 200,
    "durable_fan_out": 500,
    "durable_fan_out_ahead": 500,
    "waiting_runs": 5000,
}
PEERS = {
    "memory_chain": ("bench_langgraph.py mem_chain",),
    "memory_fan_out": ("bench_langgraph.py mem_fanout",),
    "durable_chain": (
        "bench_raw.py chain --mode insert --sync on",
        "bench_langgraph.py chain --mode sync --sync on",
        "bench_dbos.py chain --sync on",
    ),
    "durable_fan_out": (
        "bench_raw.py fanout --mode group --sync on",
        "bench_langgraph.py fanout --mode sync --sync on",
        "bench_dbos.py fanout --sync on",
    ),
    "durable_fan_out_ahead": (),
    "waiting_runs": (
        "bench_raw.py llm --mode group --sync on",
        "bench_langgraph.py llm --mode sync --sync on",
        "bench_dbos.py llm --sync on",
    ),
}
RUNS, STEPS, WAIT = 500, 10, 0.05


class Nothing(Config):
    """No settings."""


class Noop(StepType[Nothing]):
    """Gives a small object."""

    type, title, icon, category = "noop", "No-op", "circle", "logic"
    config_model: ClassVar[ConfigModel] = Nothing

    async def run(self, config: Nothing, context: StepContext) -> dict[str, Json]:
        return {"x": 1}


class Spending(Noop):
    """Gives a small object and claims to have cost something, so that its record must be durable."""

    type = "spending"
    effect: ClassVar[Effect] = "spends"

    async def run(self, config: Nothing, context: StepContext) -> dict[str, Json]:
        context.spend(Usage(1, 1, 0.0))
        return {"x": 1}


class Waiting(Spending):
    """As Spending, after the time that a quick model takes."""

    type = "waiting"

    async def run(self, config: Nothing, context: StepContext) -> dict[str, Json]:
        await asyncio.sleep(WAIT)
        return {"x": 1}


def chain(kind: str, steps: int) -> Workflow:
    ids = [f"n{number}" for number in range(steps)]
    then = [{"out": (target,)} for target in ids[1:]] + [{}]
    return Workflow("chain", steps={i: Step(i, kind, then=t) for i, t in zip(ids, then, strict=True)})


def fan_out(kind: str, steps: int, join: str = "") -> Workflow:
    """join: the type of the last step, if it is another one."""
    parallel = {f"n{number}": Step(f"n{number}", kind, then={"out": ("join",)}) for number in range(steps)}
    return Workflow("fan-out", steps={**parallel, "join": Step("join", join or kind)})


def engine(journal: Journal) -> Engine:
    return Engine(
        StepTypes([Noop(), Spending(), Waiting()]),
        journal,
        services=Services(),
        clock=SystemClock(),
        new_id=new_run_id,
        random=Random(1),
    )


async def run_once(runner: Engine, workflow: Workflow) -> None:
    result = await runner.start(workflow).result()
    assert result.status == "completed", result


async def measure(once: Callable[[], Awaitable[None]]) -> dict[str, float]:
    """One warm-up, then the median of some repetitions: wall seconds, CPU seconds, growth of memory in MB."""
    await once()
    idle = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    walls, cpus = [], []
    for _ in range(REPEATS):
        wall, cpu = time.perf_counter(), time.process_time()
        await once()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - idle) / 1024
    return {"wall_s": statistics.median(walls), "cpu_s": statistics.median(cpus), "grown_mb": grown}


async def measure_raw(case: str, dsn: str) -> dict[str, float]:
    units = UNITS[case]
    if case == "memory_chain":
        return await measure(lambda: raw.memory_chain(units))
    if case == "memory_fan_out":
        return await measure(lambda: raw.memory_fan_out(units))
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        await connection.execute(raw.TABLE)
        numbers = count(0, 1000)
        if case == "durable_chain":
            return await measure(lambda: raw.durable_chain(connection, next(numbers), units))
        writer = raw.GroupWriter(connection)
        try:
            if case == "durable_fan_out":
                return await measure(lambda: raw.durable_fan_out(writer, next(numbers), units))
            if case == "durable_fan_out_ahead":
                return await measure(lambda: raw.durable_fan_out_ahead(writer, next(numbers), units))
            await raw.waiting_runs(writer, next(numbers), 1, STEPS, 0)
            return await measure_cold(lambda: raw.waiting_runs(writer, next(numbers), RUNS, STEPS, WAIT))
        finally:
            writer.task.cancel()


async def measure_cold(once: Callable[[], Awaitable[None]]) -> dict[str, float]:
    """As `measure` without the warm-up, so that memory is counted from the idle process."""
    idle = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall, cpu = time.perf_counter(), time.process_time()
    await once()
    spent = {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}
    return spent | {"grown_mb": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - idle) / 1024}


async def measure_ours(case: str, dsn: str) -> dict[str, float]:
    units = UNITS[case]
    if case.startswith("memory"):
        workflow = chain("noop", units) if case == "memory_chain" else fan_out("noop", units)

        async def fresh() -> None:
            await run_once(engine(MemoryJournal()), workflow)

        return await measure(fresh)
    from core.store.store import Store

    async with await Store.open(dsn, Path(tempfile.gettempdir())) as store:
        runner = engine(store.journal)
        if case == "durable_chain":
            workflow = chain("spending", units)
            return await measure(lambda: run_once(runner, workflow))
        if case == "durable_fan_out":
            # A step that spends begins only when everything before it is durable.
            workflow = fan_out("noop", units, join="spending")
            return await measure(lambda: run_once(runner, workflow))
        if case == "durable_fan_out_ahead":
            workflow = fan_out("spending", units)
            return await measure(lambda: run_once(runner, workflow))
        workflow = chain("waiting", STEPS)
        await run_once(runner, workflow)

        async def many() -> None:
            await asyncio.gather(*(run_once(runner, workflow) for _ in range(RUNS)))

        return await measure_cold(many)


def one(case: str, row: str, dsn: str) -> None:
    """Measure one row in this process and print it as JSON."""
    work = measure_raw(case, dsn) if row == "raw" else measure_ours(case, dsn)
    if row.endswith("qasync"):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        import qasync
        from PySide6.QtWidgets import QApplication

        loop = qasync.QEventLoop(QApplication([]))
        asyncio.set_event_loop(loop)
        with loop:
            found = loop.run_until_complete(work)
    else:
        found = asyncio.run(work)
    print(json.dumps(found), flush=True)


def fresh_process(case: str, row: str, server: Any) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.engine", "--one", f"{case}:{row}", "--dsn", fresh_database(server)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        raise SystemExit(f"{case} {row} failed:\n{done.stderr[-3000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def fresh_database(server: str) -> str:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS bench WITH (FORCE)")
        connection.execute("CREATE DATABASE bench")
        info = {k: str(v) for k, v in psycopg.conninfo.conninfo_to_dict(server).items()} | {"dbname": "bench"}
    return psycopg.conninfo.make_conninfo(**info)


def figure(case: str, found: dict[str, float]) -> float:
    """What is compared: CPU in memory, where nothing is waited for; wall time where something is."""
    return found["cpu_s" if case.startswith("memory") else "wall_s"]


def compare(case: str, rounds: int, server: str) -> tuple[list[str], float]:
    """The table's lines for one case, and the limit's median."""
    rows = [row for row in CASES[case] if row != "raw"]
    seen: dict[str, list[tuple[float, float, float]]] = {row: [] for row in rows}
    limits: list[float] = []
    for _ in range(rounds):
        before = figure(case, fresh_process(case, "raw", server))
        limits.append(before)
        for row in rows:
            found = fresh_process(case, row, server)
            after = figure(case, fresh_process(case, "raw", server))
            limits.append(after)
            mine = figure(case, found)
            seen[row].append((mine, mine / ((before + after) / 2), found["grown_mb"]))
            before = after
    scale = 1e6 / UNITS[case]
    lines = [f"| {case} | raw | {statistics.median(limits):.4f} | {statistics.median(limits) * scale:.1f} | 1 | |"]
    for row, values in seen.items():
        mine, ratio, grown = (statistics.median(column) for column in zip(*values, strict=True))
        lines.append(f"| {case} | {row} | {mine:.4f} | {mine * scale:.1f} | {ratio:.2f} | {grown:.0f} |")
    return lines, statistics.median(limits)


def peers(case: str, folder: Path, python: str, data: Path, limit: float) -> list[str]:
    """Lines for other engines whose scripts can run here, on the same server. limit: what their ratios are to."""
    lines = []
    environment = {**os.environ, "ENGINE_BENCH_PG": str(data)}
    for command in PEERS[case]:
        arguments = [python, *command.split(), "--repeat", "1"]
        done = subprocess.run(
            arguments, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        found = [line for line in done.stdout.splitlines() if line.startswith("{")]
        if found:
            value = json.loads(found[-1])
            per_unit = value.get("cpu_us_per_unit") if case.startswith("memory") else None
            seconds = value["median_s"]
            per_unit = per_unit or seconds / UNITS[case] * 1e6
            ratio = per_unit * UNITS[case] / 1e6 / limit
            lines.append(f"| {case} | {command} | {seconds:.4f} | {per_unit:.1f} | {ratio:.2f} | |")
        else:
            reason = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            lines.append(f"| {case} | {command} | not available here: {reason[:80]} | | | |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--case", choices=CASES, action="append")
    parser.add_argument("--peers", type=Path, default=None)
    parser.add_argument("--peers-python", default=sys.executable, help="an interpreter that has the other engines")
    parser.add_argument("--one", default="", help=argparse.SUPPRESS)
    parser.add_argument("--dsn", default="", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        case, _, row = arguments.one.partition(":")
        one(case, row, arguments.dsn)
        return
    from core.store.server import EmbeddedServer

    with tempfile.TemporaryDirectory(prefix="steploom-bench-", ignore_cleanup_errors=True) as folder:
        server = EmbeddedServer(Path(folder) / "postgres")
        dsn = server.start().dsn
        try:
            print("| case | row | median s | µs a unit | x limit | MB grown |\n|---|---|---|---|---|---|")
            for case in arguments.case or CASES:
                lines, limit = compare(case, arguments.rounds, dsn)
                if arguments.peers:
                    data = Path(folder) / "postgres" / "data"
                    lines += peers(case, arguments.peers, arguments.peers_python, data, limit)
                print("\n".join(lines), flush=True)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
