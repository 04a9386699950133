from __future__ import annotations

import json

from core.engine.errors import Question
from core.engine.events import Usage
from core.steps import discover
from core.workflow.model import Step
from desktop.canvas import geometry
from desktop.canvas.look import look_from_afar, look_of, said
from desktop.canvas.shapes import Shapes
from desktop.canvas.wording import plain, preview, summary, wrapped
from desktop.overlay import StepMark, StepView
from desktop.theme import tokens_file

TYPES = discover(plug_ins=())
CHAT = Step("ask", "chat", "Ask", {"model": "openai/gpt-5-mini", "prompt": "Rate {{ input.ticket }}\nfrom 1 to 5."})


def look(step: Step, view: StepView | None = None):  # type: ignore[no-untyped-def]  # a Look
    kind = TYPES.get(step.type)
    return look_of(step, kind, Shapes().of(step, kind), view, frozenset())


def test_sizes_are_those_of_the_design_tokens() -> None:
    node = json.loads(tokens_file().read_text(encoding="utf-8"))["node"]
    assert (
        node["width"], node["header"], node["row"], node["pad"],
    ) == (geometry.WIDTH, geometry.HEADER, geometry.ROW, geometry.PAD)  # fmt: skip
    assert (
        node["port.radius"], node["grid"], node["grid.dot"],
    ) == (geometry.PORT_RADIUS, geometry.GRID, geometry.DOTS)  # fmt: skip


def test_a_chat_step_shows_its_model_and_the_start_of_its_prompt() -> None:
    face = look(CHAT)
    assert face.summary == "openai/gpt-5-mini"
    assert face.lines == ("Rate input.ticket", "from 1 to 5.")


def test_a_condition_shows_its_comparison() -> None:
    step = Step("c", "condition", config={"value": "{{ a.n }}", "operator": "greater_than", "operand": "3"})
    assert summary(step, TYPES.get("condition")) == "a.n is greater than 3"


def test_a_step_of_a_type_that_is_not_installed_says_so() -> None:
    assert summary(Step("x", "vendor_thing"), None) == "“vendor_thing” is not installed"


def test_a_long_text_is_cut_with_an_ellipsis_and_never_takes_more_lines_than_allowed() -> None:
    lines = wrapped("word " * 200, characters=20, lines=3)
    assert len(lines) == 3
    assert lines[-1].endswith("…")
    assert all(len(line) <= 20 for line in lines)
    assert preview(Step("a", "chat", config={"prompt": ""}), TYPES.get("chat"), characters=20) == ()


def test_values_are_shown_on_one_short_line() -> None:
    assert plain({"a": "{{ x.y }}", "b": [1, True]}) == "a = x.y, b = 1, true"
    assert plain("two\nlines") == "two lines"
    assert plain(None) == ""


def test_a_run_never_changes_the_size_of_a_step() -> None:
    kind = TYPES.get("chat")
    shape = Shapes().of(CHAT, kind)
    for state in ("running", "failed", "done"):
        view = StepView(state=state, text="streamed " * 90, error="It failed.", output={"text": "result " * 90})
        assert len(look_of(CHAT, kind, shape, view, frozenset()).lines) <= shape.previews


def test_after_a_run_the_chip_says_time_tokens_and_cost() -> None:
    view = StepView(state="done", seconds=1.84, usage=Usage(1_000, 204, 0.004))
    assert look(CHAT, view).chip == "1.8 s · 1,204 tok · $0.004"
    assert look(CHAT, StepView(state="done", seconds=1.0, attempt=3, cause="retry")).chip == "1 s · try 3"
    assert look(CHAT, StepView(state="done", seconds=1.0, attempt=2, cause="answered")).chip == "1 s"
    assert look(CHAT).chip == ""


def test_a_failed_step_shows_the_first_lines_of_its_error() -> None:
    face = look(CHAT, StepView(state="failed", error="Rate limit reached."))
    assert face.lines == ("Rate limit reached.",)
    assert face.line_kind == "error"
    short = Step("f", "read_file", config={"path": "a.txt"})
    assert look(short, StepView(state="failed", error="No such file.")).summary == "No such file."


def test_a_step_that_asks_shows_the_question_and_that_it_needs_someone() -> None:
    face = look(CHAT, StepView(state="waiting", question=Question("Shall it go out?")))
    assert face.lines == ("Shall it go out?",)
    assert face.chip == "Needs you"
    assert look(CHAT, StepView(state="waiting")).chip == "Waiting"


def test_a_running_step_shows_the_end_of_what_was_streamed() -> None:
    face = look(CHAT, StepView(state="running", text="\n".join(f"line {i}" for i in range(40))))
    assert face.lines[-1] == "line 39"


def test_equal_looks_are_equal_and_any_difference_makes_them_unequal() -> None:
    shapes, kind = Shapes(), TYPES.get("chat")
    shape = shapes.of(CHAT, kind)
    one, other = (look_of(CHAT, kind, shape, None, frozenset()) for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)
    assert one != look_of(CHAT, kind, shape, StepView(state="running"), frozenset())
    assert one != look_of(CHAT, kind, shape, None, frozenset({("in", "")}))


def test_from_afar_steps_of_one_kind_share_their_look() -> None:
    shapes, kind = Shapes(), TYPES.get("chat")
    looks = {
        look_from_afar(Step(f"s{i}", "chat", f"Summary {i}"), kind, shapes.of(CHAT, kind), "idle") for i in range(9)
    }
    assert len(looks) == 1


def test_durations_are_said_shortly() -> None:
    assert [said(s) for s in (0.04, 2.0, 2.5, 12.4, 60.0, 200.0, 7_200.0, 22_635.0)] == [
        "40 ms", "2 s", "2.5 s", "12 s", "1 min", "3 min 20 s", "2 h", "6 h 17 min",
    ]  # fmt: skip


def test_a_result_that_was_not_made_anew_says_so_instead_of_time_and_cost() -> None:
    assert look(CHAT, StepView(state="done", cause="reused")).chip == "Reused"
    assert look(CHAT, StepView(state="done", cause="edited")).chip == "Edited"


def test_pinned_and_stale_results_are_marked_on_the_step() -> None:
    kind, view = TYPES.get("chat"), StepView(state="done", seconds=2.0)
    shape = Shapes().of(CHAT, kind)
    pinned = look_of(CHAT, kind, shape, None, frozenset(), StepMark(pinned=True))
    assert (pinned.chip, pinned.chip_kind) == ("Pinned", "pinned")
    stale = look_of(CHAT, kind, shape, view, frozenset(), StepMark(stale="Its settings have changed."))
    assert (stale.chip, stale.chip_kind) == ("Stale · 2 s", "stale")
    running = look_of(CHAT, kind, shape, StepView(state="running"), frozenset(), StepMark(stale="Old."))
    assert running.chip_kind == "facts"


def test_a_loop_shows_how_many_passes_are_done_and_how_many_failed() -> None:
    step = Step("l", "for_each", config={"items": "{{ a.b }}"}, body={"x": CHAT})
    view = StepView(state="running", running=1, passes=3, passes_failed=1, inputs={"items": [1, 2, 3, 4, 5]})
    assert look(step, view).summary == "3 of 5 done · 1 failed"
    waiting = StepView(state="waiting", inputs={"items": [1, 2, 3, 4, 5]})
    assert look(step, waiting).summary == "0 of 5 done"
