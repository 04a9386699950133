"""Hears what other processes tell of the runs that somebody watches here."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from core.service.live_runs import LiveRuns
from core.service.run_messages import message_of
from core.store.errors import StoreError
from core.store.run_news import NEWS_CHANNEL

if TYPE_CHECKING:
    from core.store.notices import Notices
    from core.store.run_news import RunNews

_log = logging.getLogger(__name__)

ASK_EVERY_S: Final = 10.0
"""Seconds after which it is said again which runs are watched."""


class FarRuns:
    """A BackgroundTask. own: who executes runs in this process; its events are heard without the database."""

    def __init__(self, live: LiveRuns, news: RunNews, notices: Notices, *, own: str = "") -> None:
        self._live = live
        self._news = news
        self._notices = notices
        self._own = own
        self._fresh: set[str] = set()
        self._more = asyncio.Event()
        live.began = self._begun

    async def run(self) -> None:
        """Listen, and say what is watched, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._notices.listen([NEWS_CHANNEL], self._heard, self._listens))
            group.create_task(self._keep_asking())

    def _begun(self, run_id: str) -> None:
        self._fresh.add(run_id)
        self._more.set()

    def _listens(self) -> None:
        """What was told before is lost: ask for everything again."""
        self._live.forget_tellers()
        self._fresh.update(self._live.watched)
        self._more.set()

    def _heard(self, _channel: str, text: str) -> None:
        message = message_of(text)
        if message is None:
            return
        self._live.told_of(message.run_id, look=message.look)
        if message.event is not None and message.sender != self._own:
            self._live.heard(message.event)

    async def _keep_asking(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._more.wait(), ASK_EVERY_S)
            wanted = sorted(self._fresh) if self._more.is_set() else list(self._live.watched)
            self._more.clear()
            self._fresh.clear()
            if not wanted:
                continue
            try:
                await self._news.ask(wanted)
            except StoreError as error:
                _log.info("Nobody is told for a while which runs are watched: %s", error)
