from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.store.agreed_tools import AgreedTools, StoredTool
from core.store.database import Database

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def tools(database: Database) -> AgreedTools:
    return AgreedTools(database)


async def test_an_agreement_comes_back_as_it_was_kept(tools: AgreedTools) -> None:
    odd = StoredTool("re\x00ad", "a" * 64, '{"description":"\x00 \ud800"}', NOON)
    await tools.keep("fi\x00les", odd)
    assert await tools.of("fi\x00les") == [odd]
    assert await tools.of("other") == []


async def test_a_later_agreement_takes_the_place_of_an_earlier_one(tools: AgreedTools) -> None:
    for text in ("one", "two"):
        await tools.keep("files", StoredTool("read", text, text, NOON))
    assert [each.hash for each in await tools.of("files")] == ["two"]


async def test_agreements_are_forgotten_one_by_one_or_for_a_whole_server(tools: AgreedTools) -> None:
    for name in ("a", "b", "c"):
        await tools.keep("files", StoredTool(name, "h", "{}", NOON))
    await tools.keep("web", StoredTool("a", "h", "{}", NOON))
    await tools.forget("files", "b")
    assert [each.tool for each in await tools.of("files")] == ["a", "c"]
    await tools.forget("files")
    assert await tools.of("files") == []
    assert [each.tool for each in await tools.of("web")] == ["a"]
