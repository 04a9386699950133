"""Loops and workflows that workers share, with one worker in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.service.worker import Worker
from core.workflow.document import loads
from core.workflow.model import Json
from core.workspace import Workspace

SHOUT = """\
steploom: 1
name: Shout
inputs: {words: {type: array}}
variables: {last: {type: string, default: none}}
steps:
  mark:
    type: template
    config: {text: '!'}
    then: all
  all:
    type: for_each
    config:
      items: '{{ input.words }}'
      spread: true
      concurrency: 2
      collect: '{{ loud.text }}'
    body:
      loud:
        type: template
        config: {text: '{{ item | upper }}{{ mark.text }}{{ index }}'}
        then: keep
      keep:
        type: set
        config: {variables: {last: '{{ loud.text }}'}}
outputs: {words: '{{ all.results }}', last: '{{ vars.last }}'}
"""


@pytest.fixture
async def office(database_url: str, tmp_path: Path) -> AsyncIterator[Workspace]:
    """A workspace whose runs a worker executes."""
    async with Workspace.open(tmp_path / "home", database_url=database_url) as opened:
        worker = Worker(opened, grace_s=0)
        working = asyncio.create_task(worker.run())
        yield opened
        worker.stop()
        await working


async def until(office: Workspace, run_id: str, *statuses: str) -> str:
    async with asyncio.timeout(60):
        while (status := (await office.journal.run(run_id)).status) not in statuses:
            await asyncio.sleep(0.02)
    return status


async def ran(office: Workspace, text: str, inputs: dict[str, Json]) -> str:
    run_id = await office.queue.enqueue(loads(text), inputs)
    await until(office, run_id, "completed", "failed", "cancelled")
    return run_id


async def test_each_item_is_a_run_of_its_own_and_results_come_in_their_order(office: Workspace) -> None:
    run_id = await ran(office, SHOUT, {"words": ["a", "b", "c", "d", "e"]})
    run = await office.journal.run(run_id)
    assert run.error is None
    assert run.outputs == {"words": ["A!0", "B!1", "C!2", "D!3", "E!4"], "last": "E!4"}
