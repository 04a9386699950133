"""The data of a YAML text in which nothing is wrong, in a third of the time that it takes to know all its lines.

Only what is plain is decided here. Whatever else a text holds, `core.workflow.yaml_reader` reads it again from the
start and says what is wrong and where; both give the same data for every text that this module gives any for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import yaml
from yaml.events import (
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)

from core.workflow.json_values import MAX_DEPTH, text_flaw
from core.workflow.model import Json
from core.workflow.yaml_scalars import MEANING_STARTS, read_plain

LOADER: Final[Any] = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
"""What makes the events of a text."""


class Doubtful(Exception):
    """The text holds something that is not decided here."""


def data_of(text: str) -> Json:
    """The data of a text without control characters and lone surrogates. Raises Doubtful if anything is unusual."""
    try:
        return _Reader(LOADER(text).get_event).document()
    except (yaml.YAMLError, ValueError, OverflowError):
        raise Doubtful from None


class _Reader:
    """Reads values off a stream of events. Texts and numbers that stand without quotes are shared where equal."""

    def __init__(self, next_event: Callable[[], Any]) -> None:
        self._next = next_event
        self._plain: dict[str, Json] = {}
        self._keys: dict[str, str] = {}

    def document(self) -> Json:
        found: Json = None
        self._expect(StreamStartEvent)
        if type(event := self._next()) is DocumentStartEvent:
            found = self._value(self._next(), 0)
            self._expect(DocumentEndEvent)
            event = self._next()
        if type(event) is not StreamEndEvent:
            raise Doubtful
        return found

    def _expect(self, kind: type) -> None:
        if type(self._next()) is not kind:
            raise Doubtful

    def _value(self, event: Any, depth: int) -> Json:
        """The value that begins with an event. depth: how many objects and lists are around it."""
        kind = type(event)
        if kind is ScalarEvent:
            return self._scalar(event)
        if depth >= MAX_DEPTH or kind not in _STARTS or event.anchor is not None or event.tag is not None:
            raise Doubtful
        return self._mapping(depth + 1) if kind is MappingStartEvent else self._sequence(depth + 1)

    def _mapping(self, depth: int) -> dict[str, Json]:
        found: dict[str, Json] = {}
        following, keys = self._next, self._keys
        while type(event := following()) is not MappingEndEvent:
            if type(event) is not ScalarEvent or event.anchor is not None or event.tag is not None:
                raise Doubtful
            key = keys.get(event.value) if not event.style else None
            if key is None:
                key = self._key(event)
            if key in found:
                raise Doubtful
            found[key] = self._value(following(), depth)
        return found

    def _sequence(self, depth: int) -> list[Json]:
        found: list[Json] = []
        following = self._next
        while type(event := following()) is not SequenceEndEvent:
            found.append(self._value(event, depth))
        return found

    def _scalar(self, event: Any) -> Json:
        text: str = event.value
        if event.anchor is not None or event.tag is not None:
            raise Doubtful
        if event.style:
            if event.style == '"' and text_flaw(text):  # the one style with escapes
                raise Doubtful
            return text
        if text in self._plain:
            return self._plain[text]
        value = self._plain[text] = read_plain(text) if text[:1] in MEANING_STARTS else text
        return value

    def _key(self, event: Any) -> str:
        value, text = self._scalar(event), str(event.value)
        if not event.style:
            if value is None or isinstance(value, float):
                raise Doubtful
            text = self._keys[text] = text.lower() if isinstance(value, bool) else text
        return text


_STARTS: Final = frozenset({MappingStartEvent, SequenceStartEvent})
