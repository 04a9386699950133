"""`steploom models`: what can be asked, and what it costs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.exit_codes import COMPLETED
from core.cli.run import JsonOption
from core.cli.terminal import error_console, print_json, print_table

if TYPE_CHECKING:
    from core.llm.catalogue import ModelInfo


def models(
    search: Annotated[str, typer.Option(help="Only models whose name or id holds this text.")] = "",
    refresh: Annotated[bool, typer.Option("--refresh", help="Ask the server now.")] = False,
    as_json: JsonOption = False,
) -> int:
    """List the models of the model server. Prices are in USD for a million tokens."""
    return asyncio.run(_models(search.lower(), refresh, as_json))


async def _models(search: str, refresh: bool, as_json: bool) -> int:
    from core.workspace import Workspace

    async with Workspace.open(memory_only=True) as workspace:
        found = await workspace.server.catalogue.list(refresh=refresh)
    wanted = [m for m in found.models if search in m.id.lower() or search in m.name.lower()]
    if found.problem:
        error_console().print(f"This list may be old: {found.problem}", markup=False, soft_wrap=True)
    if as_json:
        print_json([_json(model) for model in wanted])
        return COMPLETED
    rows = [_row(model) for model in wanted]
    columns = ("model", "context", "in $/M", "out $/M", "reads", "gives")
    empty = f"No model matches {search!r}." if search else "The server has no models."
    print_table(columns, rows, empty=empty)
    return COMPLETED


def _row(model: ModelInfo) -> tuple[str, ...]:
    return (
        model.id,
        f"{model.context:,}" if model.context else "",
        _price(model.price_in),
        _price(model.price_out),
        " ".join(model.input_modalities),
        " ".join(model.output_modalities),
    )


def _price(usd_per_token: float | None) -> str:
    return "" if usd_per_token is None else f"{usd_per_token * 1_000_000:.2f}"


def _json(model: ModelInfo) -> dict[str, object]:
    return {
        "id": model.id,
        "name": model.name,
        "context_length": model.context,
        "usd_per_token_in": model.price_in,
        "usd_per_token_out": model.price_out,
        "input_modalities": list(model.input_modalities),
        "output_modalities": list(model.output_modalities),
        "supported_parameters": sorted(model.parameters or ()),
    }
