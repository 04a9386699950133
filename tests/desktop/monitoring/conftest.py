"""A program with many runs behind it and the monitoring panel in front."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from desktop.memory import WindowMemory
from desktop.program import Program
from tests.support.desktop_program import made_program, take_apart, until
from tests.support.monitoring import keep_runs, keep_spending, keep_workers, panel_of, store_of


@pytest.fixture
async def empty_program(home: Path, database_url: str) -> AsyncIterator[Program]:
    """A program in which nothing ever ran."""
    WindowMemory(home).first_run_done = True
    made = await made_program(home, database_url=database_url)
    made.window.resize(1440, 900)
    yield made
    await take_apart(made)


@pytest.fixture
async def program(empty_program: Program) -> Program:
    """The panel in front, everything counted."""
    now = datetime.now(UTC)
    store = store_of(empty_program)
    await keep_runs(store, now)
    await keep_spending(store, now)
    await keep_workers(store)
    empty_program.window.docks.reveal("monitoring")
    panel = panel_of(empty_program)
    await until(lambda: panel.numbers is not None and not panel.numbers.uncounted and bool(panel.numbers.types))
    return empty_program
