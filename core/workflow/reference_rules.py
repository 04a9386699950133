"""What can be wrong with templates: their syntax, and names that are not there when they are evaluated."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from core.workflow.catalogue import TemplateField
from core.workflow.model import Step
from core.workflow.outline import Level, Outline
from core.workflow.problems import Problem
from core.workflow.template_texts import has_marks, references_in, texts_in
from core.workflow.templates import Reference, TemplateSyntax

_ALWAYS = ("input", "vars", "run")


def reference_problems(outline: Outline) -> Iterator[Problem]:
    """All of it, for every template of the document."""
    for level, step in outline.steps():
        for field in _templates(outline, step):
            place = _Place(outline, level, step, field.secrets, inside=field.scope == "body")
            yield from place.problems(field.text, ".".join(map(str, field.path)))
    top = _Place(outline, outline.levels[0], None)
    for name, value in outline.workflow.outputs.items():
        for path, text in texts_in(value, ("outputs", name)):
            yield from top.problems(text, ".".join(map(str, path)))


def names_at(outline: Outline, step: Step | None, *, secrets: bool = False, inside: bool = False) -> list[str]:
    """The names that a template of a step may begin with, those of steps last. step: None for the workflow's outputs.

    secrets: whether the field may read them. inside: whether it reads the names inside the loop that the step is.
    """
    return _place(outline, step, secrets, inside).names()


def reference_flaw(
    outline: Outline, step: Step | None, reference: Reference, *, secrets: bool = False, inside: bool = False
) -> Problem | None:
    """What is wrong with one name that a template reads, or None. The rest as in names_at."""
    return _place(outline, step, secrets, inside).flaw(reference)


def _place(outline: Outline, step: Step | None, secrets: bool, inside: bool) -> _Place:
    level = outline.level_of[step.id] if step is not None else outline.levels[0]
    return _Place(outline, level, step, secrets, inside)


def _templates(outline: Outline, step: Step) -> Iterator[TemplateField]:
    kind = outline.kind(step)
    if kind is not None and not kind.canvas_only:
        for field in kind.template_fields(step.config):
            yield TemplateField(("config", *field.path), field.text, field.secrets, field.scope)
    yield TemplateField(("idempotency_key",), step.idempotency_key)
    for path, text in texts_in(dict(step.default or {}), ("default",)):
        yield TemplateField(path, text)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a template stands. step: None for the outputs. inside: whether it reads the names inside step's body."""

    outline: Outline
    level: Level
    step: Step | None
    secrets: bool = False
    inside: bool = False

    def problems(self, text: str, field: str) -> Iterator[Problem]:
        """What is wrong with one template."""
        if not has_marks(text):
            return
        step_id = self.step.id if self.step else None
        try:
            found = references_in(text)
        except TemplateSyntax as error:
            where = f" (line {error.lineno} of the template)" if "\n" in text else ""
            message = f"The template cannot be read{where}: {error.message}"
            fix = "Correct it; a value is written {{ step.field }}."
            yield Problem("template_syntax", message, fix, step_id, field)
            return
        except RecursionError:
            message = "The template is nested too deeply to be read."
            yield Problem("template_syntax", message, "Split it over several steps.", step_id, field)
            return
        for reference in sorted(found, key=lambda reference: (reference.root, str(reference.path))):
            flaw = self.flaw(reference)
            if flaw is not None:
                yield replace(flaw, step=step_id, field=field)

    def flaw(self, reference: Reference) -> Problem | None:
        """What is wrong with one name that the template reads, or None."""
        root = reference.root
        match root:
            case "input":
                return self._key_flaw(reference, self.outline.workflow.inputs, "unknown_input", "input")
            case "vars":
                return self._key_flaw(reference, self.outline.workflow.variables, "unknown_variable", "variable")
            case "run":
                return None
            case "secrets":
                return None if self.secrets else _SECRET
        if root in self._loop_names():
            return None
        found = self._visible_level(root)
        if found is not None:
            return self._disabled_flaw(found.steps[root]) or self._empty_flaw(found.steps[root], reference)
        if root in ("item", "index"):
            message = f"{root!r} is only there inside a loop."
            return Problem("not_in_loop", message, "Move the step into a loop's body, or refer to another name.")
        if root in self.outline.level_of:
            return self._too_late(root)
        return Problem("unknown_name", f"There is no step or name {root!r} here.", self._nearest(root))

    def _key_flaw(self, reference: Reference, known: Iterable[str], code: str, what: str) -> Problem | None:
        key = reference.path[0] if reference.path else None
        # Methods of objects, as in `vars.items()`, can be called unless a key has their name.
        if not isinstance(key, str) or key in known or hasattr(dict, key):
            return None
        return Problem(code, f"The workflow has no {what} {key!r}.", self.outline.hint(key, known, f"{what}s"))

    def _visible_level(self, root: str) -> Level | None:
        """The level of the step that a name refers to, if that step can have run before."""
        step = self.step
        if step is None:
            return self.level if root in self.level.steps and not self._is_note(self.level, root) else None
        if self.inside and step.body and root in step.body:
            return self.outline.level_of.get(root)
        name = step.id
        for level in self.level.outward():
            if level.graph.is_ancestor(root, name) and not self._is_note(level, root):
                # On a circle every step leads to every other: the circle is the problem to report.
                return level if root != name else None
            name = level.loop.id if level.loop else ""
        return None

    def _is_note(self, level: Level, root: str) -> bool:
        return self.outline.is_canvas_only(level.steps[root])

    def _loop_names(self) -> set[str]:
        loops = self.outline.loops_around(self.level)
        if self.inside and self.step is not None:
            loops = (self.step, *loops)
        return {name for loop in loops for name in self.outline.loop_names(loop)}

    def _disabled_flaw(self, step: Step) -> Problem | None:
        if not step.disabled:
            return None
        message = f"The step {step.id!r} is disabled, so it has no output here."
        return Problem("reference_to_disabled", message, "Enable it, or refer to another step.", severity="warning")

    def _empty_flaw(self, step: Step, reference: Reference) -> Problem | None:
        kind, key = self.outline.kind(step), reference.path[0] if reference.path else None
        field = kind.empty_outputs(step.config).get(str(key)) if kind is not None else None
        if field is None:
            return None
        message = f"{step.id}.{key} is always empty, because {field!r} of the step {step.id!r} is not filled in."
        return Problem("empty_output", message, f"Say in {field!r} what it is made of.", severity="warning")

    def _too_late(self, root: str) -> Problem:
        level = self.outline.level_of[root]
        if self.step is not None and root == self.step.id:
            return Problem(
                "step_not_before", "The template refers to its own step's output.", "Refer to a step before it."
            )
        if self._is_note(level, root):
            return Problem("step_not_before", f"{root!r} is never run, so it has no output.", "Refer to another step.")
        if self.step is not None and root in {loop.id for loop in self.outline.loops_around(self.level)}:
            message = f"{root!r} is the loop around this step; it has no output before its last pass."
            return Problem("step_not_before", message, "Refer to 'item', 'index' or a step before it.")
        if level not in self.level.outward() and level.loop is not None:
            message = f"The step {root!r} stands inside the loop {level.loop.id!r} and cannot be read from outside."
            return Problem("step_in_loop", message, f"Collect its output in {level.loop.id!r} and refer to that.")
        here = f" before {self.step.id!r}" if self.step else ""
        message = f"The step {root!r} cannot have run{here}: no wires lead from it to here."
        return Problem("step_not_before", message, f"Draw a wire from {root!r}, or refer to a step that comes before.")

    def names(self) -> list[str]:
        """The names that a template may begin with here, those of steps last."""
        names = [*_ALWAYS, *(("secrets",) if self.secrets else ()), *sorted(self._loop_names())]
        if self.step is None:
            return [*names, *(one for one in self.level.steps if not self._is_note(self.level, one))]
        names += self.step.body or () if self.inside else ()
        name = self.step.id
        for level in self.level.outward():
            ancestors = level.graph.named(level.graph.ancestor_bits(name))
            names += [one for one in ancestors if one != name and not self._is_note(level, one)]
            name = level.loop.id if level.loop else ""
        return names

    def _nearest(self, root: str) -> str:
        return self.outline.hint(root, self.names(), "names")


_SECRET = Problem(
    "secret_not_allowed",
    "Secrets can only be read in fields that are marked for them, so that they are never shown.",
    "Use the secret in such a field, for instance a step's authorisation.",
)
