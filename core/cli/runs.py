"""`steploom runs`: what ran, what waits, and going on with it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.exit_codes import COMPLETED
from core.cli.questions import answers_to
from core.cli.refusal import Refusal
from core.cli.run import (
    EventsOption,
    JsonOption,
    ReadOption,
    ResultOption,
    Show,
    TimeoutOption,
    WriteOption,
    follow,
    grant_flags,
    grants,
    seconds,
    shown,
)
from core.cli.terminal import error_console, is_narrow, print_json, print_table
from core.cli.times import TIMES, moment
from core.workflow.model import Json

if TYPE_CHECKING:
    from core.engine.journal import RunRecord, RunStanding, StepRecord
    from core.store.spread_family import Member
    from core.workspace import Workspace

app = typer.Typer(no_args_is_help=True, help="List, show, resume, answer and cancel runs.")

CANCEL_LOOKS = 20
"""Looks at whether a worker has cancelled a run, a tenth of a second apart: it is to be so within two seconds."""

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="The run's id, or the beginning or end of it; `last`.")]


@app.command("list")
def list_runs(
    status: Annotated[str, typer.Option(help="Only runs that stand so: running, interrupted, suspended, ...")] = "",
    workflow: Annotated[str, typer.Option(help="Only runs of that workflow.")] = "",
    since: Annotated[str, typer.Option(metavar="TIME", help=f"Only runs from then on: {TIMES}.")] = "",
    until: Annotated[str, typer.Option(metavar="TIME", help="Only runs from before then.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
    as_json: JsonOption = False,
) -> int:
    """The newest runs first."""
    return asyncio.run(_list(_status(status), workflow or None, since, until, limit, as_json))


async def _list(
    status: RunStanding | None, workflow: str | None, since: str, until: str, limit: int, as_json: bool
) -> int:
    from core.cli.wording import duration, standing
    from core.workspace import Workspace

    async with Workspace.open() as workspace:
        now = workspace.clock.now()
        found = await workspace.journal.runs(
            status=status, workflow=workflow, since=moment(since, "--since", now), until=moment(until, "--until", now),
            limit=limit,
        )  # fmt: skip
        handed_over = await workspace.store.queued_runs.handed_over() if workspace.store is not None else ()
    if as_json:
        print_json([_run_json(run) for run in found])
        return COMPLETED
    narrow = is_narrow()
    when = "%m-%d %H:%M" if narrow else "%Y-%m-%d %H:%M:%S"
    rows = [
        (
            run.id[-8:] if narrow else run.id,  # its end names a run as well
            run.workflow.name,
            "handed over" if run.id in handed_over else standing(run),
            f"{run.created.astimezone():{when}}",
            duration(run.duration_s) if run.duration_s else "",
            f"{run.usage.tokens:,}" if run.usage.tokens else "",
            f"${run.usage.cost_usd:.4f}" if run.usage.cost_usd else "",
        )
        for run in found
    ]
    columns = ("run", "workflow", "status", "started", "took", "tokens", "cost")
    is_filtered = status is not None or workflow is not None or since or until
    empty = "No such runs." if is_filtered else "No runs yet. Start one with: steploom run FILE"
    print_table(columns, rows, empty=empty, whole=("run", "status", "started", "took"))
    return COMPLETED


@app.command("show")
def show(
    run: RunArgument,
    files: Annotated[
        Path | None,
        typer.Option("--files", metavar="DIR", help="Write the files that its steps made into this folder."),
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """One run: its steps, what they took and gave, what it waits for."""
    return asyncio.run(_show(run, files, as_json))


async def _show(wanted: str, files: Path | None, as_json: bool) -> int:
    from core.cli.run_files import write_files
    from core.cli.run_report import print_run
    from core.engine.part import part_json
    from core.workspace import Workspace

    async with Workspace.open() as workspace:
        run_id = await resolve(workspace, wanted)
        run, steps = await workspace.journal.run(run_id), await workspace.journal.steps(run_id)
        waits_for = await workspace.queue.waits_for(run_id)
        below = await workspace.store.spread_runs.below(run_id) if workspace.store is not None else ()
        if as_json:
            runs: list[Json] = [_below_json(member) for member in below if member.parent_id == run_id]
            facts: dict[str, Json] = {"part": part_json(run.part), "waits_for": waits_for or None, "runs": runs}
            print_json(_run_json(run) | facts | {"steps": [_step_json(step) for step in steps]})
        else:
            lack = f"It waits for a worker that can execute it: {waits_for}" if waits_for else ""
            where = lack or await _waiting_place(workspace, run)
            print_run(run, steps, workspace.types, workspace.clock.now(), where, below)
        if files is not None:
            assert workspace.store is not None
            written = await write_files(steps, workspace.store.blobs, files)
            for path in written:
                error_console().print(f"Wrote {path}", soft_wrap=True, markup=False)
            if not written:
                error_console().print("Its steps made no files.")
    return COMPLETED


async def _waiting_place(workspace: Workspace, run: RunRecord) -> str:
    """Where a run waits in the queue, and what for; '' for one that does not."""
    from core.cli.worker import to_start

    known = await workspace.store.queued_runs.get(run.id) if workspace.store is not None else None
    if run.status not in ("queued", "cancelled") or known is None or not known.wanted or workspace.store is None:
        return ""
    place = known.place
    text = "" if run.status == "queued" else "Its worker was stopped; another one goes on with it. "
    text += f"It waits in the queue {place.queue}"
    if place.key_limit:
        text += f"; {_at_once(place.key_limit)} with the key {place.limit_key!r}"
    if place.workflow_limit:
        text += f"; {_at_once(place.workflow_limit)} of its workflow"
    alive = await workspace.store.workers.list()
    command = to_start(place.queue, alive, workspace.settings.workers.lost_after_s)
    return f"{text}. No worker that is alive takes from it; start one: {command}" if command else f"{text}."


def _at_once(number: int) -> str:
    return f"{number} {'run' if number == 1 else 'runs'} may be executed at the same time"


@app.command("resume")
def resume(
    *,
    run: RunArgument,
    as_json: ResultOption = False,
    events: EventsOption = False,
    timeout: TimeoutOption = "",
    allow_read: ReadOption,
    allow_write: WriteOption,
) -> int:
    """Go on with a run that was suspended, interrupted, failed or cancelled by Ctrl-C. Completed steps stay."""
    return asyncio.run(_resume(run, as_json, events, seconds(timeout), allow_read, allow_write))


async def _resume(
    wanted: str, as_json: bool, events: bool, timeout: float | None, read: list[Path], write: list[Path]
) -> int:
    from core.workspace import Workspace

    show = shown(as_json, events)
    async with Workspace.open(grants=grants(read, write)) as workspace:
        started = await workspace.resume(await resolve(workspace, wanted), timeout=timeout)
        return await follow(workspace, started, show, grant_flags(read, write))


@app.command("answer")
def answer(
    *,
    run: RunArgument,
    reply: Annotated[
        str,
        typer.Argument(metavar="CHOICE|JSON", help="A choice, or a JSON object for a form; without one it is said."),
    ] = "",
    step: Annotated[str, typer.Option(help="Which waiting step, if there are several: its scope path.")] = "",
    comment: Annotated[str, typer.Option(help="A comment to go with a choice.")] = "",
    go_on: Annotated[bool, typer.Option("--resume/--no-resume", help="Go on with the run at once.")] = True,
    as_json: ResultOption = False,
    events: EventsOption = False,
    allow_read: ReadOption,
    allow_write: WriteOption,
) -> int:
    """Answer what a run asks, and go on with it."""
    show = shown(as_json, events)
    return asyncio.run(_answer(run, reply, step, comment, show if go_on else None, allow_read, allow_write))


async def _answer(
    wanted: str, reply: str, path: str, comment: str, show: Show | None, read: list[Path], write: list[Path]
) -> int:
    """show: how to go on with the run, None to leave that to later."""
    from core.workspace import Workspace

    async with Workspace.open(grants=grants(read, write)) as workspace:
        run_id = await resolve(workspace, wanted)
        step = _asking(run_id, await workspace.journal.steps(run_id), path)
        await workspace.journal.answer(run_id, step.path, _reply(step, reply, comment))
        flags = grant_flags(read, write)
        if show is None and await _left_to_workers(workspace, run_id):
            error_console().print("Answered. A worker goes on with it.", soft_wrap=True)
            return COMPLETED
        if show is None:
            text = f"Answered. Go on with: steploom runs resume {run_id}{flags}"
            error_console().print(text, soft_wrap=True, markup=False)
            return COMPLETED
        return await follow(workspace, await workspace.resume(run_id), show, flags)


async def _left_to_workers(workspace: Workspace, run_id: str) -> bool:
    """Wake a worker, if the run is one that workers execute."""
    if workspace.store is None or await workspace.store.queued_runs.get(run_id) is None:
        return False
    return await workspace.queue.wake(run_id)


def _asking(run_id: str, steps: Sequence[StepRecord], path: str) -> StepRecord:
    """The step that asks: the one of that path, or the only one. Raises Refusal."""
    from core.engine.journal import asking

    asked = asking(steps)
    found = [step for step in asked if step.path == path] if path else asked
    if len(found) == 1:
        return found[0]
    if not asked:
        raise Refusal(f"No step of the run {run_id} asks anything.")
    named = ", ".join(step.path for step in asked)
    reason = f"no step asks at {path!r}" if path else "several steps ask"
    raise Refusal(f"The run {run_id} was not answered: {reason}. Name one with --step: {named}.")


def _reply(step: StepRecord, reply: str, comment: str) -> dict[str, Json]:
    from core.workflow.schemas import value_flaw

    question = step.question
    assert question is not None
    if not reply:
        raise Refusal(f"{question.message.strip()}\n{step.path} asks this. Answer {answers_to(question)}.")
    if question.schema is not None:
        try:
            form: Json = json.loads(reply)
        except ValueError:
            raise Refusal(f"The step asks for a form: give {answers_to(question)}.") from None
        if flaw := value_flaw(form, question.schema):
            raise Refusal(f"The form was not taken: {flaw} Fill it in again.")
        return {"form": form, "comment": comment}
    if reply not in question.choices:
        raise Refusal(f"{reply!r} is not one of the choices: {', '.join(question.choices)}.")
    return {"choice": reply, "comment": comment}


@app.command("cancel")
def cancel(run: RunArgument) -> int:
    """End a run for good that waits or was interrupted."""
    return asyncio.run(_cancel(run))


async def _cancel(wanted: str) -> int:
    from core.workspace import Workspace

    async with Workspace.open() as workspace:
        run_id = await resolve(workspace, wanted)
        await workspace.queue.cancel(run_id)
        if await _is_cancelled(workspace, run_id):
            text = f"Cancelled {run_id}."
        else:
            text = f"Its worker was asked to cancel {run_id} and has not done so yet. See: steploom runs show {run_id}"
        error_console().print(text, soft_wrap=True, highlight=False)
    return COMPLETED


async def _is_cancelled(workspace: Workspace, run_id: str) -> bool:
    """Whether it has ended, or does so in the time that a worker needs that is alive."""
    for _ in range(CANCEL_LOOKS):
        if (await workspace.journal.run(run_id)).status == "cancelled":
            return True
        await asyncio.sleep(0.1)
    return False


@app.command("unpark")
def unpark(run: RunArgument) -> int:
    """Let workers take a run again that was parked because workers were lost over it."""
    return asyncio.run(_unpark(run))


async def _unpark(wanted: str) -> int:
    from core.workspace import Workspace

    async with Workspace.open() as workspace:
        run_id = await resolve(workspace, wanted)
        await workspace.journal.run(run_id)
        assert workspace.store is not None
        known = await workspace.store.queued_runs.get(run_id)
        if known is None or not known.parked:
            raise Refusal(f"The run {run_id} is not parked.")
        await workspace.store.queued_runs.unpark(run_id)
        error_console().print(f"Workers take {run_id} again.", soft_wrap=True)
    return COMPLETED


async def resolve(workspace: Workspace, wanted: str) -> str:
    """The full id of a run named by a part of it, or by `last`. Raises Refusal if that is not one run."""
    if len(wanted) == 36:
        return wanted
    found = await workspace.journal.runs(limit=1 if wanted == "last" else 1000)
    if wanted == "last" and found:
        return found[0].id
    matches = [run.id for run in found if run.id.startswith(wanted) or run.id.endswith(wanted)]
    if len(matches) == 1:
        return matches[0]
    problem = f"{len(matches)} runs match {wanted!r}" if matches else f"There is no run {wanted!r}"
    raise Refusal(f"{problem}. `steploom runs list` shows the runs there are.")


def _status(text: str) -> RunStanding | None:
    known: tuple[RunStanding, ...] = (
        "queued", "running", "interrupted", "suspended", "completed", "failed", "cancelled",
    )  # fmt: skip
    if not text:
        return None
    for status in known:
        if status == text:
            return status
    raise typer.BadParameter(f"--status {text!r} is not one of {', '.join(known)}.")


def _run_json(run: RunRecord) -> dict[str, Json]:
    return {
        "run_id": run.id,
        "workflow": run.workflow.name,
        "status": run.standing,
        "created": run.created.isoformat(),
        "ended": run.ended.isoformat() if run.ended else None,
        "inputs": dict(run.inputs),
        "outputs": dict(run.outputs) if run.outputs is not None else None,
        "error": {"step": run.error_path, **run.error.as_json()} if run.error else None,
        "tokens": run.usage.tokens,
        "cost_usd": run.usage.cost_usd,
        "duration_s": run.duration_s,
        "wake_at": run.wake_at.isoformat() if run.wake_at else None,
    }


def _below_json(member: Member) -> dict[str, Json]:
    return {"run_id": member.run_id, "step": member.path, "number": member.number, "status": member.status}


def _step_json(step: StepRecord) -> dict[str, Json]:
    return {
        "run_id": step.run_id,
        "path": step.path,
        "attempt": step.attempt,
        "status": step.status,
        "type": step.type,
        "cause": step.cause,
        "inputs": dict(step.inputs),
        "request": dict(step.request) if step.request is not None else None,
        "output": dict(step.output) if step.output is not None else None,
        "ports": list(step.ports),
        "error": step.error.as_json() if step.error else None,
        "tokens": step.usage.tokens,
        "cost_usd": step.usage.cost_usd,
        "duration_s": step.duration_s,
        "question": step.question.message if step.question else None,
        "choices": list(step.question.choices) if step.question else None,
        "answer": dict(step.answer) if step.answer is not None else None,
    }
