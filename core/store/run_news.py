"""What programs tell each other of runs through the database: who watches one, and what happens in it.

Nothing of it is kept, and nobody is told who does not listen at that moment: the journal is what is true, this is only
sooner. A run is told of only while somebody watches it, so that runs nobody watches cost nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.store.database import Database

WATCH_CHANNEL: Final = "steploom_watch"
"""Where those who execute runs hear the ids of those that somebody watches, again and again as long as he does."""

NEWS_CHANNEL: Final = "steploom_news"
"""Where those who watch hear what happens."""

LONGEST_TEXT: Final = 7900
"""Bytes; Postgres takes less than 8000."""

_NOTIFY = text("SELECT pg_notify(:channel, payload) FROM unnest(CAST(:payloads AS text[])) AS payload")


class RunNews:
    """Sends both."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ask(self, run_ids: Sequence[str]) -> None:
        """Say that somebody watches these runs."""
        await self._notify(WATCH_CHANNEL, run_ids)

    async def tell(self, texts: Sequence[str]) -> None:
        """Tell those who watch, in that order. Equal texts are told once; none may be longer than LONGEST_TEXT."""
        await self._notify(NEWS_CHANNEL, texts)

    async def _notify(self, channel: str, payloads: Sequence[str]) -> None:
        values = {"channel": channel, "payloads": list(payloads)}

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(_NOTIFY, values)

        await self._database.run(work)
