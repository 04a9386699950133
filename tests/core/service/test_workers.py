"""Several real worker processes on one database: killed, paused, cut off, stopped, poisoned."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from random import Random

import pytest
from psycopg import conninfo

from core.store.server import EmbeddedServer
from core.workflow.document import loads
from core.workspace import Workspace
from tests.support.killed_workers import asked, kill_at_random, off_loop
from tests.support.odd_steps import DeadlyStep, OddStep, install_into
from tests.support.postgres import url_of
from tests.support.tcp_relay import relay_to
from tests.support.worker_fleet import ROOT, CountingSite, Fleet, counting_site, fleet_of

RUNS, KILLS = 60, 4

ODD = """\
steploom: 1
name: Odd
steps:
  only:
    type: {kind}
"""


@pytest.fixture
def site() -> Iterator[CountingSite]:
    with counting_site() as running:
        yield running


@pytest.fixture
def fleet(database_url: str, tmp_path: Path) -> Iterator[Fleet]:
    with fleet_of(database_url, tmp_path / "fleet") as made:
        yield made


@pytest.fixture
async def office(database_url: str, tmp_path: Path) -> AsyncIterator[Workspace]:
    """The program that asks for runs."""
    async with Workspace.open(tmp_path / "office", database_url=database_url) as opened:
        yield opened


async def held_up(
    office: Workspace, fleet: Fleet, site: CountingSite, *options: str
) -> tuple[subprocess.Popen[bytes], str]:
    """A worker that waits for an answer in the middle of a run, and the run's id."""
    site.held = {"/second/0"}
    worker = await asyncio.to_thread(fleet.start, *options)
    run_id = await asked(office, site)
    await off_loop(site.wait_for, "/second/0")
    return worker, run_id


async def test_the_run_of_a_killed_worker_is_finished_by_another_one(
    office: Workspace, fleet: Fleet, site: CountingSite
) -> None:
    first, run_id = await held_up(office, fleet, site)
    first.kill()
    first.wait()
    site.release()
    await asyncio.to_thread(fleet.start)
    await off_loop(fleet.until_status, run_id, "completed")

    assert (site.hits["/first/0"], site.hits["/second/0"], site.hits["/third/0"]) == (1, 2, 1)
    (known,) = fleet.query("SELECT losses, parked FROM queued_runs WHERE run_id = %s", run_id)
    assert known == (1, "")


async def test_a_worker_that_was_paused_until_its_lease_was_gone_starts_nothing_when_it_wakes(
    office: Workspace, fleet: Fleet, site: CountingSite
) -> None:
    sleeper, run_id = await held_up(office, fleet, site)
    sleeper.send_signal(signal.SIGSTOP)
    await asyncio.to_thread(fleet.start)
    await off_loop(site.wait_for, "/second/0", 2)
    site.release()
    await off_loop(fleet.until_status, run_id, "completed")
    sleeper.send_signal(signal.SIGCONT)
    again = await asked(office, site, 1)
    await off_loop(fleet.until_status, again, "completed")
    await off_loop(fleet.until, lambda: fleet.is_ready(sleeper.pid), "the sleeper to take runs again")

    assert (site.hits["/second/0"], site.hits["/third/0"]) == (2, 1)
    attempts = fleet.query("SELECT path, attempt, status FROM step_results WHERE run_id = %s ORDER BY 1, 2", run_id)
    assert [row for row in attempts if row[0] == "third"] == [("third", 1, "completed")]
    assert sleeper.poll() is None


async def test_a_worker_that_is_cut_off_from_the_database_loses_its_run_and_comes_back(
    office: Workspace, fleet: Fleet, site: CountingSite
) -> None:
    assert office.store is not None
    parts = conninfo.conninfo_to_dict(office.store.database.address.dsn)
    async with relay_to(f"{parts['host']}/.s.PGSQL.{parts.get('port', 5432)}") as relay:
        far = f"postgresql://{parts['user']}@127.0.0.1:{relay.port}/{parts['dbname']}"
        site.held = {"/second/0"}
        cut_off = await asyncio.to_thread(fleet.start, url=far)
        run_id = await asked(office, site)
        await off_loop(site.wait_for, "/second/0")
        await relay.cut()
        site.held = set()
        await asyncio.to_thread(fleet.start)
        await off_loop(fleet.until_status, run_id, "completed")
        site.release()
        before = site.hits["/third/0"]
        await relay.mend()
        await off_loop(fleet.until, lambda: _beats(fleet, cut_off.pid), "the worker to be back")
    assert (before, site.hits["/third/0"]) == (1, 1)
    assert cut_off.poll() is None


