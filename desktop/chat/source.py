"""Who answers in a chat, where its messages are kept, and what a chat needs of the window."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from random import SystemRandom
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from core.agents.agent import Agent
from core.agents.chat import Chat
from core.agents.function_set import FunctionSet
from core.agents.kit import Kit, KnownAgent, ModelFacts
from core.engine.services import Blobs
from core.store.conversations import Conversations
from core.store.memory_conversations import MemoryConversations
from desktop.bridge import Bridge
from desktop.chat.shown import Face
from desktop.icons import Icons
from desktop.theme import ThemeManager

if TYPE_CHECKING:
    from core.workspace import Workspace

COLOURS = {
    "blue": "kind.output", "green": "kind.input", "yellow": "kind.logic", "purple": "kind.model", "pink": "kind.loop",
    "grey": "text.muted",
}  # fmt: skip
"""The token of each colour that an agent can have."""


@dataclass(frozen=True, slots=True)
class ChatAround:
    """What a chat needs of the window. now: the time in UTC."""

    themes: ThemeManager
    icons: Icons
    bridge: Bridge
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class ChatSource:
    """Who answers, and where it is kept.

    agents: their names. workflows: names of those that can answer. kept: whether conversations outlive the window.
    """

    chat: Chat
    conversations: Conversations
    blobs: Blobs | None
    named: Callable[[str], Awaitable[KnownAgent]]
    numbered: Callable[[UUID], Awaitable[KnownAgent]]
    look_up: Callable[[str], Awaitable[ModelFacts]]
    agents: Callable[[], Awaitable[Sequence[Agent]]]
    workflows: Callable[[], Awaitable[Sequence[str]]]
    kept: bool = True


def of_workspace(workspace: Workspace) -> ChatSource:
    """The agents and conversations of a workspace."""
    chat = workspace.chat
    kit = chat.parts.kit

    async def agents() -> Sequence[Agent]:
        return [saved.agent for saved in await workspace.agents.list()]

    async def workflows() -> Sequence[str]:
        if workspace.store is None:
            return ()
        found = []
        for entry in await workspace.store.workflows.list():
            workflow = (await workspace.store.workflows.get(entry.name)).workflow
            if "message" in workflow.inputs:
                found.append(entry.name)
        return found

    return ChatSource(
        chat, workspace.conversations, kit.blobs, kit.agents.named, kit.agents.numbered, kit.look_up, agents, workflows
    )


def throw_away(workspace: Workspace, agent: Callable[[], Agent]) -> ChatSource:
    """Answers with the agent that the callable gives at each turn, saved or not. Nothing is kept or remembered."""
    parts, fixed = workspace.chat.parts, uuid4()
    kit = parts.kit

    async def named(_: str) -> KnownAgent:
        return KnownAgent(fixed, agent())

    async def numbered(agent_id: UUID) -> KnownAgent:
        return KnownAgent(fixed, agent()) if agent_id == fixed else await kit.agents.numbered(agent_id)

    async def agents() -> Sequence[Agent]:
        return [agent()]

    async def none() -> Sequence[str]:
        return ()

    source = _OneAgent(named, numbered)
    conversations = MemoryConversations(workspace.clock.now, agent_named=lambda _: fixed)
    own: dict[str, Kit] = {}
    functions = FunctionSet(
        types=workspace.types,
        workflows=parts.workflows,
        conversations=conversations,
        kit=lambda: own["kit"],
        servers=lambda: workspace.mcp,
    )
    own["kit"] = replace(kit, agents=source, functions=functions, random=SystemRandom(), memory=None)
    chat = Chat(replace(parts, kit=own["kit"], conversations=conversations))
    return ChatSource(chat, conversations, kit.blobs, named, numbered, kit.look_up, agents, none, kept=False)


def face_of(agent: Agent) -> Face:
    """How an agent is shown."""
    return Face(agent.icon, COLOURS.get(agent.colour, "kind.model"))


@dataclass(frozen=True, slots=True)
class _OneAgent:
    """The AgentSource of a throw-away chat."""

    by_name: Callable[[str], Awaitable[KnownAgent]]
    by_number: Callable[[UUID], Awaitable[KnownAgent]]

    async def named(self, name: str) -> KnownAgent:
        return await self.by_name(name)

    async def numbered(self, agent_id: UUID) -> KnownAgent:
        return await self.by_number(agent_id)
