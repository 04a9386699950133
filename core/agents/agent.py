"""An agent as values: immutable, comparable, free of I/O.

Everything here can be built in any state, valid or not, so that an editor can hold unfinished work;
`core.agents.check` says what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from core.workflow.model import Json

FunctionKind: TypeAlias = Literal["workflow", "python", "mcp", "agent"]
"""What a function calls: a workflow, a Python entry point, a tool of an MCP server, or another agent."""

Policy: TypeAlias = Literal["", "auto", "ask", "never"]
"""Who decides about a call. auto: nobody. ask: a person, each time. never: it is not made.

'' goes by the function's effect: ask for what writes, spends or comes from MCP, else auto.
"""

Colour: TypeAlias = Literal["blue", "green", "yellow", "purple", "pink", "grey"]
"""The tint of an agent's avatar."""

KINDS: tuple[FunctionKind, ...] = get_args(FunctionKind)
POLICIES: tuple[Policy, ...] = get_args(Policy)
COLOURS: tuple[Colour, ...] = get_args(Colour)

EFFORTS = ("", "none", "minimal", "low", "medium", "high", "xhigh", "max")
"""How much a model may reason; '' leaves it to the model."""

PROMPT_NAMES = frozenset({"vars", "date", "now", "memory", "agent"})
"""What a prompt's template may read: the conversation's variables, today (`2026-11-27`), the time in ISO 8601 with its
zone, what memory recalled (text), and the agent itself (`agent.name`, `agent.description`)."""


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """Which model answers, and how. Fields as in ChatRequest; model: '' for the default of the settings."""

    model: str = ""
    fallbacks: tuple[str, ...] = ()
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    effort: str = ""


@dataclass(frozen=True, slots=True)
class Function:
    """Something an agent can do.

    name: as the model calls it. description: for the model: what it gives and when to use it. target: by kind the
    name of a workflow, `module:function`, `server/tool`, or the name of an agent. parameters: JSON Schema of the
    arguments, an object; None derives it (a workflow's from its inputs). timeout_s: seconds per call, None for no
    limit but the turn's. parallel: may run beside other calls of the same answer. handoff: the other agent takes the
    conversation over instead of reporting back (kind `agent`). usd: what one delegation may cost (kind `agent`).
    """

    name: str
    description: str = ""
    kind: FunctionKind = "workflow"
    target: str = ""
    parameters: Mapping[str, Json] | None = None
    policy: Policy = ""
    timeout_s: float | None = None
    parallel: bool = False
    handoff: bool = False
    usd: float | None = None
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """How an agent uses memory.

    enabled: recalls at all. shared: sees the memories that all agents share. learn: keeps what it learns from
    conversations. most: memories kept, the least useful go first. oldest_days: unpinned memories that were not
    recalled for that long go, None keeps them. context_tokens: room for recalled memories in a request.
    """

    enabled: bool = True
    shared: bool = True
    learn: bool = True
    most: int = 1000
    oldest_days: int | None = None
    context_tokens: int = 1500


@dataclass(frozen=True, slots=True)
class Limits:
    """Where a turn ends by itself, and what an agent may use per day (UTC). None: no limit.

    steps: requests to a model per turn. seconds: of work per turn, waiting for a person left out. tokens: read and
    written per turn. usd: cost per turn. calls: function calls per turn.
    """

    steps: int = 12
    seconds: float = 300.0
    tokens: int | None = None
    usd: float | None = None
    calls: int = 40
    tokens_per_day: int | None = None
    usd_per_day: float | None = None


@dataclass(frozen=True, slots=True)
class Agent:
    """A model with instructions, functions and memory.

    icon: name of one of the program's icons. prompt: the system prompt, a template over PROMPT_NAMES.
    servers: MCP servers, all of whose approved tools the agent may use. hosts: the only ones that what it calls may
    reach, as `core.agents.hosts` says; empty for any. answer_schema: JSON Schema of every final answer, None for
    plain text.
    """

    name: str
    description: str = ""
    colour: Colour = "blue"
    icon: str = "bot"
    prompt: str = ""
    model: ModelChoice = field(default_factory=ModelChoice)
    functions: tuple[Function, ...] = ()
    servers: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    memory: MemoryUse = field(default_factory=MemoryUse)
    limits: Limits = field(default_factory=Limits)
    answer_schema: Mapping[str, Json] | None = None

    def function(self, name: str) -> Function | None:
        """The function of that name, or None."""
        return next((function for function in self.functions if function.name == name), None)
