"""What the command line's exit codes mean; documented, stable, safe to test in scripts."""

from __future__ import annotations

from typing import Final

from core.engine.events import RunStatus

COMPLETED: Final = 0
FAILED: Final = 1
BAD_USAGE: Final = 2
"""A document, an input or an option is wrong; nothing was run."""
SUSPENDED: Final = 3
"""The run waits for a person, a time or a database, and can be resumed."""
CANCELLED: Final = 130

_BY_STATUS: Final[dict[RunStatus, int]] = {
    "completed": COMPLETED,
    "failed": FAILED,
    "suspended": SUSPENDED,
    "cancelled": CANCELLED,
    "running": SUSPENDED,
    "queued": SUSPENDED,
}


def of_status(status: RunStatus) -> int:
    """The exit code for a run that stands so."""
    return _BY_STATUS[status]
