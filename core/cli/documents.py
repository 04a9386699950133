"""`steploom validate`: everything that is wrong with a document, at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from core.cli.problem_report import report_problems
from core.cli.run import JsonOption


def validate_files(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Workflow documents.")],
    as_json: JsonOption = False,
) -> int:
    """Say everything that is wrong with workflow documents, with line numbers. Exit code 2 if any has an error."""
    from core.steps import discover
    from core.workflow.validate import check_text

    types = discover()
    return report_problems(files, lambda data: check_text(data, types)[1], as_json=as_json)
