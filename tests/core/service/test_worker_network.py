"""A worker on a network of its own, cut off from everything without being told, as machines far away are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from psycopg import conninfo

from core.workspace import Workspace
from tests.support.killed_workers import asked, off_loop
from tests.support.network_island import Island, NoIslands, island
from tests.support.tcp_relay import relay_to
from tests.support.worker_fleet import CountingSite, Fleet, counting_site, fleet_of


@pytest.fixture
def far_away() -> Iterator[Island]:
    try:
        with island() as made:
            yield made
    except NoIslands as reason:
        pytest.skip(str(reason))


@pytest.fixture
def site(far_away: Island) -> Iterator[CountingSite]:
    with counting_site(host=far_away.address) as running:
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


@pytest.fixture
async def far_url(office: Workspace, far_away: Island) -> AsyncIterator[str]:
    """The database as it is reached from the island."""
    assert office.store is not None
    parts = conninfo.conninfo_to_dict(office.store.database.address.dsn)
    async with relay_to(f"{parts['host']}/.s.PGSQL.{parts.get('port', 5432)}", far_away.address) as relay:
        yield f"postgresql://{parts['user']}@{far_away.address}:{relay.port}/{parts['dbname']}?sslmode=disable"


def _beats(fleet: Fleet, pid: int) -> bool:
    return bool(fleet.query("SELECT 1 FROM workers WHERE pid = %s AND heartbeat > now() - interval '2 s'", pid))


async def test_a_worker_that_is_cut_off_loses_its_run_and_writes_nothing_when_it_is_back(
    office: Workspace, fleet: Fleet, site: CountingSite, far_away: Island, far_url: str
) -> None:
    hosts = f'["{far_away.address}"]'
    site.held = {"/second/0"}
    cut_off = await asyncio.to_thread(fleet.start, url=far_url, within=far_away.enter, STEPLOOM_ALLOWED_HOSTS=hosts)
    run_id = await asked(office, site)
    await off_loop(site.wait_for, "/second/0")
    far_away.cut()
    site.held = set()
    near = await asyncio.to_thread(fleet.start, STEPLOOM_ALLOWED_HOSTS=hosts)
    await off_loop(fleet.until_status, run_id, "completed")
    ((before,),) = fleet.query("SELECT count(*) FROM step_results WHERE run_id = %s", run_id)
    epoch = fleet.query("SELECT lease_epoch FROM executions WHERE id = %s", run_id)
    site.release()  # the answer to the first call is on its way, and lost until the cable is mended
    far_away.mend()
    await off_loop(fleet.until, lambda: _beats(fleet, cut_off.pid), "the worker to be back")
    assert (site.hits["/first/0"], site.hits["/second/0"], site.hits["/third/0"]) == (1, 2, 1)
    assert fleet.query("SELECT count(*) FROM step_results WHERE run_id = %s", run_id) == [(before,)]
    assert fleet.query("SELECT lease_epoch FROM executions WHERE id = %s", run_id) == epoch
    await off_loop(fleet.until, lambda: fleet.said(f"Run {run_id} was left"), "the worker to let go of the run")
    assert not fleet.said("Traceback")

    near.kill()
    near.wait()
    later = await asked(office, site, 1)
    await off_loop(fleet.until_status, later, "completed")
    assert cut_off.poll() is None


async def test_a_worker_notices_by_itself_that_the_network_swallows_everything(
    fleet: Fleet, far_away: Island, far_url: str
) -> None:
    quick = "&keepalives_idle=1&keepalives_interval=1&keepalives_count=2&tcp_user_timeout=2000&connect_timeout=2"
    worker = await asyncio.to_thread(fleet.start, url=far_url + quick, within=far_away.enter)
    far_away.cut()
    await off_loop(fleet.until, lambda: fleet.said("cannot be read"), "it to notice", seconds=30)
    assert not _beats(fleet, worker.pid)
    far_away.mend()
    await off_loop(fleet.until, lambda: fleet.is_ready(worker.pid) and _beats(fleet, worker.pid), "it to be back")
