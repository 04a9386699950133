"""`steploom worker` and `steploom workers`: execute queued runs, and see who does."""

from __future__ import annotations

import asyncio
import gc
import shlex
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.exit_codes import COMPLETED
from core.cli.run import DemoOption, JsonOption, ReadOption, WriteOption, grants
from core.cli.terminal import error_console, print_json, print_table

if TYPE_CHECKING:
    from core.grants import Grant
    from core.store.workers import WorkerFacts


def worker(
    *,
    concurrency: Annotated[
        int, typer.Option("--concurrency", min=0, max=1000, help="Runs at the same time; 0 for the settings'.")
    ] = 0,
    queues: Annotated[str, typer.Option("--queues", metavar="A,B", help="Queues to take from; all by default.")] = "",
    grace: Annotated[
        str, typer.Option("--grace", help="Time that runs have to finish when it is stopped: 30s, 5m.")
    ] = "",
    demo: DemoOption = False,
    log_json: Annotated[bool, typer.Option("--log-json", help="Write the log as lines of JSON.")] = False,
    allow_read: ReadOption,
    allow_write: WriteOption,
) -> int:
    """Execute queued runs until it is stopped (Ctrl-C, SIGTERM).

    Any number of workers may do so, on any machine with the same STEPLOOM_DATABASE_URL. Stopped, it lets its runs
    finish for a while and hands the rest over to other workers.
    """
    names = [name.strip() for name in queues.split(",") if name.strip()] or None
    seconds = _grace(grace)
    return asyncio.run(_work(concurrency or None, names, seconds, demo, log_json, grants(allow_read, allow_write)))


async def _work(
    concurrency: int | None,
    queues: list[str] | None,
    grace_s: float | None,
    demo: bool,
    log_json: bool,
    granted: list[Grant],
) -> int:
    from core.cli.interrupts import on_interrupt
    from core.monitoring.logs import log_to
    from core.service.worker import Worker
    from core.workspace import Workspace

    async with Workspace.open(demo=demo, grants=granted) as workspace:
        stop_log = log_to(sys.stderr, as_json=log_json, mask=workspace.secrets.mask)
        try:
            working = Worker(workspace, concurrency=concurrency, queues=queues, grace_s=grace_s)
            facts = working.facts
            error_console().print(
                f"Executing up to {facts.concurrency} runs at once from "
                f"{', '.join(facts.queues) or 'all queues'}. Ctrl-C stops it.",
                soft_wrap=True, markup=False,
            )  # fmt: skip
            gc.freeze()  # what stands to the end: a search for garbage in it would hold every run up

            def stop(reason: str) -> None:
                if working.is_stopping:
                    working.hurry()
                    return
                working.stop(reason)
                if number := len(working.running):
                    error_console().print(_last_runs(number, working.grace_s), soft_wrap=True, markup=False)

            with on_interrupt(stop), on_interrupt(stop):  # the second is heard as well, the third acts as ever
                await working.run()
        finally:
            stop_log()
    return COMPLETED


def _last_runs(number: int, grace_s: float) -> str:
    """What becomes of the runs of a worker that was asked to stop."""
    from core.cli.wording import duration

    runs = "1 run has" if number == 1 else f"{number} runs have"
    return (
        f"{runs} {duration(grace_s)} to finish, then other workers go on with what is left. "
        "Stop it once more to hand over at once."
    )


def workers(as_json: JsonOption = False) -> int:
    """The workers that execute queued runs, and what waits for them."""
    return asyncio.run(_workers(as_json))


async def _workers(as_json: bool) -> int:
    from core.cli.wording import duration
    from core.workspace import Workspace

    async with Workspace.open() as workspace:
        assert workspace.store is not None
        found = await workspace.store.workers.list()
        depth = await workspace.queue.depth()
        lost_after = workspace.settings.workers.lost_after_s
    if as_json:
        print_json(
            {
                "workers": [
                    {
                        "id": str(each.id), "host": each.host, "pid": each.pid, "version": each.version,
                        "queues": list(each.queues), "concurrency": each.concurrency, "running": each.running,
                        "silent_s": round(each.silent_s, 3), "alive": each.silent_s <= lost_after,
                    }
                    for each in found
                ],
                "queues": {
                    name: {"waiting": number, "oldest_s": round(age, 3)} for name, (number, age) in depth.items()
                },
            }
        )  # fmt: skip
        return COMPLETED
    rows = [
        (
            each.host, str(each.pid), each.version, ", ".join(each.queues) or "all",
            f"{each.running} of {each.concurrency}",
            "yes" if each.silent_s <= lost_after else f"silent for {duration(each.silent_s)}",
        )
        for each in found
    ]  # fmt: skip
    print_table(
        ("machine", "process", "version", "queues", "running", "alive"), rows,
        empty="No worker runs. Start one with: steploom worker",
    )  # fmt: skip
    for name, (number, age) in sorted(depth.items()):
        command = to_start(name, found, lost_after) if rows else ""
        nobody = f"; no worker that is alive takes from it: {command}" if command else ""
        typer.echo(f"{number} waiting in {name}, the oldest for {duration(age)}{nobody}")
    return COMPLETED


def to_start(queue: str, workers: Sequence[WorkerFacts], lost_after: float) -> str:
    """How to start a worker for a queue; '' if one that is alive takes from it."""
    alive = [each for each in workers if each.silent_s <= lost_after]
    if any(not each.queues or queue in each.queues for each in alive):
        return ""
    return f"steploom worker --queues {shlex.quote(queue)}" if alive else "steploom worker"


def _grace(text: str) -> float | None:
    from core.workflow.durations import parse_duration

    if not text:
        return None
    try:
        found = parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(f"--grace: {error}") from None
    if found < 0:
        raise typer.BadParameter("--grace cannot be negative.")
    return found
