"""A stand-in for OpenRouter: a real HTTP server on loopback, in a thread of its own, so that any client can use it.

    with running_stand_in() as stand_in:
        stand_in.script(error_reply(429, "slow down", headers={"retry-after": "1"}))   # answered first
        ...                                                                          # then as a small OpenRouter would

`stand_in.requests` keeps what came in.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import threading
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import h11

from tests.support import openrouter_defaults as defaults
from tests.support.openrouter_replies import Gate, Reply, error_reply, json_reply

if TYPE_CHECKING:
    import pytest

KEY = defaults.KEY
"""A key that the stand-in accepts, as it accepts any that looks like one."""

PREFIX = "/api/v1"
PATIENCE = 20.0
"""Seconds after which a test that waits for the server fails."""


@dataclass(frozen=True, slots=True)
class Received:
    """A request. path: without the prefix. body: parsed JSON, None for none."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any


@dataclass
class StandIn:
    """The server. base_url: what clients are given. needs_key: whether chats without a key are refused."""

    base_url: str = ""
    needs_key: bool = True
    requests: list[Received] = field(default_factory=list)
    connections: int = 0
    _scripts: dict[str, deque[Reply]] = field(default_factory=lambda: defaultdict(deque))
    _codes: dict[str, str] = field(default_factory=dict)
    _lost: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def script(self, *replies: Reply, path: str = "/chat/completions") -> None:
        """Answer the next requests to that path with these, in order; after them as usual."""
        self._scripts[path].extend(replies)

    @property
    def unused(self) -> int:
        """How many scripted replies nobody asked for."""
        return sum(map(len, self._scripts.values()))

    def sent(self, path: str = "/chat/completions") -> list[Any]:
        """The bodies that came to a path."""
        return [request.body for request in self.requests if request.path == path]

    async def lost_client(self) -> None:
        """Wait until a client closed its connection while an answer was on its way to it."""
        if not await asyncio.to_thread(self._lost.acquire, timeout=PATIENCE):
            raise AssertionError("no client closed its connection early")

    def allow(self, page_address: str) -> tuple[str, str]:
        """Play the person who agrees on the sign-in page: the code, and the address the browser is sent back to.

        The address is '' if the page was asked to show the code.
        """
        query = dict(parse_qsl(urlsplit(page_address).query))
        code = hashlib.sha256(f"code {len(self._codes)}".encode()).hexdigest()[:32]
        self._codes[code] = query["code_challenge"]
        callback = query.get("callback_url", "")
        return code, f"{callback}?code={code}" if callback else ""

    def answer(self, request: Received) -> Reply:
        """What to send for a request."""
        self.requests.append(request)
        scripted = self._scripts[request.path]
        if scripted:
            return scripted.popleft()
        if request.path in _NEED_KEY and self.needs_key and not self._has_key(request):
            return error_reply(401, "No auth credentials found", "authentication")
        return self._usual(request)

    def _has_key(self, request: Received) -> bool:
        return request.headers.get("authorization", "").startswith("Bearer sk-or-")

    def _usual(self, request: Received) -> Reply:
        match request.method, request.path:
            case "POST", "/chat/completions":
                return defaults.chat(request.body)
            case "POST", "/embeddings":
                return defaults.embeddings(request.body)
            case "POST", "/images":
                return defaults.images(request.body)
            case "GET", "/images/models":
                return json_reply({"data": list(defaults.IMAGE_MODELS)})
            case "GET", "/models":
                return defaults.models(request.query)
            case "GET", "/embeddings/models":
                return defaults.models({**request.query, "output_modalities": "embeddings"})
            case "GET", "/key":
                return defaults.key()
            case "GET", "/generation":
                return defaults.generation(request.query)
            case "GET", "/credits":
                return error_reply(403, "Only management keys can fetch credits", "permission_denied")
            case "POST", "/auth/keys":
                return self._exchange(request.body)
            case _:
                return error_reply(404, f"No such address: {request.method} {request.path}", "not_found")

    def _exchange(self, body: Mapping[str, Any]) -> Reply:
        if body.get("code_challenge_method") not in ("S256", None):
            return error_reply(400, "Invalid code_challenge_method", "invalid_request")
        challenge = self._codes.pop(str(body.get("code")), None)
        digest = hashlib.sha256(str(body.get("code_verifier")).encode()).digest()
        if challenge is None or challenge != base64.urlsafe_b64encode(digest).rstrip(b"=").decode():
            return error_reply(403, "Invalid code or code_verifier", "permission_denied")
        return json_reply({"key": KEY, "user_id": "user_1"})

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection until it ends."""
        self.connections += 1
        try:
            await _Connection(self, reader, writer).run()
        except (ConnectionError, h11.RemoteProtocolError):
            self._lost.release()
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    def client_left(self) -> None:
        """A client closed its connection before its answer was whole."""
        self._lost.release()


_NEED_KEY = frozenset({"/chat/completions", "/embeddings", "/images", "/key", "/generation", "/credits"})


class _ClientLeft(Exception):
    pass


class _Connection:
    """One connection, by h11."""

    def __init__(self, stand_in: StandIn, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._stand_in = stand_in
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.SERVER)

    async def run(self) -> None:
        """Serve requests until the client goes or an answer breaks the connection off."""
        while (request := await self._request()) is not None:
            try:
                if not await self._send(self._stand_in.answer(request)):
                    return
            except _ClientLeft:
                self._stand_in.client_left()
                return
            if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
                return
            self._http.start_next_cycle()

    async def _request(self) -> Received | None:
        head: h11.Request | None = None
        body = bytearray()
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                self._http.receive_data(await self._reader.read(65536))
            elif isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                return _received(head, bytes(body))
            else:
                return None

    async def _send(self, reply: Reply) -> bool:
        """Whether the connection can be used again."""
        if reply.before is not None:
            await self._at(reply.before)
        headers = [*reply.headers.items()]
        if reply.is_stream:
            headers.append(("transfer-encoding", "chunked"))
        else:
            headers.append(("content-length", str(sum(len(p) for p in reply.parts if isinstance(p, bytes)))))
        await self._write(h11.Response(status_code=reply.status, headers=headers))
        for part in reply.parts:
            if isinstance(part, Gate):
                await self._at(part)
            else:
                await self._write(h11.Data(data=part))
        if reply.cut:
            self._writer.transport.abort()
            return False
        await self._write(h11.EndOfMessage())
        return True

    async def _write(self, event: h11.Event) -> None:
        data = self._http.send(event)
        if data:
            self._writer.write(data)
            await self._writer.drain()

    async def _at(self, gate: Gate) -> None:
        """Wait at a gate, and notice a client that goes away meanwhile."""
        passed, gone = asyncio.create_task(gate.passed()), asyncio.create_task(self._reader.read(65536))
        try:
            await asyncio.wait({passed, gone}, return_when=asyncio.FIRST_COMPLETED)
            if gone.done():
                if gone.exception() is not None or not gone.result():
                    raise _ClientLeft
                self._http.receive_data(gone.result())
        finally:
            for task in (passed, gone):
                task.cancel()
            await asyncio.gather(passed, gone, return_exceptions=True)


def _received(head: h11.Request, body: bytes) -> Received:
    target = urlsplit(head.target.decode())
    headers = {name.decode(): value.decode("latin-1") for name, value in head.headers}
    query = {name: values[0] for name, values in parse_qs(target.query).items()}
    path = target.path.removeprefix(PREFIX)
    return Received(head.method.decode(), path, query, headers, json.loads(body) if body else None)


@contextmanager
def configured_stand_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """The server, running until the block ends, and what workspaces and commands ask meanwhile, with its key."""
    with running_stand_in() as stand_in:
        monkeypatch.setenv("STEPLOOM_MODEL_SERVER__BASE_URL", stand_in.base_url)
        monkeypatch.setenv("STEPLOOM_MODEL_SERVER__KIND", "openrouter")
        monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
        yield stand_in


@contextmanager
def running_stand_in() -> Iterator[StandIn]:
    """The server, running until the block ends."""
    stand_in = StandIn()
    ready = threading.Event()
    stopping: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def main() -> None:
        tasks: set[asyncio.Task[None]] = set()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks.add(task)
            try:
                await stand_in.serve(reader, writer)
            except asyncio.CancelledError:
                pass  # the block ended while a client was connected; the task has nothing left to do
            finally:
                tasks.discard(task)

        stop = asyncio.Event()
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        stand_in.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}{PREFIX}"
        stopping.append((asyncio.get_running_loop(), stop))
        ready.set()
        await stop.wait()
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()

    thread = threading.Thread(target=lambda: asyncio.run(main()), name="openrouter-stand-in", daemon=True)
    thread.start()
    if not ready.wait(PATIENCE):
        raise AssertionError("the stand-in did not start")
    try:
        yield stand_in
    finally:
        loop, stop = stopping[0]
        loop.call_soon_threadsafe(stop.set)
        thread.join(PATIENCE)
