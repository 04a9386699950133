"""Writing to the terminal: results on standard output, everything else on standard error."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from core.workflow.model import Json


def error_console() -> Console:
    """The console for progress and errors."""
    return Console(stderr=True, highlight=False)


def print_json(value: Any) -> None:
    """One JSON value on one line of standard output."""
    typer.echo(json.dumps(value, ensure_ascii=False, default=str))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, empty: str) -> None:
    """A table on standard output, or the sentence for an empty one."""
    console = Console(highlight=False)
    if not rows:
        console.print(empty)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row)
    if not console.is_terminal:
        console.width = 200
    console.print(table)


def print_outputs(outputs: Mapping[str, Json]) -> None:
    """A run's outputs: texts as they are, the rest as JSON."""
    for name, value in outputs.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        typer.echo(f"{name}:\n{_indent(text)}" if "\n" in text else f"{name}: {text}")


def _indent(text: str) -> str:
    return "\n".join(f"  {line}" if line else "" for line in text.rstrip().splitlines())
