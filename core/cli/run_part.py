"""Which part of a workflow a command runs, and what it uses again of an earlier run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import typer

from core.cli.part_wish import PartWish
from core.cli.refusal import Refusal
from core.engine.part import Given, Part, around_of
from core.workflow.inputs import check_inputs
from core.workflow.model import Json, Step, Workflow
from core.workflow.names import hint
from core.workflow.step_reads import Read, reads_of

if TYPE_CHECKING:
    from core.engine.journal import RunRecord, StepRecord
    from core.workspace import Workspace


async def part_of_wish(
    workspace: Workspace, workflow: Workflow, wish: PartWish, given: Mapping[str, Json]
) -> tuple[Part, dict[str, Json]]:
    """The part, and the inputs of its run. given: inputs as they were typed. Raises Refusal."""
    step_id = wish.only or wish.until or wish.anew
    step = workflow.step(step_id) if step_id else None
    if step_id and step is None:
        raise Refusal(_no_step(workflow, step_id))
    base = await _base(workspace, workflow, wish)
    records = await workspace.journal.steps(base.id) if base is not None else ()
    inputs = _inputs(workflow, base, given)
    if step is None or not wish.only:
        base_id = base.id if base is not None else ""
        return Part(until=wish.until, anew=wish.anew, base=base_id, given=_edited(workflow, wish)), inputs
    return _alone(workflow, step, inputs, records, _values(wish.values)), inputs


async def _base(workspace: Workspace, workflow: Workflow, wish: PartWish) -> RunRecord | None:
    """The run whose results are used; for --step and --from the newest of the workflow, if none was named."""
    from core.cli.runs import resolve

    if wish.base and wish.base != "last":
        return await workspace.journal.run(await resolve(workspace, wish.base))
    if not wish.base and not wish.only and not wish.anew:
        return None
    newest = await workspace.journal.runs(workflow=workflow.name, limit=100)
    found = next((run for run in newest if not run.part.only and run.standing not in ("queued", "running")), None)
    if found is None and (wish.base or wish.anew):
        raise Refusal(f"There is no earlier run of {workflow.name!r} whose results could be used. Run it once.")
    return found


def _inputs(workflow: Workflow, base: RunRecord | None, given: Mapping[str, Json]) -> dict[str, Json]:
    """The earlier run's inputs, as far as the workflow still has them, and over them those that were given."""
    unknown = [name for name in given if name not in workflow.inputs]
    if unknown:
        raise Refusal(
            f"The workflow has no input {unknown[0]!r}. {hint(unknown[0], workflow.inputs, 'inputs')}"
        )  # fmt: skip
    earlier = base.inputs if base is not None else {}
    kept = {name: value for name, value in earlier.items() if name in workflow.inputs and name not in given}
    typed, _ = check_inputs(workflow, given, from_text=True)
    return {**kept, **{name: value for name, value in typed.items() if name in given}}


def _edited(workflow: Workflow, wish: PartWish) -> dict[str, Given]:
    """What steps give instead of running. Raises Refusal."""
    found = {}
    for name, value in _values(wish.values).items():
        step_id = name.partition(".")[0]
        if workflow.step(step_id) is None:
            raise Refusal(f"--value {name}: {_no_step(workflow, step_id)}")
        if step_id != name or not isinstance(value, dict):
            whole = f"Give the whole output of the step, an object: {step_id}:={{...}}"
            raise Refusal(f"--value {name}: single values are said with --step only. {whole}")
        found[name] = Given(value, why="edited")
    return found


def _no_step(workflow: Workflow, step_id: str) -> str:
    known = hint(step_id, [each.id for _, each in workflow.walk()], "steps")
    return f"The workflow {workflow.name!r} has no step {step_id!r}. {known}"


