"""The step type `approval`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

from pydantic import JsonValue

from core.engine.errors import Question, StepError, Suspend
from core.engine.step_type import Config, StepContext, StepOutput, StepType, is_template, setting
from core.steps.parts.fields import Seconds, check_port_names
from core.steps.parts.text import Text
from core.workflow.catalogue import ConfigProblem
from core.workflow.model import DEFAULT_PORT, Json
from core.workflow.schema_errors import UnusableSchema, schema_errors

_TIMED_OUT = "timed_out"
_CHOICES = ("approve", "reject")


class ApprovalConfig(Config):
    """What is asked, how it may be answered, and how long there is."""

    message: Text = setting(title="Message", help="What the person is asked; Markdown.", widget="multiline")
    choices: list[str] = setting(
        title="Choices", help="The answers; each becomes a port.", template=False, min_length=1, max_length=20,
        default_factory=lambda: list(_CHOICES),
    )  # fmt: skip
    form: dict[str, JsonValue] | None = setting(
        None, title="Form", help="A JSON Schema of what to fill in, instead of choices.", widget="json_schema"
    )
    timeout: Seconds | None = setting(
        None, title="Time to answer", help="After it the port timed_out is taken; empty: no limit.", unit="s"
    )


class ApprovalStep(StepType[ApprovalConfig]):
    """Asks a person and waits for the answer, for days if need be.

    The run is suspended: it holds no task, socket or memory, and goes on when someone answers in the application or
    by `steploom runs answer`. The person picks one of the `choices` and may add a comment, or fills in a `form` that
    a JSON Schema describes. With a `timeout` the step goes on by the port `timed_out` when nobody has answered by
    then; an answer that was given counts even if it came late. One that does not fit is asked for again.

    **Ports:** one per choice (`approve` and `reject` unless others are given), or `out` for a form; `timed_out` if
    there is a timeout. **Output:** `choice`, `comment`, `form`, `answered_by`; null or empty where it does not apply.

    ```yaml
    publish:
      type: approval
      config:
        message: |
          Publish this picture?
          {{ brief.text }}
        choices: [publish, redo]
        timeout: 2d
      then: {publish: upload, redo: draw, timed_out: give_up}
    ```
    """

    type = "approval"
    title = "Approval"
    icon = "user-check"
    category = "human"
    also_called = "human ask person review confirm form"
    outputs: ClassVar[Mapping[str, str]] = {
        "choice": "The choice that was picked; null for a form.",
        "comment": "What the person added.",
        "form": "The form as filled in; null for choices.",
        "answered_by": "Who answered, if it is known.",
    }
    main_field = "message"
    main_output = "choice"
    config_model = ApprovalConfig

    def ports(self, config: Mapping[str, Json]) -> Sequence[str]:
        """The choices, or `out` for a form; `timed_out` if there is a timeout."""
        choices = config.get("choices", list(_CHOICES))
        named = choices if isinstance(choices, list) else []
        main = (DEFAULT_PORT,) if config.get("form") is not None else [name for name in named if isinstance(name, str)]
        return tuple(dict.fromkeys((*main, *((_TIMED_OUT,) if config.get("timeout") is not None else ()))))

    def check(self, config: Mapping[str, Json]) -> Iterable[ConfigProblem]:
        """Good choice names, or a good form, not both."""
        choices, form = config.get("choices"), config.get("form")
        if choices is not None and form is not None:
            yield ConfigProblem(("form",), "wrong_value", "There are both choices and a form.", "Keep one of the two.")
        if isinstance(choices, list):
            yield from check_port_names(((("choices", i), name) for i, name in enumerate(choices)), taken=(_TIMED_OUT,))
        if isinstance(form, dict) and not _has_templates(form):
            wrong = _schema_mistake(form)
            if wrong:
                yield ConfigProblem(("form",), "wrong_value", f"The form is no JSON Schema: {wrong}", "Mend it.")

    async def run(self, config: ApprovalConfig, context: StepContext) -> StepOutput:
        """Suspend with the question; with an answer that fits, or past the deadline, go on."""
        message = config.message
        if context.answer is not None:
            flaw = _flaw(config, context.answer)
            if not flaw:
                return _answered(config, context.answer)
            # Failing would lose everything before it, as an answer can be given only once.
            message = f"{message}\n\n{flaw}"
        deadline = _deadline(config, context)
        if deadline is not None and context.clock.now() >= deadline:
            return StepOutput({"choice": None, "comment": "", "form": None, "answered_by": ""}, (_TIMED_OUT,))
        raise Suspend(
            question=Question(message, () if config.form is not None else tuple(config.choices), config.form),
            until=deadline,
            state={"asked": True, "deadline": deadline.isoformat() if deadline else None},
        )


def _deadline(config: ApprovalConfig, context: StepContext) -> datetime | None:
    if context.state.get("asked"):
        kept = context.state.get("deadline")
        return datetime.fromisoformat(kept) if isinstance(kept, str) else None
    return None if config.timeout is None else context.clock.now() + timedelta(seconds=config.timeout)


def _answered(config: ApprovalConfig, answer: Mapping[str, Json]) -> StepOutput:
    """The output for an answer that fits."""
    comment, by = answer.get("comment") or "", answer.get("answered_by") or ""
    output: dict[str, Json] = {"choice": None, "comment": comment, "form": None, "answered_by": by}
    if config.form is not None:
        output["form"] = answer.get("form")
        return StepOutput(output, (DEFAULT_PORT,))
    choice = output["choice"] = str(answer.get("choice"))
    return StepOutput(output, (choice,))


def _flaw(config: ApprovalConfig, answer: Mapping[str, Json]) -> str:
    """What is wrong with an answer, or ''. Raises StepError for a form that nothing could be checked against."""
    if config.form is None:
        choice = answer.get("choice")
        if isinstance(choice, str) and choice in config.choices:
            return ""
        return f"The answer {choice!r} is none of the choices. Answer with one of: {', '.join(config.choices)}."
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    wrong = _schema_mistake(config.form)
    if wrong:
        raise StepError(f"The form is no JSON Schema: {wrong} Mend the step's form.", kind="config")
    try:
        error = best_match(schema_errors(answer.get("form"), config.form, Draft202012Validator))
    except UnusableSchema as trouble:
        raise StepError(f"The form {trouble}. Mend the step's form.", kind="config") from None
    if error is None:
        return ""
    place = f"“{error.json_path.removeprefix('$.')}” in the form" if error.absolute_path else "The form"
    return f"{place} does not fit: {_short(error.message)} Fill it in again."


def _schema_mistake(schema: Mapping[str, Any]) -> str:
    """What keeps a mapping from being a JSON Schema, or ''."""
    from jsonschema import Draft202012Validator, SchemaError

    try:
        Draft202012Validator.check_schema(dict(schema))
    except SchemaError as error:
        return _short(error.message)
    return ""


def _short(text: str) -> str:
    return f"{text if len(text) <= 200 else text[:199] + '…'}."


def _has_templates(value: Json) -> bool:
    if isinstance(value, dict):
        return any(map(_has_templates, value.values()))
    if isinstance(value, list):
        return any(map(_has_templates, value))
    return isinstance(value, str) and is_template(value)
