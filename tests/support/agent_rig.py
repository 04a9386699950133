"""An agent with everything around it made for tests: a script instead of a model, time by hand, all kept in memory."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, TypeVar
from uuid import UUID, uuid5

from core.agents.agent import Agent, Function
from core.agents.chat import Chat, ChatParts
from core.agents.chat_events import ChatEvent, TurnEnded, TurnWaiting
from core.agents.function_set import FunctionSet
from core.agents.functions import CallableFunction, CallContext, CallResult, FunctionFacts
from core.agents.kit import Kit, KnownAgent, LookUp, ModelFacts, Remembering
from core.agents.reply import Outcome, Reply
from core.engine.clock import Clock
from core.engine.engine import Engine, Run
from core.engine.events import Usage
from core.engine.journal import Journal
from core.engine.memory_blobs import MemoryBlobs
from core.engine.memory_journal import MemoryJournal
from core.engine.services import ChatAnswer, Models, Services, ToolCall
from core.engine.testing import ManualClock
from core.engine.testing_models import Scripted, ScriptedModels
from core.llm.tool_calls import wire_calls
from core.steps import discover
from core.store.conversation_records import Conversation, StoredMessage
from core.store.conversations import Conversations
from core.store.errors import AgentNotFound
from core.store.memory_conversations import MemoryConversations
from core.workflow.model import Json, Workflow
from core.workspace import bind_inputs
from tests.support.engine_rig import KeptSecrets, KeptWorkflows

E = TypeVar("E", bound=ChatEvent)
_NAMES = UUID("00000000-0000-4000-8000-000000000001")
SPENT = Usage(tokens_in=100, tokens_out=20, cost_usd=0.01)


def wants(*calls: tuple[str, Mapping[str, Json] | str], text: str = "", usage: Usage = SPENT) -> ChatAnswer:
    """A model's answer that wants functions called: names with their arguments, or with broken JSON as text."""
    made = []
    for number, (name, arguments) in enumerate(calls):
        if isinstance(arguments, str):
            made.append(ToolCall(f"call_{number}", name, None, arguments))
        else:
            made.append(ToolCall(f"call_{number}", name, dict(arguments), json.dumps(arguments)))
    message = {"role": "assistant", "content": text or None, "tool_calls": wire_calls(tuple(made))}
    return ChatAnswer(text, message, "scripted", "tool_calls", tool_calls=tuple(made), usage=usage)


class Recording:
    """A function that keeps what it was called with. gives: its result, or an exception to raise, or what makes one."""

    def __init__(self, name: str, gives: Any = "done", **facts: Any) -> None:
        self.gives = gives
        self.calls: list[Mapping[str, Json]] = []
        self.contexts: list[CallContext] = []
        self.facts = FunctionFacts(name, **{"parameters": {"type": "object"}, "description": name, **facts})

    async def call(self, arguments: Mapping[str, Json], context: CallContext) -> CallResult:
        """Keep the arguments and give the result."""
        self.calls.append(dict(arguments))
        self.contexts.append(context)
        given = self.gives(arguments, context) if callable(self.gives) else self.gives
        if hasattr(given, "__await__"):
            given = await given
        if isinstance(given, BaseException):
            raise given
        return given if isinstance(given, CallResult) else CallResult(given)


class KeptAgents:
    """Agents by name, from a list."""

    def __init__(self, *agents: Agent) -> None:
        self.by_name = {agent.name: KnownAgent(uuid5(_NAMES, agent.name), agent) for agent in agents}

    async def named(self, name: str) -> KnownAgent:
        """The agent of that name."""
        if name not in self.by_name:
            raise AgentNotFound(f"There is no agent {name!r}.")
        return self.by_name[name]

    async def numbered(self, agent_id: UUID) -> KnownAgent:
        """The agent with that id."""
        for known in self.by_name.values():
            if known.id == agent_id:
                return known
        raise AgentNotFound(f"There is no agent {agent_id}.")


