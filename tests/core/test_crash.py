"""kill -9 at random moments of a run, then resume: nothing that was completed runs again, and every run ends right.

A loopback server counts what really reached the outside world, and psycopg reads what the journal had kept at the
moment of death.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest

ROOT = Path(__file__).parents[2]
KILLS_IN_A_TEST = 5  # in each of ten

WORKFLOW = """\
steploom: 1
name: Crash test
inputs:
  site: {type: string}
variables:
  seen: {type: integer, default: 0}
steps:
  first:
    type: api
    config: {url: '{{ input.site }}/read/first'}
    then: [left, right, each]
  left:
    type: api
    config:
      method: POST
      url: '{{ input.site }}/write/left'
      body: {kind: json, value: {n: '{{ first.body.n }}'}}
    idempotency_key: 'left-{{ run.id }}'
    then: join
  right:
    type: set
    config:
      values: {double: '{{ first.body.n * 2 }}'}
      variables: {seen: '{{ first.body.n }}'}
    then: join
  each:
    type: for_each
    config:
      items: [a, b, c, d, e, f]
      concurrency: 3
      collect: '{{ send.body.n }}'
    body:
      look:
        type: api
        config: {url: '{{ input.site }}/read/{{ item }}'}
        then: send
      send:
        type: api
        config:
          method: POST
          url: '{{ input.site }}/write/{{ item }}'
          body: {kind: json, value: {n: '{{ look.body.n }}'}}
        idempotency_key: '{{ item }}-{{ run.id }}'
    then: join
  join:
    type: condition
    config: {value: '{{ right.double }}', operator: at_least, operand: 0}
    then: {true: last, false: never}
  last:
    type: api
    config: {method: POST, url: '{{ input.site }}/write/last', body: {kind: json, value: {n: '{{ vars.seen }}'}}}
    idempotency_key: 'last-{{ run.id }}'
  never:
    type: stop
    config: {status: failed, message: This way is never taken.}
outputs:
  collected: '{{ each.results }}'
  left: '{{ left.body.n }}'
  last: '{{ last.body.n }}'
  seen: '{{ vars.seen }}'
