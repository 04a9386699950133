"""What a step type is: a config model, output ports, an effect class and `run`.

The palette entry, the inspector form, validation, the JSON Schema and the manual page are derived from the class.
"""

from __future__ import annotations

import difflib
import inspect
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, Protocol, TypeAlias, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from core.engine.clock import Clock
from core.engine.errors import ConfigError, StepError
from core.engine.events import NO_USAGE, Usage
from core.engine.services import Services
from core.workflow.catalogue import ConfigProblem, TemplateField, TemplateScope
from core.workflow.model import DEFAULT_PORT, Json, Workflow

if TYPE_CHECKING:
    from core.engine.child import Child

Effect: TypeAlias = Literal["pure", "reads", "spends", "writes"]
"""What running a step does: nothing outside, reads the world, costs money, or changes the world.

After a crash an interrupted `pure`, `reads` or `spends` step runs again; an interrupted `writes` step only if it
carries an idempotency key, else a person is asked."""

Category: TypeAlias = Literal["model", "tool", "logic", "loop", "input", "output", "code", "human"]
"""The palette's groups and the canvas's kinds (colours)."""


def setting(
    default: Any = ...,
    *,
    title: str,
    help: str = "",
    unit: str = "",
    widget: str = "",
    template: bool = True,
    secrets: bool = False,
    scope: TemplateScope = "step",
    tolerant: bool = False,
    labels: Mapping[str, str] | None = None,
    **limits: Any,
) -> Any:
    """A field of a step's config.

    title, help: as the form shows them. unit: of a number ("s", "px"). widget: hint for the form ("multiline",
    "code", "json_schema", "model", "file", "folder", "secret", "key_values", "workflow"). template: whether texts in
    the field are templates. secrets: whether those may read `secrets`. scope: whose names they may read. tolerant: a
    template whose value is not there gives null instead of an error. labels: what people read instead of the words
    that a choice has in the document. limits: as pydantic's Field (ge, le, min_length, pattern, default_factory...).
    """
    extra: dict[str, Any] = {
        "unit": unit,
        "widget": widget,
        "template": template,
        "secrets": secrets,
        "scope": scope,
        "tolerant": tolerant,
        "labels": dict(labels) if labels else "",
    }
    if "default_factory" not in limits:
        limits["default"] = default
    return Field(title=title, description=help, json_schema_extra={k: v for k, v in extra.items() if v != ""}, **limits)


class Config(BaseModel):
    """Base of every step type's config model: unknown fields are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


C = TypeVar("C", bound=Config)
ConfigModel: TypeAlias = type[Config]
"""A config model's class."""


@dataclass(frozen=True, slots=True)
class StepOutput:
    """What a step gives. value: its output object. ports: the live output ports; None for all of its type's."""

    value: dict[str, Json]
    ports: tuple[str, ...] | None = None


class Pass(Protocol):
    """One finished pass through a loop's body."""

    @property
    def replayed(self) -> bool:
        """Whether an earlier process made the whole pass, so that nothing inside was attempted in this one."""

    def evaluate(self, template: Json) -> Json:
        """A template (or JSON value holding templates) with the names inside that pass."""


