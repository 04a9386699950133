"""What an agent can call: one protocol for workflows, Python functions, MCP tools, other agents, built-in functions."""

from __future__ import annotations

from collections.abc import Callable as Function
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias
from uuid import UUID

from core.agents.account import Share
from core.agents.agent import Agent
from core.engine.clock import Clock
from core.engine.events import NO_USAGE, Usage
from core.engine.step_type import Effect
from core.store.conversation_records import FunctionCall
from core.workflow.model import Json, Workflow

if TYPE_CHECKING:
    from core.agents.kit import Kit
    from core.agents.made_files import MadeFile

EffectivePolicy: TypeAlias = Literal["auto", "ask", "never"]

NO_PARAMETERS: Mapping[str, Json] = {"type": "object", "properties": {}, "additionalProperties": False}
"""The JSON Schema of a function without arguments."""


@dataclass(frozen=True, slots=True)
class FunctionFacts:
    """What is known of a function without calling it.

    name: as the model calls it, `[A-Za-z0-9_-]{1,64}`. kind: `workflow`, `python`, `mcp`, `agent`, `built_in`, or
    `asker` if whoever asks carries it out. source: what it calls, for the person. parameters: JSON Schema of an
    object. effect: as of step types. parallel: may run beside other calls. untrusted: its result comes from outside.
    outward: its arguments can decide where data goes. resumable: after an interruption the same call goes on and
    repeats nothing. hands_over: another agent answers afterwards. timeout: seconds, None for no limit but the turn's.
    trouble: why it cannot be called now, '' if it can.
    """

    name: str
    description: str = ""
    kind: str = "built_in"
    source: str = ""
    parameters: Mapping[str, Json] = field(default_factory=lambda: NO_PARAMETERS)
    effect: Effect = "pure"
    policy: EffectivePolicy = "auto"
    parallel: bool = False
    untrusted: bool = False
    outward: bool = False
    resumable: bool = False
    hands_over: bool = False
    timeout: float | None = None
    trouble: str = ""

    @property
    def parallel_safe(self) -> bool:
        """Whether it may run at the same time as others."""
        return self.parallel or self.effect in ("pure", "reads")

    def wire(self) -> dict[str, Any]:
        """The definition as models are sent it."""
        function = {"name": self.name, "description": self.description, "parameters": dict(self.parameters)}
        return {"type": "function", "function": function}


def effective_policy(wished: str, effect: Effect, *, is_foreign: bool = False) -> EffectivePolicy:
    """The policy in force: as wished; unset it asks for what writes, spends, or is foreign."""
    match wished:
        case "auto" | "ask" | "never":
            return wished
        case _:
            return "ask" if is_foreign or effect in ("writes", "spends") else "auto"


@dataclass(frozen=True, slots=True)
class Handoff:
    """Another agent takes the conversation over. brief: what it should know."""

    agent: str
    reason: str = ""
    brief: str = ""


@dataclass(frozen=True, slots=True)
class CallResult:
    """What a function gave. value: JSON, or text. tainted: None for what the function's facts say. files: what it made
    besides, for a person to see; the model knows of them by the value alone."""

    value: Json
    usage: Usage = NO_USAGE
    tainted: bool | None = None
    handoff: Handoff | None = None
    files: tuple[MadeFile, ...] = ()


class Surroundings(Protocol):
    """Where an agent works: in a chat of its own, or as a step inside a run. It decides what is shared."""

    @property
    def variables(self) -> Mapping[str, Json]:
        """The shared variables, as they are now."""

    async def set_variables(self, changes: Mapping[str, Json]) -> None:
        """Change some of them, durably."""

    @property
    def remembers_calls(self) -> bool:
        """Whether a call that is made again after an interruption repeats nothing, whatever its function."""

    def equip(self, kit: Kit) -> Kit:
        """The kit of a turn here, which may ask other models than elsewhere."""

    async def may_ask(self) -> None:
        """Let a model be asked once more. Raises Suspend for a turn that goes on later, as a limit is reached."""

    def new_run_id(self, facts: FunctionFacts) -> str:
        """The id of the run that a call of that function will make, '' if it makes none of its own."""

    async def call(self, function: CallableFunction, arguments: Mapping[str, Json], context: CallContext) -> CallResult:
        """Make a call of the agent's. Raises what the function raises."""

    async def run_workflow(
        self, workflow: Workflow, inputs: Mapping[str, Json], origin: str, context: CallContext
    ) -> CallResult:
        """Run a workflow on behalf of a call, sharing the variables; its outputs. Raises FunctionError or CallWaits."""

    async def abandon(self, context: CallContext) -> None:
        """End for good what a call that will not go on has left waiting."""


@dataclass(frozen=True, slots=True)
class CallContext:
    """What a function gets beside its arguments.

    call: as it is recorded, with the `state` of a call that goes on. agent: whose call it is. depth: how many agents
    stand around this one. tainted: the conversation has read something from outside. share: what the call has
    of the turn's account, for what uses models itself. progress: shows how far it is.
    """

    call: FunctionCall
    agent: Agent
    agent_id: UUID | None
    conversation_id: UUID
    surroundings: Surroundings
    clock: Clock
    progress: Function[[str, float | None, float | None], None]
    depth: int = 0
    tainted: bool = False
    share: Share | None = None
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def idempotency_key(self) -> str:
        """The same for every attempt of this call."""
        return f"{self.conversation_id}-{self.call.id}"

    def around(self, surroundings: Surroundings) -> CallContext:
        """The same in other surroundings."""
        return replace(self, surroundings=surroundings)


class CallableFunction(Protocol):
    """A function, ready to be called."""

    @property
    def facts(self) -> FunctionFacts:
        """What is known of it."""

    async def call(self, arguments: Mapping[str, Json], context: CallContext) -> CallResult:
        """Call it. Raises FunctionError, StepError or CallWaits; whatever else it raises is told to the model."""


class FunctionSource(Protocol):
    """Makes an agent's functions callable."""

    async def functions_of(self, agent: Agent, depth: int) -> Sequence[CallableFunction]:
        """The functions that the agent may be offered; those that cannot be called now say so in `trouble`.

        depth: how many agents stand around this one.
        """
