"""`steploom validate`: everything that is wrong with a document, at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from core.cli.exit_codes import BAD_USAGE, COMPLETED
from core.cli.run import JsonOption
from core.cli.terminal import print_json
from core.workflow.model import Json
from core.workflow.problems import Problem


def validate_files(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Workflow documents.")],
    as_json: JsonOption = False,
) -> int:
    """Say everything that is wrong with workflow documents, with line numbers. Exit code 2 if any has an error."""
    from core.steps import discover
    from core.workflow.document import read_bounded
    from core.workflow.validate import check_text

    types = discover()
    bad = False
    report: list[Json] = []
    for file in files:
        try:
            data = read_bounded(file)
        except OSError as error:
            message = f"The file cannot be read: {error.strerror or error}."
            problems = [Problem("unreadable", message, "Check its name and permissions.")]
        else:
            _, problems = check_text(data, types)
        bad = bad or any(problem.severity == "error" for problem in problems)
        report += [{"file": str(file), **_json(problem)} for problem in problems]
        if not as_json:
            for problem in problems:
                typer.echo(f"{file}: {problem.severity}: {problem}")
            if not problems:
                typer.echo(f"{file}: no problems")
    if as_json:
        print_json(report)
    return BAD_USAGE if bad else COMPLETED


def _json(problem: Problem) -> dict[str, Json]:
    return {
        "severity": problem.severity,
        "code": problem.code,
        "step": problem.step,
        "field": problem.field,
        "line": problem.line,
        "message": problem.message,
        "fix": problem.fix,
    }
