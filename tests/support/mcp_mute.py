"""Programs that are no MCP servers: `python tests/support/mcp_mute.py MODE`.

Modes: `silent` (reads, never answers); `garbage` (prints text and goes on as `silent`); `dying` (writes to standard
error and ends).
"""

from __future__ import annotations

import os
import sys


def main(mode: str) -> None:
    """Be useless."""
    if mode == "dying":
        sys.stderr.write(f"cannot log in with {os.environ.get('TOKEN', 'nothing')}\n")
        sys.exit(4)
    if mode == "garbage":
        sys.stdout.write("Listening on port 3000, have fun!\n")
        sys.stdout.flush()
    sys.stderr.write("warming up\n")
    sys.stderr.flush()
    for _ in sys.stdin:
        pass


if __name__ == "__main__":
    main(sys.argv[1])
