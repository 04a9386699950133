"""What steps need from higher rooms, as protocols: models, workflows by name, secrets, blobs, folders, addresses.

The composition root passes implementations in; nothing in the engine or the steps imports one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from core.engine.events import NO_USAGE, Usage
from core.workflow.model import Json, Workflow

if TYPE_CHECKING:
    from core.engine.budget import Budget
    from core.engine.spread import Spread
    from core.engine.step_type import StepContext

Message: TypeAlias = dict[str, Any]
"""A chat message in the wire form of chat completions: role, content (text or parts), tool_calls and so on.
Kept verbatim, because providers demand their own fields back (reasoning_details, annotations)."""

FinishReason: TypeAlias = Literal["stop", "length", "tool_calls", "content_filter", "error"]


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A question to a chat model, free of any one server's spelling.

    model: '' for the default of the settings. fallbacks: models tried in that order if the first fails.
    max_tokens: output tokens. effort: how much to reason (`none`, `minimal`, `low`, `medium`, `high`,
    `xhigh`, `max`).
    schema: JSON Schema of the wanted answer. tools: function definitions in wire form. tool_choice: `none`, `auto`,
    `required` or a function's name. session: pins the provider for cached prompts.
    provider: OpenRouter's routing options. timeout: seconds in all.
    """

    messages: Sequence[Message]
    model: str = ""
    fallbacks: Sequence[str] = ()
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stop: Sequence[str] = ()
    seed: int | None = None
    effort: str = ""
    schema: Mapping[str, Json] | None = None
    schema_name: str = "answer"
    tools: Sequence[Mapping[str, Any]] = ()
    tool_choice: str = ""
    modalities: Sequence[str] = ()
    session: str = ""
    provider: Mapping[str, Any] = field(default_factory=dict)
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A function the model wants called. arguments: parsed; None when the model's JSON is broken or cut off.

    raw: the argument text as it came.
    """

    id: str
    name: str
    arguments: dict[str, Json] | None
    raw: str = ""


@dataclass(frozen=True, slots=True)
class ChatImage:
    """A picture in an answer. data: the file's bytes."""

    data: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class ChatAnswer:
    """A model's whole answer. message: the assistant message, verbatim, to be sent back on the next turn.

    model: the one that really answered. usage_known: False when the server sent no counts.
    """

    text: str
    message: Message
    model: str
    finish: FinishReason = "stop"
    reasoning: str = ""
    refusal: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    images: tuple[ChatImage, ...] = ()
    annotations: tuple[Mapping[str, Any], ...] = ()
    usage: Usage = NO_USAGE
    usage_known: bool = True
    provider: str = ""
    generation_id: str = ""


@dataclass(frozen=True, slots=True)
class ChatDelta:
    """A piece of an answer as it streams in."""

    text: str = ""
    reasoning: str = ""


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """A picture to be made. size: as the model spells it ('1024x1024', '2K'). references: pictures to start from."""

    prompt: str
    model: str = ""
    size: str = ""
    aspect_ratio: str = ""
    quality: str = ""
    output_format: str = ""
    background: str = ""
    seed: int | None = None
    count: int = 1
    references: Sequence[ChatImage] = ()
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class ImageAnswer:
    """Pictures made by a model."""

    images: tuple[ChatImage, ...]
    model: str
    text: str = ""
    usage: Usage = NO_USAGE


class Models(Protocol):
    """Chat, picture and embedding models behind one server.

    Failures are StepError with `kind`, `retryable`, `retry_after` and, if something was already shown,
    `detail["partial_text"]`.
    """

    def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta | ChatAnswer]:
        """Pieces as they come and, last, the whole ChatAnswer. Closing the iterator closes the connection."""

    async def image(self, request: ImageRequest) -> ImageAnswer:
        """Make pictures, by whichever route the model offers."""

    async def embed(
        self, texts: Sequence[str], *, model: str = "", dimensions: int | None = None
    ) -> tuple[list[list[float]], Usage]:
        """One vector per text, in order."""

    def wire_request(self, request: ChatRequest) -> dict[str, Json]:
        """What `stream` would send, for the journal: no headers, no secrets, inline data shortened."""


@dataclass(frozen=True, slots=True)
class BlobRef:
    """A file in the blob store. hash: SHA-256 in hex. size: bytes."""

    hash: str
    media_type: str
    size: int
    name: str = ""

    def as_json(self) -> dict[str, Json]:
        """The form in which a step's output names the blob."""
        return {"blob": self.hash, "media_type": self.media_type, "size": self.size, "name": self.name}


