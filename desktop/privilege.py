"""Whether the window may be run by the person who runs it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

_ROOT = 0
_UNSEEN = ("offscreen", "minimal", "vnc")


def root_warning(user: int | None) -> str:
    """What to say to the administrator account, '' to anybody else. user: the effective user id, None on Windows."""
    if user != _ROOT:
        return ""
    return (
        "Steploom runs as root: every step that runs code or writes files may change anything on this computer. "
        "Start it as an ordinary user."
    )


def must_refuse(user: int | None, environment: Mapping[str, str], *, in_container: bool) -> bool:
    """Whether to refuse: the administrator account, on a person's own desktop. Tests and containers may."""
    on_desktop = bool(environment.get("XDG_CURRENT_DESKTOP") or environment.get("DESKTOP_SESSION"))
    unseen = environment.get("QT_QPA_PLATFORM", "").partition(":")[0] in _UNSEEN or bool(environment.get("CI"))
    return user == _ROOT and on_desktop and not unseen and not in_container


def is_container() -> bool:
    """Whether this process runs in a container."""
    return any(Path(mark).exists() for mark in ("/.dockerenv", "/run/.containerenv"))
