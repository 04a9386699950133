"""HTTP over guarded connections: requests of httpx, carried by an httpcore pool.

Without httpx's client on purpose: it writes whole URLs, and with them keys in queries, to the log.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from types import TracebackType
from typing import cast

import httpcore
import httpx

from core.steps.parts.guard import Guard, GuardedBackend


class Connections:
    """A pool of connections for one step. Use with `async with`; all are closed at the end."""

    def __init__(self, guard: Guard, tls: ssl.SSLContext | None = None) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls, max_connections=4, http1=True, http2=False, network_backend=GuardedBackend(guard)
        )

    async def __aenter__(self) -> Connections:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._pool.aclose()

    async def send(self, request: httpx.Request) -> httpx.Response:
        """Send a request; the response's body is still to be read, and closed.

        Raises StepError from the guard and httpcore's errors.
        """
        answer = await self._pool.handle_async_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(
                    scheme=request.url.raw_scheme,
                    host=request.url.raw_host,
                    port=request.url.port,
                    target=request.url.raw_path,
                ),
                headers=request.headers.raw,
                content=request.stream,
            )
        )
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer), request=request)


class _Body(httpx.AsyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in cast("AsyncIterator[bytes]", self._answer.stream):
            yield chunk

    async def aclose(self) -> None:
        await self._answer.aclose()
