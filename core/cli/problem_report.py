"""All that is wrong with files, told on standard output: for `validate` and its like."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import typer

from core.cli.exit_codes import BAD_USAGE, COMPLETED
from core.cli.terminal import print_json
from core.workflow.model import Json
from core.workflow.problems import Problem


def report_problems(files: Sequence[Path], check: Callable[[bytes], Sequence[Problem]], *, as_json: bool) -> int:
    """Check one file after the other, those that cannot be read included; the exit code."""
    from core.workflow.document import read_bounded

    bad = False
    report: list[Json] = []
    for file in files:
        try:
            problems = check(read_bounded(file))
        except OSError as error:
            message = f"The file cannot be read: {error.strerror or error}."
            problems = [Problem("unreadable", message, "Check its name and permissions.")]
        bad = bad or any(problem.severity == "error" for problem in problems)
        report += [{"file": str(file), **asdict(problem)} for problem in problems]
        if not as_json:
            for problem in problems:
                typer.echo(f"{file}: {problem.severity}: {problem}")
            if not problems:
                typer.echo(f"{file}: no problems")
    if as_json:
        print_json(report)
    return BAD_USAGE if bad else COMPLETED
