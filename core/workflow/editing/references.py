"""The templates of steps as an editor changes them: which texts they are, what they read, and rewriting them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from jinja2 import nodes

from core.workflow.catalogue import Catalogue
from core.workflow.model import Json, Step
from core.workflow.problems import EditRefused
from core.workflow.sameness import same
from core.workflow.template_renaming import NameTaken, rename_key, rename_name
from core.workflow.template_texts import (
    has_marks,
    object_with_texts,
    references_in,
    roots_renamed,
    texts_in,
    with_texts,
)
from core.workflow.templates import Reference, TemplateSyntax, parse

_WORD = re.compile(r"[A-Za-z_]\w*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Place:
    """A template of a step. path: keys and indexes from the step down. inside: whether it reads the body's names."""

    path: tuple[str | int, ...]
    text: str
    inside: bool = False


Rewrite: TypeAlias = Callable[[Place], str]
"""Gives a template's new text. Raises EditRefused."""


def templates_of(step: Step, types: Catalogue | None) -> Iterator[Place]:
    """The texts of one step that hold template marks; its body is left out.

    types: tells which config fields are templates; without it, or for an unknown type, every text is.
    """
    kind = types.get(step.type) if types is not None else None
    if kind is None:
        found = [Place(("config", *path), text) for path, text in texts_in(dict(step.config))]
    else:
        found = [Place(("config", *f.path), f.text, f.scope == "body") for f in kind.template_fields(step.config)]
    found += [Place(("default", *path), text) for path, text in texts_in(dict(step.default or {}))]
    found.append(Place(("idempotency_key",), step.idempotency_key))
    return (place for place in found if has_marks(place.text))


def references_to(text: str) -> frozenset[Reference]:
    """What a template reads from outside; nothing if it cannot be parsed."""
    try:
        return references_in(text) if has_marks(text) else frozenset()
    except (TemplateSyntax, RecursionError):
        return frozenset()


def words_in(steps: Iterable[Step], types: Catalogue | None) -> set[str]:
    """Every word of the steps' templates, bodies included: what a new name must differ from, to mean nothing there."""
    words: set[str] = set()
    for step in steps:
        for place in templates_of(step, types):
            words.update(_WORD.findall(place.text))
        words |= words_in((step.body or {}).values(), types)
    return words


def rewritten(step: Step, rewrite: Rewrite, types: Catalogue | None) -> Step:
    """The step with each of its templates rewritten, those of its body left out; itself if nothing changed."""
    places = {place.path: place for place in templates_of(step, types)}

    def changed(path: tuple[str | int, ...], text: str) -> str:
        return rewrite(places[path]) if path in places else text

    new = replace(
        step,
        config=object_with_texts(step.config, changed, ("config",)),
        default=None if step.default is None else object_with_texts(step.default, changed, ("default",)),
        idempotency_key=changed(("idempotency_key",), step.idempotency_key),
    )
    return step if same(new, step) else new


def rewritten_steps(steps: Mapping[str, Step], rewrite: Rewrite, types: Catalogue | None) -> Mapping[str, Step]:
    """Steps with each of their templates rewritten, bodies included; what does not change stays the same object."""
    found: dict[str, Step] = {}
    for step_id, step in steps.items():
        new = rewritten(step, rewrite, types)
        if step.body:
            body = rewritten_steps(step.body, rewrite, types)
            new = new if body is step.body else replace(new, body=body)
        found[step_id] = new
    return steps if all(found[step_id] is step for step_id, step in steps.items()) else found


def rewritten_json(value: Json, rewrite: Rewrite) -> Json:
    """A value with each text that has template marks rewritten."""
    return with_texts(value, lambda path, text: rewrite(Place(path, text)) if has_marks(text) else text)


def renamed_names(text: str, names: Mapping[str, str]) -> str:
    """A template with outside names renamed, all at once. Raises EditRefused if one means something else there.

    No new name may be one of the old names.
    """
    plain = roots_renamed(text, names)
    if plain is not None:
        return plain
    for old in sorted(names.keys() & set(_WORD.findall(text))):
        new = names[old]
        if old == new:
            continue
        try:
            text = rename_name(text, old, new)
        except NameTaken:
            raise EditRefused(
                f"The template {shortened(text)!r} has a variable {new!r} of its own, which would be read instead of "
                f"the step. Rename that variable first."
            ) from None
    return text


def moved_below(text: str, root: str, keys: Mapping[str, str] | None, new_root: str, whole: str) -> str:
    """A template in which `root` is now found below `new_root`.

    keys: `root.key` becomes `new_root.keys[key]`; None: `root` itself becomes `new_root.whole`. Raises EditRefused.
    """
    if root not in text:
        return text
    marker = unused_word(text)
    marked = renamed_names(text, {root: marker})
    if marked == text:
        return text
    if any(name.ctx != "load" for name in parse(marked).find_all(nodes.Name) if name.name == marker):
        raise EditRefused(
            f"The template {shortened(text)!r} sets a variable {root!r}, which shares its name with what it reads. "
            "Give that variable another name first."
        )
    renamed_names(text, {root: new_root})  # refuses where the new root would be a variable of the template
    if keys is None:
        return renamed_names(text, {root: f"{new_root}.{whole}"})
    for key, new_key in keys.items():
        marked = rename_key(marked, marker, key, f"{marker}{new_key}")
    return _unmarked(marked, marker, new_root)


def _unmarked(text: str, marker: str, new_root: str) -> str:
    return re.sub(rf"\b{marker}\b", new_root, text).replace(marker, "")


def unused_word(text: str) -> str:
    """A name that occurs nowhere in a text."""
    word = "moved_"
    while word in text:
        word += "_"
    return word


def shortened(text: str) -> str:
    """A text short enough for a sentence."""
    return text if len(text) <= 60 else f"{text[:57]}…"
