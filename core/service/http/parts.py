"""What the HTTP service is made of; whoever starts it puts these together from a workspace."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from core.agents.chat import Chat
from core.agents.library import SavedAgent
from core.engine.clock import Clock
from core.engine.journal import Journal
from core.service.hooks import Hooks, NoHooks
from core.service.live_runs import LiveRuns
from core.service.queue import RunQueue
from core.service.triggers.call_rates import CallLimits
from core.service.triggers.switches import Switches
from core.store.conversations import Conversations
from core.store.tokens import Token
from core.workflow.model import Json, Workflow


@dataclass(frozen=True, slots=True)
class ShelfEntry:
    """A workflow in a list. published: the version that its trigger runs, 0 for none. is_active: its trigger starts
    it."""

    name: str
    version: int
    updated: datetime
    folder: str = ""
    tags: tuple[str, ...] = ()
    published: int = 0
    is_active: bool = False


@dataclass(frozen=True, slots=True)
class ShelfWorkflow:
    """A workflow that can be run. version: its number. folder: where it is filed. published, is_active: as above."""

    workflow: Workflow
    version: int
    folder: str = ""
    published: int = 0
    is_active: bool = False


class WorkflowShelf(Protocol):
    """The workflows that are offered. They are named, never read from a file that a caller names."""

    async def list(self) -> Sequence[ShelfEntry]:
        """All of them by folder and name."""

    async def chats(self) -> Sequence[ShelfEntry]:
        """Those whose trigger is a message, and that take one."""

    async def get(self, name: str, version: int | None = None) -> ShelfWorkflow:
        """One of them; None for the version that runs by default. Raises WorkflowNotFound."""


class AgentShelf(Protocol):
    """The agents that are offered."""

    async def list(self) -> Sequence[SavedAgent]:
        """All of them by name."""

    async def get(self, name: str, /) -> SavedAgent:
        """One of them. Raises AgentNotFound."""


class TokenBook(Protocol):
    """The tokens that callers show."""

    async def check(self, secret: str) -> Token | None:
        """The valid token of that text, or None."""

    async def list(self) -> Sequence[Token]:
        """All tokens, also those that are valid no more."""

    async def revoke(self, token_id: str) -> None:
        """Let a token allow nothing any more. Raises TokenNotFound."""


@dataclass(frozen=True, slots=True)
class ServiceLimits:
    """What one caller may ask for.

    body, answer: bytes. head_s, body_s: seconds in which a request, and its body, must have come. longest_wait_s:
    seconds for which an answer may be waited for. streams, chats: at the same time. heartbeat_s: seconds of silence of
    a stream. token_s: seconds after which an open stream notices that its token was revoked. poll_s: between two looks
    at a run of which nobody tells; slow_poll_s: at one of which its process tells.
    """

    body: int = 8_000_000
    answer: int = 32_000_000
    head_s: float = 20.0
    body_s: float = 30.0
    longest_wait_s: float = 300.0
    streams: int = 256
    chats: int = 64
    heartbeat_s: float = 15.0
    token_s: float = 2.0
    poll_s: float = 0.5
    slow_poll_s: float = 5.0


@dataclass(slots=True)
class OpenStreams:
    """How many streams of events are open."""

    count: int = 0


@dataclass(frozen=True, slots=True)
class ServiceParts:
    """Everything that the service needs.

    metrics: all metrics in Prometheus's text format. ready: raises StoreError while nothing can be done. read_file:
    a file that a step made, by its hash. keep_file: keeps bytes with their media type and name; what names them.
    hosts: names by which the service may be called, without a port. stopping: set when the service is about to end.
    rates: counts the requests of tokens that have a rate.
    """

    workflows: WorkflowShelf
    queue: RunQueue
    journal: Journal
    live: LiveRuns
    agents: AgentShelf
    chat: Chat
    conversations: Conversations
    tokens: TokenBook
    switches: Switches
    metrics: Callable[[], bytes]
    ready: Callable[[], Awaitable[None]]
    read_file: Callable[[str], Awaitable[bytes]]
    keep_file: Callable[[bytes, str, str], Awaitable[Mapping[str, Json]]]
    clock: Clock
    hosts: frozenset[str]
    version: str = ""
    hooks: Hooks = field(default_factory=NoHooks)
    limits: ServiceLimits = field(default_factory=ServiceLimits)
    rates: CallLimits | None = None
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    streams: OpenStreams = field(default_factory=OpenStreams)