class Blobs(Protocol):
    """Bytes kept by their hash."""

    async def put(self, data: bytes, media_type: str, name: str = "") -> BlobRef:
        """Keep bytes; the same bytes are kept once."""

    async def get(self, blob_hash: str) -> bytes:
        """The bytes. Raises StepError(kind='not_found')."""


class Secrets(Protocol):
    """Keys by name, from the environment or the operating system's keyring."""

    async def get(self, name: str) -> str | None:
        """The secret of that name, or None."""


class WorkflowSource(Protocol):
    """Workflows by the name that a document gives them."""

    async def get(self, name: str, origin: str) -> Workflow:
        """The workflow. name: a library name, or a file relative to the folder `origin`.

        Raises StepError(kind='not_found') that names what was looked for, where, and the nearest name.
        """


class Folders(Protocol):
    """The folders that steps may read from and write to."""

    def resolve(self, path: str, origin: str, *, write: bool) -> Path:
        """The absolute, link-free path. Raises StepError(kind='refused') for a path outside the granted folders."""


class Addresses(Protocol):
    """Which hosts steps may call."""

    def is_allowed(self, host: str, port: int) -> bool:
        """Whether the settings allow that host although its address is private, loopback or link-local."""


@dataclass(frozen=True, slots=True)
class AgentTask:
    """What a step wants of an agent. schema: JSON Schema of the wanted answer. files: blob objects to look at.

    usd: what it may cost at most, besides the agent's own limits. material: text that came from outside, to work on.
    """

    agent: str
    text: str
    schema: Mapping[str, Json] | None = None
    files: Sequence[Mapping[str, Json]] = ()
    usd: float | None = None
    material: str = ""


@dataclass(frozen=True, slots=True)
class AgentAnswer:
    """What an agent answered. value: of a structured answer. conversation: id of where it worked. requests: to models.

    tainted: it has read something that came from outside. images: pictures that its model made, as blob objects.
    """

    text: str
    value: Json
    agent: str
    model: str
    conversation: str
    requests: int
    calls: int
    tainted: bool
    images: Sequence[Mapping[str, Json]] = ()


class Agents(Protocol):
    """Agents by name."""

    async def work(self, task: AgentTask, context: StepContext) -> AgentAnswer:
        """Have an agent work inside a step, whose run's variables it shares; its calls are the step's children.

        Goes on where it was when the step is run again. Raises StepError, Suspend or Suspended.
        """


@dataclass(frozen=True, slots=True)
class KnownMemory:
    """A memory as a step sees it. score: 0 to 1, of a recall. since: when it began to hold, as ISO 8601."""

    id: str
    content: str
    type: str
    score: float = 0.0
    why: str = ""
    since: str = ""

    def as_json(self) -> dict[str, Json]:
        """The form in which a step's output holds it."""
        return {
            "id": self.id, "content": self.content, "type": self.type, "score": round(self.score, 4), "why": self.why,
            "since": self.since,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class RecalledMemories:
    """What was found, best first. text: as lines for a prompt. mode: `vector` or `keyword`. note: what is amiss."""

    memories: tuple[KnownMemory, ...]
    text: str
    mode: str
    note: str = ""
    usage: Usage = NO_USAGE


@dataclass(frozen=True, slots=True)
class KeptMemory:
    """What came of remembering. outcome: `new`, `same`, `updated`, `contradiction`, `quarantined` or `refused`.

    memory: None if it was refused. replaced: id of the memory that no longer holds, or ''.
    """

    outcome: str
    memory: KnownMemory | None
    replaced: str = ""
    reason: str = ""
    usage: Usage = NO_USAGE


class AgentMemory(Protocol):
    """What agents remember. agent: a name; '' for the memories that all agents share. Failures are StepError."""

    async def recall(self, agent: str, question: str, *, limit: int, tokens: int, shared: bool) -> RecalledMemories:
        """What an agent remembers about a question. shared: also what all agents share."""

    async def remember(
        self, agent: str, content: str, *, type: str, importance: float, pinned: bool, foreign: bool, run_id: str
    ) -> KeptMemory:
        """Keep a statement. foreign: it came from outside, so that a person must confirm it."""


@dataclass(frozen=True, slots=True)
class Services:
    """What steps may use. A missing one is None and the step that needs it says so.

    machine: the one whose worker executes the run, '' if no worker does.
    """

    models: Models | None = None
    workflows: WorkflowSource | None = None
    secrets: Secrets | None = None
    blobs: Blobs | None = None
    folders: Folders | None = None
    addresses: Addresses | None = None
    agents: Agents | None = None
    memory: AgentMemory | None = None
    budget: Budget | None = None
    spread: Spread | None = None
    machine: str = ""
