"""`steploom tokens`: who may call the HTTP service, and for what."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, cast

import typer

from core.cli.exit_codes import COMPLETED
from core.cli.refusal import Refusal
from core.cli.run import JsonOption
from core.cli.terminal import error_console, print_json, print_table

if TYPE_CHECKING:
    from core.store.tokens import Scope, Token, Tokens
    from core.workflow.rates import Rate
    from core.workspace import Workspace

app = typer.Typer(
    no_args_is_help=True, help="Make, list and revoke the tokens that programs call `steploom serve` with."
)


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="What it is for, such as the program that gets it.")],
    scope: Annotated[
        list[str], typer.Option("--scope", "-s", help="What it allows: run, read, answer or admin; several times.")
    ] = ["run", "read"],  # noqa: B006 - typer wants a list and never changes it
    expires: Annotated[str, typer.Option("--expires", help="After how long it ends: 12h, 30d; never without.")] = "",
    rate: Annotated[str, typer.Option("--rate", help="Requests at most: 600/1m; any number without.")] = "",
    as_json: JsonOption = False,
) -> int:
    """Make a token and show it, once.

    `run`: start and stop runs, chat. `read`: see workflows, runs, conversations and metrics. `answer`: answer what runs
    and agents ask a person. `admin`: all of it, and tokens.
    """
    return asyncio.run(_create(name, scopes_of(scope), _seconds(expires), _rate(rate), as_json))


async def _create(name: str, scopes: Sequence[Scope], seconds: float | None, rate: Rate | None, as_json: bool) -> int:
    from core.workspace import Workspace

    async with Workspace.open() as workspace:
        end = workspace.clock.now() + timedelta(seconds=seconds) if seconds else None
        token, text = await tokens_of(workspace).create(name, scopes, expires=end, rate=rate)
    if as_json:
        print_json({"token": text, **_token_json(token)})
        return COMPLETED
    error_console().print("This is the token. It is kept only as a hash and not shown again:")
    typer.echo(text)
    return COMPLETED


@app.command("list")
def list_tokens(as_json: JsonOption = False) -> int:
    """All tokens, also those that open nothing any more."""
    return asyncio.run(_list(as_json))


async def _list(as_json: bool) -> int:
    from core.workspace import Workspace

    async with Workspace.open() as workspace:
        found, now = await tokens_of(workspace).list(), workspace.clock.now()
    if as_json:
        print_json([_token_json(token) for token in found])
        return COMPLETED
    rows = [
        (token.id, token.name, " ".join(sorted(token.scopes)), str(token.rate or ""), _when(token.created),
         _when(token.last_used) or "never", _state(token, now))
        for token in found
    ]  # fmt: skip
    empty = "No tokens yet. Make one with: steploom tokens create NAME"
    columns = ("token", "name", "scopes", "rate", "created", "last used", "")
    print_table(columns, rows, empty=empty, whole=("token", "scopes"))
    return COMPLETED


@app.command("revoke")
def revoke(token: Annotated[str, typer.Argument(metavar="TOKEN", help="The token's id, as it is listed.")]) -> int:
    """Let a token open nothing any more, at once and for good."""

    async def work() -> int:
        from core.store.errors import TokenNotFound
        from core.workspace import Workspace

        async with Workspace.open() as workspace:
            try:
                await tokens_of(workspace).revoke(token)
            except TokenNotFound as error:
                raise Refusal(str(error)) from None
        error_console().print(f"Revoked {token}.", markup=False)
        return COMPLETED

    return asyncio.run(work())


def tokens_of(workspace: Workspace) -> Tokens:
    """The tokens of a workspace that keeps things."""
    from core.store.tokens import Tokens

    assert workspace.store is not None
    return Tokens(workspace.store.database, now=workspace.clock.now)


def scopes_of(given: Sequence[str]) -> Sequence[Scope]:
    """The scopes that a person named, also with commas between them. Raises BadParameter."""
    from core.store.tokens import SCOPES

    names = [name.strip().lower() for text in given for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in SCOPES]
    if unknown or not names:
        raise typer.BadParameter(f"--scope {' '.join(unknown)!r} is not one of {', '.join(SCOPES)}.")
    return [cast("Scope", name) for name in dict.fromkeys(names)]


def _seconds(text: str) -> float | None:
    from core.workflow.durations import parse_duration

    if not text:
        return None
    try:
        return parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(f"--expires: {error}") from None


def _rate(text: str) -> Rate | None:
    from core.workflow.rates import parse_rate

    if not text:
        return None
    found = parse_rate(text)
    if found is None:
        raise typer.BadParameter(f"--rate {text!r} is no rate. Write how many requests in which time: 600/1m.")
    return found


def _when(at: datetime | None) -> str:
    return f"{at.astimezone():%Y-%m-%d %H:%M}" if at is not None else ""


def _state(token: Token, now: datetime) -> str:
    if token.revoked is not None:
        return "revoked"
    if token.expires is None:
        return ""
    return f"ends {_when(token.expires)}" if token.is_valid(now) else "has ended"


def _token_json(token: Token) -> dict[str, object]:
    return {
        "id": token.id,
        "name": token.name,
        "scopes": sorted(token.scopes),
        "created": token.created.isoformat(),
        "expires": token.expires.isoformat() if token.expires else None,
        "last_used": token.last_used.isoformat() if token.last_used else None,
        "revoked": token.revoked.isoformat() if token.revoked else None,
        "rate": str(token.rate) if token.rate else None,
    }
