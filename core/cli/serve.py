"""`steploom serve`: workflows and agents for other programs, over HTTP, with schedules and a worker beside it."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.exit_codes import COMPLETED
from core.cli.refusal import Refusal
from core.cli.run import DemoOption, ReadOption, WriteOption, grants
from core.cli.terminal import error_console

if TYPE_CHECKING:
    from core.grants import Grant
    from core.monitoring.metrics import Metrics
    from core.service.background import Background, BackgroundTask
    from core.service.http.parts import ServiceParts, TokenBook
    from core.service.live_runs import LiveRuns
    from core.service.presence import Keeper
    from core.service.worker import Worker
    from core.store.tokens import Tokens
    from core.workspace import Workspace

EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - only compared
"""Addresses that mean all of a machine's."""


def serve(
    *,
    host: Annotated[
        str, typer.Option(help="The address to listen at; another than this machine's own needs a token.")
    ] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65_535, help="The port, 0 for any that is free; else the settings' (8420)."),
    ] = None,
    workers: Annotated[
        int,
        typer.Option(
            min=0, max=1000, help="Runs that it executes at the same time; 0 to leave them to workers elsewhere."
        ),
    ] = 10,
    allow_host: Annotated[
        list[str],
        typer.Option(
            "--allow-host", help="A further name by which it may be called, as behind a proxy.", default_factory=list
        ),
    ],
    demo: DemoOption = False,
    log_json: Annotated[bool, typer.Option("--log-json", help="Write the log as lines of JSON.")] = False,
    log_file: Annotated[
        Path | None, typer.Option("--log-file", metavar="FILE", help="Write the log there instead of to the terminal.")
    ] = None,
    allow_read: ReadOption,
    allow_write: WriteOption,
) -> int:
    """Serve the workflows and agents of the library over HTTP until it is stopped.

    Every request but /healthz and /readyz needs a token; if there is none yet, one is made and shown on the terminal.
    Ctrl-C or SIGTERM stops it: what is being answered ends, runs are finished or handed over.
    """
    with _found(workers=workers, is_demo=demo) as listens_at:
        options = _Options(host, port, workers, allow_host, demo, grants(allow_read, allow_write), log_file, log_json)
        return asyncio.run(_serve(options, listens_at))


@dataclass(frozen=True, slots=True)
class _Options:
    """What was asked for on the command line."""

    host: str
    port: int | None
    workers: int
    names: Sequence[str]
    demo: bool
    grants: Sequence[Grant]
    log_file: Path | None
    log_json: bool


async def _serve(asked: _Options, listens_at: Callable[[str], None]) -> int:
    from core.cli.interrupts import on_interrupt
    from core.cli.tokens import tokens_of
    from core.monitoring.logs import log_to
    from core.service.http.app import make_app
    from core.service.http.server import is_loopback
    from core.service.http.server import serve as answer_requests
    from core.workspace import Workspace

    host = asked.host
    async with Workspace.open(demo=asked.demo, grants=asked.grants) as workspace:
        assert workspace.store is not None
        tokens = tokens_of(workspace)
        await _first_token(tokens, workspace, is_local=is_loopback(host))
        place = await _listen(host, workspace.settings.service.port if asked.port is None else asked.port)
        stop_log = log_to(asked.log_file or sys.stderr, as_json=asked.log_json, mask=workspace.secrets.mask)
        service = Service(workspace, tokens, hosts=host_names(host, asked.names), workers=asked.workers)
        try:
            service.start()
            app = make_app(service.parts)
            gc.freeze()  # what stands to the end: a search for garbage in it would hold every answer up
            with on_interrupt(service.stop):
                _announce(place, service, host, asked.workers)
                listens_at(_address(place, "127.0.0.1" if host in EVERYWHERE else host))
                await answer_requests(app, place, service.parts)
        finally:
            await service.finish()
            stop_log()
    return COMPLETED


