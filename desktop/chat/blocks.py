"""Markdown of models and people as blocks: prose, code, tables, lines. No Qt.

HTML in it is text. Pictures and links become anchors that only a click follows; nothing is ever fetched.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from html import escape
from typing import Final, Literal, TypeAlias

from markdown_it import MarkdownIt
from markdown_it.token import Token

PICTURE: Final = "picture:"
"""What the address of an anchor begins with that stands for a picture."""

LONGEST: Final = 200_000
"""Characters of one message that are read as Markdown; what follows is shown as plain text."""


@dataclass(frozen=True, slots=True)
class Prose:
    """Running text: a heading, a paragraph, a list, a quotation or a table. html: of our own making."""

    html: str
    kind: Literal["text", "heading", "list", "quote", "table"] = "text"


@dataclass(frozen=True, slots=True)
class Code:
    """Code as it was written. language: as the writer names it, '' if not at all."""

    text: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A line across."""


Block: TypeAlias = Prose | Code | Line


@dataclass(slots=True)
class Growing:
    """A text that grows, and its blocks; only the last blocks are read again when something is added.

    final: how many of the blocks cannot change any more.
    """

    text: str = ""
    blocks: list[Block] = field(default_factory=list)
    final: int = 0
    _read_to: int = 0

    def show(self, text: str) -> int:
        """Take the text as it is now; the index of the first block that is another one than before."""
        if not text.startswith(self.text):
            self.blocks, self.final, self._read_to = [], 0, 0
        self.text = text
        first = self.final
        fresh = list(_placed_blocks(text[self._read_to :]))
        kept = self.blocks[: self.final]
        self.blocks = kept + [block for block, _ in fresh]
        rest = text[self._read_to :]
        # What the last line is may change as long as it is not whole: `*` may begin a list, or go on with a paragraph.
        whole_lines = rest.count("\n")
        last = max((n for n, (_, line) in enumerate(fresh) if line < whole_lines), default=0)
        if last:
            self.final += last
            self._read_to += _offset(rest, fresh[last][1])
        return first


@lru_cache(maxsize=400)
def read_blocks(text: str) -> tuple[Block, ...]:
    """The blocks of a whole text."""
    head, rest = text[:LONGEST], text[LONGEST:]
    found = [block for block, _ in _placed_blocks(head)]
    return (*found, *([Code(rest)] if rest else []))


def plain_blocks(text: str) -> tuple[Block, ...]:
    """A text in which nothing is markup."""
    html = "<br>".join(escape(line) for line in text.split("\n"))
    return (Prose(f"<p>{html}</p>"),) if text else ()


@lru_cache(maxsize=400)
def plain_line(text: str) -> str:
    """What a text says, in one line without its markup: for lists."""
    tokens = _reader().parse(text[:LONGEST])
    return " ".join(" ".join(_words_of(token) for token in tokens).split())


def _words_of(token: Token) -> str:
    if token.type == "inline":
        return "".join(
            " " if each.type in ("softbreak", "hardbreak") else _words_of(each) for each in token.children or ()
        )
    return token.content


def _placed_blocks(text: str) -> Iterator[tuple[Block, int]]:
    """The blocks, each with the number of its first line."""
    tokens = _reader().parse(text)
    at = 0
    while at < len(tokens):
        token = tokens[at]
        end = _end_of(tokens, at)
        line = token.map[0] if token.map else 0
        yield _block(token, tokens[at:end]), line
        at = end


def _block(token: Token, tokens: Sequence[Token]) -> Block:
    match token.type:
        case "fence" | "code_block":
            return Code(token.content.removesuffix("\n"), token.info.strip().partition(" ")[0])
        case "hr":
            return Line()
        case "heading_open":
            return Prose(_html(tokens), "heading")
        case "bullet_list_open" | "ordered_list_open":
            return Prose(_html(tokens), "list")
        case "blockquote_open":
            return Prose(_html(tokens), "quote")
        case "table_open":
            return Prose(_html(tokens), "table")
        case _:
            return Prose(_html(tokens))


def _end_of(tokens: Sequence[Token], start: int) -> int:
    """The index after the block that begins at `start`."""
    depth = 0
    for at in range(start, len(tokens)):
        depth += tokens[at].nesting
        if depth == 0:
            return at + 1
    return len(tokens)


def _offset(text: str, line: int) -> int:
    """The index of the first character of a line."""
    at = 0
    for _ in range(line):
        at = text.index("\n", at) + 1
    return at


def _html(tokens: Sequence[Token]) -> str:
    return "".join(_piece(token) for token in tokens)


def _piece(token: Token) -> str:
    if token.type == "inline":
        return _task_mark("".join(_piece(child) for child in token.children or ()))
    if token.hidden:
        return ""
    special = _SPECIAL.get(token.type)
    if special is not None:
        return special(token)
    if token.nesting == -1:
        return f"</{token.tag}>"
    if token.tag:
        align = str(token.attrs.get("style") or "").removeprefix("text-align:")
        start = token.attrs.get("start")
        more = f' align="{escape(align)}"' if align in ("left", "right", "center") else ""
        more += f' start="{int(start)}"' if isinstance(start, (int, str)) and str(start).isdigit() else ""
        return f"<{token.tag}{more}>"
    return escape(token.content)


def _link(token: Token) -> str:
    return f'<a href="{escape(str(token.attrs.get("href", "")))}">'


def _picture(token: Token) -> str:
    address = escape(PICTURE + str(token.attrs.get("src", "")))
    return f'<a href="{address}">▣ {escape(token.content or "picture")}</a>'


def _task_mark(html: str) -> str:
    mark = _TASK.match(html)
    return f"{'☐' if mark[1] == ' ' else '☑'} {html[mark.end() :]}" if mark else html


_TASK: Final = re.compile(r"\[([ xX])\] ")
_SPECIAL: Final[Mapping[str, Callable[[Token], str]]] = {
    "text": lambda token: escape(token.content),
    "softbreak": lambda _: " ",
    "hardbreak": lambda _: "<br>",
    "code_inline": lambda token: f"<code>{escape(token.content)}</code>",
    "fence": lambda token: f"<pre>{escape(token.content.removesuffix(chr(10)))}</pre>",
    "code_block": lambda token: f"<pre>{escape(token.content.removesuffix(chr(10)))}</pre>",
    "hr": lambda _: "<hr>",
    "link_open": _link,
    "image": _picture,
}


@lru_cache(maxsize=1)
def _reader() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False, "maxNesting": 20}).enable(["table", "strikethrough"])
