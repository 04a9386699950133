"""Steploom as an MCP server: chosen workflows as tools, for other assistants to run.

A call starts a run, as if a person had; its events are the call's progress, its cancellation the run's. A run that
asks a person asks through the client if that can; else, or if the person does not answer, it stays suspended in the
database and the result says how to answer. Nothing offered here lets a model answer for the person.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from core.engine.clock import Clock
from core.engine.engine import Run
from core.engine.errors import EngineError, InputError, StepError
from core.engine.journal import Journal, StepRecord, asking
from core.engine.lifecycle import RunResult
from core.engine.step_type import StepTypes
from core.service import mcp_answers as answers
from core.service.mcp_tools import RESULT_TOOL, OfferedWorkflow, described, result_tool, tool_name
from core.workflow.model import Json, Workflow
from core.workflow.problems import DocumentError

if TYPE_CHECKING:
    from mcp.server import Server
    from mcp_types import CallToolResult

LABEL: Final = "mcp"
"""The label of runs that were started through MCP; its value is the client's name."""

MOST_RUNS: Final = 32
"""Runs at once; a client that starts more is told to wait."""

PROGRESS_EVERY: Final = 0.1
"""Seconds between two pieces of news of one call; the last one is always sent."""


class FoundWorkflow(Protocol):
    """A workflow and the folder that it came from."""

    @property
    def workflow(self) -> Workflow:
        """The document."""

    @property
    def origin(self) -> str:
        """Its folder, '' for one of the library."""


class RunHost(Protocol):
    """What is needed of a workspace."""

    clock: Clock
    types: StepTypes
    journal: Journal

    async def find(self, name: str, /) -> FoundWorkflow:
        """The workflow of that name, or in that file. Raises DocumentError or StepError."""

    def start(
        self, workflow: Workflow, inputs: Mapping[str, Json] | None = None, *, origin: str, labels: Mapping[str, str]
    ) -> Run:
        """Start a run. Raises DocumentError or InputError."""

    async def resume(self, run_id: str) -> Run:
        """Go on with a run."""

    async def read_file(self, blob_hash: str) -> bytes:
        """A file that a step made."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question that went to a client which sends its answer with the next request."""

    run_id: str
    step: StepRecord
    tool: str


