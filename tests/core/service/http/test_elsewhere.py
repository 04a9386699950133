"""Runs that another process executes, and secrets that runs use: what a caller sees of the one and not of the other."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from core.engine.events import NO_USAGE, RunCompleted, StepDelta, StepStarted
from core.engine.journal import RunRecord
from core.ids import new_run_id
from core.service.http.parts import ServiceLimits
from core.service.run_relay import RunRelay
from core.service.run_teller import RunTeller
from core.service.worker import Worker
from core.store.notices import Notices
from core.store.run_news import WATCH_CHANNEL, RunNews
from core.workflow.document import loads
from core.workflow.model import Workflow
from core.workspace import Workspace
from tests.support.http_service import WORKFLOWS, Site, events_in, running
from tests.support.http_site import Asked, Page
from tests.support.http_site import Site as OtherSite

SECRET = "pl4ntedW0rd-of-the-shop"

SELLING = """
steploom: 1
name: Sell
inputs: {site: {type: string}}
steps:
  ask:
    type: api
    config: {url: "{{ input.site }}/echo", headers: {X-Key: "{{ secrets.SHOP }}"}}
    then: approve
  approve: {type: approval, config: {message: "Sell {{ ask.body }}?", choices: [yes, no]}}
outputs: {said: "{{ ask.body }}"}
"""


@pytest.fixture
async def front(database_url: str, home: Path) -> AsyncIterator[Site]:
    """A service that executes nothing itself."""
    async with Workspace.open(home, database_url=database_url, demo=True) as workspace:
        assert workspace.store is not None
        for text in WORKFLOWS:
            await workspace.store.workflows.save(loads(text), 0)
        async with running(workspace, workers=0) as made:
            yield made


ASKING = """
steploom: 1
name: Big
steps:
  ask: {type: approval, config: {message: "Shall I?", choices: [go]}, then: {go: big}}
  big: {type: template, config: {text: "{{ 'x' * 20000 }}"}}
