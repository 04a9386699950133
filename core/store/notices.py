"""Hearing what other programs say through the database, by a connection that is made anew when it breaks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

import psycopg
from psycopg import sql

from core.store.address import Address

_log = logging.getLogger(__name__)

_ALIVE_S: Final = 5.0
"""Seconds without a word after which the connection is tried."""
_PAUSE_S: Final = 1.0
"""Seconds between two tries to reach a server that is away."""


class Notices:
    """LISTEN on a database, from any loop."""

    def __init__(self, address: Address) -> None:
        self._address = address

    async def listen(
        self, channels: Sequence[str], heard: Callable[[str, str], None], ready: Callable[[], None] = lambda: None
    ) -> None:
        """Call back with channel and payload of every notice until cancelled. Those sent while the server is away, or
        the connection broken, are lost.

        ready: called whenever it listens, at first and after every break.
        """
        away = False

        def listens() -> None:
            nonlocal away
            if away:
                _log.info("The database is heard again")
            away = False
            ready()

        while True:
            try:
                await self._listen(channels, heard, listens)
            except (psycopg.Error, OSError) as error:
                if not away:
                    reason = (str(error).splitlines() or ["it does not answer"])[0]
                    _log.warning("Nothing is heard from the database: %s. Trying again until it answers.", reason)
                away = True
            await asyncio.sleep(_PAUSE_S)

    async def _listen(
        self, channels: Sequence[str], heard: Callable[[str, str], None], ready: Callable[[], None]
    ) -> None:
        async with await psycopg.AsyncConnection.connect(self._address.dsn, autocommit=True) as connection:
            for channel in channels:
                await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
            ready()
            while True:
                async for notice in connection.notifies(timeout=_ALIVE_S):
                    heard(notice.channel, notice.payload)
                async with asyncio.timeout(_ALIVE_S):
                    await connection.execute("SELECT 1")
