"""Plain JSON data to YAML text in one canonical form: what reads best, quoted only where it must be.

Short lists and objects of single values stand on one line, texts of several lines in literal blocks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TypeAlias

from core.workflow.json_values import flaws
from core.workflow.model import Json
from core.workflow.problems import DocumentError, Problem
from core.workflow.yaml_reader import MAX_BYTES, Path
from core.workflow.yaml_scalars import can_be_literal, can_be_plain, is_plain_key, is_printable

MAX_WIDTH = 100
"""The longest line, in characters, that a list or object on one line may make."""

_MAX_KEY = 400  # YAML wants keys of up to 1,024 characters; longer ones get the `? key` form.

BlockRule: TypeAlias = Callable[[Path], bool]
"""Whether the object or list at a path gets a line for each of its entries however short it is."""


def emit(data: Json, block: BlockRule = lambda path: False) -> str:
    """The text, which `parse` reads back to equal data. Raises DocumentError for what is no storable JSON."""
    problems = [Problem("not_json", sentence, field=".".join(map(str, path))) for path, sentence in flaws(data)]
    if problems:
        raise DocumentError(problems)
    writer = _Writer(block)
    writer.entry("", -2, data, ())
    text = "".join(f"{line}\n" for line in writer.lines)
    if len(text) > MAX_BYTES or len(text.encode()) > MAX_BYTES:
        fix = "Keep long texts and data in files and read them in a step."
        raise DocumentError([Problem("too_large", f"The document is larger than {MAX_BYTES // 2**20} MiB.", fix)])
    return text


class _Writer:
    def __init__(self, block: BlockRule) -> None:
        self.lines: list[str] = []
        self._block = block

    def entry(self, lead: str, indent: int, value: Json, path: Path) -> None:
        """Write a value after its key or dash. lead: that line so far; indent: column of the key or dash."""
        start = f"{lead} " if lead else ""
        if isinstance(value, str) and can_be_literal(value):
            self._literal(start, max(indent, 0) + 2, value)
        elif not isinstance(value, (dict, list)):
            self.lines.append(start + _scalar(value, in_flow=False))
        elif not value:
            self.lines.append(start + ("{}" if isinstance(value, dict) else "[]"))
        elif (line := self._one_line(start, value, path)) is not None:
            self.lines.append(line)
        else:
            self._entries(lead, indent + 2, value, path)

    def _literal(self, start: str, indent: int, text: str) -> None:
        body = text.rstrip("\n")
        ending = len(text) - len(body)
        hint = "2" if text[0] in " \n\t" else ""
        self.lines.append(f"{start}|{hint}{'-' if ending == 0 else '' if ending == 1 else '+'}")
        for line in body.split("\n"):
            self.lines.append(" " * indent + line if line else "")
        self.lines += [""] * (ending - 1)

    def _one_line(self, start: str, value: dict[str, Json] | list[Json], path: Path) -> str | None:
        if not path or len(value) * 3 > MAX_WIDTH or self._block(path):
            return None
        items = value.values() if isinstance(value, dict) else value
        if any(isinstance(item, (dict, list)) or (isinstance(item, str) and "\n" in item) for item in items):
            return None
        if isinstance(value, dict):
            inside = ", ".join(
                f"{_key(key, in_flow=True)}: {_scalar(item, in_flow=True)}" for key, item in value.items()
            )
            line = f"{start}{{{inside}}}"
        else:
            line = f"{start}[{', '.join(_scalar(item, in_flow=True) for item in value)}]"
        return line if len(line) <= MAX_WIDTH else None

    def _entries(self, lead: str, indent: int, value: dict[str, Json] | list[Json], path: Path) -> None:
        """A line or more for each entry; the first one follows a dash on the dash's own line."""
        margin = " " * indent
        after_dash = lead.endswith("-")
        if lead and not after_dash:
            self.lines.append(lead)
        first = f"{lead} " if after_dash else margin
        for before, (part, item) in zip(_leads(first, margin), _parts(value), strict=False):
            if isinstance(part, int):
                self.entry(f"{before}-", indent, item, (*path, part))
                continue
            key = _key(part, in_flow=False)
            if len(key) > _MAX_KEY:
                self.lines.append(f"{before}? {key}")
                self.entry(f"{margin}:", indent, item, (*path, part))
            else:
                self.entry(f"{before}{key}:", indent, item, (*path, part))


def _leads(first: str, others: str) -> Iterator[str]:
    yield first
    while True:
        yield others


def _parts(value: dict[str, Json] | list[Json]) -> Iterator[tuple[str | int, Json]]:
    yield from value.items() if isinstance(value, dict) else enumerate(value)


def _key(text: str, *, in_flow: bool) -> str:
    return text if is_plain_key(text) else _text(text, in_flow=in_flow)


def _scalar(value: Json, *, in_flow: bool) -> str:
    if isinstance(value, str):
        return _text(value, in_flow=in_flow)
    return json.dumps(value)


def _text(text: str, *, in_flow: bool) -> str:
    if can_be_plain(text, in_flow=in_flow):
        return text
    if '"' in text or "\\" in text:
        quotes_only = "'" not in text and "\n" not in text and "\t" not in text and is_printable(text)
        if quotes_only:
            return f"'{text}'"
    return _double_quoted(text)


def _double_quoted(text: str) -> str:
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    named = _ESCAPES.get(character)
    if named is not None:
        return named
    if is_printable(character):
        return character
    number = ord(character)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
