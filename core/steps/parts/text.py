"""Texts of a step's config, and JSON that came from outside."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, cast

from pydantic import BeforeValidator

from core.workflow.model import Json

_SUSPECT = re.compile(r"\\u(?:0000|[dD][89a-fA-F])|[\x00\ud800-\udfff]")
"""What a JSON text holds if any of its values may hold NUL or a lone surrogate."""


def as_text(value: Any) -> Any:
    """A JSON value as text: text as it is, nothing as '', numbers as written, lists and objects as JSON.

    A template that is one expression keeps its type, so a text field may be handed a number. What is no JSON value
    is given back for the config model to refuse.
    """
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case list() | dict():
            return json.dumps(value, ensure_ascii=False)
        case _:
            return value


Text = Annotated[str, BeforeValidator(as_text)]
"""A config field that is text whatever its template gave."""


def parse_json(text: str) -> Json:
    """The JSON value in a text that came from outside, with characters no database keeps (NUL, lone surrogates)
    replaced by U+FFFD.

    Raises ValueError, which says where, for anything that is not JSON: NaN and infinite numbers are not.
    """
    try:
        value = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
        return clean(value) if _SUSPECT.search(text) else cast("Json", value)
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None


def clean(value: Any) -> Json:
    """A parsed JSON value with NUL and lone surrogates in its texts replaced by U+FFFD."""
    match value:
        case str():
            return clean_text(value)
        case list():
            return [clean(item) for item in value]
        case dict():
            return {clean_text(key): clean(item) for key, item in value.items()}
        case _:
            return cast("Json", value)


def clean_text(text: str) -> str:
    """The text with NUL and lone surrogates replaced by U+FFFD."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"the number {text[:40]} is too large")
    return number
