from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.engine.events import NO_USAGE, RunCancelled, RunStarted
from core.service.worker import Worker
from core.store.address import Address
from core.store.queued_runs import QueuePlace
from core.store.spread_family import Member
from core.store.store import Store
from core.store.workers import WorkerFacts
from core.workspace import Workspace
from tests.support.command_line import Cli
from tests.support.journals import at, new_run, started
from tests.support.postgres import new_database

TEXT = "inputs: {n: {type: integer}}\nsteps:\n  a: {type: template, config: {text: '{{ input.n }}'}}\n"


@pytest.fixture
def target_url(postgres_server: Address) -> Iterator[str]:
    with new_database(postgres_server, "template0") as url:
        yield url


def queued(cli: Cli, document: Path) -> str:
    outcome = cli("run", document, "-i", "n=4", "--queue", "--json")
    assert (outcome.code, outcome.json["status"]) == (0, "queued")
    return str(outcome.json["run_id"])


def test_a_run_is_left_to_a_worker_with_its_inputs_in_their_types(
    cli: Cli, database: str, write: Callable[..., Path]
) -> None:
    run_id = queued(cli, write("Tiny", TEXT))
    shown = cli("runs", "show", run_id, "--json").json
    assert (shown["status"], shown["inputs"]) == ("queued", {"n": 4})
    assert "1 waiting in default" in cli("workers").out
    assert cli("runs", "cancel", run_id).code == 0
    assert cli("runs", "show", run_id, "--json").json["status"] == "cancelled"


@pytest.mark.parametrize("option", [("--timeout", "5s"), ("--memory-only",), ("--allow-read", ".")])
def test_what_is_the_workers_business_is_not_taken_with_a_queued_run(
    cli: Cli, database: str, write: Callable[..., Path], option: tuple[str, ...]
) -> None:
    outcome = cli("run", write("Tiny", TEXT), "-i", "n=4", "--queue", *option)
    assert outcome.code == 2
    assert "what steps may" in " ".join(outcome.err.split())


def test_wrong_inputs_of_a_queued_run_are_said_at_once(cli: Cli, database: str, write: Callable[..., Path]) -> None:
    assert cli("run", write("Tiny", TEXT), "-i", "n=four", "--queue").code == 2
    assert cli("runs", "list", "--json").json == []


def test_a_parked_run_is_shown_as_such_and_let_go(
    cli: Cli, database: str, write: Callable[..., Path], tmp_path: Path
) -> None:
    run_id = queued(cli, write("Tiny", TEXT))
    assert cli("runs", "unpark", run_id).code == 2

    async def park() -> None:
        async with await Store.open(database, tmp_path) as store:
            await store.queued_runs.park(run_id, "it is poison")

    asyncio.run(park())
    assert "parked" in cli("runs", "list").out
    assert cli("runs", "show", run_id, "--json").json["error"]["message"] == "it is poison"
    assert cli("runs", "unpark", run_id).code == 0
    assert "parked" not in cli("runs", "list").out


def test_a_queue_that_no_worker_takes_from_is_told_with_the_cure(
    cli: Cli, database: str, write: Callable[..., Path], tmp_path: Path
) -> None:
    document = write("Tiny", TEXT)
    run_id = str(cli("run", document, "-i", "n=4", "--queue", "--queue-name", "slow one", "--json").json["run_id"])
    shown = cli("runs", "show", run_id).out
    assert "queued, asked for" in shown
    assert "No worker that is alive takes from it; start one: steploom worker\n" in shown

    async def announce(*queues: str) -> None:
        async with await Store.open(database, tmp_path) as store:
            facts = WorkerFacts(uuid.uuid4(), "box", 77, "1.0", queues, 4, f"box/boot/space/77/{len(queues)}.00")
            await store.workers.beat(facts, running=0, queue_worker=None)

    asyncio.run(announce("others"))
    assert "start one: steploom worker --queues 'slow one'" in cli("runs", "show", run_id).out
    assert "no worker that is alive takes from it: steploom worker --queues 'slow one'" in cli("workers").out
    asyncio.run(announce("others", "slow one"))
    assert "It waits in the queue slow one.\n" in cli("runs", "show", run_id).out
    assert "no worker" not in cli("workers").out


def test_what_a_run_that_waits_is_limited_by_is_shown(cli: Cli, database: str, write: Callable[..., Path]) -> None:
    trigger = "trigger: {type: manual, concurrency_key: 'k{{ input.n }}', concurrency: 2}\n"
    run_id = queued(cli, write("Tiny", trigger + TEXT))
    assert "2 runs may be executed at the same time with the key 'k4'" in cli("runs", "show", run_id).out


async def test_a_run_that_its_worker_has_handed_over_is_not_said_to_be_cancelled(
    cli: Cli, database: str, tmp_path: Path
) -> None:
    async with await Store.open(database, tmp_path) as store:
        run_id = await store.queued_runs.add(new_run(), QueuePlace("slow"))
        _, _, lease = await store.journal.take_run(run_id)
        await store.queued_runs.hand_over(run_id)
        store.journal.put(lease, RunCancelled(run_id, at(9), NO_USAGE, 1.0, resumable=True))
        await store.journal.close_run(lease)
        listed, shown = [(await asyncio.to_thread(cli, "runs", *words)).out for words in (("list",), ("show", run_id))]
        await store.journal.cancel(run_id)
        later = (await asyncio.to_thread(cli, "runs", "list")).out
    assert "handed over" in listed
    assert "handed over, started" in shown
    assert "Its worker was stopped; another one goes on with it. It waits in the queue slow." in shown
    assert "handed over" not in later
    assert "cancelled" in later


