"""Finding the program of a server: a window that was started from a menu often lacks the PATH of the person's shell."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from core.agents.mcp.errors import CommandMissing, ServerUnavailable

SHELL_PATIENCE: Final = 5.0
"""Seconds for a login shell to say its PATH."""

_MARK = "steploom-path:"

_SOURCES: Final[Mapping[str, str]] = {
    "npx": "It comes with Node.js: nodejs.org, or your system's package `nodejs` (and `npm`)",
    "npm": "It comes with Node.js: nodejs.org, or your system's package `npm`",
    "node": "Install Node.js: nodejs.org, or your system's package `nodejs`",
    "uvx": "It comes with uv: docs.astral.sh/uv",
    "uv": "Install uv: docs.astral.sh/uv",
    "docker": "Install Docker: docs.docker.com, or your system's package `docker.io`",
    "podman": "Install Podman: podman.io, or your system's package `podman`",
    "python": "Install Python: python.org; on many systems it is called `python3`",
    "python3": "Install Python: python.org, or your system's package `python3`",
    "pipx": "Install pipx: pipx.pypa.io, or your system's package `pipx`",
    "deno": "Install Deno: deno.com",
    "bun": "Install Bun: bun.sh",
    "bunx": "It comes with Bun: bun.sh",
    "dotnet": "Install .NET: dotnet.microsoft.com",
    "java": "Install Java: adoptium.net, or your system's package `default-jre`",
}


async def find_command(server: str, command: str, cwd: str, env: Mapping[str, str]) -> tuple[str, str]:
    """The whole path of the program, and the PATH to start it with.

    env: what the server is given; its PATH comes first. Looks in this program's own PATH and then in that of the
    person's login shell. Raises CommandMissing that says where the program is to be had, or ServerUnavailable for a
    working folder that is not there.
    """
    if cwd and not await asyncio.to_thread(_is_folder, cwd):
        raise ServerUnavailable(
            f"The MCP server {server!r} is to start in {cwd}, which is no folder. Mend its `cwd`.", permanent=True
        )
    path = env.get("PATH") or os.environ.get("PATH", os.defpath)
    found = await asyncio.to_thread(_which, command, path, cwd)
    if found is None and not _is_path(command):
        path = os.pathsep.join(filter(None, [path, await login_path()]))
        found = await asyncio.to_thread(_which, command, path, cwd)
    if found is None:
        raise CommandMissing(_missing(server, command), command)
    return found, path


async def login_path() -> str:
    """The PATH that the person's login shell sets up, '' if it does not say. Other systems have no such shell."""
    shell = os.environ.get("SHELL", "")
    if sys.platform == "win32" or not shell:
        return ""
    try:
        process = await asyncio.create_subprocess_exec(
            shell, "-ilc", f'printf "{_MARK}%s\\n" "$PATH"',
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
    except OSError:
        return ""
    try:
        output, _ = await asyncio.wait_for(process.communicate(), SHELL_PATIENCE)
    except TimeoutError:
        return ""
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    lines = output.decode(errors="replace").splitlines()
    return next((line.removeprefix(_MARK) for line in reversed(lines) if line.startswith(_MARK)), "")


def _is_folder(path: str) -> bool:
    return Path(path).expanduser().is_dir()


def _is_path(command: str) -> bool:
    return os.sep in command or bool(os.altsep and os.altsep in command)


def _which(command: str, path: str, cwd: str) -> str | None:
    command = os.path.expanduser(command)  # noqa: PTH111 - `~` alone; a Path would swallow a leading `./`
    if _is_path(command) and cwd and not Path(command).is_absolute():
        command = str(Path(cwd).expanduser() / command)
    return shutil.which(command, path=path)


def _missing(server: str, command: str) -> str:
    if _is_path(command):
        return f"The MCP server {server!r} cannot be started: {command} is not there, or is no program. Mend its path."
    source = _SOURCES.get(command.removesuffix(".exe").removesuffix(".cmd"))
    where = f"{source}." if source else "Install it, or give its whole path."
    return (
        f"The MCP server {server!r} cannot be started: the command {command!r} is not installed, or not on the PATH. "
        f"{where}"
    )