class Host(Protocol):
    """What the engine does for a running step."""

    def delta(self, text: str, channel: Literal["text", "reasoning"]) -> None:
        """Show a piece of the result."""

    def set_variable(self, name: str, value: Json) -> None:
        """Set a workflow variable; it takes effect when the step completes."""

    async def may_spend(self) -> None:
        """Let the step spend more. Raises Suspend if a limit is reached and a person must be asked, or StepError."""

    def evaluate(self, template: Json, names: Mapping[str, Json]) -> Json:
        """A template (or JSON value holding templates) with the names around the step and some more."""

    async def run_body(self, index: int, names: Mapping[str, Json]) -> Pass:
        """Run the step's body once, with more names inside. Raises StepError or Suspended."""

    async def run_workflow(
        self, workflow: Workflow, inputs: Mapping[str, Json], origin: str, *, shared: bool = False
    ) -> dict[str, Json]:
        """Run another workflow inside this run; its outputs. Raises StepError or Suspended."""

    async def run_child(self, child: Child) -> dict[str, Json]:
        """Run a step that this one makes up; its output. Raises StepError or Suspended."""

    async def spread_passes(
        self, passes: Sequence[Mapping[str, Json]], gives: Json, *, at_once: int, stops: bool
    ) -> Mapping[int, Json | StepError] | None:
        """Have workers make passes through the step's body. Raises Suspend, StepError or EndRun."""

    async def spread_workflow(
        self, workflow: Workflow, inputs: Mapping[str, Json], origin: str
    ) -> dict[str, Json] | None:
        """Have a worker run another workflow. Raises Suspend or StepError."""


class StepContext:
    """What a step gets beside its config.

    path: the scope path. attempt: from 1. origin: folder that relative names start from. answer: what a person
    answered to this step's question. state: what the step kept when it suspended. idempotency_key: '' if it has none;
    the same for every attempt of this path in this run.
    """

    __slots__ = (
        "answer", "attempt", "clock", "host", "idempotency_key", "origin", "path", "random", "request", "run_id",
        "services", "state", "step_id", "usage",
    )  # fmt: skip

    def __init__(
        self,
        *,
        run_id: str,
        path: str,
        step_id: str,
        attempt: int,
        origin: str,
        services: Services,
        clock: Clock,
        random: Random,
        host: Host,
        answer: Mapping[str, Json] | None = None,
        state: Mapping[str, Json] | None = None,
        idempotency_key: str = "",
    ) -> None:
        self.run_id = run_id
        self.path = path
        self.step_id = step_id
        self.attempt = attempt
        self.origin = origin
        self.services = services
        self.clock = clock
        self.random = random
        self.host = host
        self.answer = answer
        self.state: Mapping[str, Json] = state or {}
        self.idempotency_key = idempotency_key
        self.request: Mapping[str, Json] | None = None
        self.usage: Usage = NO_USAGE

    def record_request(self, request: Mapping[str, Json]) -> None:
        """Keep what is sent to the outside for the inspector. Secrets are masked by the engine."""
        self.request = request

    def spend(self, usage: Usage) -> None:
        """Add to what this attempt spent."""
        self.usage = self.usage + usage

    async def may_spend(self) -> None:
        """Ask, in the middle of an attempt, whether it may spend more; before the first time the engine does.

        Raises Suspend if a limit is reached and a person must be asked: what is done by then must be kept, so that the
        next attempt goes on from there. Raises StepError if a person said to stop, or if that cannot be known.
        """
        await self.host.may_spend()

    def delta(self, text: str, channel: Literal["text", "reasoning"] = "text") -> None:
        """Show a piece of the result as it comes."""
        self.host.delta(text, channel)

    def set_variable(self, name: str, value: Json) -> None:
        """Set a workflow variable; it takes effect when the step completes."""
        self.host.set_variable(name, value)

    def evaluate(self, template: Json, names: Mapping[str, Json] | None = None) -> Json:
        """A template (or JSON value holding templates) with the names around the step and some more."""
        return self.host.evaluate(template, names or {})

    async def run_body(self, index: int, names: Mapping[str, Json]) -> Pass:
        """Run the step's body once, with more names (`item`, `index`) inside."""
        return await self.host.run_body(index, names)

    async def run_workflow(
        self, workflow: Workflow, inputs: Mapping[str, Json], origin: str = "", *, shared: bool = False
    ) -> dict[str, Json]:
        """Run another workflow inside this run; its outputs.

        shared: its variables begin with the values of those around this step, and what it sets of them is set there
        when this step completes.
        """
        return await self.host.run_workflow(workflow, inputs, origin, shared=shared)

    async def run_child(self, child: Child) -> dict[str, Json]:
        """Run a step that this one makes up; its output. It has a record of its own below this one's path; after a
        crash a completed one is not run again. The step type has to set `has_children`.
        """
        return await self.host.run_child(child)

    async def spread_passes(
        self, passes: Sequence[Mapping[str, Json]], gives: Json, *, at_once: int, stops: bool
    ) -> Mapping[int, Json | StepError] | None:
        """Have workers make passes through the step's body, each as a run of its own, at most `at_once` together.

        passes: the names inside each pass. gives: template of what a pass gives. stops: whether the first failure makes
        the others needless. Gives what each pass gave or failed of, by its number; None if no workers execute the run,
        so that the step makes the passes itself. The step is suspended meanwhile, and calls this again when it goes on.
        """
        return await self.host.spread_passes(passes, gives, at_once=at_once, stops=stops)

    async def spread_workflow(
        self, workflow: Workflow, inputs: Mapping[str, Json], origin: str = ""
    ) -> dict[str, Json] | None:
        """Have a worker run another workflow; its outputs. None if no workers execute the run; see `spread_passes`."""
        return await self.host.spread_workflow(workflow, inputs, origin)


