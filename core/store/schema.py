"""Whether a database fits this program, and bringing its tables up to date. Blocking: call it in a thread."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg

from core.store.address import Address
from core.store.errors import NoVectors, SchemaError, SchemaTooNew, ServerTooOld
from core.store.migrations import REVISIONS

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext, MigrationStep
    from alembic.script.revision import RevisionMap

_OLDEST_SERVER = 15
_OLDEST_VECTORS = (0, 8)
"""The first pgvector whose filtered searches through an index find all they should."""
_LOCK = 0x5354_4550_4C4F_4F4D
"""Number of the advisory lock under which tables are changed: the letters STEPLOOM."""
_BASE = "base"


@dataclass(frozen=True, slots=True)
class SchemaStatus:
    """What was found in a database.

    server: its version, such as '18.4'. vectors: pgvector's version there. current: the newest change that was
    applied, '' in an empty database. pending: changes that `upgrade` would apply.
    """

    server: str
    vectors: str
    current: str
    pending: tuple[str, ...]

    @property
    def is_current(self) -> bool:
        """Whether nothing needs to be done."""
        return not self.pending


def status(address: Address) -> SchemaStatus:
    """Look without changing anything.

    Raises ConnectError, LoginError, ServerTooOld, NoVectors or SchemaTooNew.
    """
    with _connected(address) as connection:
        server = _check_server(connection, address)
        vectors = _check_vectors(connection, address)
        current = _current(connection)
    if current and current not in REVISIONS:
        raise SchemaTooNew(
            f"The tables in {address.shown} were made by a newer Steploom (their state is {current!r}, the newest this "
            "one knows is " + repr(REVISIONS[-1]) + "). Nothing was changed. Update this Steploom."
        )
    done = REVISIONS.index(current) + 1 if current else 0
    return SchemaStatus(server, vectors, current, REVISIONS[done:])


def upgrade(address: Address, target: str = REVISIONS[-1]) -> SchemaStatus:
    """Make the tables, or bring them up to date, in one transaction; safe when several programs do so at once.

    Raises what `status` raises, or SchemaError.
    """
    found = status(address)
    if not found.is_current:
        _migrate(address, target)
        found = status(address)
    return found


def downgrade(address: Address, target: str = _BASE) -> None:
    """Take changes back, and the data in what they added with them. For tests and for emergencies."""
    _migrate(address, target)


@contextmanager
def _connected(address: Address) -> Iterator[psycopg.Connection[Any]]:
    try:
        with psycopg.connect(address.dsn, autocommit=True) as connection:
            yield connection
    except psycopg.OperationalError as error:
        raise address.explain(error) from None


def _check_server(connection: psycopg.Connection[Any], address: Address) -> str:
    version = connection.info.server_version
    if version < _OLDEST_SERVER * 10_000:
        raise ServerTooOld(
            f"The server of {address.shown} is PostgreSQL {version // 10_000}; Steploom needs {_OLDEST_SERVER} or "
            "newer. Update the server, or use another one."
        )
    return f"{version // 10_000}.{version % 10_000}"


def _check_vectors(connection: psycopg.Connection[Any], address: Address) -> str:
    row = connection.execute(
        "SELECT coalesce(installed_version, default_version) FROM pg_available_extensions WHERE name = 'vector'"
    ).fetchone()
    if row is None:
        raise NoVectors(
            f"The server of {address.shown} lacks the extension pgvector, which agents' memories need. Install it "
            "there (Debian: the package postgresql-NN-pgvector), or use a server that has it."
        )
    version = str(row[0])
    if tuple(int(part) for part in version.split(".")[:2]) < _OLDEST_VECTORS:
        raise NoVectors(
            f"The server of {address.shown} has pgvector {version}; Steploom needs 0.8 or newer. Update pgvector "
            "there and run `ALTER EXTENSION vector UPDATE` in the database."
        )
    return version


def _current(connection: psycopg.Connection[Any]) -> str:
    if connection.execute("SELECT to_regclass('alembic_version')").fetchone() in (None, (None,)):
        return ""
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else ""


def _migrate(address: Address, target: str) -> None:
    # Alembic takes a while to import and is needed once per database and update.
    import sqlalchemy
    from alembic.migration import MigrationContext
    from alembic.operations import Operations

    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(address.dsn), poolclass=sqlalchemy.NullPool
    )
    try:
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            context = MigrationContext.configure(connection, opts={"fn": _Steps(target)})
            with Operations.context(context):
                context.run_migrations()
    except sqlalchemy.exc.DBAPIError as error:
        raise _explained(address, error) from error
    finally:
        engine.dispose()


class _Steps:
    """Tells Alembic which migrations lead from a database's state to the wanted one."""

    def __init__(self, target: str) -> None:
        self._target = target

    def __call__(self, current: tuple[str, ...], context: MigrationContext) -> list[MigrationStep]:
        from alembic.runtime.migration import MigrationStep

        known = _revision_map()
        applied = REVISIONS.index(current[0]) + 1 if current else 0
        wanted = 0 if self._target == _BASE else REVISIONS.index(self._target) + 1
        if wanted >= applied:
            ups = (known.get_revision(name) for name in REVISIONS[applied:wanted])
            return [MigrationStep.upgrade_from_script(known, script) for script in ups]  # type: ignore[arg-type] # ours are Scripts
        downs = (known.get_revision(name) for name in reversed(REVISIONS[wanted:applied]))
        return [MigrationStep.downgrade_from_script(known, script) for script in downs]  # type: ignore[arg-type] # ours are Scripts


def _revision_map() -> RevisionMap:
    """All migrations as Alembic wants them, from imported modules: a frozen program has no folder to scan."""
    from alembic.script import Script
    from alembic.script.revision import RevisionMap

    modules = [importlib.import_module(f"core.store.migrations.{name}") for name in REVISIONS]
    return RevisionMap(lambda: (Script(module, module.revision, module.__name__) for module in modules))


def _explained(address: Address, error: Exception) -> SchemaError | NoVectors:
    cause = error.__cause__ or error
    reason = str(cause).splitlines()[0].rstrip(".")
    if isinstance(cause, psycopg.errors.InsufficientPrivilege):
        if "extension" in reason:
            return NoVectors(
                f"The user of {address.shown} may not create the extension pgvector. Let an administrator run "
                "`CREATE EXTENSION vector` in that database once."
            )
        return SchemaError(
            f"The user of {address.shown} may not make tables there: {reason}. Give the user the right to create "
            "in the schema, or use a database of the user's own."
        )
    return SchemaError(f"The tables in {address.shown} could not be brought up to date: {reason}. Nothing was changed.")
