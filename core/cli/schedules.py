"""`steploom schedules`: when active workflows come and came, pausing them and going on."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.exit_codes import COMPLETED
from core.cli.refusal import Refusal
from core.cli.run import JsonOption
from core.cli.terminal import error_console, print_json, print_table

if TYPE_CHECKING:
    from core.workflow.model import Workflow
    from core.workflow.triggers import Schedule

app = typer.Typer(
    no_args_is_help=True, help="The schedules of active workflows: when they come and came, pausing and resuming them."
)

NameArgument = Annotated[str, typer.Argument(metavar="WORKFLOW", help="The workflow's name.")]


@app.command("list")
def list_schedules(as_json: JsonOption = False) -> int:
    """The schedules at work, the next one first."""
    return asyncio.run(_list(as_json))


async def _list(as_json: bool) -> int:
    from core.workspace import Workspace

    async with Workspace.open() as workspace:
        found = await workspace.switches.schedules()
    if as_json:
        print_json(
            [
                {
                    "workflow": one.name,
                    "version": one.active.version,
                    "next_at": one.next_at.isoformat() if one.next_at and not one.paused else None,
                    "zone": one.schedule.zone,
                    "paused": one.paused,
                    "last_at": one.last_at.isoformat() if one.last_at else None,
                    "last_run_id": one.last_run_id,
                    "last_run_status": one.last_status,
                    "outcome": one.outcome,
                    "problem": one.problem,
                }
                for one in found
            ]
        )
        return COMPLETED
    rows = [
        (
            one.name,
            _when(one.schedule) if not one.problem else "unreadable",
            "paused" if one.paused else _local(one.next_at, one.schedule) or "never",
            _local(one.last_at, one.schedule),
            one.last_status or "",
            f"failed: {one.problem}" if one.problem else one.outcome,
        )
        for one in found
    ]
    empty = "No schedule is at work. Switch a workflow on with: steploom workflows activate NAME"
    print_table(("workflow", "schedule", "next", "last", "run", "outcome"), rows, empty=empty)
    return COMPLETED


@app.command("pause")
def pause(name: NameArgument) -> int:
    """Let a schedule's times pass until it is resumed. Runs that it started go on."""
    return asyncio.run(_pause(name))


async def _pause(name: str) -> int:
    from core.workspace import Workspace

    async with Workspace.open() as workspace:
        await workspace.switches.pause(name)
    error_console().print(f"Paused. Go on with: steploom schedules resume {name!r}", soft_wrap=True, markup=False)
    return COMPLETED


@app.command("resume")
def resume(name: NameArgument) -> int:
    """Let a schedule go on with its next time; times meanwhile do not count as missed."""
    return asyncio.run(_resume(name))


async def _resume(name: str) -> int:
    from core.workspace import Workspace

    async with Workspace.open() as workspace:
        resumed = await workspace.switches.resume(name)
    shown = _local(resumed.next_at, resumed.schedule)
    error_console().print(f"It comes next at {shown}." if shown else "It comes no more.", soft_wrap=True)
    return COMPLETED


@app.command("next")
def next_(
    name: Annotated[str, typer.Argument(metavar="WORKFLOW|FILE", help="A workflow's name, or its file.")],
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=1000, help="How many.")] = 5,
    as_json: JsonOption = False,
) -> int:
    """The next times of a workflow's schedule, published or not, in its time zone."""
    return asyncio.run(_next(name, count, as_json))


async def _next(name: str, count: int, as_json: bool) -> int:
    from core.workflow.schedule_times import next_times
    from core.workflow.triggers import Schedule, read_trigger
    from core.workspace import Workspace

    async with Workspace.open() as workspace:
        options, problems = read_trigger((await workspace.find(name)).workflow.trigger)
        if problems and any(problem.severity == "error" for problem in problems):
            raise Refusal("\n".join(map(str, problems)))
        if not isinstance(options, Schedule):
            raise Refusal(f"{name!r} has no schedule: the type of its trigger is another.")
        times = next_times(options, workspace.clock.now(), count)
    if as_json:
        print_json([time.astimezone(options.place).isoformat() for time in times])
    for time in times if not as_json else ():
        typer.echo(f"{time.astimezone(options.place):%a %Y-%m-%d %H:%M:%S %Z}")
    if not times:
        error_console().print("It comes no more.")
    return COMPLETED


@app.command("past")
def past(
    name: NameArgument,
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=500, help="How many.")] = 20,
    as_json: JsonOption = False,
) -> int:
    """The times of a workflow's schedule that came, the latest first, and what became of each."""
    return asyncio.run(_past(name, count, as_json))


async def _past(name: str, count: int, as_json: bool) -> int:
    from core.workspace import Workspace

    async with Workspace.open() as workspace:
        found = await workspace.switches.past(name, count)
        assert workspace.store is not None
        workflow = (await workspace.store.workflows.get(name)).workflow
    if as_json:
        print_json(
            [
                {
                    "at": one.at.isoformat(),
                    "noticed_at": one.noticed.isoformat(),
                    "outcome": one.outcome,
                    "run_id": one.run_id,
                    "run_status": one.status,
                    "run_ended_at": one.ended.isoformat() if one.ended else None,
                }
                for one in found
            ]
        )
        return COMPLETED
    place = _place(workflow)
    rows = [
        (
            f"{one.at.astimezone(place):%Y-%m-%d %H:%M:%S %Z}",
            f"{one.noticed.astimezone(place):%Y-%m-%d %H:%M:%S}",
            one.outcome,
            one.run_id,
            one.status or ("not kept any more" if one.run_id else ""),
        )
        for one in found
    ]
    print_table(("time", "noticed", "outcome", "run", "state"), rows, empty="None of its times has come yet.")
    return COMPLETED


def _place(workflow: Workflow) -> tzinfo:
    """The time zone of a workflow's schedule; UTC for one that has none any more."""
    from core.workflow.triggers import Schedule, read_trigger

    options, _ = read_trigger(workflow.trigger)
    return options.place if isinstance(options, Schedule) else UTC


def _when(schedule: Schedule) -> str:
    from core.workflow.durations import format_duration

    if schedule.every is not None:
        return f"every {format_duration(schedule.every)}"
    return schedule.cron or f"at {_local(schedule.at, schedule)}"


def _local(time: datetime | None, schedule: Schedule) -> str:
    return f"{time.astimezone(schedule.place):%Y-%m-%d %H:%M %Z}" if time is not None else ""
