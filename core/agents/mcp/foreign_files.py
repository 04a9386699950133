"""MCP servers in the files of other programs: Claude Desktop, Claude Code, Cursor, VS Code, Windsurf, Gemini CLI.

They mean the same and write it differently: VS Code keeps `servers` and asks for `inputs`, Claude Code keeps servers
for each project, Claude Desktop fills nothing in, some count time in milliseconds.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from core.agents.mcp import jsonc
from core.agents.mcp.errors import BadConfiguration
from core.agents.mcp.reference import REFERENCE
from core.agents.mcp.secret_values import escaped, key_name, put_away
from core.agents.mcp.server_config import ServerConfig, read_entry

Program: TypeAlias = Literal["Claude Desktop", "Claude Code", "Cursor", "VS Code", "Windsurf", "Gemini CLI", ""]
"""Whose file it is; '' for any."""

LARGEST: Final = 10_000_000
"""Bytes of a file that is read."""


@dataclass(frozen=True, slots=True)
class ForeignServer:
    """A server as it can be taken in. notes: what is different here, for the person.

    secrets: values that stood in the file in plain, by the name of the key that they are to be kept under.
    wanted: names of keys that the other program asked the person for, to be set. problem: why it cannot be taken in.
    """

    name: str
    config: ServerConfig | None
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    wanted: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ForeignFile:
    """A file of another program that is there."""

    program: Program
    path: Path


def known_files(home: Path, folder: Path | None = None, platform: str = sys.platform) -> list[ForeignFile]:
    """The files of other programs that are there, the person's own first and then those of a project's folder."""
    if platform == "darwin":
        applications = home / "Library" / "Application Support"
    elif platform == "win32":
        applications = home / "AppData" / "Roaming"
    else:
        applications = home / ".config"
    candidates: list[tuple[Program, Path]] = [
        ("Claude Desktop", applications / "Claude" / "claude_desktop_config.json"),
        ("Claude Code", home / ".claude.json"),
        ("Cursor", home / ".cursor" / "mcp.json"),
        ("VS Code", applications / "Code" / "User" / "mcp.json"),
        ("VS Code", applications / "Code" / "User" / "settings.json"),
        ("Windsurf", home / ".codeium" / "windsurf" / "mcp_config.json"),
        ("Gemini CLI", home / ".gemini" / "settings.json"),
    ]
    if folder is not None:
        candidates += [
            ("Claude Code", folder / ".mcp.json"),
            ("Cursor", folder / ".cursor" / "mcp.json"),
            ("VS Code", folder / ".vscode" / "mcp.json"),
            ("Gemini CLI", folder / ".gemini" / "settings.json"),
        ]
    return [ForeignFile(program, path) for program, path in candidates if path.is_file()]


def program_of(path: Path) -> Program:
    """Whose file it is, going by its name."""
    text = path.as_posix().lower()
    ends: list[tuple[str, Program]] = [
        ("claude_desktop_config.json", "Claude Desktop"), (".mcp.json", "Claude Code"), (".claude.json", "Claude Code"),
        (".cursor/mcp.json", "Cursor"), (".vscode/mcp.json", "VS Code"), ("code/user/mcp.json", "VS Code"),
        ("code/user/settings.json", "VS Code"), ("mcp_config.json", "Windsurf"),
        (".gemini/settings.json", "Gemini CLI"),
    ]  # fmt: skip
    return next((program for end, program in ends if text.endswith(end)), "")


def read_file(path: Path, program: Program | None = None, home: Path | None = None) -> list[ForeignServer]:
    """The servers of a file. program: whose it is; None goes by the file's name. Raises BadConfiguration."""
    try:
        if path.stat().st_size > LARGEST:
            raise BadConfiguration(f"{path} is too large to be a list of MCP servers.")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadConfiguration(f"{path} cannot be read: {error.strerror or error}.") from None
    except ValueError:
        raise BadConfiguration(f"{path} is no UTF-8 text.") from None
    return read_text(text, str(path), program_of(path) if program is None else program, path.parent, home)


def read_text(
    text: str, origin: str = "The text", program: Program = "", folder: Path | None = None, home: Path | None = None
) -> list[ForeignServer]:
    """The servers of a text, such as a pasted one. folder: where the file lies. Raises BadConfiguration."""
    try:
        document = jsonc.loads(text)
    except ValueError as error:
        raise BadConfiguration(f"{origin} is no JSON: {error}.") from None
    found = [
        _read(name, entry, program, _places(program, folder, home), _wanted(document))
        for name, entry in _entries(document)
    ]
    if not found:
        raise BadConfiguration(
            f"{origin} names no MCP servers: it has neither `mcpServers` nor `servers` with entries."
        )
    return found


