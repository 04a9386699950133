"""The workspace behind the window: opened after the first paint, because what it needs takes seconds to load."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from core.engine.clock import midnight
from desktop.bridge import explain
from desktop.trigger_service import TriggerService

if TYPE_CHECKING:
    from core.engine.step_type import StepTypes
    from core.workspace import Workspace


class Session(QObject):
    """The step types and the workspace, as soon as they are there.

    types_ready: the StepTypes. opened: the Workspace. failed: why the database cannot be used, in words. memory_only:
    there is no database, and so no library.
    """

    types_ready = Signal(object)
    opened = Signal(object)
    failed = Signal(str)

    def __init__(self, home: Path, *, database_url: str = "", memory_only: bool = False, demo: bool = False) -> None:
        super().__init__()
        self.home = home
        self.types: StepTypes | None = None
        self.workspace: Workspace | None = None
        self.database_url = database_url
        self.memory_only = memory_only
        self._demo = demo
        self._stack = AsyncExitStack()

    async def load_types(self) -> None:
        """Find the step types: all that drawing needs."""
        self.types = await asyncio.to_thread(_types)
        self.types_ready.emit(self.types)

    async def open(self) -> None:
        """Open the workspace; a database that cannot be used is told by `failed`, and `open` may be called again."""
        workspace_class = await asyncio.to_thread(_workspace_class)
        opening = workspace_class.open(
            self.home,
            database_url=self.database_url,
            memory_only=self.memory_only,
            demo=self._demo,
            types=self.types,
            stream_in_thread=True,
        )
        try:
            self.workspace = await self._stack.enter_async_context(opening)
        except Exception as error:
            if not hasattr(error, "code"):  # not one that is written for people
                raise
            self.failed.emit(explain(error))
            return
        triggers = TriggerService(self.workspace)
        triggers.start()
        self._stack.push_async_callback(triggers.stop)
        self.opened.emit(self.workspace)

    async def reopen(self) -> None:
        """Open the workspace anew with the settings as they are now. Runs are stopped so that they can be resumed."""
        await self.close()
        self._stack = AsyncExitStack()
        await self.open()

    async def close(self) -> None:
        """Stop what runs so that it can be resumed, write what is queued, and let go of the database."""
        self.workspace = None
        await self._stack.aclose()

    async def cost_today(self) -> float:
        """What the runs that were started today, and chats of today, have cost, in US dollars."""
        if self.workspace is None:
            return 0.0
        today = midnight(self.workspace.clock.now())
        if self.workspace.store is not None:
            return await self.workspace.store.spending.since(today)
        runs = await self.workspace.runs(limit=10_000)
        return sum(run.usage.cost_usd for run in runs if run.created >= today)


def _types() -> StepTypes:
    from core.steps import discover  # takes longer than a frame to import

    return discover()


def _workspace_class() -> type[Workspace]:
    from core.workspace import Workspace  # brings SQLAlchemy, psycopg and httpx: more than a second

    return Workspace
