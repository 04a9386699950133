"""How one MCP server is started or reached, in the usual form of an `mcpServers` entry."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError, model_validator

from core.agents.mcp.errors import BadConfiguration

Transport: TypeAlias = Literal["stdio", "http", "sse"]
"""stdio: a program on this machine. http: streamable HTTP. sse: the older HTTP transport, deprecated."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_. -]{0,63}")

_TYPES = {"streamable-http": "http", "streamableHttp": "http", "streamable_http": "http", "local": "stdio"}
"""Spellings of the transport that other programs write."""

Seconds: TypeAlias = Annotated[float, Field(gt=0, le=86_400, json_schema_extra={"unit": "s"})]


class ServerConfig(BaseModel):
    """One entry of `mcpServers`. Texts may hold `${VARIABLE}`, `${VARIABLE:-default}` and `${secret:NAME}`.

    command, args, env, cwd: for a program. url, headers: for HTTP. auth `oauth`: sign in through the browser; the
    tokens live in the keyring. roots: folders that the server is told it may work in; it is only told, not held to it.
    connectTimeout, timeout: seconds to get ready, and for a call.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    type: Transport = "stdio"
    command: str = ""
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = Field(default_factory=dict)
    cwd: str = ""
    url: str = Field("", validation_alias=AliasChoices("url", "serverUrl", "httpUrl"))
    headers: Mapping[str, str] = Field(default_factory=dict)
    auth: Literal["", "oauth"] = ""
    roots: tuple[str, ...] = ()
    disabled: bool = False
    connect_timeout: Seconds = Field(30.0, alias="connectTimeout")
    timeout: Seconds = 120.0

    @model_validator(mode="before")
    @classmethod
    def _usual_spellings(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        entry = {key: item for key, item in value.items() if item is not None}
        if isinstance(env := entry.get("env"), Mapping):
            entry["env"] = {name: _text(item) for name, item in env.items() if item is not None}
        if isinstance(args := entry.get("args"), list):
            entry["args"] = [_text(item) for item in args]
        given = entry.get("type", entry.get("transport"))
        if isinstance(given, str):
            entry["type"] = _TYPES.get(given, given)
        elif url := next((entry[key] for key in ("url", "serverUrl", "httpUrl") if entry.get(key)), ""):
            entry["type"] = "sse" if isinstance(url, str) and urlsplit(url).path.endswith("/sse") else "http"
        return entry

    @model_validator(mode="after")
    def _whole(self) -> ServerConfig:
        if self.type == "stdio":
            if not self.command.strip():
                raise ValueError("it names neither a command to start nor a url to reach")
            if self.auth:
                raise ValueError("only servers with a url can be signed in to")
        else:
            if not self.url:
                raise ValueError(f"type {self.type} needs a url")
            if "${" not in self.url and urlsplit(self.url).scheme not in ("http", "https"):
                raise ValueError(f"the url must begin with https:// or http://, not {self.url[:60]!r}")
        return self

    @property
    def identity(self) -> str:
        """What tools are agreed to: how the server is started or reached. Canonical JSON, free of secrets' values."""
        said = self.model_dump(
            include={"type", "command", "args", "env", "cwd", "url", "headers"}, exclude_defaults=True
        )
        return json.dumps(said, sort_keys=True, ensure_ascii=False)

    @property
    def host(self) -> str | None:
        """The host that it is at, in lower case; '' for a program on this machine, None if a variable says it."""
        if self.type == "stdio":
            return ""
        parts = urlsplit(self.url)
        return None if "${" in parts.netloc or "${" in parts.scheme else (parts.hostname or "").lower() or None

    def as_json(self) -> dict[str, Any]:
        """The entry as it is written: what differs from the defaults."""
        entry = self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return {"type": self.type, **entry} if self.type != "stdio" else entry


def read_entry(name: str, entry: object) -> ServerConfig:
    """The entry of that name, checked. Raises BadConfiguration with all that is wrong; it never repeats values."""
    check_server_name(name)
    if not isinstance(entry, Mapping):
        raise BadConfiguration(f"The MCP server {name!r} must be a JSON object with a command or a url.")
    try:
        return ServerConfig.model_validate(entry)
    except ValidationError as error:
        lines = [_wrong(problem) for problem in error.errors(include_url=False, include_input=False)]
        raise BadConfiguration(f"The MCP server {name!r} cannot be used: {'; '.join(lines)}.") from None


def check_server_name(name: str) -> None:
    """Raises BadConfiguration for a name that a server cannot have."""
    if not _NAME.fullmatch(name):
        raise BadConfiguration(
            f"{name!r} is no name for an MCP server. Use up to 64 letters, digits, spaces, dots, dashes and "
            "underscores, the first a letter or a digit."
        )


def _wrong(problem: Mapping[str, Any]) -> str:
    place = ".".join(map(str, problem["loc"]))
    reason = str(problem["msg"]).removeprefix("Value error, ")
    return f"{place}: {reason}" if place else reason


def _text(value: Any) -> Any:
    """Numbers and truth values, which people write for texts, as text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value
