from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import typer

from core.cli.app import app
from tests.support.command_line import Cli


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for name, below in getattr(command, "commands", {}).items():
        yield from commands(below, (*path, name))


@pytest.mark.parametrize("path", list(commands(typer.main.get_command(app))), ids=" ".join)
def test_the_help_of_every_command_names_what_to_type_and_no_types_of_python(cli: Cli, path: tuple[str, ...]) -> None:
    done = cli(*path, "--help")
    assert done.code == 0
    assert "Usage: steploom" in done.out
    for wording in ("<bool>", "list[", "<class", "Path", "[[", "{name}"):
        assert wording not in done.out
