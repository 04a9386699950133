"""What the views of a value need to know of it: its text in pages, its tables, its files, paths to its parts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from core.workflow.model import Json

Keys: TypeAlias = tuple[str | int, ...]
"""The way from a value to a part of it."""

TEXT_PAGE: Final = 32_000
"""Characters of text that are laid out at once; more takes longer than a frame (12 ms for 32,000)."""

MARKDOWN_PAGE: Final = 10_000
"""Characters of Markdown that are laid out at once (10 ms)."""

QUICK: Final = 20_000
"""Characters of JSON that are made at once; larger ones are made in a thread."""

SEARCHED: Final = 500
"""The most places that a search finds."""

_IDENTIFIER = re.compile(r"[A-Za-z_]\w*\Z", re.ASCII)
_MAIN_TEXT = 60
_COLUMNS = 50


def text_of(value: Json) -> str:
    """A text as it is, everything else as JSON in lines."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)


def is_quick(value: Json) -> bool:
    """Whether the text of a value is short enough to be made at once; looks no further than it must."""
    budget, waiting = QUICK, [value]
    while waiting:
        item = waiting.pop()
        budget -= len(item) + 4 if isinstance(item, str) else 8
        if isinstance(item, dict):
            budget -= sum(len(key) + 4 for key in item) if len(item) < QUICK else QUICK
            waiting.extend(item.values() if budget > 0 else ())
        elif isinstance(item, list):
            waiting.extend(item if len(item) < QUICK else ())
            budget -= 0 if len(item) < QUICK else QUICK
        if budget <= 0:
            return False
    return True


