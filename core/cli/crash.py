"""Unexpected errors: the traceback goes to a private file, never to the terminal."""

from __future__ import annotations

import os
import tempfile
import traceback
from pathlib import Path


def keep_report(error: Exception) -> Path:
    """Write the traceback, without the values of variables, to a new file that only its owner can read."""
    number, name = tempfile.mkstemp(prefix="steploom-error-", suffix=".txt")
    with os.fdopen(number, "w", encoding="utf-8") as file:
        file.writelines(traceback.format_exception(error))
    return Path(name)
