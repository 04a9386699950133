"""Events folded into records."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from core.engine.events import ErrorInfo, StepCompleted, StepStarted, Usage
from core.engine.fold import fold_step, fold_whole

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
LATER = datetime(2026, 3, 1, 10, tzinfo=UTC)


@given(
    st.text(),
    st.dictionaries(st.text(), st.integers()),
    st.builds(Usage, st.integers(0, 9), st.integers(0, 9), st.floats(0, 1)),
    st.none() | st.just(ErrorInfo("timeout", "too slow")),
)
def test_an_attempts_only_two_events_make_the_same_record_at_once_and_one_by_one(
    title: str, value: dict[str, int], usage: Usage, handled: ErrorInfo | None
) -> None:
    start = StepStarted("r", NOW, "a[2]/b", "b", 3, "chat", title, "retry", "abc", dict(value))
    end = StepCompleted(
        "r", LATER, "a[2]/b", "b", 3, {"x": dict(value)}, ("out",), dict(value), {"to": "x"}, usage, 1.5, handled
    )
    assert fold_whole(start, end) == fold_step(fold_step(None, start), end)
