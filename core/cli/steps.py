"""`steploom steps`: the step types, their settings and manual pages."""

from __future__ import annotations

import difflib
import json
from typing import Annotated

import typer

from core.cli.exit_codes import COMPLETED
from core.cli.refusal import Refusal
from core.cli.run import JsonOption
from core.cli.terminal import print_json, print_table


def steps(
    type_name: Annotated[str, typer.Argument(metavar="TYPE", help="A step type; all are listed without one.")] = "",
    schema: Annotated[bool, typer.Option("--schema", help="The JSON Schema of the type's settings.")] = False,
    as_json: JsonOption = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="The whole reference as Markdown.")] = False,
) -> int:
    """List the step types, or show one type's manual page."""
    from core.cli.step_reference import page, reference
    from core.steps import discover

    types = discover()
    if not type_name and markdown:
        typer.echo(reference(types), nl=False)
        return COMPLETED
    if not type_name:
        if schema:
            print_json({kind.type: kind.json_schema() for kind in types})
        elif as_json:
            print_json([{"type": k.type, "title": k.title, "category": k.category, "effect": k.effect} for k in types])
        else:
            rows = [(k.type, k.title, k.category, k.effect, k.manual().splitlines()[0]) for k in types]
            print_table(("type", "title", "kind", "effect", ""), sorted(rows), empty="No step types.")
        return COMPLETED
    kind = types.get(type_name)
    if kind is None:
        near = difflib.get_close_matches(type_name, types.names(), n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(types.names())}."
        raise Refusal(f"There is no step type {type_name!r}. {hint}")
    if schema:
        typer.echo(json.dumps(kind.json_schema(), indent=2, ensure_ascii=False))
    elif as_json:
        print_json({"type": kind.type, "title": kind.title, "manual": kind.manual(), "schema": kind.json_schema()})
    else:
        from rich.console import Console
        from rich.markdown import Markdown

        console = Console()
        if console.is_terminal and not markdown:
            console.print(Markdown(page(kind)))
        else:
            typer.echo(page(kind), nl=False)
    return COMPLETED
