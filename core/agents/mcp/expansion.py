"""Filling in `${…}` in a server's configuration, at the moment it is started and nowhere else.

`${secret:NAME}`          the key of that name, from the keyring
`${NAME}`                 the variable of the environment; if it is not set, the key of that name
`${NAME:-text}`           the same, or the text if there is neither
`${env:NAME}`             the variable of the environment
`${userHome}`, `${/}`     the person's home folder, the separator of paths
`$${`                     stands for `${`; a `$` before anything else is only itself
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from core.agents.mcp.errors import BadConfiguration
from core.agents.mcp.reference import REFERENCE
from core.agents.mcp.secret_values import is_secret
from core.agents.mcp.server_config import ServerConfig
from core.engine.mask import Mask
from core.engine.services import Secrets

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_LOUDEST = {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "LANG", "PWD", "TMPDIR"}
"""Variables whose values are nobody's secret and would blot out ordinary text."""


@dataclass(frozen=True, slots=True)
class Expanded:
    """A server's configuration with everything filled in: never shown, never kept. mask: hides what was secret."""

    command: str
    args: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str
    url: str
    headers: Mapping[str, str]
    roots: tuple[str, ...]
    mask: Mask


async def expand(
    name: str, config: ServerConfig, secrets: Secrets | None, environment: Mapping[str, str] | None = None
) -> Expanded:
    """Fill everything in. Raises BadConfiguration that names what is not set and how to set it."""
    filler = _Filler(name, secrets, os.environ if environment is None else environment)
    fill = filler.fill
    expanded = Expanded(
        command=await fill(config.command),
        args=tuple([await fill(each) for each in config.args]),
        env={key: await fill(each) for key, each in config.env.items()},
        cwd=await fill(config.cwd),
        url=await fill(config.url),
        headers={key: await fill(each) for key, each in config.headers.items()},
        roots=tuple([await fill(each) for each in config.roots]),
        mask=filler.mask,
    )
    # Secrets are also written into the file by hand, without a reference.
    for key, value in expanded.headers.items():
        filler.mask.add(f"header {key}", value.rpartition(" ")[2])
    for key, value in expanded.env.items():
        if is_secret(key, value):
            filler.mask.add(key, value)
    return expanded


class _Filler:
    def __init__(self, server: str, secrets: Secrets | None, environment: Mapping[str, str]) -> None:
        self.mask = Mask()
        self._server = server
        self._secrets = secrets
        self._environment = environment

    async def fill(self, text: str) -> str:
        """The text with its references filled in."""
        parts, at = [], 0
        for match in REFERENCE.finditer(text):
            parts.append(text[at : match.start()])
            parts.append("${" if match[1] is None else await self._value(match[1]))
            at = match.end()
        return "".join([*parts, text[at:]])

    async def _value(self, inside: str) -> str:
        if inside == "userHome":
            return self._environment.get("HOME") or str(Path.home())
        if inside in ("/", "pathSeparator"):
            return os.sep
        kind, colon, rest = inside.partition(":")
        if colon and kind == "secret":
            return await self._secret(rest.strip())
        name, has_default, default = inside.removeprefix("env:").partition(":-")
        if not _VARIABLE.fullmatch(name):
            raise BadConfiguration(
                f"The MCP server {self._server!r} holds ${{{inside}}}, which means nothing here. Use ${{VARIABLE}} or "
                "${secret:NAME}, or write $${ for a plain brace."
            )
        found = self._environment.get(name)
        if found:
            if name not in _LOUDEST:
                self.mask.add(name, found)
            return found
        if not inside.startswith("env:") and (key := await self._key(name)) is not None:
            return key
        if has_default:
            return default
        raise BadConfiguration(
            f"The MCP server {self._server!r} needs the variable {name}, which is not set. Set it in the environment, "
            f"or keep it as a key: steploom keys set {name}"
        )

    async def _secret(self, name: str) -> str:
        key = await self._key(name)
        if key is None:
            raise BadConfiguration(
                f"The MCP server {self._server!r} needs the key {name!r}, which is not set. Set it with: "
                f"steploom keys set {name}"
            )
        return key

    async def _key(self, name: str) -> str | None:
        if self._secrets is None:
            return None
        try:
            found = await self._secrets.get(name)
        except Exception as error:  # noqa: BLE001 - a keyring may raise anything; that is this server's trouble alone
            raise BadConfiguration(
                f"The key {name!r} of the MCP server {self._server!r} could not be read: {error}"
            ) from None
        if found is not None:
            self.mask.add(name, found)
        return found
