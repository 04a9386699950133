"""A home with MCP servers in it, keys that live as long as the test, and time that does not make anybody wait."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from core.agents.mcp.agreements import MemoryAgreements
from core.agents.mcp.configuration import McpConfiguration
from core.agents.mcp.connection import ServerStatus
from core.agents.mcp.server_config import read_entry
from core.agents.mcp.servers import McpServers
from core.agents.mcp.tool import McpTool
from core.engine.clock import SystemClock, Timer
from core.resources import root

PROGRAM = root() / "tests/support/mcp_program.py"
MUTE = root() / "tests/support/mcp_mute.py"


NEVER = 777.0
"""Seconds of a time limit that is over when the test says so."""


class HurriedClock(SystemClock):
    """The machine's time, but nobody sleeps, and a limit of NEVER seconds is over when the test says so.

    slept: for how long they would have, in seconds. limits: what is to happen then.
    """

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.limits: list[Callable[[], None]] = []

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        if seconds != NEVER:
            return super().call_later(seconds, callback)
        self.limits.append(callback)
        return asyncio.get_running_loop().call_later(3600, callback)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)


@dataclass
class Keys:
    """Keys in memory."""

    kept: dict[str, str] = field(default_factory=dict)

    async def get(self, name: str) -> str | None:
        return self.kept.get(name)

    async def set(self, name: str, value: str) -> str:
        self.kept[name] = value
        return "keyring"

    async def delete(self, name: str) -> bool:
        return self.kept.pop(name, None) is not None


@dataclass
class Rig:
    """The servers of a home, and all that they need. states: what was told of servers."""

    home: Path
    clock: HurriedClock = field(default_factory=HurriedClock)
    keys: Keys = field(default_factory=Keys)
    agreements: MemoryAgreements = field(default_factory=MemoryAgreements)
    environment: dict[str, str] = field(default_factory=dict)
    states: list[ServerStatus] = field(default_factory=list)
    opened: list[McpServers] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.configuration = McpConfiguration(self.home)
        self.servers = self.anew()

    def anew(self) -> McpServers:
        """The servers as a program that was started again sees them."""
        made = McpServers(
            self.configuration,
            secrets=self.keys,
            agreements=self.agreements,
            clock=self.clock,
            environment=self.environment,
        )
        made.listeners.append(self.states.append)
        self.opened.append(made)
        return made

    def program(self, mode: str, **entry: Any) -> str:
        """Configure the test program in a mode, under the mode's name."""
        program = MUTE if mode in ("silent", "garbage", "dying") else PROGRAM
        env = {"PYTHONPATH": str(root()), **entry.pop("env", {})}
        self.configuration.put(
            mode, read_entry(mode, {"command": sys.executable, "args": [str(program), mode], "env": env, **entry})
        )
        return mode

    def site(self, name: str, url: str, **entry: Any) -> str:
        """Configure a server over HTTP."""
        self.configuration.put(name, read_entry(name, {"url": url, **entry}))
        return name

    def time_is_up(self) -> None:
        """The newest limit of NEVER seconds is over."""
        self.servers._thread.soon(self.clock.limits.pop())

    async def approve_all(self, name: str) -> dict[str, McpTool]:
        """Agree to all that a server offers."""
        tools = await self.servers.tools(name)
        return {tool.name: await self.servers.approve(name, tool.name, tool.hash) for tool in tools}


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    """A home without servers."""
    made = Rig(tmp_path)
    yield made
    await asyncio.gather(*(servers.aclose() for servers in made.opened))
    assert [child.cmdline() for child in psutil.Process().children() if _is_server(child)] == []


async def until(happened: Callable[[], bool]) -> None:
    """Wait until something has happened in another program or thread, which nothing here tells of."""
    async with asyncio.timeout(60):
        while not happened():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.01)


def _is_server(child: psutil.Process) -> bool:
    try:
        return any("mcp_" in part for part in child.cmdline()) and child.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
