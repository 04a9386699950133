from __future__ import annotations

from typing import Any

import pytest
from procrastinate import App
from procrastinate.exceptions import ConnectorException
from procrastinate.testing import InMemoryConnector
from procrastinate.worker import Worker

from core.service.library_worker import LibraryWorker


@pytest.fixture
def worker() -> LibraryWorker:
    return LibraryWorker(App(connector=InMemoryConnector()))


async def test_an_entry_that_is_announced_while_the_queue_is_looked_at_is_looked_for_at_once(
    worker: LibraryWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []

    async def look(self: Worker) -> None:
        looks.append(len(looks))
        if len(looks) == 1:
            await self._handle_notification(channel="any", notification={"type": "job_inserted", "job_id": 7})

    monkeypatch.setattr(Worker, "_fetch_and_process_jobs", look)
    await worker._fetch_and_process_jobs()
    assert looks == [0, 1]
    await worker._fetch_and_process_jobs()
    assert looks == [0, 1, 2]


async def test_an_entry_that_somebody_else_has_dropped_is_no_error(
    worker: LibraryWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(self: Worker, **facts: Any) -> None:
        raise ConnectorException

    monkeypatch.setattr(Worker, "_persist_job_status", gone)
    await worker._persist_job_status(job=None, status=None, retry_decision=None, context=None, job_result=None)
