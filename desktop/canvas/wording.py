"""What a step says on its face before anything has run: one telling line, and the first lines of its text."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from core.engine.step_type import StepType, config_field, field_extra
from core.workflow.model import Json, Step

PREVIEW_LINES = 3
"""Preview lines at most."""

_EXPRESSION = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.DOTALL)
_LONGEST = 160


def summary(step: Step, kind: StepType[Any] | None) -> str:
    """The one thing that matters about a step: its model, its comparison, or the start of its main field."""
    if kind is None:
        return f"“{step.type}” is not installed"
    config = step.config
    if "model" in kind.config_model.model_fields:
        return plain(config.get("model")) or "Default model"
    if config.get("operator"):
        labels = field_extra(config_field(kind.config_model, "operator")).get("labels", {})
        operator = str(config["operator"])
        words = (config.get("value"), labels.get(operator, operator.replace("_", " ")), config.get("operand"))
        return plain(" ".join(plain(word) for word in words if word is not None))
    if is_long(kind):
        return ""
    return plain(config.get(kind.main_field)) or _first_set(config)


def preview(step: Step, kind: StepType[Any] | None, *, characters: int, lines: int = PREVIEW_LINES) -> tuple[str, ...]:
    """The first lines of a step's main text, wrapped. characters: a line's length."""
    if kind is None or not is_long(kind):
        return ()
    return wrapped(plain(step.config.get(kind.main_field), keep_lines=True), characters=characters, lines=lines)


def wrapped(text: str, *, characters: int, lines: int) -> tuple[str, ...]:
    """The first lines of a text; the last one ends in an ellipsis if there is more."""
    out: list[str] = []
    for paragraph in text.strip().splitlines():
        if not paragraph.strip():
            continue
        short = paragraph.strip()[:_LONGEST]
        out.extend((short,) if len(short) <= characters else textwrap.wrap(short, characters))
        if len(out) > lines:
            cut = out[lines - 1][: characters - 1].rstrip(" .,;:…")
            return (*out[: lines - 1], f"{cut}…")
    return tuple(out)


@lru_cache(256)  # asked twice for every step; there are few types
def is_long(kind: StepType[Any]) -> bool:
    """Whether the type's main field is a text of several lines (a prompt, a template, code)."""
    extra = field_extra(config_field(kind.config_model, kind.main_field)) if kind.main_field else {}
    return extra.get("widget") in ("multiline", "code")


def plain(value: Json, *, keep_lines: bool = False) -> str:
    """A value as one short line; `{{ classify.text }}` reads as `classify.text`."""
    if value is None or value == "" or value == [] or value == {}:
        return ""
    if isinstance(value, Mapping):
        text = ", ".join(f"{key} = {plain(item)}" for key, item in list(value.items())[:4])
    elif isinstance(value, list):
        text = ", ".join(plain(item) for item in value[:4])
    elif isinstance(value, bool):
        text = "true" if value else "false"
    else:
        text = str(value)
    text = text[: 4 * _LONGEST]
    if "{{" in text:
        text = _EXPRESSION.sub(r"\1", text)
    return text.strip() if keep_lines else " ".join(text.split())[:_LONGEST]


def _first_set(config: Mapping[str, Json]) -> str:
    for name, value in config.items():
        said = plain(value)
        if said:
            return said if isinstance(value, str | dict) else f"{name.replace('_', ' ')}: {said}"
    return ""
