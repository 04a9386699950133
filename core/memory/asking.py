"""Asking a model for JSON of a given form, with one chance to mend it, as learning and deciding do."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

from core.engine.errors import StepError
from core.engine.events import NO_USAGE, Usage
from core.engine.services import ChatAnswer, ChatRequest, Message, Models
from core.workflow.model import Json

_LONGEST_ANSWER = 4000
"""Output tokens."""


async def ask_json(
    models: Models, model: str, system: str, prompt: str, schema: Mapping[str, Json], *, name: str
) -> tuple[Any, Usage]:
    """The JSON of the answer, checked, and what it cost. Raises StepError, also for an answer that does not fit."""
    from core.steps.parts.answers import UnfitAnswer, instruction, read_answer

    messages: list[Message] = [
        {"role": "system", "content": f"{system}\n\n{instruction(schema)}"},
        {"role": "user", "content": prompt},
    ]
    spent = NO_USAGE
    for chance in range(2):
        request = ChatRequest(
            messages, model=model, temperature=0, max_tokens=_LONGEST_ANSWER, schema=schema, schema_name=name
        )
        answer = await _answer(models, request)
        spent += answer.usage
        try:
            return read_answer(answer.text, schema), spent
        except UnfitAnswer as error:
            if chance:
                raise StepError(
                    f"{answer.model} gave no fitting JSON, also when asked again. {error}", kind="validation"
                ) from None
            messages += [answer.message, {"role": "user", "content": f"{error} Reply with the corrected JSON alone."}]
    raise AssertionError


async def _answer(models: Models, request: ChatRequest) -> ChatAnswer:
    answer: ChatAnswer | None = None
    stream: Any = models.stream(request)
    async with aclosing(stream):
        async for piece in stream:
            if isinstance(piece, ChatAnswer):
                answer = piece
    if answer is None:
        raise StepError("The model's answer ended before it was whole.", kind="server", retryable=True)
    if answer.refusal:
        raise StepError(f"{answer.model} refused to answer: {answer.refusal[:300]}", kind="refused")
    return answer