class AgentRig:
    """A Chat on conversations in memory. models: the script. functions: added to what the agents' settings make."""

    def __init__(
        self,
        *script: Scripted,
        agents: Sequence[Agent] = (Agent("Ada", prompt="You are Ada."),),
        functions: Sequence[CallableFunction] = (),
        workflows: Sequence[Workflow] = (),
        models: Models | None = None,
        conversations: Conversations | None = None,
        journal: Journal | None = None,
        memory: Remembering | None = None,
        look_up: LookUp | None = None,
        clock: Clock | None = None,
        services: Mapping[str, Any] | None = None,
        servers: Callable[[], Any] | None = None,
        secrets: Mapping[str, str] | None = None,
    ) -> None:
        self.clock: Any = clock or ManualClock()
        self.models: Any = models or ScriptedModels(*script, usage=SPENT)
        self.agents = KeptAgents(*agents)
        ids = {known.agent.name: known.id for known in self.agents.by_name.values()}
        self.conversations = conversations or MemoryConversations(self.clock.now, agent_named=ids.get)
        self.journal: Journal = journal or MemoryJournal(self.clock.now)
        self.blobs = MemoryBlobs()
        self.events: list[ChatEvent] = []
        kept = KeptWorkflows(*workflows)
        numbers = itertools.count(1)
        self.types = discover()
        self.engine = Engine(
            self.types,
            self.journal,
            services=Services(
                models=self.models, workflows=kept, secrets=KeptSecrets(secrets or {}), blobs=self.blobs,
                **(services or {}),
            ),
            clock=self.clock,
            new_id=lambda: f"run-{next(numbers)}",
            random=Random(1),
            bind_inputs=bind_inputs,
        )  # fmt: skip
        own = FunctionSet(
            types=self.types, workflows=kept, conversations=self.conversations, kit=lambda: self.kit, servers=servers
        )
        calls = itertools.count(1)
        self.kit = Kit(
            models=self.models,
            look_up=look_up or roomy,
            agents=self.agents,
            functions=_Both(own, functions),
            clock=self.clock,
            random=Random(2),
            new_id=lambda: f"call-{id(self) % 10_000}-{next(calls)}",
            blobs=self.blobs,
            memory=memory,
        )
        self.chat = Chat(
            ChatParts(self.kit, self.conversations, _Runs(self), lambda: f"run-{next(numbers)}", workflows=kept)
        )

    async def conversation(self, agent: str = "", **more: Any) -> Conversation:
        """A new conversation with that agent, or with the first."""
        return await self.chat.start(agent or next(iter(self.agents.by_name)), **more)

    async def say(self, text: str, conversation: Conversation | None = None) -> Outcome:
        """Say something, in a new conversation if none is given; how the turn ended."""
        held = conversation or await self.conversation()
        self.last = held.id
        return await self.finish(self.chat.send(held.id, text))

    async def finish(self, reply: Reply) -> Outcome:
        """How a turn ends; its events are added to those of the rig."""
        try:
            return await reply.outcome()
        finally:
            self.events += reply.events

    async def path(self, conversation: UUID | None = None) -> Sequence[StoredMessage]:
        """The messages of the branch that is shown."""
        return (await self.conversations.page(conversation or self.last)).messages

    def told(self, kind: type[E]) -> list[E]:
        """The events of a kind."""
        return [event for event in self.events if type(event) is kind]

    def sent(self, number: int = -1) -> list[dict[str, Any]]:
        """The messages of one of the requests."""
        return list(self.models.requests[number].messages)

    def offered(self, number: int = -1) -> list[str]:
        """The names of the functions that a request offered."""
        return [tool["function"]["name"] for tool in self.models.requests[number].tools]


class _Both:
    def __init__(self, own: FunctionSet, more: Sequence[CallableFunction]) -> None:
        self._own = own
        self._more = more

    async def functions_of(self, agent: Agent, depth: int) -> Sequence[CallableFunction]:
        return [*await self._own.functions_of(agent, depth), *self._more]


class _Runs:
    """What a workspace does for a chat's runs."""

    def __init__(self, rig: AgentRig) -> None:
        self._rig = rig

    @property
    def journal(self) -> Journal:
        return self._rig.journal

    def start(self, workflow: Workflow, inputs: Mapping[str, Json] | None = None, **more: Any) -> Run:
        return self._rig.engine.start(workflow, inputs, **more)

    async def resume(self, run_id: str) -> Run:
        return await self._rig.engine.resume(run_id)


async def roomy(model: str) -> ModelFacts:
    """A model into which everything fits, and that can do everything."""
    return ModelFacts(model or "scripted", context=200_000, max_output=8_000, structured=True, functions=True)


def ended(outcome: Outcome) -> TurnEnded:
    """The outcome of a turn that has to have ended."""
    assert isinstance(outcome, TurnEnded), outcome
    return outcome


def waiting(outcome: Outcome) -> TurnWaiting:
    """The outcome of a turn that has to wait."""
    assert isinstance(outcome, TurnWaiting), outcome
    return outcome


__all__ = ["AgentRig", "Function", "Recording", "ended", "waiting", "wants"]
