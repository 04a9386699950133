"""What templates would have read in the last run: the preview's and the completion's values."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from core.engine.errors import TemplateError
from core.engine.part import Given
from core.engine.templates import NOT_RUN, SKIPPED, Names, compiled, is_template
from core.workflow.model import Json, Workflow
from desktop.overlay import RunOverlay
from desktop.panels.fields import ABSENT, Value
from desktop.run_controller import RunController

SHOWN: int = 2_000
"""The most characters of a preview that are kept."""


@dataclass(frozen=True, slots=True)
class LastRun:
    """A run's values as far as they are known. inputs, variables: as the run had them; facts: what `run` reads.

    pinned: outputs that stand for steps which have not run. problem: why the run ended, by the id of the step that
    ended it. resumable: whether it can go on.
    """

    overlay: RunOverlay
    inputs: Mapping[str, Json] = field(default_factory=dict)
    variables: Mapping[str, Json] = field(default_factory=dict)
    facts: Mapping[str, Json] = field(default_factory=dict)
    pinned: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    problem: Mapping[str, str] = field(default_factory=dict)
    resumable: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known."""
        return not (self.overlay.by_id or self.pinned)

    def output(self, step_id: str) -> Mapping[str, Json] | None:
        """A step's last output, None if it has none."""
        view = self.overlay.by_id.get(step_id)
        if view is not None and view.output is not None:
            return view.output
        return self.pinned.get(step_id)

    def names(self, workflow: Workflow, wanted: Iterable[str]) -> Names:
        """Those of the wanted names that a template could read; `item`, `index` and `secrets` are not known."""
        names: dict[str, object] = {}
        for name in wanted:
            view = self.overlay.by_id.get(name)
            if name in ("input", "vars", "run"):
                names[name] = self._root(workflow, name)
            elif (output := self.output(name)) is not None:
                names[name] = dict(output)
            elif view is not None:
                names[name] = SKIPPED if view.state == "skipped" else NOT_RUN
        return names

    def value(self, workflow: Workflow, path: tuple[str | int, ...]) -> Value:
        """What stood at a path such as ("classify", "text"); ABSENT if that is not known."""
        found: object = self._root(workflow, str(path[0]))
        for key in path[1:]:
            match found:
                case Mapping() if key in found:
                    found = found[key]
                case list() if isinstance(key, int) and key < len(found):
                    found = found[key]
                case _:
                    return ABSENT
        if isinstance(found, Mapping):
            return dict(found)
        return found if isinstance(found, (bool, int, float, str, list)) or found is None else ABSENT

    def _root(self, workflow: Workflow, name: str) -> object:
        match name:
            case "input":
                return {**_defaults(workflow.inputs), **self.inputs}
            case "vars":
                return {**_defaults(workflow.variables), **self.variables}
            case "run":
                return dict(self.facts)
            case _:
                return self.output(name)


def last_run(controller: RunController, pins: Mapping[str, Given]) -> LastRun:
    """What the run that a controller shows tells, and what is pinned."""
    pinned = {step_id: given.output for step_id, given in pins.items()}
    run = controller.shown
    if run is None:
        return LastRun(controller.overlay, pinned=pinned)
    variables = {each.name: each.value for each in run.log.variables.values() if not each.scope}
    facts: dict[str, Json] = {"id": run.id, "workflow": run.workflow.name, "started": run.created.isoformat()}
    problem = {run.problem_path.rpartition("/")[2]: run.problem} if run.problem else {}
    resumable = run.resumable and not run.live
    return LastRun(run.overlay, run.inputs, variables, facts, pinned, problem, resumable)


def _defaults(schemas: Mapping[str, Mapping[str, Json]]) -> dict[str, Json]:
    return {name: schema["default"] for name, schema in schemas.items() if "default" in schema}


@dataclass(frozen=True, slots=True)
class Preview:
    """A template filled in with the last run's values. problem: why it could not be, a sentence."""

    text: str = ""
    problem: str = ""


def preview(text: str, names: Names) -> Preview | None:
    """What a text would have become; None if it is no template or reads what no run tells (`item`, a secret)."""
    if not is_template(text):
        return None
    try:
        template = compiled(text)
        unknown = {"item", "index", "secrets"} & set(template.names) - set(names)
        if unknown:
            return None
        return Preview(shown(template.evaluate(names)))
    except TemplateError as error:
        return Preview(problem=str(error).partition("could not be filled in: ")[2] or str(error))


def shown(value: Json, limit: int = SHOWN) -> str:
    """A value as one would read it: text as it is, the rest as JSON, cut at the limit."""
    text = value if isinstance(value, str) else _json_text(value, limit)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def type_word(value: Json) -> str:
    """What kind of value it is, in a word or two."""
    match value:
        case None:
            return "null"
        case bool():
            return "true/false"
        case int() | float():
            return "number"
        case str():
            return "text"
        case list():
            return f"list of {len(value)}"
        case _:
            return "object"


def _json_text(value: Json, limit: int) -> str:
    """JSON of a value, of large ones only as much as is shown."""
    if isinstance(value, list) and len(value) > limit // 2:
        value = value[: limit // 2]
    parts, size = [], 0
    for part in json.JSONEncoder(ensure_ascii=False).iterencode(value):
        parts.append(part[:limit])
        size += len(part)
        if size > limit:
            break
    return "".join(parts)
