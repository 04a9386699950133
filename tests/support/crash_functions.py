"""A function that changes something outside, for the agent of the crash tests."""

from __future__ import annotations

import os
import urllib.request


def pay_three() -> int:
    """Pay the third."""
    request = urllib.request.Request(f"{os.environ['CRASH_SITE']}/three", data=b"{}", method="POST")
    with urllib.request.urlopen(request, timeout=30) as reply:
        return int(reply.status)
