"""Goes on with conversations by itself: when a wait of a workflow ends that an agent called, or that answers a chat."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Final
from uuid import UUID

from core.agents.chat import Chat
from core.agents.errors import ChatError, NothingToDo
from core.agents.reply import Reply
from core.engine.clock import Clock
from core.engine.errors import EngineError, RunNotFound
from core.engine.journal import Journal, RunRecord
from core.store.conversations import Conversations, WaitingRun
from core.store.errors import StoreError

_log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 10.0
"""Seconds between two looks at most: somebody else may have answered what a run asks, or gone on with it."""


class ChatWaker:
    """Looks after what conversations wait for. `run` does it until cancelled.

    Several may work on one database: a conversation has one writer, and who comes second leaves it alone. told: hears
    of every reply that was begun here.
    """

    def __init__(
        self,
        chat: Chat,
        conversations: Conversations,
        journal: Journal,
        clock: Clock,
        *,
        told: Callable[[Reply], object] = lambda _: None,
    ) -> None:
        self._chat = chat
        self._conversations = conversations
        self._journal = journal
        self._clock = clock
        self._told = told
        self._news = asyncio.Event()
        self._in_vain: set[WaitingRun] = set()

    async def run(self) -> None:
        """Go on with what can go on, until cancelled; while the database is away, wait for it."""
        self._chat.when_waiting.append(self._news.set)
        try:
            while True:
                self._news.clear()
                try:
                    next_at = await self.look()
                except StoreError as error:
                    _log.warning("Conversations that wait are looked at later: %s", error)
                    next_at = None
                await self._pause(next_at)
        finally:
            self._chat.when_waiting.remove(self._news.set)

    async def look(self) -> datetime | None:
        """Go on with every conversation whose wait has ended; when the next wait ends, None if none has a time."""
        times: list[datetime] = []
        woken: set[UUID] = set()
        for each in await self._conversations.waiting_runs():
            record = await self._record(each.run_id)
            if record is None or each in self._in_vain:
                continue
            if self._can_go_on(record):
                if each.conversation_id not in woken:
                    woken.add(each.conversation_id)
                    await self._wake(each)
            elif record.status == "suspended" and record.wake_at is not None:
                times.append(record.wake_at)
        return min(times, default=None)

    def _can_go_on(self, record: RunRecord) -> bool:
        """Whether the run has ended, so that its result is there to be read, or its time has come."""
        if record.status == "suspended":
            return record.wake_at is not None and record.wake_at <= self._clock.now()
        return record.status in ("completed", "failed") or (record.status == "cancelled" and not record.resumable)

    async def _record(self, run_id: str) -> RunRecord | None:
        with suppress(RunNotFound):
            return await self._journal.run(run_id)
        return None

    async def _wake(self, waiting: WaitingRun) -> None:
        try:
            reply = await self._chat.wake(waiting.conversation_id)
        except ChatError:  # it belongs to the step of a run, which goes on by itself
            return
        if reply is not None:
            self._told(reply)
            asyncio.get_running_loop().create_task(self._follow(reply, waiting), name="a woken conversation")

    async def _follow(self, reply: Reply, waiting: WaitingRun) -> None:
        try:
            await reply.outcome()
        except NothingToDo:  # what waits is on a branch that nobody looks at
            self._in_vain.add(waiting)
        except (ChatError, StoreError, EngineError) as error:
            _log.info("The conversation %s is gone on with later: %s", waiting.conversation_id, error)

    async def _pause(self, next_at: datetime | None) -> None:
        left = LOOK_EVERY_S
        if next_at is not None:
            left = min(left, max(0.0, (next_at - self._clock.now()).total_seconds()))
        loop = asyncio.get_running_loop()
        news = loop.create_task(self._news.wait())
        time = loop.create_task(self._clock.sleep(left))
        try:
            await asyncio.wait({news, time}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (news, time):
                task.cancel()
            await asyncio.gather(news, time, return_exceptions=True)
