"""Taking secrets out of a server's entry, so that the file holds references and the keyring the values."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from core.agents.mcp.reference import REFERENCE, literal
from core.secrets import SHORTEST

_NAME = re.compile(
    r"key|token|secret|passw|pwd|credential|auth|cookie|bearer|signature|private|dsn|connection.?string"
    r"|(?:^|[_-])pat(?:$|[_-])|webhook",
    re.IGNORECASE,
)
"""Names of variables, options and parameters whose values are secrets."""

_HARMLESS_NAME = re.compile(r"_(?:file|path|dir|url|uri|id|name|type|mode|method|header)s?$", re.IGNORECASE)
"""Endings that make of such a name one that only tells where a secret is, or how it is used."""

_VALUE = re.compile(
    r"(?:sk|pk|rk)-[A-Za-z0-9_-]{16,}|gh[opsur]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abeprs]-[\w-]{10,}"
    r"|AKIA[0-9A-Z]{16}|AIza[\w-]{30,}|eyJ[\w-]{10,}\.[\w-]{10,}|hf_[A-Za-z0-9]{20,}|npm_[A-Za-z0-9]{30,}"
)
"""What well-known services' keys look like."""

_LONG = re.compile(r"(?=[^\s]*\d)(?=[^\s]*[A-Za-z])[A-Za-z0-9_+=-]{32,}")
"""A long word of letters and digits that no person would choose."""

_PLAIN_HEADERS = {
    "accept",
    "accept-language",
    "content-type",
    "user-agent",
    "origin",
    "referer",
    "mcp-protocol-version",
}

_SCHEME = re.compile(r"(Bearer|Basic|Token|ApiKey)\s+(\S.*)", re.IGNORECASE)

_OPTION = re.compile(r"(--?[A-Za-z][\w-]*)(?:=(.*))?", re.DOTALL)

_HEADER_TEXT = re.compile(r"([A-Za-z][A-Za-z0-9-]*)\s*[:=]\s*(.+)", re.DOTALL)


@dataclass(slots=True)
class PutAway:
    """An entry without its secrets. secrets: values by the name of the key that they are to be kept under."""

    entry: dict[str, Any]
    secrets: dict[str, str] = field(default_factory=dict, repr=False)


def put_away(server: str, entry: Mapping[str, Any]) -> PutAway:
    """The entry with `${secret:NAME}` wherever a secret stood in plain; what refers to something else stays."""
    safe = PutAway(dict(entry))
    keep = _Keep(server, safe.secrets)
    if isinstance(env := entry.get("env"), Mapping):
        safe.entry["env"] = {
            name: keep(name, value) if isinstance(value, str) and is_secret(name, value) else value
            for name, value in env.items()
        }
    if isinstance(headers := entry.get("headers"), Mapping):
        safe.entry["headers"] = {
            name: keep.header(name, value) if isinstance(value, str) else value for name, value in headers.items()
        }
    if isinstance(args := entry.get("args"), list | tuple):
        safe.entry["args"] = keep.arguments(list(args))
    for field_name in ("url", "serverUrl", "httpUrl"):
        if isinstance(url := entry.get(field_name), str):
            safe.entry[field_name] = keep.url(url)
    return safe


def is_secret(name: str, value: str) -> bool:
    """Whether a value in plain text is a secret, going by its name and by how it looks."""
    if len(value) < SHORTEST or _is_reference(value):
        return False
    if _VALUE.search(value) or _has_password(value):
        return True
    if _NAME.search(name) and not _HARMLESS_NAME.search(name):
        return value.lower() not in ("true", "false", "none", "null", "oauth", "bearer", "basic")
    return bool(_LONG.fullmatch(value))


def key_name(server: str, what: str) -> str:
    """The name under which a secret of a server is kept: `mcp.SERVER.WHAT`."""
    name = re.sub(r"[^A-Za-z0-9_.-]", "-", f"mcp.{server}.{what}")
    if len(name) <= 64:
        return name
    return f"{name[:55]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


class _Keep:
    def __init__(self, server: str, secrets: dict[str, str]) -> None:
        self._server = server
        self._secrets = secrets

    def __call__(self, what: str, value: str) -> str:
        """The reference to a value that is kept from now on."""
        name = key_name(self._server, what)
        number = 2
        while self._secrets.get(name, value) != value:
            name = key_name(self._server, f"{what}-{number}")
            number += 1
        self._secrets[name] = value
        return f"${{secret:{name}}}"

    def header(self, name: str, value: str) -> str:
        """A header: all values but those of a few are taken for secrets, the scheme before them stays."""
        if name.lower() in _PLAIN_HEADERS or len(value) < SHORTEST:
            return value
        if scheme := _SCHEME.fullmatch(value):
            return value if _is_reference(scheme[2]) else f"{scheme[1]} {self(name, scheme[2])}"
        return value if _is_reference(value) else self(name, value)

    def arguments(self, args: list[Any]) -> list[Any]:
        """Arguments: `--api-key VALUE`, `--api-key=VALUE`, `--header "NAME: VALUE"`, addresses with passwords."""
        safe: list[Any] = []
        option = ""
        for each in args:
            if not isinstance(each, str):
                safe.append(each)
                continue
            matched = _OPTION.fullmatch(each)
            if matched is None:
                safe.append(self._argument(option, each))
                option = ""
            elif matched[2] is None:
                safe.append(each)
                option = matched[1]
            else:
                safe.append(f"{matched[1]}={self._argument(matched[1], matched[2])}")
                option = ""
        return safe

    def _argument(self, option: str, value: str) -> str:
        name = option.lstrip("-")
        if name.lower() in ("header", "h") and (given := _HEADER_TEXT.fullmatch(value)):
            return f"{given[1]}: {self.header(given[1], given[2])}"
        if name.lower() in ("e", "env") and (given := re.fullmatch(r"(\w+)=(.*)", value, re.DOTALL)):
            return f"{given[1]}={self(given[1], given[2])}" if is_secret(given[1], given[2]) else value
        if _VALUE.search(value) or _has_password(value) or (name and is_secret(name, value)):
            return self(name or "argument", value)
        return value

    def url(self, url: str) -> str:
        """An address: with a password, or with keys among its parameters, these are taken out."""
        if _has_password(url):
            return self("url", url)

        def kept(match: re.Match[str]) -> str:
            name, value = match[2], match[3]
            return f"{match[1]}{name}={self(name, value)}" if is_secret(name, value) else match[0]

        return re.sub(r"([?&])([^=&#]+)=([^&#]*)", kept, url)


def _is_reference(value: str) -> bool:
    """Whether there is nothing of its own in a text but what it refers to."""
    return bool(REFERENCE.search(value)) and len(REFERENCE.sub("", value).strip()) < SHORTEST


def _has_password(value: str) -> bool:
    try:
        return "://" in value and bool(urlsplit(value).password) and not _is_reference(urlsplit(value).password or "")
    except ValueError:
        return False


def escaped(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The entry of a program that fills nothing in, with its texts marked to stay as they are."""
    return {key: _escaped(value) for key, value in entry.items()}


def _escaped(value: Any) -> Any:
    if isinstance(value, str):
        return literal(value)
    if isinstance(value, Mapping):
        return {key: _escaped(item) for key, item in value.items()}
    return [_escaped(item) for item in value] if isinstance(value, list) else value
