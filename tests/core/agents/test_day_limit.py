"""The limit of a day on spending, in a chat with a model that bills."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from core.agents.agent import Agent
from core.agents.chat_events import TurnEnded
from core.engine.clock import SystemClock
from core.workspace import Workspace
from tests.support.openrouter import KEY, running_stand_in


class OneDay(SystemClock):
    """The machine's time, but that the day on which it was made does not end."""

    def __init__(self) -> None:
        self._made = super().now()

    def now(self) -> datetime:
        """When it was made."""
        return self._made


async def test_a_chat_stops_at_the_limit_of_the_day_and_says_so(
    home: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
    with running_stand_in() as stand_in:
        server = {"base_url": stand_in.base_url, "kind": "openrouter"}
        budgets = {"usd_per_day": 0.00001}
        async with Workspace.open(
            home, database_url=database_url, clock=OneDay(), model_server=server, budgets=budgets
        ) as workspace:
            await workspace.agents.save(Agent("Ada"), 0)
            conversation = await workspace.chat.start("Ada")

            async def said(text: str) -> TurnEnded:
                outcome = await workspace.chat.send(conversation.id, text).outcome()
                assert isinstance(outcome, TurnEnded)
                return outcome

            assert (await said("Hello.")).status == "completed"
            stopped = await said("And again.")
    assert stopped.status == "limited"
    assert stopped.reason.startswith("Today all runs and chats have spent $0.0001")
    assert len(stand_in.sent()) == 1
