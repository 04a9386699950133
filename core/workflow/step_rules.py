"""What can be wrong with a step by itself: its type, config, body and what it does on failure."""

from __future__ import annotations

import math
from collections.abc import Iterator

from core.workflow.catalogue import StepKind
from core.workflow.model import Retry, Step
from core.workflow.outline import Outline
from core.workflow.problems import Problem


def step_problems(outline: Outline) -> Iterator[Problem]:
    """All of it, for every step."""
    for level in outline.levels:
        for key, step in level.steps.items():
            if key != step.id:
                message = f"The step {step.id!r} is filed under {key!r}."
                yield Problem("id_mismatch", message, "File it under its own id.", step.id)
    for _, step in outline.steps():
        kind = outline.kind(step)
        if kind is None:
            yield _unknown_type(outline, step)
        else:
            yield from _config_problems(step, kind)
            yield from _body_problems(step, kind)
            if kind.canvas_only:
                yield from _canvas_only_problems(step)
        yield from _failure_problems(step)
        yield from timeout_problems(step.timeout, step.id)
        if step.retry is not None:
            yield from _retry_problems(step, step.retry)


def timeout_problems(timeout: float | None, step: str | None) -> Iterator[Problem]:
    """A time limit that nothing can keep."""
    if timeout is not None and not (timeout > 0 and math.isfinite(timeout)):
        message = "The timeout must be longer than 0 seconds."
        yield Problem("timeout_range", message, "Write one such as 60s, or remove it for no limit.", step, "timeout")


def _unknown_type(outline: Outline, step: Step) -> Problem:
    if not step.type:
        fix = "Choose one; `steploom steps` lists them."
        return Problem("missing_field", "The step has no type.", fix, step.id, "type")
    message = f"There is no step type {step.type!r}."
    return Problem("unknown_type", message, outline.hint(step.type, outline.type_names, "types"), step.id, "type")


def _config_problems(step: Step, kind: StepKind) -> Iterator[Problem]:
    for found in kind.check_config(step.config):
        field = ".".join(("config", *map(str, found.path)))
        yield Problem(found.code, found.message, found.fix or "Correct the field.", step.id, field)


def _body_problems(step: Step, kind: StepKind) -> Iterator[Problem]:
    if kind.is_container and not step.body:
        message = f"A step of type {step.type!r} repeats the steps in its body, and there are none."
        yield Problem("empty_body", message, "Put at least one step into it.", step.id, "body")
    elif not kind.is_container and step.body is not None:
        message = f"A step of type {step.type!r} has no body."
        yield Problem("unexpected_body", message, "Move those steps out, or use a loop.", step.id, "body")


def _canvas_only_problems(step: Step) -> Iterator[Problem]:
    used = {
        "on_error": step.on_error != "stop",
        "default": step.default is not None,
        "retry": step.retry is not None,
        "timeout": step.timeout is not None,
        "idempotency_key": bool(step.idempotency_key),
    }
    for field, is_used in used.items():
        if is_used:
            message = f"A step of type {step.type!r} is never run, so {field!r} means nothing for it."
            yield Problem("canvas_only", message, "Remove it.", step.id, field)


def _failure_problems(step: Step) -> Iterator[Problem]:
    if step.on_error == "default" and step.default is None:
        message = "On an error this step gives a default output, but none is stated."
        yield Problem("default_missing", message, "Set `default`, or another `on_error`.", step.id, "default")
    elif step.on_error != "default" and step.default is not None:
        message = "A default output is stated, but an error of this step does not use it."
        yield Problem("default_unused", message, "Set `on_error: default`, or remove `default`.", step.id, "default")


def _retry_problems(step: Step, retry: Retry) -> Iterator[Problem]:
    limits = (
        ("attempts", retry.attempts, 1, "is the number of tries in all: 1 or more"),
        ("wait", retry.wait, 0, "cannot be shorter than 0 seconds"),
        ("factor", retry.factor, 1, "is the growth of the wait from try to try: 1 or more"),
        ("max_wait", retry.max_wait, 0, "cannot be shorter than 0 seconds"),
    )
    for field, value, least, meaning in limits:
        if not (value >= least and math.isfinite(value)):
            yield Problem(
                "retry_range",
                f"{field!r} {meaning}; it is {value:g}.",
                f"Write {least} or more.",
                step.id,
                f"retry.{field}",
            )
