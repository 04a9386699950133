"""One API step's talk with a server: requests within limits of time and size, redirects followed with care."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import httpcore
import httpx

from core.engine.clock import Clock, Deadline
from core.engine.errors import StepError
from core.steps.parts.connections import Connections
from core.steps.parts.replies import Reply, is_expected, raise_unexpected
from core.steps.parts.unpacking import Unpacker, UnpackingError

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HARMLESS_HEADERS = frozenset({"accept", "accept-language", "user-agent", "content-type", "idempotency-key"})
"""Own headers that go to another host too. Any other may hold a key, so it stays with the host it was written for."""


_HOST = re.compile(rb"[A-Za-z0-9._:-]+")

Build: TypeAlias = Callable[[str, httpx.URL, Mapping[str, str]], httpx.Request]
"""Makes a request with its body from a method, an address and headers."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a talk keeps to. timeout: seconds per request with its redirects. max_bytes: of all replies together,
    unpacked. expected: statuses as in `is_expected`.
    """

    timeout: float
    max_bytes: int
    max_redirects: int
    expected: tuple[str, ...]


class Exchange:
    """Requests that belong together: the first address decides which host may see the own headers."""

    def __init__(
        self, connections: Connections, first: httpx.URL, headers: Mapping[str, str], terms: Terms, clock: Clock
    ) -> None:
        self._connections = connections
        self._first = first
        self._headers = dict(headers)
        self._terms = terms
        self._clock = clock
        self._cookies = httpx.Cookies()
        self._received = 0

    async def request(self, method: str, url: httpx.URL, build: Build) -> Reply:
        """The reply with an expected status. Raises StepError that names method and address, never the query."""
        shown = shown_request(method, url)
        try:
            async with Deadline(self._clock, self._terms.timeout):
                reply = await self._follow(method, url, build)
        except (TimeoutError, httpcore.TimeoutException):
            raise StepError(
                f"{shown} took longer than {self._terms.timeout:g} s. Raise the timeout, or let the step retry.",
                kind="timeout",
                retryable=True,
            ) from None
        except httpcore.LocalProtocolError:
            raise StepError(
                f"{shown} could not be sent: a header or the address holds characters that HTTP does not allow.",
                kind="bad_request",
            ) from None
        except (httpcore.NetworkError, httpcore.ProtocolError, UnpackingError) as error:
            raise StepError(
                f"{shown} failed on the way: {str(error) or 'the connection broke off'}. "
                "Check that the server runs and the address is right, or let the step retry.",
                kind="connection",
                retryable=True,
            ) from None
        if not is_expected(reply.status, self._terms.expected):
            raise_unexpected(reply, self._clock.now())
        return reply

    async def _follow(self, method: str, url: httpx.URL, build: Build | None) -> Reply:
        for _ in range(self._terms.max_redirects + 1):
            reply = await self._once(method, url, build)
            target = self._redirect(reply)
            if target is None:
                return reply
            if _becomes_get(method, reply.status):
                method, build = "GET", None
            url = target
        if self._terms.max_redirects == 0:
            return reply
        raise StepError(
            f"{shown_request(method, url)}: more than {self._terms.max_redirects} redirects. "
            "Check the address, or raise the number of redirects.",
            kind="limit",
        )

    def _redirect(self, reply: Reply) -> httpx.URL | None:
        """Where a reply sends on to; None for one that does not, or whose status was asked for."""
        location = reply.headers.get("location", "")
        if reply.status not in _REDIRECTS or not location or is_expected(reply.status, self._terms.expected):
            return None
        try:
            return checked_url(str(reply.complete_url.join(location)))
        except (httpx.InvalidURL, ValueError):
            raise StepError(
                f"{reply.shown} redirected to an address that cannot be read. Check the address.", kind="bad_request"
            ) from None

    async def _once(self, method: str, url: httpx.URL, build: Build | None) -> Reply:
        headers = self._headers_for(url)
        if build is None:
            headers = {name: value for name, value in headers.items() if name.lower() != "content-type"}
            request = httpx.Request(method, url, headers=encoded(headers))
        else:
            request = build(method, url, headers)
            self._keep_body_at_home(request)
        self._cookies.set_cookie_header(request)
        response = await self._connections.send(request)
        try:
            self._cookies.extract_cookies(response)
            content = await self._read(response, shown_request(method, url))
        finally:
            await response.aclose()
        return Reply(response.status_code, response.headers, content, shown_request(method, url), url)

    def _headers_for(self, url: httpx.URL) -> dict[str, str]:
        if _same_place(self._first, url):
            return self._headers
        return {name: value for name, value in self._headers.items() if name.lower() in _HARMLESS_HEADERS}

    def _keep_body_at_home(self, request: httpx.Request) -> None:
        """A body is written for one host, and may hold a key as headers do."""
        if request.method not in ("GET", "HEAD", "OPTIONS") and not _same_place(self._first, request.url):
            raise StepError(
                f"The server at {self._first.host} redirected the body of a {request.method} request to "
                f"{request.url.host}, so it was not sent. If you trust that host, call it directly.",
                kind="refused",
            )

    async def _read(self, response: httpx.Response, shown: str) -> bytes:
        content = bytearray()
        unpacker = Unpacker(response.headers.get("content-encoding", ""))
        async for packed in response.aiter_raw():
            for piece in unpacker.pieces(packed):
                content += piece
                if self._received + len(content) > self._terms.max_bytes:
                    raise StepError(
                        f"{shown} sent more than {self._terms.max_bytes} bytes. Ask for less, or raise the size limit.",
                        kind="limit",
                    )
        self._received += len(content)
        return bytes(content)


def checked_url(text: str) -> httpx.URL:
    """The address. Raises StepError for one that is not http(s), names no host, or holds a user or password."""
    try:
        url = httpx.URL(text.strip())
        host = url.host  # reads international names, and so may fail
    except (httpx.InvalidURL, ValueError):
        raise StepError("The URL cannot be read. Write it as https://host/path.", kind="bad_request") from None
    if url.scheme not in ("http", "https") or not host:
        raise StepError(
            f"The URL has to begin with http:// or https:// and name a host, not {url.scheme or 'nothing'!r}.",
            kind="bad_request",
        )
    if url.port is not None and not 0 < url.port < 65_536:
        raise StepError(f"The URL of {host} has the port {url.port}, which there is not.", kind="bad_request")
    if not _HOST.fullmatch(url.raw_host):
        raise StepError("The URL's host holds characters that no host has. Check it.", kind="bad_request")
    if url.userinfo:
        raise StepError(
            f"The URL of {host} holds a user name or password. Put them under auth (kind: basic).",
            kind="bad_request",
        )
    return url.copy_with(fragment=None)


def shown_request(method: str, url: httpx.URL) -> str:
    """Method and address for texts; without the query, which may hold keys."""
    return f"{method} {url.copy_with(query=None, fragment=None)}"


def encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Headers as bytes; texts beyond Latin go as UTF-8, as servers of today read them."""
    return [(name.encode("utf-8"), value.encode("utf-8")) for name, value in headers.items()]


def _same_place(first: httpx.URL, other: httpx.URL) -> bool:
    """Whether both are one origin, or the other is the same host made secure (http to https on standard ports)."""
    if first.host != other.host:
        return False
    if (first.scheme, _port(first)) == (other.scheme, _port(other)):
        return True
    return (first.scheme, _port(first), other.scheme, _port(other)) == ("http", 80, "https", 443)


def _port(url: httpx.URL) -> int:
    return url.port or (443 if url.scheme == "https" else 80)


def _becomes_get(method: str, status: int) -> bool:
    """Browsers' rule: 303 asks for the other address; 301 and 302 turn a POST into a GET."""
    return (status == 303 and method != "HEAD") or (status in (301, 302) and method == "POST")
