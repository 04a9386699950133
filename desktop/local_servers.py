"""Model servers on this machine, found by asking the ports they usually listen on."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import httpx

from core.llm.profile import PROFILES, USUAL_PORTS, ServerKind, profile_by_models

PATIENCE: Final = 1.5
"""Seconds that a port is given to answer; nobody listening is said at once."""


@dataclass(frozen=True, slots=True)
class LocalServer:
    """A server that answered. base_url: as the settings take it. models: how many it offers."""

    kind: ServerKind
    base_url: str
    models: tuple[str, ...]

    @property
    def title(self) -> str:
        """Its name for people."""
        return PROFILES[self.kind].title


async def find_local_servers(
    ports: Mapping[int, ServerKind] = USUAL_PORTS, *, transport: httpx.AsyncBaseTransport | None = None
) -> Sequence[LocalServer]:
    """The servers that list models on loopback, in the order of the ports. transport: instead of the network."""
    # trust_env: no proxy stands before this machine's own ports.
    async with httpx.AsyncClient(timeout=PATIENCE, trust_env=False, transport=transport) as client:
        found = await asyncio.gather(*(_ask(client, port, kind) for port, kind in ports.items()))
    return [server for server in found if server is not None]


async def _ask(client: httpx.AsyncClient, port: int, guess: ServerKind) -> LocalServer | None:
    base_url = f"http://127.0.0.1:{port}/v1"
    try:
        answer = await client.get(f"{base_url}/models")
        data = answer.json()
    except (httpx.HTTPError, ValueError):
        return None
    entries = data.get("data") if isinstance(data, dict) else None
    if answer.status_code != httpx.codes.OK or not isinstance(entries, list):
        return None
    models = [entry for entry in entries if isinstance(entry, dict) and isinstance(entry.get("id"), str)]
    profile = profile_by_models(models, PROFILES[guess])
    return LocalServer(profile.kind, base_url, tuple(entry["id"] for entry in models))
