"""Answers of a given form: by the server's own means, by a forced function, or by asking; always checked here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from core.agents.functions import FunctionFacts
from core.agents.kit import ModelFacts
from core.steps.parts.answers import UnfitAnswer, instruction, read_answer
from core.store.conversation_records import FunctionCall
from core.workflow.model import Json

FINAL_ANSWER: Final = "final_answer"
"""The function by which a model without structured output answers."""

REPAIRS: Final = 1
"""How often a model is told what does not fit."""


@dataclass(frozen=True, slots=True)
class AnswerForm:
    """How the wanted form is got out of a model. schema: of the answer. wrapped: the function's argument `value`."""

    schema: Mapping[str, Json]
    way: Literal["native", "function", "asked"]

    @property
    def wrapped(self) -> bool:
        """Whether the function takes the answer in an argument `value`, as it is no object."""
        return self.schema.get("type") != "object"

    @property
    def rule(self) -> str:
        """What the system prompt says of it."""
        if self.way == "function":
            return f"When you know the answer, give it by calling {FINAL_ANSWER}, never as text."
        return f"Your last message, the answer itself: {instruction(self.schema)}"

    def facts(self) -> FunctionFacts:
        """The function that takes the answer."""
        parameters: dict[str, Json] = dict(self.schema)
        if self.wrapped:
            parameters = {"type": "object", "properties": {"value": parameters}, "required": ["value"]}
        return FunctionFacts(FINAL_ANSWER, "Gives the final answer.", parameters=parameters)

    def read_call(self, call: FunctionCall) -> Json:
        """The answer in a call of the function. Raises UnfitAnswer."""
        import json

        if call.arguments is None:
            raise UnfitAnswer("The arguments are no JSON object.")
        value: Any = call.arguments.get("value") if self.wrapped else dict(call.arguments)
        return read_answer(json.dumps(value), self.schema)

    def read_text(self, text: str) -> Json:
        """The answer in a text. Raises UnfitAnswer."""
        return read_answer(text, self.schema)


def answer_form(schema: Mapping[str, Json] | None, facts: ModelFacts, effort: str) -> AnswerForm | None:
    """How to get an answer of that form from that model; None for plain text."""
    if schema is None:
        return None
    if facts.structured:
        return AnswerForm(schema, "native")
    # A forced call makes Anthropic's models drop their reasoning without a word.
    drops_reasoning = facts.id.lstrip("~").startswith("anthropic/") and effort not in ("", "none")
    if facts.functions and not drops_reasoning:
        return AnswerForm(schema, "function")
    return AnswerForm(schema, "asked")