class WorkflowServer:
    """Offers workflows. names: files or names of the library.

    ask_client: whether questions of runs go to the person through the client; without it they wait for Steploom.
    kept: whether suspended runs outlive this program.
    """

    def __init__(
        self,
        host: RunHost,
        names: list[str],
        *,
        version: str,
        ask_client: bool = True,
        kept: bool = True,
        new_token: Callable[[], str] = lambda: secrets.token_urlsafe(24),
    ) -> None:
        self._host = host
        self._names = names
        self._version = version
        self._ask_client = ask_client
        self._kept = kept
        self._new_token = new_token
        self._offered: dict[str, OfferedWorkflow] = {}
        self._asked: dict[str, _Asked] = {}
        self._runs = 0

    async def load(self) -> list[OfferedWorkflow]:
        """Read all workflows. Raises DocumentError or StepError for one that cannot be run."""
        offered: dict[str, OfferedWorkflow] = {}
        for name in self._names:
            found = await self._host.find(name)
            tool = tool_name(found.workflow.name, [*offered, RESULT_TOOL])
            offered[tool] = OfferedWorkflow(tool, name, found.workflow, found.origin)
        self._offered = offered
        return list(offered.values())

    def server(self) -> Server[Any]:
        """The SDK's server, to be run over any transport."""
        from mcp.server import Server

        return Server(
            "steploom",
            version=self._version,
            title="Steploom",
            instructions="Workflows that a person made in Steploom. A run may take minutes and may ask a person.",
            on_list_tools=self._list,
            on_call_tool=self._call,
        )

    async def _list(self, context: Any, params: Any) -> Any:
        """All tools, by the workflows as they are now; one that was broken meanwhile stays as it was."""
        from mcp_types import ListToolsResult

        for tool in list(self._offered):
            await self._renewed(tool)
        tools = [described(each, self._host.types) for each in self._offered.values()]
        return ListToolsResult(tools=[*tools, result_tool()], ttl_ms=0, cache_scope="private")

    async def _renewed(self, tool: str) -> str:
        """Read a workflow again; what is wrong with it now, or ''."""
        offered = self._offered[tool]
        try:
            found = await self._host.find(offered.asked_for)
        except (DocumentError, StepError, OSError) as error:
            return str(error)
        self._offered[tool] = OfferedWorkflow(tool, offered.asked_for, found.workflow, found.origin)
        return ""

    async def _call(self, context: Any, params: Any) -> Any:
        if params.name == RESULT_TOOL:
            return await self._result(str((params.arguments or {}).get("run_id", "")))
        if params.name not in self._offered:
            from mcp.shared.exceptions import MCPError
            from mcp_types import INVALID_PARAMS

            offered = ", ".join(self._offered)
            raise MCPError(INVALID_PARAMS, f"There is no workflow {params.name!r} here. There are: {offered}.")
        if self._runs >= MOST_RUNS:
            return answers.failure(f"{MOST_RUNS} runs are under way already. Wait until one has ended, then try again.")
        self._runs += 1
        try:
            asked = self._asked.pop(params.request_state or "", None)
            if asked is not None and asked.tool == params.name:
                return await self._go_on(context, asked, (params.input_responses or {}).get("answer"))
            return await self._start(context, params.name, params.arguments or {})
        except EngineError as error:
            return answers.failure(str(error))
        finally:
            self._runs -= 1

    async def _start(self, context: Any, tool: str, arguments: Mapping[str, Json]) -> Any:
        problem = await self._renewed(tool)
        if problem:
            return answers.failure(f"The workflow cannot be run as it is now. {problem}")
        offered = self._offered[tool]
        labels = {LABEL: _client_name(context) or "client"}
        try:
            run = self._host.start(offered.workflow, arguments, origin=offered.origin, labels=labels)
        except (InputError, DocumentError) as error:
            return answers.failure(str(error))
        return await self._follow(context, tool, run)

    async def _go_on(self, context: Any, asked: _Asked, reply: Any) -> Any:
        """The client comes back with what the person said."""
        result = await self._answer(context, asked.run_id, asked.step, reply)
        if result is None:
            return await self._stands(asked.run_id)
        return await self._follow(context, asked.tool, result)

    async def _answer(self, context: Any, run_id: str, step: StepRecord, reply: Any) -> Run | None:
        """The run, going on with the person's answer; None if there is none."""
        if getattr(reply, "action", "") != "accept" or reply.content is None:
            return None
        answer = answers.answered(step, reply.content, _client_name(context))
        await self._host.journal.answer(run_id, step.path, answer)
        return await self._host.resume(run_id)

    async def _follow(self, context: Any, tool: str, run: Run) -> Any:
        """The result of a run, asking the person on the way as often as it asks."""
        progress = answers.RunProgress(run.workflow)
        while True:
            result = await self._watched(context, run, progress)
            if result.status != "suspended":
                return await answers.ended(result, self._host.read_file)
            waiting = asking(await self._host.journal.steps(run.id))
            question = next((step for step in waiting if answers.elicitable(step) is not None), None)
            if question is None or not self._can_ask(context):
                return answers.waiting(result, waiting, kept=self._kept, tool=RESULT_TOOL)
            if not context.session.can_send_request:
                return self._ask_with_result(run.id, question, tool)
            message, schema = answers.elicitable(question) or ("", {})
            reply = await context.session.elicit_form(message, schema, related_request_id=context.request_id)
            further = await self._answer(context, run.id, question, reply)
            if further is None:
                return answers.waiting(result, waiting, kept=self._kept, tool=RESULT_TOOL)
            run = further

    def _can_ask(self, context: Any) -> bool:
        """Whether the client can put a form to the person."""
        able = context.session.client_capabilities
        asks = able.elicitation if able is not None else None
        # A client of before 2025-11-25 says `elicitation: {}`, which means forms.
        return self._ask_client and asks is not None and (asks.form is not None or asks.url is None)

    def _ask_with_result(self, run_id: str, step: StepRecord, tool: str) -> Any:
        """The question as a result: clients from 2026-07-28 on call again with the answer."""
        from mcp_types import ElicitRequest, ElicitRequestFormParams, InputRequiredResult

        message, schema = answers.elicitable(step) or ("", {})
        token = self._new_token()
        self._asked[token] = _Asked(run_id, step, tool)
        while len(self._asked) > MOST_RUNS * 4:
            self._asked.pop(next(iter(self._asked)))
        request = ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))
        return InputRequiredResult(input_requests={"answer": request}, request_state=token)

    async def _watched(self, context: Any, run: Run, progress: answers.RunProgress) -> RunResult:
        """How the run ends, its events told as progress. If the call is cancelled, so is the run."""
        teller = _Teller(context, progress, self._host.clock)
        try:
            async for event in run.events():
                teller.put(progress.news(event))
            await teller.rest()
            return await run.result()
        except asyncio.CancelledError:
            run.cancel("the client cancelled the call", resumable=True)
            raise
        finally:
            teller.stop()

    async def _result(self, run_id: str) -> CallToolResult:
        """How a run stands that was started here; of others nothing is told."""
        try:
            record = await self._host.journal.run(run_id)
        except EngineError:
            record = None
        offered = {each.workflow.name for each in self._offered.values()}
        if record is None or LABEL not in record.labels or record.workflow.name not in offered:
            return answers.failure(f"No run {run_id!r} of these workflows was started through MCP.")
        return await self._stands(run_id)

    async def _stands(self, run_id: str) -> CallToolResult:
        from mcp_types import CallToolResult, TextContent

        record = await self._host.journal.run(run_id)
        steps = await self._host.journal.steps(run_id)
        result = answers.as_result(record, steps)
        if record.status == "suspended":
            return answers.waiting(result, asking(steps), kept=self._kept, tool=RESULT_TOOL)
        if record.status == "running":
            text = f"The run {run_id} is still under way. Ask again later."
            return CallToolResult(
                content=[TextContent(type="text", text=text)],
                structured_content={"run_id": run_id, "status": "running"},
            )
        return await answers.ended(result, self._host.read_file)