def _beats(fleet: Fleet, pid: int) -> bool:
    return bool(fleet.query("SELECT 1 FROM workers WHERE pid = %s AND heartbeat > now() - interval '2 s'", pid))


async def test_a_database_that_was_away_for_longer_than_a_lease_makes_no_worker_a_lost_one(
    office: Workspace, database_url: str, tmp_path: Path, site: CountingSite
) -> None:
    assert office.store is not None
    parts = conninfo.conninfo_to_dict(office.store.database.address.dsn)
    async with relay_to(f"{parts['host']}/.s.PGSQL.{parts.get('port', 5432)}") as relay:
        far = f"postgresql://{parts['user']}@127.0.0.1:{relay.port}/{parts['dbname']}"
        with fleet_of(database_url, tmp_path / "far-fleet", lost_after=3.0) as fleet:
            site.held = {"/second/0"}
            for _ in range(2):
                await asyncio.to_thread(fleet.start, url=far)
            run_id = await asked(office, site)
            await off_loop(site.wait_for, "/second/0")
            await relay.cut()
            gone = "SELECT 1 FROM executions WHERE id = %s AND lease_expires < now() - interval '1 s'"
            await off_loop(fleet.until, lambda: fleet.query(gone, run_id), "the lease to be gone")
            await relay.mend()
            renewed = "SELECT 1 FROM executions WHERE id = %s AND lease_expires > now()"
            await off_loop(fleet.until, lambda: fleet.query(renewed, run_id), "the lease to be renewed")
            site.release()
            await off_loop(fleet.until_status, run_id, "completed")
            assert (site.hits["/first/0"], site.hits["/second/0"], site.hits["/third/0"]) == (1, 1, 1)
            assert fleet.query("SELECT losses FROM queued_runs WHERE run_id = %s", run_id) == [(0,)]
            await off_loop(fleet.until, lambda: fleet.said("The database is heard again"), "the log to say so")


async def test_two_workers_that_are_given_the_same_run_execute_it_once(
    office: Workspace, fleet: Fleet, site: CountingSite
) -> None:
    await asyncio.to_thread(fleet.start)
    await asyncio.to_thread(fleet.start)
    site.held = {"/first/0"}
    run_id = await asked(office, site)
    await off_loop(site.wait_for, "/first/0")
    assert office.store is not None
    for _ in range(6):
        await office.store.queued_runs.again(run_id)  # an entry more; both workers look at it
        await off_loop(fleet.until, lambda: not fleet.query(
            "SELECT 1 FROM procrastinate_jobs WHERE status = 'todo'"), "the entry to be looked at")  # fmt: skip
    site.release()
    await off_loop(fleet.until_status, run_id, "completed")
    assert (site.hits["/first/0"], site.hits["/second/0"], site.hits["/third/0"]) == (1, 1, 1)


async def test_a_run_that_kills_its_workers_is_parked_after_three_and_goes_on_when_unparked(
    office: Workspace, fleet: Fleet, tmp_path: Path
) -> None:
    office.types.add(DeadlyStep())
    run_id = await office.queue.enqueue(loads(ODD.format(kind="deadly")), {})
    path = f"{ROOT}:{install_into(tmp_path / 'plug-in')}"
    for _ in range(3):
        process = await asyncio.to_thread(fleet.start, wait=False, PYTHONPATH=path)
        assert await asyncio.to_thread(process.wait, 60) == 77
    survivor = await asyncio.to_thread(fleet.start, PYTHONPATH=path)
    await off_loop(fleet.until, lambda: fleet.query("SELECT 1 FROM queued_runs WHERE parked <> ''"), "it to be parked")
    run = await office.journal.run(run_id)
    assert run.error is not None
    assert (run.status, run.error.type) == ("suspended", "parked")
    assert "3 workers were lost" in run.error.message
    assert survivor.poll() is None
    await off_loop(fleet.until, lambda: "is parked" in fleet.logs(), "the log to say so")
    assert await office.queue.wake(run_id) is False

    survivor.kill()
    survivor.wait()
    assert office.store is not None
    await office.store.queued_runs.unpark(run_id)
    last = await asyncio.to_thread(fleet.start, wait=False, PYTHONPATH=path)
    assert await asyncio.to_thread(last.wait, 60) == 77


async def test_a_run_with_a_step_type_that_a_worker_lacks_is_left_for_one_that_has_it(
    office: Workspace, fleet: Fleet, tmp_path: Path
) -> None:
    office.types.add(OddStep())
    await asyncio.to_thread(fleet.start)
    run_id = await office.queue.enqueue(loads(ODD.format(kind="odd")), {})
    await off_loop(fleet.until, lambda: fleet.query("SELECT 1 FROM queued_runs WHERE waits_for <> ''"), "the refusal")
    assert fleet.status(run_id) == "queued"
    assert "no step type 'odd'" in str(fleet.query("SELECT waits_for FROM queued_runs"))

    await asyncio.to_thread(fleet.start, PYTHONPATH=f"{ROOT}:{install_into(tmp_path / 'plug-in')}")
    fleet.execute("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo'")
    fleet.processes[0].kill()
    fleet.processes[0].wait()
    await off_loop(fleet.until_status, run_id, "completed")
    assert fleet.query("SELECT waits_for FROM queued_runs") == [("",)]


