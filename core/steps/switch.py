"""The step type `switch`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from pydantic import JsonValue

from core.engine.step_type import Config, StepContext, StepOutput, StepType, setting
from core.steps.parts.comparison import equal
from core.steps.parts.fields import check_port_names
from core.steps.parts.rules import MATCH_LABELS, Match, Rule, check_rules, hold
from core.workflow.catalogue import ConfigProblem
from core.workflow.model import Json

_DEFAULT = "default"


class Case(Config):
    """One way out of a switch. A case has a value or rules."""

    port: str = setting(title="Port", help="The way out; fixed text.", template=False)
    value: JsonValue = setting(None, title="Value", help="What the switch's value has to equal.")
    rules: list[Rule] = setting(
        title="Rules", help="Comparisons; one without a value looks at the switch's value.", default_factory=list
    )
    match: Match = setting(
        "all", title="Match", help="Whether all rules must hold, or any one.", template=False, labels=MATCH_LABELS
    )


class SwitchConfig(Config):
    """What a switch looks at and its cases in order."""

    value: JsonValue = setting(None, title="Value", help="What is looked at.", tolerant=True)
    cases: list[Case] = setting(
        title="Cases", help="The first case that fits decides.", tolerant=True, min_length=1, max_length=100
    )


class SwitchStep(StepType[SwitchConfig]):
    """Goes one of many ways: out of the port of the first case that fits, or out of `default` if none does.

    A case names its `port` and says when it fits: by `value`, which the switch's `value` has to equal, or by `rules`
    as in a condition, with `match: all` or `any`. A rule without a value of its own looks at the switch's value.
    Comparing follows the same rules as the condition step.

    Port names are fixed text: a letter first, then letters, digits, spaces, `-` and `_`.

    **Ports:** one per case, and `default`. **Output:** `port`, the name of the way taken.

    ```yaml
    route:
      type: switch
      config:
        value: "{{ classify.text }}"
        cases:
          - {port: billing, value: billing}
          - {port: technical, value: technical}
          - port: long
            rules:
              - {operator: matches, operand: ".{200}"}
      then: {billing: invoice, technical: triage, long: summarise, default: reply}
    ```
    """

    type = "switch"
    title = "Switch"
    icon = "signpost"
    category = "logic"
    also_called = "case route router branch"
    outputs: ClassVar[Mapping[str, str]] = {"port": "The name of the way taken."}
    main_field = "value"
    main_output = "port"
    config_model = SwitchConfig

    def ports(self, config: Mapping[str, Json]) -> Sequence[str]:
        """The cases' ports in their order, then `default`."""
        cases = config.get("cases")
        named = [case.get("port") for case in cases if isinstance(case, dict)] if isinstance(cases, list) else []
        return (*dict.fromkeys(name for name in named if isinstance(name, str) and name != _DEFAULT), _DEFAULT)

    def check(self, config: Mapping[str, Json]) -> Iterable[ConfigProblem]:
        """Good and different port names; each case with a value or rules."""
        cases = config.get("cases")
        known = [case for case in cases if isinstance(case, dict)] if isinstance(cases, list) else []
        names = [(("cases", index, "port"), case.get("port")) for index, case in enumerate(known)]
        yield from check_port_names(names, taken=(_DEFAULT,))
        for index, case in enumerate(known):
            if ("value" in case) == bool(case.get("rules")):
                yield ConfigProblem(
                    ("cases", index), "wrong_value", "A case has either a value or rules.", "Set one of the two."
                )
            yield from check_rules(case.get("rules"), ("cases", index, "rules"))
        if "value" not in config and not all(_rules_have_values(case) for case in known):
            yield ConfigProblem(("value",), "missing_field", "Value is missing.", "Set the value that is looked at.")

    async def run(self, config: SwitchConfig, context: StepContext) -> StepOutput:
        """Find the first case that fits."""
        for case in config.cases:
            if await _fits(case, config.value):
                return StepOutput({"port": case.port}, (case.port,))
        return StepOutput({"port": _DEFAULT}, (_DEFAULT,))


async def _fits(case: Case, value: Json) -> bool:
    if case.rules:
        return await hold([rule.given(value) for rule in case.rules], case.match)
    return equal(value, case.value)


def _rules_have_values(case: Mapping[str, Json]) -> bool:
    rules = case.get("rules")
    return isinstance(rules, list) and bool(rules) and all(isinstance(rule, dict) and "value" in rule for rule in rules)
