"""Making a workflow of its own out of some steps, with one step in their place that runs it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from core.workflow.catalogue import Catalogue
from core.workflow.editing.bodies import check_together
from core.workflow.editing.copies import cut_out
from core.workflow.editing.extraction_rules import check_branches, check_variables, entries
from core.workflow.editing.interfaces import Crossing, inner_ids, name_inputs, name_outputs, reads_of, with_reads_moved
from core.workflow.editing.new_ids import fresh_id
from core.workflow.editing.references import references_to, rewritten_json, rewritten_steps, templates_of
from core.workflow.editing.tree import (
    find_step,
    level,
    main_port,
    outermost,
    path_of,
    same_level,
    step_ids,
    with_level,
    without_traces,
)
from core.workflow.graph import Graph
from core.workflow.model import Json, Step, Workflow
from core.workflow.problems import EditRefused
from core.workflow.template_texts import texts_in

WORKFLOW_TYPE = "workflow"
"""The step type that runs another workflow; its config holds `workflow`, which one, and `inputs`, its inputs."""

_CORNER = 80.0  # where the upper left step of an extracted workflow stands, in canvas pixels


@dataclass(frozen=True, slots=True)
class Extraction:
    """workflow: what is left, with the new step. extracted: the new workflow. step: the new step's id."""

    workflow: Workflow
    extracted: Workflow
    step: str


def extract(
    workflow: Workflow, ids: Collection[str], name: str, *, reference: str = "", types: Catalogue | None = None
) -> Extraction:
    """Steps of one level made a workflow of their own.

    What they read from outside becomes its inputs, what is read of them its outputs, and the templates on both sides
    follow. name: of the new workflow. reference: what the step names it by (a file); '' for the name. Raises
    EditRefused where the two workflows would not do what the one does.
    """
    outer = outermost(workflow, ids)
    loop = same_level(workflow, outer)
    check_together(workflow, outer)
    chosen = {step_id: level(workflow, loop)[step_id] for step_id in outer}
    if not name.strip():
        raise EditRefused("The new workflow has no name. Write what it is called.")
    check_variables(chosen, types)
    check_branches(workflow, loop, chosen, types)
    reads = _reads(workflow, loop, chosen, types)
    results = _results(workflow, chosen, types)
    step_id = fresh_id(name.strip().lower(), step_ids(workflow))
    step = _new_step(step_id, name, reference or name, reads, chosen)
    part = cut_out(workflow, outer)
    extracted = replace(
        _at_corner(part),
        name=name,
        inputs=_inputs(workflow, reads),
        steps=with_reads_moved(part.steps, reads, "input", types),
        outputs=_outputs(results, part, types),
    )
    left = _with_results_moved(_replaced(workflow, loop, chosen, step, types), results, step_id, types)
    return Extraction(left, extracted, step_id)


def _reads(workflow: Workflow, loop: str, chosen: Mapping[str, Step], types: Catalogue | None) -> dict[str, Crossing]:
    names = {"input", "vars", *step_ids(workflow)}.difference(inner_ids(chosen))
    for outer in (*path_of(workflow, loop), loop) if loop else ():
        kind = types.get(find_step(workflow, outer).type) if types is not None else None
        names |= {"item", "index", *(kind.body_names(find_step(workflow, outer).config) if kind is not None else ())}
    reads = reads_of(chosen, names, {"input": workflow.inputs, "vars": workflow.variables}, types)
    for name in ("item", "index"):
        if name in reads:
            reads[name].is_whole = True
    name_inputs(reads, workflow.inputs)
    return reads


def _results(workflow: Workflow, chosen: Mapping[str, Step], types: Catalogue | None) -> dict[str, Crossing]:
    """What the rest of the workflow reads of the steps."""
    inside = set(inner_ids(chosen))
    texts = [text for _, text in texts_in(dict(workflow.outputs))]
    for _, step in workflow.walk():
        if step.id not in inside:
            texts += (place.text for place in templates_of(step, types))
    found: dict[str, Crossing] = {}
    for text in texts:
        for reference in sorted(references_to(text), key=lambda one: (one.root, str(one.path))):
            if reference.root in chosen:
                found.setdefault(reference.root, Crossing()).note(reference.path)
    name_outputs(found)
    return found