@contextmanager
def _found(*, workers: int, is_demo: bool) -> Iterator[Callable[[str], None]]:
    """While inside, the window and other commands find this service; call with the address at which it listens."""
    from datetime import UTC, datetime
    from importlib.metadata import version

    from core.home import default_home
    from core.service.presence import Presence, announce, take_leave
    from core.store.process import this_process

    home, begun = default_home(), datetime.now(UTC)
    by_systemd = os.environ.get("SYSTEMD_EXEC_PID") == str(os.getpid())
    keeper: Keeper = "systemd" if by_systemd else "person"

    def tell(address: str) -> None:
        here = Presence(this_process(), address, begun, version("steploom"), keeper, workers, is_demo)
        with suppress(OSError):  # a folder that cannot be written to is told by what needs it
            announce(home, here)

    tell("")
    try:
        yield tell
    finally:
        with suppress(OSError):
            take_leave(home)


async def _listen(host: str, port: int) -> socket.socket:
    from core.service.http.server import listen

    try:
        return await asyncio.to_thread(listen, host, port)
    except OSError as error:
        raise Refusal(
            f"{host}, port {port}, cannot be listened at: {error.strerror or error}. Choose another, or --port 0."
        ) from None


class Service:
    """A workspace as a service: its parts, and what goes on beside them.

    hosts: names by which it may be called. workers: runs that it executes at the same time, 0 for none.
    """

    def __init__(self, workspace: Workspace, tokens: TokenBook, *, hosts: frozenset[str], workers: int = 0) -> None:
        from core.service.live_runs import LiveRuns

        assert workspace.store is not None
        self._workspace = workspace
        self._workers = workers
        self._worker: Worker | None = None
        self._working: asyncio.Task[None] | None = None
        self._background: Background | None = None
        self.metrics = workspace.watch.metrics
        self.parts = service_parts(workspace, tokens, self.metrics, LiveRuns(workspace.clock), hosts)

    def start(self) -> None:
        """Begin to listen to the engine, and everything that is done all the time."""
        from core.service.background import Background
        from core.service.worker import Worker

        self._workspace.watch.listeners.append(self.parts.live.heard)
        if self._workers:
            self._worker = Worker(self._workspace, concurrency=self._workers)
            self._working = asyncio.create_task(self._worker.run(), name="worker")
            # Who only waits for runs that nobody executes helps nobody; whoever started the service starts it again.
            self._working.add_done_callback(lambda _: self.parts.stopping.set())
        self._background = Background(self._tasks(), self._workspace.clock)
        self._background.start()

    def stop(self, reason: str) -> None:
        """Let it come to an end: take no more runs, end all streams."""
        if self._worker is not None:
            self._worker.stop(reason)
        self.parts.stopping.set()

    async def finish(self) -> None:
        """Wait until the worker's runs have ended or were handed over, and end everything else."""
        self.stop("the service ends")
        if self._background is not None:
            await self._background.stop()
        try:
            if self._working is not None:
                await self._working
        finally:
            self._workspace.watch.listeners.remove(self.parts.live.heard)

    def _tasks(self) -> Sequence[BackgroundTask]:
        """What is done all the time, besides answering."""
        from uuid import uuid4

        from core.agents.waker import ChatWaker
        from core.service.far_runs import FarRuns
        from core.service.gauges import Gauges
        from core.service.run_teller import RunTeller
        from core.service.triggers.message_listener import MessageListener
        from core.service.triggers.scheduler import Scheduler
        from core.store.message_notices import MessageNotices
        from core.store.notices import Notices
        from core.store.run_news import RunNews

        workspace, store = self._workspace, self._workspace.store
        assert store is not None
        scheduler = Scheduler(
            store.schedules, workspace.queue, clock=workspace.clock, told=lambda fired: self.metrics.fired(fired.lag_s)
        )
        lost_after = workspace.settings.workers.lost_after_s
        gauges = Gauges(store, workspace.queue, self.metrics, workspace.clock, lost_after_s=lost_after)
        notices = MessageNotices(store.database.address)
        worker = self._worker
        own = str(worker.facts.id if worker is not None else uuid4())
        teller = RunTeller(workspace, others=lambda: worker.running if worker is not None else (), sender=own)
        far = FarRuns(self.parts.live, RunNews(store.database), Notices(store.database.address), own=own)
        waker = ChatWaker(workspace.chat, workspace.conversations, workspace.journal, workspace.clock)
        return [scheduler, MessageListener(store.workflows, notices, workspace.queue), gauges, far, waker, teller]


