"""Files that come with the program."""

from __future__ import annotations

import sys
from pathlib import Path


def root() -> Path:
    """The folder that holds `resources/` and `docs/`: the checkout, or the frozen program's own folder."""
    frozen = getattr(sys, "_MEIPASS", None)
    return Path(frozen) if frozen else Path(__file__).resolve().parent.parent


def example(name: str) -> Path:
    """The document of an example workflow."""
    return root() / "resources" / "examples" / f"{name}.loom.yaml"


def examples() -> list[Path]:
    """All example documents, sorted."""
    return sorted((root() / "resources" / "examples").glob("*.loom.yaml"))


def starters() -> list[Path]:
    """Small documents that an empty workflow can begin with, in the order in which they are offered."""
    return sorted((root() / "resources" / "starters").glob("*.loom.yaml"))


def example_agents() -> list[Path]:
    """The files of all example agents, sorted. They use the example workflows."""
    return sorted((root() / "resources" / "agents").glob("*.agent.yaml"))


def project_docs() -> Path:
    """The folder of the project's own documentation."""
    return root() / "docs"
