"""A relay in front of a server, which can be cut as a network is cut, and mended."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Relay:
    """Listens on loopback, or another address of this machine, and hands everything on. port: where it listens."""

    def __init__(self, target: str, host: str = "127.0.0.1") -> None:
        self._target = target
        self._host = host
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        with socket.socket() as probe:
            probe.bind((host, 0))
            self.port: int = probe.getsockname()[1]

    async def mend(self) -> None:
        """Listen, from now on or again."""
        self._server = await asyncio.start_server(self._accepted, self._host, self.port)

    async def cut(self) -> None:
        """Break off every connection and take no more."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._writers):
            writer.transport.abort()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        with suppress(OSError, asyncio.CancelledError):
            far_reader, far_writer = await asyncio.open_unix_connection(self._target)
            self._writers.add(far_writer)
            await asyncio.gather(_hand_on(reader, far_writer), _hand_on(far_reader, writer))
        writer.close()
        self._tasks.discard(task)


async def _hand_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def relay_to(target: str, host: str = "127.0.0.1") -> AsyncIterator[Relay]:
    """A relay to a Unix socket. host: the address that it listens on."""
    relay = Relay(target, host)
    await relay.mend()
    try:
        yield relay
    finally:
        await relay.cut()
