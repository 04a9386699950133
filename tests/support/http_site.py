"""A real HTTP server on loopback whose pages are functions, for tests of steps that call APIs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "PURGE")


@dataclass(frozen=True)
class Asked:
    """A request as the server got it. headers: names in lower case."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Page:
    """What the server answers. length: the Content-Length to claim, if not the true one."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None


@dataclass
class Site:
    """A running server. pages: what each path answers. asked: all requests, in order. silence: set to let hanging
    pages go on.
    """

    port: int
    pages: dict[str, Callable[[Asked], Page]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def page(self, path: str, body: bytes = b"", status: int = 200, **headers: str) -> None:
        """Let a path answer always the same. headers: `_` in names stands for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.pages[path] = lambda asked: Page(body, status, named)

    def hangs(self, path: str) -> None:
        """Let a path answer only when `go_on` is set."""

        def answer(asked: Asked) -> Page:
            self.go_on.wait(30)
            return Page()

        self.pages[path] = answer


def _missing(asked: Asked) -> Page:
    return Page(b"no such page", 404, {"content-type": "text/plain"})


@contextmanager
def running_site() -> Iterator[Site]:
    """A site on a free port of 127.0.0.1, stopped at the end."""
    site = Site(0)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _answer(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, parts.path, parse_qs(parts.query), headers, body)
            site.asked.append(asked)
            site.arrived.set()
            page = site.pages.get(parts.path, _missing)(asked)
            try:
                self._send(page)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def _send(self, page: Page) -> None:
            self.send_response(page.status)
            for name, value in page.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(page.body) if page.length is None else page.length))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(page.body)
            if page.length is not None:
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    for method in _METHODS:
        setattr(Handler, f"do_{method}", Handler._answer)

    class Server(ThreadingHTTPServer):
        # Kept connections end with their clients; waiting for them would hold a failing test up.
        daemon_threads = True
        block_on_close = False

    server = Server(("127.0.0.1", 0), Handler)
    site.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield site
    finally:
        site.go_on.set()
        server.shutdown()
        thread.join()
        server.server_close()
