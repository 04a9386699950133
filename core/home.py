"""Where Steploom's data lies. Apart from the settings, so that a window can ask before anything heavy is imported."""

from __future__ import annotations

import os
from pathlib import Path


def default_home() -> Path:
    """The folder of Steploom's data: STEPLOOM_HOME, else the user's data folder; for root `/var/lib/steploom`.

    The embedded Postgres cannot run as root, and another user cannot reach a folder below root's home.
    """
    named = os.environ.get("STEPLOOM_HOME")
    if named:
        return Path(named).expanduser().resolve()
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/lib/steploom")
    import platformdirs

    return platformdirs.user_data_path("steploom", appauthor=False)
