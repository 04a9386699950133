"""Publishing, switching, pausing and trying the trigger of a workflow in a real library."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from core.store.errors import StoreError
from core.store.tokens import Tokens
from desktop.panels.trigger_publishing import SessionPublishing
from desktop.session import Session
from tests.core.service.triggers.conftest import greeting


async def test_a_schedule_is_switched_on_paused_resumed_and_tried(database_url: str, tmp_path: Path) -> None:
    session = Session(tmp_path / "home", database_url=database_url)
    publishing = SessionPublishing(session)
    assert await publishing.stands("Greeting") is None
    with pytest.raises(StoreError, match="no library now"):
        await publishing.sample("Greeting")
    await session.load_types()
    await session.open()
    try:
        assert session.workspace is not None
        store = session.workspace.store
        assert store is not None
        assert await publishing.stands("Greeting") is None
        await store.workflows.save(greeting(cron="0 3 1 1 *", inputs={"who": "Bob"}), 0)
        on = await publishing.switch("Greeting", True)
        assert on is not None
        assert (on.publication.published, on.ahead, on.schedule is not None) == (1, 0, True)
        paused = await publishing.pause("Greeting", True)
        assert paused is not None
        assert paused.is_paused
        resumed = await publishing.pause("Greeting", False)
        assert resumed is not None
        assert not resumed.is_paused

        workflow, inputs = await publishing.sample("Greeting")
        assert (workflow.name, inputs) == ("Greeting", {"who": "Bob"})
        run_id = await publishing.test("Greeting", {"who": "Eve"})
        async with asyncio.timeout(30):
            while not (runs := await session.workspace.runs()):  # noqa: ASYNC110 - it is written beside the window
                await asyncio.sleep(0.01)
        (run,) = runs
        assert run.id == run_id
        assert (run.inputs, dict(run.labels)) == ({"who": "Eve"}, {"trigger": "schedule", "test": "yes"})
        stands = await publishing.stands("Greeting")
        assert stands is not None
        assert stands.past == ()  # nobody's trigger started that
        assert stands.starts_here

        await store.workflows.save(greeting(cron="0 4 1 1 *"), 1)
        assert (stands := await publishing.stands("Greeting")) is not None
        assert stands.ahead == 1
        off = await publishing.switch("Greeting", False)
        assert off is not None
        assert (off.publication.is_active, off.schedule) == (False, None)

        text = await publishing.make_token("Greeting")
        token = await Tokens(store.database, now=session.workspace.clock.now).check(text)
        assert token is not None
        assert (token.name, set(token.scopes)) == ("Greeting", {"run"})
    finally:
        await session.close()
