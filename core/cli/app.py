"""The tree of commands, and the one place where errors become words on the terminal."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from core.cli import (
    agents,
    chat,
    database,
    doctor,
    documents,
    keys,
    mcp,
    models,
    run,
    runs,
    schedules,
    serve,
    service,
    steps,
    tokens,
    watch,
    worker,
    workflows,
)
from core.cli.command_log import logged
from core.cli.exit_codes import BAD_USAGE, FAILED, SUSPENDED
from core.cli.refusal import Refusal
from core.cli.terminal import error_console, give_up_output
from core.engine.errors import EngineError, InputError, JournalUnavailable, RunNotFound, StepError
from core.workflow.problems import DocumentError, WorkflowError

app = typer.Typer(
    name="steploom",
    help="Draw AI workflows as graphs of steps; run, debug and reuse them on your own machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
app.command("run")(run.run)
app.command("sample")(run.sample)
app.command("chat")(chat.chat)
app.command("serve")(serve.serve)
app.command("worker")(worker.worker)
app.command("workers")(worker.workers)
app.command("validate")(documents.validate_files)
app.command("steps")(steps.steps)
app.command("models")(models.models)
app.command("doctor")(doctor.doctor)
runs.app.command("watch")(watch.watch)
app.add_typer(runs.app, name="runs")
app.add_typer(workflows.app, name="workflows")
app.add_typer(schedules.app, name="schedules")
app.add_typer(service.app, name="service")
app.add_typer(agents.app, name="agents")
app.add_typer(keys.app, name="keys")
app.add_typer(mcp.app, name="mcp")
app.add_typer(tokens.app, name="tokens")
app.add_typer(database.app, name="db")


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"steploom {version('steploom')}")
        raise typer.Exit


@app.callback()
def _root(
    _version_wanted: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


def run_app(arguments: list[str] | None = None) -> None:
    """Run the command line and end the process with its exit code. Expected errors are said in words."""
    sys.exit(run_command(arguments))


def run_command(arguments: list[str] | None = None) -> int:
    """Run one command; its exit code."""
    with logged():
        return _arrived(_run_command(arguments))


def _arrived(code: int) -> int:
    """The exit code once the output has arrived: at its own end Python would show how it failed, and not in words."""
    try:
        sys.stdout.flush()
    except OSError as error:
        give_up_output()
        return code or _tell(error)
    return code


def _run_command(arguments: list[str] | None) -> int:
    command: Any = typer.main.get_command(app)
    _word_help(command)
    try:
        outcome = command.main(args=arguments, prog_name="steploom", standalone_mode=False)
    except typer.Exit as wish:
        return wish.exit_code
    except typer.Abort:
        return 130
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        give_up_output()
        return FAILED
    except Exception as error:  # noqa: BLE001 - the last stop before a person; unexpected errors are logged, not shown
        return _tell(error)
    return outcome if isinstance(outcome, int) else 0


def _word_help(command: Any) -> None:
    """Have the help of a command and of those below it say `--demo` and `FILE`.

    Typer would say `--demo <bool>`, as though a value had to follow, `file <list[Path]>` of an argument, and that the
    default of what may be given several times is the class of lists.
    """
    for parameter in command.get_params(typer.Context(command)):
        if parameter.default is list:
            parameter.show_default = False
        if parameter.param_type_name == "argument":
            parameter.metavar = parameter.metavar or parameter.name.upper()
            parameter.display_type_rich = _no_type
        elif parameter.is_flag:
            parameter.metavar = ""
        elif parameter.multiple:
            parameter.metavar = parameter.metavar or "TEXT"
    for below in getattr(command, "commands", {}).values():
        _word_help(below)


def _no_type(ctx: typer.Context) -> None:
    """What an argument's value is, is said by its name and its help."""


def _tell(error: Exception) -> int:
    """Say an error in words on standard error; the exit code for it."""
    from core.settings import SettingsError
    from core.store.errors import AddressTaken, AgentNotFound, NameTaken, NotScheduled, WorkflowNotFound

    if isinstance(error, typer.TyperException):
        # Usage errors show themselves; the class that declares it is private to typer.
        show = getattr(error, "show", None)
        if show is not None:
            show()
            return BAD_USAGE
    console = error_console()
    wrong = DocumentError | InputError | Refusal | RunNotFound | SettingsError | WorkflowNotFound
    if isinstance(error, wrong | AddressTaken | AgentNotFound | NameTaken | NotScheduled):
        console.print(f"{error}{_how_to_give(error)}", markup=False, highlight=False, soft_wrap=True)
        return BAD_USAGE
    if isinstance(error, JournalUnavailable):
        console.print(str(error), markup=False, highlight=False, soft_wrap=True)
        return SUSPENDED
    if isinstance(error, EngineError | WorkflowError | StepError) or hasattr(error, "code"):
        console.print(str(error), markup=False, highlight=False, soft_wrap=True)
        return FAILED
    if isinstance(error, OSError):
        what = f"{error.filename}: " if error.filename else ""
        fix = "Check names, permissions and free space, then try again."
        console.print(f"{what}{error.strerror or error}. {fix}", markup=False, highlight=False, soft_wrap=True)
        return FAILED
    from core.cli.crash import keep_report

    report = keep_report(error)
    console.print(
        f"Steploom met an error it did not expect: {type(error).__name__}: {error}\n"
        f"The details are in {report}. Please report it.",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    return FAILED


def _how_to_give(error: Exception) -> str:
    """The options that give what inputs are missing, as they are typed, on a line of their own; else ''."""
    problems = error.problems if isinstance(error, InputError) else ()
    names = [problem.field.removeprefix("inputs.") for problem in problems if problem.code == "missing_input"]
    return f"\nGive them with: {' '.join(f'--input {name}=VALUE' for name in names)}" if names else ""
