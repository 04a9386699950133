"""Hearing the notices that start workflows, in one program of all that use the database."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import psycopg
from psycopg import sql

from core.store.address import Address
from core.store.errors import StoreError

_log = logging.getLogger(__name__)

_LOCK: Final = 0x5354_4550_4E4F_5445
"""Number of the advisory lock of whoever listens: the letters STEPNOTE."""

_LOOK_S: Final = 1.0
"""Seconds between two looks at which channels are wanted, and at whether the one who listens is gone."""


class MessageNotices:
    """LISTEN to channels that change. The one who listens is held by a lock of its connection, so that a lost
    connection gives the place to another."""

    def __init__(self, address: Address, *, look_s: float = _LOOK_S) -> None:
        self._address = address
        self._look_s = look_s

    async def listen(
        self,
        channels: Callable[[], Awaitable[Sequence[str]]],
        heard: Callable[[str, str], Awaitable[None]],
        ready: Callable[[Sequence[str]], None] = lambda _: None,
    ) -> None:
        """Call back with channel and payload of every notice until cancelled; begin again when the connection breaks.

        ready: told which channels are listened to, whenever they change.
        """
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(self._address.dsn, autocommit=True) as connection:
                    await self._win(connection)
                    await self._listen(connection, channels, heard, ready)
            except (psycopg.Error, OSError, StoreError) as error:
                _log.info("Notices are not heard for a while: %s", (str(error).splitlines() or [""])[0])
            await asyncio.sleep(self._look_s)

    async def _win(self, connection: psycopg.AsyncConnection[tuple[Any, ...]]) -> None:
        while True:
            cursor = await connection.execute("SELECT pg_try_advisory_lock(%s)", (_LOCK,))
            if (await cursor.fetchone()) == (True,):
                return
            await asyncio.sleep(self._look_s)

    async def _listen(
        self,
        connection: psycopg.AsyncConnection[tuple[Any, ...]],
        channels: Callable[[], Awaitable[Sequence[str]]],
        heard: Callable[[str, str], Awaitable[None]],
        ready: Callable[[Sequence[str]], None],
    ) -> None:
        now: set[str] = set()
        while True:
            wanted = set(await channels())
            for verb, changed in (("LISTEN", wanted - now), ("UNLISTEN", now - wanted)):
                for channel in sorted(changed):
                    await connection.execute(sql.SQL("{} {}").format(sql.SQL(verb), sql.Identifier(channel)))
            if wanted != now:
                now = wanted
                ready(sorted(now))
            async for notice in connection.notifies(timeout=self._look_s):
                await heard(notice.channel, notice.payload)
            await connection.execute("SELECT 1")
