"""Real worker processes on one database, and a server on loopback that counts what really reached the outside.

Used by the tests of workers and by `python -m benchmarks.workers`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg

from tests.support.command_line import PROGRAM

ROOT = Path(__file__).parents[2]

COUNT_ENDINGS = """
CREATE TABLE endings (run_id text, status text, at timestamptz DEFAULT clock_timestamp());
CREATE FUNCTION note_ending() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO endings VALUES (NEW.id, NEW.status); RETURN NEW; END $$;
CREATE TRIGGER note_ending AFTER UPDATE OF status ON executions FOR EACH ROW
    WHEN (NEW.status IN ('completed', 'failed', 'cancelled') AND OLD.status IS DISTINCT FROM NEW.status)
    EXECUTE FUNCTION note_ending()"""


class CountingSite:
    """A server that counts each path. held: paths that are answered only when `release` is called.

    slow_s: seconds that every answer takes. host: the address that it listens on.
    """

    def __init__(self, slow_s: float = 0.0, host: str = "127.0.0.1") -> None:
        self.hits: Counter[str] = Counter()
        self.held: set[str] = set()
        self._released = threading.Event()
        self._changed = threading.Condition()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: Any) -> None:
                pass

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.do_GET()

            def do_GET(self) -> None:
                with outer._changed:
                    outer.hits[self.path] += 1
                    outer._changed.notify_all()
                if self.path in outer.held:
                    outer._released.wait(120)
                if slow_s:
                    time.sleep(slow_s)
                body = b'{"n": 1}'
                with suppress(BrokenPipeError, ConnectionResetError):  # whoever asked may have been killed
                    self.send_response(200)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False
            request_queue_size = 128

            def handle_error(self, request: Any, client_address: Any) -> None:
                """Clients are killed here; that is no news."""

        self._server = Server((host, 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        self.url = f"http://{host}:{self._server.server_port}"

    def wait_for(self, path: str, times: int = 1, seconds: float = 60) -> None:
        """Return when a path was asked for so often."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.hits[path] >= times, seconds), (path, dict(self.hits))

    def release(self) -> None:
        """Let what is held be answered, now and later."""
        self._released.set()

    def close(self) -> None:
        """Stop serving."""
        self.release()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Fleet:
    """Worker processes. url: of their database. lost_after: seconds of silence after which a worker is lost."""

    def __init__(self, url: str, folder: Path, *, lost_after: float = 5.0, concurrency: int = 5) -> None:
        self.url = url
        self.folder = folder
        self.lost_after = lost_after
        self.concurrency = concurrency
        self.processes: list[subprocess.Popen[bytes]] = []
        self._number = 0
        folder.mkdir(parents=True, exist_ok=True)

    def environment(self, url: str = "") -> dict[str, str]:
        """Of a worker of this fleet."""
        home = self.folder / "home"
        return {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "STEPLOOM_HOME": str(home),
            "STEPLOOM_DATABASE_URL": url or self.url,
            "STEPLOOM_ALLOWED_HOSTS": '["127.0.0.1"]',
            "STEPLOOM_WORKERS__LOST_AFTER_S": str(self.lost_after),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
        }

    def start(
        self, *options: str, url: str = "", wait: bool = True, within: Sequence[str] = (), **environment: str
    ) -> subprocess.Popen[bytes]:
        """A new worker, ready to execute runs. url: another way to the same database. within: stands before its
        command.
        """
        self._number += 1
        log = (self.folder / f"worker-{self._number}.log").open("wb")
        command = [*within, sys.executable, "-c", PROGRAM, "worker", *options]
        if "--concurrency" not in options:
            command += ["--concurrency", str(self.concurrency)]
        process = subprocess.Popen(
            command, cwd=ROOT, env={**self.environment(url), **environment}, stdout=log, stderr=log
        )
        log.close()
        self.processes.append(process)
        if wait:
            self.until(lambda: self.is_ready(process.pid), f"worker {process.pid} to be ready")
        return process

    def is_ready(self, pid: int) -> bool:
        """Whether the worker of that process takes entries of the queue."""
        return bool(self.query("SELECT 1 FROM workers WHERE pid = %s AND queue_worker IS NOT NULL", pid))

    def query(self, text: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            return connection.execute(text.encode(), values).fetchall()

    def execute(self, text: str, *values: object) -> None:
        """Do something in the database."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(text.encode(), values or None)

    def until(self, condition: Callable[[], object], what: str, seconds: float = 90) -> None:
        """Return when a condition holds; it is looked at ten times a second."""
        ends = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > ends:
                raise AssertionError(f"waited {seconds} s in vain for {what}\n{self.logs()}")
            time.sleep(0.1)

    def status(self, run_id: str) -> str:
        """How a run stands."""
        return str(self.query("SELECT status FROM executions WHERE id = %s", run_id)[0][0])

    def until_status(self, run_id: str, status: str, seconds: float = 90) -> None:
        """Return when a run stands so."""
        self.until(lambda: self.status(run_id) == status, f"run {run_id} to be {status}", seconds)

    def logs(self) -> str:
        """The ends of what the workers said."""
        return "\n".join(f"{path.name}:\n{path.read_text()[-1500:]}" for path in sorted(self.folder.glob("*.log")))

    def said(self, words: str) -> bool:
        """Whether a worker has said that."""
        return any(words in path.read_text() for path in self.folder.glob("*.log"))

    def close(self) -> None:
        """Kill what is left."""
        for process in self.processes:
            if process.poll() is None:
                with suppress(ProcessLookupError):
                    process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait()


@contextmanager
def fleet_of(url: str, folder: Path, **more: Any) -> Iterator[Fleet]:
    """A fleet without workers yet."""
    fleet = Fleet(url, folder, **more)
    try:
        yield fleet
    finally:
        fleet.close()


@contextmanager
def counting_site(slow_s: float = 0.0, host: str = "127.0.0.1") -> Iterator[CountingSite]:
    """A counting server. slow_s: seconds that every answer takes. host: the address that it listens on."""
    site = CountingSite(slow_s, host)
    try:
        yield site
    finally:
        site.close()
