"""Which part of a workflow a run executes, and what it knows before it begins.

Running one step alone, up to a step, from a step, or again with an edited value are all runs of their own, with a
record of what they were asked for. What an earlier run did is read from its records; see `reuse.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, TypeAlias

from core.engine.errors import EngineError
from core.workflow.graph import Graph
from core.workflow.model import NOTHING, Json, Step, Workflow

GivenBy: TypeAlias = Literal["pinned", "edited"]
"""Why a step gives an output without running: a person pinned it, or wrote it for this one run."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a step gives instead of running. ports: the live ones, None for all that its type has.

    variables: workflow variables that it sets.
    """

    output: Mapping[str, Json]
    ports: tuple[str, ...] | None = None
    variables: Mapping[str, Json] = field(default_factory=dict)
    why: GivenBy = "pinned"


@dataclass(frozen=True, slots=True)
class OnePass:
    """One pass through the body of a loop, made by a run of its own, whose inputs are `item` and `index`.

    loop: id of the loop. place: its scope path. gives: template of what the pass gives. skipped: steps around the loop
    that were skipped. What templates inside read of the other steps around it stands in the part's `names`.
    """

    loop: str
    place: str
    gives: Json = None
    skipped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """What a run executes of its workflow.

    only: id of the one step that runs, '' for none. until: id of the step after which the run is over. anew: id of the
    step that runs whatever is known of it, and all that follows it. base: id of the run whose results are used again
    where they still hold. given: outputs by step id. With `only` these are what the step reads of other steps, and
    `names` is what else it reads (`vars`, `item`, `index`). Of a whole run, `vars` are the values that its variables
    begin with. one_pass: of a loop, and nothing else.
    """

    only: str = ""
    until: str = ""
    anew: str = ""
    base: str = ""
    given: Mapping[str, Given] = field(default_factory=dict)
    names: Mapping[str, Json] = field(default_factory=dict)
    one_pass: OnePass | None = None

    @property
    def is_whole(self) -> bool:
        """Whether all steps may run."""
        return not (self.only or self.until or self.one_pass)

    @property
    def end(self) -> str:
        """The step whose output is the run's, '' if the whole workflow runs."""
        return self.only or self.until


WHOLE: Final = Part()
"""Everything, with nothing known before."""


def part_json(part: Part) -> dict[str, Json]:
    """A part as a JSON object; what it does not say is left out."""
    out: dict[str, Json] = {name: getattr(part, name) for name in ("only", "until", "anew", "base")}
    out["names"] = dict(part.names)
    out["given"] = {step: _given_json(given) for step, given in part.given.items()}
    if (one := part.one_pass) is not None:
        out["one_pass"] = {"loop": one.loop, "place": one.place, "gives": one.gives, "skipped": list(one.skipped)}
    return {name: value for name, value in out.items() if value}


def part_of(kept: Mapping[str, Any] | None) -> Part:
    """The part that `part_json` was given."""
    if not kept:
        return WHOLE
    given = {
        step: Given(each["output"], None if each["ports"] is None else tuple(each["ports"]), each["vars"], each["why"])
        for step, each in kept.get("given", {}).items()
    }
    words = {name: kept.get(name, "") for name in ("only", "until", "anew", "base")}
    one_pass = OnePass(**{**one, "skipped": tuple(one["skipped"])}) if (one := kept.get("one_pass")) else None
    return Part(**words, given=given, names=kept.get("names", {}), one_pass=one_pass)


def _given_json(given: Given) -> dict[str, Json]:
    ports: list[Json] | None = None if given.ports is None else list(given.ports)
    return {"output": dict(given.output), "ports": ports, "vars": dict(given.variables), "why": given.why}


def cut(workflow: Workflow, part: Part) -> Workflow:
    """The workflow with the steps that may run in that part. Raises EngineError for a step that is not there."""
    for step_id in (part.only, part.until, part.anew):
        if step_id:
            around_of(workflow, step_id)
    if part.only:
        step = workflow.step(part.only)
        assert step is not None
        return replace(workflow, steps={step.id: replace(step, then={})}, outputs=NOTHING)
    if part.one_pass is not None:
        loop = workflow.step(part.one_pass.loop)
        if loop is None or loop.body is None:
            raise EngineError(f"There is no loop {part.one_pass.loop!r} in the workflow “{workflow.name}”.")
        return replace(workflow, steps=loop.body, outputs=NOTHING)
    if part.until:
        around = around_of(workflow, part.until)
        return replace(workflow, steps=_until(workflow.steps, (*around, part.until)), outputs=NOTHING)
    return workflow


def around_of(workflow: Workflow, step_id: str) -> tuple[str, ...]:
    """The ids of the loops around a step, outermost first. Raises EngineError if there is no such step."""
    found = next((around for around, step in workflow.walk() if step.id == step_id), None)
    if found is None:
        raise EngineError(f"There is no step {step_id!r} in the workflow “{workflow.name}”. It may have been removed.")
    return found


def path_of(workflow: Workflow, step_id: str) -> str:
    """The scope path of a step that runs alone: in the first pass of every loop around it."""
    return "".join(f"{loop}[0]/" for loop in around_of(workflow, step_id)) + step_id


def run_anew(workflow: Workflow, step_id: str) -> frozenset[str]:
    """A step and all that follows it, with what is inside; '' gives none. Loops around it are not among them."""
    if not step_id:
        return frozenset()
    found: set[str] = set()
    level = workflow.steps
    for here in (*around_of(workflow, step_id), step_id):
        graph = Graph(level)
        followers = [each for each in level if graph.is_ancestor(here, each)]
        for each in followers if here != step_id else (step_id, *followers):
            found.add(each)
            found.update(_inside(level[each]))
        level = level[here].body or {}
    return frozenset(found)


def _inside(step: Step) -> Iterator[str]:
    for inner in (step.body or {}).values():
        yield inner.id
        yield from _inside(inner)


def _until(steps: Mapping[str, Step], way: tuple[str, ...]) -> dict[str, Step]:
    """The steps of a level that lead to the first of the way, and that one, with the rest of the way inside it."""
    here, *inner = way
    kept = Graph(steps).ancestors(here) | {here}
    out: dict[str, Step] = {}
    for step_id, step in steps.items():
        if step_id not in kept:
            continue
        if step_id == here:
            body = _until(step.body or {}, tuple(inner)) if inner else step.body
            out[step_id] = replace(step, then={}, body=body)
        else:
            then = {port: tuple(each for each in to if each in kept) for port, to in step.then.items()}
            out[step_id] = replace(step, then={port: to for port, to in then.items() if to})
    return out
