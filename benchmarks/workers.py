"""How fast workers are, and whether they survive: `python -m benchmarks.workers [--runs N] [--kill | --pace N]`.

Without options: how long an idle worker takes to pick a run up, and how many runs a second one worker executes beside
the queue library's own rate of jobs that do nothing, in turns on the same server. With --kill: 1,000 runs over four
worker processes of which one after the other is killed; each run must end once and no completed step may run again.
With --pace: so many runs a minute are asked for, of a step that waits and one after it, and one worker is to keep pace.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

import psutil

from core.engine.events import Event, RunCompleted
from core.service.worker import Worker
from core.store.server import EmbeddedServer
from core.workflow.document import loads
from core.workspace import Workspace
from tests.support.killed_workers import kill_at_random
from tests.support.postgres import new_database
from tests.support.worker_fleet import Fleet, counting_site, fleet_of

NOTHING = loads("""\
steploom: 1
name: Nothing
steps:
  only:
    type: template
    config: {text: done}
outputs: {text: '{{ only.text }}'}
""")

NAP = loads("""\
steploom: 1
name: Nap
steps:
  nap:
    type: wait
    config: {duration: 2}
    then: only
  only:
    type: template
    config: {text: done}
outputs: {text: '{{ only.text }}'}
""")
"""The wait stands for a model, which costs a worker hardly more."""

CONCURRENCY = 50
PLACES = 500
"""Of the worker that is to keep pace."""
PICK_UPS = 60
ROUNDS = 3


async def library_rate(url: str, jobs: int) -> float:
    """Jobs a second that do nothing, by the library's own worker with its own defaults."""
    import procrastinate

    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url, min_size=10, max_size=10))

    @app.task(name="nothing", queue="rate")
    async def nothing(number: int) -> None:
        """Do nothing."""

    async with app.open_async():
        every: list[dict[str, Any]] = [{"number": number} for number in range(jobs)]
        await nothing.batch_defer_async(*every)
        began = time.perf_counter()
        await app.run_worker_async(queues=["rate"], concurrency=CONCURRENCY, wait=False, install_signal_handlers=False)
        return jobs / (time.perf_counter() - began)


async def our_rate(office: Workspace, server: psutil.Process, runs: int) -> tuple[float, float, float]:
    """Runs a second of a workflow with one step that does nothing, journalled, by one worker; and what one run takes of
    a processor, in milliseconds, here and in the database's server.
    """
    for _ in range(runs):
        await office.queue.enqueue(NOTHING, {})
    left, over = runs, asyncio.Event()

    def heard(event: Event) -> None:
        nonlocal left
        if isinstance(event, RunCompleted):
            left -= 1
            if not left:
                over.set()

    office.engine.listeners.append(heard)
    worker = Worker(office, concurrency=CONCURRENCY)
    here, there, began = time.process_time(), _spent(server), time.perf_counter()
    working = asyncio.create_task(worker.run())
    await over.wait()
    rate = runs / (time.perf_counter() - began)
    here, there = 1000 * (time.process_time() - here) / runs, 1000 * (_spent(server) - there) / runs
    office.engine.listeners.remove(heard)
    worker.stop()
    await working
    return rate, here, there


def _server(folder: Path) -> psutil.Process:
    """The database's first process."""
    return psutil.Process(int((folder / "postgres" / "data" / "postmaster.pid").read_text().split()[0]))


def _spent(server: psutil.Process) -> float:
    """Seconds of a processor that the server and its processes have used."""
    alive = 0.0
    for child in server.children():
        with suppress(psutil.NoSuchProcess):  # it ends, and is counted among those that have
            times = child.cpu_times()
            alive += times.user + times.system
    own = server.cpu_times()
    return float(own.children_user + own.children_system + alive)


async def pick_up(office: Workspace, fleet: Fleet) -> list[float]:
    """Seconds from asking for a run to the start of its step in another, idle process."""
    await asyncio.to_thread(fleet.start)
    random = Random(1)
    asked: dict[str, float] = {}
    for _ in range(PICK_UPS):
        began = time.time()
        asked[await office.queue.enqueue(NOTHING, {})] = began
        await asyncio.sleep(random.uniform(0.2, 0.4))
    await asyncio.to_thread(
        fleet.until, lambda: not fleet.query("SELECT 1 FROM executions WHERE status <> 'completed'"), "all runs to end"
    )
    started = fleet.query("SELECT run_id, extract(epoch FROM started)::float8 FROM step_results")
    return sorted(at - asked[run_id] for run_id, at in started)