async def test_a_step_at_work_is_told_with_how_long_it_has_been(cli: Cli, database: str, tmp_path: Path) -> None:
    run = new_run()
    async with await Store.open(database, tmp_path) as store:
        await store.queued_runs.add(run)
        _, _, lease = await store.journal.take_run(run.id)
        store.journal.put(lease, RunStarted(run.id, at(0), "Triage", {}))
        store.journal.put(lease, started(run.id))
        await store.journal.flush(lease)
        shown = (await asyncio.to_thread(cli, "runs", "show", run.id)).out
        await store.queued_runs.park(run.id, "it is poison")
        parked = (await asyncio.to_thread(cli, "runs", "show", run.id)).out
    assert "running, started" in shown
    assert "a  at work for" in shown
    assert "a  had begun" in parked


async def test_a_run_that_its_worker_does_not_cancel_is_not_said_to_be_cancelled(
    cli: Cli, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.cli.runs.CANCEL_LOOKS", 1)
    async with await Store.open(database, tmp_path) as store:
        run_id = await store.queued_runs.add(new_run())
        await store.journal.take_run(run_id)
        done = await asyncio.to_thread(cli, "runs", "cancel", run_id)
    assert (done.code, f"asked to cancel {run_id} and has not done so yet" in done.err) == (0, True)


def test_what_the_workers_lack_that_saw_a_run_is_shown(
    cli: Cli, database: str, write: Callable[..., Path], tmp_path: Path
) -> None:
    run_id = queued(cli, write("Tiny", TEXT))
    assert cli("runs", "show", run_id, "--json").json["waits_for"] is None

    async def leave() -> None:
        async with await Store.open(database, tmp_path) as store:
            await store.queued_runs.leave_to_others(run_id, "no step type 'odd'", datetime.now(UTC) + timedelta(days=1))

    asyncio.run(leave())
    assert "It waits for a worker that can execute it: no step type 'odd'" in cli("runs", "show", run_id).out
    assert cli("runs", "show", run_id, "--json").json["waits_for"] == "no step type 'odd'"


def test_workers_are_listed_with_whether_they_live(cli: Cli, database: str, tmp_path: Path) -> None:
    assert "steploom worker" in cli("workers").out
    facts = WorkerFacts(uuid.uuid4(), "box", 77, "1.0", ("slow",), 4, "box/boot/space/77/1.00")

    async def announce() -> None:
        async with await Store.open(database, tmp_path) as store:
            await store.workers.beat(facts, running=2, queue_worker=None)

    asyncio.run(announce())
    (found,) = cli("workers", "--json").json["workers"]
    assert (found["host"], found["queues"], found["running"], found["alive"]) == ("box", ["slow"], 2, True)
    assert "2 of 4" in cli("workers").out


def test_everything_is_copied_to_an_empty_database_and_not_twice(
    cli: Cli, database: str, target_url: str, write: Callable[..., Path]
) -> None:
    queued(cli, write("Tiny", TEXT))
    outcome = cli("db", "move", target_url)
    assert outcome.code == 0
    assert "both hold the same" in outcome.err
    again = cli("db", "move", target_url)
    assert again.code == 1
    assert "holds something already" in again.err


SPREAD = """\
steps:
  all:
    type: for_each
    config: {items: [Ada, Bob], spread: true}
    body:
      ask:
        type: approval
        config: {message: 'Invite {{ item }}?'}
"""


def test_runs_that_a_step_has_asked_for_are_told_of_with_their_run(
    cli: Cli, database: str, write: Callable[..., Path], tmp_path: Path
) -> None:
    run_id = str(cli("run", write("Invite", SPREAD), "--queue", "--json").json["run_id"])

    async def work(until: str, number: int) -> None:
        async with Workspace.open(database_url=database) as workspace:
            worker = Worker(workspace, grace_s=0)
            working = asyncio.create_task(worker.run())
            async with asyncio.timeout(60):
                while [one.status for one in await _below(workspace, run_id)] != [until] * number:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            worker.stop()
            await working

    asyncio.run(work("suspended", 2))
    shown = cli("runs", "show", run_id).out
    assert "Runs that all has asked for: 2 suspended" in shown
    assert "all  waits for its 2 runs" in shown
    assert "Invite Ada?" in shown
    assert "asked by all[1]/ask" in shown
    facts = cli("runs", "show", run_id, "--json").json
    first, second = facts["runs"]
    assert (facts["status"], first["step"], first["number"], second["status"]) == ("suspended", "all", 0, "suspended")
    assert "one pass of the loop all" in cli("runs", "show", first["run_id"]).out
    assert len(cli("runs", "list", "--json").json) == 1

    for path in ("all[0]/ask", "all[1]/ask"):
        answered = cli("runs", "answer", run_id, "approve", "--step", path, "--no-resume")
        assert (answered.code, "A worker goes on" in answered.err) == (0, True)
    asyncio.run(work("completed", 2))


async def _below(workspace: Workspace, run_id: str) -> Sequence[Member]:
    assert workspace.store is not None
    return await workspace.store.spread_runs.below(run_id)