def _entries(document: Any) -> Iterator[tuple[str, Any]]:
    """All servers of a document, wherever its program keeps them; of equal names the first."""
    if not isinstance(document, Mapping):
        return
    nested = document.get("mcp")
    projects = document.get("projects")
    places = [document.get("mcpServers"), document.get("servers"), document.get("context_servers")]
    places += [nested.get("servers"), nested.get("mcpServers")] if isinstance(nested, Mapping) else []
    if isinstance(projects, Mapping):
        places += [each.get("mcpServers") for each in projects.values() if isinstance(each, Mapping)]
    if not any(isinstance(place, Mapping) and place for place in places):
        # People paste one entry alone, with its name or without.
        lone = document if any(key in document for key in ("command", "url", "serverUrl")) else None
        places = [{"server": lone}] if lone is not None else [{k: v for k, v in document.items() if _is_entry(v)}]
    seen: set[str] = set()
    for place in places:
        for name, entry in place.items() if isinstance(place, Mapping) else ():
            if name not in seen:
                seen.add(name)
                yield name, entry


def _is_entry(value: Any) -> bool:
    return isinstance(value, Mapping) and any(key in value for key in ("command", "url", "serverUrl", "httpUrl"))


def _read(
    name: str, entry: Any, program: Program, places: Mapping[str, str], inputs: Mapping[str, str]
) -> ForeignServer:
    clean = re.sub(r"[^A-Za-z0-9_. -]+", "-", name).strip(" .-_")[:64] or "server"
    notes = [f"It is called {clean!r} here."] if clean != name else []
    if not isinstance(entry, Mapping):
        return ForeignServer(clean, None, problem=f"{name!r} is no object with a command or a url.")
    ours, wanted = _translated(clean, entry, program, places, inputs, notes)
    safe = put_away(clean, ours)
    try:
        config = read_entry(clean, safe.entry)
    except BadConfiguration as error:
        return ForeignServer(clean, None, notes=tuple(notes), problem=str(error))
    if safe.secrets:
        notes.append(f"Kept in the keyring: {', '.join(safe.secrets)}.")
    notes += [f"Set a key ({what or 'it asks for one'}): steploom keys set {key}" for key, what in wanted.items()]
    return ForeignServer(clean, config, safe.secrets, tuple(wanted), tuple(notes))


def _translated(
    server: str,
    entry: Mapping[str, Any],
    program: Program,
    places: Mapping[str, str],
    inputs: Mapping[str, str],
    notes: list[str],
) -> tuple[dict[str, Any], Mapping[str, str]]:
    """The entry in our words; and the keys that have to be set for it, with what they are."""
    ours = escaped(entry) if program == "Claude Desktop" else dict(entry)
    wanted: dict[str, str] = {}

    def reference(inside: str) -> str:
        if inside.startswith("input:"):
            name = key_name(server, inside.removeprefix("input:"))
            wanted[name] = inputs.get(inside.removeprefix("input:"), "")
            return f"${{secret:{name}}}"
        return places.get(inside, f"${{{inside}}}")

    ours = _replaced(ours, reference)
    if isinstance(command := ours.get("command"), list):  # command and arguments in one list
        ours["command"], ours["args"] = (command[0] if command else ""), [*command[1:], *ours.get("args", [])]
    if isinstance(timeout := ours.get("timeout"), int | float) and timeout >= 1000:
        ours["timeout"] = timeout / 1000
        notes.append(f"Its timeout of {timeout:g} was taken for milliseconds.")
    if ours.pop("enabled", None) is False:
        ours["disabled"] = True
    for key, say in _LEFT_OUT.items():
        if ours.pop(key, None):
            notes.append(say)
    return ours, wanted


_LEFT_OUT: Final[Mapping[str, str]] = {
    "autoApprove": "Its `autoApprove` was left out: every tool is agreed to here, once it has been read.",
    "alwaysAllow": "Its `alwaysAllow` was left out: every tool is agreed to here, once it has been read.",
    "trust": "Its `trust` was left out: every tool is agreed to here, once it has been read.",
    "envFile": "Its `envFile` was left out: set those variables in `env`.",
    "headersHelper": "Its `headersHelper` was left out: set those `headers`.",
    "oauth": 'Its own sign-in was left out: set "auth": "oauth" to sign in through the browser.',
}


def _wanted(document: Any) -> Mapping[str, str]:
    """The inputs that VS Code asks for: their descriptions by id."""
    inputs = document.get("inputs") if isinstance(document, Mapping) else None
    found = [each for each in inputs if isinstance(each, Mapping)] if isinstance(inputs, list) else []
    return {str(each.get("id", "")): str(each.get("description", "")) for each in found}


def _places(program: Program, folder: Path | None, home: Path | None) -> Mapping[str, str]:
    """The places that programs name, as they are now."""
    places = {"userHome": str(home or Path.home()), "cwd": str(Path.cwd()), "pathSeparator": "/", "/": "/"}
    if folder is not None:
        inner = program in ("VS Code", "Cursor", "Gemini CLI") and folder.name in (".vscode", ".cursor", ".gemini")
        project = folder.parent if inner else folder
        places |= {
            "workspaceFolder": str(project),
            "workspaceFolderBasename": project.name,
            "workspaceRoot": str(project),
        }
    return places


def _replaced(value: Any, reference: Callable[[str], str]) -> Any:
    """The value with every `${…}` in its texts replaced; escaped ones stay."""
    if isinstance(value, str):
        return REFERENCE.sub(lambda match: match[0] if match[1] is None else reference(match[1]), value)
    if isinstance(value, Mapping):
        return {key: _replaced(item, reference) for key, item in value.items()}
    return [_replaced(item, reference) for item in value] if isinstance(value, list) else value
