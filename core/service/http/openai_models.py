"""What clients of OpenAI's chat completions send, as far as it means something here."""

from __future__ import annotations

import base64
import binascii
import hashlib
import mimetypes
import re
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from core.agents.attachments import Attachment
from core.service.http.errors import ApiError

_DATA_URL: Final = re.compile(r"data:([A-Za-z0-9.+/-]{0,100});base64,(.*)\Z", re.DOTALL)


class Wire(BaseModel):
    """Something that a client sends. What is not named in it is passed over."""

    model_config = ConfigDict(extra="ignore")


class WirePart(Wire):
    """A piece of a message."""

    type: str = Field(max_length=50)
    text: str = Field("", max_length=1_000_000)
    image_url: dict[str, Any] | str | None = None
    file: dict[str, Any] | None = None


class WireMessage(Wire):
    """A message of the conversation so far."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[WirePart] | None = None
    tool_call_id: str = Field("", max_length=200, description="Of the call whose result this is.")

    @property
    def text(self) -> str:
        """Its text, without pictures and files."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content if part.type == "text")
        return self.content or ""

    @property
    def sources(self) -> list[str]:
        """What its pictures and files are, in short: what tells them from others."""
        parts = self.content if isinstance(self.content, list) else []
        told = [part.model_dump_json() for part in parts if part.type != "text"]
        return [hashlib.sha256(text.encode()).hexdigest() for text in told]

    def attachments(self) -> list[Attachment]:
        """Its pictures and files. Raises ApiError for one that is not sent along."""
        parts = self.content if isinstance(self.content, list) else []
        return [_attachment(part, number) for number, part in enumerate(parts) if part.type != "text"]


class StreamOptions(Wire):
    """What a stream tells besides."""

    include_usage: bool = False


class ToolFunction(Wire):
    """A function that the client carries out. parameters: JSON Schema of an object."""

    name: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")
    description: str | None = Field(None, max_length=10_000)
    parameters: dict[str, Any] | None = None


class Tool(Wire):
    """Something that the model may use."""

    type: Literal["function"]
    function: ToolFunction


class NamedFunction(Wire):
    """The name of a function."""

    name: str = Field(max_length=64)


class NamedTool(Wire):
    """The one that the model must use."""

    type: Literal["function"]
    function: NamedFunction


class AnswerSchema(Wire):
    """The form of an answer."""

    schema_: dict[str, Any] | None = Field(None, alias="schema")


class ResponseFormat(Wire):
    """What form an answer has."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: AnswerSchema | None = None


class ChatCompletion(Wire):
    """A request for the next message of a conversation. What is not named here is passed over."""

    model: str = Field(min_length=1, max_length=250, description="`agent/NAME` or `workflow/NAME`.")
    messages: list[WireMessage] = Field(min_length=1, max_length=2000)
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    n: int | None = Field(None, description="1, if anything.")
    temperature: float | None = Field(None, ge=0, le=2, allow_inf_nan=False)
    top_p: float | None = Field(None, ge=0, le=1, allow_inf_nan=False)
    max_tokens: int | None = Field(None, ge=1, le=10_000_000)
    max_completion_tokens: int | None = Field(None, ge=1, le=10_000_000)
    stop: str | Annotated[list[str], Field(max_length=16)] | None = None
    seed: int | None = Field(None, ge=-(2**63), lt=2**63)
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    response_format: ResponseFormat | None = None
    tools: list[Tool] | None = Field(
        None, max_length=128, description="Functions that the client carries out, besides the agent's own."
    )
    tool_choice: Literal["none", "auto", "required"] | NamedTool | None = None
    functions: list[dict[str, Any]] | None = Field(None, description="Of old: send `tools`.")


def _attachment(part: WirePart, number: int) -> Attachment:
    match part.type:
        case "image_url":
            source = part.image_url.get("url") if isinstance(part.image_url, dict) else part.image_url
            name = ""
        case "file":
            source = (part.file or {}).get("file_data")
            name = str((part.file or {}).get("filename") or "")[:200]
        case other:
            text = f"Parts of the type {other!r} are not taken. Send text, image_url or file."
            raise ApiError(400, "content", text, param="messages")
    match = _DATA_URL.match(source) if isinstance(source, str) else None
    if match is None:
        text = "Pictures and files are sent along as data: URLs in base64, not by address."
        raise ApiError(400, "content", text, param="messages")
    try:
        data = base64.b64decode(match[2], validate=True)
    except (binascii.Error, ValueError):
        raise ApiError(400, "content", "A data: URL holds no base64.", param="messages") from None
    kind = match[1]
    return Attachment(data, name or f"file-{number + 1}{mimetypes.guess_extension(kind) or ''}", kind)