async def measure(url: str, folder: Path, runs: int) -> None:
    """Print both measurements."""
    server = _server(folder)
    async with Workspace.open(folder / "home", database_url=url) as office:
        with fleet_of(url, folder / "fleet", lost_after=30, concurrency=10) as fleet:
            waits = await pick_up(office, fleet)
        report("pick-up by an idle worker", median_ms=1000 * median(waits), p95_ms=1000 * waits[int(0.95 * PICK_UPS)])
        theirs: list[float] = []
        ours: list[tuple[float, float, float]] = []
        for _ in range(ROUNDS):
            theirs.append(await library_rate(url, runs))
            ours.append(await our_rate(office, server, runs))
        rates, here, there = (sorted(column) for column in zip(*ours, strict=True))
        report(
            "one worker", runs_per_s=median(rates), library_jobs_per_s=median(theirs),
            part=median(rates) / median(theirs), each=[round(rate) for rate in (*rates, *theirs)],
            worker_cpu_ms_per_run=median(here), server_cpu_ms_per_run=median(there),
        )  # fmt: skip


async def survive(url: str, folder: Path, runs: int) -> None:
    """Kill workers while they work. Raises AssertionError if a run did not end once, or a step ran again."""
    began = time.perf_counter()
    async with Workspace.open(folder / "home", database_url=url) as office:
        with fleet_of(url, folder / "fleet", lost_after=10) as fleet, counting_site(slow_s=0.4) as site:
            kills = max(runs // 25, 4)
            losses = await kill_at_random(office, fleet, site, runs=runs, kills=kills, random=Random())
    report("killed workers", runs=runs, kills=kills, runs_that_lost_one=losses, seconds=time.perf_counter() - began)


async def keep_pace(url: str, folder: Path, runs: int, a_minute: int) -> None:
    """How long runs wait for their first step if so many a minute are asked for, and what they cost whom."""
    server = _server(folder)
    async with Workspace.open(folder / "home", database_url=url) as office:
        with fleet_of(url, folder / "fleet", lost_after=30, concurrency=PLACES) as fleet:
            worker = psutil.Process((await asyncio.to_thread(fleet.start)).pid)
            before = time.process_time(), sum(worker.cpu_times()[:2]), _spent(server)
            began, asked = time.perf_counter(), dict[str, float]()

            async def ask(number: int) -> None:
                await asyncio.sleep(began + 60 * number / a_minute - time.perf_counter())
                at = time.time()
                asked[await office.queue.enqueue(NAP, {})] = at

            await asyncio.gather(*(ask(number) for number in range(runs)))
            took = time.perf_counter() - began
            await asyncio.to_thread(
                fleet.until, lambda: not fleet.query("SELECT 1 FROM executions WHERE status <> 'completed' LIMIT 1"),
                "all runs to end",
            )  # fmt: skip
            after = time.process_time(), sum(worker.cpu_times()[:2]), _spent(server)
            started = fleet.query(
                "SELECT run_id, extract(epoch FROM started)::float8 FROM step_results WHERE path = 'nap'"
            )
    waits = sorted(at - asked[run_id] for run_id, at in started)
    asking, working, serving = (1000 * (late - early) / runs for early, late in zip(before, after, strict=True))
    report(
        "pace", runs=runs, asked_a_minute=round(60 * runs / took), wait_ms=1000 * median(waits),
        p95_ms=1000 * waits[int(0.95 * runs)], asking_cpu_ms=asking, worker_cpu_ms=working, server_cpu_ms=serving,
    )  # fmt: skip


def report(what: str, **facts: object) -> None:
    """One line of JSON."""
    shown = {name: round(value, 3) if isinstance(value, float) else value for name, value in facts.items()}
    print(json.dumps({"measured": what, **shown}), flush=True)


def main() -> None:
    """Measure on a server of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=0)
    parser.add_argument("--kill", action="store_true")
    parser.add_argument("--pace", type=int, default=0, metavar="N", help="runs a minute")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="steploom-workers-") as name:
        folder = Path(name)
        server = EmbeddedServer(folder / "postgres")
        address = server.start()
        try:
            with new_database(address, "template0") as url:
                if options.pace:
                    work = keep_pace(url, folder, options.runs or options.pace // 2, options.pace)
                elif options.kill:
                    work = survive(url, folder, options.runs or 1000)
                else:
                    work = measure(url, folder, options.runs or 400)
                asyncio.run(work)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