def _alone(
    workflow: Workflow, step: Step, inputs: dict[str, Json], records: Sequence[StepRecord], values: Mapping[str, Json]
) -> Part:
    """One step alone with what it reads. Raises Refusal for what nobody knows."""
    around = around_of(workflow, step.id)
    outputs = _outputs(workflow, records)
    names: dict[str, Json] = {"vars": _variables(workflow, records)}
    if around:
        names |= {"index": 0, **_first_item(records, around[-1])}
    for name, value in values.items():
        _put(name, value, workflow, inputs, names, outputs)
    missing = [read for read in reads_of(step) if not _is_known(read, workflow, inputs, names, outputs)]
    if missing:
        told = ", ".join(read.name for read in missing)
        options = " ".join(
            f"--input {read.key}=..." if read.root == "input" else f"--value {read.name}=..." for read in missing
        )
        raise Refusal(f"The step {step.id!r} reads {told}, which no earlier run gave. Say what it is: {options}")
    read = {each.root for each in reads_of(step)}
    given = {step_id: Given(output) for step_id, output in outputs.items() if step_id in read}
    return Part(only=step.id, given=given, names={name: value for name, value in names.items() if value != {}})


def _outputs(workflow: Workflow, records: Sequence[StepRecord]) -> dict[str, dict[str, Json]]:
    """What each step gave last, in the first pass of every loop around it."""
    own = {step.id for _, step in workflow.walk()}
    found: dict[str, dict[str, Json]] = {}
    for record in records:
        first_pass = "[" not in record.path.replace("[0]", "")
        if record.status == "completed" and record.step_id in own and first_pass:
            found[record.step_id] = dict(record.output or {})
    return found


def _variables(workflow: Workflow, records: Sequence[StepRecord]) -> dict[str, Json]:
    found = {name: schema["default"] for name, schema in workflow.variables.items() if "default" in schema}
    for record in records:
        found.update({name: value for name, value in record.variables.items() if name in workflow.variables})
    return found


def _first_item(records: Sequence[StepRecord], loop: str) -> dict[str, Json]:
    """What the loop went through first, if that is known."""
    newest = next((record for record in reversed(records) if record.step_id == loop), None)
    items = newest.inputs.get("items") if newest is not None else None
    return {"item": items[0]} if isinstance(items, list) and items else {}


def _put(
    name: str,
    value: Json,
    workflow: Workflow,
    inputs: dict[str, Json],
    names: dict[str, Json],
    outputs: dict[str, dict[str, Json]],
) -> None:
    """Put a value of --value where templates find it. Raises Refusal."""
    root, dot, key = name.partition(".")
    if root in ("item", "index") and not dot:
        names[root] = value
        return
    variables = names["vars"]
    assert isinstance(variables, dict)
    if root == "vars" and key:
        variables[key] = value
    elif root == "input" and key:
        inputs[key] = value
    elif workflow.step(root) is None:
        raise Refusal(f"--value {name}: there is no step {root!r}. Name a step and its value: classify.text")
    elif key:
        outputs.setdefault(root, {})[key] = value
    elif isinstance(value, dict):
        outputs[root] = value
    else:
        raise Refusal(f"--value {name}: the output of a step is an object. Write {name}.FIELD=..., or {name}:={{...}}")


def _is_known(
    read: Read,
    workflow: Workflow,
    inputs: Mapping[str, Json],
    names: Mapping[str, Json],
    outputs: Mapping[str, Mapping[str, Json]],
) -> bool:
    match read.root:
        case "input":
            defaults = {name for name, schema in workflow.inputs.items() if "default" in schema}
            return read.key is None or read.key in inputs or read.key in defaults
        case "vars":
            return True
        case "item" | "index":
            return read.root in names
        case root:
            return root in outputs and (read.key is None or read.key in outputs[root])


def _values(given: Sequence[str]) -> dict[str, Json]:
    """The values of --value: NAME=TEXT, NAME=@FILE, or NAME:=JSON. Raises typer.BadParameter or Refusal."""
    from core.cli.run import read_inputs

    found: dict[str, Json] = {}
    for item in given:
        name, equals, text = item.partition("=")
        if not equals or not name.strip(":"):
            raise typer.BadParameter(f"--value {item!r} is not of the form NAME=TEXT or NAME:=JSON.")
        if not name.endswith(":"):
            found |= read_inputs([item], None)
            continue
        try:
            found[name[:-1]] = json.loads(text)
        except ValueError as error:
            raise Refusal(f"--value {name[:-1]}: that is no JSON: {error}.") from None
    return found
