"""Values that became blobs because they are too large for their row: written and read in the row's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from core.store.tables import BlobRow
from core.store.values import VALUE_MEDIA_TYPE

_blobs = BlobRow.__table__.c


async def keep_values(connection: AsyncConnection, values: Mapping[str, bytes]) -> None:
    """Keep what a Packer collected. In order of their hashes, so that two writers never wait for each other."""
    for name in sorted(values):
        data = values[name]
        row = {"hash": name, "media_type": VALUE_MEDIA_TYPE, "size": len(data), "bytes": data}
        statement = insert(BlobRow.__table__).values(row)  # type: ignore[arg-type] # a declared table is a Table
        await connection.execute(statement.on_conflict_do_update(index_elements=["hash"], set_={"used": func.now()}))


async def load_values(connection: AsyncConnection, names: Iterable[str]) -> dict[str, bytes]:
    """The bytes by their hash."""
    wanted = set(names)
    if not wanted:
        return {}
    rows = await connection.execute(select(_blobs.hash, _blobs.bytes).where(_blobs.hash.in_(wanted)))
    return {row.hash: row.bytes for row in rows}
