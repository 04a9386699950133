"""Renaming inside the text of a template: by its tokens and their meaning, every other character left as it is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from jinja2 import nodes
from jinja2.exceptions import TemplateSyntaxError

from core.workflow.template_scopes import Binding, Finding, look_up
from core.workflow.templates import environment


class NameTaken(Exception):
    """A template has a variable of its own with the new name, which the renamed reference would then mean."""


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def rename_name(template: str, old: str, new: str) -> str:
    """The template with every reading of an outside name renamed; one that cannot be parsed is left as it is.

    Raises NameTaken.
    """
    tokens = _tokens(template) if old in template else []
    uses = [(token, found) for token in _names(tokens, old) if (found := _meaning(template, token, old)).found]
    renamed = [token for token, found in uses if not found.stored and found.binding is Binding.FREE]
    if any(not found.stored and found.binding is Binding.MAYBE for _, found in uses):
        # Which one is read depends on the data, so the template's own variable keeps sharing the name.
        renamed = [token for token, found in uses if found.binding is not Binding.LOCAL]
        if any(True for _ in _names(tokens, new)):
            raise NameTaken
    if any(_meaning(template, token, new).binding is not Binding.FREE for token in renamed):
        raise NameTaken
    return _replaced(template, [(token.start, token.end, new) for token in renamed])


def rename_key(template: str, root: str, old: str, new: str) -> str:
    """The template with `root.old` and `root["old"]` renamed, where root is the outside name of that spelling."""
    tokens = [token for token in _tokens(template) if token.kind != "whitespace"] if old in template else []
    edits: list[tuple[int, int, str]] = []
    for index, token in enumerate(tokens[:-2]):
        if token.kind != "name" or token.text != root:
            continue
        operator, key = tokens[index + 1], tokens[index + 2]
        if operator.text == "." and key.kind == "name" and key.text == old:
            edit = (key.start, key.end, new)
        elif operator.text == "[" and key.kind == "string" and key.text[1:-1] == old and _closes(tokens, index + 3):
            edit = (key.start + 1, key.end - 1, new)
        else:
            continue
        meaning = _meaning(template, token, root)
        if meaning.found and not meaning.stored and meaning.binding is Binding.FREE:
            edits.append(edit)
    return _replaced(template, edits)


def _closes(tokens: Sequence[_Token], index: int) -> bool:
    return index < len(tokens) and tokens[index].text == "]"


def _names(tokens: Sequence[_Token], name: str) -> Iterator[_Token]:
    return (token for token in tokens if token.kind == "name" and token.text == name)


def _meaning(template: str, token: _Token, name: str) -> Finding:
    """What a name would mean in the token's place. The token is marked by a name that occurs nowhere else."""
    marker = "marked_"
    while marker in template:
        marker += "_"
    marked = _replaced(template, [(token.start, token.end, marker)])
    try:
        tree: nodes.Template = environment().parse(marked)
        return look_up(tree, marker, name)
    except (TemplateSyntaxError, RecursionError):
        # A word of the template language, such as a block's name, cannot be exchanged: it is no reference.
        return Finding()


def _replaced(text: str, edits: Sequence[tuple[int, int, str]]) -> str:
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _tokens(template: str) -> list[_Token]:
    """The template's tokens with their places; none if it cannot be parsed."""
    try:
        environment().parse(template)
        found = list(environment().lex(template))
    except (TemplateSyntaxError, RecursionError):
        return []
    # Jinja2's lexer makes every line ending one character and leaves out white space that `{%-` removes.
    places = [match.start() for match in re.finditer(r"\r\n|[\s\S]", template)]
    normal = re.sub(r"\r\n?", "\n", template)
    tokens: list[_Token] = []
    position = 0
    for _, kind, text in found:
        while not normal.startswith(text, position) and normal[position : position + 1].isspace():
            position += 1
        assert normal.startswith(text, position), "the lexer's tokens follow each other in the text"
        if kind in ("name", "operator", "string", "whitespace"):
            tokens.append(_Token(kind, text, places[position] if text else position))
        position += len(text)
    return tokens
