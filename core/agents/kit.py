"""What every turn works with, as protocols: models and what is known of them, agents by name, memory, files, time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Protocol, TypeAlias
from uuid import UUID

from core.agents.agent import Agent, MemoryUse
from core.agents.chat_events import RecalledMemory
from core.agents.functions import FunctionSource
from core.agents.hosts import within
from core.engine.clock import Clock
from core.engine.events import NO_USAGE, Usage
from core.engine.services import Blobs, Models
from core.store.conversation_records import StoredMessage

DEFAULT_CONTEXT = 32_000
"""Tokens that are taken to fit into a model of which nothing is known."""


@dataclass(frozen=True, slots=True)
class KnownAgent:
    """An agent with its number in the store."""

    id: UUID
    agent: Agent


def restricted(known: KnownAgent, hosts: Sequence[str]) -> KnownAgent:
    """An agent that works for another one, which may reach these hosts only: it reaches none beyond them."""
    if not hosts:
        return known
    return replace(known, agent=replace(known.agent, hosts=within(known.agent.hosts, hosts)))


class AgentSource(Protocol):
    """Agents by name or id. Both raise AgentNotFound."""

    async def named(self, name: str) -> KnownAgent:
        """The agent of that name."""

    async def numbered(self, agent_id: UUID) -> KnownAgent:
        """The agent with that id, though it may be in the bin."""


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What a turn asks of a model. id: its full name, '' if none is chosen. context, max_output: tokens, None if
    unknown. inputs, outputs: the modalities it takes and gives, empty if unknown. structured, functions: None if
    unknown.
    """

    id: str = ""
    context: int | None = None
    max_output: int | None = None
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    structured: bool | None = None
    functions: bool | None = None


LookUp: TypeAlias = Callable[[str], Awaitable[ModelFacts]]
"""What is known of a model ('' for the default). Never fails."""


@dataclass(frozen=True, slots=True)
class Recollection:
    """What memory gave. text: as it is put before the model, '' for nothing. note: what kept it from giving more."""

    memories: tuple[RecalledMemory, ...] = ()
    text: str = ""
    mode: str = ""
    note: str = ""
    usage: Usage = NO_USAGE


@dataclass(frozen=True, slots=True)
class Learned:
    """A finished turn to learn from. prompts: the system prompts in force. recalled: ids of memories that were at hand;
    neither is to be learned again. tainted: something from outside was read.
    """

    conversation_id: UUID
    messages: Sequence[StoredMessage]
    prompts: Sequence[str] = ()
    recalled: Sequence[str] = ()
    tainted: bool = False


class Remembering(Protocol):
    """An agent's memory, as far as a turn needs it. No method may fail a turn: troubles become a note."""

    async def recall(self, agent_id: UUID, use: MemoryUse, query: str) -> Recollection:
        """What is worth knowing for this question. Also counts the memories as used."""

    def learn(self, agent_id: UUID, use: MemoryUse, turn: Learned) -> None:
        """Hand a finished turn over for learning in the background. Returns at once."""


@dataclass(frozen=True, slots=True)
class Kit:
    """What all turns of a workspace share.

    summary_model: writes notes of what no longer fits; '' for the agent's own. day_is_over: says why nothing more may
    be spent today, '' if more may; looked at before every request.
    """

    models: Models
    look_up: LookUp
    agents: AgentSource
    functions: FunctionSource
    clock: Clock
    random: Random
    new_id: Callable[[], str]
    blobs: Blobs | None = None
    memory: Remembering | None = None
    summary_model: str = ""
    day_is_over: Callable[[], Awaitable[str]] | None = None
