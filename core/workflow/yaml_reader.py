"""YAML text to plain JSON data, and nothing else: no tags, no anchors, no second document, no key twice.

Built on PyYAML's event stream, so that deep nesting, YAML 1.1's guesses and Python objects cannot happen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml

from core.workflow.json_values import MAX_DEPTH, text_flaw
from core.workflow.model import Json
from core.workflow.problems import DocumentError, Problem
from core.workflow.yaml_quick import LOADER, Doubtful, data_of
from core.workflow.yaml_scalars import read_plain

MAX_BYTES = 16 * 1024 * 1024
"""The largest document, in bytes of UTF-8."""

MAX_PROBLEMS = 100
"""After so many problems the rest of a text is not read."""

Path: TypeAlias = tuple[str | int, ...]
"""Keys and indexes from the root of a document down."""

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")


class Reading:
    """What a text gave. data: what could be read, None if nothing could. problems: all that is wrong.

    text: to find the lines in, where they are not known yet because nothing is wrong.
    """

    __slots__ = ("_lines", "_text", "data", "problems")

    def __init__(
        self, data: Json, problems: tuple[Problem, ...] = (), *, lines: dict[Path, int] | None = None, text: str = ""
    ) -> None:
        self.data = data
        self.problems = problems
        self._lines = lines
        self._text = text

    @property
    def lines(self) -> Mapping[Path, int]:
        """The 1-based line of every key and item by path."""
        found = self._lines
        if found is None:
            found = self._lines = dict(read_carefully(self._text).lines)
        return found


def parse(text: str | bytes) -> Json:
    """The data of a YAML text. Raises DocumentError with every problem and its line."""
    reading = read(text)
    if reading.problems:
        raise DocumentError(reading.problems)
    return reading.data


def read(text: str | bytes) -> Reading:
    """As much of a YAML text as can be read, with every problem; never raises for what the text holds."""
    try:
        decoded = _decoded(text)
    except _Stop as stop:
        return Reading(None, (stop.problem,), lines={})
    try:
        return Reading(data_of(decoded), text=decoded)
    except Doubtful:
        return read_carefully(decoded)


def read_carefully(text: str) -> Reading:
    """As `read`, of a text without characters that may not stand in a document: event by event, with every line."""
    builder = _Builder()
    try:
        for event in _events(text):
            builder.take(event)
    except _Stop as stop:
        builder.problems.append(stop.problem)
        if not stop.keeps_data:
            return Reading(None, tuple(builder.problems), lines=builder.lines)
    return Reading(builder.root, tuple(builder.problems), lines=builder.lines)


class _Stop(Exception):
    """Nothing after this point can be read."""

    def __init__(self, code: str, message: str, fix: str, line: int | None = None, *, keeps_data: bool = False) -> None:
        self.problem = Problem(code, message, fix, line=line)
        self.keeps_data = keeps_data


def _decoded(text: str | bytes) -> str:
    size = len(text) if isinstance(text, bytes) or len(text) > MAX_BYTES else len(text.encode("utf-8", "replace"))
    if size > MAX_BYTES:
        raise _Stop(
            "too_large",
            f"The document is larger than {MAX_BYTES // 2**20} MiB.",
            "Keep long texts and data in files and read them in a step.",
        )
    if isinstance(text, bytes):
        raw = text
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            if b"\0" in raw and not raw.startswith((b"\xff\xfe", b"\xfe\xff")):  # UTF-16 is full of zeros, too
                said = "This is not a text file, so it holds no workflow."
                raise _Stop("not_utf8", said, "Open a file whose name ends in .loom.yaml.") from None
            line = raw.count(b"\n", 0, error.start) + 1
            raise _Stop("not_utf8", "The text is not valid UTF-8.", "Save the file as UTF-8.", line) from None
    text = text.removeprefix("\ufeff")
    if found := _CONTROL.search(text):
        raise _Stop(
            "bad_character",
            f"The character U+{ord(found[0]):04X} may not stand in a document.",
            'Remove it, or write it as an escape between double quotes, such as "\\u0007".',
            text.count("\n", 0, found.start()) + 1,
        )
    return text


def _events(text: str) -> Iterator[yaml.Event]:
    try:
        yield from yaml.parse(text, Loader=LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = ", ".join(part for part in (error.context, error.problem) if part)
        raise _Stop(
            "yaml_syntax",
            f"This is not valid YAML: {what}.",
            "Check the indentation, and put texts that hold ': ' or begin with a sign such as { * & @ in quotes.",
            mark.line + 1 if mark else None,
        ) from None
    except yaml.YAMLError as error:
        raise _Stop("yaml_syntax", f"This is not valid YAML: {error}.", "Check the text near it.") from None
    except (ValueError, OverflowError):
        # Pure Python's scanner lets chr() fail on escapes such as "\UFFFFFFFF".
        raise _Stop("yaml_syntax", "An escape between double quotes is no character.", "Correct the escape.") from None


@dataclass(slots=True)
class _Frame:
    """A mapping or list that is being filled. key: the next value's key, None while a key is awaited."""

    container: dict[str, Json] | list[Json]
    path: Path
    key: str | None = None
    discards: bool = False


