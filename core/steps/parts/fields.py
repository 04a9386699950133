"""Kinds of config fields that several step types share: filled text, durations, and names of ports."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Annotated, TypeAlias

from pydantic import BeforeValidator, StringConstraints, WithJsonSchema

from core.steps.parts.text import as_text
from core.workflow.catalogue import ConfigProblem
from core.workflow.durations import parse_duration
from core.workflow.model import ERROR_PORT, Json

LONGEST_DURATION = 315_360_000.0
"""Ten years, in seconds."""

_PORT = re.compile(r"[A-Za-z_][A-Za-z0-9_ -]*")


def _seconds(value: object) -> float:
    seconds = parse_duration(value)
    if not 0 <= seconds <= LONGEST_DURATION:
        raise ValueError("A duration is at least 0 and at most ten years.")
    return seconds


FilledText: TypeAlias = Annotated[str, StringConstraints(min_length=1), BeforeValidator(as_text)]
"""A Text that is not empty."""

Seconds: TypeAlias = Annotated[
    float,
    BeforeValidator(_seconds),
    WithJsonSchema({"type": ["string", "number"], "examples": ["30s", "5m", "2h", "1d", 90]}),
]
"""A duration in seconds, written as `30s`, `5m`, `2h`, `1d` or a number of seconds."""


def check_port_names(
    names: Iterable[tuple[tuple[str | int, ...], Json]], taken: Iterable[str] = ()
) -> Iterator[ConfigProblem]:
    """What is wrong with port names that a person chose, each with its path in the config. taken: names in use."""
    used = {ERROR_PORT, *taken}
    for path, name in names:
        if not isinstance(name, str) or not _PORT.fullmatch(name) or name != name.strip():
            yield ConfigProblem(
                path,
                "wrong_port",
                f"{name!r} cannot name a port.",
                "Start with a letter; letters, digits, spaces, - and _ may follow. Templates cannot be used here.",
            )
        elif name in used:
            yield ConfigProblem(path, "duplicate_port", f"There is a port {name!r} already.", "Choose another name.")
        else:
            used.add(name)
