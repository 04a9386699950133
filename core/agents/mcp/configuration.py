"""The configured MCP servers: `mcp.json` in the home folder, in the form that other programs use too.

{"mcpServers": {"files": {"command": "npx", "args": ["-y", "@modelcontextprotocol/server-filesystem", "/data"]}}}
"""

from __future__ import annotations

import json
import os
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.agents.mcp.errors import BadConfiguration, UnknownServer
from core.agents.mcp.server_config import ServerConfig, read_entry
from core.workflow.names import nearest

FILE_NAME = "mcp.json"


class McpConfiguration:
    """Reads and writes the file. Blocking: call it in a thread. What it does not know in the file stays as it is."""

    def __init__(self, home: Path) -> None:
        self.file = home / FILE_NAME
        self._lock = threading.Lock()

    def servers(self) -> dict[str, ServerConfig]:
        """All servers that can be used or are switched off, by name, in the file's order.

        One bad entry hides the others from nobody: it is left out here, and `problems` tells of it. Raises
        BadConfiguration only if the file as a whole cannot be read.
        """
        return self._checked()[0]

    def problems(self) -> dict[str, str]:
        """What is wrong with entries, by name. Raises BadConfiguration if the file as a whole cannot be read."""
        return self._checked()[1]

    def server(self, name: str) -> ServerConfig:
        """The server of that name. Raises UnknownServer, or BadConfiguration for a bad entry."""
        entries = self._read()[1]
        if name not in entries:
            raise unknown(name, entries)
        config = read_entry(name, entries[name])
        if config.disabled:
            raise UnknownServer(f"The MCP server {name!r} is switched off. Switch it on to use it.")
        return config

    def entry(self, name: str) -> Any:
        """The entry of that name as it is written. Raises UnknownServer."""
        entries = self._read()[1]
        if name not in entries:
            raise unknown(name, entries)
        return entries[name]

    def put(self, name: str, config: ServerConfig) -> None:
        """Add a server, or replace the one of that name. Raises BadConfiguration."""
        read_entry(name, config.as_json())
        with self._lock:
            document, entries = self._read()
            kept = entries.get(name)
            unknown_keys = {key: kept[key] for key in kept if key not in _KNOWN} if isinstance(kept, dict) else {}
            entries[name] = {**config.as_json(), **unknown_keys}
            self._write(document, entries)

    def remove(self, name: str) -> None:
        """Forget a server. Raises UnknownServer."""
        with self._lock:
            document, entries = self._read()
            if name not in entries:
                raise unknown(name, entries)
            del entries[name]
            self._write(document, entries)

    def _checked(self) -> tuple[dict[str, ServerConfig], dict[str, str]]:
        good: dict[str, ServerConfig] = {}
        bad: dict[str, str] = {}
        for name, entry in self._read()[1].items():
            try:
                good[name] = read_entry(name, entry)
            except BadConfiguration as error:
                bad[name] = str(error)
        return good, bad

    def _read(self) -> tuple[dict[str, Any], dict[str, Any]]:
        try:
            document = json.loads(self.file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}, {}
        except OSError as error:
            raise BadConfiguration(f"{self.file} cannot be read: {error.strerror or error}.") from None
        except ValueError as error:
            raise BadConfiguration(f"{self.file} is no JSON: {error}. Mend or remove it.") from None
        entries = document.get("mcpServers", {}) if isinstance(document, dict) else None
        if not isinstance(entries, dict):
            raise BadConfiguration(
                f"{self.file} must hold an object `mcpServers` of servers by name. Mend or remove it."
            )
        return document, dict(entries)

    def _write(self, document: Mapping[str, Any], entries: Mapping[str, Any]) -> None:
        """Write the file wholly or not at all, for its owner's eyes alone."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        number, draft = tempfile.mkstemp(dir=self.file.parent, prefix=f".{FILE_NAME}-")
        try:
            with os.fdopen(number, "w", encoding="utf-8") as file:
                json.dump({**document, "mcpServers": entries}, file, indent=2, ensure_ascii=False)
                file.write("\n")
            Path(draft).replace(self.file)
        finally:
            Path(draft).unlink(missing_ok=True)


def unknown(name: str, known: Mapping[str, object]) -> UnknownServer:
    """That there is no server of that name, and what there is."""
    near = nearest(name, known)
    hint = f" Did you mean {near!r}?" if near else f" There are: {', '.join(known)}." if known else ""
    return UnknownServer(f"There is no MCP server {name!r}.{hint} `steploom mcp add` adds one.")


_KNOWN = {
    "type", "transport", "command", "args", "env", "cwd", "url", "serverUrl", "httpUrl", "headers", "auth", "roots",
    "disabled", "connectTimeout", "connect_timeout", "timeout",
}  # fmt: skip
