"""Copies of steps: under ids of their own, with wires and references among them following."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from core.workflow.catalogue import Catalogue
from core.workflow.editing.new_ids import fresh_copy_id, fresh_name
from core.workflow.editing.references import renamed_names, rewritten, words_in
from core.workflow.editing.tree import level, loop_of, outermost, step_ids, with_inner, with_level, without_members
from core.workflow.model import Group, Step, Workflow

NUDGE = 24.0
"""How far copies stand from what they are copies of, right and down, in canvas pixels."""


def duplicate_steps(
    workflow: Workflow,
    ids: Collection[str],
    *,
    offset: tuple[float, float] = (NUDGE, NUDGE),
    types: Catalogue | None = None,
) -> tuple[Workflow, dict[str, str]]:
    """The workflow with steps doubled on their levels, and the copies' ids by those of the originals.

    Wires to and from other steps are not doubled. offset: in canvas pixels. Raises EditRefused for unknown steps.
    """
    outer = outermost(workflow, ids)
    originals = {step_id: level(workflow, loop_of(workflow, step_id))[step_id] for step_id in outer}
    names, copies = copied(originals, step_ids(workflow), types)
    changed = workflow
    for old, copy in zip(originals, copies.values(), strict=True):
        loop = loop_of(workflow, old)
        changed = with_level(changed, loop, {**level(changed, loop), copy.id: copy})
    right, down = offset
    places = {new: workflow.layout[old] for old, new in names.items() if old in workflow.layout}
    moved = {new: (place[0] + right, place[1] + down, *place[2:]) for new, place in places.items()}
    return with_drawing(changed, workflow, names, moved), names


def copied(
    steps: Mapping[str, Step], taken: Collection[str], types: Catalogue | None
) -> tuple[dict[str, str], dict[str, Step]]:
    """The new ids by the old ones, bodies included, and the steps under them. taken: ids that cannot be used."""
    old_ids = [step.id for step in _all(steps)]
    # A copy's id must mean nothing yet in the templates that are copied, or a reference to elsewhere would turn to it.
    words = words_in(steps.values(), types).difference(old_ids)
    used = {*taken, *words}
    # An old id that is free is kept for its own step, so that no other copy takes it.
    names = {old: old for old in old_ids if old not in used}
    used.update(old_ids)
    for old in old_ids:
        if old not in names:
            names[old] = fresh_copy_id(old, used)
            used.add(names[old])
    names = {old: names[old] for old in old_ids}
    return names, {names[key]: _renamed(step, steps, names, types) for key, step in steps.items()}


def with_drawing(
    workflow: Workflow, source: Workflow, names: Mapping[str, str], places: Mapping[str, tuple[float, ...]]
) -> Workflow:
    """The workflow with copies standing and drawn as their originals are. names: new ids by those in the source."""
    groups: dict[str, Group] = without_members(workflow.groups, ())
    for group_id, group in source.groups.items():
        if all(step_id in names for step_id in group.steps):
            steps = tuple(names[step_id] for step_id in group.steps)
            groups[fresh_name(group_id, groups)] = replace(group, steps=steps)
    collapsed = frozenset(names[step_id] for step_id in source.collapsed if step_id in names)
    return replace(
        workflow, layout={**workflow.layout, **places}, collapsed=workflow.collapsed | collapsed, groups=groups
    )


def cut_out(workflow: Workflow, ids: Collection[str]) -> Workflow:
    """A workflow of some steps alone, all at the top, with what is inside them and the wires among them."""
    outer = outermost(workflow, ids)
    kept = with_inner(workflow, outer)
    steps = {step_id: level(workflow, loop_of(workflow, step_id))[step_id] for step_id in outer}
    steps = {step_id: inner_wires(step, steps) for step_id, step in steps.items()}
    return Workflow(
        workflow.name,
        steps=steps,
        layout={step_id: place for step_id, place in workflow.layout.items() if step_id in kept},
        collapsed=workflow.collapsed & kept,
        groups={key: group for key, group in workflow.groups.items() if kept.issuperset(group.steps)},
    )


def inner_wires(step: Step, among: Mapping[str, Step]) -> Step:
    """The step with those wires alone that end at one of the steps."""
    then = {port: tuple(target for target in targets if target in among) for port, targets in step.then.items()}
    then = {port: targets for port, targets in then.items() if targets}
    return step if then == step.then else replace(step, then=then)


def _all(steps: Mapping[str, Step]) -> Iterator[Step]:
    for step in steps.values():
        yield step
        yield from _all(step.body or {})


def _renamed(step: Step, among: Mapping[str, Step], names: Mapping[str, str], types: Catalogue | None) -> Step:
    """A step and what is inside it under the new ids. among: the steps of its level that are copied."""
    bare = replace(step, body=None)
    moved = rewritten(bare, lambda place: renamed_names(place.text, names), types)
    inner = step.body
    body = None if inner is None else {names[key]: _renamed(one, inner, names, types) for key, one in inner.items()}
    then = {port: tuple(names[one] for one in ends if one in among) for port, ends in step.then.items()}
    return replace(moved, id=names[step.id], then={port: ends for port, ends in then.items() if ends}, body=body)
