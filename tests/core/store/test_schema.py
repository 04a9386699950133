from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from psycopg import sql
from sqlalchemy.dialects.postgresql.base import ischema_names

from core.store import (
    agent_tables,
    agreed_tools,
    conversation_tables,
    memory_tables,
    queue_tables,
    schema,
    statistics_tables,
    tokens,
)
from core.store.address import Address
from core.store.errors import ConnectError, LoginError, NoVectors, SchemaError, SchemaTooNew, ServerTooOld
from core.store.migrations import REVISIONS
from core.store.tables import Base
from core.store.vector import Embedding

ALL_TABLES = (agent_tables, agreed_tools, conversation_tables, memory_tables, queue_tables, statistics_tables, tokens)
"""Imported so that the metadata knows them."""


@pytest.fixture
def empty(empty_database_url: str) -> Address:
    return Address.parse(empty_database_url)


@pytest.fixture
def connection(empty: Address) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(empty.dsn, autocommit=True) as opened:
        yield opened


def test_an_empty_database_gets_all_tables(empty: Address) -> None:
    before = schema.status(empty)
    assert (before.current, before.pending, before.is_current) == ("", REVISIONS, False)
    after = schema.upgrade(empty)
    assert (after.current, after.pending, after.is_current) == (REVISIONS[-1], (), True)
    assert after.server.startswith("18.")
    assert schema.upgrade(empty) == after


def test_migrations_make_exactly_the_declared_tables(empty: Address) -> None:
    schema.upgrade(empty)
    assert _differences(empty) == []


def test_taking_all_back_and_upgrading_again_works(
    empty: Address, connection: psycopg.Connection[tuple[object, ...]]
) -> None:
    schema.upgrade(empty)
    schema.downgrade(empty)
    left = connection.execute("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace").fetchall()
    assert {name for (name,) in left} == {"alembic_version", "alembic_version_pkc"}
    assert schema.upgrade(empty).is_current
    assert _differences(empty) == []


def test_every_table_says_what_it_is_for(empty: Address) -> None:
    assert [table.name for table in Base.metadata.sorted_tables if not table.comment] == []


def test_filtered_vector_searches_go_on_until_they_found_enough(empty: Address) -> None:
    schema.upgrade(empty)
    with psycopg.connect(empty.dsn) as fresh:
        assert fresh.execute("SHOW hnsw.iterative_scan").fetchone() == ("relaxed_order",)


def test_programs_that_start_at_once_make_the_tables_once(empty: Address) -> None:
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: schema.upgrade(empty), range(4)):
            assert found.is_current
    assert schema.status(empty).is_current


def test_the_tables_of_a_newer_program_are_left_alone(
    empty: Address, connection: psycopg.Connection[tuple[object, ...]]
) -> None:
    schema.upgrade(empty)
    connection.execute("UPDATE alembic_version SET version_num = 'm20990101_later'")
    for call in (schema.status, schema.upgrade):
        with pytest.raises(SchemaTooNew, match="Update this Steploom"):
            call(empty)


def test_an_old_server_is_named_with_what_is_needed(empty: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "_OLDEST_SERVER", 99)
    with pytest.raises(ServerTooOld, match="PostgreSQL 18; Steploom needs 99"):
        schema.status(empty)


def test_a_server_with_an_old_pgvector_is_refused(empty: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "_OLDEST_VECTORS", (99, 0))
    with pytest.raises(NoVectors, match="Update pgvector"):
        schema.status(empty)


def test_a_server_without_pgvector_is_refused(
    empty: Address, connection: psycopg.Connection[tuple[object, ...]]
) -> None:
    # The system view is found through the search path, so a table of that name stands in for such a server.
    connection.execute("CREATE SCHEMA bare")
    connection.execute(
        "CREATE TABLE bare.pg_available_extensions (name text, installed_version text, default_version text)"
    )
    bare = Address.parse(f"{empty.dsn} options='-c search_path=bare,pg_catalog'")
    with pytest.raises(NoVectors, match="lacks the extension pgvector"):
        schema.status(bare)


