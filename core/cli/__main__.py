"""`python -m core.cli`: the command line without its console script."""

from __future__ import annotations

from core.cli import main

if __name__ == "__main__":
    main()
