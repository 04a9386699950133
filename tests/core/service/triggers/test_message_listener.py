from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import psycopg

from core.engine.testing import ManualClock
from core.service.triggers.message_listener import MessageListener
from core.store.message_notices import MessageNotices
from tests.core.service.triggers.conftest import Party, greeting


class Listening(MessageNotices):
    """Tells the test which channels are listened to."""

    def __init__(self, party: Party) -> None:
        super().__init__(party.store.database.address, look_s=0.05)
        self.channels: asyncio.Queue[Sequence[str]] = asyncio.Queue()

    async def listen(self, channels, heard, ready=None) -> None:  # type: ignore[no-untyped-def] # as its parent's
        await super().listen(channels, heard, self.channels.put_nowait)


async def runs(party: Party, count: int) -> list[dict[str, object]]:
    """The inputs of the runs once there are that many."""
    async with asyncio.timeout(30):
        while len(found := await party.runs()) < count:  # noqa: ASYNC110 - another connection makes them
            await asyncio.sleep(0.02)
    return [dict(run.inputs) for run in found]


async def test_a_notice_starts_the_workflows_of_its_channel_once_however_many_listen(
    open_party: Callable[[ManualClock], Awaitable[Party]], database_url: str
) -> None:
    one, other = await open_party(ManualClock()), await open_party(ManualClock())
    await one.activate(greeting(type_="message", channel="arrivals"))
    await one.activate(greeting("Chat", type_="message"))
    first, second = Listening(one), Listening(other)
    listeners = [
        MessageListener(one.store.workflows, first, one.workspace.queue),
        MessageListener(other.store.workflows, second, other.workspace.queue),
    ]
    async with asyncio.timeout(60):
        listeners[0].start()
        assert await first.channels.get() == ["arrivals"]
        listeners[1].start()
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
            for payload in ('{"who": "Bob"}', '{"who": 5}', "no object", '{"who": "Eve"}'):
                await connection.execute("SELECT pg_notify('arrivals', %s)", (payload,))
            assert await runs(one, 2) == [{"who": "Bob"}, {"who": "Eve"}]

            await listeners[0].stop()  # the other takes over
            assert await second.channels.get() == ["arrivals"]
            await connection.execute("SELECT pg_notify('arrivals', '{\"who\": \"Ann\"}')")
            assert (await runs(one, 3))[-1] == {"who": "Ann"}

            # A connection that breaks is made anew, and a channel that is switched on meanwhile is heard.
            await one.activate(greeting("More", type_="message", channel="departures"))
            await connection.execute(  # in this database alone: other tests share the server
                "SELECT pg_terminate_backend(pid) FROM pg_locks "
                "WHERE locktype = 'advisory' AND pid <> pg_backend_pid() "
                "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
            while await second.channels.get() != ["arrivals", "departures"]:
                pass
            await connection.execute("SELECT pg_notify('departures', '')")
            assert (await runs(one, 4))[-1] == {"who": "Ada"}
        await listeners[1].stop()
    assert [run.labels.get("channel") for run in await one.runs()] == ["arrivals"] * 3 + ["departures"]
