"""Putting values in the place of names in templates: what `input.ticket` meant, written where it is read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from core.workflow.editing.references import references_to, renamed_names, shortened, unused_word
from core.workflow.model import Json
from core.workflow.problems import EditRefused
from core.workflow.template_renaming import rename_key
from core.workflow.template_texts import has_marks
from core.workflow.templates import TemplateSyntax, single_expression

_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*|\[[0-9]+\])*", re.ASCII)


def substituted(text: str, root: str, values: Mapping[str, Json]) -> str:
    """A template with each `root.name` replaced by that name's value, which may be a template itself.

    Raises EditRefused where that cannot be written: a name without a value, all of `root` at once, or text with
    templates in it where an expression goes on.
    """
    read = [reference for reference in references_to(text) if reference.root == root]
    if not read:
        return text
    for reference in read:
        key = reference.path[0] if reference.path else None
        if not isinstance(key, str):
            raise EditRefused(
                f"The template {shortened(text)!r} reads all of {root!r} at once. Read its fields one by one first."
            )
        if key not in values:
            raise EditRefused(f"The template {shortened(text)!r} reads {root}.{key}, which has no value. Give it one.")
    keys = sorted({str(reference.path[0]) for reference in read})
    for name in sorted({name for key in keys for name in _roots(values[key])} - {root}):
        renamed_names(text, {root: name})  # refuses where a variable of the template would be read instead
    for key in keys:
        text = _written(text, root, key, values[key])
    return text


def _written(text: str, root: str, key: str, value: Json) -> str:
    marker = unused_word(text + json.dumps(value))
    marked = rename_key(text, root, key, marker)
    path = rf"\b{root}\s*(?:\.\s*{marker}\b|\[\s*(?P<quote>['\"]){marker}(?P=quote)\s*\])"
    if isinstance(value, str):
        # Alone between its marks it is just text, and templates in the value stay as they are.
        marked = re.sub(rf"\{{\{{\s*{path}\s*\}}\}}", lambda _: value, marked)
    if marker not in marked:
        return marked
    expression = _expression(value, text)
    return re.sub(path, lambda _: expression, marked)


def _expression(value: Json, text: str) -> str:
    """A value as it is written inside an expression."""
    if not isinstance(value, str) or not has_marks(value):
        return _literal(value)
    try:
        inner = single_expression(value)
    except TemplateSyntax:
        inner = None
    if inner is None:
        raise EditRefused(
            f"The template {shortened(text)!r} goes on calculating with {shortened(value)!r}, which is text with "
            "templates in it. Make that text in a step of its own first."
        )
    inner = inner.strip()
    return inner if _PATH.fullmatch(inner) else f"({inner})"


def _literal(value: Json) -> str:
    match value:
        case None:
            return "none"
        case list():
            return f"[{', '.join(map(_literal, value))}]"
        case dict():
            return "{" + ", ".join(f"{json.dumps(key)}: {_literal(one)}" for key, one in value.items()) + "}"
        case _:
            return json.dumps(value, ensure_ascii=False)


def _roots(value: Json) -> set[str]:
    return {reference.root for reference in references_to(value)} if isinstance(value, str) else set()
