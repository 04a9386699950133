"""A loop whose passes several real worker processes share, which are killed and paused while they work."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from itertools import accumulate
from pathlib import Path

import pytest

from core.workflow.document import loads
from core.workspace import Workspace
from tests.support.killed_workers import off_loop
from tests.support.worker_fleet import CountingSite, Fleet, counting_site, fleet_of

LOOP = loads("""\
steploom: 1
name: Loop
inputs: {site: {type: string}, n: {type: integer}}
steps:
  before:
    type: api
    config: {method: POST, url: '{{ input.site }}/before'}
    idempotency_key: before
    then: all
  all:
    type: for_each
    config:
      items: '{{ range(input.n) | list }}'
      spread: true
      concurrency: 6
      collect: '{{ index }}-{{ second.body.n }}'
    body:
      first:
        type: api
        config: {method: POST, url: '{{ input.site }}/first/{{ item }}'}
        idempotency_key: 'first {{ run.id }} {{ item }}'
        then: second
      second:
        type: api
        config: {method: POST, url: '{{ input.site }}/second/{{ item }}'}
        idempotency_key: 'second {{ run.id }} {{ item }}'
    then: after
  after:
    type: api
    config: {method: POST, url: '{{ input.site }}/after'}
    idempotency_key: after
outputs: {results: '{{ all.results }}'}
""")


@pytest.fixture
def site() -> Iterator[CountingSite]:
    with counting_site() as running:
        yield running


@pytest.fixture
def fleet(database_url: str, tmp_path: Path) -> Iterator[Fleet]:
    with fleet_of(database_url, tmp_path / "fleet", concurrency=2) as made:
        yield made


@pytest.fixture
async def office(database_url: str, tmp_path: Path) -> AsyncIterator[Workspace]:
    """The program that asks for runs."""
    async with Workspace.open(tmp_path / "office", database_url=database_url) as opened:
        yield opened


async def asked(office: Workspace, site: CountingSite, n: int) -> str:
    return await office.queue.enqueue(LOOP, {"site": site.url, "n": n})


def executors(fleet: Fleet) -> set[int]:
    """The processes that own a pass now."""
    owners = fleet.query("""
        SELECT DISTINCT lease_owner FROM executions JOIN spread_runs ON run_id = id WHERE lease_owner IS NOT NULL""")
    return {int(owner.rsplit("/", 2)[1]) for (owner,) in owners}


def results(fleet: Fleet, run_id: str) -> list[str]:
    ((found,),) = fleet.query("SELECT outputs -> 'results' FROM executions WHERE id = %s", run_id)
    assert isinstance(found, list)
    return found


async def test_two_workers_share_the_passes_and_none_waits_for_them(
    office: Workspace, fleet: Fleet, site: CountingSite
) -> None:
    site.held = {f"/first/{item}" for item in range(4)}
    pids = {(await asyncio.to_thread(fleet.start)).pid for _ in range(2)}
    run_id = await asked(office, site, 4)
    for item in range(4):
        await off_loop(site.wait_for, f"/first/{item}")
    assert executors(fleet) == pids  # two passes each: the run that waits for them takes no place
    assert fleet.status(run_id) == "suspended"
    site.release()
    await off_loop(fleet.until_status, run_id, "completed")
    assert results(fleet, run_id) == ["0-1", "1-1", "2-1", "3-1"]
    assert set(site.hits.values()) == {1}


async def test_a_pass_whose_worker_is_killed_is_finished_by_another_one(
    office: Workspace, fleet: Fleet, site: CountingSite
) -> None:
    site.held = {"/second/1", "/second/2"}
    for _ in range(2):
        await asyncio.to_thread(fleet.start)
    run_id = await asked(office, site, 4)
    for item in (1, 2):
        await off_loop(site.wait_for, f"/second/{item}")
    await off_loop(fleet.until, lambda: site.hits["/second/0"] and site.hits["/second/3"], "the others to get on")
    victim = next(process for process in fleet.processes if process.pid in executors(fleet))
    victim.kill()
    victim.wait()
    site.release()
    await off_loop(fleet.until_status, run_id, "completed")
    assert results(fleet, run_id) == ["0-1", "1-1", "2-1", "3-1"]
    first = {path: hits for path, hits in site.hits.items() if not path.startswith("/second")}
    assert set(first.values()) == {1}
    assert {site.hits["/second/1"], site.hits["/second/2"]} <= {1, 2}
    assert fleet.query("SELECT count(*) FROM queued_runs WHERE parked <> ''") == [(0,)]


async def test_a_loop_goes_on_when_the_worker_that_began_it_is_killed(
    office: Workspace, fleet: Fleet, site: CountingSite
) -> None:
    site.held = {f"/first/{item}" for item in range(3)}
    beginner = await asyncio.to_thread(fleet.start)
    run_id = await asked(office, site, 3)
    await off_loop(site.wait_for, "/first/0")
    beginner.kill()
    beginner.wait()
    site.release()
    await asyncio.to_thread(fleet.start)
    await off_loop(fleet.until_status, run_id, "completed")
    assert results(fleet, run_id) == ["0-1", "1-1", "2-1"]
    assert (site.hits["/before"], site.hits["/after"]) == (1, 1)
    assert {site.hits[f"/second/{item}"] for item in range(3)} == {1}


async def test_a_pass_whose_worker_was_paused_is_made_by_another_and_written_once(
    office: Workspace, fleet: Fleet, site: CountingSite
) -> None:
    site.held = {"/first/0"}
    sleeper = await asyncio.to_thread(fleet.start, "--concurrency", "4")
    run_id = await asked(office, site, 2)
    # Wherever it is with the other pass at that moment: in the middle of taking it, or of writing what it did.
    await off_loop(site.wait_for, "/first/0")
    sleeper.send_signal(signal.SIGSTOP)
    await asyncio.to_thread(fleet.start)
    await off_loop(site.wait_for, "/first/0", 2)
    await off_loop(site.wait_for, "/second/1")
    site.release()
    await off_loop(fleet.until_status, run_id, "completed")
    sleeper.send_signal(signal.SIGCONT)
    await off_loop(fleet.until, lambda: fleet.is_ready(sleeper.pid), "the sleeper to take runs again")
    assert (site.hits["/second/0"], site.hits["/after"]) == (1, 1)
    completed = fleet.query("SELECT run_id, path FROM step_results WHERE status = 'completed'")
    assert max(Counter(completed).values()) == 1


async def test_passes_all_end_once_although_workers_are_killed_again_and_again(
    office: Workspace, fleet: Fleet, tmp_path: Path
) -> None:
    with counting_site(slow_s=0.15) as site:
        for _ in range(3):
            await asyncio.to_thread(fleet.start)
        run_id = await asked(office, site, 24)
        for goal in (3, 8, 14):
            await off_loop(fleet.until, lambda goal=goal: _ended(fleet) >= goal, f"{goal} passes to end")
            working = executors(fleet)
            victim = next((each for each in fleet.processes if each.pid in working and each.poll() is None), None)
            if victim is not None:
                victim.kill()
                victim.wait()
            await asyncio.to_thread(fleet.start, wait=False)
        await off_loop(fleet.until_status, run_id, "completed")
    assert results(fleet, run_id) == [f"{item}-1" for item in range(24)]
    completed = fleet.query("SELECT run_id, path FROM step_results WHERE status = 'completed'")
    assert max(Counter(completed).values()) == 1
    assert len(completed) == 24 * 2 + 3
    assert fleet.query("SELECT sum(losses) > 0 FROM queued_runs") == [(True,)], "no kill met a run"
    assert (site.hits["/before"], site.hits["/after"]) == (1, 1)


MANY = loads("""\
steploom: 1
name: Many
inputs: {n: {type: integer}}
steps:
  all:
    type: for_each
    config: {items: '{{ range(input.n) | list }}', spread: true, concurrency: 7, collect: '{{ do.text }}'}
    body:
      do:
        type: template
        config: {text: 'item {{ item }}'}
