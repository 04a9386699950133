"""`steploom agents`: the library of agents."""

from __future__ import annotations

import asyncio
import shlex
from dataclasses import asdict
from dataclasses import replace as changed
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.exit_codes import BAD_USAGE, COMPLETED
from core.cli.problem_report import report_problems
from core.cli.refusal import Refusal
from core.cli.run import JsonOption
from core.cli.terminal import error_console, print_json, print_table

if TYPE_CHECKING:
    from core.agents.agent import Agent
    from core.agents.library import AgentLibrary, SavedAgent
    from core.workflow.model import Json
    from core.workflow.problems import Problem

app = typer.Typer(
    no_args_is_help=True, help="Import, export, list, copy and delete agents. Talk to one: steploom chat."
)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The agent's name.")]
VersionOption = Annotated[int | None, typer.Option("--version", help="An older version.")]


@app.command("list")
def list_agents(
    deleted: Annotated[bool, typer.Option("--deleted", help="Those that can be restored.")] = False,
    as_json: JsonOption = False,
) -> int:
    """The agents of the library."""
    return asyncio.run(_list(deleted, as_json))


async def _list(deleted: bool, as_json: bool) -> int:
    from core.workspace import Workspace

    async with Workspace.open() as workspace:
        agents = await workspace.agents.list(deleted=deleted)
    if as_json:
        print_json([_summary(saved) for saved in agents])
        return COMPLETED
    rows = [
        (
            saved.agent.name,
            saved.agent.model.model or "(default)",
            str(len(saved.agent.functions)),
            str(saved.version),
            f"{saved.updated.astimezone():%Y-%m-%d %H:%M}",
            saved.agent.description,
        )
        for saved in agents
    ]
    empty = "No agent was deleted." if deleted else "There are no agents. Make one: steploom agents import FILE"
    print_table(("agent", "model", "functions", "version", "saved", "description"), rows, empty=empty)
    return COMPLETED


@app.command("show")
def show(name: NameArgument, version: VersionOption = None, as_json: JsonOption = False) -> int:
    """An agent's file, what is wrong with the agent, and its history."""
    return asyncio.run(_show(name, version, as_json))


async def _show(name: str, version: int | None, as_json: bool) -> int:
    from core.agents.agent_file import dumps, to_data
    from core.agents.check import check_agent
    from core.workspace import Workspace

    async with Workspace.open() as workspace:
        saved = await workspace.agents.get(name, version)
        history = await workspace.agents.history(name)
        problems = check_agent(saved.agent, await workspace.available())
    if as_json:
        print_json(
            {
                **_summary(saved),
                "agent": to_data(saved.agent),
                "problems": [asdict(problem) for problem in problems],
                "history": [
                    {"version": v.number, "author": v.author, "note": v.note, "saved": v.created.isoformat()}
                    for v in history
                ],
            }
        )
        return COMPLETED
    typer.echo(dumps(saved.agent), nl=False)
    console = error_console()
    _tell(problems, "")
    for v in history:
        mark = "*" if v.number == saved.version else " "
        said = " ".join(part for part in (v.author, v.note) if part)
        line = f"{mark} version {v.number}, {v.created.astimezone():%Y-%m-%d %H:%M}  {said}".rstrip()
        console.print(line, markup=False, soft_wrap=True)
    return COMPLETED


@app.command("import")
def import_files(
    *,
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Agents' files.", default_factory=list)],
    name: Annotated[str, typer.Option("--name", help="Another name for it; with one file only.")] = "",
    replace: Annotated[
        bool, typer.Option("--replace", help="Save over agents of the same name, as a new version.")
    ] = False,
    trust: Annotated[
        bool, typer.Option("--trust", help="Functions may be called without asking where the files say so.")
    ] = False,
    example: Annotated[
        str, typer.Option("--example", help="An agent that comes with the program, with all that it calls.")
    ] = "",
) -> int:
    """Put agents into the library. One that has errors is taken too, and its errors are said."""
    if example and not files:
        return asyncio.run(_import_example(example, name))
    if not files or example:
        raise Refusal("Name files, or one --example.")
    if name and len(files) > 1:
        raise Refusal("--name gives one agent a name, but there are several files. Import them one by one.")
    return asyncio.run(_import(files, name, replace, trust))