@dataclass(slots=True)
class _Builder:
    root: Json = None
    lines: dict[Path, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    _stack: list[_Frame] = field(default_factory=list)
    _documents: int = 0

    def take(self, event: yaml.Event) -> None:
        """Add one event's meaning to the data."""
        line = event.start_mark.line + 1 if event.start_mark else 1
        match event:
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    fix = "Keep one workflow in each file."
                    raise _Stop("several_documents", "A second document begins here.", fix, line, keeps_data=True)
            case yaml.AliasEvent():
                self._report("anchor", f"*{event.anchor} is an alias; documents have none.", line, _QUOTES)
                self._place(None, line, is_key_text=False)
            case yaml.ScalarEvent():
                self._check_node(event, line)
                self._scalar(event, line)
            case yaml.MappingStartEvent():
                self._check_node(event, line)
                self._open({}, line)
            case yaml.SequenceStartEvent():
                self._check_node(event, line)
                self._open([], line)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._close()
            case _:
                pass

    def _report(self, code: str, message: str, line: int, fix: str = "") -> None:
        self.problems.append(Problem(code, message, fix, line=line))
        if len(self.problems) >= MAX_PROBLEMS:
            raise _Stop("too_many_problems", "The rest of the text was not read.", "Correct the problems above first.")

    def _check_node(self, event: Any, line: int) -> None:
        if event.anchor is not None:
            self._report("anchor", f"&{event.anchor} is an anchor; documents have none.", line, _QUOTES)
        if event.tag is not None:
            self._report("tag", f"{event.tag} is a tag; documents have none.", line, _QUOTES)

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> None:
        text: str = event.value
        plain = not event.style
        if sentence := text_flaw(text):
            self._report("bad_character", sentence, line, "Remove it.")
            text, plain = "", False
        try:
            value = read_plain(text) if plain else text
        except ValueError as error:
            self._report("bad_number", str(error), line, "Put it in quotes if it is meant as text.")
            value = text
        if not self._awaits_key():
            self._place(value, line)
        elif isinstance(value, bool):
            self._place(text.lower(), line)
        elif isinstance(value, (str, int)):
            self._place(text, line)
        else:
            self._report("key_not_text", f"The key {text or 'null'} is not text.", line, "Put it in quotes.")
            self._place(None, line, is_key_text=False)

    def _awaits_key(self) -> bool:
        return bool(self._stack) and isinstance(self._stack[-1].container, dict) and self._stack[-1].key is None

    def _place(self, value: Json, line: int, *, is_key_text: bool = True) -> Path:
        """Put a value where it belongs; its path. is_key_text: False for a key that is none, whose value is dropped."""
        if not self._stack:
            self.root = value
            self.lines[()] = line
            return ()
        frame = self._stack[-1]
        if isinstance(frame.container, list):
            path = (*frame.path, len(frame.container))
            frame.container.append(value)
            self.lines[path] = line
            return path
        if frame.key is None:
            frame.key, frame.discards = (value, False) if isinstance(value, str) and is_key_text else (_NO_KEY, True)
            if not frame.discards:
                self._note_key(frame, frame.key, line)
            return frame.path
        key, discards = frame.key, frame.discards
        frame.key, frame.discards = None, False
        if not discards:
            frame.container[key] = value
        return (*frame.path, key)

    def _note_key(self, frame: _Frame, key: str, line: int) -> None:
        path = (*frame.path, key)
        if key in frame.container:
            first = self.lines.get(path)
            where = f"; first in line {first}" if first else ""
            self._report("duplicate_key", f"{key!r} stands here twice{where}.", line, "Rename or remove one of them.")
        self.lines[path] = line

    def _open(self, container: dict[str, Json] | list[Json], line: int) -> None:
        if len(self._stack) >= MAX_DEPTH:
            fix = "Split the workflow, or keep such data in a file."
            raise _Stop("too_deep", f"The document is nested more than {MAX_DEPTH} deep.", fix, line)
        if self._awaits_key():
            fix = 'A text that begins with { or [ must stand in quotes: "{{ input.name }}".'
            self._report("key_not_text", "An object or a list cannot be a key.", line, fix)
            self._place(None, line, is_key_text=False)
            self._stack.append(_Frame(container, (_NO_KEY,)))
            return
        path = self._place(container, line)
        self._stack.append(_Frame(container, path))

    def _close(self) -> None:
        self._stack.pop()


_NO_KEY = "\0"  # No key that is kept can hold a NUL, so the lines of what is dropped stay apart.

_QUOTES = "Write the value out, or put it in quotes if it is meant as text."
