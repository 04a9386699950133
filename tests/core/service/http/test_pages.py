"""Lists over HTTP: page by page, filtered, whatever happens meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from core.engine.journal import RunRecord
from core.ids import new_run_id
from core.service.http.paging import cursor_of
from core.workflow.document import loads
from core.workflow.model import Workflow
from tests.support.http_service import WORKFLOWS, Site

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


async def _kept(site: Site, minute: int, name: str = "Greet", *, queued: bool = True) -> str:
    """The id of a run that was asked for so many minutes after noon, and that nobody executes."""
    run = RunRecord(
        new_run_id(), Workflow(name), {}, "queued" if queued else "running", NOON + timedelta(minutes=minute)
    )
    await site.workspace.journal.close_run(await site.workspace.journal.open_run(run))
    return run.id


async def _pages(http: httpx.AsyncClient, address: str, name: str) -> list[list[dict[str, Any]]]:
    """All pages from that address on, by their `next` links."""
    pages = []
    following: str | None = address
    while following:
        answer = await http.get(following)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        pages.append(body[name])
        following = body["next"]
        assert answer.links.get("next", {}).get("url") == following
    return pages


async def test_runs_come_page_by_page_though_new_ones_begin(site: Site, http: httpx.AsyncClient) -> None:
    ids = [await _kept(site, minute // 2) for minute in range(7)]
    first = (await http.get("/api/v1/runs?limit=3")).json()
    await _kept(site, 60)
    rest = await _pages(http, first["next"], "runs")
    assert [len(page) for page in rest] == [3, 1]
    told = [run["run_id"] for page in (first["runs"], *rest) for run in page]
    assert sorted(told) == sorted(ids)
    created = [run["created"] for page in (first["runs"], *rest) for run in page]
    assert created == sorted(created, reverse=True)


async def test_runs_are_filtered_and_the_next_page_is_filtered_alike(site: Site, http: httpx.AsyncClient) -> None:
    for minute in range(4):
        await _kept(site, minute)
        await _kept(site, minute, "Other & more")
    address = "/api/v1/runs?workflow=Other%20%26%20more&since=2026-11-27T12:01:00Z&until=2026-11-27T13:03:00+01:00"
    pages = await _pages(http, f"{address}&limit=1", "runs")
    assert [run["created"] for page in pages for run in page] == [
        "2026-11-27T12:02:00+00:00",
        "2026-11-27T12:01:00+00:00",
    ]
    assert {run["workflow"] for page in pages for run in page} == {"Other & more"}


async def test_a_run_whose_process_died_is_told_from_one_that_runs(site: Site, http: httpx.AsyncClient) -> None:
    run_id = await _kept(site, 0, queued=False)
    assert (await http.get(f"/api/v1/runs/{run_id}")).json()["status"] == "interrupted"
    (told,) = (await http.get("/api/v1/runs?status=interrupted")).json()["runs"]
    assert (told["run_id"], told["status"]) == (run_id, "interrupted")
    assert (await http.get("/api/v1/runs?status=running")).json()["runs"] == []


async def test_workflows_come_page_by_page_and_by_folder_tag_and_name(site: Site, http: httpx.AsyncClient) -> None:
    assert site.workspace.store is not None
    library = site.workspace.store.workflows
    for name in ("Ärger", "Zebra"):
        text = f"steploom: 1\nname: {name}\ntags: [daily]\nsteps: {{x: {{type: template, config: {{text: x}}}}}}\n"
        await library.save(loads(text), 0, folder="Sales")
    pages = await _pages(http, "/api/v1/workflows?limit=3", "workflows")
    told = [(each["folder"], each["name"]) for page in pages for each in page]
    assert told == sorted(told)
    assert len(told) == len(WORKFLOWS) + 2
    for query in ("folder=Sales", "tag=daily"):
        listed = (await http.get(f"/api/v1/workflows?{query}")).json()["workflows"]
        assert [each["name"] for each in listed] == ["Zebra", "Ärger"]
    (found,) = (await http.get("/api/v1/workflows?search=ÄRG")).json()["workflows"]
    assert found["name"] == "Ärger"


async def test_conversations_come_page_by_page_and_by_whom_they_are_with(site: Site, http: httpx.AsyncClient) -> None:
    with_helper = [(await site.workspace.chat.start("Helper")).id for _ in range(5)]
    with_echo = await site.workspace.chat.start(workflow="Echo")
    pages = await _pages(http, "/api/v1/conversations?limit=2&agent=Helper", "conversations")
    assert [len(page) for page in pages] == [2, 2, 1]
    assert {each["conversation_id"] for page in pages for each in page} == set(map(str, with_helper))
    (found,) = (await http.get("/api/v1/conversations?workflow=Echo")).json()["conversations"]
    assert found["conversation_id"] == str(with_echo.id)
    assert (await http.get("/api/v1/conversations?agent=Nobody")).status_code == 404


@pytest.mark.parametrize("name", ["runs", "workflows", "conversations"])
async def test_what_is_no_cursor_is_refused(http: httpx.AsyncClient, name: str) -> None:
    wrongs = ["x", "%00", "bm8", cursor_of("a"), cursor_of("a", "b", "c"), cursor_of("2026-11-27T09:00:00", "no")]
    for wrong in wrongs if name != "workflows" else wrongs[:-1]:
        answer = await http.get(f"/api/v1/{name}", params={"cursor": wrong})
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "cursor"), wrong


async def test_a_time_without_its_zone_is_refused(http: httpx.AsyncClient) -> None:
    answer = await http.get("/api/v1/runs?since=2026-11-27T09:00:00")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "query")
