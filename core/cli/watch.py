"""`steploom runs watch`: a run that somebody else executes, as if this command did."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack, aclosing
from typing import TYPE_CHECKING

from core.cli.exit_codes import CANCELLED, of_status
from core.cli.run import EventsOption
from core.cli.runs import RunArgument, resolve
from core.cli.terminal import error_console, print_json, print_outputs

if TYPE_CHECKING:
    from core.engine.events import Event
    from core.engine.journal import RunRecord
    from core.workspace import Workspace


def watch(run: RunArgument, events: EventsOption = False) -> int:
    """Watch a run that a worker or another program executes, until it ends or asks somebody. Ctrl-C leaves it alone."""
    return asyncio.run(_watch(run, as_events=events))


async def _watch(wanted: str, *, as_events: bool) -> int:
    from core.cli.interrupts import on_interrupt
    from core.workspace import Workspace

    async with Workspace.open() as workspace:
        run_id = await resolve(workspace, wanted)
        with ExitStack() as stack:
            begun = await workspace.journal.run(run_id)
            show = _shown(workspace, begun, stack, as_events=as_events)
            following = asyncio.create_task(_follow(workspace, run_id, show, goes_on=not begun.interrupted))

            def leave(_reason: str) -> None:
                following.cancel()

            with on_interrupt(leave):
                try:
                    await following
                except asyncio.CancelledError:
                    error_console().print(f"The run goes on. Watch it again: steploom runs watch {run_id}")
                    return CANCELLED
        run = await workspace.journal.run(run_id)
    if not as_events:
        _tell_end(run)
    return of_status(run.status)


async def _follow(workspace: Workspace, run_id: str, show: Callable[[Event], None], *, goes_on: bool) -> None:
    from core.engine.events import RunSuspended

    async with aclosing(workspace.follow(run_id, goes_on=goes_on)) as events:
        async for event in events:
            show(event)
            if isinstance(event, RunSuspended):
                return


def _shown(workspace: Workspace, run: RunRecord, stack: ExitStack, *, as_events: bool) -> Callable[[Event], None]:
    """What shows events: as lines of JSON, or as a person sees a run."""
    from core.cli.progress import Progress
    from core.engine.events import event_json

    if as_events:
        return lambda event: print_json(event_json(event))
    if run.status == "queued":
        error_console().print("It waits for a worker.", soft_wrap=True)
    titles = {step.id: step.name for _, step in run.workflow.walk()}
    return stack.enter_context(Progress(error_console(), workspace.types, workspace.clock, titles))


def _tell_end(run: RunRecord) -> None:
    if run.outputs:
        print_outputs(run.outputs)
    if run.status == "suspended":
        text = f"See what it waits for: steploom runs show {run.id}"
        error_console().print(text, soft_wrap=True, markup=False)
    elif run.interrupted:
        text = f"Its process died. Go on with it: steploom runs resume {run.id}"
        error_console().print(text, soft_wrap=True, markup=False)
