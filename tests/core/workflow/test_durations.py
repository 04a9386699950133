from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.workflow.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("60s", 60),
        ("2m", 120),
        ("3h", 10800),
        ("1d", 86400),
        ("1.5 h", 5400),
        ("7", 7),
        (7, 7),
        (0.25, 0.25),
    ],
)
def test_durations_are_read(text: object, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "wrong", ["", "soon", "5 weeks", "1m30s", True, None, [1], "1e999s", 10**400, float("nan"), "\u0661s"]
)
def test_what_is_no_duration_is_refused_with_examples(wrong: object) -> None:
    with pytest.raises(ValueError, match="such as 90s or 2m"):
        parse_duration(wrong)


def test_a_number_too_long_to_spell_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="that number is too large"):
        parse_duration(10**5000)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (0.5, "500ms"), (1, "1s"), (1.5, "1.5s"), (60, "60s"), (90, "90s"), (120, "2m"), (3600, "1h"),
     (5400, "90m"), (86400, "1d"), (90000, "25h"), (-5, "-5s")],
)  # fmt: skip
def test_durations_are_written_in_the_usual_unit(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
@settings(max_examples=300, deadline=None)
def test_every_duration_is_read_back_exactly(seconds: float) -> None:
    assert parse_duration(format_duration(seconds)) == seconds


@given(st.integers(0, 10**8).map(lambda number: number / 1000))
@settings(max_examples=200, deadline=None)
def test_thousandths_are_read_back_exactly(seconds: float) -> None:
    assert parse_duration(format_duration(seconds)) == seconds
