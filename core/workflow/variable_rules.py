"""What can be wrong with the workflow's own fields: name, trigger, inputs, variables, layout, and who sets what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from core.workflow.decoding import unknown_drawn, unknown_layout
from core.workflow.limit_rules import limit_problems
from core.workflow.model import Json, Step
from core.workflow.outline import Level, Outline
from core.workflow.problems import Problem
from core.workflow.schemas import schema_flaw, value_flaw
from core.workflow.step_rules import timeout_problems
from core.workflow.triggers import trigger_problems


def workflow_problems(outline: Outline) -> Iterator[Problem]:
    """What is wrong outside the steps."""
    workflow = outline.workflow
    if not workflow.name.strip():
        yield Problem("missing_field", "The workflow has no name.", "Give it one.", field="name")
    yield from trigger_problems(workflow)
    yield from timeout_problems(workflow.timeout, None)
    yield from limit_problems(workflow.limits)
    yield from _schema_problems("inputs", workflow.inputs)
    yield from _schema_problems("variables", workflow.variables)
    for step_id in workflow.layout:
        if step_id not in outline.level_of:
            yield unknown_layout(step_id, outline.level_of)
    for step_id in sorted(workflow.collapsed):
        if step_id not in outline.level_of:
            yield unknown_drawn(step_id, "collapsed", outline.level_of)
    for group_id, group in workflow.groups.items():
        for step_id in group.steps:
            if step_id not in outline.level_of:
                yield unknown_drawn(step_id, f"groups.{group_id}.steps", outline.level_of)


def variable_problems(outline: Outline) -> Iterator[Problem]:
    """Variables that are set but not declared, or set by steps of which neither comes first."""
    found: dict[Level, dict[str, dict[str, Step]]] = {level: {} for level in outline.levels}
    for level in reversed(outline.levels):  # bodies before the levels around them
        for name, steps in _setters(outline, level).items():
            found[level].setdefault(name, {}).update((step.id, step) for step in steps)
            if name not in outline.workflow.variables:
                yield from (_undeclared(outline, step, name) for step in steps)
        if level.around is not None and level.loop is not None and not level.loop.disabled:
            # Seen from outside, a loop sets what its body sets.
            for name, holders in found[level].items():
                found[level.around].setdefault(name, {}).setdefault(level.loop.id, next(iter(holders.values())))
    for level in outline.levels:
        yield from _races(level, found[level])


def _undeclared(outline: Outline, step: Step, name: str) -> Problem:
    declared = outline.workflow.variables
    message = f"The step sets the variable {name!r}, which the workflow does not declare."
    fix = f"{outline.hint(name, declared, 'variables')} Or add {name!r} under `variables`."
    return Problem("undeclared_variable", message, fix, step.id, "config")


def _schema_problems(field: str, schemas: Mapping[str, Mapping[str, Json]]) -> Iterator[Problem]:
    for name, schema in schemas.items():
        place = f"{field}.{name}"
        if flaw := schema_flaw(schema):
            fix = "Correct it; the simplest is {type: string}."
            yield Problem("bad_schema", f"This is not a valid JSON Schema: {flaw}", fix, field=place)
        elif "default" in schema and (flaw := value_flaw(schema["default"], schema)):
            message = f"The default does not fit its own schema: {flaw}"
            yield Problem("bad_default", message, "Change the default or the schema.", field=f"{place}.default")


def _setters(outline: Outline, level: Level) -> dict[str, list[Step]]:
    """The enabled steps of a level that set each variable."""
    found: dict[str, list[Step]] = {}
    for step in level.steps.values():
        kind = outline.kind(step)
        if kind is not None and not step.disabled:
            for name in dict.fromkeys(kind.variables_set(step.config)):
                found.setdefault(name, []).append(step)
    return found


def _races(level: Level, setters: Mapping[str, Mapping[str, Step]]) -> Iterator[Problem]:
    """setters: by variable, the real setting step by the id of the step of this level that it is or is inside of."""
    if all(len(steps) < 2 for steps in setters.values()):
        return
    conditions = _Conditions(level)
    for name, steps in setters.items():
        before = 0
        for step_id in sorted(steps, key=level.graph.rank.__getitem__):
            # In this order no later step leads to an earlier one, so asking one way is enough.
            strangers = level.graph.named(before & ~level.graph.ancestor_bits(step_id))
            rival = next((one for one in strangers if not conditions.exclude(one, step_id)), None)
            before |= level.graph.bit(step_id)
            if rival is not None:
                pair = sorted((rival, step_id), key=level.graph.bit)
                yield _race(name, steps[pair[0]].id, steps[pair[1]].id)


def _race(name: str, first: str, second: str) -> Problem:
    message = (
        f"{first!r} and {second!r} both set the variable {name!r} and may run at the same time; "
        f"document order decides, so the value of {second!r} stays."
    )
    fix = "Wire one after the other, or let them set different variables."
    return Problem("variable_race", message, fix, second, "config", "warning")


class _Conditions:
    """Which output ports must have become live for a step to run, as bits, one for each port of a branching step."""

    def __init__(self, level: Level) -> None:
        self._bits: dict[tuple[str, str], int] = {}
        self._siblings: dict[int, int] = {}
        self._needed: dict[str, int] = {}
        branching = {step_id: [p for p, t in step.then.items() if t] for step_id, step in level.steps.items()}
        for step_id, ports in branching.items():
            if len(ports) > 1:
                bits = {port: 1 << (len(self._bits) + offset) for offset, port in enumerate(ports)}
                self._bits |= {(step_id, port): bit for port, bit in bits.items()}
                self._siblings |= {bit: sum(bits.values()) ^ bit for bit in bits.values()}
        for step_id in level.graph.order:
            ways = [
                self._needed.get(wire.source, 0) | self._bits.get((wire.source, wire.port), 0)
                for wire in level.graph.incoming(step_id)
            ]
            needed = ways[0] if ways else 0
            for way in ways[1:]:
                needed &= way
            self._needed[step_id] = needed

    def exclude(self, one: str, other: str) -> bool:
        """Whether the two steps stand behind different ports of one branching step, so that only one of them runs."""
        mine, theirs = self._needed[one], self._needed[other]
        while mine:
            bit = mine & -mine
            if self._siblings[bit] & theirs:
                return True
            mine ^= bit
        return False
