"""Watching a run that a worker in a process of its own executes."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.ids import new_run_id
from core.store.store import Store
from tests.support.command_line import Cli

Write = Callable[..., Path]

GREET = """\
inputs: {who: {type: string}}
steps:
  greet: {type: template, title: Greet, config: {text: "Hello {{ input.who }}"}, then: ask}
  ask: {type: approval, config: {message: Enough?, choices: [yes]}}
outputs: {text: "{{ greet.text }}"}
"""


@pytest.fixture
def working(database: str, process_environment: dict[str, str]) -> Iterator[None]:
    """Somebody executes what is queued."""
    environment = {**process_environment, "STEPLOOM_DATABASE_URL": database}
    command = [sys.executable, "-m", "core.cli", "worker"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        yield
        process.send_signal(signal.SIGTERM)


def queued(cli: Cli, file: Path) -> str:
    told = cli("run", file, "-i", "who=Ada", "--queue")
    assert "steploom runs watch" in told.err
    run_id: str = told.out.strip()
    return run_id


def test_a_run_of_a_worker_is_watched_until_it_asks_and_then_to_its_end(
    cli: Cli, database: str, write: Write, working: None
) -> None:
    run_id = queued(cli, write("Greet", GREET))
    watched = cli("runs", "watch", run_id)
    assert watched.code == 3
    assert "✓ Greet" in watched.err
    assert f"See what it waits for: steploom runs show {run_id}" in watched.err
    cli("runs", "answer", run_id, "yes", "--no-resume")
    ended = cli("runs", "watch", run_id, "--events")
    assert (ended.code, ended.events[-1]["event"]) == (0, "run_completed")
    assert [event["step_id"] for event in ended.events if event["event"] == "step_completed"] == ["greet", "ask"]
    again = cli("runs", "watch", run_id)
    assert (again.code, again.out) == (0, "text: Hello Ada\n")


def test_a_run_whose_process_died_is_not_waited_for(cli: Cli, database: str, write: Write, home: Path) -> None:
    run_id = queued(cli, write("Greet", GREET))

    async def kill() -> str:
        async with await Store.open(database, home) as store:
            run = replace(await store.journal.run(run_id), id=new_run_id(), status="running")
            await store.journal.close_run(await store.journal.open_run(run))
            return run.id

    killed = asyncio.run(kill())
    watched = cli("runs", "watch", killed)
    assert watched.code == 3
    assert f"Its process died. Go on with it: steploom runs resume {killed}" in watched.err
