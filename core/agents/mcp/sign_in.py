"""Signing in to an HTTP server through the browser (OAuth with PKCE, by the SDK); the tokens live in the keyring.

What the SDK does not keep is kept here too, so that a later start refreshes a token instead of asking the person
again: when the token ends, and where the server said that tokens are to be had.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel, ValidationError

from core.agents.mcp.errors import NotSignedIn
from core.agents.mcp.secret_values import key_name

if TYPE_CHECKING:
    import httpx2
    from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthToken

SIGN_IN_PATIENCE: Final = 300.0
"""Seconds for a person to sign in."""

_LONGEST_REQUEST = 16 * 1024
_PATH = "/callback"
_PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>{0}</title>'
    "<body style='font-family:sans-serif;margin:4em auto;max-width:30em'><h1>{0}</h1><p>{1}</p></body></html>"
)


M = TypeVar("M", bound=BaseModel)


class Keys(Protocol):
    """Where tokens are kept."""

    async def get(self, name: str) -> str | None:
        """The key of that name, or None."""

    async def set(self, name: str, value: str) -> str:
        """Keep a key."""


class TokenStore:
    """The SDK's storage of tokens: one key in the keyring, which holds all as JSON. context: the provider's."""

    def __init__(self, server: str, keys: Keys) -> None:
        self.name = key_name(server, "oauth")
        self.context: Any = None
        self._keys = keys

    async def read(self) -> dict[str, Any]:
        """What is kept; {} if nothing is, or if it cannot be read."""
        try:
            kept = json.loads(await self._keys.get(self.name) or "{}")
        except ValueError:
            return {}
        return kept if isinstance(kept, dict) else {}

    async def get_tokens(self) -> OAuthToken | None:
        """The tokens, or None."""
        from mcp.shared.auth import OAuthToken

        return _made(OAuthToken, (await self.read()).get("tokens"))

    async def set_tokens(self, tokens: OAuthToken) -> None:
        """Keep tokens, when they end, and where they came from."""
        ends = time.time() + tokens.expires_in if tokens.expires_in is not None else None
        about = self.context.oauth_metadata if self.context is not None else None
        await self._keep(
            tokens=tokens.model_dump(mode="json", exclude_none=True),
            ends=ends,
            metadata=about.model_dump(mode="json", exclude_none=True) if about is not None else None,
        )

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        """How this program is registered with the server, or None."""
        from mcp.shared.auth import OAuthClientInformationFull

        return _made(OAuthClientInformationFull, (await self.read()).get("client"))

    async def set_client_info(self, client_info: OAuthClientInformationFull | None) -> None:
        """Keep how this program is registered; None to forget it."""
        await self._keep(client=client_info.model_dump(mode="json", exclude_none=True) if client_info else None)

    async def _keep(self, **changes: Any) -> None:
        await self._keys.set(self.name, json.dumps({**await self.read(), **changes}))


async def browser_sign_in(
    server: str,
    url: str,
    keys: Keys,
    open_page: Callable[[str], Awaitable[None]] | None,
    waiting: Callable[[bool], None],
) -> httpx2.Auth:
    """What signs requests to a server, signing the person in when that is needed.

    open_page: opens an address in the browser; without it nobody can be asked. waiting: hears when the person is
    waited for and when no longer.
    """
    from mcp.client.auth import OAuthClientProvider
    from mcp.shared.auth import OAuthClientMetadata, OAuthMetadata

    # It logs every failed sign-in with a traceback; the error itself says what happened.
    logging.getLogger("mcp.client.auth").setLevel(logging.CRITICAL)
    store = TokenStore(server, keys)
    way_back = _WayBack(server, await _port(store), store, open_page, waiting)

    class _Remembering(OAuthClientProvider):
        async def _initialize(self) -> None:
            await super()._initialize()
            kept = await store.read()
            if self.context.oauth_metadata is None:
                self.context.oauth_metadata = _made(OAuthMetadata, kept.get("metadata"))
            ends = kept.get("ends")
            self.context.token_expiry_time = ends if isinstance(ends, int | float) else None

    provider = _Remembering(
        server_url=url,
        client_metadata=OAuthClientMetadata.model_validate(
            {
                "client_name": "Steploom",
                "redirect_uris": [way_back.address],
                "grant_types": ["authorization_code", "refresh_token"],
                "response_types": ["code"],
                "token_endpoint_auth_method": "none",
            }
        ),
        storage=store,
        redirect_handler=way_back.send,
        callback_handler=way_back.result,
    )
    store.context = provider.context
    return provider


class _WayBack:
    """The address on this machine that the browser is sent back to, open only while the person signs in."""

    def __init__(
        self,
        server: str,
        port: int,
        store: TokenStore,
        open_page: Callable[[str], Awaitable[None]] | None,
        waiting: Callable[[bool], None],
    ) -> None:
        self.address = f"http://127.0.0.1:{port}{_PATH}"
        self._server = server
        self._port = port
        self._store = store
        self._open_page = open_page
        self._waiting = waiting
        self._listening: asyncio.Server | None = None
        self._state = ""
        self._found: asyncio.Future[Mapping[str, str]] | None = None

    async def send(self, address: str) -> None:
        """Send the person to the server's page."""
        if self._open_page is None:
            raise NotSignedIn(f"The MCP server {self._server!r} wants a sign-in: steploom mcp test {self._server}")
        self._state = parse_qs(urlsplit(address).query).get("state", [""])[0]
        self._found = asyncio.get_running_loop().create_future()
        try:
            self._listening = await asyncio.start_server(self._visit, "127.0.0.1", self._port, limit=_LONGEST_REQUEST)
        except OSError:
            await self._store.set_client_info(None)  # the next time it registers with another port
            raise NotSignedIn(
                f"The sign-in to the MCP server {self._server!r} could not begin: port {self._port} is taken by "
                "another program. Try again."
            ) from None
        self._waiting(True)
        await self._open_page(address)

    async def result(self) -> AuthorizationCodeResult:
        """What the browser came back with."""
        from mcp.shared.auth import AuthorizationCodeResult

        assert self._found is not None
        assert self._listening is not None
        try:
            async with asyncio.timeout(SIGN_IN_PATIENCE):
                found = await self._found
        except TimeoutError:
            raise NotSignedIn(
                f"Nobody finished the sign-in to the MCP server {self._server!r} within {SIGN_IN_PATIENCE / 60:g} "
                "minutes. Try again."
            ) from None
        finally:
            self._listening.close()
            self._waiting(False)
        if "code" not in found:
            raise NotSignedIn(f"The sign-in to the MCP server {self._server!r} was declined. Try again.")
        return AuthorizationCodeResult(code=found["code"], state=found.get("state"), iss=found.get("iss"))

    async def _visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(10):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(self._reply(head))
                await writer.drain()
        writer.close()

    def _reply(self, head: bytes) -> bytes:
        method, _, rest = head.partition(b"\r\n")[0].decode("latin-1").partition(" ")
        target = urlsplit(rest.partition(" ")[0])
        query = {name: values[0] for name, values in parse_qs(target.query).items()}
        ours = secrets.compare_digest(query.get("state", "").encode(), self._state.encode())
        if method != "GET" or target.path != _PATH or not ours or not query.keys() & {"code", "error"}:
            return _response("404 Not Found", "Nothing here", "This address serves one sign-in only.")
        assert self._found is not None
        if not self._found.done():
            self._found.set_result(query)
        if "code" in query:
            return _response("200 OK", "Signed in", "You can close this page and return to the program.")
        return _response("200 OK", "Not signed in", "The sign-in was declined. You can return to the program.")


async def _port(store: TokenStore) -> int:
    """The port of the way back: the one that this program is registered with, else any that is free."""
    client = await store.get_client_info()
    known = [urlsplit(str(each)).port for each in (client.redirect_uris or [])] if client is not None else []
    if known and known[0]:
        return known[0]
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        return int(place.getsockname()[1])


def _made(kind: type[M], value: Any) -> M | None:
    """A value of the SDK's from what was kept; None if it does not fit any more."""
    try:
        return kind.model_validate(value) if value is not None else None
    except ValidationError:
        return None


def _response(status: str, title: str, text: str) -> bytes:
    body = _PAGE.format(title, text).encode()
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
        "Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nConnection: close\r\n\r\n"
    )
    return head.encode("ascii") + body
