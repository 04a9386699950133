"""Finding a text in a workflow's titles, ids, types and settings, and replacing it with a look before."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from core.workflow.editing.settings import set_about, set_config_field, set_field
from core.workflow.editing.tree import find_step
from core.workflow.model import Json, Step, Workflow
from core.workflow.problems import EditRefused
from core.workflow.template_texts import texts_in, with_texts

MAX_HITS = 10_000
"""How many hits are looked for; a search for one letter in a large document has no end of them."""

_FIXED = frozenset({"id", "type"})


@dataclass(frozen=True, slots=True)
class Hit:
    """One place where the text stands.

    step: the step's id, '' for the workflow itself. field: keys and indexes from there down (`config`, `prompt`).
    text: the whole text of the field. start, end: the hit in it, in characters.
    """

    step: str
    field: tuple[str | int, ...]
    text: str
    start: int
    end: int

    @property
    def can_be_replaced(self) -> bool:
        """Whether a replacement may change it; ids are renamed and types changed by edits of their own."""
        return self.field[0] not in _FIXED

    @property
    def line(self) -> str:
        """The line of the text in which the hit begins, without the space around it."""
        start = self.text.rfind("\n", 0, self.start) + 1
        end = self.text.find("\n", self.start)
        return self.text[start : end if end >= 0 else None].strip()


@dataclass(frozen=True, slots=True)
class Replacement:
    """A field before and after its hits are replaced. step, field: as in Hit."""

    step: str
    field: tuple[str | int, ...]
    before: str
    after: str


def find(workflow: Workflow, text: str, *, match_case: bool = False, whole_words: bool = False) -> list[Hit]:
    """Every place where a text stands, in document order, at most MAX_HITS. An empty text stands nowhere."""
    pattern = _pattern(text, match_case, whole_words)
    found: list[Hit] = []
    for step, field, content in _fields(workflow) if text else ():
        for match in pattern.finditer(content):
            found.append(Hit(step, field, content, match.start(), match.end()))
            if len(found) == MAX_HITS:
                return found
    return found


def replacements(hits: Iterable[Hit], new: str) -> list[Replacement]:
    """What putting a text in the place of hits would make of each field; those that cannot be replaced are left out."""
    by_field: dict[tuple[str, tuple[str | int, ...]], list[Hit]] = {}
    for hit in hits:
        if hit.can_be_replaced:
            by_field.setdefault((hit.step, hit.field), []).append(hit)
    found: list[Replacement] = []
    for (step, field), group in by_field.items():
        after = group[0].text
        for hit in sorted(group, key=lambda hit: hit.start, reverse=True):
            after = after[: hit.start] + new + after[hit.end :]
        if after != group[0].text:
            found.append(Replacement(step, field, group[0].text, after))
    return found


def replace_all(workflow: Workflow, chosen: Iterable[Replacement]) -> Workflow:
    """The workflow with fields replaced. Raises EditRefused if one is no longer what it was, and for an empty name."""
    current = {(step, field): content for step, field, content in _fields(workflow)}
    for one in chosen:
        if current.get((one.step, one.field)) != one.before:
            place = ".".join(map(str, (one.step, *one.field) if one.step else one.field))
            raise EditRefused(f"{place} has changed since it was searched. Search again.")
        workflow = _in_step(workflow, one) if one.step else _in_workflow(workflow, one)
    return workflow


def _pattern(text: str, match_case: bool, whole_words: bool) -> re.Pattern[str]:
    escaped = re.escape(text)
    if whole_words:
        escaped = rf"(?<!\w){escaped}(?!\w)"
    return re.compile(escaped, 0 if match_case else re.IGNORECASE)


def _fields(workflow: Workflow) -> Iterator[tuple[str, tuple[str | int, ...], str]]:
    """Every text of a document that a person wrote: the step's id or '', the field, the text."""
    yield "", ("name",), workflow.name
    yield "", ("description",), workflow.description
    for _, step in workflow.walk():
        for field, text in _fields_of(step):
            yield step.id, field, text
    for path, text in texts_in(dict(workflow.outputs), ("outputs",)):
        yield "", path, text


def _fields_of(step: Step) -> Iterator[tuple[tuple[str | int, ...], str]]:
    yield ("id",), step.id
    yield ("type",), step.type
    yield ("title",), step.title
    yield ("notes",), step.notes
    yield from texts_in(dict(step.config), ("config",))
    yield from texts_in(dict(step.default or {}), ("default",))
    yield ("idempotency_key",), step.idempotency_key


def _in_step(workflow: Workflow, one: Replacement) -> Workflow:
    name = str(one.field[0])
    if name == "config":
        return set_config_field(workflow, one.step, one.field[1:], one.after)
    if name == "default":
        return set_field(workflow, one.step, name, _put(dict(find_step(workflow, one.step).default or {}), one))
    return set_field(workflow, one.step, name, one.after)


def _in_workflow(workflow: Workflow, one: Replacement) -> Workflow:
    name = str(one.field[0])
    if name == "outputs":
        return set_about(workflow, outputs=_put(dict(workflow.outputs), one))
    return set_about(workflow, **{name: one.after})


def _put(value: dict[str, Json], one: Replacement) -> Json:
    return with_texts(value, lambda path, text: one.after if path == one.field[1:] else text)