async def _import(files: list[Path], name: str, replace: bool, trust: bool) -> int:
    from core.agents.agent_file import AgentFileError
    from core.agents.check import check_agent
    from core.agents.library import AgentChanged
    from core.agents.taken_in import said_of, without_leave
    from core.workspace import Workspace

    console = error_console()
    code = COMPLETED
    taken: list[Agent] = []
    async with Workspace.open() as workspace:
        for file in files:
            try:
                agent = await asyncio.to_thread(_load, file, name)
                known = await _known(workspace.agents, agent.name)
                asking: tuple[str, ...] = ()
                if not trust:
                    agent, asking = without_leave(agent, known.agent if known is not None else None)
                base = known.version if known is not None and replace else 0
                saved = await workspace.agents.save(agent, base)
            except AgentFileError as error:
                console.print(str(error), markup=False, soft_wrap=True)
                code = BAD_USAGE
            except AgentChanged:
                console.print(
                    f"{file}: another agent {agent.name!r} is there already. Use --replace to save a new version, or "
                    "--name to give this one another name.",
                    markup=False,
                    soft_wrap=True,
                )
                code = BAD_USAGE
            else:
                console.print(f"{file}: saved {agent.name!r}, version {saved.version}", markup=False, soft_wrap=True)
                if said := said_of(asking):
                    console.print(f"{file}: {said} --trust takes the file at its word.", markup=False, soft_wrap=True)
                taken.append(agent)
        available = await workspace.available()
    for agent in taken:
        _tell(check_agent(agent, available), f"{agent.name}: ")
    return code


async def _import_example(wanted: str, name: str) -> int:
    from core.agents.examples import add_example, all_examples
    from core.workspace import Workspace

    known = {agent.name: agent for agent in await all_examples()}
    if wanted not in known:
        raise Refusal(f"No example is called {wanted!r}. There are: {', '.join(known)}.")
    agent = changed(known[wanted], name=name or wanted)
    async with Workspace.open() as workspace:
        store = workspace.store
        added = await add_example(agent, workspace.agents, store.workflows if store is not None else None)
    console = error_console()
    console.print(f"saved {added.name!r}", markup=False, soft_wrap=True)
    for names, kind in ((added.agents, "agent"), (added.workflows, "workflow")):
        for each in names:
            console.print(f"saved the {kind} {each!r}, which it calls", markup=False, soft_wrap=True)
    return COMPLETED


@app.command("export")
def export(
    name: NameArgument,
    file: Annotated[Path | None, typer.Argument(help="Where to; standard output without one.")] = None,
    version: VersionOption = None,
) -> int:
    """Write an agent to a file. It holds no keys, no memories and no conversations."""
    return asyncio.run(_export(name, file, version))


async def _export(name: str, file: Path | None, version: int | None) -> int:
    from core.agents.agent_file import dumps, file_name, save
    from core.workspace import Workspace

    async with Workspace.open() as workspace:
        agent = (await workspace.agents.get(name, version)).agent
    if file is None:
        typer.echo(dumps(agent), nl=False)
        return COMPLETED
    if await asyncio.to_thread(file.is_dir):
        file /= file_name(agent)
    try:
        await asyncio.to_thread(save, agent, file)
    except OSError as error:
        raise Refusal(f"{file} cannot be written: {error.strerror or error}.") from None
    error_console().print(f"{file}: {agent.name!r}", markup=False, soft_wrap=True)
    return COMPLETED


