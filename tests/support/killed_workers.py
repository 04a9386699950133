"""Runs over several workers that are killed at random, and what must be true afterwards."""

from __future__ import annotations

import asyncio
import subprocess
from random import Random
from typing import TypeAlias

from core.workflow.document import loads
from core.workspace import Workspace
from tests.support.worker_fleet import COUNT_ENDINGS, CountingSite, Fleet

Process: TypeAlias = "subprocess.Popen[bytes]"

CHAIN = """\
steploom: 1
name: Chain
inputs: {site: {type: string}, n: {type: integer}}
steps:
  first:
    type: api
    config: {url: '{{ input.site }}/first/{{ input.n }}'}
    then: second
  second:
    type: api
    config: {method: POST, url: '{{ input.site }}/second/{{ input.n }}'}
    idempotency_key: 'second-{{ run.id }}'
    then: third
  third:
    type: api
    config: {method: POST, url: '{{ input.site }}/third/{{ input.n }}'}
    idempotency_key: 'third-{{ run.id }}'
outputs: {n: '{{ third.body.n }}'}
"""


async def asked(office: Workspace, site: CountingSite, n: int = 0) -> str:
    """Ask for a run of three calls, `/first/N` to `/third/N`; its id."""
    return await office.queue.enqueue(_DOCUMENT, {"site": site.url, "n": n})


async def off_loop(function: object, *arguments: object, **named: object) -> None:
    """Wait for worker processes without keeping this program's own loop from turning."""
    assert callable(function)
    await asyncio.to_thread(function, *arguments, **named)


async def kill_at_random(
    office: Workspace, fleet: Fleet, site: CountingSite, *, runs: int, kills: int, random: Random
) -> int:
    """Runs over four workers of which one after the other is killed; how many runs lost their worker.

    Raises AssertionError unless every run ended once and no completed step ran again.
    """
    fleet.execute(COUNT_ENDINGS)
    # Nobody gets on before all is asked for and all are there, so that the kills meet runs at work.
    site.held = {f"/first/{n}" for n in range(runs)}
    ids = [await asked(office, site, n) for n in range(runs)]
    workers = [await asyncio.to_thread(fleet.start) for _ in range(4)]
    site.release()
    for number in range(kills):
        goal = (number + 1) * runs // (kills + 1)
        await off_loop(
            fleet.until, lambda goal=goal: _ended(fleet) + _parked(fleet) >= goal, f"{goal} runs to end", seconds=600
        )
        await off_loop(fleet.until, lambda: _at_work(fleet, workers), "a worker to be at work")
        victim = random.choice(_at_work(fleet, workers) or workers)
        workers.remove(victim)
        victim.kill()
        victim.wait()
        workers.append(await asyncio.to_thread(fleet.start, wait=False))
    await off_loop(fleet.until, lambda: _ended(fleet) + _parked(fleet) >= runs, "all runs to end", seconds=600)
    assert office.store is not None
    for (run_id,) in fleet.query("SELECT run_id FROM queued_runs WHERE parked <> ''"):
        await office.store.queued_runs.unpark(run_id)  # three kills met it by chance: a person lets it go on
    await off_loop(fleet.until, lambda: _ended(fleet) >= runs, "the parked runs to end", seconds=600)

    endings = fleet.query("SELECT run_id, count(*), min(status) FROM endings GROUP BY 1")
    assert sorted(endings) == sorted((run_id, 1, "completed") for run_id in ids)
    twice = "SELECT run_id, path FROM step_results WHERE status = 'completed' GROUP BY 1, 2 HAVING count(*) > 1"
    assert fleet.query(twice) == []
    after = """SELECT s.run_id, s.path FROM step_results AS s JOIN step_results AS t USING (run_id, path)
        WHERE s.status = 'completed' AND t.attempt > s.attempt"""
    assert fleet.query(after) == []
    attempts = {
        f"/{path}/{n}": number
        for path, n, number in fleet.query(
            """SELECT path, e.inputs ->> 'n', count(*) FROM step_results AS s JOIN executions AS e ON e.id = s.run_id
            GROUP BY 1, 2"""
        )
    }
    # The start of a step that only reads may be written behind, so that a kill may leave no trace of it.
    more = {path: times for path, times in site.hits.items() if times > attempts.get(path, 0)}
    assert [path for path in more if not path.startswith("/first/")] == []
    assert set(site.hits) == set(attempts)
    return int(fleet.query("SELECT coalesce(sum(losses), 0) FROM queued_runs")[0][0])


def _at_work(fleet: Fleet, workers: list[Process]) -> list[Process]:
    """Those that own a run at this moment."""
    owners = fleet.query("SELECT lease_owner FROM executions WHERE lease_owner IS NOT NULL AND status = 'running'")
    pids = {int(owner.rsplit("/", 2)[1]) for (owner,) in owners}
    return [worker for worker in workers if worker.pid in pids]


def _parked(fleet: Fleet) -> int:
    return int(fleet.query("SELECT count(*) FROM queued_runs WHERE parked <> ''")[0][0])


def _ended(fleet: Fleet) -> int:
    return int(fleet.query("SELECT count(*) FROM endings")[0][0])


_DOCUMENT = loads(CHAIN)
