"""Keeping secrets out of everything that is shown, kept or sent on: events, records, logs, error texts."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from typing import overload
from urllib.parse import quote, quote_plus

from core.workflow.model import Json

_SHORTEST = 4
"""Shorter values are not masked: they would blot out ordinary words. The secret store refuses them."""

_SHORTEST_INNER = 8
"""Shorter pieces of base64 are not masked: they stand in other data by chance."""

_SHOWN = re.compile(r"\[secret ([^\[\]]+)\]")


class Mask:
    """Replaces secret values by `[secret NAME]`, also where they are URL-quoted, JSON-escaped or in base64.

    Costs one comparison per call as long as no secret was added. A value inside a longer base64 text is found at
    every alignment, its outermost characters apart.
    """

    def __init__(self, secrets: Mapping[str, str] | None = None) -> None:
        self._names: dict[str, str] = {}
        self._pattern: re.Pattern[str] | None = None
        self._longest = 0
        for name, value in (secrets or {}).items():
            self.add(name, value)

    def add(self, name: str, value: str) -> None:
        """Mask that value from now on. Values of fewer than 4 characters are passed over."""
        if len(value) < _SHORTEST or self._names.get(value) == name:
            return
        for form in _forms(value):
            self._names.setdefault(form, name)
        longest_first = sorted(self._names, key=len, reverse=True)
        self._longest = len(longest_first[0])
        self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def text(self, text: str) -> str:
        """The text with every secret replaced."""
        if self._pattern is None:
            return text
        return self._pattern.sub(self._replacement, text)

    def data(self, data: bytes) -> bytes:
        """The bytes of a file with every secret replaced; the same object if there is none."""
        # Taken in one step: another thread may be adding a secret.
        known = tuple(self._names.items())
        found = {form.encode("utf-8", "surrogatepass"): name for form, name in known}
        for form in sorted((form for form in found if form in data), key=len, reverse=True):
            data = data.replace(form, f"[secret {found[form]}]".encode())
        return data

    def beginning(self, text: str) -> tuple[str, str]:
        """The text up to where a secret may have begun that goes on in what follows, masked; and the rest, as it is.

        The rest is shorter than the longest masked form.
        """
        if self._pattern is None:
            return text, ""
        open_at = self._open_at(text)
        shown, at = [], 0
        for match in self._pattern.finditer(text):
            if match.start() >= open_at:
                break
            shown += [text[at : match.start()], self._replacement(match)]
            at = match.end()
        end = max(at, open_at)
        shown.append(text[at:end])
        return "".join(shown), text[end:]

    def _open_at(self, text: str) -> int:
        """The first place from which the text is the beginning of a longer secret; its length if there is none."""
        for place in range(max(0, len(text) - self._longest + 1), len(text)):
            rest = text[place:]
            if any(len(form) > len(rest) and form.startswith(rest) for form in self._names):
                return place
        return len(text)

    @overload
    def mask(self, value: dict[str, Json]) -> dict[str, Json]: ...
    @overload
    def mask(self, value: Json) -> Json: ...
    def mask(self, value: Json) -> Json:
        """The JSON value with every secret in its texts and keys replaced; the same object if there is none."""
        if self._pattern is None:
            return value
        return self._masked(value)

    def _masked(self, value: Json) -> Json:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            items = [self._masked(item) for item in value]
            return value if all(new is old for new, old in zip(items, value, strict=True)) else items
        if isinstance(value, dict):
            pairs = {self.text(key): self._masked(item) for key, item in value.items()}
            same = all(pairs.get(key, self) is item for key, item in value.items())
            return value if same else pairs
        if isinstance(value, int | float) and (name := self._names.get(str(value))):
            return f"[secret {name}]"
        return value

    def _replacement(self, match: re.Match[str]) -> str:
        return f"[secret {self._names[match.group()]}]"


class MaskedStream:
    """A text that comes in pieces, masked: of a secret that two pieces share, neither part is shown."""

    __slots__ = ("_held", "_mask")

    def __init__(self, mask: Mask) -> None:
        self._mask = mask
        self._held = ""

    def shown(self, piece: str) -> str:
        """What may be shown, now that this piece has come: what was held back included, what may be a secret not."""
        shown, self._held = self._mask.beginning(self._held + piece)
        return shown

    def rest(self) -> str:
        """What was held back, as nothing more comes."""
        rest, self._held = self._mask.text(self._held), ""
        return rest


def names_shown(value: Json | Mapping[str, Json]) -> Iterator[str]:
    """The names of the secrets that were masked in a JSON value."""
    if isinstance(value, str):
        yield from _SHOWN.findall(value)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _SHOWN.findall(key)
            yield from names_shown(item)
    elif isinstance(value, list):
        for item in value:
            yield from names_shown(item)


def _forms(value: str) -> Iterator[str]:
    """The value as it may appear in addresses, JSON texts and headers, and each of these in base64."""
    data = value.encode("utf-8", "surrogatepass")
    escaped = [json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]]
    # JSON that is a text inside JSON is common in the replies of servers.
    written = [value, *escaped, *(json.dumps(text, ensure_ascii=False)[1:-1] for text in escaped)]
    written += [quote(data, safe=""), quote(data), quote_plus(data)]
    for form in dict.fromkeys(written):
        yield form
        yield from _base64_forms(form.encode("utf-8", "surrogatepass"))


def _base64_forms(data: bytes) -> Iterator[str]:
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(data).decode().rstrip("=")
        for shift in range(3):
            inner = _inner(encode(bytes(shift) + data).decode(), shift, len(data))
            if len(inner) >= _SHORTEST_INNER:
                yield inner


def _inner(encoded: str, shift: int, size: int) -> str:
    """The characters of a base64 text that depend on the secret alone, whatever stands before and after it.

    shift: bytes before the secret, 0 to 2; they reach into the first 0, 2 or 3 characters.
    """
    whole = (shift + size) * 8 // 6
    return encoded[(0, 2, 3)[shift] : whole]
