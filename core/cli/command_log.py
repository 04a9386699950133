"""What the program notes for itself while a command runs: into a file, as the terminal is for the person."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from core.engine.mask import Mask
from core.home import default_home
from core.monitoring.logs import log_to

LOG_FILE = "logs/steploom.log"
"""Within the home folder; older lines lie beside it."""


@contextmanager
def logged() -> Iterator[None]:
    """While inside, log lines go to the file; only warnings about missing step types and lost traces are shown too."""
    with ExitStack() as stack:
        try:
            stack.callback(log_to(default_home() / LOG_FILE, as_json=False, mask=Mask()))
        except OSError:
            silent = logging.NullHandler()  # a home that cannot be written to is said by the command that needs it
            logging.getLogger().addHandler(silent)
            stack.callback(logging.getLogger().removeHandler, silent)
        shown = logging.StreamHandler()
        shown.setLevel(logging.WARNING)
        for name in ("core.steps", "core.monitoring.traces"):
            logger = logging.getLogger(name)
            logger.addHandler(shown)
            stack.callback(logger.removeHandler, shown)
        yield
