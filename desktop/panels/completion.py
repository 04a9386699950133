"""What a template may refer to at its place, with types and last values; which of its references are wrong. No Qt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from core.engine.step_type import StepType, StepTypes
from core.workflow.model import Json, Step, Workflow
from core.workflow.names import nearest
from core.workflow.outline import Outline
from core.workflow.problems import Problem
from core.workflow.reference_rules import names_at, reference_flaw
from core.workflow.templates import Reference, TemplateSyntax, environment, references
from desktop.panels.fields import ABSENT
from desktop.panels.last_run import LastRun, shown, type_word
from desktop.panels.template_text import OpenPlace, chain_path, chains, split_chain, written

SuggestionKind: TypeAlias = Literal["step", "input", "variable", "run", "secret", "loop", "filter"]

MOST_STEPS: Final = 150
"""How many of the steps before are offered, nearest first."""

MOST_KEYS: Final = 60
"""How many keys of one value are offered."""

MOST: Final = 200
"""How many suggestions are shown at once."""

_RUN_FACTS: Final = {"id": "The run's id.", "workflow": "The workflow's name.", "started": "When the run began."}
_FILTERS: Final = (
    "trim", "upper", "lower", "title", "length", "default", "join", "first", "last", "replace", "round", "int", "float",
    "string", "list", "sort", "unique", "map", "select", "reject", "sum", "min", "max", "tojson", "fromjson",
    "truncate", "wordcount", "reverse", "items", "batch",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """Where a template stands. step: None for the workflow's outputs. inside: it reads the names inside the loop."""

    step: str | None
    secrets: bool = False
    inside: bool = False


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One thing that can be put in. text: as written in the template. value: a last value or a help line."""

    text: str
    kind: SuggestionKind
    type: str = ""
    value: str = ""
    help: str = ""


@dataclass(frozen=True, slots=True)
class Flaw:
    """A reference that is wrong. start, end: where it stands. replacement: the nearest right one, '' for none.

    source: the step from which a wire to here would make it right, '' if that is not the cure.
    """

    start: int
    end: int
    problem: Problem
    replacement: str = ""
    source: str = ""


@dataclass(slots=True)
class TemplateNames:
    """What can be referred to in one state of a document.

    last: values of the last run, if there was one. secret_names: names of the kept secrets, as far as known.
    """

    workflow: Workflow
    types: StepTypes
    last: LastRun | None = None
    secret_names: Sequence[str] = ()
    _outline: Outline | None = field(default=None, repr=False)

    @property
    def outline(self) -> Outline:
        """The document laid out, made when it is first asked for."""
        if self._outline is None:
            self._outline = Outline(self.workflow, self.types)
        return self._outline

    def names(self, place: Place) -> list[str]:
        """The names that a template may begin with at a place."""
        step = self._step(place)
        if place.step is not None and step is None:
            return []
        return names_at(self.outline, step, secrets=place.secrets, inside=place.inside)

    def suggestions(self, place: Place, typed: OpenPlace) -> list[Suggestion]:
        """What can stand where something is being typed, the likeliest first."""
        if typed.is_filter:
            return _ranked((Suggestion(name, "filter", help=_filter_help(name)) for name in _filters()), typed.typed)
        base, _ = split_chain(typed.typed)
        found = list(self._top(place))
        path = chain_path(base) if base else None
        if path is not None:
            known = {each.text for each in found}
            found += [each for each in self._deeper(path) if each.text not in known]
        return _ranked(found, typed.typed)

    def flaws(self, place: Place, text: str) -> list[Flaw]:
        """The references of a template that are wrong, in order; none if its syntax is."""
        step = self._step(place)
        if place.step is not None and step is None:
            return []
        try:
            free = {reference.root for reference in references(text)}
        except (TemplateSyntax, RecursionError):
            return []
        found = []
        for chain in chains(text):
            if chain.root not in free:
                continue
            reference = Reference(chain.root, chain.path)
            problem = reference_flaw(self.outline, step, reference, secrets=place.secrets, inside=place.inside)
            if problem is not None:
                found.append(self._flaw(place, chain.start, chain.end, reference, problem))
        return found

    def _flaw(self, place: Place, start: int, end: int, reference: Reference, problem: Problem) -> Flaw:
        root, path = reference.root, reference.path
        replacement = ""
        if problem.code in ("unknown_input", "unknown_variable") and path:
            known = self.workflow.inputs if root == "input" else self.workflow.variables
            near = nearest(str(path[0]), known)
            replacement = written((root, near, *path[1:])) if near else ""
        elif problem.code == "unknown_name":
            near = nearest(root, self.names(place))
            replacement = written((near, *path)) if near else ""
        source = root if problem.code == "step_not_before" and self._can_be_wired(root, place) else ""
        return Flaw(start, end, problem, replacement, source)

    def _can_be_wired(self, root: str, place: Place) -> bool:
        """Whether a wire from that step to this one would stay on one level and close no circle."""
        level = self.outline.level_of.get(root)
        if level is None or place.step is None or self.outline.is_canvas_only(level.steps[root]):
            return False
        return place.step in level.steps and root != place.step and not level.graph.is_ancestor(place.step, root)

    def _step(self, place: Place) -> Step | None:
        level = self.outline.level_of.get(place.step) if place.step is not None else None
        return level.steps[place.step] if level is not None and place.step is not None else None

    def _top(self, place: Place) -> Iterator[Suggestion]:
        """Names with their first keys: outputs of steps before (nearest first), then the rest."""
        names = self.names(place)
        steps = [name for name in names if name in self.outline.level_of]
        outputs = [list(self._outputs(name)) for name in steps[: -MOST_STEPS - 1 : -1]]
        for known in sorted(outputs, key=lambda found: "." not in found[0].text and "[" not in found[0].text):
            yield from known
        for name in names:
            match name:
                case "input":
                    yield from self._declared("input", self.workflow.inputs, "input")
                case "vars":
                    yield from self._declared("vars", self.workflow.variables, "variable")
                case "run":
                    yield from (self._with_value(("run", key), "run", help_) for key, help_ in _RUN_FACTS.items())
                case "secrets":
                    yield from (Suggestion(written(("secrets", key)), "secret", "secret") for key in self.secret_names)
                case _ if name not in self.outline.level_of:
                    yield Suggestion(name, "loop", help=_LOOP_HELP.get(name, "A name of the loop around this step."))

    def _outputs(self, step_id: str) -> Iterator[Suggestion]:
        step = self.outline.level_of[step_id].steps[step_id]
        kind: StepType[Any] | None = self.types.get(step.type)
        helps: dict[str, str] = dict(kind.outputs) if kind is not None else {}
        main = kind.main_output if kind is not None else ""
        if helps.pop("*", "") and kind is not None and kind.effect == "pure":
            # Any names at all: a step that reaches nothing outside can only give the names that it was given.
            given = step.config.get(kind.main_field)
            helps.update(dict.fromkeys(given, "") if isinstance(given, dict) else {})
        last = self.last.output(step_id) if self.last is not None else None
        keys = sorted({**helps, **dict.fromkeys(list(last or ())[:MOST_KEYS], "")}, key=lambda key: key != main)
        for key in keys:
            yield self._with_value((step_id, key), "step", helps.get(key, ""))
        if not keys:
            yield Suggestion(step_id, "step", help=f"The output of {step.name}.")

    def _declared(
        self, root: str, schemas: Mapping[str, Mapping[str, Json]], kind: SuggestionKind
    ) -> Iterator[Suggestion]:
        for name, schema in schemas.items():
            made = self._with_value((root, name), kind, str(schema.get("description") or ""))
            declared = schema.get("type")
            yield (
                made
                if made.type or not isinstance(declared, str)
                else Suggestion(made.text, kind, _TYPE_WORDS.get(declared, declared), made.value, made.help)
            )

    def _deeper(self, path: tuple[str | int, ...]) -> Iterator[Suggestion]:
        """What is known inside a value, from the last run."""
        value = self.last.value(self.workflow, path) if self.last is not None else ABSENT
        kind: SuggestionKind = "step" if str(path[0]) in self.outline.level_of else "input"
        if isinstance(value, dict):
            for key in list(value)[:MOST_KEYS]:
                yield self._with_value((*path, key), kind, "")
        elif isinstance(value, list):
            for index in range(min(len(value), MOST_KEYS)):
                yield self._with_value((*path, index), kind, "")

    def _with_value(self, path: tuple[str | int, ...], kind: SuggestionKind, help_: str) -> Suggestion:
        value = self.last.value(self.workflow, path) if self.last is not None else ABSENT
        if value is ABSENT:
            return Suggestion(written(path), kind, help=help_)
        return Suggestion(written(path), kind, type_word(value), " ".join(shown(value, 120).split()), help_)


_TYPE_WORDS: Final = {
    "string": "text",
    "boolean": "true/false",
    "array": "list",
    "integer": "number",
    "object": "object",
    "number": "number",
}
_LOOP_HELP: Final = {"item": "The item of this pass.", "index": "The number of this pass, from 0."}


def _filters() -> Sequence[str]:
    known = environment().filters
    return [name for name in _FILTERS if name in known] + sorted(set(known) - set(_FILTERS))


def _filter_help(name: str) -> str:
    """The first sentence of a filter's own description, with its code marks taken off."""
    text = (environment().filters[name].__doc__ or "").strip().split("\n\n")[0]
    return " ".join(text.split()).split(". ")[0].replace("``", "").replace("`", "").rstrip(".:")


_DOTTED: Final = str.maketrans({"[": ".", "]": None, '"': None, "'": None})
"""Makes `a["b c"][0]` into `a.b c.0`: behind a dot, keys that are written in brackets are meant too."""


def _ranked(found: Iterator[Suggestion] | Sequence[Suggestion], typed: str) -> list[Suggestion]:
    """Those that fit what is typed: from the beginning, then anywhere, in the given order each."""
    wanted = typed.lower().translate(_DOTTED)
    first, then = [], []
    for each in found:
        text = each.text.lower().translate(_DOTTED)
        if text.startswith(wanted):
            first.append(each)
        elif len(wanted) > 1 and wanted in text:
            then.append(each)
    return [*first, *then][:MOST]
