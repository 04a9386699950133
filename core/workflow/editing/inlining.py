"""Putting the steps of another workflow in the place of the step that runs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from core.workflow.catalogue import Catalogue
from core.workflow.editing.bodies import unwrap_loop
from core.workflow.editing.copies import copied, with_drawing
from core.workflow.editing.extraction import WORKFLOW_TYPE
from core.workflow.editing.new_ids import fresh_name
from core.workflow.editing.references import renamed_names, rewritten_json, rewritten_steps
from core.workflow.editing.substitution import substituted
from core.workflow.editing.tree import find_step, shared, step_ids, with_steps
from core.workflow.model import ERROR_PORT, Json, Step, Workflow
from core.workflow.problems import EditRefused
from core.workflow.rename import rename_variable


def inline(
    workflow: Workflow, step_id: str, inner: Workflow, *, types: Catalogue | None = None
) -> tuple[Workflow, dict[str, str]]:
    """The workflow with a `workflow` step replaced by the steps that it runs, and their new ids by those in `inner`.

    Its inputs are written where they are read, and so are its outputs; its variables become this workflow's. Raises
    EditRefused where that is not possible, or where the step's own handling of errors would be lost.
    """
    step = find_step(workflow, step_id)
    _check(step)
    inner = _with_free_variables(inner, workflow, types)
    names, copies = copied(inner.steps, [*step_ids(workflow)], types)
    values = _inputs(step, inner)
    steps = rewritten_steps(copies, lambda place: substituted(place.text, "input", values), types)
    outputs = rewritten_json(dict(inner.outputs), lambda place: renamed_names(place.text, names))
    outputs = rewritten_json(outputs, lambda place: substituted(place.text, "input", values))
    assert isinstance(outputs, dict)
    # As if the step were a loop that is taken away: its first steps get its wires, and its last ones go on.
    changed = with_steps(workflow, {step_id: replace(step, body=steps)})
    changed = with_drawing(changed, inner, names, _places(workflow, step_id, inner, names))
    changed = unwrap_loop(changed, step_id, types=types)
    changed = replace(changed, variables={**inner.variables, **changed.variables})
    return shared(workflow, _with_outputs(changed, step_id, outputs, types)), names


def _check(step: Step) -> None:
    if step.type != WORKFLOW_TYPE:
        raise EditRefused(f"{step.name!r} runs no other workflow. Choose a step of the type {WORKFLOW_TYPE!r}.")
    if step.on_error != "stop" or ERROR_PORT in step.then:
        raise EditRefused(
            f"{step.name!r} has its own way with errors, which its steps would lose. Set “on error” to stop first."
        )
    if step.disabled:
        raise EditRefused(f"{step.name!r} is disabled, and its steps would run. Enable it first.")


def _with_free_variables(inner: Workflow, workflow: Workflow, types: Catalogue | None) -> Workflow:
    """The inner workflow with its variables called differently from those of the outer one."""
    for name in [name for name in inner.variables if name in workflow.variables]:
        taken = {*workflow.variables, *inner.variables}
        inner = rename_variable(inner, name, fresh_name(name, taken), types)
    return inner


def _inputs(step: Step, inner: Workflow) -> dict[str, Json]:
    """What the step gives each input: a value, which may be a template, or the input's default."""
    given = step.config.get("inputs")
    if given is not None and not isinstance(given, dict):
        raise EditRefused(f"The inputs of {step.name!r} come from one template. Write them one by one first.")
    defaults = {name: schema["default"] for name, schema in inner.inputs.items() if "default" in schema}
    return {**defaults, **(given or {})}


def _places(
    workflow: Workflow, step_id: str, inner: Workflow, names: Mapping[str, str]
) -> dict[str, tuple[float, ...]]:
    """Where the steps stand: as they did, with the upper left one in the place of the step."""
    corner = workflow.layout.get(step_id)
    if corner is None or not inner.layout:
        return {}
    right = corner[0] - min(place[0] for place in inner.layout.values())
    down = corner[1] - min(place[1] for place in inner.layout.values())
    known = {old: place for old, place in inner.layout.items() if old in names}
    return {names[old]: (place[0] + right, place[1] + down, *place[2:]) for old, place in known.items()}


def _with_outputs(workflow: Workflow, step_id: str, values: Mapping[str, Json], types: Catalogue | None) -> Workflow:
    steps = rewritten_steps(workflow.steps, lambda place: substituted(place.text, step_id, values), types)
    outputs = rewritten_json(dict(workflow.outputs), lambda place: substituted(place.text, step_id, values))
    assert isinstance(outputs, dict)
    return replace(workflow, steps=steps, outputs=outputs)
