"""What is wrong with a value by a JSON Schema, found in bounded time and without the network: a schema may come from
elsewhere, as may the value, and while a pattern is searched for, its process does nothing else."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from functools import cache
from typing import Any, Final, TypeAlias

from core.workflow.model import Json

PATIENCE_S: Final = 1.0
"""Seconds that all searches for patterns have in which a value is checked."""

REFERENCES_S: Final = 5.0
"""Seconds after which no reference inside a schema is followed any more: forty that lead on twice each never end."""

_ends: ContextVar[float] = ContextVar("ends")

_BY_NAME: Final = frozenset({"properties", "patternProperties", "dependentSchemas", "$defs", "definitions"})
_VALUES: Final = frozenset({"const", "enum", "default", "examples"})
"""Keywords with schemas by name, and with values that are no schemas."""

_Keyword: TypeAlias = Callable[[Any, Any, Any, Mapping[str, Any]], Iterator[Any]]


class UnusableSchema(Exception):
    """A value cannot be checked by a JSON Schema. The text goes on after the schema's name: `refers to itself…`."""


def schema_errors(value: Json, schema: Mapping[str, Any], kind: Any, *, formats: bool = False) -> Iterator[Any]:
    """The errors, as jsonschema tells them. kind: its class of validators. formats: whether `format` counts.

    Raises UnusableSchema.
    """
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import EMPTY_REGISTRY

    checker = kind.FORMAT_CHECKER if formats else None
    _ends.set(time.monotonic() + PATIENCE_S)
    try:
        if _has_unevaluated(schema):
            schema = _spelled_out(schema, sorted(_names(value)))
        # With an empty registry a `$ref` to somewhere else is an error, not a download.
        yield from _patient(kind)(dict(schema), registry=EMPTY_REGISTRY, format_checker=checker).iter_errors(value)
    except Unresolvable as error:
        raise UnusableSchema(f"refers to {error.ref!r}, which is not in it") from None
    except RecursionError:
        raise UnusableSchema("refers to itself without end") from None
    except re.error as error:
        raise UnusableSchema(f"has a pattern that cannot be used: {error}") from None
    except (OverflowError, ValueError) as error:
        raise UnusableSchema(f"cannot be applied: {error}") from None


def _has_unevaluated(schema: Any) -> bool:
    """Whether `unevaluatedProperties` is anywhere in it: the library looks for patterns on its own then."""
    if isinstance(schema, Mapping):
        return "unevaluatedProperties" in schema or any(map(_has_unevaluated, schema.values()))
    return isinstance(schema, list) and any(map(_has_unevaluated, schema))


def _spelled_out(schema: Any, names: Sequence[str], *, by_name: bool = False) -> Any:
    """The schema with those of the names that a pattern takes in place of each pattern for names.

    by_name: whether its keys are no keywords but names of further schemas.
    """
    if isinstance(schema, list):
        return [_spelled_out(each, names) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    made = {
        key: each
        if key in _VALUES and not by_name
        else _spelled_out(each, names, by_name=key in _BY_NAME and not by_name)
        for key, each in schema.items()
    }
    patterns = made.get("patternProperties")
    if isinstance(patterns, dict) and not by_name:
        made["patternProperties"] = {
            _taking(pattern, names, number): each for number, (pattern, each) in enumerate(patterns.items())
        }
    return made


def _taking(pattern: str, names: Sequence[str], number: int) -> str:
    """A pattern that takes the same ones of these names, found without searching. number: makes it differ."""
    taken = "|".join(re.escape(name) for name in names if _found(pattern, name))
    return (rf"\A(?:{taken})\Z" if taken else "(?!)") + f"(?#{number})"


def _names(value: Any) -> set[str]:
    """The names of all properties in a value."""
    if isinstance(value, Mapping):
        return set(value).union(*map(_names, value.values()))
    return set().union(*map(_names, value)) if isinstance(value, list) else set()


@cache
def _patient(kind: Any) -> Any:
    from jsonschema.validators import extend

    own: dict[str, _Keyword] = {"pattern": _pattern, "patternProperties": _pattern_properties}
    own["additionalProperties"] = _additional_properties(kind.VALIDATORS["additionalProperties"])
    for name in ("$ref", "$dynamicRef", "$recursiveRef"):
        if name in kind.VALIDATORS:
            own[name] = _reference(kind.VALIDATORS[name])
    known = {name: made for name, made in own.items() if name in kind.VALIDATORS}
    return extend(kind, known)  # type: ignore[no-untyped-call]  # jsonschema leaves it untyped


def _found(pattern: str, text: str) -> bool:
    """Whether a pattern is somewhere in a text."""
    import regex  # gives up when told to, which `re` does not

    try:
        return regex.search(pattern, text, timeout=max(0.001, _ends.get() - time.monotonic())) is not None
    except regex.error as error:
        raise re.error(str(error)) from None
    except TimeoutError:
        told = pattern if len(pattern) <= 100 else f"{pattern[:99]}…"
        raise re.error(f"the search for the pattern {told!r} takes too long") from None


def _reference(known: _Keyword) -> _Keyword:
    """The keyword for a reference, while there is time."""

    def reference(validator: Any, wanted: Any, value: Any, schema: Mapping[str, Any]) -> Iterator[Any]:
        if time.monotonic() > _ends.get() - PATIENCE_S + REFERENCES_S:
            raise UnusableSchema("refers to so much that it cannot be followed to its end")
        yield from known(validator, wanted, value, schema)

    return reference


def _pattern(validator: Any, pattern: str, value: Any, _schema: Mapping[str, Any]) -> Iterator[Any]:
    from jsonschema.exceptions import ValidationError

    if validator.is_type(value, "string") and not _found(pattern, value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


def _pattern_properties(
    validator: Any, patterns: Mapping[str, Any], value: Any, _schema: Mapping[str, Any]
) -> Iterator[Any]:
    if not validator.is_type(value, "object"):
        return
    for pattern, schema in patterns.items():
        for name, item in value.items():
            if _found(pattern, name):
                yield from validator.descend(item, schema, path=name, schema_path=pattern)


def _additional_properties(known: _Keyword) -> _Keyword:
    """The keyword for what no pattern takes; those that some take are passed on as if they were named."""

    def additional(validator: Any, wanted: Any, value: Any, schema: Mapping[str, Any]) -> Iterator[Any]:
        patterns = schema.get("patternProperties", {})
        if patterns and validator.is_type(value, "object"):
            taken = {name: True for name in value if any(_found(pattern, name) for pattern in patterns)}
            schema = {"properties": {**schema.get("properties", {}), **taken}}
        yield from known(validator, wanted, value, schema)

    return additional
