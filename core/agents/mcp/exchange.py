"""What goes to and fro during a call: progress, questions to the person, the result."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from core.workflow.model import Json


@dataclass(frozen=True, slots=True)
class McpProgress:
    """How far a call has come, in the server's own unit. total: None if it is not known."""

    done: float
    total: float | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Elicitation:
    """A question that a server asks the person. Its words are the server's own: untrusted.

    mode `form`: fill in what `schema` (JSON Schema of an object of texts, numbers, booleans and choices) describes.
    mode `url`: open `url` in the browser, after the person has seen the whole address and agreed; what is entered
    there does not pass through this program.
    """

    server: str
    tool: str
    mode: Literal["form", "url"]
    message: str
    schema: Mapping[str, Json] = field(default_factory=dict)
    url: str = ""


@dataclass(frozen=True, slots=True)
class ElicitationAnswer:
    """What the person said. accept: with `content` for a form. decline: no. cancel: closed without an answer."""

    action: Literal["accept", "decline", "cancel"]
    content: Mapping[str, Json] = field(default_factory=dict)


DECLINED = ElicitationAnswer("decline")

ProgressListener: TypeAlias = Callable[[McpProgress], None]
"""Called on the caller's loop with the newest news, at most thirty times a second."""

Elicit: TypeAlias = Callable[[Elicitation], Awaitable[ElicitationAnswer]]
"""Asks the person; runs on the loop of whoever gave it. Cancelled when the call ends before the answer."""


@dataclass(frozen=True, slots=True)
class McpFile:
    """A picture, a sound or another file in a result."""

    data: bytes = field(repr=False)
    media_type: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class McpResult:
    """What a call gave. Foreign content: it may be wrong, or try to give orders. Secrets of the server are masked.

    is_error: the tool says that it failed; `text` says why. structured: the result as JSON, None if there is none.
    shortened: something was left out because it was too large; `text` says what.
    """

    text: str
    structured: Json = None
    images: tuple[McpFile, ...] = ()
    files: tuple[McpFile, ...] = ()
    is_error: bool = False
    shortened: bool = False
