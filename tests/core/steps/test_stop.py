"""The stop step ends the run."""

from __future__ import annotations

import pytest

from core.engine.errors import EndRun
from core.engine.testing import run_lone
from core.steps.stop import StopStep

_STEP = StopStep()


async def test_a_run_ends_as_completed_with_the_stated_outputs() -> None:
    with pytest.raises(EndRun) as caught:
        await run_lone(_STEP, {"outputs": {"answer": 42}})
    assert caught.value.status == "completed"
    assert caught.value.outputs == {"answer": 42}


async def test_a_run_ends_as_failed_with_the_message() -> None:
    with pytest.raises(EndRun) as caught:
        await run_lone(_STEP, {"status": "failed", "message": "No files."})
    assert caught.value.status == "failed"
    assert caught.value.message == "No files."


def test_nothing_comes_after_it() -> None:
    assert list(_STEP.ports({})) == []


def test_an_unknown_status_is_a_problem() -> None:
    (problem,) = _STEP.check_config({"status": "paused"})
    assert problem.path == ("status",)