async def test_a_worker_stops_when_a_newer_program_has_changed_the_tables(fleet: Fleet) -> None:
    worker = await asyncio.to_thread(fleet.start)
    fleet.execute("UPDATE alembic_version SET version_num = 'm20990101_later'")
    assert await asyncio.to_thread(worker.wait, 60) == 1
    assert "changed by a newer Steploom" in fleet.logs()


async def test_cancelling_reaches_a_worker_in_the_middle_of_a_step(
    office: Workspace, fleet: Fleet, site: CountingSite
) -> None:
    _, run_id = await held_up(office, fleet, site)
    await office.queue.cancel(run_id)
    await off_loop(fleet.until_status, run_id, "cancelled", 20)

    assert site.hits["/third/0"] == 0


async def test_a_worker_that_is_asked_to_stop_lets_its_run_finish(
    office: Workspace, fleet: Fleet, site: CountingSite
) -> None:
    worker, run_id = await held_up(office, fleet, site, "--grace", "60s")
    worker.send_signal(signal.SIGTERM)
    later = await asked(office, site, 1)
    site.release()

    assert await asyncio.to_thread(worker.wait, 60) == 0
    assert (fleet.status(run_id), fleet.status(later)) == ("completed", "queued")
    assert fleet.query("SELECT pid FROM workers") == []


async def test_a_worker_that_is_asked_twice_to_stop_hands_its_run_over_at_once(
    office: Workspace, fleet: Fleet, site: CountingSite
) -> None:
    worker, run_id = await held_up(office, fleet, site, "--grace", "1h")
    worker.send_signal(signal.SIGINT)
    await off_loop(fleet.until, lambda: fleet.said("1 run has 60 min 0 s to finish"), "it to say what becomes of it")
    worker.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(worker.wait, 60) == 0
    losses = fleet.query("SELECT losses FROM queued_runs WHERE run_id = %s", run_id)
    assert (fleet.status(run_id), losses) == ("cancelled", [(0,)]), "handed over, and nobody took it yet"


async def test_a_worker_that_may_not_wait_hands_its_run_over(
    office: Workspace, fleet: Fleet, site: CountingSite
) -> None:
    worker, run_id = await held_up(office, fleet, site, "--grace", "0s")
    worker.send_signal(signal.SIGINT)
    assert await asyncio.to_thread(worker.wait, 60) == 0
    site.held = set()
    await asyncio.to_thread(fleet.start)
    await off_loop(fleet.until_status, run_id, "completed")

    assert (site.hits["/first/0"], site.hits["/third/0"]) == (1, 1)
    assert fleet.query("SELECT losses, handed_over FROM queued_runs WHERE run_id = %s", run_id) == [(0, False)]


async def test_every_run_ends_once_and_no_completed_step_runs_again_while_workers_are_killed(
    office: Workspace, fleet: Fleet
) -> None:
    with counting_site(slow_s=0.2) as site:
        losses = await kill_at_random(office, fleet, site, runs=RUNS, kills=KILLS, random=Random(7))
    assert losses > 0, "no kill met a run, so nothing was tried"


async def test_workers_go_on_when_the_database_was_restarted(tmp_path: Path, site: CountingSite) -> None:
    with tempfile.TemporaryDirectory(prefix="steploom-restart-") as folder:
        server = EmbeddedServer(Path(folder) / "postgres")
        url = url_of(await asyncio.to_thread(server.start))
        try:
            async with Workspace.open(tmp_path / "office", database_url=url) as office:
                with fleet_of(url, tmp_path / "fleet") as fleet:
                    worker = await asyncio.to_thread(fleet.start)
                    site.held = {"/second/0"}
                    run_id = await asked(office, site)
                    await off_loop(site.wait_for, "/second/0")
                    await asyncio.to_thread(server.stop)
                    site.release()
                    await asyncio.to_thread(server.start)
                    await off_loop(fleet.until_status, run_id, "completed")
                    later = await asked(office, site, 1)
                    await off_loop(fleet.until_status, later, "completed")
                    assert worker.poll() is None
                    assert (site.hits["/first/0"], site.hits["/second/0"], site.hits["/third/0"]) == (1, 1, 1)
        finally:
            await asyncio.to_thread(server.stop)
