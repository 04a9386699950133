"""The program as a process: it starts, ends in order on a signal, and refuses what it should."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from core.resources import example
from desktop.app import main
from desktop.memory import RecentWork, WindowMemory
from desktop.privilege import must_refuse, root_warning

ROOT = Path(__file__).parents[2]


def start(home: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-X", "dev", "-m", "desktop", "--home", str(home), "--in-memory", "--demo", *arguments]
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for(path: Path, process: subprocess.Popen[str], seconds: float = 60) -> None:
    """Wait until the process has made a file. Fails if it ends before."""
    until = time.monotonic() + seconds
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until, f"{path} was not made in time"
        time.sleep(0.02)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_program_starts_and_ends_in_order_on_a_signal(home: Path, number: signal.Signals) -> None:
    process = start(home, str(example("support_triage")))
    wait_for(home / "window.ini", process)  # the file was opened, which is remembered at once
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors
    assert "Destroyed while" not in errors
    assert "layout" in (home / "window.ini").read_text()
    assert (home / "logs" / "faults.txt").read_text() == ""


HEAVY = ("sqlalchemy", "psycopg", "httpx", "jsonschema", "cronsim", "prometheus_client", "core.workspace")
"""What neither the window nor a workflow in it needs to be painted."""

BESIDE = (
    "core.engine.engine", "desktop.command_palette", "desktop.run_controller", "desktop.panels.inspector",
    "desktop.panels.timeline", "pyqtgraph.graphicsItems", "pyqtgraph.widgets.PlotWidget",
)  # fmt: skip
"""What is needed as soon as a workflow is run or its panels are seen, and not before."""


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Mapping[str, Any]]:
    """What a start with a workflow open since the last time has imported and made, by moment."""
    home = tmp_path_factory.mktemp("home")
    memory = WindowMemory(home)
    memory.first_run_done = True
    memory.open_work = [RecentWork("file", str(example("support_triage")), "Support triage")]
    memory.flush()
    command = [sys.executable, "-m", "tests.support.watched_start", str(home)]
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=True)
    found: Mapping[str, Mapping[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_nothing_heavy_is_imported_before_the_first_paint(started: Mapping[str, Mapping[str, Any]]) -> None:
    heavy = {*HEAVY, *BESIDE, "pyqtgraph", "numpy", "pydantic", "jinja2", "yaml"}
    assert heavy & set(started["window"]["modules"]) == set()


def test_a_workflow_is_painted_before_what_only_its_runs_and_panels_need(
    started: Mapping[str, Mapping[str, Any]],
) -> None:
    assert "pyqtgraph" in started["canvas"]["modules"]
    assert {*HEAVY, *BESIDE} & set(started["canvas"]["modules"]) == set()


def test_little_is_imported_until_then_at_all(started: Mapping[str, Mapping[str, Any]]) -> None:
    """Each hundred modules take about a twentieth of a second: what is not needed at once is imported in a function."""
    assert len(started["window"]["modules"]) < 420
    assert len(started["canvas"]["modules"]) < 800


def test_no_panel_is_made_before_the_workflow_is_painted_and_then_only_those_that_are_seen(
    started: Mapping[str, Mapping[str, Any]],
) -> None:
    assert started["window"]["panels"] == started["canvas"]["panels"] == []
    assert started["workspace"]["panels"] == ["palette", "inspector", "timeline"]


def test_garbage_is_looked_for_on_the_windows_thread_as_soon_as_the_work_is_shown(
    started: Mapping[str, Mapping[str, Any]],
) -> None:
    nobody, own = {"python": False, "own": False}, {"python": False, "own": True}
    assert [started[moment]["collects"] for moment in ("window", "canvas", "workspace")] == [nobody, nobody, own]


def test_an_import_reads_no_source_in_the_window(started: Mapping[str, Mapping[str, Any]]) -> None:
    assert started["workspace"]["read"] == []


def test_the_version_is_told_without_a_window(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capfd.readouterr().out.startswith("Steploom ")


@pytest.mark.parametrize(
    ("user", "environment", "container", "refused"),
    [
        (0, {"XDG_CURRENT_DESKTOP": "GNOME"}, False, True),
        (0, {"DESKTOP_SESSION": "kde", "QT_QPA_PLATFORM": "xcb"}, False, True),
        (0, {"XDG_CURRENT_DESKTOP": "GNOME", "QT_QPA_PLATFORM": "offscreen"}, False, False),
        (0, {"XDG_CURRENT_DESKTOP": "GNOME", "CI": "true"}, False, False),
        (0, {"XDG_CURRENT_DESKTOP": "GNOME"}, True, False),
        (0, {}, False, False),
        (1000, {"XDG_CURRENT_DESKTOP": "GNOME"}, False, False),
        (None, {}, False, False),
    ],
)
def test_the_administrator_is_refused_on_a_persons_desktop_only(
    user: int | None, environment: Mapping[str, str], container: bool, refused: bool
) -> None:
    assert must_refuse(user, environment, in_container=container) is refused


def test_the_administrator_is_warned_and_nobody_else() -> None:
    assert "ordinary user" in root_warning(0)
    assert root_warning(1000) == root_warning(None) == ""
