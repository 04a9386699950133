from __future__ import annotations

import pytest

from core.workflow.edits import set_title
from core.workflow.find import MAX_HITS, find, replace_all, replacements
from core.workflow.model import Workflow
from core.workflow.problems import EditRefused
from tests.support.wired_steps import document


def sample() -> Workflow:
    return document(
        {
            "cat": {
                "type": "ask",
                "title": "The Cat",
                "config": {"prompt": "a cat\n  and another Cat, concatenated\nend"},
            },
            "each": {
                "type": "loop",
                "config": {"rules": [{"value": "cat"}, {"value": 1}]},
                "body": {"in_it": {"type": "ask", "on_error": "default", "default": {"text": "no cat"}}},
            },
        },
        description="About a cat.",
        outputs={"answer": "{{ cat.text }}"},
    )


def test_titles_ids_settings_and_outputs_are_searched_in_document_order() -> None:
    found = [(hit.step, hit.field, hit.text[hit.start : hit.end]) for hit in find(sample(), "cat")]
    prompt = ("config", "prompt")
    assert found == [
        ("", ("description",), "cat"),
        ("cat", ("id",), "cat"),
        ("cat", ("title",), "Cat"),
        ("cat", prompt, "cat"),
        ("cat", prompt, "Cat"),
        ("cat", prompt, "cat"),
        ("each", ("config", "rules", 0, "value"), "cat"),
        ("in_it", ("default", "text"), "cat"),
        ("", ("outputs", "answer"), "cat"),
    ]


def test_case_and_whole_words_can_be_asked_for() -> None:
    assert [hit.field[0] for hit in find(sample(), "Cat", match_case=True)] == ["title", "config"]
    words = find(sample(), "cat", whole_words=True)
    assert [hit.line for hit in words if hit.step == "cat"][2:] == ["a cat", "and another Cat, concatenated"]


def test_the_text_is_taken_literally_and_an_empty_one_stands_nowhere() -> None:
    assert find(sample(), "c.t") == []
    assert find(sample(), "") == []
    assert len(find(sample(), "{{ cat.text }}")) == 1


def test_a_search_ends_where_there_is_no_end_of_hits() -> None:
    assert len(find(Workflow("e" * (MAX_HITS + 5)), "e")) == MAX_HITS


def test_a_replacement_is_shown_before_it_is_made() -> None:
    before = sample()
    preview = replacements(find(before, "cat"), "dog")
    assert [(one.step, one.field, one.after) for one in preview] == [
        ("", ("description",), "About a dog."),
        ("cat", ("title",), "The dog"),
        ("cat", ("config", "prompt"), "a dog\n  and another dog, condogenated\nend"),
        ("each", ("config", "rules", 0, "value"), "dog"),
        ("in_it", ("default", "text"), "no dog"),
        ("", ("outputs", "answer"), "{{ dog.text }}"),
    ]
    after = replace_all(before, preview)
    assert [hit.field for hit in find(after, "cat")] == [("id",)]
    assert len(find(after, "dog")) == 8


def test_single_hits_are_replaced_and_untouched_steps_stay_the_same_objects() -> None:
    before = sample()
    hit = next(hit for hit in find(before, "cat") if hit.step == "in_it")
    after = replace_all(before, replacements([hit], "cow"))
    assert after.steps["cat"] is before.steps["cat"]
    assert after.step("in_it") != before.step("in_it")
    assert replacements(find(before, "cat", match_case=True), "cat") == []


def test_a_text_that_changed_since_the_search_is_not_replaced() -> None:
    preview = replacements(find(sample(), "cat"), "dog")
    with pytest.raises(EditRefused, match=r"cat\.title has changed"):
        replace_all(set_title(sample(), "cat", "Another"), preview)


def test_a_name_is_not_replaced_by_nothing() -> None:
    with pytest.raises(EditRefused, match="name cannot be set"):
        replace_all(sample(), replacements(find(sample(), "N", match_case=True), ""))
