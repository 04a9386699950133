"""Files by their content: each kept once, swept when nothing names them any more."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from core.engine.errors import StepError
from core.engine.services import BlobRef
from core.store.database import Database
from core.store.errors import StoreError
from core.store.tables import BlobRow
from core.store.values import escape

LARGEST_BLOB = 100 * 1024 * 1024
"""Bytes of the largest file that is kept."""

_SWEEP = text("""
WITH named AS (
    SELECT unnest(blobs) AS hash FROM step_results WHERE blobs <> '{}'
    UNION SELECT unnest(blobs) FROM executions WHERE blobs <> '{}'
    UNION SELECT unnest(blobs) FROM conversations WHERE blobs <> '{}'
    UNION SELECT unnest(blobs) FROM messages WHERE blobs <> '{}'
    UNION SELECT unnest(blobs) FROM function_calls WHERE blobs <> '{}'
    UNION SELECT unnest(blobs) FROM request_parts WHERE blobs <> '{}'
    UNION SELECT unnest(blobs) FROM model_requests WHERE blobs <> '{}'
    UNION SELECT unnest(blobs) FROM conversation_notes WHERE blobs <> '{}'
    UNION SELECT unnest(blobs) FROM pins WHERE blobs <> '{}'
),
swept AS (
    DELETE FROM blobs
    WHERE used < now() - make_interval(secs => :age)
        AND NOT EXISTS (SELECT 1 FROM named WHERE named.hash = blobs.hash)
        AND NOT EXISTS (SELECT 1 FROM documents WHERE position(blobs.hash IN documents.body::text) > 0)
    RETURNING 1
)
SELECT count(*) FROM swept""")

_columns = BlobRow.__table__.c


class PostgresBlobs:
    """The Blobs protocol over the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, data: bytes, media_type: str, name: str = "") -> BlobRef:
        """Keep bytes; the same bytes are kept once, under the first media type and name they came with.

        Raises StepError: `limit` if there are too many of them, `connection` if the database stays away.
        """
        if len(data) > LARGEST_BLOB:
            raise StepError(
                f"The file {name or media_type!r} has {len(data) / 1_048_576:.0f} MiB; "
                f"at most {LARGEST_BLOB // 1_048_576} MiB are kept. Write it to a folder instead.",
                kind="limit",
            )
        found = BlobRef(hashlib.sha256(data).hexdigest(), media_type, len(data), name)
        statement = (
            insert(BlobRow)
            .values(hash=found.hash, media_type=escape(media_type), name=escape(name), size=found.size, data=data)
            .on_conflict_do_update(index_elements=["hash"], set_={"used": func.now()})
        )

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(statement)

        try:
            await self._database.run(work)
        except StoreError as error:
            raise StepError(str(error), kind="connection", retryable=True) from error
        return found

    async def get(self, blob_hash: str) -> bytes:
        """The bytes. Raises StepError: `not_found`, or `connection` if the database stays away."""

        async def work(connection: AsyncConnection) -> bytes | None:
            return await connection.scalar(select(_columns.bytes).where(_columns.hash == blob_hash))

        try:
            data = await self._database.run(work)
        except StoreError as error:
            raise StepError(str(error), kind="connection", retryable=True) from error
        if data is None:
            raise StepError(
                f"The file {blob_hash[:12]}… is not in the store (any more). Run the step that made it again.",
                kind="not_found",
            )
        return data

    async def sweep(self, older_than: timedelta = timedelta(days=1)) -> int:
        """Delete the files that no run, conversation, pin or workflow names. Returns how many.

        older_than: younger ones stay, because what names them may not be written yet.
        """

        async def work(connection: AsyncConnection) -> int:
            return int(await connection.scalar(_SWEEP, {"age": older_than.total_seconds()}) or 0)

        return await self._database.run(work)
