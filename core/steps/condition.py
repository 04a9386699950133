"""The step type `condition`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from pydantic import JsonValue

from core.engine.errors import ConfigError
from core.engine.step_type import Config, StepContext, StepOutput, StepType, setting
from core.steps.parts.comparison import OPERATOR_LABELS, Operator
from core.steps.parts.rules import MATCH_LABELS, Match, Rule, check_rule, check_rules, hold
from core.workflow.catalogue import ConfigProblem
from core.workflow.model import Json


class ConditionConfig(Config):
    """What a condition compares: one rule, or several."""

    value: JsonValue = setting(None, title="Value", help="What is looked at.", tolerant=True)
    operator: Operator | None = setting(
        None, title="Operator", help="How it is compared.", template=False, labels=OPERATOR_LABELS
    )
    operand: JsonValue = setting(None, title="Operand", help="What it is compared with.")
    rules: list[Rule] = setting(
        title="Rules", help="Several comparisons, instead of the one above.", tolerant=True, default_factory=list
    )
    match: Match = setting(
        "all", title="Match", help="Whether all rules must hold, or any one.", template=False, labels=MATCH_LABELS
    )


class ConditionStep(StepType[ConditionConfig]):
    """Goes one of two ways: out of the port `true` if the comparison holds, else out of `false`.

    Give `value`, `operator` and `operand`, or a list of `rules` that each have these three; `match` says whether
    `all` of them must hold or `any` one.

    - `equals`, `not_equals`: the two are the same; numbers by size, texts letter by letter, lists and objects part by
      part. `true` and `false` also equal those words.
    - `greater_than`, `less_than`, `at_least`, `at_most`: in the order of numbers, or of texts letter by letter.
    - `contains`, `not_contains`: a text contains a text, a list an item, an object a key.
    - `starts_with`, `ends_with`: a text begins or ends so.
    - `matches`: a regular expression is found in the text.
    - `is_empty`, `is_not_empty`: null, blank text, an empty list or object.
    - `in`, `not_in`: the value is one of a list.
    - `exists`, `not_exists`: there is a value at all that is not an empty text.

    Numbers compare as numbers and text as text. A text that reads as a number counts as one when the other side is
    a number or reads as one, so a model's reply `4` can be compared with `3`. A number ordered against any other text
    is an error that says so; `equals` between the two is just false. A value that is not there counts as null.

    Regular expressions are those of Python: at most 500 characters of pattern, 100,000 of text, and one second.
    `(?i)` in front ignores case.

    **Ports:** `true`, `false`. **Output:** `result`, true or false.

    ```yaml
    urgent:
      type: condition
      title: Is it urgent?
      config:
        match: any
        rules:
          - {value: "{{ classify.text }}", operator: at_least, operand: 4}
          - {value: "{{ input.ticket }}", operator: matches, operand: "(?i)outage|data loss"}
      then: {true: page, false: reply}
    ```
    """

    type = "condition"
    title = "Condition"
    icon = "split"
    category = "logic"
    also_called = "if else branch compare filter router"
    outputs: ClassVar[Mapping[str, str]] = {"result": "Whether the condition holds."}
    main_field = "value"
    main_output = "result"
    config_model = ConditionConfig

    def ports(self, config: Mapping[str, Json]) -> Sequence[str]:
        """`true` and `false`."""
        return ("true", "false")

    def check(self, config: Mapping[str, Json]) -> Iterable[ConfigProblem]:
        """A rule or rules, not both, each complete."""
        if config.get("rules"):
            if config.get("operator") is not None:
                yield ConfigProblem(
                    ("rules",), "wrong_value", "There are both an operator and rules.", "Keep one of the two."
                )
            yield from check_rules(config["rules"], ("rules",))
        elif config.get("operator") is None:
            yield ConfigProblem(("operator",), "missing_field", "Nothing is compared.", "Set an operator, or rules.")
        else:
            yield from check_rule(config, ())

    async def run(self, config: ConditionConfig, context: StepContext) -> StepOutput:
        """Compare, and make one port live."""
        rules = config.rules
        if not rules:
            if config.operator is None:
                raise ConfigError("The condition compares nothing. Set an operator, or rules.")
            rules = [Rule(value=config.value, operator=config.operator, operand=config.operand)]
        result = await hold(rules, config.match)
        return StepOutput({"result": result}, ("true" if result else "false",))
