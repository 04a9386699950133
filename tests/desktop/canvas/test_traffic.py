from __future__ import annotations

from desktop.canvas.traffic import flow_of, sent_words
from desktop.overlay import StepView


def test_a_wire_says_how_many_items_or_passes_went_along_it() -> None:
    assert sent_words(1, "a text", decides=False) == "1 item"
    assert sent_words(1, [1, 2], decides=False) == "2 items"
    assert sent_words(1, [], decides=False) == "0 items"
    assert sent_words(3, [1], decides=False) == "3 passes"
    assert sent_words(2, None, decides=True) == "2 passes"
    assert sent_words(1, None, decides=True) == ""
    assert sent_words(0, None, decides=False) == ""


def test_a_way_that_any_pass_took_is_live_and_one_that_none_took_is_dead() -> None:
    view = StepView(state="done", ports=("false",), sent={"true": 2, "false": 1})
    assert [flow_of(view, port) for port in ("true", "false", "error")] == ["live", "live", "dead"]
    assert flow_of(StepView(state="running", running=1, sent={"true": 2}), "true") == "live"
    assert flow_of(StepView(state="running", running=1), "true") == flow_of(None, "true") == "rest"
    assert flow_of(StepView(state="skipped", ports=("true",)), "true") == "dead"
