"""The service as a unit of the person's own systemd, so that it starts when they sign in, and again when it fails."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

NAME: Final = "steploom.service"
PATIENCE_S: Final = 120.0
"""Seconds that systemctl may take: it waits for a service to end."""

_COMMAND: Final = "%h/.local/bin/steploom serve --log-json"

_UNIT: Final = """\
[Unit]
Description=Steploom workflows, triggers and HTTP API
After=network-online.target

[Service]
Type=exec
{environment}ExecStart={command}
EnvironmentFile=-%h/.config/steploom/service.env
# Runs have STEPLOOM_WORKERS__GRACE_S (30 s) to finish; then others go on with them.
TimeoutStopSec=90
# The window may use the embedded database that was started from here: it stops with its last user.
KillMode=process
Restart=on-failure
RestartSec=5
# What was refused, such as a port that is taken, would be refused again.
RestartPreventExitStatus=2
UMask=0077
NoNewPrivileges=yes
RestrictSUIDSGID=yes
LockPersonality=yes

[Install]
WantedBy=default.target
"""

Run = Callable[[Sequence[str]], "subprocess.CompletedProcess[str]"]


class UnitError(Exception):
    """systemd did not do what it was asked for; the text says why and what to do."""

    code = "systemd"


class UserUnit:
    """The unit of one data folder. Every call may block for seconds.

    command: the program with its arguments. variables: what it gets in its environment. environment: that of this
    process, which says where units lie and whether there is a systemd. run: starts a program and waits for it.
    """

    def __init__(
        self,
        command: Sequence[str],
        variables: Mapping[str, str],
        *,
        environment: Mapping[str, str] | None = None,
        run: Run | None = None,
    ) -> None:
        self._command, self._variables = tuple(command), dict(variables)
        self._environment = os.environ if environment is None else environment
        self._run = run or _run

    @property
    def file(self) -> Path:
        """Where the unit stands, or would stand."""
        named = self._environment.get("XDG_CONFIG_HOME")
        folder = Path(named) if named else self._home / ".config"
        return folder / "systemd" / "user" / NAME

    @property
    def variables_file(self) -> Path:
        """Where a person puts what the service shall have in its environment."""
        return self._home / ".config" / "steploom" / "service.env"

    def own_variables(self) -> frozenset[str]:
        """The names of the variables there."""
        try:
            lines = self.variables_file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            return frozenset()
        return frozenset(line.partition("=")[0].strip() for line in lines if "=" in line)

    @property
    def is_possible(self) -> bool:
        """Whether a systemd looks after this person's session."""
        runtime = self._environment.get("XDG_RUNTIME_DIR", "")
        return (
            bool(runtime) and (Path(runtime) / "systemd" / "private").exists() and shutil.which("systemctl") is not None
        )

    @property
    def is_installed(self) -> bool:
        """Whether systemd starts the service of this data folder; a person may have changed the rest of the unit."""
        try:
            return self._is_ours() and _homes(self.file.read_text(encoding="utf-8")) == _homes(self._text())
        except (OSError, UnicodeDecodeError):
            return False

    def install(self, *, is_demo: bool = False) -> None:
        """Write the unit and let systemd start it when the person signs in; not now. Raises UnitError.

        is_demo: with the demonstration model.
        """
        self._must_be_possible()
        if self.file.exists() and not self._is_ours():
            raise UnitError(
                f"{self.file} is there already and was not written by Steploom. Move it away, then try again."
            )
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UnitError(f"{self.file} cannot be written: {error.strerror}.") from error
        self._write(_with_demo(self._text(), is_demo))
        self._systemctl("enable", NAME)

    def uninstall(self) -> None:
        """Stop the service, and let systemd start it no more. Does nothing if it is not there. Raises UnitError."""
        if not self.file.exists():
            return
        self._must_be_possible()
        if not self._is_ours():
            raise UnitError(f"{self.file} was not written by Steploom, so it stays. Remove it by hand if it should go.")
        self._systemctl("disable", "--now", NAME)
        self.file.unlink(missing_ok=True)
        self._systemctl("daemon-reload")

    def start(self, *, is_demo: bool = False) -> None:
        """Let systemd start it. Raises UnitError.

        is_demo: with the demonstration model, from now on; the rest of the unit stays as it is.
        """
        text = self.file.read_text(encoding="utf-8")
        if (wanted := _with_demo(text, is_demo)) != text:
            self._write(wanted)
        self._systemctl("reset-failed", NAME, must=False)
        self._systemctl("start", NAME)

    def stop(self) -> None:
        """Let systemd stop it, and wait for its end. Raises UnitError."""
        self._systemctl("stop", NAME)

    @property
    def has_failed(self) -> bool:
        """Whether it has ended by itself, though systemd may try it again."""
        return self._stands("ActiveState=failed", "SubState=auto-restart")

    @property
    def is_retried(self) -> bool:
        """Whether it has ended by itself and systemd is about to start it again, or just does."""
        return self._stands("SubState=auto-restart", "ActiveState=activating")

    def log_end(self, lines: int) -> list[str]:
        """The last lines that it wrote, if the journal shows them."""
        done = self._run(["journalctl", "--user", "-u", NAME, "-n", str(lines), "-o", "cat", "--no-pager", "-q"])
        return done.stdout.splitlines() if done.returncode == 0 else []

    def _write(self, text: str) -> None:
        try:
            self.file.write_text(text, encoding="utf-8")
        except OSError as error:
            raise UnitError(f"{self.file} cannot be written: {error.strerror}.") from error
        self._systemctl("daemon-reload")

    def _text(self) -> str:
        lines = [f"Environment={_quoted(f'{name}={value}')}\n" for name, value in sorted(self._variables.items())]
        command = " ".join(_quoted(word).replace("$", "$$") for word in self._command)
        return _UNIT.format(command=command, environment="".join(lines))

    def _is_ours(self) -> bool:
        return "Description=Steploom " in self.file.read_text(encoding="utf-8", errors="replace")

    @property
    def _home(self) -> Path:
        return Path(self._environment.get("HOME") or Path.home())

    def _stands(self, *signs: str) -> bool:
        done = self._run(["systemctl", "--user", "show", "--property", "ActiveState", "--property", "SubState", NAME])
        return any(line in done.stdout.split() for line in signs)

    def _must_be_possible(self) -> None:
        if not self.is_possible:
            raise UnitError(
                "No systemd looks after your session here, so the service cannot be handed to it. "
                "`steploom service start` works without."
            )

    def _systemctl(self, *words: str, must: bool = True) -> bool:
        done = self._run(["systemctl", "--user", *words])
        if must and done.returncode != 0:
            said = done.stderr.strip() or done.stdout.strip() or f"it ended with {done.returncode}"
            raise UnitError(f"systemctl --user {' '.join(words)} did not work: {said}")
        return done.returncode == 0


def shipped_unit() -> str:
    """The unit for a program that was installed for one person, with the usual data folder."""
    return _UNIT.format(command=_COMMAND, environment="")


def _with_demo(unit: str, is_demo: bool) -> str:
    """The unit with the demonstration model, or without."""
    lines = []
    for line in unit.splitlines():
        if line.startswith("ExecStart="):
            words = [word for word in line.split(" ") if word != "--demo"]
            line = " ".join([*words, *(["--demo"] if is_demo else [])])
        lines.append(line)
    return "\n".join(lines) + "\n"


def _homes(unit: str) -> list[str]:
    return [line for line in unit.splitlines() if line.startswith("Environment=") and "STEPLOOM_HOME=" in line]


def _quoted(text: str) -> str:
    """A word as systemd reads it back. In commands, `$` besides has to be doubled."""
    plain = text.replace("\\", "\\\\").replace("%", "%%").replace('"', '\\"').replace("\n", "\\n")
    return plain if plain and not set(plain) & set(" \t\\\"';") else f'"{plain}"'


def _run(words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE_S, check=False)  # noqa: S603 - fixed programs
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(words, 1, "", str(error))
