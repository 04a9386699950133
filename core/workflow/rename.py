"""Renaming steps, variables and inputs together with everything that refers to them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import TypeAlias, TypeVar

from core.workflow.catalogue import Catalogue
from core.workflow.model import Group, Json, Step, Workflow
from core.workflow.names import hint, name_problem
from core.workflow.problems import DocumentError, Problem
from core.workflow.template_renaming import NameTaken, rename_key, rename_name
from core.workflow.template_texts import has_marks, object_with_texts

Rewrite: TypeAlias = Callable[[str], str]
"""Gives a template's new text. Raises NameTaken."""

V = TypeVar("V")


def rename_step(workflow: Workflow, old: str, new: str, catalogue: Catalogue | None = None) -> Workflow:
    """The workflow with a step's id changed, and every wire, layout entry and template reference with it.

    catalogue: if given, only those config fields are taken for templates that are; else every text with template
    marks. Raises DocumentError if there is no such step or the new id cannot be used.
    """
    ids = [step.id for _, step in workflow.walk()]
    _check(old, new, ids, "step", reserved=True)
    if old == new:
        return workflow
    renaming = _Renaming(lambda text: rename_name(text, old, new), catalogue, new)
    steps = renaming.steps(workflow.steps, lambda step: _rewired(step, old, new))
    layout = _renamed_key(workflow.layout, old, new)
    outputs = renaming.outputs(workflow.outputs)
    renaming.finish()
    renamed = replace(workflow, steps=_renamed_key(steps, old, new), layout=layout, outputs=outputs)
    return replace(
        renamed,
        collapsed=frozenset(new if step_id == old else step_id for step_id in workflow.collapsed),
        groups={group_id: _regrouped(group, old, new) for group_id, group in workflow.groups.items()},
    )


def rename_variable(workflow: Workflow, old: str, new: str, catalogue: Catalogue | None = None) -> Workflow:
    """The workflow with a variable renamed, in `vars.old` and `vars["old"]` of every template too.

    catalogue: as in rename_step; it is also what tells where a step's config names the variables that it sets, so
    without it those are left as they are. Raises DocumentError as rename_step does.
    """
    _check(old, new, workflow.variables, "variable", reserved=False)
    changed = _renamed_below(workflow, "vars", old, new, catalogue)
    if catalogue is not None:
        known = catalogue
        changed = replace(changed, steps=_map(changed.steps, lambda step: _setting_renamed(step, known, old, new)))
    return replace(changed, variables=_renamed_key(workflow.variables, old, new))


def rename_input(workflow: Workflow, old: str, new: str, catalogue: Catalogue | None = None) -> Workflow:
    """The workflow with an input renamed, in `input.old` and `input["old"]` of every template too.

    catalogue: as in rename_step. Raises DocumentError as rename_step does.
    """
    _check(old, new, workflow.inputs, "input", reserved=False)
    changed = _renamed_below(workflow, "input", old, new, catalogue)
    return replace(changed, inputs=_renamed_key(workflow.inputs, old, new))


