"""The service as a unit of the person's own systemd: what is written, and what systemd is asked for."""

from __future__ import annotations

import configparser
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from core.resources import root
from core.service.user_unit import NAME, UnitError, UserUnit, shipped_unit


class Systemd:
    """Notes what it was asked for. refuses: the word at which it fails."""

    def __init__(self, refuses: str = "", says: str = "") -> None:
        self.asked: list[str] = []
        self.refuses, self.says = refuses, says

    def __call__(self, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
        self.asked.append(" ".join(words[2:]) if words[0] == "systemctl" else words[0])
        refused = bool(self.refuses) and self.refuses in words
        return subprocess.CompletedProcess(words, int(refused), self.says, "Unit is masked." if refused else "")


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A session that systemd looks after."""
    (tmp_path / "run" / "systemd").mkdir(parents=True)
    (tmp_path / "run" / "systemd" / "private").touch()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "systemctl").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    return {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path / "run")}


def unit(session: dict[str, str], systemd: Systemd, **variables: str) -> UserUnit:
    return UserUnit(("/opt/my apps/steploom", "serve"), variables, environment=session, run=systemd)


def is_installed(made: UserUnit) -> bool:
    return made.is_installed


def test_it_is_installed_for_the_next_sign_in_started_stopped_and_removed(session: dict[str, str]) -> None:
    systemd = Systemd()
    made = unit(session, systemd, STEPLOOM_HOME="/data/100 %")
    assert made.is_possible
    assert not is_installed(made)
    made.install()
    assert is_installed(made)
    assert systemd.asked == ["daemon-reload", f"enable {NAME}"]
    text = made.file.read_text()
    assert 'ExecStart="/opt/my apps/steploom" serve\n' in text
    assert 'Environment="STEPLOOM_HOME=/data/100 %%"\n' in text
    assert not unit(session, systemd, STEPLOOM_HOME="/elsewhere").is_installed

    systemd.asked.clear()
    with made.file.open("a") as file:
        file.write("# mine\n")
    made.start(is_demo=True)
    assert 'ExecStart="/opt/my apps/steploom" serve --demo\n' in made.file.read_text()
    assert systemd.asked.pop(0) == "daemon-reload"
    made.start(is_demo=True)
    assert systemd.asked == [f"reset-failed {NAME}", f"start {NAME}"] * 2
    made.start()
    assert made.file.read_text() == f"{text}# mine\n"
    systemd.asked.clear()
    made.start()
    made.stop()
    assert systemd.asked == [f"reset-failed {NAME}", f"start {NAME}", f"stop {NAME}"]
    systemd.asked.clear()
    made.uninstall()
    assert systemd.asked == [f"disable --now {NAME}", "daemon-reload"]
    assert not made.file.exists()
    made.uninstall()


def test_a_unit_of_somebody_else_is_left_alone(session: dict[str, str]) -> None:
    made = unit(session, Systemd())
    made.file.parent.mkdir(parents=True)
    made.file.write_text("[Unit]\nDescription=Something of mine\n")
    with pytest.raises(UnitError, match="Move it away"):
        made.install()
    with pytest.raises(UnitError, match="by hand"):
        made.uninstall()
    assert "Something of mine" in made.file.read_text()


def test_what_systemd_refuses_is_said_and_without_systemd_the_next_move_is(session: dict[str, str]) -> None:
    with pytest.raises(UnitError, match=r"systemctl --user enable .* Unit is masked"):
        unit(session, Systemd(refuses="enable")).install()
    bare = unit({"HOME": session["HOME"]}, Systemd())
    assert not bare.is_possible
    with pytest.raises(UnitError, match="steploom service start"):
        bare.install()


@pytest.mark.parametrize(
    ("says", "failed", "retried"),
    [
        ("ActiveState=active\nSubState=running\n", False, False),
        ("ActiveState=activating\nSubState=auto-restart\n", True, True),
        ("ActiveState=failed\nSubState=failed\n", True, False),
    ],
)
def test_a_service_that_systemd_tries_again_and_again_has_failed(
    session: dict[str, str], says: str, failed: bool, retried: bool
) -> None:
    made = unit(session, Systemd(says=says))
    assert (made.has_failed, made.is_retried) == (failed, retried)


def test_the_units_that_are_shipped_say_what_is_installed_and_systemd_understands_them(tmp_path: Path) -> None:
    folder = root() / "packaging" / "systemd"
    shipped = (folder / "steploom.service").read_text("utf-8")
    assert shipped.partition("\n\n")[2] == shipped_unit()
    for name, manager in (("steploom.service", "--user"), ("steploom-worker.service", "--system")):
        read = configparser.ConfigParser(strict=False, interpolation=None)
        read.optionxform = str  # type: ignore[assignment,method-assign] # as the library's manual says
        read.read(folder / name)
        assert set(read.sections()) == {"Unit", "Service", "Install"}
        _, program, *words = ("", *read["Service"]["ExecStart"].split())
        assert program.endswith("/steploom")
        assert words[0] in ("serve", "worker")
        _verify(
            (folder / name).read_text("utf-8").replace(program, shutil.which("true") or ""), tmp_path / name, manager
        )


def _verify(text: str, file: Path, manager: str) -> None:
    """Let systemd look, where it can be asked."""
    file.write_text(text)
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        return
    environment = {"HOME": str(file.parent), "XDG_RUNTIME_DIR": str(file.parent), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [analyze, manager, "verify", str(file)], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    assert file.name not in done.stderr
