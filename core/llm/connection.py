"""HTTP to one model server: key, headers, time limits, and every transport failure as a StepError."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, TypeVar

import httpx

from core.engine.clock import Clock, Deadline
from core.engine.errors import StepError
from core.llm.errors import Asked, answer_error, connection_error, unreached
from core.llm.profile import ServerProfile, is_loopback

KeyProvider: TypeAlias = Callable[[], Awaitable[str | None]]
"""Gives the server's key, or None if none is set. Asked before every request, so a new key counts at once."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Seconds to connect, seconds without a byte, connections at once, bytes of an error's or list's body."""

    connect: float = 10.0
    read: float = 90.0
    connections: int = 20
    body: int = 64 * 1024 * 1024


class TimeLimit:
    """A number of seconds for a request with all its attempts. seconds: None for no limit."""

    def __init__(self, clock: Clock, seconds: float | None) -> None:
        self._clock = clock
        self._seconds = seconds
        self._end = None if seconds is None else clock.monotonic() + seconds

    async def wait(self, what: Awaitable[T], asked: Asked, *, at_most: float | None = None) -> T:
        """The result. at_most: seconds for this wait alone. Raises StepError(kind='timeout')."""
        left = None if self._end is None else max(0.0, self._end - self._clock.monotonic())
        if at_most is not None:
            left = at_most if left is None else min(left, at_most)
        try:
            async with Deadline(self._clock, left):
                return await what
        except TimeoutError:
            limit = at_most if self._seconds is None else self._seconds
            raise StepError(
                f"{asked.what} did not finish within {limit:g} s. Give it more time, ask for less, or choose a faster "
                "model.",
                kind="timeout",
                retryable=True,
                detail={"model": asked.model},
            ) from None


