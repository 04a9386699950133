"""Writing to the terminal: results on standard output, everything else on standard error."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, TextIO

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from core.workflow.model import Json

LOG_WIDTH = 160
"""Characters of a line where no terminal sets a limit."""

WIDE = 120
"""Columns from which on a table shows everything."""

READING_WIDTH = 100
"""Columns; longer lines of a text are hard to read."""


class _ErrorConsole(Console):
    """A console whose reader may leave: what it shows is then let go of, and the work goes on."""

    def on_broken_pipe(self) -> None:
        """Show nothing more."""
        self.quiet = True
        _give_up(sys.stderr)


def error_console() -> Console:
    """The console for progress and errors."""
    return _ErrorConsole(stderr=True, highlight=False)


def give_up_output() -> None:
    """Write nothing more to standard output, whose reader has left, also not when the program ends."""
    _give_up(sys.stdout)


def _give_up(stream: TextIO) -> None:
    with suppress(OSError, ValueError):  # a stream that is no file has nothing to be flushed to
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def print_json(value: Any) -> None:
    """One JSON value on one line of standard output."""
    typer.echo(json.dumps(value, ensure_ascii=False, default=str))


def is_narrow() -> bool:
    """Whether standard output is a terminal on which a row with a whole id does not fit."""
    console = Console()
    return console.is_terminal and console.width < WIDE


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, empty: str, whole: Sequence[str] = ()
) -> None:
    """A table on standard output, or the sentence for an empty one. whole: columns that are never folded."""
    console = Console(highlight=False)
    if not rows:
        console.print(empty)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in whole)
    for row in rows:
        table.add_row(*row)
    if console.is_terminal:
        console.print(table)
        return
    console.width = 200
    with console.capture() as capture:
        console.print(table)
    typer.echo("\n".join(line.rstrip() for line in capture.get().splitlines()))


def print_outputs(outputs: Mapping[str, Json]) -> None:
    """A run's outputs on standard output: texts as they are, the rest as JSON.

    On a terminal long texts are wrapped between words, so that they can be read.
    """
    console = Console(highlight=False)
    for name, value in outputs.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        if not console.is_terminal:
            typer.echo(f"{name}:\n{_indent(text)}" if "\n" in text else f"{name}: {text}")
        elif "\n" in text or len(name) + 2 + cell_len(text) > console.width:
            console.print(Text(f"{name}:", style="bold"))
            width = min(console.width, READING_WIDTH)
            console.print(Padding(Text(text.rstrip()), (0, 0, 0, 2)), width=width)
        else:
            console.print(Text.assemble((f"{name}:", "bold"), f" {text}"), soft_wrap=True)


def _indent(text: str) -> str:
    return "\n".join(f"  {line}" if line else "" for line in text.rstrip().splitlines())
