"""The hosts that an agent may reach: what the entries of its list mean, and what stays within them.

The list holds for what is asked for on the agent's behalf: `api` steps of workflows, web addresses given to `chat`
steps, MCP servers over HTTP, and the agents that it hands tasks to. Programs on this machine (MCP servers over stdio,
Python functions that do not say they carry nothing out, `code` steps) can reach any host and cannot be held to a list,
so an agent with one is not offered them, unless the list says `programs`. The model server itself is always reached.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Sequence
from typing import Final

PROGRAMS: Final = "programs"
"""The entry that lets an agent use programs on this machine, wherever they reach."""

NOWHERE: Final = ("nowhere.invalid",)
"""A list that allows no host; an empty one allows all."""

_NAME: Final = re.compile(r"(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")


def flaw(entry: str) -> str:
    """What is wrong with an entry, as a sentence; '' for nothing."""
    if entry == PROGRAMS or _is_address(entry):
        return ""
    if not entry.strip():
        return "An entry is empty."
    if "://" in entry or "/" in entry:
        return f"{entry!r} is a web address; write the host alone, such as example.com."
    if re.search(r":\d+$", entry):
        return f"{entry!r} names a port; a host is allowed with all its ports."
    if entry == "*":
        return "“*” would allow every host; leave the list empty for that."
    if "*" in entry.removeprefix("*."):
        return f"{entry!r} has a * where none can be; write *.example.com for all hosts below example.com."
    try:
        plain = entry.lower() if entry.isascii() else entry.encode("idna").decode("ascii")
    except UnicodeError:
        plain = ""
    if len(plain) > 253 or not _NAME.fullmatch(plain):
        return f"{entry!r} is no name of a host."
    return ""


def covers(entry: str, host: str) -> bool:
    """Whether an entry allows that host, or all of that entry: itself, or all below it for `*.example.com`."""
    return host == entry or (entry.startswith("*.") and host.removeprefix("*").endswith(entry[1:]))


def beyond(hosts: Collection[str] | None, allowed: Collection[str], *, is_program: bool = False) -> str:
    """Why something may not be used by an agent that may reach the allowed hosts only, '' if it may.

    hosts: that it reaches; None if some are not known. is_program: it runs on this machine and can reach any.
    """
    if not allowed:
        return ""
    if is_program:
        said = "It is a program on this machine, which can reach any host, and this agent may reach listed ones only."
        return "" if PROGRAMS in allowed else f"{said} Add “{PROGRAMS}” to the list to allow it."
    if hosts is None:
        return "It decides while it runs which host it reaches, and this agent may reach listed hosts only."
    strange = sorted(host for host in hosts if not any(covers(entry, host) for entry in allowed))
    return f"It reaches {', '.join(strange)}, which this agent may not." if strange else ""


def within(inner: Sequence[str], outer: Sequence[str]) -> tuple[str, ...]:
    """What an agent may reach that works for another one: what both lists allow."""
    if not outer:
        return tuple(inner)
    if not inner:
        return tuple(outer)
    both = [entry for entry in inner if any(covers(other, entry) for other in outer)]
    both += [entry for entry in outer if entry not in both and any(covers(other, entry) for other in inner)]
    return tuple(both) or NOWHERE


def _is_address(entry: str) -> bool:
    try:
        ipaddress.ip_address(entry.strip("[]"))
    except ValueError:
        return False
    return True
