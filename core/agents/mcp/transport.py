"""The wire to a server: a program's pipes or an HTTP connection, watched for its end and for stray output."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from core.agents.mcp.command import find_command
from core.agents.mcp.expansion import Expanded
from core.agents.mcp.server_config import ServerConfig

if TYPE_CHECKING:
    import httpx2

LINES_KEPT: Final = 20
"""Of what a program wrote to its standard error, and of lines on its standard output that are no messages."""

LONGEST_LINE: Final = 500
"""Characters kept of each."""

LARGEST_MESSAGE: Final = 64_000_000
"""Bytes of one message over HTTP; the SDK's own limit of a megabyte is less than a picture."""

_HTTP_PATIENCE: Final = 30.0
"""Seconds to connect and to send."""


class Output:
    """The last words of a server: lines of standard error, stray ones of standard output; or the last HTTP status."""

    def __init__(self) -> None:
        self.errors: deque[str] = deque(maxlen=LINES_KEPT)
        self.stray: deque[str] = deque(maxlen=LINES_KEPT)
        self.ended = threading.Event()
        self.status: int | None = None
        self._spawning = False
        self._after_spawn: Callable[[], None] | None = None

    def once_spawned(self, then: Callable[[], None]) -> None:
        """Do something now, or once the program that is being started has been: a start is not to be broken off half
        way, or nobody would learn that the program ended.
        """
        if self._spawning:
            self._after_spawn = then
        else:
            then()

    @contextmanager
    def spawning(self) -> Iterator[Callable[[], None]]:
        """While inside, until what it gives is called, a program is being started."""
        self._spawning = True

        def done() -> None:
            self._spawning = False
            then, self._after_spawn = self._after_spawn, None
            if then is not None:
                then()

        try:
            yield done
        finally:
            done()

    def open_pipe(self) -> int:
        """The end of a pipe that a program may write to; a thread reads it until nobody holds it any more."""
        reading, writing = os.pipe()
        threading.Thread(target=self._read, args=(reading,), name="steploom-mcp-stderr", daemon=True).start()
        return writing

    def _read(self, number: int) -> None:
        with os.fdopen(number, "rb", buffering=0) as pipe, suppress(OSError):
            rest = b""
            while piece := pipe.read(8192):
                *lines, rest = (rest + piece).split(b"\n")
                rest = rest[-4 * LONGEST_LINE :]
                self.errors.extend(_shown(line) for line in lines if line.strip())
            if rest.strip():
                self.errors.append(_shown(rest))
        self.ended.set()


@asynccontextmanager
async def open_wire(
    name: str, config: ServerConfig, expanded: Expanded, output: Output, on_end: Callable[[], None], auth: Any = None
) -> AsyncIterator[Any]:
    """The SDK's pair of streams to a server. on_end: called once, when the other side has closed.

    auth: signs HTTP requests. Raises CommandMissing, ServerUnavailable, or whatever the SDK raises.
    """
    wire = _program(name, expanded, output) if config.type == "stdio" else _site(config, expanded, output, auth)
    async with wire as (reading, writing):
        yield _Watched(reading, output, on_end), writing


@asynccontextmanager
async def _program(name: str, expanded: Expanded, output: Output) -> AsyncIterator[Any]:
    from mcp.client.stdio import StdioServerParameters, stdio_client

    # It logs every stray line with a traceback, and the line may hold anything. `Output.stray` tells of them instead.
    logging.getLogger("mcp.client.stdio").setLevel(logging.CRITICAL)
    command, path = await find_command(name, expanded.command, expanded.cwd, expanded.env)
    parameters = StdioServerParameters(
        command=command,
        args=list(expanded.args),
        env={"PATH": path, **expanded.env},
        cwd=os.path.expanduser(expanded.cwd) or None,  # noqa: ASYNC240, PTH111 - no I/O here
        encoding_error_handler="replace",
    )
    with os.fdopen(output.open_pipe(), "w", encoding="utf-8") as errors, output.spawning() as spawned:
        async with stdio_client(parameters, errlog=errors) as streams:
            spawned()
            errors.close()  # the program holds the other copy; when it is gone, so is the pipe
            yield streams


@asynccontextmanager
async def _site(
    config: ServerConfig, expanded: Expanded, output: Output, auth: httpx2.Auth | None
) -> AsyncIterator[Any]:
    import httpx2

    patience = httpx2.Timeout(_HTTP_PATIENCE, read=max(300.0, config.timeout + _HTTP_PATIENCE))
    if config.type == "sse":
        from mcp.client.sse import sse_client

        old = sse_client(
            expanded.url, headers=dict(expanded.headers), timeout=_HTTP_PATIENCE, sse_read_timeout=86_400.0, auth=auth
        )
        async with old as streams:
            yield streams
        return
    from mcp.client.streamable_http import streamable_http_client

    async def see(response: httpx2.Response) -> None:
        output.status = response.status_code

    hooks = {"response": [see]}
    async with (
        httpx2.AsyncClient(headers=dict(expanded.headers), auth=auth, timeout=patience, event_hooks=hooks) as client,
        streamable_http_client(expanded.url, http_client=client, max_sse_event_size=LARGEST_MESSAGE) as streams,
    ):
        yield streams


class _Watched:
    """A stream of messages that tells when it ends and keeps what was no message."""

    def __init__(self, stream: Any, output: Output, on_end: Callable[[], None]) -> None:
        self._stream = stream
        self._output = output
        self._on_end = on_end

    @property
    def last_context(self) -> Any:
        """The context of whoever sent the last message, if the stream knows it; the SDK asks for it."""
        return getattr(self._stream, "last_context", None)

    async def receive(self) -> Any:
        """The next message."""
        return self._seen(await self._stream.receive())

    async def aclose(self) -> None:
        """Close the stream."""
        await self._stream.aclose()

    def __aiter__(self) -> _Watched:
        return self

    async def __anext__(self) -> Any:
        try:
            return self._seen(await self._stream.__anext__())
        except asyncio.CancelledError:
            raise
        except BaseException:
            self._on_end()
            raise

    async def __aenter__(self) -> _Watched:
        await self._stream.__aenter__()
        return self

    async def __aexit__(self, *exit_of: Any) -> bool | None:
        return bool(await self._stream.__aexit__(*exit_of))

    def _seen(self, item: Any) -> Any:
        if isinstance(item, Exception):
            from pydantic import ValidationError

            if isinstance(item, ValidationError):
                given = item.errors(include_url=False)[0].get("input")
                text = given if isinstance(given, str) else repr(given)
                if text.strip():
                    self._output.stray.append(text[:LONGEST_LINE])
        return item


def _shown(line: bytes) -> str:
    return line.decode("utf-8", "replace").rstrip()[:LONGEST_LINE]
