"""The database that the settings name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from psycopg import ProgrammingError
from psycopg.conninfo import make_conninfo

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
    """How to connect to the settings' database, its password from the keyring; '' for the embedded one.

    The text holds the password: never show it.
    """
    password = await secrets.get("database") if settings.database_url else None
    if password is None:
        return settings.database_url
    try:
        return make_conninfo(settings.database_url, password=password)
    except ProgrammingError:
        return settings.database_url  # the store says what is wrong with it