"""


class Counting:
    """A server that counts each path and answers each with a number made from its name.

    held: a path that is counted but answered only when `released` is set; `reached` says that it was asked for.
    """

    def __init__(self) -> None:
        self.hits: Counter[str] = Counter()
        self.keys: dict[str, set[str]] = {}
        self.held = ""
        self.reached = threading.Event()
        self.released = threading.Event()
        self._lock = threading.Lock()
        counting = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: Any) -> None:
                pass

            def do_GET(self) -> None:
                self._answer()

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self._answer()

            def _answer(self) -> None:
                with counting._lock:
                    counting.hits[self.path] += 1
                    counting.keys.setdefault(self.path, set()).add(self.headers.get("Idempotency-Key", ""))
                if self.path == counting.held:
                    counting.reached.set()
                    counting.released.wait(60)
                body = json.dumps({"n": number(self.path)}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with suppress(BrokenPipeError, ConnectionResetError):  # whoever asked may have been killed
                    self.wfile.write(body)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def number(path: str) -> int:
    return sum(path.encode()) % 97


@pytest.fixture
def site() -> Iterator[Counting]:
    counting = Counting()
    yield counting
    counting.close()


class Program:
    """The program under test: started, killed at an event, started again."""

    def __init__(self, tmp_path: Path, database_url: str, answer: str = "run_again") -> None:
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("STEPLOOM_")},
            "STEPLOOM_HOME": str(tmp_path / "home"),
            "STEPLOOM_DATABASE_URL": database_url,
            "STEPLOOM_ALLOWED_HOSTS": '["127.0.0.1"]',
            "CRASH_ANSWER": answer,
        }

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """The running process."""
        return subprocess.Popen(
            [sys.executable, "-m", "tests.support.crash_run", *arguments],
            cwd=ROOT, env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self, *arguments: str, kill_at: int | None = None) -> list[dict[str, Any]]:
        """Run to the end, or until that many events were said, then kill -9. Its events."""
        program = self.start(*arguments)
        assert program.stdout is not None
        assert program.stderr is not None
        events: list[dict[str, Any]] = []
        with program.stdout, program.stderr:
            for line in program.stdout:
                events.append(json.loads(line))
                if kill_at is not None and len(events) >= kill_at:
                    program.send_signal(signal.SIGKILL)
                    break
            errors = program.stderr.read()
        code = program.wait()
        assert code in (0, -signal.SIGKILL), errors
        return events


def completed(database_url: str, run_id: str) -> set[str]:
    """The paths of the steps that the journal holds as completed."""
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT path FROM step_results WHERE run_id = %s AND status = 'completed'", (run_id,)
        ).fetchall()
    return {path for (path,) in rows}


def expected() -> dict[str, Any]:
    letters = "abcdef"
    return {
        "collected": [number(f"/write/{letter}") for letter in letters],
        "left": number("/write/left"),
        "last": number("/write/last"),
        "seen": number("/read/first"),
    }


def path_of(url_path: str) -> str:
    """The scope path of the step that calls a path of the server."""
    kind, _, name = url_path.strip("/").partition("/")
    if name in ("first", "left", "last"):
        return name
    return f"each[{'abcdef'.index(name)}]/{'look' if kind == 'read' else 'send'}"


def run_with_kills(program: Program, file: Path, site: Counting, database_url: str, random: Random, most: int) -> int:
    """A run that is killed at random moments until it ends; how often, at most so many times."""
    site.hits.clear()
    site.keys.clear()
    events = program.run("start", str(file), json.dumps({"site": site.url}), kill_at=random.randint(1, 30))
    run_id = events[0]["run_id"]
    kills = 0
    while events[-1]["event"] != "result":
        kills += 1
        done = completed(database_url, run_id)
        before = Counter(site.hits)
        events = program.run("resume", run_id, kill_at=random.randint(1, 30) if kills < most else None)
        for url_path, hits in site.hits.items():
            if path_of(url_path) in done:
                assert hits == before[url_path], f"{url_path} was completed and was called again"
    assert events[-1] == {"event": "result", "status": "completed", "outputs": expected()}
    assert all(len(keys) == 1 for path, keys in site.keys.items() if path.startswith("/write/"))
    return kills


@pytest.mark.parametrize("seed", range(10))
def test_runs_killed_at_fifty_random_moments_end_right_and_repeat_nothing_completed(
    seed: int, tmp_path: Path, database_url: str, site: Counting
) -> None:
    file = tmp_path / "crash.loom.yaml"
    file.write_text(WORKFLOW)
    program, random = Program(tmp_path, database_url), Random(seed)
    kills = 0
    while kills < KILLS_IN_A_TEST:
        kills += run_with_kills(program, file, site, database_url, random, KILLS_IN_A_TEST - kills)
    assert kills == KILLS_IN_A_TEST


def test_a_write_without_a_key_that_was_cut_off_asks_a_person_and_takes_the_answer(
    tmp_path: Path, database_url: str, site: Counting
) -> None:
    text = WORKFLOW.replace("    idempotency_key: 'left-{{ run.id }}'\n", "")
    file = tmp_path / "crash.loom.yaml"
    file.write_text(text)
    program = Program(tmp_path, database_url, answer="run_again")
    site.held = "/write/left"
    with program.start("start", str(file), json.dumps({"site": site.url})) as running:
        assert running.stdout is not None
        run_id = json.loads(running.stdout.readline())["run_id"]
        assert site.reached.wait(60)
        running.kill()
    site.held = ""
    site.released.set()
    assert "left" not in completed(database_url, run_id)
    asked = program.run("resume", run_id)
    assert asked[-1]["status"] == "suspended"
    assert any(e["event"] == "step_suspended" and "interrupted" in e["question"]["message"] for e in asked)
    calls = site.hits["/write/left"]
    answered = program.run("resume", run_id)
    assert answered[-1] == {"event": "result", "status": "completed", "outputs": expected()}
    assert site.hits["/write/left"] == calls + 1
