"""Rules as settings of a step: a value, an operator and an operand; several of them with all or any."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, TypeAlias

from pydantic import JsonValue

from core.engine.step_type import Config, is_template, setting
from core.steps.parts.comparison import OPERATOR_LABELS, WITHOUT_OPERAND, Operator, PatternError, check_pattern, compare
from core.workflow.catalogue import ConfigProblem
from core.workflow.model import Json

Match: TypeAlias = Literal["all", "any"]
"""How many of the rules have to hold."""

MATCH_LABELS: Final = {"all": "All rules hold", "any": "Any rule holds"}
"""The same as people read it."""


class Rule(Config):
    """One comparison. A rule of a switch may leave its value out and means the switch's value then."""

    value: JsonValue = setting(None, title="Value", help="What is looked at.", tolerant=True)
    operator: Operator = setting(title="Operator", help="How it is compared.", template=False, labels=OPERATOR_LABELS)
    operand: JsonValue = setting(None, title="Operand", help="What it is compared with.")

    def given(self, value: Json) -> Rule:
        """The same rule with that value where none was set."""
        return (
            self
            if "value" in self.model_fields_set
            else Rule(**{**self.model_dump(exclude_unset=True), "value": value})
        )


async def hold(rules: Sequence[Rule], match: Match) -> bool:
    """Whether all or any of the rules hold; the first that decides ends the work. Raises StepError."""
    if any(rule.operator == "matches" for rule in rules):
        # A long text takes a tenth of a second to search, during which other steps should go on.
        return await asyncio.to_thread(_hold, rules, match)
    return _hold(rules, match)


def _hold(rules: Sequence[Rule], match: Match) -> bool:
    results = (compare(rule.value, rule.operator, rule.operand) for rule in rules)
    return all(results) if match == "all" else any(results)


def check_rule(rule: Mapping[str, Json], path: tuple[str | int, ...]) -> Iterator[ConfigProblem]:
    """What is wrong with a rule as drawn, beyond the types of its fields."""
    operator = rule.get("operator")
    operand = rule.get("operand")
    if operator not in WITHOUT_OPERAND and "operand" not in rule:
        yield ConfigProblem(
            (*path, "operand"), "missing_field", f"{operator} needs an operand to compare with.", "Set operand."
        )
    if operator in {"in", "not_in"} and isinstance(operand, bool | int | float):
        yield ConfigProblem(
            (*path, "operand"), "wrong_value", f"{operator} needs a list to look in.", "Write the operand as a list."
        )
    if operator == "matches" and isinstance(operand, str) and not is_template(operand):
        try:
            check_pattern(operand)
        except PatternError as error:
            yield ConfigProblem((*path, "operand"), "wrong_value", str(error), "Mend the pattern.")


def check_rules(rules: Json, path: tuple[str | int, ...]) -> Iterator[ConfigProblem]:
    """What is wrong with a list of rules as drawn, beyond the types of their fields."""
    for index, rule in enumerate(rules if isinstance(rules, list) else []):
        if isinstance(rule, dict):
            yield from check_rule(rule, (*path, index))
