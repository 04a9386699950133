"""Starts, stops and finds the background service of a data folder: a `steploom serve` that outlives who started it."""

from __future__ import annotations

import asyncio
import http.client
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import urlsplit

import psutil

from core.engine.clock import Clock, SystemClock
from core.home import default_home
from core.resources import root
from core.service.presence import Presence, announce, read, take_leave
from core.service.user_unit import UnitError, UserUnit
from core.store.process import ProcessId, this_machine

LOG: Final = "logs/service.log"
"""Within the home folder: what the service notes while it works."""

SAID: Final = "logs/service.out"
"""Within the home folder: what it said to whoever started it, and why it ended."""

START_S: Final = 180.0
"""Seconds that it may take until it listens; an embedded database may repair its data first."""

SHOWN_LINES: Final = 12
"""Lines of its log that are told when it has failed."""

_DATABASE: Final = "STEPLOOM_DATABASE_URL"
_LOOK_S: Final = 0.1
_ANSWER_S: Final = 2.0
_TRIES: Final = 5
_TAKEN: Final = "cannot be listened at"

Kind: TypeAlias = Literal["stopped", "starting", "running", "silent", "stopping", "failed"]
"""How a service stands. silent: its process lives and does not answer."""


@dataclass(frozen=True, slots=True)
class ServiceState:
    """How the service stands. problem: what went wrong and the next move. lines: the last ones of its log."""

    kind: Kind
    presence: Presence | None = None
    problem: str = ""
    lines: tuple[str, ...] = ()

    @property
    def address(self) -> str:
        """Where it listens, '' as long as it does not."""
        return self.presence.address if self.presence is not None else ""

    @property
    def is_up(self) -> bool:
        """Whether there is a process that could be stopped."""
        return self.kind in ("starting", "running", "silent", "stopping")


STOPPED: Final = ServiceState("stopped")

_outliving: list[subprocess.Popen[bytes]] = []
"""Services that were started here: whoever forgets a living child is warned of it, and these shall live on."""


class ServiceError(Exception):
    """The service cannot be started or stopped from here; the text says why."""

    code = "service"


@dataclass(frozen=True, slots=True)
class Program:
    """How `steploom` is called. variables: what has to be in its environment."""

    command: tuple[str, ...]
    variables: Mapping[str, str]


def this_program() -> Program:
    """The `steploom` that belongs to the running program."""
    name = "steploom.exe" if sys.platform == "win32" else "steploom"
    beside = Path(sys.executable).with_name(name)
    if beside.exists():
        return Program((str(beside),), {})
    if getattr(sys, "frozen", False):
        return Program((sys.executable,), {})
    path = os.pathsep.join(filter(None, (str(root()), os.environ.get("PYTHONPATH", ""))))
    return Program((sys.executable, "-m", "core.cli"), {"PYTHONPATH": path})


