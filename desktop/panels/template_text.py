"""Templates while they are being typed: their pieces for colours, the names that they read, the one at the cursor.

Unfinished text is the rule here, so nothing raises; `core.workflow.templates` says what a finished template means.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

PieceKind: TypeAlias = Literal["mark", "name", "word", "string", "number", "operator", "filter", "comment"]
"""What a piece of a template is; plain text around the marks is no piece."""

_MARK: Final = re.compile(r"\{\{-?|\{%-?|\{#")
OPENINGS: Final = ("{{", "{%", "{#")
"""What begins a mark: a value, a statement, a comment."""

_ENDS: Final = {"{{": "}}", "{%": "%}", "{#": "#}"}
_TOKEN: Final = re.compile(
    r"""(?P<space>\s+)|(?P<string>"(?:\\.|[^"\\])*"?|'(?:\\.|[^'\\])*'?)|(?P<number>\d+(?:\.\d+)?)"""
    r"""|(?P<filter>\|\s*[A-Za-z_]\w*)|(?P<name>[A-Za-z_]\w*)|(?P<operator>.)""",
    re.DOTALL,
)
_CHAIN: Final = re.compile(r"""([A-Za-z_]\w*)((?:\.[A-Za-z_]\w*|\[\d+\]|\["[^"\]]*"\]|\['[^'\]]*'\])*)""")
_PART: Final = re.compile(r"""\.([A-Za-z_]\w*)|\[(\d+)\]|\["([^"\]]*)"\]|\['([^'\]]*)'\]""")
_OPEN_CHAIN: Final = re.compile(r"""(?:[A-Za-z_]\w*(?:\.\w*|\[\d*\]?|\["[^"\]]*"?\]?)*)?\Z""")
_WORDS: Final = frozenset(
    {"if", "else", "elif", "endif", "for", "endfor", "in", "not", "and", "or", "is", "set", "endset", "with", "endwith"}
    | {"true", "false", "none", "True", "False", "None", "filter", "endfilter", "macro", "endmacro", "raw", "endraw"}
    | {"recursive", "loop"}
)
_PLAIN_KEY: Final = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a template's text. start, end: characters from its beginning."""

    start: int
    end: int
    kind: PieceKind


@dataclass(frozen=True, slots=True)
class Chain:
    """A name with its fixed keys, as `classify.text`, and where it stands."""

    start: int
    end: int
    root: str
    path: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class OpenPlace:
    """What is being typed at the cursor. start: where it begins. typed: the text so far. is_filter: after a `|`."""

    start: int
    typed: str
    is_filter: bool = False


def pieces(text: str) -> Iterator[Piece]:
    """The parts of every mark in the text, in order; a mark that is not closed runs to the end."""
    for start, inside, close, end in _marks(text):
        if text.startswith("{#", start):
            yield Piece(start, end, "comment")
            continue
        yield Piece(start, inside, "mark")
        yield from _tokens(text, inside, close)
        if end > close:
            yield Piece(close, end, "mark")


def _tokens(text: str, start: int, end: int) -> Iterator[Piece]:
    for match in _TOKEN.finditer(text, start, end):
        kind = match.lastgroup
        if kind == "name" and match[0] in _WORDS:
            kind = "word"
        if kind is not None and kind != "space":
            yield Piece(match.start(), match.end(), kind)  # type: ignore[arg-type]  # the groups are named as the kinds


def chains(text: str) -> Iterator[Chain]:
    """Every name with its keys that stands in a mark, the template's own variables included."""
    for start, inside, close, _ in _marks(text):
        if text.startswith("{#", start):
            continue
        masked = "".join(
            " " * (piece.end - piece.start) if piece.kind in ("string", "filter") else text[piece.start : piece.end]
            for piece in _with_gaps(text, inside, close)
        )
        for match in _CHAIN.finditer(masked):
            at = match.start()
            if match[1] in _WORDS or masked[:at].rstrip().endswith("."):
                continue
            whole = _CHAIN.match(text, inside + at, close)
            if whole is not None and not _is_argument_name(text, whole.end(), close):
                yield Chain(whole.start(), whole.end(), whole[1], _keys(whole[2]))


