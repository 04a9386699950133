"""What differs between two versions of a workflow, in the terms in which a person drew it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from core.workflow.encoding import encode_group, encode_limits, encode_step, encode_trigger
from core.workflow.model import Json, Step, Wire, Workflow
from core.workflow.problems import DocumentError
from core.workflow.rename import rename_step

MAX_RENAMINGS = 100
"""After so many renamed steps, further ones count as removed and added: each costs a pass over the document."""

ChangeKind: TypeAlias = Literal["added", "removed", "changed"]
"""What happened to a field. Tells an absent value from a null one."""


@dataclass(frozen=True, slots=True)
class Change:
    """One field that differs. path: dotted, from the step or document down. before, after: None where it is absent."""

    path: str
    kind: ChangeKind
    before: Json
    after: Json


@dataclass(frozen=True, slots=True)
class StepChange:
    """A step that is in both versions with different fields. step: its id in the newer one."""

    step: str
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Renaming:
    """A step that is otherwise the same under another id."""

    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Move:
    """A step that moved between loop bodies. before, after: the id of the loop around it, '' for the top level."""

    step: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """All differences. Everywhere but in `renamed`, ids are those of the newer version.

    document: name, description, tags, trigger, inputs, variables, timeout, limits, outputs. reordered: steps that are
    in both versions stand in another order, or the ends of one port's wires do; document order breaks ties in a run.
    layout: places on the canvas, and drawing: collapsed steps and groups; both mean nothing for a run.
    """

    renamed: tuple[Renaming, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[StepChange, ...] = ()
    moved: tuple[Move, ...] = ()
    wires_added: tuple[Wire, ...] = ()
    wires_removed: tuple[Wire, ...] = ()
    document: tuple[Change, ...] = ()
    reordered: bool = False
    layout: tuple[Change, ...] = ()
    drawing: tuple[Change, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs at all."""
        return self == Comparison()

    @property
    def logic_changed(self) -> bool:
        """Whether anything but the layout and the drawing differs."""
        return replace(self, layout=(), drawing=()) != Comparison()


def compare(old: Workflow, new: Workflow) -> Comparison:
    """What has to be done to the old version to get the new one. `compare(a, a)` is empty."""
    renamed, old = _with_renamings(old, new)
    before, after = _places(old), _places(new)
    both = [step_id for step_id in after if step_id in before]
    old_wires, new_wires = _wires(before), _wires(after)
    changed = ((step_id, tuple(_step_changes(before[step_id].step, after[step_id].step))) for step_id in both)
    moved = (Move(step_id, before[step_id].loop, after[step_id].loop) for step_id in both)
    return Comparison(
        renamed=renamed,
        added=tuple(step_id for step_id in after if step_id not in before),
        removed=tuple(step_id for step_id in before if step_id not in after),
        changed=tuple(StepChange(step_id, changes) for step_id, changes in changed if changes),
        moved=tuple(move for move in moved if move.before != move.after),
        wires_added=tuple(wire for wire in new_wires if wire not in old_wires),
        wires_removed=tuple(wire for wire in old_wires if wire not in new_wires),
        document=tuple(_mapping_changes(_document(old), _document(new), "")),
        reordered=_is_reordered(before, after, old_wires, new_wires),
        layout=tuple(_mapping_changes(_layout(old), _layout(new), "")),
        drawing=tuple(_mapping_changes(_drawing(old), _drawing(new), "")),
    )


@dataclass(frozen=True, slots=True)
class _Place:
    step: Step
    loop: str


def _places(workflow: Workflow) -> dict[str, _Place]:
    return {step.id: _Place(step, path[-1] if path else "") for path, step in workflow.walk()}


def _wires(places: Mapping[str, _Place]) -> dict[Wire, None]:
    return {wire: None for place in places.values() for wire in place.step.wires()}


def _with_renamings(old: Workflow, new: Workflow) -> tuple[tuple[Renaming, ...], Workflow]:
    """The steps that only changed their ids, and the old version with those ids changed, references included.

    In rounds, as a renamed step may refer to another renamed one.
    """
    found: list[Renaming] = []
    while pairs := _renamed_pairs(old, new)[: MAX_RENAMINGS - len(found)]:
        for pair in pairs:
            try:
                old = rename_step(old, pair.before, pair.after)
            except DocumentError:
                # A template's own variable or an unusable id is in the way: then it was no mere renaming.
                return tuple(found), old
            found.append(pair)
    return tuple(found), old