"""


@asynccontextmanager
async def hearing(database_url: str, home: Path) -> AsyncIterator[Site]:
    """A service that executes nothing itself, and knows of runs elsewhere only what it is told."""
    limits = ServiceLimits(poll_s=300, slow_poll_s=300)
    async with (
        Workspace.open(home, database_url=database_url, demo=True) as workspace,
        running(workspace, workers=0, limits=limits) as made,
    ):
        yield made


@asynccontextmanager
async def working(home: Path, database_url: str) -> AsyncIterator[Worker]:
    """A worker that shares nothing with the service but the database."""
    async with Workspace.open(home, database_url=database_url, demo=True) as workspace:
        worker = Worker(workspace, concurrency=2)
        task = asyncio.create_task(worker.run())
        yield worker
        worker.stop()
        await task


@pytest.fixture
async def other(database_url: str, tmp_path: Path) -> AsyncIterator[Worker]:
    async with working(tmp_path / "elsewhere", database_url) as made:
        yield made


async def test_a_run_waits_until_somebody_executes_it(front: Site) -> None:
    async with front.client("run", "read") as http:
        body = {"workflow": "Greet", "inputs": {"who": "Ada"}, "wait_s": 0.3}
        run = (await http.post("/api/v1/runs", json=body)).json()
        assert run["status"] == "queued"
        told = httpx.URL(f"/api/v1/runs/{run['run_id']}/events?follow=false")
        async with http.stream("GET", told) as stream:
            assert await events_in(stream) == []
        cancelled = await http.post(f"/api/v1/runs/{run['run_id']}/cancel")
        assert cancelled.json()["status"] == "cancelled"


async def test_a_run_of_another_process_is_watched_to_its_end(front: Site, other: Worker) -> None:
    async with front.client("run", "read", "answer") as http:
        run = (await http.post("/api/v1/runs", json={"workflow": "Publish", "inputs": {"note": "it"}})).json()
        address = f"/api/v1/runs/{run['run_id']}"
        async with http.stream("GET", f"{address}/events") as stream:
            first = await events_in(stream, until="run_suspended")
        assert (await http.post(f"{address}/answers", json={"choice": "publish"})).status_code == 202
        async with http.stream("GET", f"{address}/events", headers={"Last-Event-ID": first[-1]["id"]}) as stream:
            rest = await events_in(stream)
        assert [each["event"] for each in first if each["event"].startswith("run")] == ["run_started", "run_suspended"]
        assert rest[-1]["event"] == "run_completed"
        assert rest[-1]["outputs"]["answer"] == "published"


async def test_what_another_process_does_is_heard_and_not_looked_up(
    database_url: str, home: Path, other: Worker
) -> None:
    async with (
        hearing(database_url, home) as front,
        front.client("run", "read", "answer") as http,
        await psycopg.AsyncConnection.connect(database_url, autocommit=True) as listener,
    ):
        assert front.workspace.store is not None
        await front.workspace.store.workflows.save(loads(ASKING), 0)
        run = (await http.post("/api/v1/runs", json={"workflow": "Big"})).json()
        address = f"/api/v1/runs/{run['run_id']}"
        async with asyncio.timeout(60):
            while (await http.get(address)).json()["status"] != "suspended":  # noqa: ASYNC110 - the other process does it
                await asyncio.sleep(0.05)
            await listener.execute("LISTEN steploom_watch")
            watching = [asyncio.create_task(_told(http, f"{address}/events")) for _ in range(2)]
            assert (await anext(listener.notifies())).payload == run["run_id"]
            await http.post(f"{address}/answers", json={"choice": "go"})
            one, two = await asyncio.gather(*watching)
    assert one == two
    names = [each["event"] for each in one]
    assert names[:4] == ["run_started", "step_started", "step_suspended", "run_suspended"]
    assert names[-1] == "run_completed"
    completed = {each["step_id"]: each for each in one if each["event"] == "step_completed"}
    assert list(completed) == ["ask", "big"]
    assert len(completed["big"]["output"]["text"]) == 20_000


async def test_a_run_that_a_window_or_a_command_executes_is_heard_too(
    database_url: str, home: Path, tmp_path: Path
) -> None:
    async with (
        hearing(database_url, home) as front,
        front.client("read") as http,
        Workspace.open(tmp_path / "elsewhere", database_url=database_url, demo=True) as other,
        await psycopg.AsyncConnection.connect(database_url, autocommit=True) as listener,
        asyncio.timeout(60),
    ):
        heard = asyncio.Event()

        def others() -> list[str]:
            heard.set()  # it was asked to tell of something
            return []

        listening = [*other.watch.listeners]
        teller = asyncio.create_task(RunTeller(other, others=others).run())
        await listener.execute("LISTEN steploom_news")
        run = other.start(loads(ASKING))
        assert (await run.result()).status == "suspended"
        heard.clear()
        told: list[dict[str, Any]] = []
        watching = asyncio.create_task(_watch(http, f"/api/v1/runs/{run.id}/events", told))
        await heard.wait()
        await other.journal.answer(run.id, "ask", {"choice": "go"})
        await (await other.resume(run.id)).result()
        await watching
        assert json.loads((await anext(listener.notifies())).payload)["run"] == run.id
        teller.cancel()
        await asyncio.gather(teller, return_exceptions=True)
        assert other.watch.listeners == listening
    assert [each["event"] for each in told][-2:] == ["step_completed", "run_completed"]


async def test_pieces_of_an_answer_come_from_another_process_as_they_are_made(front: Site) -> None:
    workspace = front.workspace
    assert workspace.store is not None
    run = RunRecord(new_run_id(), Workflow("Talk"), {}, "running", workspace.clock.now())
    lease = await workspace.journal.open_run(run)
    database = workspace.store.database
    relay = RunRelay(RunNews(database), sender="worker", running=lambda: [run.id], clock=workspace.clock)
    watched = asyncio.Event()

    def watch(_channel: str, run_id: str) -> None:
        relay.watch(run_id)
        watched.set()

    ready = asyncio.Event()
    helpers = [
        asyncio.create_task(relay.run()),
        asyncio.create_task(Notices(database.address).listen([WATCH_CHANNEL], watch, ready.set)),
    ]
    async with front.client("read") as http, asyncio.timeout(30):
        await ready.wait()
        told: list[dict[str, Any]] = []
        watching = asyncio.create_task(_watch(http, f"/api/v1/runs/{run.id}/events", told))
        await watched.wait()
        step = (run.id, workspace.clock.now(), "talk", "talk", 1)
        relay.heard(StepStarted(*step, "chat", "Talk", "first", "h", {}))
        for piece in ("Hel", "lo", " Ada", " Ada"):
            relay.heard(StepDelta(*step, piece))
        workspace.journal.put(lease, StepStarted(*step, "chat", "Talk", "first", "h", {}))
        await workspace.journal.flush(lease)
        await _until_said(told, "Hello Ada Ada")
        relay.heard(StepDelta(*step, "!"))
        await _until_said(told, "Hello Ada Ada!")
        end = RunCompleted(run.id, workspace.clock.now(), {}, NO_USAGE, 0.1)
        workspace.journal.put(lease, end)
        await workspace.journal.close_run(lease)
        relay.heard(end)
        await watching
    for helper in helpers:
        helper.cancel()
    await asyncio.gather(*helpers, return_exceptions=True)
    assert [each["event"] for each in told if each["event"] != "step_delta"] == [
        "run_started",
        "step_started",
        "run_completed",
    ]
    assert _said(told) == "Hello Ada Ada!"


async def _watch(http: httpx.AsyncClient, address: str, told: list[dict[str, Any]]) -> None:
    async with http.stream("GET", address) as stream:
        async for line in stream.aiter_lines():
            if line.startswith("data: "):
                told.append(json.loads(line[6:]))


def _said(told: list[dict[str, Any]]) -> str:
    return "".join(each["text"] for each in told if each["event"] == "step_delta")


async def _until_said(told: list[dict[str, Any]], text: str) -> None:
    while _said(told) != text:  # noqa: ASYNC110 - it comes over the network
        await asyncio.sleep(0.01)


async def test_a_watcher_goes_on_at_a_service_that_was_started_anew(
    database_url: str, home: Path, other: Worker
) -> None:
    async with Workspace.open(home, database_url=database_url, demo=True) as workspace:
        assert workspace.store is not None
        for text in WORKFLOWS:
            await workspace.store.workflows.save(loads(text), 0)
        async with running(workspace, workers=0) as first, first.client("run", "read") as http:
            run = (await http.post("/api/v1/runs", json={"workflow": "Publish", "inputs": {"note": "it"}})).json()
            address = f"/api/v1/runs/{run['run_id']}"
            before = [await _told(http, f"{address}/events", until="run_suspended") for _ in range(2)]
        async with running(workspace, workers=0) as second, second.client("run", "read", "answer") as http:
            last = {"Last-Event-ID": before[0][-1]["id"]}
            watching = [asyncio.create_task(_told(http, f"{address}/events", headers=last)) for _ in range(2)]
            await http.post(f"{address}/answers", json={"choice": "publish"})
            after = await asyncio.gather(*watching)
    for told, rest in zip(before, after, strict=True):
        ids = [each["id"] for each in (*told, *rest)]
        assert len(ids) == len(set(ids))
        assert [each["event"] for each in told] == ["run_started", "step_started", "step_suspended", "run_suspended"]
        assert [each["path"] for each in rest if each["event"] == "step_completed"] == ["ask", "done"]
        assert rest[-1]["event"] == "run_completed"


async def test_a_watcher_misses_nothing_while_the_database_throws_everybody_out(
    front: Site, other: Worker, database_url: str
) -> None:
    async with front.client("run", "read", "answer") as http, asyncio.timeout(60):
        run = (await http.post("/api/v1/runs", json={"workflow": "Publish", "inputs": {"note": "it"}})).json()
        address = f"/api/v1/runs/{run['run_id']}"
        told: list[dict[str, Any]] = []
        watching = asyncio.create_task(_watch(http, f"{address}/events", told))
        while not told or told[-1]["event"] != "run_suspended":  # noqa: ASYNC110 - it comes over the network
            await asyncio.sleep(0.02)
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        assert (await http.post(f"{address}/answers", json={"choice": "publish"})).status_code == 202
        await watching
    assert told[-1]["event"] == "run_completed"
    assert [each["path"] for each in told if each["event"] == "step_completed"] == ["ask", "done"]


async def _told(
    http: httpx.AsyncClient, address: str, *, until: str = "", headers: dict[str, str] | None = None
) -> list[dict[str, Any]]:
    async with http.stream("GET", address, headers=headers or {}, timeout=60) as stream:
        return await events_in(stream, until)


async def test_no_answer_holds_a_secret(
    allowed_site: OtherSite, monkeypatch: pytest.MonkeyPatch, home: Path, database_url: str
) -> None:
    monkeypatch.setenv("STEPLOOM_SECRET_SHOP", SECRET)
    allowed_site.pages["/echo"] = _echo
    async with Workspace.open(home, database_url=database_url, demo=True) as workspace, running(workspace) as selling:
        assert workspace.store is not None
        await workspace.store.workflows.save(loads(SELLING), 0)
        async with selling.client("admin") as http:
            text = await _everything(http, allowed_site.url)
            token = http.headers["authorization"].removeprefix("Bearer ")
    assert allowed_site.asked[0].headers["x-key"] == SECRET
    assert "[secret SHOP]" in text
    with psycopg.connect(database_url) as connection:
        hashes = [row[0] for row in connection.execute("SELECT hash FROM api_tokens")]
    for secret in (SECRET, token, token.rpartition("_")[2], *hashes):
        assert secret not in text


async def _everything(http: httpx.AsyncClient, site: str) -> str:
    """All that the service tells of a run, and all else that can be read."""
    started = await http.post("/api/v1/runs", json={"workflow": "Sell", "inputs": {"site": site}, "wait_s": 30})
    run = started.json()
    assert run["status"] == "suspended", run
    address = f"/api/v1/runs/{run['run_id']}"
    texts = [started.text, (await http.post(f"{address}/answers", json={"choice": "yes"})).text]
    texts.append((await http.get(address, params={"wait_s": 30, "steps": True})).text)
    async with http.stream("GET", f"{address}/events") as stream:
        texts += [line async for line in stream.aiter_lines()]
    for path in ("workflows", "workflows/Sell", "runs", "agents", "agents/Helper", "conversations", "tokens"):
        texts.append((await http.get(f"/api/v1/{path}")).text)
    texts.append((await http.post("/api/v1/runs", json={"workflow": "Sell", "inputs": {"site": SECRET, "x": 1}})).text)
    texts += [(await http.get(path)).text for path in ("/metrics", "/v1/models", "/openapi.json", "/docs", "/healthz")]
    return re.sub(r"\s+", " ", "".join(texts))


def _echo(asked: Asked) -> Page:
    return Page(f"You sent {asked.headers['x-key']}".encode(), headers={"content-type": "text/plain"})
