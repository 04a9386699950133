"""The database that the settings name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from core.secrets import KeyringSecrets
from core.settings import Settings
from core.store.store import Store


@asynccontextmanager
async def open_store(home: Path, settings: Settings, secrets: KeyringSecrets) -> AsyncIterator[Store]:
    """The settings' database, its password from the keyring; or the embedded one in the home folder."""
    url = await database_url(settings, secrets)
    lost = settings.workers.lost_after_s
    patience = settings.database_patience_s
    async with await Store.open(url or None, home, patience=patience, lease_s=lost, beat_s=lost / 3) as store:
        yield store


async def database_url(settings: Settings, secrets: KeyringSecrets) -> str:
    """How to connect to the settings' database; '' for the embedded one.

    The text holds the password: never show it.
    """
    return await with_password(settings.database_url, secrets) if settings.database_url else ""


async def with_password(url: str, secrets: KeyringSecrets) -> str:
    """An address with the password of the keyring (`steploom keys set database`), if it holds none itself."""
    try:
        password = None if conninfo_to_dict(url).get("password") else await secrets.get("database")
        return make_conninfo(url, password=password) if password else url
    except ProgrammingError:
        return url  # the store says what is wrong with it
