from __future__ import annotations

from core.engine.services import ChatRequest
from core.engine.testing import ManualClock
from core.engine.testing_models import ScriptedModels
from core.llm.limited_models import LimitedModels
from core.store.errors import ConnectError


class OneBySecond:
    """Lets one call a second through; keeps what was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int, float]] = []

    async def draw(self, name: str, number: int, seconds: float) -> float:
        self.asked.append((name, number, seconds))
        return float(len(self.asked) - 1)


class Away:
    async def draw(self, name: str, number: int, seconds: float) -> float:
        raise ConnectError("The database is away.")


LIMITS = {"openai/": (60, 60.0), "openai/gpt-5": (10, 60.0), "*": (5, 1.0)}


async def test_the_longest_beginning_of_a_models_name_says_which_limit_counts() -> None:
    rates = OneBySecond()
    models = LimitedModels(ScriptedModels(), LIMITS, rates, ManualClock(), default="openai/gpt-5-mini")
    for name in ("openai/gpt-4o", "openai/gpt-5", "mistral/large", ""):
        rates.asked.clear()
        await models.embed([], model=name)
        expected = {"openai/gpt-4o": "openai/", "mistral/large": "*"}.get(name, "openai/gpt-5")
        assert rates.asked == [(expected, *LIMITS[expected])]


async def test_what_no_limit_names_is_called_at_once() -> None:
    rates = OneBySecond()
    models = LimitedModels(ScriptedModels(), {"openai/": (1, 1.0)}, rates, ManualClock())
    await models.embed([], model="mistral/large")
    assert rates.asked == []


async def test_a_database_that_is_away_keeps_no_model_from_being_asked() -> None:
    models = LimitedModels(ScriptedModels("Hello"), LIMITS, Away(), ManualClock())
    pieces = [
        piece
        async for piece in models.stream(
            ChatRequest(model="openai/gpt-5", messages=[{"role": "user", "content": "Hi"}])
        )
    ]
    assert pieces
