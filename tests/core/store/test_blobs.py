from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.engine.errors import StepError
from core.store import blobs as blobs_module
from core.store.blobs import PostgresBlobs
from core.store.database import Database
from core.store.documents import Documents
from core.store.executions import Executions
from core.store.journal import PostgresJournal
from core.store.workflows import Workflows
from core.workflow.model import Step, Workflow
from tests.support.journals import completed, new_run, started

AT_ONCE = timedelta(0)


@pytest.fixture
def blobs(database: Database) -> PostgresBlobs:
    return PostgresBlobs(database)


async def _count(database: Database) -> int:
    async def work(connection: AsyncConnection) -> int:
        return int(await connection.scalar(text("SELECT count(*) FROM blobs")) or 0)

    return await database.run(work)


async def test_bytes_come_back_by_their_hash(blobs: PostgresBlobs) -> None:
    data = bytes(range(256)) * 10
    found = await blobs.put(data, "image/png", "fire.png")
    assert (found.hash, found.size) == (hashlib.sha256(data).hexdigest(), 2560)
    assert (found.media_type, found.name) == ("image/png", "fire.png")
    assert await blobs.get(found.hash) == data
    assert await blobs.get((await blobs.put(b"", "text/plain")).hash) == b""


async def test_the_same_bytes_are_kept_once(blobs: PostgresBlobs, database: Database) -> None:
    first = await blobs.put(b"same", "text/plain", "a")
    second = await blobs.put(b"same", "text/plain", "b")
    assert first.hash == second.hash
    assert await _count(database) == 1


async def test_a_missing_blob_is_not_found(blobs: PostgresBlobs) -> None:
    with pytest.raises(StepError, match="not in the store") as caught:
        await blobs.get("0" * 64)
    assert caught.value.kind == "not_found"


async def test_a_file_that_is_too_large_is_refused(blobs: PostgresBlobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blobs_module, "LARGEST_BLOB", 1024 * 1024)
    await blobs.put(bytes(1024 * 1024), "image/png")
    with pytest.raises(StepError, match=r"fire\.png.*at most 1 MiB") as caught:
        await blobs.put(bytes(1024 * 1024 + 1), "image/png", "fire.png")
    assert caught.value.kind == "limit"


async def test_sweeping_takes_what_nothing_names(
    blobs: PostgresBlobs, database: Database, postgres_journal: PostgresJournal
) -> None:
    in_output = await blobs.put(b"output", "text/plain")
    in_input = await blobs.put(b"input", "text/plain")
    in_start = await blobs.put(b"start", "text/plain")
    in_large = await blobs.put(b"large", "text/plain")
    in_workflow = await blobs.put(b"workflow", "text/plain")
    loose = await blobs.put(b"loose", "text/plain")
    workflow = Workflow("W", steps={"a": Step("a", "chat", config={"images": [in_workflow.as_json()]})})
    await Workflows(database, Documents()).save(workflow, 0)
    run = new_run(inputs={"file": in_input.as_json()})
    lease = await postgres_journal.open_run(run)
    postgres_journal.put(lease, started(run.id, inputs={"image": in_start.as_json()}))
    await postgres_journal.flush(lease)
    output = {"image": in_output.as_json(), "more": {"padding": "x" * 300_000, "file": in_large.as_json()}}
    postgres_journal.put(lease, completed(run.id, output=output))
    await postgres_journal.close_run(lease)

    assert await blobs.sweep() == 0
    assert await blobs.sweep(AT_ONCE) == 1
    for kept in (in_output, in_input, in_start, in_large, in_workflow):
        assert await blobs.get(kept.hash)
    with pytest.raises(StepError):
        await blobs.get(loose.hash)
    (record,) = await postgres_journal.steps(run.id)
    assert record.output == output


async def test_blobs_of_pruned_runs_are_swept(
    blobs: PostgresBlobs, database: Database, postgres_journal: PostgresJournal
) -> None:
    run = replace(new_run(inputs={"text": "x" * 300_000}), status="completed")
    await postgres_journal.close_run(await postgres_journal.open_run(run))
    assert await blobs.sweep(AT_ONCE) == 0
    assert await Executions(database).prune(keep_runs=0) == 1
    assert await blobs.sweep(AT_ONCE) == 1
    assert await _count(database) == 0
