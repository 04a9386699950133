"""`steploom run` and `steploom sample`: execute a workflow and show it."""

from __future__ import annotations

import asyncio
import json
import shlex
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from core.cli.exit_codes import COMPLETED, of_status
from core.cli.part_wish import PartWish
from core.cli.questions import answers_to
from core.cli.refusal import Refusal
from core.cli.terminal import error_console, give_up_output, print_json, print_outputs
from core.workflow.model import Json

if TYPE_CHECKING:
    from core.engine.engine import Run
    from core.engine.errors import EngineError
    from core.engine.journal import StepRecord
    from core.engine.lifecycle import RunResult
    from core.grants import Grant
    from core.workflow.problems import Problem
    from core.workspace import Found, Workspace

Show = Literal["text", "json", "events"]
"""What goes to standard output: the outputs as text, one JSON object, or every event as a JSON line."""

DemoOption = Annotated[bool, typer.Option("--demo", help="Use the offline demonstration model instead of a real one.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
ResultOption = Annotated[bool, typer.Option("--json", help="Print one JSON object when the run is over.")]
EventsOption = Annotated[bool, typer.Option("--events", help="Print every event as a line of JSON.")]
MemoryOption = Annotated[bool, typer.Option("--memory-only", help="Keep nothing in the database.")]
TimeoutOption = Annotated[str, typer.Option("--timeout", metavar="TIME", help="Longest time for the run: 30s, 5m, 1h.")]
ReadOption = Annotated[
    list[Path],
    typer.Option("--allow-read", metavar="DIR", help="A folder that the steps may read from.", default_factory=list),
]
WriteOption = Annotated[
    list[Path],
    typer.Option("--allow-write", metavar="DIR", help="A folder that the steps may write to.", default_factory=list),
]


def run(
    *,
    workflow: Annotated[str, typer.Argument(metavar="FILE|NAME", help="A document, or a workflow of the library.")],
    given: Annotated[
        list[str],
        typer.Option(
            "--input", "-i", metavar="NAME=VALUE", help="An input; NAME=@FILE reads a file.", default_factory=list
        ),
    ],
    inputs_file: Annotated[
        Path | None, typer.Option("--inputs", metavar="FILE", help="A JSON file with inputs.")
    ] = None,
    demo: DemoOption = False,
    as_json: ResultOption = False,
    events: EventsOption = False,
    memory_only: MemoryOption = False,
    timeout: TimeoutOption = "",
    allow_read: ReadOption,
    allow_write: WriteOption,
    queue: Annotated[bool, typer.Option("--queue", help="Leave it to a worker; print the run's id.")] = False,
    queue_name: Annotated[
        str, typer.Option("--queue-name", metavar="NAME", help="With --queue: which queue.")
    ] = "default",
    estimate: Annotated[bool, typer.Option("--estimate", help="Run nothing; tell what a run will cost.")] = False,
    priority: Annotated[int, typer.Option("--priority", help="With --queue: the higher, the sooner.")] = 0,
    step: Annotated[str, typer.Option("--step", metavar="STEP", help="Run that step alone.")] = "",
    to: Annotated[str, typer.Option("--to", metavar="STEP", help="Run what leads to that step, and the step.")] = "",
    from_: Annotated[
        str, typer.Option("--from", metavar="STEP", help="Run that step and all that follows it again.")
    ] = "",
    of: Annotated[
        str,
        typer.Option("--of", metavar="RUN", help="An earlier run, or last: its results are used where they hold."),
    ] = "",
    values: Annotated[
        list[str],
        typer.Option(
            "--value",
            metavar="NAME=TEXT|NAME:=JSON",
            help="What a step gives; with --step, what it reads.",
            default_factory=list,
        ),
    ],
) -> int:
    """Run a workflow, or a part of it, and show its steps as they run, or leave it to a worker.

    Exit codes: 0 completed, 1 failed, 2 bad document or usage, 3 suspended, 130 cancelled. Ctrl-C leaves a run
    that `steploom runs resume` goes on with.
    """
    if estimate:
        return asyncio.run(_estimate(workflow, as_json=as_json))
    inputs = read_inputs(given, inputs_file)
    wish = PartWish(step, to, from_, of, tuple(values))
    wish.check(memory_only=memory_only)
    if queue:
        if memory_only or events or timeout or allow_read or allow_write or not wish.is_whole:
            raise typer.BadParameter(
                "--queue goes with --input, --inputs, --demo, --json, --queue-name and --priority only: what steps may "
                "touch is said to the worker, the time a run may take in the workflow."
            )
        return asyncio.run(_enqueue(workflow, inputs, queue_name, priority, demo=demo, as_json=as_json))
    return asyncio.run(
        _run(
            workflow,
            inputs,
            show=shown(as_json, events),
            demo=demo,
            memory_only=memory_only,
            timeout=seconds(timeout),
            read=allow_read,
            write=allow_write,
            wish=wish,
        )
    )


async def _estimate(name: str, *, as_json: bool) -> int:
    """Print what a run of a workflow will cost."""
    from dataclasses import asdict

    from core.workspace import Workspace

    async with Workspace.open() as workspace:
        found = await workspace.find(name)
        known = await workspace.forecasts.of(found.workflow, fresh=True)
        words = await workspace.forecasts.words(found.workflow, found.origin)
    if as_json:
        print_json({"workflow": found.workflow.name, **(asdict(known) if known is not None else {"runs": 0})})
    else:
        typer.echo(words)
    return COMPLETED


def sample(
    folder: Annotated[
        Path | None, typer.Option("--folder", metavar="DIR", help="The folder to digest; the project's docs.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the report goes.")] = Path("out"),
    memory_only: MemoryOption = False,
) -> int:
    """Run the sample: a digest of a folder of documents, with the offline demonstration model."""
    from core.resources import example, project_docs

    source = (folder or project_docs()).resolve()
    target = out.resolve()
    target.mkdir(parents=True, exist_ok=True)
    report = target / "digest.md"
    inputs: dict[str, Json] = {"folder": str(source), "report": str(report)}
    code = asyncio.run(
        _run(
            str(example("document_digest")),
            inputs,
            show="text",
            demo=True,
            memory_only=memory_only,
            timeout=None,
            read=[source],
            write=[target],
        )
    )
    if code == COMPLETED:
        error_console().print(f"The report lies in {_short(report)}", markup=False, soft_wrap=True)
    return code


async def _run(
    name: str,
    inputs: Mapping[str, Json],
    *,
    show: Show,
    demo: bool,
    memory_only: bool,
    timeout: float | None,
    read: list[Path],
    write: list[Path],
    wish: PartWish | None = None,
) -> int:
    from core.cli.run_part import part_of_wish
    from core.engine.part import WHOLE
    from core.workspace import Workspace

    async with Workspace.open(demo=demo, memory_only=memory_only, grants=grants(read, write)) as workspace:
        found = await _found(workspace, name)
        if show == "text":
            _warn(workspace.validate(found.workflow))
        part = WHOLE
        if wish is not None and not wish.is_whole:
            part, inputs = await part_of_wish(workspace, found.workflow, wish, inputs)
        started = workspace.start(
            found.workflow, inputs, origin=found.origin, timeout=timeout, from_text=not part.only, part=part
        )
        return await follow(workspace, started, show, grant_flags(read, write))


def _warn(problems: Sequence[Problem]) -> None:
    """Say what is doubtful about a workflow, and keeps nobody from running it."""
    console = error_console()
    for problem in problems:
        if problem.severity == "warning":
            console.print(f"warning: {problem}", style="yellow", markup=False, soft_wrap=True)


async def _enqueue(
    name: str, inputs: Mapping[str, Json], queue: str, priority: int, *, demo: bool, as_json: bool
) -> int:
    from core.engine.errors import InputError
    from core.workflow.inputs import check_inputs
    from core.workspace import Workspace

    async with Workspace.open(demo=demo) as workspace:
        found = await _found(workspace, name)
        complete, problems = check_inputs(found.workflow, inputs, from_text=True)
        if problems:
            raise InputError(problems)
        run_id = await workspace.queue.enqueue(
            found.workflow, complete, queue=queue, priority=priority, origin=found.origin
        )
    if as_json:
        print_json({"run_id": run_id, "status": "queued"})
    else:
        typer.echo(run_id)
        error_console().print(f"A worker executes it. See: steploom runs watch {run_id}", soft_wrap=True, markup=False)
    return COMPLETED


async def _found(workspace: Workspace, name: str) -> Found:
    from core.engine.errors import StepError

    try:
        return await workspace.find(name)
    except StepError as error:
        raise Refusal(error.message) from None


async def follow(workspace: Workspace, started: Run, show: Show, flags: str = "") -> int:
    """Show a run until it is over; its exit code. flags: what a command that goes on with it needs again."""
    from core.cli.interrupts import cancelling_on_interrupt
    from core.cli.progress import Progress
    from core.engine.errors import JournalUnavailable
    from core.engine.events import Event, event_json
    from core.engine.journal import asking

    with ExitStack() as stack:
        if show == "text":
            titles = {step.id: step.name for _, step in started.workflow.walk()}
            progress = Progress(error_console(), workspace.types, workspace.clock, titles)
            started.listeners.append(stack.enter_context(progress))
        elif show == "events":

            def write_event(event: Event) -> None:
                try:
                    print_json(event_json(event))
                except BrokenPipeError:
                    give_up_output()
                    started.cancel("nobody read its events any more", resumable=True)

            started.listeners.append(write_event)
        stack.enter_context(cancelling_on_interrupt(started))
        try:
            async with _told_to_watchers(workspace):
                result = await started.result()
        except JournalUnavailable as error:
            if show == "json":
                print_json(_stopped_json(started, error))
            raise
    if show == "json":
        print_json(result_json(result))
    elif show == "text":
        if result.outputs:
            print_outputs(result.outputs)
        asked = asking(await workspace.steps(result.run_id)) if result.status == "suspended" else []
        _show_next_move(result, flags, kept=workspace.store is not None, asked=asked)
    return of_status(result.status)


def _told_to_watchers(workspace: Workspace) -> AbstractAsyncContextManager[None]:
    """While inside, those who watch a run elsewhere are told of it; a run that is not kept is seen nowhere else."""
    if workspace.store is None:
        return nullcontext()
    from core.service.run_teller import told_to_watchers

    return told_to_watchers(workspace)


def _show_next_move(result: RunResult, flags: str, *, kept: bool, asked: Sequence[StepRecord]) -> None:
    """kept: whether it can go on at all. asked: the steps that a person is to answer."""
    console = error_console()
    if result.status == "completed" or (result.status == "cancelled" and not result.resumable):
        return
    if not kept:
        console.print("Nothing of this run was kept (--memory-only), so it cannot go on.", soft_wrap=True)
        return
    if result.status == "suspended" and asked:
        question = asked[0].question
        assert question is not None
        place = f" --step {asked[0].path}" if len(asked) > 1 else ""
        console.print(f"See what it asks: steploom runs show {result.run_id}", soft_wrap=True)
        console.print(
            f"Answer {answers_to(question)}: steploom runs answer {result.run_id} "
            f"{'JSON' if question.schema is not None else 'CHOICE'}{place}{flags}",
            soft_wrap=True,
            markup=False,
        )
    elif result.status == "suspended" and result.wake_at is None:
        console.print(
            "It waits for runs that its steps have asked for; a worker goes on with it when they have ended. See: "
            f"steploom runs show {result.run_id}",
            soft_wrap=True,
        )
    elif result.status == "suspended":
        text = (
            "When that time has come, a worker goes on with it if one runs; or you do: "
            f"steploom runs resume {result.run_id}{flags}"
        )
        console.print(text, soft_wrap=True, markup=False)
    else:
        console.print(f"Go on with it: steploom runs resume {result.run_id}{flags}", soft_wrap=True, markup=False)


def grants(read: list[Path], write: list[Path]) -> list[Grant]:
    """What the options allow."""
    from core.grants import Grant

    return [Grant(path) for path in read] + [Grant(path, write=True) for path in write]


def grant_flags(read: list[Path], write: list[Path]) -> str:
    """The options that grant these folders, as they are typed: a run that goes on needs them again."""
    pairs = [("--allow-read", path) for path in read] + [("--allow-write", path) for path in write]
    return "".join(f" {flag} {shlex.quote(str(path))}" for flag, path in pairs)


def _short(path: Path) -> str:
    """The path from the working folder, if it lies in there."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def result_json(result: RunResult) -> dict[str, Json]:
    """A run's end as the JSON object that `--json` prints."""
    return {
        "run_id": result.run_id,
        "workflow": result.workflow,
        "status": result.status,
        "outputs": dict(result.outputs) if result.outputs is not None else None,
        "error": {"step": result.error_path, **result.error.as_json()} if result.error else None,
        "tokens": result.usage.tokens,
        "cost_usd": result.usage.cost_usd,
        "duration_s": result.duration_s,
        "waiting": list(result.waiting),
        "wake_at": result.wake_at.isoformat() if result.wake_at else None,
    }


def _stopped_json(started: Run, error: EngineError) -> dict[str, Json]:
    """The same object for a run whose end could not be written down."""
    from core.engine.events import ErrorInfo
    from core.engine.lifecycle import RunResult

    result = RunResult(started.id, started.workflow.name, "suspended", error=ErrorInfo(error.code, str(error)))
    return result_json(result)


def read_inputs(given: list[str], file: Path | None) -> dict[str, Json]:
    """The inputs of the command line over those of a file. Raises Refusal or typer.BadParameter."""
    inputs: dict[str, Json] = {}
    if file is not None:
        try:
            value = json.loads(file.read_text(encoding="utf-8"))
        except OSError as error:
            raise Refusal(f"--inputs: {file} cannot be read: {error.strerror or error}.") from None
        except ValueError as error:
            raise Refusal(f"--inputs: {file} is no JSON: {error}.") from None
        if not isinstance(value, dict):
            raise Refusal(f"--inputs: {file} must hold a JSON object of inputs by name.")
        inputs.update(value)
    for item in given:
        name, equals, text = item.partition("=")
        if not equals or not name:
            raise typer.BadParameter(f"--input {item!r} is not of the form NAME=VALUE.")
        inputs[name] = _file_text(name, text[1:]) if text.startswith("@") and text[1:2] != "@" else _unescaped(text)
    return inputs


def _file_text(name: str, file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise Refusal(f"--input {name}: {file} cannot be read: {error.strerror or error}.") from None
    except ValueError:
        raise Refusal(f"--input {name}: {file} is no UTF-8 text.") from None


def _unescaped(text: str) -> str:
    return text[1:] if text.startswith("@@") else text


def shown(as_json: bool, events: bool) -> Show:
    """What goes to standard output. Raises typer.BadParameter if both are wanted."""
    if as_json and events:
        raise typer.BadParameter("Choose --json or --events, not both.")
    return "json" if as_json else "events" if events else "text"


def seconds(text: str) -> float | None:
    """The option's duration. Raises typer.BadParameter."""
    from core.workflow.durations import parse_duration

    if not text:
        return None
    try:
        found = parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(f"--timeout: {error}") from None
    if found <= 0:
        raise typer.BadParameter(f"--timeout {text} leaves no time to run. Give a longer one, such as 60s.")
    return found
