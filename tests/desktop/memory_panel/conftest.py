"""A program whose agent remembers a few things."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from desktop.memory import WindowMemory
from desktop.program import Program
from tests.support.desktop_program import made_program, take_apart, until
from tests.support.memory_panel import make_agent, panel_of


@pytest.fixture
async def program(home: Path, database_url: str) -> AsyncIterator[Program]:
    """A program with the memory panel in front and nothing remembered."""
    WindowMemory(home).first_run_done = True
    made = await made_program(home, database_url=database_url)
    made.window.resize(1440, 900)
    made.window.docks.reveal("memory")
    await until(lambda: panel_of(made).list.rows.total is not None)
    yield made
    await take_apart(made)


@pytest.fixture
async def agent(program: Program) -> UUID:
    """The id of an agent called Concierge."""
    made = await make_agent(program, "Concierge")
    program.memories.refresh()
    await until(lambda: len(program.memories.owners) == 1)
    return made
