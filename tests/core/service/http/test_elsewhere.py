"""Runs that another process executes, and secrets that runs use: what a caller sees of the one and not of the other."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import psycopg
import pytest

from core.service.worker import Worker
from core.workflow.document import loads
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


@pytest.fixture
async def other(database_url: str, home: Path, tmp_path: Path) -> AsyncIterator[Worker]:
    """A worker that shares nothing with the service but the database."""
    async with Workspace.open(tmp_path / "elsewhere", database_url=database_url, demo=True) as workspace:
        worker = Worker(workspace, concurrency=2)
        working = asyncio.create_task(worker.run())
        yield worker
        worker.stop()
        await working


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
