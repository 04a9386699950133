"""Signing in with OpenRouter: a key for this program without copying one (OAuth with PKCE).

The browser is sent to OpenRouter's page; OpenRouter sends it back to a one-time address on this machine, or, where
that is not possible, shows a code to paste.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from urllib.parse import parse_qs, urlencode, urlsplit

from core.engine.clock import Clock, Deadline
from core.engine.errors import StepError
from core.llm.connection import ServerConnection

SIGN_IN_PAGE = "https://openrouter.ai/auth"
"""Where a person allows the program to make a key."""

CODE_LIFETIME = 600.0
"""Seconds for which OpenRouter's codes are good."""

_LONGEST_REQUEST = 16 * 1024
_SLOWEST_REQUEST = 10.0
_PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
    "<body style='font-family:sans-serif;margin:4em auto;max-width:30em'><h1>{title}</h1><p>{text}</p></body></html>"
)


@dataclass(frozen=True, slots=True)
class Proof:
    """What shows that the program which asks for the key is the one that sent the person to the page."""

    verifier: str
    challenge: str

    @staticmethod
    def new(token_bytes: Callable[[int], bytes] = secrets.token_bytes) -> Proof:
        """A proof nobody can guess. token_bytes: where its randomness comes from."""
        verifier = _base64url(token_bytes(32))
        return Proof(verifier, _base64url(hashlib.sha256(verifier.encode("ascii")).digest()))


def page_address(proof: Proof, *, callback: str = "", label: str = "Steploom", page: str = SIGN_IN_PAGE) -> str:
    """The address to open in the browser. callback: where it is sent back to; '' shows the code for pasting."""
    query = {"callback_url": callback} if callback else {}
    query |= {"code_challenge": proof.challenge, "code_challenge_method": "S256", "key_label": label}
    return f"{page}?{urlencode(query)}"


async def key_for_code(connection: ServerConnection, code: str, proof: Proof) -> str:
    """The new key for a code. Raises StepError(kind='credentials') for a code that is wrong, used or too old."""
    body = {"code": code.strip(), "code_verifier": proof.verifier, "code_challenge_method": "S256"}
    try:
        answer = await connection.post("/auth/keys", body, key_needed=False)
    except StepError as error:
        if error.detail.get("status") not in (400, 403):
            raise
        raise StepError(
            "OpenRouter did not accept the sign-in code: it is wrong, was used before, or is older than ten minutes. "
            "Start the sign-in again.",
            kind="credentials",
        ) from error
    key = answer.get("key") if isinstance(answer, dict) else None
    if not isinstance(key, str) or not key:
        raise StepError("OpenRouter sent no key. Start the sign-in again.", kind="server", retryable=True)
    return key


class BrowserSignIn:
    """A sign-in through the browser of this machine, as `async with`; opens a loopback address for the way back.

    token_bytes: where randomness comes from. page: OpenRouter's page.
    """

    def __init__(
        self,
        connection: ServerConnection,
        *,
        clock: Clock,
        label: str = "Steploom",
        page: str = SIGN_IN_PAGE,
        token_bytes: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._label = label
        self._page = page
        self._proof = Proof.new(token_bytes)
        # No `state` is documented for this page, so the path that comes back is the part nobody else knows.
        self._path = f"/cb/{_base64url(token_bytes(18))}"
        self._code: asyncio.Future[str] | None = None
        self._server: asyncio.Server | None = None
        self._visits: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> BrowserSignIn:
        self._code = asyncio.get_running_loop().create_future()
        self._server = await asyncio.start_server(self._visit, "127.0.0.1", 0, limit=_LONGEST_REQUEST)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        assert self._code is not None
        self._server.close()
        if not self._code.done():
            self._code.cancel()
        elif not self._code.cancelled():
            self._code.exception()  # nobody may have waited for it
        for visit in tuple(self._visits):
            visit.cancel()
        await asyncio.gather(*self._visits, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def address(self) -> str:
        """What to open in the browser."""
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        return page_address(
            self._proof, callback=f"http://localhost:{port}{self._path}", label=self._label, page=self._page
        )

    async def key(self, timeout: float = CODE_LIFETIME) -> str:
        """The key, once the person has agreed. timeout: seconds to wait for that. Raises StepError."""
        assert self._code is not None
        try:
            async with Deadline(self._clock, timeout):
                code = await asyncio.shield(self._code)
        except TimeoutError:
            raise StepError(
                f"Nobody finished the sign-in within {timeout / 60:g} minutes. Start it again, or set a key with "
                "`steploom keys set openrouter`.",
                kind="timeout",
            ) from None
        return await key_for_code(self._connection, code, self._proof)

    async def _visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._visits.add(task)
        try:
            async with Deadline(self._clock, _SLOWEST_REQUEST):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(self._reply(head))
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return  # not the browser that we wait for
        finally:
            writer.close()
            self._visits.discard(task)

    def _reply(self, head: bytes) -> bytes:
        method, _, rest = head.partition(b"\r\n")[0].decode("latin-1").partition(" ")
        target = urlsplit(rest.partition(" ")[0])
        if method != "GET" or not secrets.compare_digest(target.path.encode(), self._path.encode()):
            return _response("404 Not Found", "Nothing here", "This address serves one sign-in only.")
        query = parse_qs(target.query)
        code, problem = query.get("code", [""])[0], query.get("error", [""])[0]
        assert self._code is not None
        if not code and not problem:
            return _response("400 Bad Request", "No code", "OpenRouter sent no code. Start the sign-in again.")
        if not self._code.done():
            if code:
                self._code.set_result(code)
            else:
                self._code.set_exception(_declined())
        if not code:
            return _response("200 OK", "Not signed in", "The sign-in was declined. You can return to the program.")
        return _response("200 OK", "Signed in", "You can close this page and return to the program.")


def _declined() -> StepError:
    return StepError("The sign-in was declined. Start it again, or set a key by hand.", kind="credentials")


def _response(status: str, title: str, text: str) -> bytes:
    body = _PAGE.format(title=title, text=text).encode()
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
        "Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nConnection: close\r\n\r\n"
    )
    return head.encode("ascii") + body


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
