"""Answers that another process makes, and answers that were made while nobody watched."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from core.agents.chat_events import CANCELLED
from core.store.conversation_records import StoredMessage
from core.workspace import Workspace
from tests.support.http_service import Site, events_in


@pytest.fixture
async def other(database_url: str, tmp_path: Path, site: Site) -> AsyncIterator[Workspace]:
    """Another process's workspace on the same database."""
    async with Workspace.open(tmp_path / "elsewhere", database_url=database_url, demo=True) as made:
        yield made


async def _asked(http: httpx.AsyncClient) -> UUID:
    turn = (await http.post("/api/v1/agents/Helper/chat", json={"message": "One", "stream": False})).json()
    return UUID(turn["conversation_id"])


def _said(role: Any, text: str, **more: Any) -> StoredMessage:
    return StoredMessage(0, None, role, text, {"role": role, "content": text}, **more)


async def test_an_answer_of_another_process_is_told_message_by_message(
    http: httpx.AsyncClient, other: Workspace
) -> None:
    conversation = await _asked(http)
    address = f"/api/v1/conversations/{conversation}"
    log = await other.conversations.write(conversation)
    await log.add(_said("user", "Two"))
    told: list[dict[str, Any]] = []
    begun = asyncio.Event()

    async def watch() -> None:
        async with http.stream("GET", f"{address}/events") as stream:
            async for line in stream.aiter_lines():
                if line.startswith("data: "):
                    told.append(json.loads(line[6:]))
                    begun.set()

    async with asyncio.timeout(30):
        watching = asyncio.create_task(watch())
        await begun.wait()
        shown = (await http.get(address)).json()
        stopped = await http.post(f"{address}/cancel")
        await log.add(_said("assistant", "And two.", agent="Helper"))
        await log.close()
        await watching
    assert shown["answering"]
    assert (stopped.status_code, stopped.json()["error"]["code"]) == (409, "answered_elsewhere")
    names = [each["event"] for each in told]
    assert names == ["message_saved", "message_saved", "turn_ended"]
    assert [each["message"]["text"] for each in told[:2]] == ["Two", "And two."]
    assert (told[-1]["status"], told[-1]["text"]) == ("completed", "And two.")
    assert not (await http.get(address)).json()["answering"]


async def test_who_comes_back_after_the_end_is_told_the_answer(http: httpx.AsyncClient) -> None:
    conversation = await _asked(http)
    address = f"/api/v1/conversations/{conversation}/events"
    assert (await http.get(address)).status_code == 409
    async with http.stream("GET", address, headers={"Last-Event-ID": "3"}) as stream:
        told = await events_in(stream)
    assert [each["event"] for each in told] == ["message_saved", "message_saved", "turn_ended"]
    assert told[1]["message"]["text"] == told[-1]["text"]


@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [
        (None, "cancelled", "It was broken off before there was an answer."),
        (_said("assistant", "An", status="partial", reason=CANCELLED), "cancelled", CANCELLED),
        (_said("assistant", "An", status="partial", reason="At its limit."), "limited", "At its limit."),
        (_said("assistant", "", status="failed", reason="Nobody home."), "failed", "Nobody home."),
    ],
)
async def test_how_an_answer_ended_elsewhere_is_told(
    http: httpx.AsyncClient, other: Workspace, answer: StoredMessage | None, status: str, reason: str
) -> None:
    conversation = await _asked(http)
    log = await other.conversations.write(conversation)
    await log.add(_said("user", "Two"))
    if answer is not None:
        await log.add(answer)
    await log.close()
    address = f"/api/v1/conversations/{conversation}/events"
    async with http.stream("GET", address, headers={"Last-Event-ID": "0"}) as stream:
        told = await events_in(stream)
    assert (told[-1]["event"], told[-1]["status"], told[-1]["reason"]) == ("turn_ended", status, reason)