class _Teller:
    """Tells a client how far a run is: the newest news, at most every PROGRESS_EVERY seconds."""

    def __init__(self, context: Any, progress: answers.RunProgress, clock: Clock) -> None:
        self._context = context
        self._progress = progress
        self._clock = clock
        self._news = ""
        self._some = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._tell())
        self._task.add_done_callback(lambda done: done.cancelled() or done.exception())  # the client may be gone

    def put(self, news: str) -> None:
        """There is news, if it is not ''."""
        if news:
            self._news = news
            self._some.set()

    async def rest(self) -> None:
        """Tell what was not told yet."""
        if self._some.is_set():
            await self._report()

    def stop(self) -> None:
        """Tell nothing more."""
        self._task.cancel()

    async def _tell(self) -> None:
        while True:
            await self._some.wait()
            await self._report()
            await self._clock.sleep(PROGRESS_EVERY)

    async def _report(self) -> None:
        self._some.clear()
        await self._context.session.report_progress(self._progress.done, self._progress.total, self._news)


async def serve_stdio(server: WorkflowServer) -> None:
    """Serve over standard input and output until the client closes them."""
    from mcp.server.stdio import stdio_server

    made = server.server()
    async with stdio_server() as (reading, writing):
        await made.run(reading, writing, made.create_initialization_options())


def loopback(port: int) -> socket.socket:
    """A place to listen at on this machine alone. port: 0 for any. Raises OSError if it is taken."""
    place = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":  # there it would let another program listen at the same port
            place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        place.bind(("127.0.0.1", port))
        place.listen()
    except BaseException:
        place.close()
        raise
    return place


async def serve_http(server: WorkflowServer, place: socket.socket, token: str) -> None:
    """Serve over streamable HTTP at `/mcp`, for who has the token, until a signal or a cancellation."""
    import uvicorn

    from core.service.bearer import BearerGate

    app = BearerGate(server.server().streamable_http_app(host="127.0.0.1"), token)
    config = uvicorn.Config(app, log_level="error", access_log=False, timeout_graceful_shutdown=2)
    web = uvicorn.Server(config)
    serving = asyncio.create_task(web.serve(sockets=[place]))
    try:
        await asyncio.shield(serving)
    finally:
        web.should_exit = True
        await asyncio.wait([serving])


def _client_name(context: Any) -> str:
    """How the client calls itself, on one short line; '' if it does not."""
    about = context.session.client_params
    name = about.client_info.name if about is not None else ""
    return " ".join(str(name).split())[:64]
