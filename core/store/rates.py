"""How often something may be called, by all programs that share a database together."""

from __future__ import annotations

import hashlib
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.store.database import Database
from core.store.values import escape

_DRAW = text("""
INSERT INTO rates AS r (name, tokens, updated) VALUES (:name, CAST(:burst AS float8) - 1, clock_timestamp())
ON CONFLICT (name) DO UPDATE SET updated = clock_timestamp(), tokens = least(
    CAST(:burst AS float8), r.tokens + extract(epoch FROM clock_timestamp() - r.updated) * CAST(:rate AS float8)) - 1
RETURNING tokens""")
"""A token bucket in one statement. Below zero stand calls that were promised for later, each after the one before."""


_FILLED = "r.tokens + extract(epoch FROM clock_timestamp() - r.updated) * CAST(:rate AS float8)"

_TAKE = text(f"""
INSERT INTO rates AS r (name, tokens, updated) VALUES (:name, CAST(:number AS float8) - 1, clock_timestamp())
ON CONFLICT (name) DO UPDATE SET updated = clock_timestamp(), tokens = least(CAST(:number AS float8), {_FILLED}) - 1
WHERE {_FILLED} >= 1
RETURNING tokens""")  # noqa: S608 - made of constants
"""The same bucket, full at first, for whoever cannot wait: nothing is taken if there is not a whole one."""

_MISSING = text(f"SELECT 1 - ({_FILLED}) FROM rates AS r WHERE name = :name")  # noqa: S608 - made of constants

_CLAIM = text("""
INSERT INTO rates AS r (name, tokens, updated) VALUES (:name, :owner, clock_timestamp())
ON CONFLICT (name) DO UPDATE SET tokens = excluded.tokens, updated = excluded.updated
    WHERE r.tokens = excluded.tokens OR r.updated < clock_timestamp() - make_interval(secs => :seconds)
RETURNING name""")
"""A name and, as the number of its tokens, whose it is."""

_FORGET_CLAIMS = text("""
DELETE FROM rates WHERE starts_with(name, :prefix) AND updated < clock_timestamp() - interval '3 days'""")
"""No claim lasts longer than two days, twice the longest window of signatures."""

_CLAIMS: Final = "claim "
"""Begins the names of claims, among those of buckets."""


class Rates:
    """Token buckets, kept in the database and measured by its clock."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def draw(self, name: str, number: int, seconds: float) -> float:
        """The right to one call out of `number` in so many seconds; how many seconds to wait before making it.

        A tenth of the number may be called at once; so within the time at most that much more than `number`.
        """
        rate = number / seconds
        values = {"name": escape(f"calls of {name}"), "burst": max(1.0, number / 10), "rate": rate}

        async def work(connection: AsyncConnection) -> float:
            return float(await connection.scalar(_DRAW, values) or 0.0)

        return max(0.0, -await self._database.run(work) / rate)

    async def take(self, name: str, number: int, seconds: float) -> float:
        """Take one call out of `number` in so many seconds: 0.0, or, with nothing taken, seconds until there is one."""
        rate = number / seconds
        values = {"name": escape(name), "number": number, "rate": rate}

        async def work(connection: AsyncConnection) -> float:
            if await connection.scalar(_TAKE, values) is not None:
                return 0.0
            return max(0.001, float(await connection.scalar(_MISSING, values) or 0.0) / rate)

        return await self._database.run(work)

    async def claim(self, name: str, owner: str, seconds: float) -> bool:
        """Whether a name is its owner's: nobody else's for so many seconds after the owner asked for it."""
        mark = int.from_bytes(hashlib.sha256(owner.encode("utf-8", "surrogatepass")).digest()[:6])
        values = {"name": escape(f"{_CLAIMS}{name}"), "owner": float(mark), "seconds": seconds}

        async def work(connection: AsyncConnection) -> bool:
            if mark % 256 == 0:  # now and then
                await connection.execute(_FORGET_CLAIMS, {"prefix": _CLAIMS})
            return await connection.scalar(_CLAIM, values) is not None

        return await self._database.run(work)
