"""One server, kept alive by one task that alone enters and leaves the SDK's client.

The SDK's cancel scopes belong to the task that opened them; a client that is entered in one task and left in another
breaks. So a server has an owner task for its whole life, and calls only borrow what it holds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias
from urllib.parse import urlsplit

from core.agents.mcp import explain
from core.agents.mcp.call import CURRENT, CallUnderWay
from core.agents.mcp.errors import CallTimedOut, McpError, ServerLost, ServerUnavailable
from core.agents.mcp.exchange import DECLINED, Elicit, Elicitation, ElicitationAnswer, McpProgress, McpResult
from core.agents.mcp.expansion import Expanded, expand
from core.agents.mcp.result import result_of
from core.agents.mcp.server_config import ServerConfig
from core.agents.mcp.transport import Output, open_wire
from core.engine.clock import Clock
from core.engine.mask import Mask
from core.engine.services import Secrets
from core.workflow.model import Json

if TYPE_CHECKING:
    from mcp import Client
    from mcp.client.session import ListRootsFnT

Authorize: TypeAlias = Callable[[str, Callable[[bool], None]], Awaitable[Any]]
"""Makes what signs HTTP requests to an address; told when the person is waited for, and when no longer."""

ServerState: TypeAlias = Literal["stopped", "connecting", "ready", "waiting", "failed"]
"""waiting: it went away or did not start, and is tried again by itself. failed: it is tried again when it is used."""

FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 30.0
"""Seconds before a server is started again; doubled with every failure in a row."""

MOST_FAILURES: Final = 6
"""In a row, after which a server is left alone until somebody uses it."""

GOOD_LIFE: Final = 60.0
"""Seconds of life after which earlier failures no longer count."""

PATIENCE: Final = 5.0
"""Seconds that a call waits for a server which is to be started again later."""

STOP_GRACE: Final = 10.0
"""Seconds for a server to go when it is stopped. The SDK asks, terminates and kills within less."""

LAST_WORDS_S: Final = 0.5
"""Seconds to wait for what a program that ended wrote to its standard error."""

MOST_PAGES: Final = 50
"""Pages of tools; a list that never ends does not hold anybody up."""


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """How a server does. error: why it is not ready, '' if nothing is wrong. version: as the server names itself.

    again_in: for `waiting`, seconds until it is started again.
    """

    name: str
    state: ServerState
    error: str = ""
    version: str = ""
    protocol: str = ""
    again_in: float | None = None


class Connection:
    """A server. Everything happens on one loop. elicit: asks the person when no call does. authorize: makes the
    HTTP sign-in, given the server's address; None for servers without one. tell: hears of every change of state.
    """

    def __init__(
        self,
        name: str,
        config: ServerConfig,
        *,
        secrets: Secrets | None,
        clock: Clock,
        environment: Mapping[str, str] | None,
        elicit: Callable[[], Elicit | None],
        authorize: Authorize | None,
        tell: Callable[[ServerStatus], None],
    ) -> None:
        self.name = name
        self.config = config
        self.status = ServerStatus(name, "stopped")
        self._secrets = secrets
        self._clock = clock
        self._environment = environment
        self._elicit = elicit
        self._authorize = authorize
        self._tell = tell
        self._owner: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()
        self._gone = asyncio.Event()
        self._ready: asyncio.Future[Client] = self._new_ready()
        self._output = Output()
        self._mask = Mask()
        self._calls: list[CallUnderWay] = []
        self._abandon: Callable[[], None] | None = None
        self.life = 0
        """Grows with every start; what was listed in an earlier life is to be listed again."""

    async def client(self) -> Client:
        """The SDK's client once the server is ready; starts it if need be. Raises McpError."""
        if self._owner is None or self._owner.done():
            self._stop = asyncio.Event()
            self._ready = self._new_ready()
            self._owner = asyncio.get_running_loop().create_task(self._own(), name=f"mcp {self.name}")
        elif self.status.state == "waiting" and (self.status.again_in or 0) > PATIENCE:
            raise ServerUnavailable(f"{self.status.error} It is started again in {self.status.again_in:.0f} s.")
        return await asyncio.shield(self._ready)

    async def stop(self) -> None:
        """Let the server go, and wait until it is gone."""
        owner = self._owner
        if owner is None or owner.done():
            self._set("stopped")
            return
        self._stop.set()
        if self._abandon is not None:
            self._abandon()
        await asyncio.wait([owner], timeout=STOP_GRACE)
        if not owner.done():
            owner.cancel()
            await asyncio.wait([owner], timeout=STOP_GRACE)
        self._set("stopped")

    async def listed(self) -> list[Any]:
        """All tools as the SDK gives them, asked for anew. Raises McpError."""
        client = await self.client()
        tools: list[Any] = []
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            page = await self._answer("its tools", client.list_tools(cursor=cursor, cache_mode="refresh"))
            tools += page.tools
            cursor = page.next_cursor
            if not cursor:
                break
        return tools

    async def call(
        self,
        tool: str,
        arguments: Mapping[str, Json],
        *,
        timeout: float,
        news: Callable[[McpProgress], None] | None,
        elicit: Elicit | None,
        key: str,
    ) -> McpResult:
        """Call a tool. news: hears of progress, on this loop. Raises McpError."""
        import anyio

        client = await self.client()

        async def on_progress(progress: float, total: float | None, message: str | None) -> None:
            if news is not None:
                news(McpProgress(progress, total, self._mask.text(message or "")))

        with anyio.CancelScope() as scope:
            under_way = CallUnderWay(tool, elicit, self._clock, timeout, scope.cancel)
            self._calls.append(under_way)
            before = CURRENT.set(under_way)
            under_way.begin()
            try:
                meta: Any = {"io.steploom/idempotency-key": key} if key else None
                answer = await self._answer(
                    tool, client.call_tool(tool, dict(arguments), progress_callback=on_progress, meta=meta)
                )
                return result_of(answer, self._mask)
            finally:
                under_way.end()
                CURRENT.reset(before)
                self._calls.remove(under_way)
        raise CallTimedOut(
            f"The tool {tool!r} of the MCP server {self.name!r} gave no answer within {timeout:g} s and was told to "
            "stop. What it did until then is not known. Raise the server's timeout if it needs longer."
        )

    async def _answer(self, what: str, request: Any) -> Any:
        """The answer to a request, or its failure in words."""
        try:
            return await request
        except McpError:
            raise
        except Exception as error:  # noqa: BLE001 - the SDK and servers may raise anything
            if not (self._gone.is_set() or explain.is_lost(error)):
                raise explain.refused(self.name, what, error, self._mask) from None
            self._lost()
            output, mask = self._output, self._mask
            await self._last_words(output)
            raise ServerLost(explain.lost(self.name, what, error, output, mask)) from None

    def _lost(self) -> None:
        """The server is gone: whoever comes now waits for its next life."""
        if not self._gone.is_set():
            self._gone.set()
            if self._ready.done():
                self._ready = self._new_ready()

    async def _last_words(self, output: Output) -> None:
        """Wait a moment for what a program wrote before it ended: its pipe may be read later than its answers."""
        if self.config.type == "stdio":
            await asyncio.to_thread(output.ended.wait, LAST_WORDS_S)

    async def _own(self) -> None:
        """The owner task: starts the server, and starts it again, until it is stopped or given up."""
        failures = 0
        while not self._stop.is_set():
            self._set("connecting")
            began = self._clock.monotonic()
            never_ready: McpError | None = None
            try:
                await self._live()
                if self._stop.is_set():
                    break
                error: McpError = ServerUnavailable(explain.gone(self.name, self._output, self._mask))
            except McpError as failure:
                error = never_ready = failure
            except Exception as failure:  # noqa: BLE001 - whoever waits for the server must not wait for ever
                error = never_ready = explain.failed_start(self.name, self.config, failure, self._output, self._mask)
            if self._clock.monotonic() - began > GOOD_LIFE:
                failures = 0
            failures += 1
            permanent = not isinstance(error, ServerUnavailable) or error.permanent
            if permanent or failures >= MOST_FAILURES:
                self._fail(error, "failed")
                return
            pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (failures - 1))
            if never_ready is not None:
                self._answer_waiting(never_ready)
            self._wait(str(error), pause)
            await self._pause(pause)
        self._fail(ServerUnavailable(f"The MCP server {self.name!r} was stopped."), "stopped")

    async def _live(self) -> None:
        """One life of the server: from its start until it is stopped or goes away. Raises McpError if it never was."""
        import anyio
        from mcp import Client
        from mcp_types import Implementation

        expanded = await expand(self.name, self.config, self._secrets, self._environment)
        self._output, self._mask, self._gone = Output(), expanded.mask, asyncio.Event()
        started = False
        error: BaseException | None = None
        with anyio.CancelScope() as scope:
            output = self._output

            def abandon() -> None:
                output.once_spawned(scope.cancel)

            self._abandon = abandon
            if self._stop.is_set():
                abandon()

            def expire() -> None:
                # Callers are told now: a program that hangs takes seconds more to be got rid of.
                self._answer_waiting(explain.slow_start(self.name, self.config, self._output, self._mask))
                abandon()

            timer = self._clock.call_later(self.config.connect_timeout, expire)

            def waiting(for_person: bool) -> None:
                nonlocal timer
                timer.cancel()
                if not for_person and not started:
                    timer = self._clock.call_later(self.config.connect_timeout, expire)

            try:
                auth = await self._authorize(expanded.url, waiting) if self._authorize is not None else None
                wire = open_wire(self.name, self.config, expanded, self._output, self._lost, auth)
                async with Client(
                    wire,
                    client_info=Implementation(name="steploom", version=_version()),
                    elicitation_callback=self._asked,
                    list_roots_callback=_roots(expanded) if expanded.roots else None,
                ) as client:
                    timer.cancel()
                    self._abandon = None
                    started = True
                    self.life += 1
                    self._is_ready(client)
                    await _first_of(self._stop, self._gone)
            except Exception as failure:  # noqa: BLE001 - the SDK and servers may raise anything, also in groups
                error = failure
            finally:
                timer.cancel()
        self._abandon = None
        if scope.cancelled_caught and not started:
            if self._stop.is_set():
                return
            raise explain.slow_start(self.name, self.config, self._output, self._mask)
        if error is not None and not started:
            await self._last_words(self._output)
            raise explain.failed_start(self.name, self.config, error, self._output, self._mask)
        if not self._stop.is_set():
            await self._last_words(self._output)

    async def _pause(self, seconds: float) -> None:
        """Wait so long, or until the server is stopped."""
        sleeping = asyncio.ensure_future(self._clock.sleep(seconds))
        stopping = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait([sleeping, stopping], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in (sleeping, stopping):
                each.cancel()

    async def _asked(self, context: Any, params: Any) -> Any:
        """The server asks the person something."""
        from mcp_types import ElicitResult

        call = self._asking_call()
        ask = (call.elicit if call is not None else None) or self._elicit()
        elicitation = Elicitation(
            server=self.name,
            tool=call.tool if call is not None else "",
            mode="url" if params.mode == "url" else "form",
            message=self._mask.text(params.message),
            schema=getattr(params, "requested_schema", None) or {},
            url=getattr(params, "url", None) or "",
        )
        answer = DECLINED
        # The desktop starts programs and opens files by their addresses, too: a server may name pages only.
        is_page = urlsplit(elicitation.url).scheme in ("https", "http")
        if ask is not None and (is_page or elicitation.mode == "form"):
            answer = await _asked_in(call, ask, elicitation)
        content: Any = dict(answer.content) if answer.action == "accept" and elicitation.mode == "form" else None
        return ElicitResult(action=answer.action, content=content)

    def _asking_call(self) -> CallUnderWay | None:
        """The call that a question belongs to. Older protocols do not say it: then it is clear only for a lone call."""
        known = CURRENT.get()
        if known is not None:
            return known
        return self._calls[0] if len(self._calls) == 1 else None

    def _new_ready(self) -> asyncio.Future[Client]:
        ready: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
        ready.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody may have waited
        return ready

    def _is_ready(self, client: Client) -> None:
        about = client.server_info
        version = visible_version(about.name, about.version) if about is not None else ""
        self._set("ready", version=version, protocol=client.protocol_version)
        if not self._ready.done():
            self._ready.set_result(client)

    def _answer_waiting(self, error: McpError) -> None:
        if not self._ready.done():
            self._ready.set_exception(error)

    def _wait(self, error: str, again_in: float) -> None:
        """Between two lives: who comes now waits for the next one."""
        if self._ready.done():
            self._ready = self._new_ready()
        self._set("waiting", error=error, again_in=again_in)

    def _fail(self, error: McpError, state: ServerState) -> None:
        self._answer_waiting(error)
        self._set(state, error="" if state == "stopped" else str(error))

    def _set(
        self,
        state: ServerState,
        *,
        error: str = "",
        version: str = "",
        protocol: str = "",
        again_in: float | None = None,
    ) -> None:
        status = ServerStatus(self.name, state, error, version, protocol, again_in)
        if status != self.status:
            self.status = status
            self._tell(status)


async def _asked_in(call: CallUnderWay | None, ask: Elicit, elicitation: Elicitation) -> ElicitationAnswer:
    """The person's answer; the call's time stands still meanwhile."""
    if call is None:
        return await ask(elicitation)
    with call.paused():
        return await ask(elicitation)


async def _first_of(*events: asyncio.Event) -> None:
    """Wait until one of them is set."""
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waiting:
            each.cancel()


def _roots(expanded: Expanded) -> ListRootsFnT:
    """Answers which folders the server may work in."""

    from mcp_types import ListRootsResult, Root

    async def roots(context: Any) -> ListRootsResult:
        folders = [Path(each).expanduser().resolve() for each in expanded.roots]  # noqa: ASYNC240 - a few local names
        return ListRootsResult(roots=[Root(uri=folder.as_uri(), name=folder.name) for folder in folders])

    return roots


def visible_version(name: str, version: str) -> str:
    """How a server names itself, on one short line."""
    return " ".join(f"{name} {version}".split())[:100]


def _version() -> str:
    from importlib.metadata import version

    return version("steploom")
