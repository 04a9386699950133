"""How a workspace puts its agents together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from random import SystemRandom
from uuid import UUID

from core.agents.chat import Chat, ChatParts
from core.agents.function_set import FunctionSet
from core.agents.kit import Kit, KnownAgent, ModelFacts, Remembering
from core.agents.library import AgentLibrary
from core.agents.mcp_function import ToolServers
from core.agents.step_work import StepAgents
from core.agents.workflow_runs import RunMaker
from core.engine.clock import Clock
from core.engine.services import Services
from core.engine.step_type import StepTypes
from core.ids import new_run_id
from core.llm.client import ModelServer
from core.llm.demo import DEMO_MODEL
from core.store.conversations import Conversations

DEMO_CONTEXT = 128_000
"""Tokens that the demonstration model is said to take."""


class Office:
    """A workspace's agents at work: one kit for chats and one for steps, as both ask the same models.

    services: what the runs get, models included. server: to ask about models; None for the demonstration model.
    day_is_over: as in Kit.
    """

    def __init__(
        self,
        *,
        library: AgentLibrary,
        conversations: Conversations,
        services: Services,
        server: ModelServer | None,
        default_model: str,
        types: StepTypes,
        clock: Clock,
        runs: RunMaker,
        servers: Callable[[], ToolServers] | None,
        memory: Remembering | None = None,
        day_is_over: Callable[[], Awaitable[str]] | None = None,
    ) -> None:
        assert services.models is not None
        functions = FunctionSet(
            types=types,
            workflows=services.workflows,
            conversations=conversations,
            kit=lambda: self.kit,
            servers=servers,
        )
        self._server = server
        self._default_model = default_model
        self.kit = Kit(
            models=services.models,
            look_up=self._look_up if server is not None else _demo_facts,
            agents=LibraryAgents(library),
            functions=functions,
            clock=clock,
            random=SystemRandom(),
            new_id=new_run_id,
            blobs=services.blobs,
            memory=memory,
            day_is_over=day_is_over,
        )
        self.chat = Chat(ChatParts(self.kit, conversations, runs, new_run_id, workflows=services.workflows))
        self.steps = StepAgents(lambda: self.kit, conversations)

    async def _look_up(self, model: str) -> ModelFacts:
        assert self._server is not None
        name = model or self._default_model
        info = await self._server.catalogue.look_up(name) if name else None
        if info is None:
            return ModelFacts(name)
        return ModelFacts(
            id=name,
            context=info.context,
            max_output=info.max_output,
            inputs=info.input_modalities,
            outputs=info.output_modalities,
            structured=info.supports("structured_outputs"),
            functions=info.supports("tools"),
        )


class LibraryAgents:
    """The AgentSource over the library."""

    def __init__(self, library: AgentLibrary) -> None:
        self._library = library

    async def named(self, name: str) -> KnownAgent:
        """The agent of that name. Raises AgentNotFound."""
        saved = await self._library.get(name)
        return KnownAgent(saved.id, saved.agent)

    async def numbered(self, agent_id: UUID) -> KnownAgent:
        """The agent with that id, though it may be in the bin. Raises AgentNotFound."""
        saved = await self._library.get_by_id(agent_id)
        return KnownAgent(saved.id, saved.agent)


async def _demo_facts(model: str) -> ModelFacts:
    return ModelFacts(DEMO_MODEL, context=DEMO_CONTEXT, inputs=("text", "image"), structured=True, functions=True)
