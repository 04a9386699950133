"""`steploom mcp`: tools of other programs, and Steploom's workflows as tools for them."""

from __future__ import annotations

import asyncio
import json
import shlex
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.exit_codes import BAD_USAGE, COMPLETED
from core.cli.refusal import Refusal
from core.cli.run import DemoOption, JsonOption, MemoryOption, ReadOption, WriteOption, grants
from core.cli.terminal import error_console, print_json, print_table
from core.cli.wording import duration

if TYPE_CHECKING:
    from core.agents.mcp.configuration import McpConfiguration
    from core.agents.mcp.foreign_files import ForeignServer
    from core.agents.mcp.server_config import ServerConfig
    from core.agents.mcp.tool import McpTool
    from core.workspace import Workspace

app = typer.Typer(
    no_args_is_help=True, help="Use the tools of MCP servers, and offer workflows as tools to other assistants."
)

ServerArgument = Annotated[str, typer.Argument(metavar="NAME", help="The server's name.")]

TOKEN_KEY = "mcp-server"  # noqa: S105 - the name of a key, not a key
"""The key in the keyring that clients of `steploom mcp serve --http` have to send."""


@app.command("list")
def list_servers(as_json: JsonOption = False) -> int:
    """The configured servers."""
    configuration = _configuration()
    good, bad = _refusing(configuration.servers), _refusing(configuration.problems)
    if as_json:
        print_json(
            [
                *({"name": name, "server": each.as_json(), "problem": None} for name, each in good.items()),
                *({"name": name, "server": None, "problem": problem} for name, problem in bad.items()),
            ]
        )
        return COMPLETED
    rows = [(name, each.type, _how(each), "off" if each.disabled else "") for name, each in good.items()]
    rows += [(name, "", problem, "wrong") for name, problem in bad.items()]
    print_table(("server", "type", "how", ""), rows, empty="No MCP servers. Add one: steploom mcp add NAME -- COMMAND")
    return COMPLETED


@app.command("add", context_settings={"ignore_unknown_options": False})
def add(
    *,
    name: ServerArgument,
    command: Annotated[list[str] | None, typer.Argument(metavar="-- COMMAND", help="The program to start.")] = None,
    url: Annotated[str, typer.Option("--url", help="The address of a server, instead of a command.")] = "",
    header: Annotated[
        list[str], typer.Option("--header", help="A header for it: 'NAME: VALUE'.", default_factory=list)
    ],
    env: Annotated[
        list[str], typer.Option("--env", help="A variable for its program: NAME=VALUE.", default_factory=list)
    ],
    cwd: Annotated[str, typer.Option("--cwd", help="The folder that its program starts in.")] = "",
    root: Annotated[
        list[str], typer.Option("--root", help="A folder that it is told it may work in.", default_factory=list)
    ],
    oauth: Annotated[bool, typer.Option("--oauth", help="Sign in through the browser.")] = False,
    text: Annotated[str, typer.Option("--json", help="The whole entry as JSON, as other programs write it.")] = "",
    replace: Annotated[bool, typer.Option("--replace", help="Replace a server of that name.")] = False,
) -> int:
    """Add a server. Keys among its values go into the keyring; the file refers to them.

    Examples: `steploom mcp add files -- npx -y @modelcontextprotocol/server-filesystem /data`, and
    `steploom mcp add hub --url https://example.org/mcp --header "Authorization: Bearer ..."`.
    """
    from core.agents.mcp.foreign_files import read_text

    if text:
        entry: dict[str, Any] = _refusing(lambda: json.loads(text))
    else:
        entry = {"command": (command or [""])[0], "args": (command or [])[1:], "url": url, "cwd": cwd, "roots": root}
        entry |= {"env": dict(_pair(each, "=", "--env") for each in env)}
        entry |= {"headers": dict(_pair(each, ":", "--header") for each in header)}
        entry |= {"auth": "oauth" if oauth else ""}
        entry = {key: value for key, value in entry.items() if value}
    found = _refusing(lambda: read_text(json.dumps({"mcpServers": {name: entry}}), "The entry"))
    return asyncio.run(_take_in(found, replace))