def pages(text: str, size: int, at: str = "\n") -> list[str]:
    """The text in pieces of at most so many characters, cut at the last `at` in the second half of each."""
    out, start = [], 0
    while len(text) - start > size:
        cut = text.rfind(at, start + size // 2, start + size)
        end = cut + len(at) if cut >= 0 else start + size
        out.append(text[start:end])
        start = end
    out.append(text[start:])
    return out


def has_long_words(text: str) -> bool:
    """Whether a text holds a thousand characters without a space, which are slow to break at words."""
    return re.search(r"\S{1000}", text) is not None


def main_text(value: Json) -> tuple[Keys, str] | None:
    """The text that matters in a value: itself, or the longest of an object's texts if that is long or the only one."""
    if isinstance(value, str):
        return (), value
    if not isinstance(value, dict):
        return None
    texts = {key: item for key, item in value.items() if isinstance(item, str)}
    if not texts:
        return None
    key = max(texts, key=lambda name: len(texts[name]))
    return ((key,), texts[key]) if len(texts[key]) >= _MAIN_TEXT or len(value) == 1 else None


@dataclass(frozen=True, slots=True)
class TableData:
    """A list of objects as columns and rows. at: where in the value it stands."""

    at: Keys
    columns: Sequence[str]
    rows: Sequence[Mapping[str, Json]]


def table_of(value: Json) -> TableData | None:
    """The value itself, or the only list of objects in it, as a table."""
    if isinstance(value, list):
        rows = [row for row in value if isinstance(row, dict)]
        if not rows or len(rows) != len(value):
            return None
        columns = dict.fromkeys(key for row in rows[:200] for key in row)
        return TableData((), list(columns)[:_COLUMNS], rows)
    if isinstance(value, dict):
        found = [(key, table) for key, item in value.items() if isinstance(item, list) and (table := table_of(item))]
        if len(found) == 1:
            key, table = found[0]
            return TableData((key, *table.at), table.columns, table.rows)
    return None


@dataclass(frozen=True, slots=True)
class FileRef:
    """A kept file that a value names. size: bytes."""

    hash: str
    media_type: str
    size: int
    name: str

    @property
    def is_picture(self) -> bool:
        """Whether it can be shown as a picture."""
        return self.media_type.startswith("image/")


def files_of(value: Json, most: int = 200) -> list[FileRef]:
    """The kept files that a value names, in order, each once."""
    found: dict[str, FileRef] = {}
    for _, item in _walk(value, 20_000):
        if isinstance(item, dict) and is_file(item):
            blob = str(item["blob"])
            size = item.get("size")
            name, media_type = str(item.get("name") or ""), str(item["media_type"])
            found.setdefault(blob, FileRef(blob, media_type, size if isinstance(size, int) else 0, name))
            if len(found) >= most:
                break
    return list(found.values())


def search(value: Json, wanted: str) -> list[Keys]:
    """Where a text stands in keys and values, ignoring case; at most SEARCHED places, in document order."""
    wanted = wanted.casefold()
    found: list[Keys] = []
    for keys, item in _walk(value):
        shown = "" if isinstance(item, dict | list) else item if isinstance(item, str) else json.dumps(item)
        key = keys[-1] if keys and isinstance(keys[-1], str) else ""
        if wanted in str(key).casefold() or wanted in shown.casefold():
            found.append(keys)
            if len(found) >= SEARCHED:
                break
    return found


def part(value: Json, keys: Keys) -> Json:
    """The part of a value at some keys. Raises LookupError or TypeError if there is none."""
    for key in keys:
        if isinstance(value, dict):
            value = value[str(key)]
        elif isinstance(value, list):
            value = value[int(key)]
        else:
            raise TypeError(key)
    return value


def opened(value: Json, most: int) -> list[Keys]:
    """Which branches of a value are shown open: level by level, as long as no more rows than that are seen.

    Objects that name kept files stay closed: what they show is the file.
    """
    found: list[Keys] = []
    level: list[tuple[Keys, Json]] = [((), value)]
    rows = 0
    while level:
        rows += sum(len(item) for _, item in level if isinstance(item, dict | list))
        if rows > most:
            break
        found += [keys for keys, _ in level if keys]
        below = [((*keys, key), inner) for keys, item in level for key, inner in _inside(item)]
        level = [(keys, item) for keys, item in below if _is_worth_opening(item)]
    return found


def prompt_keys(request: Json) -> Keys:
    """Where in the request to a model the last message stands whose content is a text; () for other requests."""
    messages = request.get("messages") if isinstance(request, dict) else None
    if not isinstance(messages, list):
        return ()
    for index in range(len(messages) - 1, -1, -1):
        message = messages[index]
        if isinstance(message, dict) and isinstance(message.get("content"), str) and message["content"]:
            return ("messages", index, "content")
    return ()


def is_file(value: Json) -> bool:
    """Whether an object names a kept file."""
    return isinstance(value, dict) and isinstance(value.get("blob"), str) and "media_type" in value


def _is_worth_opening(value: Json) -> bool:
    if isinstance(value, list):
        return bool(value) and not all(is_file(item) for item in value[:_COLUMNS])
    return isinstance(value, dict) and bool(value) and not is_file(value)


def _inside(value: Json) -> Iterator[tuple[str | int, Json]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        yield from enumerate(value)


def path_text(root: str, keys: Keys) -> str:
    """How a template names a part: `classify.items[0]["full name"]`. root: '' for a path alone."""
    text = root
    for key in keys:
        if isinstance(key, int):
            text += f"[{key}]"
        elif _IDENTIFIER.match(key):
            text += f".{key}" if text else key
        else:
            text += f"[{json.dumps(key, ensure_ascii=False)}]"
    return text


def template(root: str, keys: Keys) -> str:
    """A template that gives a part, or only its path if nothing names the whole."""
    text = path_text(root, keys)
    return f"{{{{ {text} }}}}" if root else text


def _walk(value: Json, most: int | None = None) -> Iterator[tuple[Keys, Json]]:
    """A value and all its parts, in document order. most: how many at most."""
    waiting: list[tuple[Keys, Json]] = [((), value)]
    count = 0
    while waiting and (most is None or count < most):
        keys, item = waiting.pop()
        yield keys, item
        count += 1
        if isinstance(item, dict):
            waiting += [((*keys, key), below) for key, below in reversed(item.items())]
        elif isinstance(item, list):
            waiting += [((*keys, index), item[index]) for index in range(len(item) - 1, -1, -1)]
