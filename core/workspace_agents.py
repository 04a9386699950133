"""A workspace's agents: their library, conversations, memories and MCP servers, each made when first used.

Everything of agents is imported inside, so that a program which only runs workflows does without it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from core.engine.clock import Clock
from core.engine.errors import StepError
from core.engine.journal import Journal
from core.engine.services import Services, WorkflowSource
from core.engine.step_type import StepTypes
from core.llm.client import ModelServer
from core.llm.demo import DEMO_MODEL
from core.memory.step_memory import StepMemory
from core.monitoring.budgets import RunModels, budget
from core.monitoring.watch import Watch
from core.secrets import KeyringSecrets
from core.settings import Settings
from core.store.errors import AgentNotFound, StoreError
from core.store.store import Store

if TYPE_CHECKING:
    from core.agents.check import Available
    from core.agents.composition import Office
    from core.agents.library import AgentLibrary
    from core.agents.mcp.servers import McpServers
    from core.agents.workflow_runs import RunMaker
    from core.memory.composition import Remembrance
    from core.store.conversations import Conversations
    from core.store.memory_agents import MemoryAgents


@dataclass(frozen=True, slots=True)
class Ground:
    """What a workspace stands on, opened. store: None if nothing is kept."""

    home: Path
    settings: Settings
    clock: Clock
    types: StepTypes
    journal: Journal
    store: Store | None
    secrets: KeyringSecrets
    server: ModelServer
    watch: Watch


class WorkspaceAgents:
    """What agents need of a workspace, put together.

    services: those of runs, for the demonstration model or the real ones. runs: executes the workflows that are
    functions.
    """

    def __init__(self, ground: Ground, services: Callable[[bool], Services], runs: RunMaker) -> None:
        self._ground = ground
        self._store = ground.store
        self._services = services
        self._runs = runs
        self._offices: dict[bool, Office] = {}
        self._remembrances: dict[bool, Remembrance] = {}

    @cached_property
    def library(self) -> AgentLibrary:
        """The library of agents; one that lasts as long as the workspace if nothing is kept."""
        from core.agents.library import AgentLibrary

        return AgentLibrary(self._store.agents if self._store is not None else self._memory_agents)

    @cached_property
    def conversations(self) -> Conversations:
        """All conversations; those of this workspace alone if nothing is kept."""
        if self._store is not None:
            return self._store.conversations
        from core.store.memory_conversations import MemoryConversations

        return MemoryConversations(now=self._ground.clock.now, agent_named=self._memory_agents.named)

    @cached_property
    def _memory_agents(self) -> MemoryAgents:
        from core.store.memory_agents import MemoryAgents

        return MemoryAgents(now=self._ground.clock.now)

    @cached_property
    def mcp(self) -> McpServers:
        """The MCP servers of `mcp.json` in the home folder. None is started before it is used."""
        from core.agents.mcp.agreements import MemoryAgreements, StoredAgreements
        from core.agents.mcp.configuration import McpConfiguration
        from core.agents.mcp.servers import McpServers

        kept = StoredAgreements(self._store.agreed_tools) if self._store is not None else MemoryAgreements()
        return McpServers(
            McpConfiguration(self._ground.home), secrets=self._ground.secrets, agreements=kept, clock=self._ground.clock
        )

    def office(self, *, demo: bool) -> Office:
        """The agents at work with the real models or the demonstration model; made when first used."""
        if demo not in self._offices:
            from core.agents.composition import Office
            from core.agents.memory_use import AgentMemory

            limits = budget(self._ground.settings.budgets, self._store, self._ground.clock)
            self._offices[demo] = Office(
                library=self.library,
                conversations=self.conversations,
                services=self._services(demo),
                server=None if demo else self._ground.server,
                default_model=self._ground.settings.default_model,
                types=self._ground.types,
                clock=self._ground.clock,
                runs=self._runs,
                servers=lambda: self.mcp,
                memory=AgentMemory(lambda: self.remembrance(demo=demo)) if self._store is not None else None,
                day_is_over=None if demo else limits.day_is_over,
            )
        return self._offices[demo]

    def remembrance(self, *, demo: bool) -> Remembrance:
        """The memories with the real models or the demonstration model; made when first used."""
        if demo not in self._remembrances:
            from core.memory.composition import Remembrance

            assert self._store is not None
            services = self._services(demo)
            assert services.models is not None
            self._remembrances[demo] = Remembrance(
                self._store.database,
                services.models,
                embedding_model=DEMO_MODEL if demo else self._ground.settings.embedding_model,
                settings=self._ground.settings.memory,
                clock=self._ground.clock,
                thinks=not demo,
                recalled=self._ground.watch.recalled,
            )
        return self._remembrances[demo]

    def step_memory(self, *, demo: bool) -> StepMemory | None:
        """What memory steps work with; None if nothing is kept."""
        if self._store is None:
            return None
        return StepMemory(lambda: self.remembrance(demo=demo).memories, self._named)

    def run_models(self, workflows: WorkflowSource | None) -> RunModels:
        """Which models a run may come to use, for limits on spending."""

        async def agent_model(name: str) -> str:
            try:
                return (await self.library.get(name)).agent.model.model
            except (AgentNotFound, StoreError):
                return ""

        return RunModels(self._ground.server.catalogue, self._ground.settings.default_model, agent_model, workflows)

    async def available(self) -> Available:
        """What agents can use here, by name: to choose from, and to check them against."""
        from core.agents.check import Available
        from core.agents.mcp.errors import McpError

        workflows = None if self._store is None else {entry.name for entry in await self._store.workflows.list()}
        agents = {saved.agent.name: saved.agent for saved in await self.library.list()}
        servers: Mapping[str, object] | None = None
        with suppress(McpError):  # a broken `mcp.json` says so where servers are set up
            servers = await self.mcp.servers()
        return Available(workflows, agents, servers)

    async def _named(self, name: str) -> UUID:
        try:
            return (await self.library.get(name)).id
        except AgentNotFound as error:
            raise StepError(str(error), kind="not_found") from None

    async def stop_chats(self) -> None:
        """Stop what is being answered, and wait until what had come of it is written down."""
        for office in self._offices.values():
            await office.chat.stop()

    async def stop_memories(self) -> None:
        """Let what keeps the memories in order come to an end; what waits to be learned from is kept."""
        for remembrance in self._remembrances.values():
            await remembrance.close()

    async def stop_servers(self) -> None:
        """Let the MCP servers go, all at once."""
        if "mcp" in self.__dict__:
            await self.mcp.aclose()
