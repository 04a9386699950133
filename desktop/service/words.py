"""How the background service stands, in words. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from core.service.control import ServiceState
    from core.store.publications import AtWork

WHAT_FOR: Final = (
    "Runs what schedules, calls and messages start, and answers over HTTP, while the window is closed too. "
    "On a terminal it is called steploom serve."
)
NOTHING_KEPT: Final = "Nothing is kept here, so there is nothing that a service could run."

_SHORT: Final = {
    "stopped": "Service off", "starting": "Service starts…", "stopping": "Service ends…",
    "running": "Service on", "silent": "Service does not answer", "failed": "Service failed",
}  # fmt: skip
_TITLES: Final = {
    "stopped": "Not running", "starting": "Starting…", "running": "Running", "stopping": "Ending…",
    "silent": "Not answering", "failed": "Failed",
}  # fmt: skip
_DETAILS: Final = {
    "stopped": "Schedules and calls start runs only while this window or another Steploom is there.",
    "starting": "It opens the database; the first time this takes a while.",
    "stopping": "What it executes is finished first, or handed over.",
}
_KEEPERS: Final = {"person": "somebody on a terminal", "window": "Steploom", "systemd": "systemd"}


@dataclass(frozen=True, slots=True)
class Standing:
    """What is said of a service. short: for the status line. line: for a menu. tone: the name of a state's colour."""

    short: str
    line: str
    title: str
    detail: str
    tone: str


def standing(state: ServiceState) -> Standing:
    """How it stands, for people."""
    here = state.presence
    tone = {"running": "done", "starting": "running", "stopping": "running", "failed": "failed", "silent": "failed"}
    short = line = _SHORT[state.kind]
    detail = state.problem or _DETAILS.get(state.kind, "")
    if state.kind == "running":
        line = f"Service at {place(state.address)}"
        detail = f"At {state.address}{', with the demo model' if here is not None and here.is_demo else ''}"
    return Standing(short, line, _TITLES[state.kind], detail, tone.get(state.kind, ""))


def facts(state: ServiceState, now: datetime) -> list[tuple[str, str]]:
    """What else is known of a service that is up, by name."""
    here = state.presence
    if here is None or not state.is_up:
        return []
    minutes = int((now - here.started).total_seconds() // 60)
    hours, days = minutes // 60, minutes // 1440
    ago = f"{days} d {hours % 24} h" if days else f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"
    found = [("Up for", f"{ago}, since {here.started.astimezone():%a %-d %b %H:%M}")]
    found.append(("Started by", f"{_KEEPERS[here.keeper]}, process {here.process.pid}"))
    if here.workers:
        found.append(("Runs at once", str(here.workers)))
    if here.is_demo:
        found.append(("Models", "the demo model"))
    return found


def outdated(state: ServiceState, *, version: str, is_demo: bool, port: int) -> str:
    """Why a service that runs should be started anew, '' if it should not. port: that of the settings, 0 for any."""
    here = state.presence
    if state.kind != "running" or here is None:
        return ""
    if port and here.keeper != "person" and not here.address.endswith(f":{port}"):
        return f"The settings say port {port} by now. Restart it to listen there."
    if here.version != version:
        return f"It is still Steploom {here.version}; this is {version}. Restart it."
    if here.is_demo and not is_demo:
        return "It still uses the demo model. Restart it to use your own models."
    return ""


def at_work(one: AtWork) -> tuple[str, str]:
    """What starts an active workflow and when it comes next, and the name of a state's colour, '' for none."""
    if one.problem:
        return one.problem, "failed"
    if one.paused:
        return "its schedule is paused", "waiting"
    match one.trigger:
        case "schedule":
            at = one.next_at.astimezone() if one.next_at is not None else None
            return (f"next {at:%a %-d %b %H:%M}" if at is not None else "its schedule comes no more"), ""
        case "api":
            return one.place, ""
        case "message":
            return (f"notices of {one.place}" if one.place else "chat messages"), ""
        case _:
            return "started by hand", ""


def place(address: str) -> str:
    """An address without what goes without saying."""
    return address.removeprefix("http://")
