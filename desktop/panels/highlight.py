"""Colours in the editors: the marks of templates, JSON, and Python."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterator
from typing import Final

from PySide6.QtGui import QSyntaxHighlighter, QTextCharFormat, QTextDocument

from core.workflow.template_texts import has_marks
from desktop.panels.positions import to_qt
from desktop.panels.template_text import OPENINGS, open_mark, pieces
from desktop.theme import Theme

_COLOURS: Final = {
    "mark": "text.muted",
    "name": "accent",
    "word": "kind.loop",
    "keyword": "kind.loop",
    "string": "type.text",
    "number": "type.number",
    "operator": "text.secondary",
    "filter": "kind.logic",
    "comment": "text.muted",
    "builtin": "kind.tool",
    "key": "accent",
    "def": "kind.model",
}
"""The token of each kind of piece; all are tested for contrast on the surface of inputs."""

_PYTHON: Final = re.compile(
    r"(?P<comment>#[^\n]*)"
    r"|(?P<string>[rbfuRBFU]{0,2}(?:\"(?:\\.|[^\"\\\n])*\"?|'(?:\\.|[^'\\\n])*'?))"
    r"|(?P<number>\b\d[\d_]*(?:\.\d+)?(?:[eE][-+]?\d+)?\b)"
    r"|(?:(?<=\bdef )|(?<=\bclass ))(?P<def>[A-Za-z_]\w*)"
    r"|(?P<name>[A-Za-z_]\w*)"
)
_JSON: Final = re.compile(
    r"(?P<key>\"(?:\\.|[^\"\\])*\"(?=\s*:))|(?P<string>\"(?:\\.|[^\"\\])*\"?)"
    r"|(?P<number>-?\b\d+(?:\.\d+)?(?:[eE][-+]?\d+)?\b)|(?P<word>\b(?:true|false|null)\b)"
)
_TRIPLE: Final = re.compile(r"\"\"\"|'''")
_BUILTINS: Final = frozenset(name for name in dir(builtins) if not name.startswith("_"))


class _Highlighter(QSyntaxHighlighter):
    """Paints pieces of text in the theme's colours."""

    def __init__(self, document: QTextDocument, theme: Theme) -> None:
        super().__init__(document)
        self._formats = {kind: QTextCharFormat() for kind in _COLOURS}
        for kind, token in _COLOURS.items():
            self._formats[kind].setForeground(theme.color(token))
        self._formats["comment"].setFontItalic(True)

    def paint(self, start: int, length: int, kind: str) -> None:
        """Colour some characters of the block that is being painted."""
        if kind in self._formats:
            self.setFormat(start, length, self._formats[kind])


class TemplateHighlighter(_Highlighter):
    """Colours what stands in the marks of a template. A mark may run over several lines: the state is its index."""

    def highlightBlock(self, text: str) -> None:  # noqa: N802 - Qt's name
        """Colour one line."""
        before = max(self.previousBlockState(), 0)
        lead = OPENINGS[before - 1] if before else ""
        whole = lead + text
        state = 0
        if before or has_marks(text):
            for piece in pieces(whole):
                start, end = to_qt(whole, piece.start), to_qt(whole, piece.end)
                self.paint(max(start - len(lead), 0), end - max(start, len(lead)), piece.kind)
            still = open_mark(whole)
            state = OPENINGS.index(still) + 1 if still else 0
        self.setCurrentBlockState(state)


class JsonHighlighter(_Highlighter):
    """Colours JSON."""

    def highlightBlock(self, text: str) -> None:  # noqa: N802 - Qt's name
        """Colour one line."""
        for match in _JSON.finditer(text):
            self.paint(match.start(), match.end() - match.start(), match.lastgroup or "")


class PythonHighlighter(_Highlighter):
    """Colours Python, texts in three quotes over several lines included."""

    def highlightBlock(self, text: str) -> None:  # noqa: N802 - Qt's name
        """Colour one line. The state is 1 or 2 inside a text of three double or single quotes."""
        at = 0
        state = max(self.previousBlockState(), 0)
        while at <= len(text):
            if state:
                quote = '"""' if state == 1 else "'''"
                close = text.find(quote, at)
                end = len(text) if close < 0 else close + 3
                self.paint(at, end - at, "string")
                if close < 0:
                    break
                at, state = end, 0
            opening = self._opening(text, at)
            stop = opening.start() if opening else len(text)
            for start, length, kind in _python(text, at, stop):
                self.paint(start, length, kind)
            if opening is None:
                break
            state = 1 if opening[0] == '"""' else 2
            self.paint(opening.start(), 3, "string")
            at = opening.end()
        self.setCurrentBlockState(state)

    def _opening(self, text: str, at: int) -> re.Match[str] | None:
        """Where three quotes open a text, comments passed over."""
        found = _TRIPLE.search(text, at)
        comment = next((m for m in _PYTHON.finditer(text, at) if m.lastgroup == "comment"), None)
        return None if found is None or (comment is not None and comment.start() < found.start()) else found


def _python(text: str, start: int, end: int) -> Iterator[tuple[int, int, str]]:
    for match in _PYTHON.finditer(text, start, end):
        kind = match.lastgroup or ""
        if kind == "name":
            word = match[0]
            kind = "keyword" if keyword.iskeyword(word) else "builtin" if word in _BUILTINS else ""
        yield match.start(), match.end() - match.start(), kind
