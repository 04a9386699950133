"""The background service: started, found by others, stopped, and told about when it fails. Real processes."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from core.resources import root
from core.service.control import SAID, Program, ServiceControl, ServiceState
from core.service.presence import Presence, announce, read
from core.service.user_unit import UnitError, UserUnit
from core.settings import change
from core.store.process import ProcessId, this_machine

LISTENS = """
import os, signal, sys, time
from datetime import UTC, datetime
from pathlib import Path
from core.service.presence import Presence, announce, take_leave
from core.store.process import this_process
home = Path(os.environ["STEPLOOM_HOME"])
{before}
announce(home, Presence(this_process(), "http://127.0.0.1:9", datetime.now(UTC), "1"))
{after}
"""

Make = Callable[..., ServiceControl]


@pytest.fixture
async def control(tmp_path: Path) -> AsyncIterator[Make]:
    """Makes the control of a service; whatever it started is ended."""
    made: list[ServiceControl] = []

    def make(before: str = "", after: str = "signal.pause()", **more: object) -> ServiceControl:
        code = LISTENS.format(before=before, after=after)
        program = Program((sys.executable, "-c", code), {"PYTHONPATH": str(root())})
        values = {"program": program, "answers": lambda _: True, "unit": no_unit(), **more}
        made.append(ServiceControl(tmp_path / "home", **values))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for each in made:
        await each.end_now()


def no_unit() -> UserUnit:
    return UserUnit(("steploom",), {}, environment={})


async def test_the_real_service_is_started_called_found_by_others_and_stopped(
    tmp_path: Path, database_url: str, control: Make
) -> None:
    home = tmp_path / "home"
    change(home, service={"port": 0})
    told: list[str] = []
    real = ServiceControl(home, database_url=database_url, unit=no_unit(), told=lambda state: told.append(state.kind))
    try:
        running = await real.start(is_demo=True)
        assert (running.kind, running.problem) == ("running", "")
        async with httpx.AsyncClient(base_url=running.address, trust_env=False, timeout=30) as client:
            assert (await client.get("/readyz")).json() == {"status": "ready"}
        another = ServiceControl(home, unit=no_unit())
        found = await another.look()
        assert (found.kind, found.address) == ("running", running.address)
        assert found.presence is not None
        assert (found.presence.keeper, found.presence.is_demo, found.presence.workers) == ("window", True, 10)
        assert await another.start() == found
        assert (await another.stop()).kind == "stopped"
        assert (await real.look()).kind == "stopped"
    finally:
        await real.end_now()
    assert told == ["starting"]
    assert read(home) is None
    assert database_url not in (home / SAID).read_text()


async def test_a_port_that_is_taken_is_told_with_the_next_move(tmp_path: Path, database_url: str) -> None:
    home = tmp_path / "home"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        change(home, service={"port": taken.getsockname()[1]})
        state = await ServiceControl(home, database_url=database_url, unit=no_unit()).start()
    assert state.kind == "failed"
    assert "Choose another port in the settings" in state.problem
    assert any("cannot be listened at" in line for line in state.lines)


async def test_a_service_that_ends_at_its_start_is_told_with_its_last_words(control: Make) -> None:
    failing = control("print('The cupboard is bare'); sys.exit(7)")
    state = await failing.start()
    assert state.kind == "failed"
    assert "exit code 7" in state.problem
    assert state.lines == ("The cupboard is bare",)
    assert (await failing.look()).kind == "failed"
    assert (await failing.stop()).kind == "stopped"


async def test_a_killed_service_is_told_as_failed_also_by_a_later_window_until_it_is_started_again(
    control: Make,
) -> None:
    first = control()
    state = await first.start()
    assert state.presence is not None
    os.kill(state.presence.process.pid, signal.SIGKILL)
    while (state := await first.look()).kind == "running":  # noqa: ASYNC110 - the system tells nobody
        await asyncio.sleep(0.01)
    assert (state.kind, state.address) == ("failed", "")
    later = control()
    assert (await later.look()).kind == "failed"
    assert (await later.start()).kind == "running"
    assert (await later.stop()).kind == "stopped"


async def test_a_service_that_hangs_is_told_as_silent_and_can_be_ended_at_once(control: Make) -> None:
    alive = True
    stubborn = control("signal.signal(signal.SIGTERM, signal.SIG_IGN)", answers=lambda _: alive)
    assert (await stubborn.start()).kind == "running"
    alive = False
    assert "does not answer" in (await stubborn.look()).problem
    slow = await stubborn.stop(patience_s=0.3)
    assert (slow.kind, slow.is_up) == ("silent", True)
    assert "end it now" in slow.problem
    assert (await stubborn.end_now()).kind == "stopped"


async def test_whoever_looks_while_it_starts_or_stops_is_told_so(tmp_path: Path, control: Make) -> None:
    begin, go = tmp_path / "begin", tmp_path / "go"
    waits = "while not Path({!r}).exists(): time.sleep(0.01)"
    seen: list[ServiceState] = []
    slow = control(
        f"signal.signal(signal.SIGTERM, lambda *_: None)\n{waits.format(str(begin))}",
        waits.format(str(go)),
        told=seen.append,
    )
    async with asyncio.timeout(60):
        starting = asyncio.create_task(slow.start())
        while (await slow.look()).kind != "starting":
            pass
        begin.touch()
        assert (await starting).kind == "running"
        stopping = asyncio.create_task(slow.stop())
        while (await slow.look()).kind != "stopping":
            pass
        go.touch()
        assert (await stopping).kind == "stopped"
    assert [state.kind for state in seen] == ["starting", "stopping"]


async def test_a_service_of_systemd_is_started_and_stopped_by_systemd(tmp_path: Path) -> None:
    asked: list[str] = []

    class Unit(UserUnit):
        is_possible = is_installed = True

        def start(self, *, is_demo: bool = False) -> None:
            asked.append("start")

        def log_end(self, lines: int) -> list[str]:
            return ["Unit says no"]

        @property
        def has_failed(self) -> bool:
            return True

        @property
        def is_retried(self) -> bool:
            return bool(asked)

    gone = ProcessId(this_machine(), 2**22 + 1, 0.0)
    dead = Presence(gone, "http://127.0.0.1:9", datetime(2026, 1, 1, tzinfo=UTC), "1", keeper="systemd")
    control = ServiceControl(tmp_path, unit=Unit((), {}))
    announce(tmp_path, dead)
    assert (await control.look()).kind == "failed"
    state = await control.start()
    assert asked == ["start"]
    assert (state.kind, state.lines) == ("failed", ("Unit says no",))
    announce(tmp_path, dead)
    assert (await control.look()).kind == "starting"  # systemd is about to start it again


def test_a_database_that_systemd_would_not_know_is_asked_for_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed: list[bool] = []

    class Unit(UserUnit):
        def install(self, *, is_demo: bool = False) -> None:
            installed.append(is_demo)

    unit = Unit((), {}, environment={"HOME": str(tmp_path)})
    named = ServiceControl(tmp_path, database_url="postgresql://db.example.org/steploom", unit=unit)
    with pytest.raises(UnitError, match="steploom db use URL"):
        named.install_unit()
    plain = ServiceControl(tmp_path, unit=unit)
    plain.install_unit()
    monkeypatch.setenv("STEPLOOM_DATABASE_URL", "postgresql://db.example.org/steploom")
    with pytest.raises(UnitError, match=r"service\.env"):
        plain.install_unit()
    unit.variables_file.parent.mkdir(parents=True)
    unit.variables_file.write_text("# mine\nSTEPLOOM_DATABASE_URL=postgresql://db.example.org/steploom\n")
    named.install_unit(is_demo=True)
    assert installed == [False, True]
