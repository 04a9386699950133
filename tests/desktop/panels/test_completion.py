from __future__ import annotations

import pytest

from core.engine.step_type import StepTypes
from core.workflow.model import Json, Step, Workflow
from desktop.overlay import RunOverlay, StepView
from desktop.panels.completion import Place, TemplateNames
from desktop.panels.last_run import LastRun, preview
from desktop.panels.template_text import OpenPlace

WORKFLOW = Workflow(
    "Triage",
    inputs={"ticket": {"type": "string", "description": "What was written."}},
    variables={"tone": {"type": "string", "default": "friendly"}},
    steps={
        "basics": Step("basics", "set", config={"values": {"total": 3}}, then={"out": ("classify",)}),
        "classify": Step("classify", "chat", config={"prompt": "Hi"}, then={"out": ("each",)}),
        "each": Step(
            "each",
            "for_each",
            config={"items": "{{ classify.json }}"},
            body={"inside": Step("inside", "chat", config={"prompt": "{{ item }}"})},
            then={"out": ("reply",)},
        ),
        "reply": Step("reply", "chat", config={"prompt": "Hi"}),
        "aside": Step("aside", "chat", config={"prompt": "Hi"}),
        "remark": Step("remark", "note"),
    },
)


def last_run() -> LastRun:
    overlay = RunOverlay()
    output: dict[str, Json] = {"text": "4", "json": {"urgent": True, "two words": 1}, "list": [{"a": 1}]}
    overlay.by_id["classify"] = StepView(state="done", output=output)
    overlay.by_id["each"] = StepView(state="skipped")
    return LastRun(overlay, inputs={"ticket": "It is down"}, facts={"id": "r1"})


@pytest.fixture
def names(types: StepTypes) -> TemplateNames:
    return TemplateNames(WORKFLOW, types, last_run(), ("crm",))


def texts(names: TemplateNames, step: str | None, typed: str, **place: bool) -> list[str]:
    return [one.text for one in names.suggestions(Place(step, **place), OpenPlace(0, typed))]


def test_only_what_can_have_run_before_is_offered_the_nearest_step_first(names: TemplateNames) -> None:
    offered = texts(names, "reply", "")
    assert offered.index("each.results") < offered.index("classify.text") < offered.index("input.ticket")
    assert "basics.total" in offered
    assert not [one for one in offered if one.startswith(("aside", "reply", "inside", "remark"))]


def test_the_main_output_of_a_step_comes_first(names: TemplateNames) -> None:
    assert texts(names, "reply", "classify")[0] == "classify.text"


def test_inside_a_loop_its_names_are_offered(names: TemplateNames) -> None:
    offered = texts(names, "inside", "")
    assert {"item", "index", "classify.text"} <= set(offered)
    assert "each.results" not in offered


def test_a_field_that_reads_the_inside_of_its_loop_is_offered_the_steps_there(names: TemplateNames) -> None:
    assert "inside.text" in texts(names, "each", "", inside=True)
    assert "inside.text" not in texts(names, "each", "")


def test_secrets_are_offered_only_where_they_may_be_read(names: TemplateNames) -> None:
    assert "secrets.crm" in texts(names, "reply", "", secrets=True)
    assert not [one for one in texts(names, "reply", "") if one.startswith("secrets")]


def test_what_is_typed_narrows_the_offer_and_the_beginning_counts_more(names: TemplateNames) -> None:
    assert texts(names, "reply", "tick") == ["input.ticket"]
    assert texts(names, "reply", "classify.te")[0] == "classify.text"
    assert texts(names, "reply", "nothing like it") == []


def test_values_of_the_last_run_are_shown_with_their_types(names: TemplateNames) -> None:
    by_text = {one.text: one for one in names.suggestions(Place("reply"), OpenPlace(0, ""))}
    assert (by_text["classify.text"].type, by_text["classify.text"].value) == ("text", "4")
    assert by_text["classify.list"].type == "list of 1"
    assert by_text["input.ticket"].value == "It is down"
    assert by_text["vars.tone"].value == "friendly"


def test_the_inside_of_a_last_value_is_offered_below_its_name(names: TemplateNames) -> None:
    assert texts(names, "reply", "classify.json.") == ["classify.json.urgent", 'classify.json["two words"]']
    assert texts(names, "reply", "classify.list.") == ["classify.list[0]"]
    assert texts(names, "reply", "classify.list[0].") == ["classify.list[0].a"]


def test_filters_are_offered_behind_a_bar(names: TemplateNames) -> None:
    offered = names.suggestions(Place("reply"), OpenPlace(0, "tri", is_filter=True))
    assert offered[0].text == "trim"
    assert offered[0].help


def test_a_misspelt_name_is_a_flaw_with_the_nearest_right_one(names: TemplateNames) -> None:
    (flaw,) = names.flaws(Place("reply"), "Urgency: {{ clasify.text | trim }}")
    assert (flaw.start, flaw.end) == (12, 24)
    assert flaw.replacement == "classify.text"


def test_a_misspelt_input_keeps_what_follows_it(names: TemplateNames) -> None:
    (flaw,) = names.flaws(Place("reply"), "{{ input.tiket.title }}")
    assert flaw.replacement == "input.ticket.title"


def test_a_step_that_is_not_wired_can_be_wired_unless_that_closes_a_circle(names: TemplateNames) -> None:
    (flaw,) = names.flaws(Place("reply"), "{{ aside.text }}")
    assert (flaw.source, flaw.replacement) == ("aside", "")
    (circle,) = names.flaws(Place("classify"), "{{ reply.text }}")
    assert circle.source == ""


def test_names_that_the_template_makes_itself_are_no_flaws(names: TemplateNames) -> None:
    assert names.flaws(Place("reply"), "{% for row in classify.list %}{{ row.a }}{% endfor %}") == []


def test_a_template_that_cannot_be_parsed_has_no_references_to_judge(names: TemplateNames) -> None:
    assert names.flaws(Place("reply"), "{{ nobody. }}") == []


def test_outputs_of_the_workflow_read_every_step_of_the_top_level(names: TemplateNames) -> None:
    assert "aside.text" in texts(names, None, "")
    assert names.flaws(Place(None), "{{ aside.text }}") == []


def test_a_preview_is_the_template_filled_in_with_the_last_values() -> None:
    run = last_run()
    names = run.names(WORKFLOW, ["classify", "input"])
    filled = preview("{{ classify.json.urgent }} {{ input.ticket }}", names)
    assert filled is not None
    assert filled.text == "true It is down"


def test_a_preview_says_why_there_is_no_value() -> None:
    skipped = preview("{{ each.results }}", last_run().names(WORKFLOW, ["each"]))
    assert skipped is not None
    assert "was skipped" in skipped.problem


def test_what_no_run_tells_has_no_preview() -> None:
    run = last_run()
    assert preview("{{ item }}", run.names(WORKFLOW, ["item"])) is None
    assert preview("{{ secrets.crm }}", run.names(WORKFLOW, ["secrets"])) is None
    assert preview("plain text", {}) is None


def test_a_long_value_is_cut_in_the_preview() -> None:
    overlay = RunOverlay()
    overlay.by_id["classify"] = StepView(state="done", output={"text": "x" * 100_000, "list": list(range(100_000))})
    names = LastRun(overlay).names(WORKFLOW, ["classify"])
    for template in ("{{ classify.text }}", "{{ classify.list }}"):
        filled = preview(template, names)
        assert filled is not None
        assert 1_000 < len(filled.text) <= 2_000
