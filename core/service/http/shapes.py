"""What answers look like, for the description and for programs that make types of it.

Nothing is made with these: the answers are dictionaries (see `values`), and a test holds them against these.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from core.agents.chat_events import PendingKind, TurnStatus
from core.engine.events import Cause, RunStatus, StepStatus
from core.engine.journal import RunStanding
from core.store.conversation_records import CallStatus, MessageRole, MessageStatus
from core.store.tokens import Scope


class Spent(BaseModel):
    """What was spent."""

    tokens_in: int
    tokens_out: int
    cost_usd: float


class Failure(BaseModel):
    """Why something failed. attempt: which try, from 1."""

    type: str
    message: str
    attempt: int


class HeldFile(BaseModel):
    """A file. size: bytes. hash: SHA-256, as `blob` of values that name the file. url: where it is sent."""

    name: str
    media_type: str
    size: int | None
    hash: str
    url: str


class KeptFile(BaseModel):
    """What stands for a file among inputs and outputs. blob: its SHA-256. size: bytes."""

    blob: str
    media_type: str
    size: int
    name: str


class RunFailure(Failure):
    """Why a run failed. step: path of the step that did, empty if no single step did."""

    step: str


class RunQuestion(BaseModel):
    """What a step asks a person: one of `choices`, or `form`, a JSON Schema."""

    path: str
    message: str
    choices: list[str]
    form: dict[str, Any] | None
    until: datetime | None


class StepAttempt(BaseModel):
    """One attempt of a step."""

    path: str
    attempt: int
    status: StepStatus
    type: str
    title: str
    cause: Cause
    inputs: dict[str, Any]
    output: dict[str, Any] | None
    ports: list[str]
    error: Failure | None
    usage: Spent
    duration_s: float
    started: datetime | None
    ended: datetime | None
    question: RunQuestion | None
    answer: dict[str, Any] | None


class RunShape(BaseModel):
    """A run. files: of its inputs and outputs. duration_s: seconds of work. resumable: a cancelled run that may go
    on."""

    run_id: str
    workflow: str
    status: RunStanding
    created: datetime
    ended: datetime | None
    inputs: dict[str, Any]
    outputs: dict[str, Any] | None
    files: list[HeldFile]
    error: RunFailure | None
    labels: dict[str, str]
    usage: Spent
    duration_s: float
    wake_at: datetime | None
    resumable: bool
    questions: list[RunQuestion]


class RunDetail(RunShape):
    """A run, with its steps and their files if they were asked for. waits_for: what the workers lack that saw it."""

    waits_for: str | None
    steps: list[StepAttempt] | None = Field(None, description="Only with `steps=true`.")


class RunPage(BaseModel):
    """Some runs, the newest first. next: the address of the following page."""

    runs: list[RunShape]
    next: str | None


class WorkflowLine(BaseModel):
    """A workflow in a list. published_version: the one that its trigger runs. is_active: the trigger starts it."""

    name: str
    folder: str
    tags: list[str]
    version: int
    published_version: int | None
    is_active: bool
    updated: datetime


class WorkflowPage(BaseModel):
    """Some workflows by folder and name. next: the address of the following page."""

    workflows: list[WorkflowLine]
    next: str | None


class StepLine(BaseModel):
    """A step of a workflow."""

    id: str
    type: str
    title: str


class WorkflowShape(BaseModel):
    """A workflow. inputs: a JSON Schema for each. outputs: their names."""

    name: str
    description: str
    version: int
    folder: str
    tags: list[str]
    published_version: int | None
    is_active: bool
    trigger: str
    inputs: dict[str, Any]
    outputs: list[str]
    steps: list[StepLine]


class StandingShape(BaseModel):
    """How the trigger of a workflow stands. published_version: the one that it runs. is_active: it starts it."""

    name: str
    newest_version: int
    published_version: int | None
    is_active: bool


class ScheduleShape(BaseModel):
    """A schedule at work. outcome: what became of `last_at`. problem: why it starts nothing though it is active."""

    workflow: str
    version: int
    zone: str
    paused: bool
    next_at: datetime | None
    last_at: datetime | None
    last_run_id: str | None
    last_run_status: RunStatus | None
    outcome: str
    problem: str


class ScheduleList(BaseModel):
    """All schedules at work."""

    schedules: list[ScheduleShape]


class PastTimeShape(BaseModel):
    """A time that came. noticed_at: when it was acted upon. run_status: null if the run is not kept any more."""

    at: datetime
    noticed_at: datetime
    outcome: str
    run_id: str | None
    run_status: RunStatus | None
    run_ended_at: datetime | None


class PastTimes(BaseModel):
    """Times that came, the latest first."""

    times: list[PastTimeShape]


class AgentShape(BaseModel):
    """An agent. answer_schema: a JSON Schema that its answers satisfy."""

    name: str
    description: str
    version: int
    model: str
    functions: list[str]
    answer_schema: dict[str, Any] | None


class AgentList(BaseModel):
    """All agents."""

    agents: list[AgentShape]


class CallShape(BaseModel):
    """A call of a function."""

    id: str
    name: str
    arguments: dict[str, Any] | None
    status: CallStatus
    reason: str
    result: str | None
    run_id: str


class PendingShape(BaseModel):
    """What a conversation waits for."""

    id: str
    kind: PendingKind
    message: str
    agent: str
    warnings: list[str]
    choices: list[str]
    form: dict[str, Any] | None
    call: CallShape | None
    run_id: str
    until: datetime | None


class TurnShape(BaseModel):
    """An answer. value: what it is as JSON, if the agent gives JSON. reason: why it is not complete. files: that the
    model, functions and the workflow made for it."""

    conversation_id: str
    status: TurnStatus
    text: str
    value: Any
    reason: str
    files: list[HeldFile]
    pending: list[PendingShape]
    usage: Spent
    duration_s: float


class MessageShape(BaseModel):
    """A message. parent: the one before it. files: that came with it, or that it or its calls made."""

    id: int
    parent: int | None
    role: MessageRole
    text: str
    status: MessageStatus
    reason: str
    agent: str
    model: str
    run_id: str
    calls: list[CallShape]
    files: list[HeldFile]
    usage: Spent
    created: datetime | None


class ConversationShape(BaseModel):
    """A conversation with an agent or a workflow."""

    conversation_id: str
    title: str
    agent: str
    workflow: str
    created: datetime | None
    updated: datetime | None
    usage: Spent


class ConversationLine(ConversationShape):
    """A conversation in a list. snippet: words of a message. messages: how many. waiting: calls that need leave."""

    snippet: str
    messages: int
    waiting: int


class ConversationPage(BaseModel):
    """Some conversations, those used last first. next: the address of the following page."""

    conversations: list[ConversationLine]
    next: str | None


class ConversationDetail(ConversationShape):
    """A conversation with messages from index `start` on, of `total`. answering: whether an answer is being made."""

    start: int
    total: int
    messages: list[MessageShape]
    answering: bool
    pending: list[PendingShape]


class TokenShape(BaseModel):
    """A token without its text."""

    id: str
    name: str
    scopes: list[Scope]
    created: datetime
    expires: datetime | None
    last_used: datetime | None
    revoked: datetime | None
    rate: str | None


class TokenList(BaseModel):
    """All tokens."""

    tokens: list[TokenShape]


class Health(BaseModel):
    """That the service answers."""

    status: str
    version: str | None = None


class ModelShape(BaseModel):
    """A model of OpenAI's API."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class ModelList(BaseModel):
    """All models."""

    object: Literal["list"]
    data: list[ModelShape]


class CompletionCall(BaseModel):
    """A call that the client has to carry out. function: its `name`, and `arguments` as JSON in a text."""

    id: str
    type: Literal["function"]
    function: dict[str, str]


class CompletionMessage(BaseModel):
    """What was answered."""

    role: Literal["assistant"]
    content: str | None
    tool_calls: list[CompletionCall] | None = Field(None, description="Only if there are some.")


class CompletionChoice(BaseModel):
    """An answer."""

    index: int
    message: CompletionMessage
    finish_reason: Literal["stop", "length", "tool_calls"]


class CompletionUsage(BaseModel):
    """Tokens of an answer."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class CompletionExtra(BaseModel):
    """What only clients that know Steploom look at."""

    conversation_id: str
    files: list[HeldFile]
    pending: list[PendingShape]


class Completion(BaseModel):
    """A chat completion of OpenAI's API."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[CompletionChoice]
    usage: CompletionUsage
    steploom: CompletionExtra | None = None
