"""A service that runs is found by the window and by other commands, and one that is gone is not taken for it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from core.service.presence import FILE, Presence, announce, read, take_leave
from core.store.process import ProcessId, this_machine, this_process

BEGUN = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)


def here(process: ProcessId | None = None, address: str = "http://127.0.0.1:8420") -> Presence:
    return Presence(process or this_process(), address, BEGUN, "1.2", workers=10)


@pytest.fixture
def other() -> ProcessId:
    """A process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    found = ProcessId(this_machine(), process.pid, psutil.Process(process.pid).create_time())
    process.wait()
    return found


def test_what_is_announced_is_read_again_until_it_takes_its_leave(tmp_path: Path) -> None:
    home = tmp_path / "new"
    assert read(home) is None
    assert announce(home, here())
    found = read(home)
    assert found is not None
    assert str(found.process) == str(this_process())
    assert replace(found, process=this_process()) == here()
    assert (home / FILE).stat().st_mode & 0o077 == 0
    assert not found.is_gone
    take_leave(home)
    assert read(home) is None
    take_leave(tmp_path / "never there")


def test_a_service_that_lives_is_not_displaced_and_a_dead_one_is(tmp_path: Path, other: ProcessId) -> None:
    assert announce(tmp_path, here(other))
    found = read(tmp_path)
    assert found is not None
    assert found.is_gone
    assert announce(tmp_path, here())
    assert not announce(tmp_path, here(replace(other, pid=1, started=psutil.Process(1).create_time())))
    take_leave(tmp_path, other)
    assert read(tmp_path) is not None


def test_the_starter_and_the_started_process_tell_of_one_service_whoever_is_quicker(tmp_path: Path) -> None:
    by_window = replace(here(address=""), keeper="window")
    announce(tmp_path, by_window)
    announce(tmp_path, here())
    first = read(tmp_path)
    take_leave(tmp_path)
    announce(tmp_path, here())
    announce(tmp_path, by_window)
    second = read(tmp_path)
    assert first == second
    assert first is not None
    assert (first.keeper, first.address) == ("window", "http://127.0.0.1:8420")


def test_a_number_that_another_process_has_got_and_a_machine_that_was_started_anew_are_no_service() -> None:
    now = this_process()
    assert here(replace(now, started=now.started - 3600)).is_gone
    host, boot, space = this_machine().split("/")
    before = here(replace(now, machine=f"{host}/another{boot}/{space}"))
    assert before.is_gone
    assert not before.is_here
    assert not here(replace(now, machine=f"another{host}/{boot}/{space}")).is_gone


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"process": "x", "address": 1}', "\x00"])
def test_a_file_that_cannot_be_understood_tells_of_no_service(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    assert read(tmp_path) is None
    assert announce(tmp_path, here())