@app.command("import")
def import_files(
    *,
    files: Annotated[list[Path] | None, typer.Argument(metavar="FILE", help="Files of other programs.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All servers of all programs that are found on this machine.")
    ] = False,
    only: Annotated[
        list[str], typer.Option("--only", help="Take in the server of this name alone.", default_factory=list)
    ],
    replace: Annotated[bool, typer.Option("--replace", help="Replace servers of the same name.")] = False,
) -> int:
    """Take servers over from Claude Desktop, Claude Code, Cursor, VS Code and others.

    Without a file it says what is there. Keys in those files go into the keyring; the files are left as they are.
    """
    from core.agents.mcp.errors import BadConfiguration
    from core.agents.mcp.foreign_files import ForeignFile, known_files, program_of, read_file

    named = [ForeignFile(program_of(file), file) for file in files or []]
    places = named or known_files(Path.home(), Path.cwd())
    found: dict[str, ForeignServer] = {}
    for place in places:
        try:
            servers = read_file(place.path, place.program)
        except BadConfiguration as error:
            if named:
                raise Refusal(str(error)) from None
            continue
        error_console().print(f"{place.program or 'File'}: {place.path}", markup=False, soft_wrap=True)
        for server in servers:
            if not only or server.name in only:
                found.setdefault(server.name, server)
                how = _how(server.config) if server.config is not None else server.problem
                error_console().print(f"  {server.name}  {how}", markup=False, soft_wrap=True)
    if not found:
        raise Refusal("No MCP servers were found." if not only else f"There is no server {', '.join(only)} there.")
    if not (named or everything or only):
        error_console().print("Take them in with --all, or some with --only NAME.")
        return COMPLETED
    return asyncio.run(_take_in(list(found.values()), replace))


@app.command("remove")
def remove(name: ServerArgument) -> int:
    """Forget a server, its own keys, and what was agreed to."""

    async def work() -> int:
        from core.workspace import Workspace

        async with Workspace.open() as workspace:
            await workspace.mcp.remove(name)
        error_console().print(f"Removed {name}.", markup=False)
        return COMPLETED

    _refusing(lambda: _configuration().entry(name))
    return asyncio.run(work())


@app.command("test")
def probe(name: ServerArgument, as_json: JsonOption = False) -> int:
    """Start a server and show what it offers, and whether each tool was agreed to."""

    async def work() -> int:
        from core.workspace import Workspace

        async with Workspace.open() as workspace:
            began = workspace.clock.monotonic()
            tools = await _tools(workspace, name)
            status = workspace.mcp.status(name)
            if as_json:
                print_json(
                    {"server": name, "version": status.version, "protocol": status.protocol,
                     "tools": [_tool_json(tool) for tool in tools]}
                )  # fmt: skip
                return COMPLETED
            took = duration(workspace.clock.monotonic() - began)
            error_console().print(
                f"{status.version or name}, protocol {status.protocol}, ready in {took}", markup=False
            )
            rows = [(tool.name, _short(tool.description), _effect(tool), tool.state) for tool in tools]
            print_table(
                ("tool", "what it says of itself", "", "agreed"), rows, empty="It offers no tools.", whole=("tool",)
            )
            return COMPLETED

    _refusing(lambda: _configuration().server(name))
    return asyncio.run(work())


@app.command("sign-out")
def sign_out(name: ServerArgument) -> int:
    """Forget the sign-in to a server. `steploom mcp test` signs in again."""

    async def work() -> int:
        from core.workspace import Workspace

        async with Workspace.open(memory_only=True) as workspace:
            there = await workspace.mcp.sign_out(name)
        error_console().print(f"Signed out of {name}." if there else f"Nobody is signed in to {name}.", markup=False)
        return COMPLETED

    _refusing(lambda: _configuration().entry(name))
    return asyncio.run(work())