outputs: {results: '{{ all.results }}'}
""")


async def test_hundreds_of_passes_go_through_several_workers_no_more_at_once_than_may(
    office: Workspace, database_url: str, tmp_path: Path
) -> None:
    # Nobody is lost here, however busy the machine is.
    with fleet_of(database_url, tmp_path / "fleet", concurrency=6, lost_after=60) as fleet:
        for _ in range(3):
            await asyncio.to_thread(fleet.start)
        run_id = await office.queue.enqueue(MANY, {"n": 200})
        await off_loop(fleet.until_status, run_id, "completed")
        assert results(fleet, run_id) == [f"item {item}" for item in range(200)]
        assert fleet.query("SELECT count(*), sum(attempt) FROM step_results WHERE path ~ 'do$'") == [(200, 200)]
        moments = fleet.query("""
            SELECT started, 1 FROM step_results WHERE path ~ 'do$'
            UNION ALL SELECT ended, -1 FROM step_results WHERE path ~ 'do$' ORDER BY 1, 2""")
        assert max(accumulate(change for _, change in moments)) <= 7
        entries = "SELECT count(*) FROM procrastinate_jobs"
        await off_loop(fleet.until, lambda: fleet.query(entries) == [(0,)], "no entry to be left")
        assert fleet.query("SELECT count(*) FROM queued_runs WHERE held_back IS NOT NULL") == [(0,)]


def _ended(fleet: Fleet) -> int:
    return int(
        fleet.query("SELECT count(*) FROM spread_runs JOIN executions ON id = run_id WHERE ended IS NOT NULL")[0][0]
    )
