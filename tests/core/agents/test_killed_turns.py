"""kill -9 in the middle of a turn with three function calls: nothing is called twice, and the conversation goes on.

A loopback server counts what reached the outside world; the model is the OpenRouter stand-in, which outlives the kills.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.support.http_site import Asked, Page, Site, running_site
from tests.support.openrouter import KEY, Received, StandIn, running_stand_in
from tests.support.openrouter_replies import Reply, call_piece, chunk, stream_reply, text_stream, usage_chunk

ROOT = Path(__file__).parents[3]
FUNCTIONS = ("pay_one", "pay_two", "pay_three")


def answer(request: Received) -> Reply:
    """What a model would say: first the three calls, then, when their results are there, words."""
    messages = request.body["messages"]
    asked = max(n for n, message in enumerate(messages) if message["role"] == "user")
    if any(message["role"] == "tool" for message in messages[asked:]):
        return text_stream("All three are paid.")
    if "pay" not in str(messages[asked]["content"]).lower():
        return text_stream("You are welcome.")
    pieces = [call_piece(n, f"call_{n}", name, "{}") for n, name in enumerate(FUNCTIONS)]
    return stream_reply(chunk(role="assistant", tool_calls=pieces), chunk(finish="tool_calls"), usage_chunk())


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    with running_stand_in() as stand_in:
        usual = stand_in._usual
        monkeypatch.setattr(
            stand_in,
            "_usual",
            lambda request: answer(request) if request.path == "/chat/completions" else usual(request),
        )
        yield stand_in


class Counter3:
    """The three places that the functions reach, counted. at: after which arrival a process is to be killed."""

    def __init__(self, site: Site) -> None:
        self.hits: Counter[str] = Counter()
        self.at = 0
        self.victim: subprocess.Popen[str] | None = None
        for name in ("/one", "/two", "/three"):
            site.pages[name] = self.page

    def page(self, asked: Asked) -> Page:
        self.hits[asked.path] += 1
        if self.victim is not None and sum(self.hits.values()) == self.at:
            self.victim.send_signal(signal.SIGKILL)
            self.victim.wait()
        return Page(b"{}", headers={"content-type": "application/json"})


@pytest.fixture
def site() -> Iterator[Site]:
    with running_site() as running:
        yield running


class Program:
    def __init__(self, home: Path, database_url: str, model: StandIn, site: Site) -> None:
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("STEPLOOM_")},
            "STEPLOOM_HOME": str(home),
            "STEPLOOM_DATABASE_URL": database_url,
            "STEPLOOM_ALLOWED_HOSTS": '["127.0.0.1"]',
            "STEPLOOM_MODEL_SERVER": json.dumps({"base_url": model.base_url, "kind": "openrouter"}),
            "STEPLOOM_DEFAULT_MODEL": "test/model",
            "OPENROUTER_API_KEY": KEY,
            "CRASH_ANSWER": "treat_as_done",
            "CRASH_SITE": site.url,
        }

    def run(self, *arguments: str, kill_at: int = 0, counter: Counter3 | None = None) -> list[dict[str, Any]]:
        """Run to the end, or until killed: after so many events, or by the counter. What it said."""
        program = subprocess.Popen(
            [sys.executable, "-m", "tests.support.crash_chat", *arguments],
            cwd=ROOT, env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        if counter is not None:
            counter.victim = program
        assert program.stdout is not None
        assert program.stderr is not None
        events: list[dict[str, Any]] = []
        with program.stdout, program.stderr:
            for line in program.stdout:
                if line.endswith("\n"):
                    events.append(json.loads(line))
                if kill_at and len(events) >= kill_at:
                    program.send_signal(signal.SIGKILL)
                    break
            errors = program.stderr.read()
        assert program.wait() in (0, -signal.SIGKILL), errors
        return events


@pytest.mark.parametrize("seed", range(6))
def test_a_turn_killed_at_any_of_thirty_moments_calls_nothing_twice_and_goes_on(
    seed: int, tmp_path: Path, database_url: str, model: StandIn, site: Site
) -> None:
    program, counter, random = Program(tmp_path / "home", database_url, model, site), Counter3(site), Random(seed)
    for kill in range(5):
        counter.hits.clear()
        if kill % 2:
            counter.at = random.randint(1, 3)
            said = program.run("begin", site.url, "Pay all three.", counter=counter)
        else:
            counter.at = 0
            said = program.run("begin", site.url, "Pay all three.", kill_at=random.randint(2, 22))
        conversation = said[0]["id"]
        counter.victim = None
        assert said[-1]["event"] != "result"
        said = program.run("finish", conversation, "Thank you.")
        ends = [told for told in said if told["event"] == "result"]
        assert ends[-2] == {"event": "result", "status": "completed", "text": "All three are paid."}
        assert ends[-1]["text"] == "You are welcome."
        assert max(counter.hits.values(), default=0) <= 1, counter.hits
        sent = model.requests[-1].body["messages"]
        calls = [call["id"] for message in sent for call in message.get("tool_calls") or ()]
        results = [message["tool_call_id"] for message in sent if message["role"] == "tool"]
        assert calls == results == ["call_0", "call_1", "call_2"]
