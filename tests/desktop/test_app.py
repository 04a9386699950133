"""The program as a process: it starts, ends in order on a signal, and refuses what it should."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from core.resources import example
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


def test_nothing_heavy_is_imported_before_the_first_paint() -> None:
    program = (
        "import sys; import desktop.app, desktop.program; "
        "heavy = ('sqlalchemy', 'psycopg', 'pyqtgraph', 'numpy', 'httpx', 'pydantic', 'jinja2', 'yaml', 'jsonschema'); "
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


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