@app.command("approve")
def approve(
    name: ServerArgument,
    tools: Annotated[list[str] | None, typer.Argument(metavar="TOOL", help="Its tools; all without one.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Agree without being asked.")] = False,
) -> int:
    """Read what tools say of themselves and agree to it. One that is described otherwise later is asked about again."""
    if not yes and not sys.stdin.isatty():
        raise Refusal("Nobody is there to agree. Read `steploom mcp test` and pass --yes.")

    async def work() -> int:
        from core.workspace import Workspace

        async with Workspace.open() as workspace:
            offered = {tool.name: tool for tool in await _tools(workspace, name)}
            missing = [tool for tool in tools or [] if tool not in offered]
            if missing:
                raise Refusal(f"{name} offers no tool {', '.join(missing)}. It offers: {', '.join(offered)}.")
            for tool in [offered[each] for each in tools or offered]:
                if tool.state != "approved" and (yes or _agrees(tool)):
                    await workspace.mcp.approve(name, tool.name, tool.hash)
                    error_console().print(f"Agreed to {tool.name}.", markup=False)
        return COMPLETED

    _refusing(lambda: _configuration().server(name))
    return asyncio.run(work())


@app.command("serve")
def serve(
    *,
    workflows: Annotated[list[str], typer.Argument(metavar="WORKFLOW", help="Files, or names of the library.")],
    http: Annotated[
        int | None, typer.Option("--http", metavar="PORT", help="Serve over HTTP on this machine; 0 for any port.")
    ] = None,
    new_token: Annotated[bool, typer.Option("--new-token", help="Make a new token for HTTP and show it.")] = False,
    ask_client: Annotated[
        bool,
        typer.Option("--ask-client/--no-ask-client", help="Put a run's questions to the person through the client."),
    ] = True,
    demo: DemoOption = False,
    memory_only: MemoryOption = False,
    allow_read: ReadOption,
    allow_write: WriteOption,
) -> int:
    """Offer workflows as tools to other assistants, over standard input and output or over HTTP."""
    return asyncio.run(_serve(workflows, http, new_token, ask_client, demo, memory_only, allow_read, allow_write))


async def _serve(
    names: list[str],
    port: int | None,
    new_token: bool,
    ask_client: bool,
    demo: bool,
    memory_only: bool,
    read: list[Path],
    write: list[Path],
) -> int:
    from importlib.metadata import version

    from core.engine.errors import StepError
    from core.service.mcp_server import WorkflowServer, serve_stdio
    from core.workspace import Workspace

    async with Workspace.open(demo=demo, memory_only=memory_only, grants=grants(read, write)) as workspace:
        server = WorkflowServer(
            workspace, names, version=version("steploom"), ask_client=ask_client,
            kept=workspace.store is not None,
        )  # fmt: skip
        try:
            offered = await server.load()
        except StepError as error:
            raise Refusal(error.message) from None
        tools = ", ".join(each.tool for each in offered)
        if port is None:
            error_console().print(f"Offering {tools} over standard input and output.", markup=False, soft_wrap=True)
            await _until_told(serve_stdio(server))
        else:
            await _serve_http(workspace, server, port, new_token, tools)
    return COMPLETED


async def _serve_http(workspace: Workspace, server: Any, port: int, new_token: bool, tools: str) -> None:
    from core.service.mcp_server import loopback, serve_http

    token = await _token(workspace, new_token)
    try:
        place = loopback(port)
    except OSError as error:
        raise Refusal(f"Port {port} cannot be used: {error.strerror or error}. Choose another one, or 0.") from None
    address = f"http://127.0.0.1:{place.getsockname()[1]}/mcp"
    error_console().print(f"Offering {tools} at {address}", markup=False, soft_wrap=True)
    await serve_http(server, place, token)


async def _token(workspace: Workspace, new: bool) -> str:
    """The token that clients send; a new one is shown once."""
    import secrets

    known = None if new else await workspace.secrets.get(TOKEN_KEY)
    if known:
        return known
    token = secrets.token_urlsafe(32)
    await workspace.secrets.set(TOKEN_KEY, token)
    console = error_console()
    console.print("This is the token that clients send. It is kept in the keyring and not shown again:")
    console.print(f"  Authorization: Bearer {token}", markup=False, soft_wrap=True)
    return token


