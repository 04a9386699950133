"""What a server offers, as values: a tool, what was agreed about it, and its name as a model may say it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from core.workflow.model import Json

ToolState: TypeAlias = Literal["new", "approved", "changed"]
"""Whether a person agreed to a tool: not yet, as it is now, or to an earlier description of it."""

LONGEST_WIRE_NAME: Final = 64
"""Characters that models' servers allow in the name of a function."""

LONGEST_DESCRIPTION: Final = 8_000
"""Characters of a description that are shown and told to models."""

_UNSEEN = re.compile(
    "[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e0fff]"
)
"""Characters that a person does not see and a model reads: zero-width, direction marks, variation selectors, tags."""


@dataclass(frozen=True, slots=True)
class AgreedTool:
    """A tool as somebody agreed to it. hash: of `text`. text: the whole description, canonical JSON."""

    tool: str
    hash: str
    text: str
    approved: datetime

    @property
    def description(self) -> str:
        """What the server said then."""
        found = json.loads(self.text).get("description")
        return visible(found) if isinstance(found, str) else ""


@dataclass(frozen=True, slots=True)
class McpTool:
    """A tool of a server. All of it is the server's own word: untrusted, also the hints.

    parameters: JSON Schema of its arguments, an object. read_only_hint: it says that it changes nothing (None: it does
    not say). hash: of everything above and of how the server is started or reached; `approve` takes it back.
    approved_description: for `changed`, what the server said when it was agreed to.
    """

    server: str
    name: str
    description: str
    parameters: Mapping[str, Json]
    hash: str
    state: ToolState
    title: str = ""
    read_only_hint: bool | None = None
    destructive_hint: bool | None = None
    idempotent_hint: bool | None = None
    open_world_hint: bool | None = None
    output: Mapping[str, Json] | None = None
    approved_description: str = ""
    text: str = field(default="", repr=False)

    @property
    def wire_name(self) -> str:
        """The name as a model may say it: `server__tool`."""
        return wire_name(self.server, self.name)


def described(server: str, identity: str, tool: Any, agreed: Mapping[str, AgreedTool]) -> McpTool:
    """A tool as the SDK gives it. identity: how the server is started or reached. agreed: by tool."""
    said = {
        "name": tool.name,
        "title": tool.title,
        "description": tool.description,
        "inputSchema": tool.input_schema,
        "outputSchema": tool.output_schema,
        "annotations": tool.annotations.model_dump(exclude_none=True) if tool.annotations else None,
        "server": identity,
    }
    text = json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    known = agreed.get(tool.name)
    state: ToolState = "new" if known is None else "approved" if known.hash == digest else "changed"
    hints = tool.annotations
    return McpTool(
        server=server,
        name=tool.name,
        description=visible(tool.description or ""),
        parameters=tool.input_schema,
        hash=digest,
        state=state,
        title=visible(tool.title or (hints.title if hints else "") or ""),
        read_only_hint=hints.read_only_hint if hints else None,
        destructive_hint=hints.destructive_hint if hints else None,
        idempotent_hint=hints.idempotent_hint if hints else None,
        open_world_hint=hints.open_world_hint if hints else None,
        output=tool.output_schema,
        approved_description=known.description if known is not None and state == "changed" else "",
        text=text,
    )


def visible(text: str) -> str:
    """The text without what a person cannot see, and not longer than LONGEST_DESCRIPTION."""
    clean = _UNSEEN.sub("", text).strip()
    return clean if len(clean) <= LONGEST_DESCRIPTION else clean[: LONGEST_DESCRIPTION - 1] + "…"


def wire_name(server: str, tool: str) -> str:
    """`server__tool` in letters, digits, `_` and `-`; a name that had to be changed or cut ends in a hash of both.

    Different tools never share a name; keep a map to go back.
    """
    whole = f"{server}__{tool}"
    clean = re.sub(r"[^A-Za-z0-9_-]", "_", whole)
    if clean == whole and len(clean) <= LONGEST_WIRE_NAME and "__" not in server and "__" not in tool:
        return clean
    mark = hashlib.sha256(f"{server}\0{tool}".encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{clean[: LONGEST_WIRE_NAME - 9]}_{mark}"
