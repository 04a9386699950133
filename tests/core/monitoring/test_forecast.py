"""What the next run will cost: past tokens, today's prices, today's models."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.llm.catalogue import ModelInfo
from core.monitoring.forecast import Forecast, forecast, forecast_words, models_today, short_words
from core.store.spending import Asked, PastRun
from core.workflow.model import Limits, Step, Workflow
from tests.support.engine_rig import step, workflow

TRIAGE = Workflow("Triage")
CHEAP, DEAR = (
    ModelInfo(name, price_in=rate / 1e6, price_out=rate / 1e6) for name, rate in (("m/cheap", 1.0), ("m/dear", 10.0))
)
PRICES = {"m/cheap": CHEAP, "m/dear": DEAR}


def ran(*asked: Asked, billed: float = 0.5, seconds: float = 2.0) -> PastRun:
    return PastRun(billed, seconds, asked)


def test_the_tokens_of_past_runs_are_taken_at_todays_prices() -> None:
    past = [
        ran(Asked("a", "m/cheap", 900_000, 100_000, 0.1), Asked("b", "m/dear", 100_000, 0, 0.2), seconds=4),
        ran(Asked("a", "m/cheap", 500_000, 500_000, 0.1), billed=0.25),
        ran(Asked("a", "m/cheap", 3_000_000, 0, 0.1), billed=0.75),
    ]
    known = forecast(past, {}, PRICES)
    assert known is not None
    assert (known.runs, known.billed_usd, known.usual_s) == (3, 0.5, 2.0)
    assert known.usual_usd == pytest.approx(2.0)
    assert known.most_usd == pytest.approx(3.0)
    assert forecast([], {}, PRICES) is None


def test_a_step_that_asks_another_model_today_is_reckoned_with_that_one() -> None:
    past = [ran(Asked("a", "m/dear", 1_000_000, 0, 9.0))]
    known = forecast(past, {"a": "m/cheap"}, PRICES)
    assert known is not None
    assert known.usual_usd == pytest.approx(1.0)


def test_what_has_no_price_or_no_tokens_is_taken_as_it_was_billed() -> None:
    past = [ran(Asked("a", "local/one", 500, 5, 0.25), Asked("picture", "", 0, 0, 0.04))]
    known = forecast(past, {}, PRICES)
    assert known is not None
    assert known.usual_usd == pytest.approx(0.29)
    assert known.unpriced == ("local/one",)


async def test_todays_model_of_a_step_is_that_of_the_document_its_agent_or_the_default() -> None:
    document = workflow(
        step("named", "chat", config={"model": "m/one"}), step("usual", "chat", config={}),
        step("free", "chat", config={"model": "{{ vars.m }}"}), step("agent", "agent", config={"agent": "Ada"}),
        step("plain", "agent", config={"agent": "Bob"}), step("loop", "for_each", body=[Step("in", "chat")]),
    )  # fmt: skip

    async def agent_model(name: str) -> str:
        return {"Ada": "m/ada"}.get(name, "")

    assert await models_today(document, default="m/usual", agent_model=agent_model) == {
        "named": "m/one", "usual": "m/usual", "agent": "m/ada", "plain": "m/usual", "in": "m/usual",
    }  # fmt: skip


def test_the_words_say_what_the_estimate_is_made_of() -> None:
    known = Forecast(12, 0.0021, 0.009, 0.0021, 12.4)
    assert forecast_words(TRIAGE, known) == (
        "A run costs about $0.0021, at most $0.0090, and takes about 12.4 s: the tokens of the last 12 runs at today's "
        "prices."
    )
    assert short_words(known) == "≈ $0.0021 a run"
    once = Forecast(1, 2.5, 2.5, 5.0, 600, ("local/one",))
    assert forecast_words(TRIAGE, once) == (
        "A run costs about $2.50, and takes about 10 min: the tokens of the last run at today's prices. When it "
        "ran, $5.00 was billed. Of local/one no price is known; its bills of then are taken."
    )
    limited = replace(TRIAGE, limits=Limits(usd_per_run=2))
    assert forecast_words(limited, once).endswith("It will stop at its limit of $2.00 and ask you.")
    assert "limit" not in forecast_words(replace(limited, limits=Limits(3.0)), once)


def test_without_past_runs_the_words_tell_the_prices_of_the_models() -> None:
    nothing = "No completed run of “Triage” with a real model is kept, so nothing is known of its cost."
    assert forecast_words(TRIAGE, None) == nothing
    unknown = ModelInfo("m/unknown")
    assert forecast_words(TRIAGE, None, [CHEAP, unknown]) == (
        f"{nothing} Its models cost, for a million tokens: m/cheap $1.00 in and $1.00 out."
    )
    assert short_words(None) == ""


def test_runs_that_cost_nothing_are_said_to() -> None:
    free = Forecast(3, 0.0, 0.0, 0.0, 1.0)
    assert forecast_words(TRIAGE, free) == "A run costs nothing, going by the last 3 runs."
    assert short_words(free) == ""