def service_parts(
    workspace: Workspace, tokens: TokenBook, metrics: Metrics, live: LiveRuns, hosts: frozenset[str]
) -> ServiceParts:
    """What the HTTP service needs of a workspace."""
    from importlib.metadata import version

    from core.service.http.library_shelf import LibraryShelf
    from core.service.http.parts import ServiceParts
    from core.service.triggers.api_triggers import ApiTriggers
    from core.service.triggers.call_rates import CallLimits

    assert workspace.store is not None

    async def may_run(text: str) -> bool:
        token = await tokens.check(text)
        return token is not None and token.allows("run")

    hooks = ApiTriggers(
        workspace.store.workflows, workspace.secrets, clock=workspace.clock, check_token=may_run,
        rates=workspace.store.rates, keep_file=workspace.keep_file,
    )  # fmt: skip
    return ServiceParts(
        workflows=LibraryShelf(workspace.store.workflows),
        queue=workspace.queue,
        journal=workspace.journal,
        live=live,
        agents=workspace.agents,
        chat=workspace.chat,
        conversations=workspace.conversations,
        tokens=tokens,
        switches=workspace.switches,
        metrics=metrics.text,
        ready=workspace.store.database.ping,
        read_file=workspace.read_file,
        keep_file=workspace.keep_file,
        clock=workspace.clock,
        hosts=hosts,
        version=version("steploom"),
        hooks=hooks,
        rates=CallLimits(workspace.store.rates, workspace.clock),
    )


async def _first_token(tokens: Tokens, workspace: Workspace, *, is_local: bool) -> None:
    """Make a token if there is no valid one and a person sees it; where others can come in, leave that to the person.

    What is no terminal ends up in a log, where no token belongs.
    """
    now = workspace.clock.now()
    if any(token.is_valid(now) for token in await tokens.list()):
        return
    if not is_local:
        raise Refusal(
            "Others could reach this service, and there is no token yet that they would have to send. Make one first: "
            "steploom tokens create NAME --scope run,read"
        )
    console = error_console()
    if not console.is_terminal:
        console.print(
            "There is no token yet, so nobody can call. Make one: steploom tokens create NAME", soft_wrap=True
        )
        return
    _, text = await tokens.create("first", ["run", "read", "answer"])
    console.print("This is the first token (run, read, answer). It is kept only as a hash and not shown again:")
    console.print(f"  {text}", markup=False, soft_wrap=True)


def host_names(host: str, allowed: Sequence[str]) -> frozenset[str]:
    """The names by which a service at that address may be called."""
    from core.service.http.gate import LOOPBACK_NAMES
    from core.service.http.server import is_loopback

    own = LOOPBACK_NAMES if is_loopback(host) or host in EVERYWHERE else {host}
    return frozenset({*own, *allowed})


def _announce(place: socket.socket, service: Service, host: str, workers: int) -> None:
    """Say where it listens, and, if others can reach it, what they find there."""
    from core.service.http.server import is_loopback

    address = _address(place, host)
    console = error_console()
    doing = f"executing up to {workers} runs at once" if workers else "leaving runs to workers elsewhere"
    console.print(f"Serving at {address}, {doing}. Its page: {address}/docs. Ctrl-C stops it.", soft_wrap=True)
    if is_loopback(host):
        return
    names = ", ".join(sorted(service.parts.hosts))
    console.print(
        f"Others can reach it at {host}. With a token they can start workflows, chat with agents and read runs and "
        "conversations, as far as its scopes go; without one they see /healthz, /readyz, /docs and /openapi.json, and "
        "the paths of active api triggers. Nothing is encrypted here: put a proxy with TLS before it. It answers to "
        f"the names {names}; allow others with --allow-host.",
        markup=False,
        soft_wrap=True,
    )


def _address(place: socket.socket, host: str) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{place.getsockname()[1]}"
