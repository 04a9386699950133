"""Plain data to a Workflow, as far as it can be read, with every problem of its shape."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from core.workflow.fields import Fields, kind
from core.workflow.json_values import flaws
from core.workflow.model import (
    DEFAULT_PORT,
    FORMAT_VERSION,
    ErrorMode,
    Group,
    GroupColour,
    JoinMode,
    Json,
    Limits,
    Retry,
    Step,
    Trigger,
    Workflow,
)
from core.workflow.names import hint, id_problems
from core.workflow.problems import Problem

DOCUMENT_FIELDS = (
    "steploom", "name", "description", "tags", "trigger", "inputs", "variables", "timeout", "limits", "steps",
    "outputs", "layout", "collapsed", "groups",
)  # fmt: skip
"""The fields of a document in the order in which they are saved."""

STEP_FIELDS = (
    "type", "title", "notes", "join", "disabled", "config", "body", "retry", "timeout", "on_error", "default",
    "idempotency_key", "then",
)  # fmt: skip
"""The fields of a step in the order in which they are saved."""

LIMIT_FIELDS = ("usd_per_run", "usd_per_day")
"""The fields of `limits`."""

RETRY_FIELDS = ("attempts", "wait", "factor", "max_wait")
"""The fields of `retry`."""

GROUP_FIELDS = ("title", "colour", "steps")
"""The fields of a group in the order in which they are saved."""

_JOINS: tuple[JoinMode, ...] = ("all", "any")
_ERROR_MODES: tuple[ErrorMode, ...] = ("stop", "default", "branch")
_COLOURS: tuple[GroupColour, ...] = ("grey", "yellow", "green", "blue", "purple", "pink")
_DEFAULTS = Retry()


def decode(data: Mapping[str, Json], *, is_json: bool = False) -> tuple[Workflow, list[Problem]]:
    """The workflow of data in the present format, and all that is wrong with its shape; warnings among them.

    is_json: it is known to be such JSON as documents can hold; a text in which nothing was wrong gave it.
    """
    unfit = [] if is_json else list(flaws(data))
    if unfit:
        # Values that no document can hold would make the saved form unreadable: nothing of it is trusted.
        problems = [Problem("not_json", text, "Replace it.", field=".".join(map(str, path))) for path, text in unfit]
        return Workflow(""), problems
    decoder = _Decoder()
    workflow = decoder.document(data)
    return workflow, [*decoder.problems, *id_problems(workflow)]


@dataclass(slots=True)
class _Decoder:
    problems: list[Problem] = field(default_factory=list)

    def document(self, data: Mapping[str, Json]) -> Workflow:
        fields = Fields(data, DOCUMENT_FIELDS, self.problems)
        if data.get("steploom") != FORMAT_VERSION:
            fields.report("version_missing", "steploom", "The format version is missing.", "Write `steploom: 1` first.")
        workflow = Workflow(
            name=fields.required_text("name", "Write `name:` and what the workflow is called."),
            description=fields.text("description"),
            tags=fields.texts("tags"),
            trigger=self._trigger(fields),
            inputs=self._schemas(fields, "inputs"),
            variables=self._schemas(fields, "variables"),
            timeout=fields.seconds("timeout"),
            limits=self._limits(fields),
            steps=self._steps(fields, "steps", None),
            outputs=fields.mapping("outputs") or {},
        )
        ids = dict.fromkeys(step.id for _, step in workflow.walk())  # in document order, for the hints
        return replace(
            workflow,
            layout=self._layout(fields, ids),
            collapsed=self._collapsed(fields, ids),
            groups=self._groups(fields, ids),
        )

    def _trigger(self, fields: Fields) -> Trigger:
        if isinstance(word := fields.raw("trigger"), str):
            return Trigger(word)
        data = fields.mapping("trigger")
        if data is None:
            return Trigger()
        inner = Fields(data, tuple(data) or ("type",), self.problems, prefix="trigger")
        word = inner.required_text("type", "Write `trigger: {type: manual}`.")
        return Trigger(word, {name: value for name, value in data.items() if name != "type"})

    def _schemas(self, fields: Fields, name: str) -> dict[str, dict[str, Json]]:
        found: dict[str, dict[str, Json]] = {}
        for key, schema in (fields.mapping(name) or {}).items():
            if isinstance(schema, dict):
                found[key] = schema
            else:
                message = f"{key!r} must be described by a JSON Schema, not by {kind(schema)}."
                fields.report("wrong_type", f"{name}.{key}", message, f"Write `{key}: {{type: string}}`.")
                if schema is None:
                    found[key] = {}
        return found

    def _steps(self, fields: Fields, name: str, step: str | None) -> dict[str, Step]:
        found: dict[str, Step] = {}
        for step_id, data in (fields.mapping(name) or {}).items():
            if isinstance(data, dict):
                found[step_id] = self._step(step_id, data)
            else:
                message = f"The step {step_id!r} must be an object with a type, not {kind(data)}."
                self.problems.append(Problem("wrong_type", message, f"Write `{step_id}: {{type: …}}`.", step_id))
                if data is None:
                    found[step_id] = Step(step_id, "")
        return found

    def _step(self, step_id: str, data: dict[str, Json]) -> Step:
        fields = Fields(data, STEP_FIELDS, self.problems, step_id)
        return Step(
            id=step_id,
            type=fields.required_text("type", "Write the step's type; `steploom steps` lists them."),
            title=fields.text("title"),
            notes=fields.text("notes"),
            join=fields.choice("join", _JOINS),
            disabled=fields.flag("disabled"),
            config=fields.mapping("config") or {},
            body=None if data.get("body") is None else self._steps(fields, "body", step_id),
            retry=self._retry(fields, step_id),
            timeout=fields.seconds("timeout"),
            on_error=fields.choice("on_error", _ERROR_MODES),
            default=fields.mapping("default"),
            idempotency_key=fields.text("idempotency_key"),
            then=self._then(fields),
        )

    def _retry(self, fields: Fields, step_id: str) -> Retry | None:
        data = fields.mapping("retry")
        if data is None:
            return None
        inner = Fields(data, RETRY_FIELDS, self.problems, step_id, "retry")
        wait, max_wait = inner.seconds("wait", _DEFAULTS.wait), inner.seconds("max_wait", _DEFAULTS.max_wait)
        assert wait is not None
        assert max_wait is not None
        attempts = inner.whole("attempts", _DEFAULTS.attempts)
        return Retry(attempts, wait, inner.number("factor", _DEFAULTS.factor), max_wait)

    def _limits(self, fields: Fields) -> Limits:
        inner = Fields(fields.mapping("limits") or {}, LIMIT_FIELDS, self.problems, prefix="limits")
        return Limits(*map(inner.optional_number, LIMIT_FIELDS))

    def _then(self, fields: Fields) -> dict[str, tuple[str, ...]]:
        value = fields.raw("then")
        if value is None:
            return {}
        ports = value if isinstance(value, dict) else {DEFAULT_PORT: value}
        found: dict[str, tuple[str, ...]] = {}
        for port, targets in ports.items():
            place = f"then.{port}" if isinstance(value, dict) else "then"
            if wired := self._targets(fields, place, targets):
                found[port] = wired
        return found

    def _targets(self, fields: Fields, place: str, value: Json) -> tuple[str, ...]:
        items = value if isinstance(value, list) else [] if value is None else [value]
        targets = [item for item in items if isinstance(item, str)]
        for item in items:
            if not isinstance(item, str):
                message = f"A wire must end at a step's id, not at {kind(item)}."
                fields.report("wrong_type", place, message, "Write the id of a step, or a list of ids.")
        for target in dict.fromkeys(target for target in targets if targets.count(target) > 1):
            message = f"The wire to {target!r} stands here more than once."
            fields.report("duplicate_target", place, message, "Remove the repetition.")
        return tuple(dict.fromkeys(targets))

    def _layout(self, fields: Fields, ids: Collection[str]) -> dict[str, tuple[float, ...]]:
        found: dict[str, tuple[float, ...]] = {}
        for step_id, place in (fields.mapping("layout") or {}).items():
            numbers = _numbers(place)
            if numbers is None:
                message = f"The place of {step_id!r} must be [x, y] or [x, y, width, height]."
                fields.report("wrong_type", f"layout.{step_id}", message, f"Write `{step_id}: [120, 80]` or remove it.")
            elif step_id in ids:
                found[step_id] = numbers
            else:
                self.problems.append(unknown_layout(step_id, ids))
        return found

    def _collapsed(self, fields: Fields, ids: Collection[str]) -> frozenset[str]:
        named = fields.texts("collapsed")
        self.problems += [unknown_drawn(step_id, "collapsed", ids) for step_id in named if step_id not in ids]
        return frozenset(step_id for step_id in named if step_id in ids)

    def _groups(self, fields: Fields, ids: Collection[str]) -> dict[str, Group]:
        found: dict[str, Group] = {}
        grouped: set[str] = set()
        for group_id, data in (fields.mapping("groups") or {}).items():
            if not isinstance(data, dict):
                message = f"The group {group_id!r} must be an object with steps, not {kind(data)}."
                fields.report("wrong_type", f"groups.{group_id}", message, f"Write `{group_id}: {{steps: [a, b]}}`.")
                continue
            inner = Fields(data, GROUP_FIELDS, self.problems, prefix=f"groups.{group_id}")
            named = tuple(dict.fromkeys(inner.texts("steps")))
            for step_id in named:
                if step_id not in ids:
                    self.problems.append(unknown_drawn(step_id, f"groups.{group_id}.steps", ids))
                elif step_id in grouped:
                    self.problems.append(_in_two_groups(step_id, group_id))
            group = Group(
                title=inner.text("title"),
                colour=inner.choice("colour", _COLOURS),
                steps=tuple(step_id for step_id in named if step_id in ids and step_id not in grouped),
            )
            if group.steps:
                found[group_id] = group
                grouped.update(group.steps)
        return found


def _in_two_groups(step_id: str, group_id: str) -> Problem:
    message = f"The step {step_id!r} is in another group already; it is left out of {group_id!r} when saved."
    fix = "Name it in one group only."
    return Problem("step_in_two_groups", message, fix, field=f"groups.{group_id}.steps", severity="warning")


def unknown_drawn(step_id: str, field: str, ids: Collection[str]) -> Problem:
    """The warning about a step that does not exist where the document says how steps are drawn."""
    message = f"{step_id!r} is named here, but there is no such step; it is left out when saved."
    return Problem("unknown_drawn", message, hint(step_id, ids, "steps"), field=field, severity="warning")


def unknown_layout(step_id: str, ids: Collection[str]) -> Problem:
    """The warning about a place on the canvas for a step that does not exist."""
    message = f"The layout has a place for {step_id!r}, but there is no such step; it is left out when saved."
    return Problem(
        "unknown_layout", message, hint(step_id, ids, "steps"), field=f"layout.{step_id}", severity="warning"
    )


def _numbers(value: Json) -> tuple[float, ...] | None:
    if not isinstance(value, list) or len(value) not in (2, 4):
        return None
    found: list[float] = []
    for item in value:
        # Larger numbers than these are no pixels, and might not fit a float.
        if isinstance(item, bool) or not isinstance(item, (int, float)) or abs(item) > 1e15:
            return None
        found.append(float(item))
    return tuple(found)