@app.command("check")
def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Agents' files.")],
    as_json: JsonOption = False,
) -> int:
    """Say everything that is wrong with agents' files, with line numbers. Exit code 2 if any has an error.

    What the library and the MCP servers of this machine offer is not looked at; `show` and `import` do that.
    """
    from core.agents.agent_file import read_leniently
    from core.agents.check import check_agent
    from core.workflow.lines import problems_with_lines

    def problems_of(text: bytes) -> list[Problem]:
        agent, problems = read_leniently(text)
        if agent is not None:
            told = {(problem.field, problem.code) for problem in problems}
            found = [problem for problem in check_agent(agent) if (problem.field, problem.code) not in told]
            problems += problems_with_lines(text, found)
        return problems

    return report_problems(files, problems_of, as_json=as_json)


@app.command("duplicate")
def duplicate(name: NameArgument, new_name: Annotated[str, typer.Argument(help="The copy's name.")]) -> int:
    """Make a new agent from another one, without its memories and conversations."""
    return asyncio.run(_do("duplicate", name, new_name))


@app.command("rename")
def rename(name: NameArgument, new_name: Annotated[str, typer.Argument(help="The new name.")]) -> int:
    """Give an agent another name; its memories and conversations stay with it."""
    return asyncio.run(_do("rename", name, new_name))


@app.command("delete")
def delete(name: NameArgument) -> int:
    """Put an agent into the bin. `steploom agents restore` takes it out again."""
    return asyncio.run(_do("delete", name))


@app.command("restore")
def restore(name: NameArgument) -> int:
    """Take an agent out of the bin, with all its versions, memories and conversations."""
    return asyncio.run(_do("restore", name))


async def _do(what: str, name: str, new_name: str = "") -> int:
    from core.workspace import Workspace

    console = error_console()
    async with Workspace.open() as workspace:
        agents = workspace.agents
        match what:
            case "duplicate":
                await agents.duplicate(name, new_name)
                said = f"Copied {name!r} to {new_name!r}."
            case "rename":
                await agents.rename(name, new_name)
                said = f"Renamed {name!r} to {new_name!r}.{await _left_behind(agents, name)}"
            case "delete":
                await agents.delete(name)
                undo = f"steploom agents restore {shlex.quote(name)}"
                said = f"Deleted {name!r}. Undo it with: {undo}{await _left_behind(agents, name)}"
            case _:
                await agents.restore(name)
                said = f"Restored {name!r}."
    console.print(said, markup=False, soft_wrap=True)
    return COMPLETED


async def _left_behind(agents: AgentLibrary, name: str) -> str:
    """What still calls an agent by a name that is gone."""
    users = await agents.users("agent", name)
    return f"\nFunctions of {', '.join(map(repr, users))} still name it." if users else ""


async def _known(agents: AgentLibrary, name: str) -> SavedAgent | None:
    from core.store.errors import AgentNotFound

    try:
        return await agents.get(name)
    except AgentNotFound:
        return None


def _load(file: Path, name: str) -> Agent:
    from core.agents.agent_file import loads

    agent = loads(_read(file), str(file))
    return changed(agent, name=name) if name else agent


def _read(file: Path) -> bytes:
    from core.workflow.document import read_bounded

    try:
        return read_bounded(file)
    except OSError as error:
        raise Refusal(f"{file} cannot be read: {error.strerror or error}.") from None


def _tell(problems: list[Problem], lead: str) -> None:
    for problem in problems:
        error_console().print(f"  {problem.severity}: {lead}{problem}", markup=False, soft_wrap=True)


def _summary(saved: SavedAgent) -> dict[str, Json]:
    agent = saved.agent
    return {
        "id": str(saved.id),
        "name": agent.name,
        "description": agent.description,
        "model": agent.model.model,
        "functions": [function.name for function in agent.functions],
        "version": saved.version,
        "created": saved.created.isoformat(),
        "updated": saved.updated.isoformat(),
        "deleted": saved.deleted.isoformat() if saved.deleted else None,
    }