def _with_gaps(text: str, start: int, end: int) -> Iterator[Piece]:
    at = start
    for piece in _tokens(text, start, end):
        if piece.start > at:
            yield Piece(at, piece.start, "operator")
        yield piece
        at = piece.end
    if at < end:
        yield Piece(at, end, "operator")


def _is_argument_name(text: str, at: int, end: int) -> bool:
    """Whether what ended there names an argument: `default(value=…)`."""
    return re.match(r"\s*=(?!=)", text[at:end]) is not None


def _keys(text: str) -> tuple[str | int, ...]:
    return tuple(
        int(index) if index else name or double or single for name, index, double, single in _PART.findall(text)
    )


def open_place(text: str, cursor: int) -> OpenPlace | None:
    """What is being typed at the cursor if it stands in a mark and not in a string, else None."""
    for start, inside, close, end in _marks(text):
        closed = end > close
        if not inside <= cursor or (closed and cursor > close) or text.startswith("{#", start):
            continue
        before = text[inside:cursor]
        last = next(reversed(list(_TOKEN.finditer(before))), None)
        if last is not None and last.lastgroup == "string" and not _is_closed(last[0]):
            found = _OPEN_CHAIN.search(before)  # the string may be a key: classify["te
            if found is None or "[" not in found[0]:
                return None
        if last is not None and last.lastgroup == "number":
            return None
        chain = _OPEN_CHAIN.search(before)
        typed = chain[0] if chain else ""
        begin = cursor - len(typed)
        rest = text[inside:begin].rstrip()
        if rest.endswith("|"):
            return OpenPlace(begin, typed, is_filter=True)
        return None if rest.endswith(".") else OpenPlace(begin, typed)
    return None


def _is_closed(string: str) -> bool:
    return len(string) > 1 and string[-1] == string[0]


def open_mark(text: str) -> str:
    """What began the mark that is not closed at the end of the text, '' if there is none."""
    last = None
    for start, _, close, end in _marks(text):
        last = text[start : start + 2] if end == close == len(text) else None
    return last or ""


def split_chain(typed: str) -> tuple[str, str]:
    """What is typed before the last dot, and the part after it that is not finished."""
    base, dot, last = typed.rpartition(".")
    return (base, last) if dot else ("", typed)


def chain_path(typed: str) -> tuple[str | int, ...] | None:
    """The root and keys of a finished chain, or None if the text is not one."""
    match = _CHAIN.fullmatch(typed)
    return (match[1], *_keys(match[2])) if match else None


def written(path: Sequence[str | int]) -> str:
    """A path as templates write it: `classify.text`, `files[0].name`, `reply["content type"]`."""
    out = ""
    for key in path:
        if isinstance(key, int):
            out += f"[{key}]"
        elif _PLAIN_KEY.fullmatch(key):
            out += f".{key}" if out else key
        else:
            quote = "'" if '"' in key else '"'
            out += f"[{quote}{key}{quote}]"
    return out


def _marks(text: str) -> Iterator[tuple[int, int, int, int]]:
    """Of each mark where it starts, where its inside starts and ends, and where it ends."""
    at = 0
    while match := _MARK.search(text, at):
        end_mark = _ENDS[match[0][:2]]
        close = _close(text, match.end(), end_mark)
        if close is None:
            again = _MARK.search(text, match.end())
            close = again.start() if again else len(text)
            yield match.start(), match.end(), close, close
            at = close
            continue
        inner = close - 1 if close > match.end() and text[close - 1] == "-" else close
        at = close + 2
        yield match.start(), match.end(), inner, at


def _close(text: str, start: int, end_mark: str) -> int | None:
    """Where the closing mark stands, strings passed over; None if another mark opens first or none closes."""
    if end_mark == "#}":
        found = text.find(end_mark, start)
        return None if found < 0 else found
    at = start
    while at < len(text):
        if text.startswith(end_mark, at):
            return at
        if text.startswith(("{{", "{%", "{#"), at):
            return None
        if text[at] in "\"'":
            string = re.compile(r"""("|')(?:\\.|(?!\1)[^\\])*\1""", re.DOTALL).match(text, at)
            at = string.end() if string else at + 1
        else:
            at += 1
    return None