def test_a_user_without_rights_learns_what_is_missing(
    empty: Address, connection: psycopg.Connection[tuple[object, ...]]
) -> None:
    guest = f"guest_{uuid.uuid4().hex[:8]}"
    connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(guest)))
    try:
        address = Address.parse(empty.dsn.replace("user=postgres", f"user={guest}"))
        with pytest.raises(SchemaError, match="permission denied for schema public"):
            schema.upgrade(address)
        connection.execute(sql.SQL("GRANT CREATE ON SCHEMA public TO {}").format(sql.Identifier(guest)))
        with pytest.raises(NoVectors, match="CREATE EXTENSION vector"):
            schema.upgrade(address)
    finally:
        connection.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(guest)))
        connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(guest)))


def test_what_cannot_be_reached_is_named_without_its_password(empty: Address) -> None:
    cases: list[tuple[str, type[ConnectError], str]] = [
        ("postgresql://me:hunter22@127.0.0.1:1/flows", ConnectError, "Check that the server runs"),
        (empty.dsn.replace("dbname=", "password=hunter22 dbname=no"), ConnectError, "no such database"),
        (empty.dsn.replace("user=postgres", "user=nobody password=hunter22"), LoginError, "does not know that user"),
        ("hunter22 is no address", ConnectError, "STEPLOOM_DATABASE_URL"),
    ]
    for text, expected, words in cases:
        with pytest.raises(expected, match=words) as caught:
            schema.status(Address.parse(text))
        assert type(caught.value) is expected
        assert "hunter22" not in str(caught.value)
        assert caught.value.__cause__ is None


def test_a_wrong_password_is_said_to_be_wrong() -> None:
    address = Address.parse("postgresql://me:hunter22@127.0.0.1/flows")
    error = psycopg.OperationalError('connection failed: FATAL:  password authentication failed for user "me"')
    explained = address.explain(error)
    assert isinstance(explained, LoginError)
    assert "refuses the password" in str(explained)
    assert "hunter22" not in str(explained)


def test_what_a_server_did_is_told_and_not_what_that_may_mean() -> None:
    address = Address.parse("postgresql://me@127.0.0.1/flows")
    error = psycopg.OperationalError(
        'connection failed: connection to server at "127.0.0.1", port 5432 failed: server closed the connection '
        "unexpectedly\n\tThis probably means the server terminated\n\tbefore or while processing the request."
    )
    assert "cannot be reached: server closed the connection unexpectedly. Check" in str(address.explain(error))


def test_addresses_show_everything_but_the_password() -> None:
    address = Address.parse("postgresql+psycopg://me:hunter22@db.example.com:6543/flows")
    assert address.shown == "postgresql://me@db.example.com:6543/flows"
    assert "hunter22" in address.dsn
    assert "hunter22" not in repr(address)


def test_connections_to_other_machines_break_when_nothing_is_heard_any_more() -> None:
    far = Address.parse("postgresql://me@db.example.com/flows").dsn
    assert "tcp_user_timeout=20000" in far
    assert "keepalives_idle=10" in far
    assert "tcp_user_timeout=5000" in Address.parse("postgresql://me@db.example.com/a?tcp_user_timeout=5000").dsn
    assert "keepalives" not in Address.parse("postgresql://me@localhost/flows").dsn


def test_tls_is_verified_for_other_machines_only() -> None:
    assert "sslmode=verify-full" in Address.parse("postgresql://me@db.example.com/flows").dsn
    assert "sslmode=verify-full" in Address.parse("postgresql://me@10.0.0.7/flows").dsn
    assert "sslmode=require" in Address.parse("postgresql://me@db.example.com/flows?sslmode=require").dsn
    for local in ("localhost", "127.0.0.1", "[::1]", ""):
        assert "sslmode" not in Address.parse(f"postgresql://me@{local}/flows").dsn


@pytest.fixture(autouse=True)
def _reflected_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let SQLAlchemy recognise the column type when it looks at a database."""
    monkeypatch.setitem(ischema_names, "vector", Embedding)


def _is_ours(name: str | None, kind: str, _parents: object) -> bool:
    """The queue's library brings tables of its own, which it declares to nobody."""
    return not (kind == "table" and name is not None and name.startswith("procrastinate_"))


def _differences(address: Address) -> list[object]:
    engine = sqlalchemy.create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(address.dsn))
    try:
        with engine.connect() as opened:
            options = {"compare_type": True, "compare_server_default": True, "include_name": _is_ours}
            return list(compare_metadata(MigrationContext.configure(opened, opts=options), Base.metadata))
    finally:
        engine.dispose()
