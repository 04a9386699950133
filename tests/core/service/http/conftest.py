"""A service on loopback, as `steploom serve` makes it: a real database, a worker, the demonstration model."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from core.agents.agent import Agent
from core.workflow.document import loads
from core.workspace import Workspace
from tests.support.http_service import WORKFLOWS, Site, running
from tests.support.openrouter import StandIn, configured_stand_in


@pytest.fixture
async def site(database_url: str, home: Path) -> AsyncIterator[Site]:
    async with Workspace.open(home, database_url=database_url, demo=True) as workspace:
        assert workspace.store is not None
        for text in WORKFLOWS:
            await workspace.store.workflows.save(loads(text), 0)
        await workspace.agents.save(Agent("Helper", description="Helps.", prompt="You know the word zebra-stripes."), 0)
        async with running(workspace) as made:
            yield made


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """A local OpenRouter that the service takes for the real one, where a test opens it without the demonstration."""
    with configured_stand_in(monkeypatch) as made:
        yield made


@pytest.fixture
async def http(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """A client with every scope but admin."""
    async with site.client("run", "read", "answer") as made:
        yield made
