"""The Agents service of a workspace, put together when a step first wants an agent: starting up stays quick."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from core.engine.services import AgentAnswer, AgentTask
from core.engine.step_type import StepContext

if TYPE_CHECKING:
    from core.agents.composition import Office


class AgentsWhenUsed:
    """office: gives the agents at work."""

    def __init__(self, office: Callable[[], Office]) -> None:
        self._office = office

    async def work(self, task: AgentTask, context: StepContext) -> AgentAnswer:
        """Have an agent work inside a step."""
        return await self._office().steps.work(task, context)
