"""Days by the machine's own clock."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from core.engine.clock import midnight


@pytest.fixture
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The machine stands in Berlin."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")  # said in full: not every machine knows all places
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(
    ("noon", "began"),
    [
        (datetime(2026, 11, 27, 11, tzinfo=UTC), datetime(2026, 11, 26, 23, tzinfo=UTC)),
        (datetime(2026, 3, 29, 10, tzinfo=UTC), datetime(2026, 3, 28, 23, tzinfo=UTC)),  # its clocks go forward
        (datetime(2026, 10, 25, 11, tzinfo=UTC), datetime(2026, 10, 24, 22, tzinfo=UTC)),  # and back
        (datetime(2026, 7, 1, 22, 30, tzinfo=UTC), datetime(2026, 7, 1, 22, tzinfo=UTC)),  # here it is tomorrow
    ],
)
@pytest.mark.usefixtures("in_berlin")
def test_a_day_begins_at_midnight_here_whatever_was_done_with_the_clocks_since(noon: datetime, began: datetime) -> None:
    assert midnight(noon) == began