class _Renaming:
    """Rewrites templates and collects the places where a template's own variable is in the way."""

    def __init__(self, rewrite: Rewrite, catalogue: Catalogue | None, new: str) -> None:
        self._rewrite = rewrite
        self._catalogue = catalogue
        self._new = new
        self._problems: list[Problem] = []

    def steps(self, steps: Mapping[str, Step], change: Callable[[Step], Step] = lambda step: step) -> dict[str, Step]:
        return _map(steps, lambda step: change(self._step(step)))

    def outputs(self, outputs: Mapping[str, Json]) -> dict[str, Json]:
        return object_with_texts(outputs, lambda path, text: self._text(text, None, ("outputs", *path)))

    def finish(self) -> None:
        if self._problems:
            raise DocumentError(self._problems)

    def _step(self, step: Step) -> Step:
        templates = self._template_paths(step)

        def in_config(path: tuple[str | int, ...], text: str) -> str:
            return self._text(text, step.id, ("config", *path)) if templates is None or path in templates else text

        def in_default(path: tuple[str | int, ...], text: str) -> str:
            return self._text(text, step.id, ("default", *path))

        return replace(
            step,
            config=object_with_texts(step.config, in_config),
            default=None if step.default is None else object_with_texts(step.default, in_default),
            idempotency_key=self._text(step.idempotency_key, step.id, ("idempotency_key",)),
        )

    def _template_paths(self, step: Step) -> frozenset[tuple[str | int, ...]] | None:
        kind = self._catalogue.get(step.type) if self._catalogue else None
        return frozenset(field.path for field in kind.template_fields(step.config)) if kind else None

    def _text(self, text: str, step: str | None, path: tuple[str | int, ...]) -> str:
        if not has_marks(text):
            return text
        try:
            return self._rewrite(text)
        except NameTaken:
            message = f"The template has a variable {self._new!r} of its own, which would then be read instead."
            fix = "Choose another name, or rename that variable in the template first."
            self._problems.append(Problem("name_taken", message, fix, step, ".".join(map(str, path))))
            return text


def _check(old: str, new: str, known: Collection[str], what: str, *, reserved: bool) -> None:
    if old not in known:
        message = f"There is no {what} {old!r}."
        raise DocumentError([Problem(f"unknown_{what}", message, hint(old, known, f"{what}s"))])
    if old != new and new in known:
        message = f"There is a {what} {new!r} already."
        raise DocumentError([Problem("duplicate_id", message, "Choose another name.")])
    if old != new and (problem := name_problem(new, reserved=reserved)):
        raise DocumentError([problem])


def _renamed_below(workflow: Workflow, root: str, old: str, new: str, catalogue: Catalogue | None) -> Workflow:
    renaming = _Renaming(lambda text: rename_key(text, root, old, new), catalogue, new)
    return replace(workflow, steps=renaming.steps(workflow.steps), outputs=renaming.outputs(workflow.outputs))


def _map(steps: Mapping[str, Step], change: Callable[[Step], Step]) -> dict[str, Step]:
    """Every step of a level changed, those in bodies first."""
    found: dict[str, Step] = {}
    for step_id, step in steps.items():
        found[step_id] = change(step if step.body is None else replace(step, body=_map(step.body, change)))
    return found


def _rewired(step: Step, old: str, new: str) -> Step:
    then = {port: tuple(new if target == old else target for target in targets) for port, targets in step.then.items()}
    body = None if step.body is None else _renamed_key(step.body, old, new)
    return replace(step, id=new if step.id == old else step.id, then=then, body=body)


def _regrouped(group: Group, old: str, new: str) -> Group:
    if old not in group.steps:
        return group
    return replace(group, steps=tuple(new if step_id == old else step_id for step_id in group.steps))


def _renamed_key(mapping: Mapping[str, V], old: str, new: str) -> dict[str, V]:
    return {new if key == old else key: value for key, value in mapping.items()}


def _setting_renamed(step: Step, catalogue: Catalogue, old: str, new: str) -> Step:
    """The step with the variable's name changed where its config says that it sets it.

    Step types do not say where that is, so each place that could be it is tried and the type is asked again.
    """
    kind = catalogue.get(step.type)
    if kind is None or old not in kind.variables_set(step.config):
        return step
    wanted = [new if name == old else name for name in kind.variables_set(step.config)]
    config = dict(step.config)
    for field, value in step.config.items():
        tried = {**config, field: _with_name(value, old, new)}
        if list(kind.variables_set(tried)) == wanted:
            return replace(step, config=tried)
    return step


def _with_name(value: Json, old: str, new: str) -> Json:
    if value == old:
        return new
    if isinstance(value, dict):
        return _renamed_key(value, old, new)
    if isinstance(value, list):
        return [_with_name(item, old, new) for item in value]
    return value