class ServiceControl:
    """The service of one data folder. told: hears every state that is new while it starts or stops.

    database_url: what the service shall use instead of the settings' database. answers: whether a service answers at
    an address. unit: its unit in systemd; None for the one of this person.
    """

    def __init__(
        self,
        home: Path,
        *,
        database_url: str = "",
        clock: Clock | None = None,
        program: Program | None = None,
        unit: UserUnit | None = None,
        answers: Callable[[str], bool] | None = None,
        told: Callable[[ServiceState], None] = lambda _: None,
    ) -> None:
        self._home = home
        self._clock = clock or SystemClock()
        self._program = program or this_program()
        self._variables = {**self._program.variables, "STEPLOOM_HOME": str(home)}
        if database_url:
            self._variables[_DATABASE] = database_url
        self.unit = unit or self._own_unit()
        self._answers = answers or answers_at
        self._told = told
        self._child: subprocess.Popen[bytes] | None = None
        self._busy: Kind | None = None
        self._failure: ServiceState | None = None

    @property
    def log(self) -> Path:
        """The file with what the service notes while it works."""
        return self._home / LOG

    async def look(self) -> ServiceState:
        """How it stands now."""
        return await asyncio.to_thread(self._look)

    async def start(self, *, is_demo: bool = False) -> ServiceState:
        """Start it unless it runs, and wait until it listens or has failed. Raises OSError if nothing can be written.

        is_demo: with the demonstration model. A service of systemd's is started by systemd.
        """
        found = await self.look()
        if found.is_up:
            return found
        self._busy, self._failure = "starting", None
        self._told(ServiceState("starting"))
        try:
            state = await self._start(is_demo=is_demo)
        finally:
            self._busy = None
        self._failure = state if state.kind == "failed" else None
        return state

    async def stop(self, patience_s: float = 60.0) -> ServiceState:
        """Ask it to end and wait for that; what it executes has its time to finish or is handed over.

        patience_s: seconds after which it is told as failed; it goes on to end. Does nothing if none runs.
        """
        self._failure = None
        presence = await asyncio.to_thread(read, self._home)
        if presence is None or presence.is_gone:
            await asyncio.to_thread(self._forget, presence)
            return STOPPED
        self._busy = "stopping"
        self._told(ServiceState("stopping", presence))
        try:
            await asyncio.to_thread(self._ask_to_end, presence)
            return await self._until_it_has_ended(presence, patience_s)
        finally:
            self._busy = None

    async def end_now(self) -> ServiceState:
        """End its process at once. Runs that it executes are gone on with by the next who works."""
        presence = await asyncio.to_thread(read, self._home)
        if presence is not None and presence.is_here and not presence.is_gone:
            await asyncio.to_thread(_signal, presence.process, "kill")
            return await self._until_it_has_ended(presence, 10.0)
        return STOPPED

    def install_unit(self, *, is_demo: bool = False) -> None:
        """Let systemd start the service when the person signs in; not now. Blocks. Raises UnitError.

        A database that only this process knows, by its environment or an option, would be another one for systemd, and
        its address may hold a password, which does not belong into a unit.
        """
        named = self._variables.get(_DATABASE) or os.environ.get(_DATABASE)
        if named and _DATABASE not in self.unit.own_variables():
            raise UnitError(
                "The database that is used here is not in the settings, so a service of systemd would use another one. "
                f"Keep it there with `steploom db use URL`, or put {_DATABASE} into {self.unit.variables_file}."
            )
        self.unit.install(is_demo=is_demo)

    async def let_go(self) -> None:
        """Ask it to end and do not wait: whoever started it goes, and it shall not go on alone."""
        presence = await asyncio.to_thread(read, self._home)
        if presence is not None and not presence.is_gone:
            await asyncio.to_thread(self._ask_to_end, presence, wait=False)

    async def log_end(self, lines: int = 200) -> list[str]:
        """The last lines that it noted or said."""

        def read_lines() -> list[str]:
            presence = read(self._home)
            if presence is not None and presence.keeper == "systemd" and (found := self.unit.log_end(lines)):
                return found
            return list(self._last_lines(lines))

        return await asyncio.to_thread(read_lines)

    # -- looking -------------------------------------------------------------------------------------------------------

    def _look(self) -> ServiceState:
        presence = read(self._home)
        if presence is None:
            return self._without_presence()
        if self._busy is not None:
            return ServiceState(self._busy, presence)
        if presence.is_gone or self._child_ended(presence):
            return self._after_its_end(presence)
        if not presence.address:
            return ServiceState("starting", presence)
        if self._answers(presence.address):
            return ServiceState("running", presence)
        if _ends(presence) or self._child_ended(presence):
            return self._after_its_end(presence)
        return ServiceState(
            "silent", presence, f"The service's process {presence.process.pid} lives but does not answer at "
            f"{presence.address}. Wait a moment, or restart it.", self._last_lines(),
        )  # fmt: skip

    def _without_presence(self) -> ServiceState:
        if self._child is not None and (code := self._child.poll()) is not None:
            self._child = None
            self._failure = self._failed(f"The service ended with exit code {code}.") if code else None
        return ServiceState(self._busy) if self._busy is not None else self._failure or STOPPED

    def _after_its_end(self, presence: Presence) -> ServiceState:
        """It took no leave: it was killed, it met an error, or the machine was switched off."""
        if presence.process.machine != this_machine():
            self._forget(presence)
            return STOPPED
        if presence.keeper == "systemd" and self.unit.is_possible and self.unit.is_retried:
            return ServiceState("starting", replace(presence, address=""))
        code = self._child.poll() if self._child is not None and self._child.pid == presence.process.pid else None
        how = f" with exit code {code}" if code else ""
        return self._failed(f"The service ended{how} without being stopped.", presence)

    def _child_ended(self, presence: Presence) -> bool:
        child = self._child
        return child is not None and child.pid == presence.process.pid and child.poll() is not None

    def _failed(self, problem: str, presence: Presence | None = None) -> ServiceState:
        lines = self._last_lines()
        if any(_TAKEN in line for line in lines):
            problem = "The service could not start: another program uses its port."
            move = "Choose another port in the settings, or stop that program, and start the service again."
        else:
            move = "See the last lines of its log, mend what they name, and start it again."
        return ServiceState("failed", replace(presence, address="") if presence else None, f"{problem} {move}", lines)

    def _last_lines(self, lines: int = SHOWN_LINES) -> tuple[str, ...]:
        """Of what was written last: what it said at its start, or what it noted at work."""
        files = [file for file in (self._home / SAID, self._home / LOG) if file.exists()]
        return tuple(_end_of(max(files, key=lambda file: file.stat().st_mtime), lines)) if files else ()

    # -- starting and stopping -----------------------------------------------------------------------------------------

    def _launch(self, *, is_demo: bool) -> None:
        said = self._home / SAID
        said.parent.mkdir(parents=True, exist_ok=True)
        command = [*self._program.command, "serve", "--log-file", str(self.log), *(["--demo"] if is_demo else [])]
        with said.open("wb") as output:
            child = self._child = subprocess.Popen(  # noqa: S603 - our own program
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=self._home,
                env={**os.environ, **self._variables}, **_apart(),
            )  # fmt: skip
        _outliving[:] = [*(each for each in _outliving if each.poll() is None), child]
        try:
            process = ProcessId(this_machine(), child.pid, psutil.Process(child.pid).create_time())
        except psutil.Error:
            return  # it has ended already, which the next look finds
        announce(self._home, Presence(process, "", self._clock.now(), "", keeper="window", is_demo=is_demo))

    async def _start(self, *, is_demo: bool) -> ServiceState:
        presence = await asyncio.to_thread(read, self._home)
        if presence is not None and presence.is_gone:
            await asyncio.to_thread(self._forget, presence)
        by_unit = await asyncio.to_thread(lambda: self.unit.is_possible and self.unit.is_installed)
        begin = self.unit.start if by_unit else self._launch
        try:
            await asyncio.to_thread(lambda: begin(is_demo=is_demo))
        except UnitError as error:
            lines = await asyncio.to_thread(self.unit.log_end, SHOWN_LINES)
            return ServiceState("failed", problem=str(error), lines=tuple(lines))
        return await self._until_it_listens(by_unit=by_unit)

    async def _until_it_listens(self, *, by_unit: bool) -> ServiceState:
        ends = self._clock.monotonic() + START_S
        self._busy = None
        while True:
            state = await self.look()
            if state.kind in ("running", "failed"):
                return state
            if by_unit and state.kind == "stopped" and await asyncio.to_thread(lambda: self.unit.has_failed):
                lines = await asyncio.to_thread(self.unit.log_end, SHOWN_LINES)
                return replace(self._failed("systemd could not start the service."), lines=tuple(lines))
            if not by_unit and state.kind == "stopped" and self._child is None:
                return self._failed("The service ended at once.")
            if self._clock.monotonic() > ends:
                return self._failed(f"The service does not listen after {START_S:.0f} seconds.", state.presence)
            await self._clock.sleep(_LOOK_S)

    def _ask_to_end(self, presence: Presence, *, wait: bool = True) -> None:
        if wait and presence.keeper == "systemd" and self.unit.is_possible and self.unit.is_installed:
            self.unit.stop()
        elif presence.is_here:
            _signal(presence.process, "ask")

    async def _until_it_has_ended(self, presence: Presence, patience_s: float) -> ServiceState:
        ends = self._clock.monotonic() + patience_s
        while not await asyncio.to_thread(lambda: presence.is_gone or self._child_ended(presence)):
            if self._clock.monotonic() > ends:
                return ServiceState(
                    "silent", presence, f"The service has not ended after {patience_s:.0f} seconds: what it executes "
                    "is not finished. Wait, or end it now; its runs are gone on with later.", self._last_lines(),
                )  # fmt: skip
            await self._clock.sleep(_LOOK_S)
        await asyncio.to_thread(self._forget, presence)
        if self._child is not None and self._child.pid == presence.process.pid:
            await asyncio.to_thread(self._child.wait)
            self._child = None
        return STOPPED

    def _forget(self, presence: Presence | None) -> None:
        if presence is not None:
            take_leave(self._home, presence.process)

    def _own_unit(self) -> UserUnit:
        variables = {name: value for name, value in self._variables.items() if name != _DATABASE}
        if self._home == default_home() and "STEPLOOM_HOME" not in os.environ:
            variables.pop("STEPLOOM_HOME")
        return UserUnit((*self._program.command, "serve", "--log-json"), variables)