async def _until_told(work: Any) -> None:
    """Do the work until it ends or the program is asked to end; runs under way are then cancelled resumably."""
    import signal

    task = asyncio.ensure_future(work)
    with suppress(NotImplementedError, RuntimeError):  # no such signals on Windows
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    with suppress(asyncio.CancelledError):
        await task


async def _tools(workspace: Workspace, name: str) -> Sequence[McpTool]:
    """What a server offers; its state is told meanwhile."""
    console = error_console()
    workspace.mcp.open_with(_open_page)
    if console.is_terminal:
        with console.status(f"Starting {name} …"):
            return await workspace.mcp.tools(name)
    return await workspace.mcp.tools(name)


async def _open_page(address: str) -> None:
    """Send the person to a page on which to sign in."""
    import webbrowser

    console = error_console()
    console.print("Sign in on this page; it opens in the browser:")
    console.print(f"  {address}", markup=False, soft_wrap=True)
    await asyncio.to_thread(webbrowser.open, address)


async def _take_in(found: list[ForeignServer], replace: bool) -> int:
    from core.agents.mcp.agreements import MemoryAgreements
    from core.agents.mcp.servers import McpServers
    from core.engine.clock import SystemClock
    from core.secrets import KeyringSecrets
    from core.settings import default_home, load

    home = default_home()
    secrets = KeyringSecrets(home, allow_file=load(home).secrets_file)
    servers = McpServers(_configuration(), secrets=secrets, agreements=MemoryAgreements(), clock=SystemClock())
    known = {**_refusing(servers.configuration.servers), **_refusing(servers.configuration.problems)}
    console, code = error_console(), COMPLETED
    for server in found:
        if server.config is None:
            console.print(server.problem, markup=False, soft_wrap=True)
            code = BAD_USAGE
        elif server.name in known and not replace:
            console.print(
                f"There is a server {server.name!r} already. Use --replace to replace it.", markup=False, soft_wrap=True
            )
            code = BAD_USAGE
        else:
            await servers.add(server)
            console.print(f"Added {server.name}.", markup=False)
            for note in server.notes:
                console.print(f"  {note}", markup=False, soft_wrap=True)
            console.print(f"  See what it offers: steploom mcp test {shlex.quote(server.name)}", markup=False)
    return code


def _configuration() -> McpConfiguration:
    from core.agents.mcp.configuration import McpConfiguration
    from core.settings import default_home

    return McpConfiguration(default_home())


def _refusing(work: Any) -> Any:
    """What the work gives; what is wrong with the configuration is a wrong use of the command."""
    from core.agents.mcp.errors import BadConfiguration, UnknownServer

    try:
        return work()
    except (BadConfiguration, UnknownServer) as error:
        raise Refusal(str(error)) from None
    except ValueError as error:
        raise Refusal(f"--json is no JSON: {error}.") from None


def _pair(text: str, mark: str, option: str) -> tuple[str, str]:
    name, found, value = text.partition(mark)
    if not found or not name.strip():
        raise typer.BadParameter(f"{option} must be of the form NAME{mark}VALUE.")
    return name.strip(), value.strip() if mark == ":" else value


def _agrees(tool: McpTool) -> bool:
    console = error_console()
    console.print(
        f"\n{tool.server} · {tool.name} ({_effect(tool) or 'it does not say what it does to the world'})", markup=False
    )
    if tool.state == "changed":
        console.print(f"It said before: {tool.approved_description}", markup=False, soft_wrap=True)
    console.print(tool.description or "It says nothing of itself.", markup=False, soft_wrap=True)
    return typer.confirm("Agree?", default=False)


def _effect(tool: McpTool) -> str:
    if tool.read_only_hint:
        return "reads only"
    return "may destroy" if tool.destructive_hint else ""


def _how(config: ServerConfig) -> str:
    return shlex.join([config.command, *config.args]) if config.type == "stdio" else config.url


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 200 else f"{line[:199]}…"


def _tool_json(tool: McpTool) -> dict[str, Any]:
    return {
        "name": tool.name,
        "title": tool.title,
        "description": tool.description,
        "parameters": dict(tool.parameters),
        "read_only": tool.read_only_hint,
        "state": tool.state,
        "hash": tool.hash,
    }
