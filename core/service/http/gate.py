"""What every request passes before anything else: the name it was called by, and the line that is written about it."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection
from typing import Final
from urllib.parse import quote

from core.engine.clock import Clock
from core.service.bearer import Application, Receive, Scope, Send
from core.service.http.errors import ApiError
from core.service.http.responses import error_response

_log = logging.getLogger("steploom.http")

LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})

_HOST: Final = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?\Z")
_HEADERS: Final = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
]


class Gate:
    """An application behind checks. hosts: the names by which it may be called, without a port, in lower case.

    A page on another site may make a browser call a server on this machine, under a name of its own that leads here;
    so the name is checked, and so is the page that a browser says it acts for.
    """

    def __init__(self, application: Application, hosts: Collection[str], clock: Clock) -> None:
        self._application = application
        self._hosts = frozenset(name.lower() for name in hosts)
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it; write one line about it."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._application(scope, receive, send)
            return
        began = self._clock.monotonic()
        status, size = 0, 0

        async def sending(message: Scope) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": _completed(message.get("headers", ()))}
            else:
                size += len(message.get("body", b""))
            await send(message)

        scope.setdefault("state", {})
        try:
            refused = self._refused(scope)
            if refused is not None:
                await error_response(refused)(scope, receive, sending)
            else:
                await self._application(scope, receive, sending)
        finally:
            _write(scope, status, size, self._clock.monotonic() - began)

    def _refused(self, scope: Scope) -> ApiError | None:
        host = _only(scope, b"host")
        name = host_name(host)
        if name is None or name not in self._hosts:
            message = "This server does not answer to that name. Call it by its own, or allow the name: --allow-host."
            return ApiError(421, "host", message)
        if _is_of_another_site(scope, host):
            return ApiError(403, "origin", "Pages of other sites may not call this server.")
        return None


def host_name(host: str) -> str | None:
    """The name in a `Host` header, in lower case, without its port; None for what is none."""
    match = _HOST.match(host)
    return None if match is None else (match[1] or match[2]).lower()


def _is_of_another_site(scope: Scope, host: str) -> bool:
    """Whether a browser says that it calls for a page of another site, be it only for a picture on it, which carries
    no origin (W3C, Fetch Metadata Request Headers). A link that a person follows is no such call."""
    origin = _only(scope, b"origin")
    if origin and origin.partition("://")[2].lower() != host.lower():
        return True
    follows = (_only(scope, b"sec-fetch-mode"), _only(scope, b"sec-fetch-dest")) == ("navigate", "document")
    return _only(scope, b"sec-fetch-site") in ("cross-site", "same-site") and not follows


def _only(scope: Scope, wanted: bytes) -> str:
    """The one value of a header; '' for none, or for several, which would be read differently by others."""
    values = [value for name, value in scope["headers"] if name == wanted]
    return values[0].decode("latin-1").strip() if len(values) == 1 else ""


def _completed(headers: object) -> list[tuple[bytes, bytes]]:
    kept = list(headers)  # type: ignore[call-overload] # as ASGI says, a list of pairs
    names = {name for name, _ in kept}
    kept += [pair for pair in _HEADERS if pair[0] not in names]
    return kept if b"cache-control" in names else [*kept, (b"cache-control", b"no-store")]


def _shown(path: str) -> str:
    """A path as it may stand on a terminal: what would be obeyed there is quoted."""
    return "".join(c if c.isprintable() else quote(c) for c in path[:200])


def _write(scope: Scope, status: int, size: int, seconds: float) -> None:
    """One line without query, headers and bodies, in which secrets travel."""
    client = scope.get("client") or ("",)
    facts = {
        "method": scope["method"], "path": _shown(scope["path"]), "status": status, "bytes": size,
        "duration_s": round(seconds, 4), "client": client[0], "token": scope["state"].get("token_id", ""),
    }  # fmt: skip
    quiet = scope["path"] in ("/healthz", "/readyz", "/metrics") and status < 400
    _log.log(logging.DEBUG if quiet else logging.INFO, "request", extra=facts)
