"""Tokens of programs that call Steploom over HTTP. Only what a token's hash is can be learned from here."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, TypeAlias, get_args

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from core.store.database import Database
from core.store.errors import TokenNotFound
from core.store.records import AnyRow
from core.store.tables import Base
from core.store.values import escape, unescape
from core.workflow.rates import Rate, parse_rate

Scope: TypeAlias = Literal["run", "read", "answer", "admin"]
"""What a token allows: to start and stop runs and to chat; to see workflows, runs and conversations; to answer for a
person; everything, tokens included."""

SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)

PREFIX: Final = "stk_"
"""How every token begins, so that people and programs that look for leaked keys know it."""

_ID_LENGTH: Final = 12
_SECRET_BYTES: Final = 32
_NOBODY: Final = hashlib.sha256(b"nobody").hexdigest()

_USED = text("""
UPDATE api_tokens SET last_used = :now
WHERE id = :id AND (last_used IS NULL OR last_used < :now)""")

_REVOKE = text("UPDATE api_tokens SET revoked = coalesce(revoked, now()) WHERE id = :id RETURNING id")

_NEWEST_FIRST = text("created DESC, id")


class TokenRow(Base):
    """A token."""

    __tablename__ = "api_tokens"
    __table_args__ = ({"comment": "Tokens of programs that call the HTTP API."},)

    id: Mapped[str] = mapped_column(primary_key=True, comment="the part of the token that is no secret")
    name: Mapped[str] = mapped_column(comment="what a person calls it")
    hash: Mapped[str] = mapped_column(comment="SHA-256 of the whole token, in hex")
    scopes: Mapped[list[str]] = mapped_column(comment="run, read, answer, admin")
    created: Mapped[datetime]
    expires: Mapped[datetime | None] = mapped_column(comment="NULL for never")
    last_used: Mapped[datetime | None] = mapped_column(comment="to the minute")
    revoked: Mapped[datetime | None]
    rate: Mapped[str] = mapped_column(server_default="", comment="requests at most, such as 60/1m")


_tokens = TokenRow.__table__.c


@dataclass(frozen=True, slots=True)
class Token:
    """What is known of a token. last_used: to the minute, None for never. rate: of its requests, None for any."""

    id: str
    name: str
    scopes: frozenset[Scope]
    created: datetime
    expires: datetime | None = None
    last_used: datetime | None = None
    revoked: datetime | None = None
    rate: Rate | None = None

    def allows(self, *wanted: Scope) -> bool:
        """Whether one of these scopes is among its own; `admin` stands for all."""
        return "admin" in self.scopes or not self.scopes.isdisjoint(wanted)

    def is_valid(self, now: datetime) -> bool:
        """Whether it was neither revoked nor has run out."""
        return self.revoked is None and (self.expires is None or now < self.expires)


class Tokens:
    """The tokens of a database. new_text: makes the secret part, of letters and digits."""

    def __init__(
        self,
        database: Database,
        *,
        now: Callable[[], datetime],
        new_text: Callable[[], str] = lambda: secrets.token_hex(_SECRET_BYTES),
    ) -> None:
        self._database = database
        self._now = now
        self._new_text = new_text

    async def create(
        self, name: str, scopes: Sequence[Scope], *, expires: datetime | None = None, rate: Rate | None = None
    ) -> tuple[Token, str]:
        """A new token, and its text, which nobody can learn again."""
        token = Token(secrets.token_hex(_ID_LENGTH // 2), name, frozenset(scopes), self._now(), expires, rate=rate)
        secret = f"{PREFIX}{token.id}_{self._new_text()}"
        row = insert(TokenRow).values(
            id=token.id, name=escape(name), hash=_hash(secret), scopes=sorted(token.scopes), created=token.created,
            expires=expires, rate=str(rate or ""),
        )  # fmt: skip

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(row.on_conflict_do_nothing())

        await self._database.run(work)
        return token, secret

    async def check(self, secret: str) -> Token | None:
        """The token of that text, None if it is none, was revoked or has run out. Notes that it was used.

        The hashes are compared in constant time, also if there is no such token.
        """
        token_id = secret.removeprefix(PREFIX).partition("_")[0] if secret.startswith(PREFIX) else ""
        known = len(token_id) == _ID_LENGTH and token_id.isascii() and token_id.isalnum()
        row = await self._database.run(lambda connection: _found(connection, token_id)) if known else None
        same = hmac.compare_digest(_hash(secret), row.hash if row is not None else _NOBODY)
        if row is None or not same:
            return None
        token = _token(row)
        if not token.is_valid(self._now()):
            return None
        now = self._now()
        if token.last_used is None or (now - token.last_used).total_seconds() > 60:
            await self._database.run(lambda connection: connection.execute(_USED, {"id": token_id, "now": now}))
        return token

    async def list(self) -> Sequence[Token]:
        """All tokens, also those that are valid no more; the newest first."""

        async def work(connection: AsyncConnection) -> Sequence[Token]:
            return [_token(row) for row in await connection.execute(select(*_tokens).order_by(_NEWEST_FIRST))]

        return await self._database.run(work)

    async def revoke(self, token_id: str) -> None:
        """Let a token allow nothing any more, at once and for good. Raises TokenNotFound."""

        async def work(connection: AsyncConnection) -> bool:
            return await connection.scalar(_REVOKE, {"id": escape(token_id)}) is not None

        if not await self._database.run(work):
            raise TokenNotFound(f"There is no token {token_id!r}. `steploom tokens list` shows the tokens there are.")


async def _found(connection: AsyncConnection, token_id: str) -> AnyRow | None:
    return (await connection.execute(select(*_tokens).where(_tokens.id == token_id))).one_or_none()


def _hash(secret: str) -> str:
    # A token holds 256 random bits, so that a slow hash would protect nothing more.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _token(row: AnyRow) -> Token:
    scopes = frozenset(scope for scope in SCOPES if scope in row.scopes)
    rate = parse_rate(row.rate) if row.rate else None
    return Token(row.id, unescape(row.name), scopes, row.created, row.expires, row.last_used, row.revoked, rate)