class StepType(ABC, Generic[C]):
    """A kind of step. Subclasses are stateless; one instance serves every step of the type.

    The docstring is the manual page. also_called: what other programs call it, words parted by spaces; it is found by
    them. outputs: what each key of the output object holds. main_field: the config field that is filled with a
    reference when a wire is drawn to an empty step. main_output: the output key such a reference names. has_children:
    it makes up steps as it goes.
    """

    type: ClassVar[str]
    title: ClassVar[str]
    icon: ClassVar[str]
    category: ClassVar[Category]
    also_called: ClassVar[str] = ""
    effect: ClassVar[Effect] = "pure"
    outputs: ClassVar[Mapping[str, str]] = {}
    main_field: ClassVar[str] = ""
    main_output: ClassVar[str] = ""
    is_container: ClassVar[bool] = False
    has_children: ClassVar[bool] = False
    canvas_only: ClassVar[bool] = False
    config_model: ClassVar[ConfigModel]

    @abstractmethod
    async def run(self, config: C, context: StepContext) -> StepOutput | dict[str, Json]:
        """Do the step's work. Raises StepError, Suspend or EndRun."""

    def ports(self, config: Mapping[str, Json]) -> Sequence[str]:
        """The output ports for that config as drawn (templates not filled in), the main one first."""
        return (DEFAULT_PORT,)

    def variables_set(self, config: Mapping[str, Json]) -> Iterable[str]:
        """Names of the workflow variables that such a step sets."""
        return ()

    def body_names(self, config: Mapping[str, Json]) -> Iterable[str]:
        """Names besides `item` and `index` that templates inside the body may read."""
        return ()

    def empty_outputs(self, config: Mapping[str, Json]) -> Mapping[str, str]:
        """Keys of the output that hold nothing with that config, each with the config field that fills it."""
        return {}

    def passes_apart(self, config: Mapping[str, Json]) -> bool:
        """Whether passes through the body may be made in different places, knowing nothing of each other."""
        return False

    def effect_of(self, config: Mapping[str, Json]) -> Effect:
        """The effect class for that config as drawn (an API call by GET reads, by POST writes)."""
        return self.effect

    def is_outward(self, config: Mapping[str, Json]) -> bool:
        """Whether what flows into such a step can decide where data goes; an agent that has read foreign text asks a
        person before it calls a workflow with one."""
        return self.effect_of(config) in ("reads", "writes")

    def hosts(self, config: Mapping[str, Json]) -> Sequence[str] | None:
        """The hosts that such a step reaches, in lower case; None if that is decided while it runs."""
        return None if self.is_outward(config) else ()

    def teaches(self, config: Mapping[str, Json]) -> bool:
        """Whether such a step keeps what later conversations believe; an agent that has read foreign text asks a
        person before it calls a workflow with one, even where a run may repeat the step."""
        return False

    @property
    def runs_program(self) -> bool:
        """Whether such a step runs code on this machine that may do anything, so that `hosts` cannot tell of it."""
        return False

    def check(self, config: Mapping[str, Json]) -> Iterable[ConfigProblem]:
        """Problems beyond what the config model finds. Only called when the model found none."""
        return ()

    @classmethod
    def manual(cls) -> str:
        """The manual page: the class's docstring."""
        return inspect.cleandoc(cls.__doc__ or "")

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """The JSON Schema of the config."""
        return cls.config_model.model_json_schema()

    def template_fields(self, config: Mapping[str, Json]) -> Iterator[TemplateField]:
        """The texts of a config that are templates."""
        for name, value in config.items():
            field = config_field(self.config_model, name)
            extra = field_extra(field)
            if field is not None and extra.get("template", True):
                yield from _texts(
                    (name,), value, bool(extra.get("secrets")), cast("TemplateScope", extra.get("scope", "step"))
                )

    def check_config(self, config: Mapping[str, Json]) -> Sequence[ConfigProblem]:
        """Everything wrong with a config as drawn; values that are templates are not judged."""
        templated = {field.path for field in self.template_fields(config) if is_template(field.text)}
        try:
            self.config_model.model_validate(dict(config))
        except ValidationError as error:
            details = error.errors(include_url=False)
        else:
            details = []
        found = [
            _problem(self.config_model, detail, config)
            for detail in details
            if not _touches_template(detail["loc"], templated)
        ]
        return found or list(self.check(config))

    def resolve(self, values: Mapping[str, Json]) -> C:
        """The config model made from filled-in values. Raises ConfigError that names each wrong field."""
        try:
            return cast("C", self.config_model.model_validate(dict(values)))
        except ValidationError as error:
            problems = [_problem(self.config_model, detail, values) for detail in error.errors(include_url=False)]
            text = "; ".join(f"{'.'.join(map(str, p.path)) or 'config'}: {p.message}" for p in problems)
            raise ConfigError(f"The step's settings do not fit after its templates were filled in: {text}") from None


