"""`steploom service`: the same service as `steploom serve`, in the background, with or without systemd."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.exit_codes import COMPLETED, FAILED
from core.cli.refusal import Refusal
from core.cli.run import DemoOption, JsonOption
from core.cli.terminal import error_console, print_json

if TYPE_CHECKING:
    from core.service.control import ServiceControl, ServiceState

app = typer.Typer(
    no_args_is_help=True, help="Start, stop and watch `steploom serve` in the background; hand it to systemd."
)

_GRACE_S = 30.0
"""Seconds beyond the time of the settings that a service has to end."""


@app.command("start")
def start(demo: DemoOption = False) -> int:
    """Start the service and wait until it listens. It goes on when the terminal is closed."""
    return _settle(_control().start(is_demo=demo))


@app.command("stop")
def stop(
    now: Annotated[bool, typer.Option("--now", help="End it at once; its runs are gone on with later.")] = False,
) -> int:
    """Stop the service: what it executes is finished, or handed over after the time of the settings."""
    control = _control()
    return _settle(control.end_now() if now else control.stop(_patience()))


@app.command("restart")
def restart(demo: DemoOption = False) -> int:
    """Stop the service and start it again, for example after settings were changed."""

    async def work() -> ServiceState:
        control = _control()
        state = await control.stop(_patience())
        return state if state.is_up else await control.start(is_demo=demo)

    return _settle(work())


@app.command("status")
def status(as_json: JsonOption = False) -> int:
    """Whether the service runs, and where; exit code 1 if it does not."""
    control = _control()
    state = asyncio.run(control.look())
    if not as_json:
        _tell(state)
    else:
        here = state.presence
        print_json(
            {
                "state": state.kind, "address": state.address or None,
                "pid": here.process.pid if here is not None else None,
                "started": here.started.isoformat() if here is not None else None,
                "version": here.version if here is not None else None,
                "keeper": here.keeper if here is not None else None,
                "demo": here.is_demo if here is not None else False,
                "problem": state.problem, "log": str(control.log), "installed": control.unit.is_installed,
            }
        )  # fmt: skip
    return COMPLETED if state.kind == "running" else FAILED


@app.command("install")
def install(demo: DemoOption = False) -> int:
    """Let systemd start the service when you sign in, and again when it fails; start it now if it does not run."""
    control = _control()
    control.install_unit(is_demo=demo)
    error_console().print(f"Installed {control.unit.file}. Its log: journalctl --user -u steploom", soft_wrap=True)
    return _settle(control.start(is_demo=demo))


@app.command("uninstall")
def uninstall() -> int:
    """Let systemd start the service no more; it is stopped."""
    unit = _control().unit
    if not unit.file.exists():
        raise Refusal(f"There is no {unit.file}, so there is nothing to uninstall.")
    unit.uninstall()
    error_console().print(f"Removed {unit.file}.", soft_wrap=True)
    return COMPLETED


def _control() -> ServiceControl:
    from core.home import default_home
    from core.service.control import ServiceControl

    return ServiceControl(default_home())


def _patience() -> float:
    from core.home import default_home
    from core.settings import load

    return load(default_home()).workers.grace_s + _GRACE_S


def _settle(work: Coroutine[Any, Any, ServiceState]) -> int:
    state = asyncio.run(work)
    _tell(state)
    return FAILED if state.problem else COMPLETED


def _tell(state: ServiceState) -> None:
    console = error_console()
    here = state.presence
    if state.kind == "running" and here is not None:
        by = {"systemd": ", kept by systemd", "person": ", on a terminal"}.get(here.keeper, "")
        demo = ", with the demonstration model" if here.is_demo else ""
        since = f"{here.started.astimezone():%Y-%m-%d %H:%M}"
        text = f"Running at {here.address} since {since} (process {here.process.pid}{by}{demo})."
        console.print(text, markup=False, soft_wrap=True)
        return
    words = {"stopped": "The service is not running.", "starting": "The service is starting."}
    console.print(state.problem or words.get(state.kind, state.kind), markup=False, soft_wrap=True)
    for line in state.lines:
        console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
