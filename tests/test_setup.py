"""The scripts that make a checkout ready. Nothing here installs anything or leaves this machine."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the scripts are tried on Linux")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the set-up reads, in a folder of its own."""
    folder = tmp_path / "a checkout"
    for name in ("scripts", "packaging"):
        shutil.copytree(ROOT / name, folder / name)
    for name in ("requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, folder / name)
    return folder


def program(path: Path, text: str) -> Path:
    """Make a program of a shell script."""
    path.write_text(f"#!/bin/sh\n{text}\n", "utf-8")
    path.chmod(0o755)
    return path


def bash(folder: Path, command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command with nothing in its environment but PATH, HOME and what is given."""
    given = {"PATH": os.environ["PATH"], "HOME": str(folder), **environment}
    return subprocess.run(["bash", "-c", command], cwd=folder, env=given, capture_output=True, text=True)


def test_an_interpreter_that_is_too_old_is_named_with_the_cure(checkout: Path) -> None:
    old = program(checkout / "old-python", "exit 1")
    done = bash(checkout, "scripts/setup.sh python", PYTHON=str(old))
    assert done.returncode == 1
    assert "No Python 3.11, 3.12 or 3.13 was found" in done.stderr
    assert str(old) in done.stderr
    assert "make PYTHON=" in done.stderr
    assert not (checkout / ".venv").exists()


def test_a_missing_venv_module_is_named_with_the_cure(checkout: Path) -> None:
    # It answers the three questions of the script: its version, its own path, whether it has venv.
    name = checkout / "bare-python"
    bare = program(name, f'case "$*" in *ensurepip*) exit 1;; *_base_executable*) echo "{name}";; esac')
    done = bash(checkout, "scripts/setup.sh python", PYTHON=str(bare))
    assert done.returncode == 1
    assert "cannot make virtual environments" in done.stderr
    assert "apt-get install python3-venv" in done.stderr


def test_a_checkout_that_is_ready_is_left_alone(checkout: Path) -> None:
    python = checkout / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.symlink_to(Path(sys.executable).resolve())
    real = "import os, sys; print(sys.version, os.path.realpath(sys._base_executable))"
    (checkout / ".tools").mkdir()
    mark = "{ python3 -c '" + real + "'; pwd -P; cat requirements.lock pyproject.toml; } | cksum >.tools/venv.done"
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    assert bash(checkout, mark, PATH=path).returncode == 0
    done = bash(checkout, "scripts/setup.sh python", PATH=path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_setup_without_a_word_says_which_words_there_are(checkout: Path) -> None:
    done = bash(checkout, "scripts/setup.sh")
    assert done.returncode == 1
    assert "setup.sh python" in done.stderr


@pytest.mark.parametrize(
    ("environment", "platform"),
    [
        ({}, "offscreen"),
        ({"DISPLAY": ":0"}, ""),
        ({"WAYLAND_DISPLAY": "wayland-0"}, ""),
        ({"QT_QPA_PLATFORM": "vnc"}, "vnc"),
    ],
)
def test_qt_draws_offscreen_only_where_there_is_no_screen(
    checkout: Path, environment: dict[str, str], platform: str
) -> None:
    done = bash(checkout, 'source scripts/environment.sh; echo "${QT_QPA_PLATFORM:-}"', **environment)
    assert done.stdout.strip() == platform


def test_a_home_that_cannot_be_written_moves_the_caches_into_the_checkout(checkout: Path) -> None:
    blocked = checkout / "a file, so no folder can be made in it"
    blocked.touch()
    show = 'source scripts/environment.sh; echo "${UV_CACHE_DIR:-}|${PIP_CACHE_DIR:-}"'
    assert bash(checkout, show, HOME=str(blocked)).stdout.strip() == (
        f"{checkout}/.tools/cache/uv|{checkout}/.tools/cache/pip"
    )
    assert bash(checkout, show).stdout.strip() == "|"


def test_the_callers_own_caches_are_kept_when_the_home_cannot_be_written(checkout: Path) -> None:
    done = bash(
        checkout, 'source scripts/environment.sh; echo "$UV_CACHE_DIR"', HOME="/proc/nowhere", UV_CACHE_DIR="/elsewhere"
    )
    assert done.stdout.strip() == "/elsewhere"


def test_libraries_that_were_unpacked_come_before_the_systems(checkout: Path) -> None:
    folder = checkout / ".tools/qt-libs/usr/lib/x86_64-linux-gnu"
    folder.mkdir(parents=True)
    done = bash(checkout, 'source scripts/environment.sh; echo "$LD_LIBRARY_PATH"', LD_LIBRARY_PATH="/theirs")
    assert done.stdout.strip() == f"{folder}:/theirs"


def test_qt_starts_on_this_machine() -> None:
    done = subprocess.run([sys.executable, ROOT / "scripts/check_qt.py"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "starts (offscreen)" in done.stdout


def test_the_qt_check_fails_with_the_loaders_words_when_a_library_is_missing(tmp_path: Path) -> None:
    """A PySide6 that cannot be loaded stands before the real one."""
    (tmp_path / "PySide6").mkdir()
    (tmp_path / "PySide6/__init__.py").write_text("raise ImportError('libEGL.so.1: cannot open shared object file')")
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/check_qt.py"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr == "libEGL.so.1: cannot open shared object file\n"