class StepTypes:
    """The known step types by name: the catalogue that the engine runs and validation asks."""

    def __init__(self, types: Iterable[StepType[Any]] = ()) -> None:
        self._types: dict[str, StepType[Any]] = {}
        for step_type in types:
            self.add(step_type)

    def add(self, step_type: StepType[Any]) -> None:
        """Make a step type known. Raises ValueError if the name is taken by another class."""
        known = self._types.get(step_type.type)
        if known is not None and type(known) is not type(step_type):
            raise ValueError(f"Two step types are called {step_type.type!r}: {type(known)} and {type(step_type)}.")
        self._types[step_type.type] = step_type

    def get(self, type_name: str) -> StepType[Any] | None:
        """The step type of that name, or None."""
        return self._types.get(type_name)

    def names(self) -> Sequence[str]:
        """All type names, sorted."""
        return sorted(self._types)

    def __iter__(self) -> Iterator[StepType[Any]]:
        return iter(self._types.values())


def is_template(text: str) -> bool:
    """Whether a text holds template marks at all."""
    return "{{" in text or "{%" in text or "{#" in text


def config_field(model: ConfigModel, name: str) -> FieldInfo | None:
    """The field that a config spells so: by its alias if it has one."""
    return next((field for key, field in model.model_fields.items() if (field.alias or key) == name), None)


def field_extra(field: FieldInfo | None) -> Mapping[str, Any]:
    """What `setting` noted about a config field, defaults left out."""
    extra = field.json_schema_extra if field else None
    return extra if isinstance(extra, dict) else {}


