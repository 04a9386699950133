"""`steploom workflows`: the library in the database."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.exit_codes import BAD_USAGE, COMPLETED
from core.cli.refusal import Refusal
from core.cli.run import JsonOption
from core.cli.terminal import error_console, print_json, print_table

if TYPE_CHECKING:
    from core.store.workflows import Workflows
    from core.workflow.model import Workflow
    from core.workspace import Workspace

app = typer.Typer(no_args_is_help=True, help="Import, export and list the workflows of the library.")

NameArgument = Annotated[str, typer.Argument(help="The workflow's name.")]


@app.command("import")
def import_files(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Workflow documents.")],
    folder: Annotated[str, typer.Option(help="Where they are filed in the library.")] = "",
    replace: Annotated[
        bool, typer.Option("--replace", help="Save over workflows of the same name, as a new version.")
    ] = False,
) -> int:
    """Put workflow documents into the library. One that has errors is taken too, and its errors are said."""
    return asyncio.run(_import(files, folder, replace))


async def _import(files: list[Path], folder: str, replace: bool) -> int:
    from core.workflow.problems import DocumentError
    from core.workspace import Workspace

    console = error_console()
    code = COMPLETED
    async with Workspace.open() as workspace:
        library = _library(workspace)
        for file in files:
            try:
                workflow = await asyncio.to_thread(_load, file)
                version = await _save(library, workflow, file, folder, replace)
            except (DocumentError, Refusal) as error:
                console.print(str(error), markup=False, soft_wrap=True)
                code = BAD_USAGE
                continue
            console.print(f"{file}: saved {workflow.name!r}, version {version}", markup=False, soft_wrap=True)
            for problem in workspace.validate(workflow):
                console.print(f"  {problem.severity}: {problem}", markup=False, soft_wrap=True)
    return code


def _load(file: Path) -> Workflow:
    """Raises DocumentError or Refusal."""
    from core.workflow.document import load

    try:
        return load(file)
    except OSError as error:
        raise Refusal(f"{file} cannot be read: {error.strerror or error}.") from None


async def _save(library: Workflows, workflow: Workflow, file: Path, folder: str, replace: bool) -> int:
    """The new version. Raises Refusal if there is a workflow of that name that may not be replaced."""
    from core.store.errors import VersionConflict

    base = await _newest(library, workflow.name) if replace else 0
    try:
        return await library.save(workflow, base, folder=folder or None)
    except VersionConflict:
        text = f"{file}: a workflow {workflow.name!r} is there already. Use --replace to save a new version."
        raise Refusal(text) from None


@app.command("export")
def export(
    name: NameArgument,
    file: Annotated[Path | None, typer.Argument(help="Where to; standard output without one.")] = None,
    version: Annotated[int | None, typer.Option(help="An older version.")] = None,
) -> int:
    """Write a workflow of the library to a file."""
    return asyncio.run(_export(name, file, version))


async def _export(name: str, file: Path | None, version: int | None) -> int:
    from core.workflow.document import dumps, save
    from core.workspace import Workspace

    async with Workspace.open() as workspace:
        workflow = (await _library(workspace).get(name, version)).workflow
    if file is None:
        typer.echo(dumps(workflow), nl=False)
    else:
        await asyncio.to_thread(save, workflow, file)
        error_console().print(f"Wrote {file}", soft_wrap=True, markup=False)
    return COMPLETED


@app.command("list")
def list_workflows(as_json: JsonOption = False) -> int:
    """The workflows of the library, each with its newest run."""
    return asyncio.run(_list(as_json))


async def _list(as_json: bool) -> int:
    from core.workspace import Workspace

    async with Workspace.open() as workspace:
        entries = await _library(workspace).list()
    if as_json:
        print_json(
            [
                {
                    "name": entry.name,
                    "folder": entry.folder,
                    "tags": list(entry.tags),
                    "version": entry.version,
                    "updated": entry.updated.isoformat(),
                    "published_version": entry.published_version or None,
                    "is_active": entry.is_active,
                    "last_run_id": entry.last_run_id,
                    "last_run_status": entry.last_run_status,
                }
                for entry in entries
            ]
        )
        return COMPLETED
    rows = [
        (
            entry.name,
            entry.folder,
            " ".join(entry.tags),
            str(entry.version),
            f"{entry.updated.astimezone():%Y-%m-%d %H:%M}",
            entry.last_run_status or "",
        )
        for entry in entries
    ]
    columns = ("workflow", "folder", "tags", "version", "saved", "last run")
    print_table(columns, rows, empty="The library is empty. Fill it with: steploom workflows import FILE")
    return COMPLETED


@app.command("publish")
def publish(
    name: NameArgument,
    version: Annotated[int | None, typer.Option(help="An older version; the newest without one.")] = None,
) -> int:
    """Let the workflow's trigger run its newest version from now on. Editing goes on without disturbing that."""
    return asyncio.run(_publish(name, version))


async def _publish(name: str, version: int | None) -> int:
    from core.workspace import Workspace

    async with Workspace.open() as workspace:
        stands = await workspace.switches.publish(name, version)
    off = "" if stands.is_active else f" It is not active: steploom workflows activate {name!r}"
    error_console().print(f"Published version {stands.published}.{off}", soft_wrap=True, markup=False)
    return COMPLETED


@app.command("activate")
def activate(name: NameArgument) -> int:
    """Let the workflow's trigger start it. Publishes the newest version if none is published."""
    return asyncio.run(_activate(name))


async def _activate(name: str) -> int:
    from core.workspace import Workspace

    async with Workspace.open() as workspace:
        stands = await workspace.switches.activate(name)
        trigger = (await _library(workspace).get(name, stands.published)).workflow.trigger
    words = {
        "manual": "nothing starts it by itself: its trigger is manual.",
        "schedule": f"its times: steploom schedules next {name!r}",
        "message": "messages start it.",
        "api": f"calls start it: /hooks{trigger.options.get('path') or f'/id/{stands.workflow_id}'}",
    }
    text = f"Version {stands.published} is active; {words.get(trigger.type, '')}"
    error_console().print(text, soft_wrap=True, markup=False)
    return COMPLETED


@app.command("deactivate")
def deactivate(name: NameArgument) -> int:
    """Let the workflow's trigger start nothing any more. What runs goes on."""
    return asyncio.run(_deactivate(name))


async def _deactivate(name: str) -> int:
    from core.workspace import Workspace

    async with Workspace.open() as workspace:
        await workspace.switches.deactivate(name)
    error_console().print("It is not active any more.", soft_wrap=True)
    return COMPLETED


def _library(workspace: Workspace) -> Workflows:
    assert workspace.store is not None
    return workspace.store.workflows


async def _newest(library: Workflows, name: str) -> int:
    from core.store.errors import WorkflowNotFound

    try:
        return (await library.get(name)).version
    except WorkflowNotFound:
        return 0
