"""The workflow document as values: immutable, comparable, free of I/O.

Everything here can be built in any state, valid or not, so that an editor can hold unfinished work;
`core.workflow.validate` says what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal, TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
"""A JSON value. Numbers are finite; text holds no lone surrogates and no NUL."""

FORMAT_VERSION = 1
"""The number after `steploom:` in the documents that this program writes."""

DEFAULT_PORT = "out"
"""The output port that `then: x` means; the only port of most step types."""

ERROR_PORT = "error"
"""The output port that a step gets from `on_error: branch`."""

RESERVED_NAMES = frozenset(
    {"input", "vars", "run", "secrets", "item", "index", "true", "false", "none", "True", "False", "None"}
    | {"loop", "self", "super", "caller", "varargs", "kwargs", "and", "or", "not", "in", "is", "if", "else", "for"}
    | {"range", "dict", "lipsum", "cycler", "joiner", "namespace", "now", "error"}
)
"""Names that mean something else inside a template and so cannot be a step's id."""

JoinMode: TypeAlias = Literal["all", "any"]
"""When a step with several incoming wires starts: when all are settled, or at the first live one."""

ErrorMode: TypeAlias = Literal["stop", "default", "branch"]
"""What a step's failure does: ends the run, gives the stated output, or makes the port `error` live."""

GroupColour: TypeAlias = Literal["grey", "yellow", "green", "blue", "purple", "pink"]
"""The tint of a group's frame."""

NOTHING: Mapping[str, Json] = MappingProxyType({})
"""The empty mapping, shared."""


@dataclass(frozen=True, slots=True)
class Retry:
    """How often a failed step is tried again, and how long apart.

    attempts: tries in all, at least 1. wait: seconds before the second try. factor: growth per try.
    max_wait: the longest wait in seconds.
    """

    attempts: int = 1
    wait: float = 1.0
    factor: float = 2.0
    max_wait: float = 30.0


@dataclass(frozen=True, slots=True)
class Wire:
    """A connection from an output port of one step to another step."""

    source: str
    port: str
    target: str


@dataclass(frozen=True, slots=True)
class Step:
    """One box of the graph.

    config: what the person filled in; values may be templates. then: targets by output port, in order.
    body: the steps inside a loop, None for step types that are no loop. timeout: seconds per attempt.
    default: the output when `on_error` is `default`. idempotency_key: a template; it makes a step that
    changes the world safe to repeat after a crash. disabled: the step is passed over as if skipped. notes: what its
    author remarks; it means nothing for a run.
    """

    id: str
    type: str
    title: str = ""
    config: Mapping[str, Json] = field(default_factory=dict)
    then: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    body: Mapping[str, Step] | None = None
    join: JoinMode = "all"
    retry: Retry | None = None
    timeout: float | None = None
    on_error: ErrorMode = "stop"
    default: Mapping[str, Json] | None = None
    idempotency_key: str = ""
    disabled: bool = False
    notes: str = ""

    @property
    def name(self) -> str:
        """The title, or the id of an untitled step."""
        return self.title or self.id

    def wires(self) -> Iterator[Wire]:
        """The step's outgoing wires in document order."""
        for port, targets in self.then.items():
            for target in targets:
                yield Wire(self.id, port, target)


@dataclass(frozen=True, slots=True)
class Trigger:
    """What starts the workflow: `manual`, `message`, `schedule` or `api`, with that kind's options."""

    type: str = "manual"
    options: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Limits:
    """What runs of the workflow may spend on models before a person is asked: US dollars above 0, None for no limit.

    usd_per_run: one run. usd_per_day: all runs of the workflow that began on one day, together.
    """

    usd_per_run: float | None = None
    usd_per_day: float | None = None


NO_LIMITS = Limits()
"""The limits of documents that name none."""


@dataclass(frozen=True, slots=True)
class Group:
    """A titled frame around some steps of one level, which means nothing for a run. A step is in one group at most."""

    title: str = ""
    colour: GroupColour = "grey"
    steps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Workflow:
    """A whole document.

    inputs, variables: a JSON Schema per name; an input is required unless its schema has a `default`.
    steps: by id, in document order. outputs: a template (or JSON value holding templates) per name.
    timeout: seconds for a whole run. limits: on what its runs may spend.
    layout: x, y (and width, height) per step id, in canvas pixels.
    collapsed: ids of steps that are drawn as their header only. groups: frames around steps, by an id of their own.
    """

    name: str
    description: str = ""
    trigger: Trigger = field(default_factory=Trigger)
    inputs: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    variables: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    steps: Mapping[str, Step] = field(default_factory=dict)
    outputs: Mapping[str, Json] = field(default_factory=dict)
    timeout: float | None = None
    limits: Limits = NO_LIMITS
    tags: tuple[str, ...] = ()
    layout: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    collapsed: frozenset[str] = frozenset()
    groups: Mapping[str, Group] = field(default_factory=dict)

    def walk(self) -> Iterator[tuple[tuple[str, ...], Step]]:
        """Every step, loop bodies included, in document order, with the ids of the loops around it."""
        yield from _walk((), self.steps)

    def step(self, step_id: str) -> Step | None:
        """The step with that id wherever it stands, or None."""
        return next((step for _, step in self.walk() if step.id == step_id), None)

    def with_step(self, step: Step) -> Workflow:
        """The same workflow with the step of that id replaced where it stands, or added at the top level."""
        if self.step(step.id) is None:
            return replace(self, steps={**self.steps, step.id: step})
        return replace(self, steps=_replaced(self.steps, step))


def _walk(path: tuple[str, ...], steps: Mapping[str, Step]) -> Iterator[tuple[tuple[str, ...], Step]]:
    for step in steps.values():
        yield path, step
        if step.body:
            yield from _walk((*path, step.id), step.body)


def _replaced(steps: Mapping[str, Step], new: Step) -> dict[str, Step]:
    out: dict[str, Step] = {}
    for step_id, step in steps.items():
        if step_id == new.id:
            out[step_id] = new
        elif step.body:
            out[step_id] = replace(step, body=_replaced(step.body, new))
        else:
            out[step_id] = step
    return out
