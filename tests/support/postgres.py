"""A real Postgres for tests: one embedded server per test session, one fresh database per test.

With pytest-xdist all workers share the server. Import the fixtures into a conftest.py.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from psycopg import conninfo, sql

from core.store import schema
from core.store.address import Address
from core.store.file_lock import file_lock
from core.store.server import EmbeddedServer

_TEMPLATE = "steploom_template"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Address]:
    """The address of the session's server, for databases of one's own making."""
    session = os.environ.get("PYTEST_XDIST_TESTRUNUID") or uuid.uuid4().hex
    folder = Path(tempfile.gettempdir()) / f"steploom-tests-{session[:12]}"
    server = EmbeddedServer(folder)
    address = server.start()
    try:
        with file_lock(folder / "template.lock"):
            _make_template(address)
        yield address
    finally:
        server.stop()
        if not any((folder / "users").iterdir()):
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def database_url(postgres_server: Address) -> Iterator[str]:
    """The URL of a database of the test's own, its tables made and empty."""
    with new_database(postgres_server, _TEMPLATE) as url:
        yield url


@pytest.fixture
def empty_database_url(postgres_server: Address) -> Iterator[str]:
    """The URL of a database of the test's own without any tables."""
    with new_database(postgres_server, "template0") as url:
        yield url


@contextmanager
def new_database(server: Address, template: str) -> Iterator[str]:
    """Make a database, and drop it whoever may still be connected."""
    name = f"test_{uuid.uuid4().hex[:16]}"
    _execute(server, sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))
    try:
        yield url_of(server.with_database(name))
    finally:
        _execute(server, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def url_of(address: Address) -> str:
    """The address as a URL, as a person would put it into STEPLOOM_DATABASE_URL."""
    parts = conninfo.conninfo_to_dict(address.dsn)
    return f"postgresql://{parts['user']}@/{parts['dbname']}?host={quote(str(parts['host']))}&port={parts['port']}"


def _make_template(server: Address) -> None:
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (_TEMPLATE,)).fetchone()
    if known is None:
        unfinished = f"{_TEMPLATE}_unfinished"
        _execute(server, sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(unfinished)))
        _execute(server, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(unfinished)))
        schema.upgrade(server.with_database(unfinished))
        rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
        _execute(server, rename.format(sql.Identifier(unfinished), sql.Identifier(_TEMPLATE)))


def _execute(server: Address, statement: sql.Composed) -> None:
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(statement)
