"""`steploom db`: which database is used, and whether its tables are up to date."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.exit_codes import CANCELLED, COMPLETED, FAILED
from core.cli.run import JsonOption
from core.cli.terminal import error_console, print_json

if TYPE_CHECKING:
    from core.store.address import Address

app = typer.Typer(no_args_is_help=True, help="The database.")


@app.command("status")
def status(as_json: JsonOption = False) -> int:
    """Say which database is used and whether its tables are up to date. Exit code 1 if they are not."""
    from core.store.schema import status as schema_status

    with address() as found:
        state = schema_status(found)
        if as_json:
            print_json(
                {
                    "database": found.shown,
                    "server": state.server,
                    "pgvector": state.vectors,
                    "schema": state.current,
                    "pending": list(state.pending),
                }
            )
        else:
            typer.echo(f"database  {found.shown}")
            typer.echo(f"server    PostgreSQL {state.server}, pgvector {state.vectors}")
            done = "up to date" if state.is_current else f"{len(state.pending)} changes to apply: steploom db upgrade"
            typer.echo(f"tables    {state.current or 'none yet'}, {done}")
    return COMPLETED if state.is_current else FAILED


@app.command("upgrade")
def upgrade() -> int:
    """Make the tables, or bring them up to date."""
    from core.store.schema import upgrade as schema_upgrade

    with address() as found:
        state = schema_upgrade(found)
        error_console().print(f"The tables in {found.shown} are up to date ({state.current}).", soft_wrap=True)
    return COMPLETED


@app.command("use")
def use(
    url: Annotated[str, typer.Argument(help="postgresql://user@host:5432/database; empty for Steploom's own.")],
) -> int:
    """Use another database from now on. A password in the URL goes to the keyring, never to a file."""
    import asyncio

    from core.secrets import KeyringSecrets
    from core.settings import change, default_home, load
    from core.store.address import Address

    if url:
        Address.parse(url)
    home = default_home()
    url, password = _parted(url)
    if password:
        asyncio.run(KeyringSecrets(home, allow_file=load(home).secrets_file).set("database", password))
    change(home, database_url=url)
    shown = url or "Steploom's own"
    error_console().print(f"The database is {shown} from now on.", soft_wrap=True, markup=False)
    if os.environ.get("STEPLOOM_DATABASE_URL"):
        error_console().print("STEPLOOM_DATABASE_URL is set, and comes first as long as it is.", soft_wrap=True)
    return COMPLETED


@app.command("move")
def move(
    url: Annotated[str, typer.Argument(help="The empty database to copy to: postgresql://user@host:5432/database.")],
) -> int:
    """Copy everything from the present database into another one, such as a server that workers share.

    A password that the URL lacks is taken from the keyring (steploom keys set database).
    """
    import asyncio

    from core.secrets import KeyringSecrets
    from core.settings import default_home, load
    from core.store.address import Address
    from core.store.from_settings import with_password
    from core.store.move import move as copy

    home = default_home()
    secrets = KeyringSecrets(home, allow_file=load(home).secrets_file)
    target = Address.parse(asyncio.run(with_password(url, secrets)))
    console = error_console()

    def told(table: str, rows: int) -> None:
        if rows:
            console.print(f"{table:<24}{rows:>10,}", markup=False, highlight=False)

    with address() as source:
        try:
            moved = copy(source, target, told)
        except KeyboardInterrupt:
            console.print(f"Interrupted: nothing was copied to {target.shown}.", soft_wrap=True, markup=False)
            return CANCELLED
        text = f"Copied {moved.total:,} rows from {source.shown} to {target.shown}; both hold the same."
        console.print(text, soft_wrap=True, markup=False, highlight=False)
    text = f"Use it from now on, here and on every machine with workers: steploom db use {shlex.quote(_parted(url)[0])}"
    console.print(text, soft_wrap=True, markup=False, highlight=False)
    return COMPLETED


def _parted(url: str) -> tuple[str, str]:
    """An address without its password, and the password; '' for none."""
    from urllib.parse import unquote, urlsplit, urlunsplit

    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    parts = urlsplit(url)
    if parts.password:
        user, host = parts.username or "", parts.netloc.rpartition("@")[2]
        return urlunsplit(parts._replace(netloc=f"{user}@{host}" if user else host)), unquote(parts.password)
    if "password" not in url:
        return url, ""
    known = conninfo_to_dict(url)
    password = str(known.pop("password", None) or "")
    rest = {name: str(value) for name, value in known.items() if value is not None}
    return (make_conninfo("", **rest), password) if password else (url, "")


@contextmanager
def address() -> Iterator[Address]:
    """The database of the settings; the embedded server runs while inside."""
    import asyncio

    from core.secrets import KeyringSecrets
    from core.settings import default_home, load
    from core.store.address import Address
    from core.store.from_settings import database_url
    from core.store.server import EmbeddedServer

    home = default_home()
    settings = load(home)
    url = asyncio.run(database_url(settings, KeyringSecrets(home, allow_file=settings.secrets_file)))
    if url:
        yield Address.parse(url)
        return
    server = EmbeddedServer(home / "postgres")
    try:
        yield server.start()
    finally:
        server.stop()
