"""Listening: where, and until when."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from core.service.bearer import Application

if TYPE_CHECKING:
    from uvicorn.protocols.http.h11_impl import H11Protocol

    from core.service.http.parts import ServiceParts

GRACE_S: Final = 5
"""Seconds that answers under way have when the service is stopped."""

MOST_CONNECTIONS: Final = 1000


def is_loopback(host: str) -> bool:
    """Whether an address or name is only of this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def listen(host: str, port: int) -> socket.socket:
    """A place to listen at. port: 0 for any. Raises OSError if it cannot be had."""
    (family, kind, proto, _, address), *_ = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    place = socket.socket(family, kind, proto)
    try:
        if sys.platform != "win32":  # there it would let another program listen at the same port
            place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        place.bind(address)
        place.listen(128)
    except BaseException:
        place.close()
        raise
    return place


async def serve(app: Application, place: socket.socket, parts: ServiceParts) -> None:
    """Answer requests until `parts.stopping` is set; streams then end, and other answers have some seconds left."""
    import uvicorn

    class Server(uvicorn.Server):
        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            """Leave signals to the program, which has more to stop than this."""
            yield

    config = uvicorn.Config(
        app, log_config=None, access_log=False, log_level="warning", server_header=False, proxy_headers=False,
        timeout_graceful_shutdown=GRACE_S, timeout_keep_alive=15, limit_concurrency=MOST_CONNECTIONS, ws="none",
        lifespan="off", h11_max_incomplete_event_size=32_768, http=_connection(parts.limits.head_s),
    )  # fmt: skip
    web = Server(config)
    serving = asyncio.create_task(web.serve(sockets=[place]))
    stopping = asyncio.create_task(parts.stopping.wait())
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        parts.stopping.set()
        web.should_exit = True
        await asyncio.gather(serving, stopping)


def _connection(head_s: float) -> type[H11Protocol]:
    """uvicorn's connection, closed if it has been without a request for so many seconds, or twice as many after one.

    uvicorn itself waits for ever for the first request, and anew with every byte of a further one: whoever asks for
    nothing could take all connections.
    """
    from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

    class Connection(H11Protocol):
        watch: asyncio.TimerHandle | None = None
        answered: RequestResponseCycle | None = None

        def connection_made(self, transport: Any) -> None:  # uvicorn's own asks for more than asyncio promises
            super().connection_made(transport)
            self.watch = self.loop.call_later(head_s, self.look)

        def connection_lost(self, exc: Exception | None) -> None:
            if self.watch is not None:
                self.watch.cancel()
            super().connection_lost(exc)

        def look(self) -> None:
            cycle: RequestResponseCycle | None = self.cycle  # uvicorn's own annotation leaves None out
            if cycle is self.answered and (cycle is None or cycle.response_complete):
                self.transport.abort()
                return
            self.answered = cycle
            self.watch = self.loop.call_later(head_s, self.look)

    return Connection
