"""Fixtures of the engine's tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.support.engine_rig import Rig

HANGS_AFTER = 60.0
"""Seconds of real time; the slowest test takes one."""


@pytest.fixture
async def no_task_left() -> AsyncIterator[None]:
    """Fails a test that leaves an asyncio task behind, and one that hangs."""
    loop = asyncio.get_running_loop()

    def give_up() -> None:
        for task in asyncio.all_tasks(loop):
            task.cancel("the test hangs")

    alarm = loop.call_later(HANGS_AFTER, give_up)
    yield
    alarm.cancel()
    await asyncio.sleep(0)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, f"Tasks were left behind: {left}"


@pytest.fixture
def rig() -> Rig:
    """An engine with the small steps and those of tests.support.engine_steps."""
    return Rig()
