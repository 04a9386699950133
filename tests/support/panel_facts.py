"""Doubles of what the panels need from outside: work that is done at once, and facts about a workspace."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from core.engine.errors import StepError
from core.llm.catalogue import ModelInfo

T = TypeVar("T")

MODELS = (
    ModelInfo("openai/gpt-5-mini", context=400_000, parameters=("tools",), price_in=2.5e-7, price_out=2e-6),
    ModelInfo("anthropic/claude-sonnet", context=1_000_000, parameters=(), price_in=3e-6, price_out=1.5e-5),
    ModelInfo("qwen/qwen3:free", context=40_960, price_in=0, price_out=0),
)


class AtOnce:
    """A Background that does its work before it comes back; the coroutines given to it must not wait."""

    def spawn(
        self,
        work: Coroutine[Any, Any, T],
        on_done: Callable[[T], None] | None = None,
        on_error: Callable[[Exception], None] | None = None,
    ) -> None:
        try:
            work.send(None)
        except StopIteration as end:
            if on_done is not None:
                on_done(end.value)
        except Exception as error:
            if on_error is None:
                raise
            on_error(error)
        else:
            work.close()
            raise AssertionError("the coroutine waits for something")

    def in_thread(
        self,
        function: Callable[[], T],
        on_done: Callable[[T], None] | None = None,
        on_error: Callable[[Exception], None] | None = None,
    ) -> None:
        result = function()
        if on_done is not None:
            on_done(result)


class KnownFacts:
    """Facts that a test states. trouble: what listing models fails with."""

    def __init__(self) -> None:
        self.secrets: Sequence[str] = ("crm", "mail key")
        self.workflows: Sequence[str] = ("Daily report", "Support triage")
        self.trouble: StepError | None = None

    async def models(self) -> Sequence[ModelInfo]:
        if self.trouble is not None:
            raise self.trouble
        return MODELS

    async def secret_names(self) -> Sequence[str]:
        return self.secrets

    async def workflow_names(self) -> Sequence[str]:
        return self.workflows

    async def agent_names(self) -> Sequence[str]:
        return ("Concierge", "Researcher")