def _renamed_pairs(old: Workflow, new: Workflow) -> list[Renaming]:
    """Steps of the old version alone with steps of the new version alone that have the same substance."""
    before, after = _places(old), _places(new)
    come: dict[str, list[str]] = {}
    for step_id, place in after.items():
        if step_id not in before:
            come.setdefault(_key(place.step), []).append(step_id)
    pairs: list[Renaming] = []
    for step_id, place in before.items():
        if step_id not in after and (same := come.get(_key(place.step))):
            match = next((other for other in same if after[other].loop == place.loop), same[0])
            same.remove(match)
            pairs.append(Renaming(step_id, match))
    return pairs


def _key(step: Step) -> str:
    return json.dumps(_substance(step), sort_keys=True)


def _substance(step: Step) -> dict[str, Json]:
    """A step's own fields: what is left when its id, wires and body are not looked at."""
    return encode_step(replace(step, body=None if step.body is None else {}, then={}))


def _step_changes(old: Step, new: Step) -> Iterator[Change]:
    return _mapping_changes(_substance(old), _substance(new), "")


def _document(workflow: Workflow) -> dict[str, Json]:
    fields: dict[str, Json] = {
        "name": workflow.name,
        "description": workflow.description,
        "tags": list(workflow.tags),
        "trigger": encode_trigger(workflow.trigger),
        "inputs": {name: dict(schema) for name, schema in workflow.inputs.items()},
        "variables": {name: dict(schema) for name, schema in workflow.variables.items()},
        "timeout": workflow.timeout,
        "limits": encode_limits(workflow.limits),
        "outputs": dict(workflow.outputs),
    }
    return fields


def _layout(workflow: Workflow) -> dict[str, Json]:
    return {step_id: list(place) for step_id, place in workflow.layout.items()}


def _drawing(workflow: Workflow) -> dict[str, Json]:
    collapsed: dict[str, Json] = dict.fromkeys(sorted(workflow.collapsed), True)
    groups: dict[str, Json] = {group_id: encode_group(group) for group_id, group in workflow.groups.items()}
    return {"collapsed": collapsed, "groups": groups}


def _mapping_changes(old: Mapping[str, Json], new: Mapping[str, Json], prefix: str) -> Iterator[Change]:
    """The fields that differ, those of the old version first, in document order."""
    for key in dict.fromkeys((*old, *new)):
        path = f"{prefix}.{key}" if prefix else key
        if key not in new:
            yield Change(path, "removed", old[key], None)
        elif key not in old:
            yield Change(path, "added", None, new[key])
        else:
            yield from _value_changes(old[key], new[key], path)


def _value_changes(old: Json, new: Json, path: str) -> Iterator[Change]:
    if isinstance(old, dict) and isinstance(new, dict):
        yield from _mapping_changes(old, new, path)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from _value_changes(before, after, f"{path}.{index}")
    elif not _same(old, new):
        yield Change(path, "changed", old, new)


def _same(old: Json, new: Json) -> bool:
    """Equality that tells true from 1; 1 and 1.0 are the same number."""
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(map(_same, old, new))
    if isinstance(old, dict) and isinstance(new, dict):
        return old.keys() == new.keys() and all(_same(value, new[key]) for key, value in old.items())
    return old == new and isinstance(old, bool) == isinstance(new, bool)


def _is_reordered(
    before: Mapping[str, _Place], after: Mapping[str, _Place], old_wires: dict[Wire, None], new_wires: dict[Wire, None]
) -> bool:
    stayed = [step_id for step_id in before if step_id in after and before[step_id].loop == after[step_id].loop]
    if stayed != [step_id for step_id in after if step_id in before and before[step_id].loop == after[step_id].loop]:
        return True
    for step_id in stayed:
        kept_before = [wire for wire in before[step_id].step.wires() if wire in new_wires]
        kept_after = [wire for wire in after[step_id].step.wires() if wire in old_wires]
        if kept_before != kept_after:
            return True
    return False
