"""Colours of code by pygments, as ranges of characters with the theme's colours."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from PySide6.QtGui import QColor, QTextCharFormat, QTextLayout

from desktop.theme import Theme

if TYPE_CHECKING:
    from pygments.lexer import Lexer  # type: ignore[import-untyped] # it ships no types

MOST: Final = 60_000
"""Characters of one piece of code that are coloured; more would take longer than a person waits."""

_TOKENS: Final = {
    "Token.Comment": "text.muted",
    "Token.Keyword": "kind.loop",
    "Token.Operator.Word": "kind.loop",
    "Token.Literal.String": "type.text",
    "Token.Literal.Number": "type.number",
    "Token.Literal": "type.text",
    "Token.Name.Function": "kind.model",
    "Token.Name.Class": "kind.model",
    "Token.Name.Decorator": "kind.logic",
    "Token.Name.Builtin": "kind.tool",
    "Token.Name.Tag": "accent",
    "Token.Name.Attribute": "kind.logic",
    "Token.Name.Variable": "accent",
    "Token.Operator": "text.secondary",
    "Token.Generic.Deleted": "state.failed",
    "Token.Generic.Inserted": "state.done",
    "Token.Generic.Heading": "accent",
}


def colour_ranges(text: str, language: str, theme: Theme) -> Iterator[QTextLayout.FormatRange]:
    """What of a text has which colour; nothing for a language that is not known."""
    lexer = _lexer(language) if len(text) <= MOST else None
    if lexer is None:
        return
    for start, kind, piece in lexer.get_tokens_unprocessed(text):
        colour = _colour_of(str(kind))
        if colour and piece.strip():
            made = QTextLayout.FormatRange()
            made.start, made.length = start, len(piece)
            made.format = _format(theme.color(colour).name(), "Comment" in str(kind))
            yield made


@lru_cache(maxsize=200)
def _colour_of(kind: str) -> str:
    while kind:
        if kind in _TOKENS:
            return _TOKENS[kind]
        kind = kind.rpartition(".")[0]
    return ""


@lru_cache(maxsize=64)
def _format(colour: str, slanted: bool) -> QTextCharFormat:
    made = QTextCharFormat()
    made.setForeground(QColor(colour))
    if slanted:
        made.setFontItalic(True)
    return made


@lru_cache(maxsize=64)
def _lexer(language: str) -> Lexer | None:
    from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped] # slow to import, too
    from pygments.util import ClassNotFound  # type: ignore[import-untyped] # the same

    try:
        return get_lexer_by_name(language.lower(), stripnl=False, ensurenl=False) if language else None
    except ClassNotFound:
        return None