def _inputs(workflow: Workflow, reads: Mapping[str, Crossing]) -> dict[str, Mapping[str, Json]]:
    inputs: dict[str, Mapping[str, Json]] = {}
    for root, crossing in reads.items():
        if root == "input":
            inputs.update((key, workflow.inputs.get(key, {})) for key in crossing.keys)
        elif crossing.is_whole:
            inputs[crossing.whole] = {}
        else:
            for key, name in crossing.keys.items():
                schema = workflow.variables.get(key, {}) if root == "vars" else {}
                # Every run is given a value, so the variable's default would never be used.
                inputs[name] = {field: value for field, value in schema.items() if field != "default"}
    return inputs


def _outputs(results: Mapping[str, Crossing], part: Workflow, types: Catalogue | None) -> dict[str, Json]:
    outputs: dict[str, Json] = {}
    for root, crossing in results.items():
        outputs.update(crossing.expressions(root))
    graph = Graph(part.steps)
    for step_id, step in part.steps.items() if not outputs else ():
        kind = types.get(step.type) if types is not None else None
        if kind is not None and kind.main_output and not graph.outgoing(step_id):
            outputs.setdefault(kind.main_output, f"{{{{ {step_id}.{kind.main_output} }}}}")
    return outputs


def _new_step(
    step_id: str, title: str, reference: str, reads: Mapping[str, Crossing], chosen: Mapping[str, Step]
) -> Step:
    inputs: dict[str, Json] = {}
    for root, crossing in reads.items():
        if root == "input":
            inputs.update(Crossing(keys=crossing.keys).expressions(root))
        else:
            inputs.update(crossing.expressions(root))
    config: dict[str, Json] = {"workflow": reference}
    if inputs:
        config["inputs"] = inputs
    disabled = all(step.disabled for step in chosen.values())
    return Step(step_id, WORKFLOW_TYPE, title if title != step_id else "", config, disabled=disabled)


def _replaced(
    workflow: Workflow, loop: str, chosen: Mapping[str, Step], step: Step, types: Catalogue | None
) -> Workflow:
    """The workflow with the new step in the place of the chosen ones, wired as they were."""
    onward: dict[str, None] = {}
    for one in chosen.values():
        onward.update(dict.fromkeys(end for ends in one.then.values() for end in ends if end not in chosen))
    entered = [one for one in chosen.values() if entries(workflow, loop, chosen).get(one.id)]
    if entered and all(one.join == "any" for one in entered):
        step = replace(step, join="any")
    step = replace(step, then={main_port(step, types): tuple(onward)} if onward else {})
    steps: dict[str, Step] = {}
    for step_id, one in level(workflow, loop).items():
        if step_id not in chosen:
            steps[step_id] = _led_to(one, chosen, step.id)
        elif step.id not in steps:
            steps[step.id] = step
    changed = without_traces(with_level(workflow, loop, steps), set(inner_ids(chosen)))
    place = next((workflow.layout[step_id][:2] for step_id in chosen if step_id in workflow.layout), None)
    return changed if place is None else replace(changed, layout={**changed.layout, step.id: place})


def _led_to(step: Step, chosen: Collection[str], step_id: str) -> Step:
    then = {
        port: tuple(dict.fromkeys(step_id if end in chosen else end for end in ends))
        for port, ends in step.then.items()
    }
    return step if then == step.then else replace(step, then=then)


def _with_results_moved(
    workflow: Workflow, results: Mapping[str, Crossing], step_id: str, types: Catalogue | None
) -> Workflow:
    def moved(text: str) -> str:
        for root, crossing in results.items():
            text = crossing.moved(text, root, step_id)
        return text

    steps = rewritten_steps(workflow.steps, lambda place: moved(place.text), types)
    outputs = rewritten_json(dict(workflow.outputs), lambda place: moved(place.text))
    assert isinstance(outputs, dict)
    return replace(workflow, steps=steps, outputs=outputs)


def _at_corner(part: Workflow) -> Workflow:
    left = min((place[0] for place in part.layout.values()), default=0.0) - _CORNER
    top = min((place[1] for place in part.layout.values()), default=0.0) - _CORNER
    layout = {step_id: (place[0] - left, place[1] - top, *place[2:]) for step_id, place in part.layout.items()}
    return replace(part, layout=layout)
