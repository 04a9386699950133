"""Triggers switched over HTTP, and schedules with what became of their times."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest

from core.engine.testing import ManualClock
from core.service.triggers.scheduler import Scheduler
from core.workflow.document import loads
from tests.support.http_service import Site

YEARLY = """
steploom: 1
name: Yearly
trigger: {type: schedule, cron: "0 9 1 1 *", zone: Europe/Berlin, missed: skip}
steps: {say: {type: template, config: {text: Good morning}}}
"""

ORDERS = """
steploom: 1
name: Orders
trigger: {type: api, path: /orders}
steps: {say: {type: template, config: {text: Thanks}}}
"""


@pytest.fixture
async def admin(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    assert site.workspace.store is not None
    for text in (YEARLY, ORDERS, ORDERS.replace("name: Orders", "name: Other orders")):
        await site.workspace.store.workflows.save(loads(text), 0)
    async with site.client("admin") as made:
        yield made


async def test_a_trigger_is_published_switched_on_and_off(admin: httpx.AsyncClient, http: httpx.AsyncClient) -> None:
    place = "/api/v1/workflows/Orders"
    assert (await http.post(f"{place}/activate")).status_code == 403
    on = await admin.post(f"{place}/activate")
    assert on.json() == {"name": "Orders", "newest_version": 1, "published_version": 1, "is_active": True}
    assert (await admin.post("/hooks/orders")).status_code == 200
    taken = await admin.post("/api/v1/workflows/Other orders/activate")
    assert (taken.status_code, taken.json()["error"]["code"]) == (409, "address_taken")
    assert (await admin.post(f"{place}/publish", json={"version": 7})).status_code == 404
    assert (await admin.post(f"{place}/publish", json={"version": 1})).json()["is_active"]
    assert not (await admin.post(f"{place}/deactivate")).json()["is_active"]
    async with asyncio.timeout(30):  # calls are answered a moment longer
        while (await admin.post("/hooks/orders")).status_code != 404:  # noqa: ASYNC110 - it comes over the network
            await asyncio.sleep(0.05)
    for verb in ("publish", "activate", "deactivate"):
        assert (await admin.post(f"/api/v1/workflows/Nobody/{verb}")).status_code == 404


async def test_what_cannot_run_is_not_switched_on(site: Site, admin: httpx.AsyncClient) -> None:
    assert site.workspace.store is not None
    broken = ORDERS.replace("name: Orders", "name: Broken").replace("Thanks", '"{{ nobody.text }}"')
    await site.workspace.store.workflows.save(loads(broken), 0)
    refused = await admin.post("/api/v1/workflows/Broken/activate")
    assert refused.status_code == 422
    assert "nobody" in refused.json()["error"]["message"]


async def test_a_schedule_is_listed_paused_and_resumed(admin: httpx.AsyncClient, http: httpx.AsyncClient) -> None:
    assert (await http.get("/api/v1/schedules")).json() == {"schedules": []}
    assert (await admin.post("/api/v1/schedules/Yearly/pause")).status_code == 404
    await admin.post("/api/v1/workflows/Yearly/activate")
    (listed,) = (await http.get("/api/v1/schedules")).json()["schedules"]
    assert (listed["workflow"], listed["zone"], listed["paused"], listed["last_at"]) == (
        "Yearly", "Europe/Berlin", False, None,
    )  # fmt: skip
    assert datetime.fromisoformat(listed["next_at"]) > datetime.now(UTC)
    assert (await http.post("/api/v1/schedules/Yearly/pause")).status_code == 403
    paused = (await admin.post("/api/v1/schedules/Yearly/pause")).json()
    assert (paused["paused"], paused["next_at"]) == (True, None)
    assert (await admin.post("/api/v1/schedules/Yearly/resume")).json()["next_at"] == listed["next_at"]


async def test_the_times_that_came_are_told(site: Site, admin: httpx.AsyncClient, http: httpx.AsyncClient) -> None:
    store = site.workspace.store
    assert store is not None
    clock = ManualClock(datetime.now(UTC))  # ahead of the service's own scheduler, for which nothing is due
    await store.workflows.activate("Yearly", now=clock.now())
    assert (await http.get("/api/v1/schedules/Yearly/times")).json() == {"times": []}
    due = (await store.schedules.get("Yearly")).next_at
    assert due is not None
    await clock.advance((due - clock.now()).total_seconds() + 3600)
    await Scheduler(store.schedules, site.workspace.queue, clock=clock).fire_due()
    (told,) = (await http.get("/api/v1/schedules/Yearly/times?limit=500")).json()["times"]
    assert datetime.fromisoformat(told["at"]) == due
    assert told["outcome"].startswith("missed")
    assert (told["run_id"], told["run_status"]) == (None, None)
    assert (await http.get("/api/v1/schedules/Nobody/times")).status_code == 404
