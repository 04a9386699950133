"""Steps as text and back: what is copied is a small workflow document, so it pastes into a file or a chat as well."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from core.workflow.catalogue import Catalogue
from core.workflow.document import dumps, from_data, loads
from core.workflow.editing.copies import NUDGE, copied, cut_out, with_drawing
from core.workflow.editing.layout import checked_place
from core.workflow.editing.new_ids import fresh_id
from core.workflow.editing.references import references_to, templates_of
from core.workflow.editing.tree import level, step_ids, with_level
from core.workflow.model import FORMAT_VERSION, Json, Step, Workflow
from core.workflow.problems import DocumentError, Problem
from core.workflow.yaml_reader import read

_FENCED = re.compile(r"```[^\n`]*\n(.*?)\n?[ ]*```", re.DOTALL)
_COLUMN = 280.0  # a step's width and a gap, in canvas pixels: how pasted steps without a place stand in a row


def copy_steps(workflow: Workflow, ids: Collection[str], *, types: Catalogue | None = None) -> str:
    """The text of steps: a workflow document of them alone, with the inputs and variables that they read.

    Raises EditRefused for unknown steps.
    """
    part = cut_out(workflow, ids)
    inputs, variables = _needed(part, types)
    return dumps(
        replace(
            part,
            name=workflow.name if workflow.name.strip() else "Steps",
            inputs={name: schema for name, schema in workflow.inputs.items() if name in inputs},
            variables={name: schema for name, schema in workflow.variables.items() if name in variables},
        )
    )


def paste(
    workflow: Workflow,
    text: str,
    *,
    at: tuple[float, float] | None = None,
    into: str = "",
    types: Catalogue | None = None,
) -> tuple[Workflow, tuple[str, ...]]:
    """The workflow with the steps of a text added, and their new ids, without those inside them.

    text: what copy_steps gives, any workflow document, its `steps` or one step alone, also between ``` marks. at:
    where the upper left corner of the pasted steps stands, in canvas pixels; None for beside where they stood. into:
    the loop they stand in, '' for the top level. Inputs and variables that they read and the workflow lacks come
    with them. Raises DocumentError if the text holds no steps, EditRefused if `into` is no loop.
    """
    source = steps_of_text(text)
    names, copies = copied(source.steps, step_ids(workflow), types)
    changed = with_level(workflow, into, {**level(workflow, into), **copies})
    changed = with_drawing(changed, source, names, _places(workflow, source, names, at))
    inputs, variables = _needed(source, types)
    changed = replace(
        changed,
        inputs={**{name: one for name, one in source.inputs.items() if name in inputs}, **workflow.inputs},
        variables={**{name: one for name, one in source.variables.items() if name in variables}, **workflow.variables},
    )
    return changed, tuple(copies)


def steps_of_text(text: str) -> Workflow:
    """The workflow document that a text is or means. Raises DocumentError if it holds no steps."""
    # A document may hold ``` in a prompt, so the whole text is tried before what stands between the marks.
    for part in (text, *_FENCED.findall(text)):
        data = read(part).data
        if isinstance(data, dict) and ("steploom" in data or "version" in data):
            found = loads(part, "The pasted text")
        elif (steps := _bare_steps(data)) is not None:
            found = from_data({"steploom": FORMAT_VERSION, "name": "Steps", **steps}, "The pasted text")
        else:
            continue
        if found.steps:
            return found
    raise DocumentError([_NO_STEPS], "The pasted text")


_NO_STEPS = Problem("no_steps", "It holds no steps.", "Copy steps from a canvas, or a workflow document.")


def _bare_steps(data: Json) -> dict[str, Json] | None:
    """The fields of a document from data that leaves its head out, or None if it is nothing of the kind."""
    if not isinstance(data, dict) or not data:
        return None
    if isinstance(data.get("type"), str):
        return {"steps": {fresh_id(str(data["type"]), ()): data}}
    if isinstance(data.get("steps"), dict):
        return dict(data)
    if all(isinstance(step, dict) and "type" in step for step in data.values()):
        return {"steps": dict(data)}
    return None


def _needed(source: Workflow, types: Catalogue | None) -> tuple[set[str], set[str]]:
    """The names of the inputs and variables that steps read or set."""
    inputs: set[str] = set()
    variables: set[str] = set()
    for _, step in source.walk():
        for place in templates_of(step, types):
            for reference in references_to(place.text):
                wanted = {"input": inputs, "vars": variables}.get(reference.root)
                if wanted is not None and reference.path:
                    wanted.add(str(reference.path[0]))
        kind = types.get(step.type) if types is not None else None
        variables.update(kind.variables_set(step.config) if kind is not None else ())
    return inputs, variables


def _places(
    workflow: Workflow, source: Workflow, names: Mapping[str, str], at: tuple[float, float] | None
) -> dict[str, tuple[float, ...]]:
    """Where the pasted steps stand."""
    known = source.layout
    if at is not None:
        x, y = checked_place(at)
        left = min((place[0] for place in known.values()), default=x)
        top = min((place[1] for place in known.values()), default=y)
        row = _in_a_row(source.steps, x, y) if not known else {}
        moved = {old: (place[0] - left + x, place[1] - top + y, *place[2:]) for old, place in known.items()}
        return {names[old]: place for old, place in (moved or row).items()}
    taken = {place[:2] for place in workflow.layout.values()}
    shift = NUDGE
    while any((place[0] + shift, place[1] + shift) in taken for place in known.values()):
        shift += NUDGE
    return {names[old]: (place[0] + shift, place[1] + shift, *place[2:]) for old, place in known.items()}


def _in_a_row(steps: Mapping[str, Step], x: float, y: float) -> dict[str, tuple[float, ...]]:
    def places() -> Iterator[tuple[str, tuple[float, ...]]]:
        for number, step_id in enumerate(steps):
            yield step_id, (x + number * _COLUMN, y)

    return dict(places())
