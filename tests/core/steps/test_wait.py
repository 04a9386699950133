"""The wait step waits awake for a short time and suspends the run for a long one."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.engine.errors import ConfigError, Suspend
from core.engine.testing import ManualClock, lone_context, run_lone, settle
from core.steps.wait import WaitStep, parse_time

_STEP = WaitStep()
_START = datetime(2026, 1, 1, 12, tzinfo=UTC)


async def test_a_short_wait_sleeps() -> None:
    clock = ManualClock(_START)
    task = asyncio.create_task(run_lone(_STEP, {"duration": "1m"}, lone_context(clock=clock)))
    await clock.advance(59.5)
    assert not task.done()
    await clock.advance(0.5)
    await settle()
    assert task.done()
    assert (await task).value == {"waited_s": 60.0}


async def test_a_long_wait_suspends_until_its_end() -> None:
    with pytest.raises(Suspend) as caught:
        await run_lone(_STEP, {"duration": "2h"}, lone_context(clock=ManualClock(_START)))
    assert caught.value.until == _START + timedelta(hours=2)
    assert caught.value.question is None


async def test_a_suspended_wait_goes_on_to_the_end_it_had_whatever_the_config_says_now() -> None:
    with pytest.raises(Suspend) as caught:
        await run_lone(_STEP, {"duration": "2h"}, lone_context(clock=ManualClock(_START)))
    state = caught.value.state
    early = lone_context(clock=ManualClock(_START + timedelta(hours=1)), state=state)
    with pytest.raises(Suspend) as again:
        await run_lone(_STEP, {"duration": "2h"}, early)
    assert (again.value.until, again.value.state) == (caught.value.until, state)
    late = lone_context(clock=ManualClock(_START + timedelta(hours=3)), state=state)
    assert (await run_lone(_STEP, {"duration": "2h"}, late)).value == {"waited_s": 10_800.0}


async def test_a_suspended_wait_that_is_woken_early_sleeps_the_rest() -> None:
    clock = ManualClock(_START + timedelta(seconds=3590))
    state = {"since": _START.isoformat(), "until": (_START + timedelta(hours=1)).isoformat()}
    task = asyncio.create_task(run_lone(_STEP, {"duration": "1h"}, lone_context(clock=clock, state=state)))
    await clock.advance(10)
    assert (await task).value == {"waited_s": 3600.0}


async def test_a_wait_until_a_time_in_another_zone_ends_at_that_moment() -> None:
    with pytest.raises(Suspend) as caught:
        await run_lone(_STEP, {"until": "2026-01-02T09:00+01:00"}, lone_context(clock=ManualClock(_START)))
    assert caught.value.until == datetime(2026, 1, 2, 8, tzinfo=UTC)


@pytest.mark.parametrize("config", [{"until": "2025-12-31"}, {"duration": 0}])
async def test_a_time_that_has_passed_means_no_wait(config: dict[str, Any]) -> None:
    assert (await run_lone(_STEP, config)).value == {"waited_s": 0.0}


def test_a_time_without_a_zone_is_utc() -> None:
    assert parse_time("2026-03-01T09:30") == datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


async def test_a_wait_for_nothing_fails_the_step() -> None:
    with pytest.raises(ConfigError, match="how long"):
        await run_lone(_STEP, {})


@pytest.mark.parametrize(
    ("config", "path", "said"),
    [
        ({}, ("duration",), "neither"),
        ({"duration": "1s", "until": "2026-01-01"}, ("duration",), "both"),
        ({"duration": "soon"}, ("duration",), "'soon'"),
        ({"duration": -1}, ("duration",), "at least 0"),
        ({"duration": 1e12}, ("duration",), "ten years"),
        ({"until": "tomorrow"}, ("until",), "'tomorrow' is no time"),
    ],
)
def test_a_bad_config_is_a_problem(config: dict[str, Any], path: tuple[object, ...], said: str) -> None:
    problem = _STEP.check_config(config)[0]
    assert problem.path == path
    assert said in problem.message