def choice_words(choice: str, labels: Mapping[str, str]) -> str:
    """What people read instead of a choice's word in the document: its label, or the word with a capital."""
    return labels.get(choice) or choice.replace("_", " ").capitalize() or "Default"


def _texts(path: tuple[str | int, ...], value: Json, secrets: bool, scope: TemplateScope) -> Iterator[TemplateField]:
    if isinstance(value, str):
        yield TemplateField(path, value, secrets, scope)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts((*path, key), item, secrets, scope)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts((*path, index), item, secrets, scope)


def _touches_template(loc: tuple[int | str, ...], templated: set[tuple[str | int, ...]]) -> bool:
    """Whether an error's place lies at or below a template; an error of the whole config is judged only without any."""
    if not loc:
        return bool(templated)
    return any(loc[: len(path)] == path or path[: len(loc)] == loc for path in templated)


_SAID: Mapping[str, tuple[str, str]] = {
    "less_than_equal": ("The most is {le}.", "Give a smaller number."),
    "less_than": ("It has to be less than {lt}.", "Give a smaller number."),
    "greater_than_equal": ("The least is {ge}.", "Give a larger number."),
    "greater_than": ("It has to be more than {gt}.", "Give a larger number."),
    "int_parsing": ("This is no whole number.", "Write one, such as 3."),
    "int_type": ("This is no whole number.", "Write one, such as 3."),
    "int_from_float": ("This is no whole number.", "Write one, such as 3."),
    "float_parsing": ("This is no number.", "Write one, such as 0.5."),
    "float_type": ("This is no number.", "Write one, such as 0.5."),
    "bool_parsing": ("This is neither yes nor no.", "Write true or false."),
    "bool_type": ("This is neither yes nor no.", "Write true or false."),
    "string_type": ("This is no text.", "Write a text, or a template that gives one."),
    "list_type": ("This is no list.", "Write a list, or a template that gives one."),
}
"""What is said of a value that does not fit, and what to do, by pydantic's name for it."""


def _problem(model: type[Config], detail: ErrorDetails, config: Mapping[str, Json]) -> ConfigProblem:
    path = detail["loc"]
    name = str(path[0]) if path else ""
    match detail["type"]:
        case "missing":
            known = config_field(model, name)
            title = known.title if known and known.title and len(path) == 1 else str(path[-1])
            return ConfigProblem(path, "missing_field", f"{title} is missing.", f"Set {'.'.join(map(str, path))}.")
        case "extra_forbidden":
            known_names = [field.alias or key for key, field in model.model_fields.items()] if len(path) == 1 else []
            near = difflib.get_close_matches(str(path[-1]), known_names, n=1)
            fix = (
                f"Did you mean {near[0]!r}?"
                if near
                else (f"Known fields: {', '.join(known_names)}." if known_names else "Remove it.")
            )
            return ConfigProblem(path, "unknown_field", f"There is no field {str(path[-1])!r} here.", fix)
        case "literal_error":
            given, expected = str(detail["input"]), str(detail.get("ctx", {}).get("expected", ""))
            near = difflib.get_close_matches(given, re.findall(r"'([^']*)'", expected), n=1)
            fix = f"Did you mean {near[0]!r}?" if near else f"Choose one of {expected}."
            return ConfigProblem(path, "wrong_value", f"{given!r} is not one of the choices.", fix)
        case known_error if known_error in _SAID:
            message, fix = _SAID[known_error]
            limits = {key: _number(value) for key, value in detail.get("ctx", {}).items()}
            return ConfigProblem(path, "wrong_value", message.format(**limits), fix)
        case _:
            message = detail["msg"].removeprefix("Value error, ")
            return ConfigProblem(path, "wrong_value", message if message.endswith(".") else f"{message}.")


def _number(limit: object) -> str:
    """A limit as people write it."""
    if not isinstance(limit, int | float):
        return str(limit)
    return f"{limit:,.0f}" if limit == int(limit) else f"{limit:,g}"
