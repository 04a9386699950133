"""Tokens of the HTTP API: what is kept of them, and for whom they open."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.engine.testing import ManualClock
from core.store.database import Database
from core.store.errors import TokenNotFound
from core.store.tokens import PREFIX, Tokens
from core.workflow.rates import Rate


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def tokens(database: Database, clock: ManualClock) -> Tokens:
    return Tokens(database, now=clock.now)


async def test_a_token_is_known_by_its_text_alone(tokens: Tokens) -> None:
    made, text = await tokens.create("ci \x00", ["run", "read"])
    assert text.startswith(PREFIX)
    found = await tokens.check(text)
    assert found is not None
    assert (found.id, found.name, found.scopes) == (made.id, "ci \x00", frozenset({"run", "read"}))
    wrong = text[:-1] + ("0" if text[-1] != "0" else "1")
    for other in (
        wrong,
        text + "x",
        text[:-1],
        text.upper(),
        made.id,
        f"stk_{made.id}_",
        "",
        "stk_",
        "stk_\x00\ud800_",
    ):
        assert await tokens.check(other) is None


async def test_a_token_may_have_a_rate(tokens: Tokens) -> None:
    made, text = await tokens.create("ci", ["read"], rate=Rate(600, 60.0))
    found = await tokens.check(text)
    assert found is not None
    assert found.rate == made.rate == Rate(600, 60.0)


async def test_nothing_of_a_token_can_be_read_from_the_database(tokens: Tokens, database: Database) -> None:
    _, text = await tokens.create("ci", ["read"])
    secret = text.rpartition("_")[2]

    async def whole(connection: object) -> str:
        rows = await connection.exec_driver_sql("SELECT row_to_json(t)::text FROM api_tokens t")  # type: ignore[attr-defined]
        return "".join(row[0] for row in rows)

    kept = await database.run(whole)
    assert "ci" in kept
    assert secret not in kept


async def test_a_revoked_token_opens_nothing_and_is_still_listed(tokens: Tokens) -> None:
    made, text = await tokens.create("ci", ["run"])
    await tokens.revoke(made.id)
    await tokens.revoke(made.id)
    assert await tokens.check(text) is None
    (listed,) = await tokens.list()
    assert listed.revoked is not None
    with pytest.raises(TokenNotFound, match="steploom tokens list"):
        await tokens.revoke("nobody")


async def test_a_token_runs_out(tokens: Tokens, clock: ManualClock) -> None:
    _, text = await tokens.create("ci", ["run"], expires=clock.now() + timedelta(hours=1))
    assert await tokens.check(text) is not None
    await clock.advance(3600)
    assert await tokens.check(text) is None


async def test_it_is_noted_when_a_token_was_used(tokens: Tokens) -> None:
    _, text = await tokens.create("ci", ["run"])
    assert (await tokens.list())[0].last_used is None
    await tokens.check(text)
    assert (await tokens.list())[0].last_used is not None


async def test_admin_stands_for_all_scopes(tokens: Tokens) -> None:
    admin, _ = await tokens.create("a", ["admin"])
    reader, _ = await tokens.create("r", ["read"])
    assert admin.allows("run")
    assert reader.allows("run", "read")
    assert not reader.allows("run")
