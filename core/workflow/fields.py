"""Reading the fields of one object of a document, noting everything that is wrong instead of stopping at it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from core.workflow.durations import parse_duration
from core.workflow.model import Json
from core.workflow.names import hint
from core.workflow.problems import Problem

T = TypeVar("T", bound=str)


class Fields:
    """The fields of an object. A wrong one is noted in `problems` and reads as if it were left out.

    known: names the object may have. step: id of the step that the object belongs to. prefix: dotted path of the
    object inside the step or document, '' for that itself. A field that is null counts as left out.
    """

    def __init__(
        self,
        data: Mapping[str, Json],
        known: Sequence[str],
        problems: list[Problem],
        step: str | None = None,
        prefix: str = "",
    ) -> None:
        self._data = data
        self._problems = problems
        self._step = step
        self._prefix = prefix
        for name in data:
            if name not in known:
                left = [other for other in known if other not in data]
                self.report("unknown_field", name, f"There is no field {name!r} here.", hint(name, left, "fields"))

    def report(self, code: str, name: str, message: str, fix: str) -> None:
        """Note a problem of the field of that name."""
        path = ".".join(part for part in (self._prefix, name) if part)
        self._problems.append(Problem(code, message, fix, self._step, path))

    def raw(self, name: str) -> Json:
        """The field as it stands, None if left out."""
        return self._data.get(name)

    def required_text(self, name: str, fix: str) -> str:
        """A text that must be there and not be empty."""
        text = self.text(name)
        if not text.strip() and (self.raw(name) is None or isinstance(self.raw(name), str)):
            self.report("missing_field", name, f"The field {name!r} is missing.", fix)
        return text

    def text(self, name: str) -> str:
        """A text, '' if left out."""
        value = self.raw(name)
        if isinstance(value, str):
            return value
        if value is not None:
            quoted = f' Quotes make it one: "{value}".' if not isinstance(value, (dict, list)) else ""
            self.report("wrong_type", name, f"{name!r} must be text, not {kind(value)}.", f"Write a text.{quoted}")
        return ""

    def choice(self, name: str, allowed: Sequence[T]) -> T:
        """One of the allowed words; the first one if left out."""
        value = self.raw(name)
        if value is None:
            return allowed[0]
        for word in allowed:
            if value == word:
                return word
        shown = repr(value) if isinstance(value, str) else kind(value)
        message = f"{name!r} cannot be {shown}; it is one of {', '.join(allowed)}."
        self.report("wrong_value", name, message, hint(str(value), allowed, "words"))
        return allowed[0]

    def flag(self, name: str) -> bool:
        """True or false; false if left out."""
        value = self.raw(name)
        if value is not None and not isinstance(value, bool):
            self.report(
                "wrong_type", name, f"{name!r} must be true or false, not {kind(value)}.", "Write true or false."
            )
            return False
        return bool(value)

    def number(self, name: str, default: float) -> float:
        """A number."""
        value = self.raw(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            self.report("wrong_type", name, f"{name!r} must be a number, not {kind(value)}.", "Write a number.")
            return default
        return self._as_float(name, value, default)

    def optional_number(self, name: str) -> float | None:
        """A number, None if left out."""
        value = self.raw(name)
        if value is None or isinstance(value, bool) or not isinstance(value, (int, float)):
            self.number(name, 0.0)  # notes what is wrong
            return None
        return self._as_float(name, value, 0.0)

    def whole(self, name: str, default: int) -> int:
        """A whole number; `4.0` is one."""
        value = self.raw(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value != int(value):
            fix = "Write a whole number."
            self.report("wrong_type", name, f"{name!r} must be a whole number, not {kind(value)}.", fix)
            return default
        return int(value)

    def seconds(self, name: str, default: float | None = None) -> float | None:
        """A duration in seconds."""
        value = self.raw(name)
        if value is None:
            return default
        try:
            return parse_duration(value)
        except ValueError as error:
            self.report("wrong_value", name, str(error), "Write it like 60s.")
            return default

    def mapping(self, name: str) -> dict[str, Json] | None:
        """An object, None if left out."""
        value = self.raw(name)
        if value is None or isinstance(value, dict):
            return value
        message = f"{name!r} must hold names with values, not {kind(value)}."
        self.report("wrong_type", name, message, f"Write `{name}:` and below it, indented, `key: value` lines.")
        return None

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts."""
        value = self.raw(name)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.report("wrong_type", name, f"{name!r} must be a list of texts.", f"Write `{name}: [one, two]`.")
            items = value if isinstance(value, list) else [value]
            return tuple(item for item in items if isinstance(item, str))
        return tuple(item for item in value if isinstance(item, str))

    def _as_float(self, name: str, value: float, default: float) -> float:
        try:
            return float(value)
        except OverflowError:
            self.report("wrong_value", name, f"The number of {name!r} is too large.", "Write a smaller one.")
            return default


def kind(value: object) -> str:
    """A JSON value's type in plain words."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case _:
            return "an object"