def _ends(presence: Presence) -> bool:
    """Whether a process that does not answer is just ending: it closes its sockets a moment before."""
    for _ in range(_TRIES):
        if presence.is_gone:
            return True
        time.sleep(_LOOK_S / _TRIES)
    return presence.is_gone


def answers_at(address: str) -> bool:
    """Whether a service answers there. Blocks for two seconds at most."""
    place = urlsplit(address)
    connection = http.client.HTTPConnection(place.hostname or "", place.port or 80, timeout=_ANSWER_S)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _signal(process: ProcessId, how: Literal["ask", "kill"]) -> None:
    """Windows knows no polite way for a process without a window; runs survive the other one, too."""
    if process.is_dead():
        return
    try:
        found = psutil.Process(process.pid)
        found.terminate() if how == "ask" else found.kill()
    except psutil.NoSuchProcess:
        return
    except psutil.AccessDenied:
        raise ServiceError(
            f"The service's process {process.pid} belongs to somebody else and cannot be ended from here."
        ) from None


def _apart() -> dict[str, Any]:
    """What keeps a child from ending with its parent, or with the parent's terminal."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def _end_of(file: Path, lines: int) -> list[str]:
    try:
        with file.open("rb") as opened:
            opened.seek(max(0, file.stat().st_size - lines * 400))
            text = opened.read().decode("utf-8", errors="replace")
    except OSError:
        return []
    return [line for line in text.splitlines() if line.strip()][-lines:]
