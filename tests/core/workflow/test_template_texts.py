from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.workflow.model import Json
from core.workflow.template_texts import has_marks, object_with_texts, references_in, texts_in
from core.workflow.templates import Reference, TemplateSyntax, references

values = ["{{ a }}", "{{a.b[0].c}}", "{{ input.x }}", "{{ true }}", "{{ range }}", "{{ a | upper }}", "{{ a-b }}"]
others = ["{{- a -}}", "{{ a['b'] }}", "{% set a = 1 %}", "{% raw %}", "{% if a %}", "{% endif %}", " ", "text", "\n"]
marks = ["{", "{{", "}}", "}", "{%", "%}", "{#", "#}"]
pieces = st.lists(st.sampled_from([*values, *others, *marks]), max_size=6).map("".join)


@given(pieces)
@settings(max_examples=200, deadline=None)
@example("{{{ a }}")
@example("{{ a }}}")
@example("{ {{ a }}{ b }}")
@example("{# {{ a }} #}")
def test_reading_plain_paths_gives_what_parsing_gives(text: str) -> None:
    try:
        expected = references(text)
    except TemplateSyntax:
        with pytest.raises(TemplateSyntax):
            references_in(text)
    else:
        assert references_in(text) == expected


def test_indexes_are_numbers_and_keys_are_text() -> None:
    assert references_in("{{ a.b[10].c }}") == {Reference("a", ("b", 10, "c"))}


def test_texts_are_found_and_changed_by_path() -> None:
    value: dict[str, Json] = {"a": "x", "b": ["y", {"c": "z", "n": 1}]}
    assert dict(texts_in(value)) == {("a",): "x", ("b", 0): "y", ("b", 1, "c"): "z"}
    assert object_with_texts(value, lambda path, text: f"{text}{len(path)}") == {
        "a": "x1",
        "b": ["y2", {"c": "z3", "n": 1}],
    }


def test_marks_are_those_of_values_statements_and_comments() -> None:
    assert [has_marks(text) for text in ("{{ a", "{% if", "{# c", "{ a }", "")] == [True, True, True, False, False]
