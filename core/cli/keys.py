"""`steploom keys`: keys in the operating system's keyring."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.exit_codes import COMPLETED, FAILED
from core.cli.terminal import error_console, print_table

if TYPE_CHECKING:
    from core.secrets import KeyringSecrets

app = typer.Typer(no_args_is_help=True, help="Set, list and remove keys.")

NameArgument = Annotated[str, typer.Argument(help="The key's name: `openrouter`, or any that workflows use.")]


@app.command("set")
def set_key(
    name: NameArgument,
    file: Annotated[
        bool, typer.Option("--file", help="Without a keyring: keep keys in a file that only you can read.")
    ] = False,
) -> int:
    """Keep a key. It is asked for without being shown, or read from standard input."""
    secrets = _secrets(allow_file=file)
    asked = sys.stdin.isatty()
    if asked:
        asyncio.run(secrets.check_place(name))
    value = typer.prompt(f"Key {name}", hide_input=True) if asked else sys.stdin.readline().strip()
    return asyncio.run(_set(secrets, name, value))


async def _set(secrets: KeyringSecrets, name: str, value: str) -> int:
    where = await secrets.set(name, value)
    if where == "file":
        _remember_file()
    place = "the keyring" if where == "keyring" else "a file that only you can read"
    error_console().print(f"Kept {name} in {place}.")
    if secrets.from_environment(name) is not None:
        error_console().print("The environment holds a key of that name, which comes first.")
    return COMPLETED


@app.command("list")
def list_keys() -> int:
    """The names of the keys that are kept; never the keys."""
    from core.secrets import OTHER_NAMES

    secrets = _secrets()
    places = dict.fromkeys(asyncio.run(secrets.names()), "keyring")
    places |= dict.fromkeys(asyncio.run(secrets.names_in_file()), "private file")
    given = [name for name in {*places, *OTHER_NAMES} if secrets.from_environment(name) is not None]
    rows = sorted((places | dict.fromkeys(given, "environment")).items())
    print_table(("key", "from"), rows, empty="No keys. Set one with: steploom keys set openrouter")
    return COMPLETED


@app.command("remove")
def remove_key(name: NameArgument) -> int:
    """Forget a key."""
    secrets = _secrets()
    if asyncio.run(secrets.delete(name)):
        error_console().print(f"Removed {name}.")
        return COMPLETED
    error_console().print(f"There is no key {name!r}. `steploom keys list` shows the keys there are.")
    return FAILED


def _secrets(*, allow_file: bool = False) -> KeyringSecrets:
    from core.secrets import KeyringSecrets
    from core.settings import default_home, load

    home = default_home()
    return KeyringSecrets(home, allow_file=allow_file or load(home).secrets_file)


def _remember_file() -> None:
    """From now on keys may be kept in the file: the person said so."""
    from core.settings import change, default_home

    change(default_home(), secrets_file=True)