class ServerConnection:
    """The way to one server.

    app_title, app_url: how the program is listed at OpenRouter. transport: instead of the network, for programs that
    bring their own. One loop at a time; `aclose` when done.
    """

    def __init__(
        self,
        base_url: str,
        *,
        api_key: KeyProvider,
        profile: Callable[[], ServerProfile],
        clock: Clock,
        limits: ConnectionLimits | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        app_title: str = "",
        app_url: str = "",
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.clock = clock
        self._api_key = api_key
        self._profile = profile
        self._limits = limits or ConnectionLimits()
        self._transport = transport
        self._app_title = app_title
        self._app_url = app_url
        self._client: httpx.AsyncClient | None = None

    async def get(self, path: str, params: Mapping[str, str] | None = None, *, key_needed: bool = False) -> Any:
        """The parsed JSON of a GET. Raises StepError."""
        return await self._whole("GET", path, None, params=params, key_needed=key_needed)

    async def post(self, path: str, body: Mapping[str, Any], *, key_needed: bool = True, model: str = "") -> Any:
        """The parsed JSON of a POST. Raises StepError."""
        return await self._whole("POST", path, body, key_needed=key_needed, model=model)

    @asynccontextmanager
    async def open(
        self, path: str, body: Mapping[str, Any], *, limit: TimeLimit, model: str = "", read: float | None = None
    ) -> AsyncIterator[Answer]:
        """A POST whose answer is read as it comes. read: seconds without a byte. Raises StepError.

        Leaving the block closes the connection if the answer was not read to its end.
        """
        asked, headers = await self._prepare(key_needed=True, model=model)
        client = self._open_client()
        request = client.build_request(
            "POST", self.base_url + path, content=_json(body), headers=headers, timeout=self._timeout(read)
        )
        with _TransportErrors(asked):
            response = await limit.wait(client.send(request, stream=True), asked)
        try:
            answer = Answer(response, asked, limit, self._limits.body)
            if not response.is_success:
                raise _refusal(asked, response, await answer.body())
            yield answer
        finally:
            await response.aclose()

    def asked(self, model: str = "") -> Asked:
        """The server and a model, for an error's text."""
        profile = self._profile()
        return Asked(profile.title, model, start_hint=profile.start_hint)

    async def aclose(self) -> None:
        """Close all connections. The next request opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _whole(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        *,
        params: Mapping[str, str] | None = None,
        key_needed: bool,
        model: str = "",
    ) -> Any:
        asked, headers = await self._prepare(key_needed=key_needed, model=model)
        content = None if body is None else _json(body)
        with _TransportErrors(asked):
            async with self._open_client().stream(
                method, self.base_url + path, params=params, content=content, headers=headers, timeout=self._timeout()
            ) as response:
                answer = Answer(response, asked, TimeLimit(self.clock, None), self._limits.body)
                value = await answer.body()
        if not response.is_success:
            raise _refusal(asked, response, value)
        if isinstance(value, str):
            raise connection_error(asked, "sent an answer that is not JSON", kind="server")
        if isinstance(value, Mapping) and value.get("error"):
            raise answer_error(asked, 200, value)
        return value

    async def _prepare(self, *, key_needed: bool, model: str) -> tuple[Asked, dict[str, str]]:
        profile = self._profile()
        asked = self.asked(model)
        headers = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
        key = (await self._api_key() or "").strip()
        if key:
            _check_key(key, asked)
            headers["Authorization"] = f"Bearer {key}"
        elif key_needed and profile.needs_key:
            raise missing_key(profile.title)
        if profile.routing:
            headers |= {"X-OpenRouter-Title": self._app_title, "HTTP-Referer": self._app_url}
        return replace(asked, secret=key), {name: value for name, value in headers.items() if value}

    def _open_client(self) -> httpx.AsyncClient:
        if self._client is None:
            most = self._limits.connections
            self._client = httpx.AsyncClient(
                http2=False,
                transport=self._transport,
                limits=httpx.Limits(max_connections=most, max_keepalive_connections=most),
                trust_env=not is_loopback(self.base_url),
                follow_redirects=False,
            )
        return self._client

    def _timeout(self, read: float | None = None) -> httpx.Timeout:
        # Waiting for a free connection has no limit of its own: a fan-out of steps may queue for minutes.
        return httpx.Timeout(read or self._limits.read, connect=self._limits.connect, pool=None)


class Answer:
    """A server's answer while it is being read."""

    def __init__(self, response: httpx.Response, asked: Asked, limit: TimeLimit, most: int) -> None:
        self._response = response
        self._limit = limit
        self._most = most
        self.asked = asked
        self.content_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        self.generation_id = response.headers.get("x-generation-id", "")
        self._source = self._raw()

    async def pieces(self, *, patience: Callable[[], float | None] = lambda: None) -> AsyncGenerator[bytes, None]:
        """The body as it comes. patience: seconds for the next piece, on top of the other limits. Raises StepError."""
        with _TransportErrors(self.asked):
            async with aclosing(self._source):
                while (piece := await self._next(patience())) is not None:
                    yield piece

    async def body(self) -> Any:
        """The whole body: parsed JSON, or text if it is none. Raises StepError."""
        pieces: list[bytes] = []
        size = 0
        async with aclosing(self.pieces()) as source:
            async for piece in source:
                pieces.append(piece)
                size += len(piece)
                if size > self._most:
                    raise connection_error(self.asked, f"sent more than {self._most} bytes", kind="server")
        text = b"".join(pieces).decode("utf-8", "replace")
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text

    async def drain(self, *, at_most: float) -> None:
        """Read what is left, so that the connection can be used again. at_most: seconds. Never fails."""
        with suppress(StepError, httpx.HTTPError, httpx.StreamError):
            while await self._next(at_most) is not None:
                pass

    def _next(self, at_most: float | None) -> Awaitable[bytes | None]:
        return self._limit.wait(anext(self._source, None), self.asked, at_most=at_most)

    async def _raw(self) -> AsyncGenerator[bytes, None]:
        async for piece in self._response.aiter_bytes():
            yield piece


class _TransportErrors:
    """Turns httpx's errors inside the block into StepError."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, httpx.HTTPError | httpx.InvalidURL | httpx.StreamError):
            return
        raise _transport_error(self._asked, error) from error


def _transport_error(asked: Asked, error: Exception) -> StepError:
    match error:
        case httpx.ConnectTimeout() | httpx.ConnectError() | httpx.ProxyError():
            return connection_error(asked, f"could not be reached: {unreached(str(error))}", refused=True)
        case httpx.TimeoutException():
            return connection_error(asked, "sent nothing for too long", kind="timeout")
        case httpx.UnsupportedProtocol() | httpx.InvalidURL() | httpx.LocalProtocolError():
            return StepError(
                f"{asked.what} has an address or a header that cannot be sent. Check the model server in the settings.",
                kind="bad_request",
            )
        case _:
            return connection_error(asked, "broke the connection off")


def _refusal(asked: Asked, response: httpx.Response, body: Any) -> StepError:
    if response.is_redirect:
        return StepError(
            f"{asked.what} sends us on to another address ({asked.clean(response.headers.get('location', '?'))}), "
            "which is not followed because of the key. Check the model server's address in the settings.",
            kind="bad_request",
        )
    return answer_error(asked, response.status_code, body, response.headers)


def missing_key(server: str) -> StepError:
    """No key is set for a server that needs one."""
    return StepError(
        f"{server} needs an API key and none is set. Set one with `steploom keys set openrouter` or in the environment "
        "variable OPENROUTER_API_KEY, or use the offline demonstration model with `--demo`.",
        kind="credentials",
    )


def _check_key(key: str, asked: Asked) -> None:
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise StepError(
            f"The key for {asked.server} holds characters that no key has, perhaps from copying. Set it again with "
            "`steploom keys set openrouter`.",
            kind="credentials",
        )


def _json(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
