from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.workflow.templates import TemplateSyntax, references
from desktop.panels.positions import from_qt, to_qt
from desktop.panels.template_text import (
    OpenPlace,
    chain_path,
    chains,
    open_mark,
    open_place,
    pieces,
    written,
)

TEXTS = st.text(st.sampled_from(list("ab.[]0\"'|{}%# -\n😀")), max_size=40)


def shown(text: str) -> list[tuple[str, str]]:
    return [(text[one.start : one.end], one.kind) for one in pieces(text)]


def test_the_parts_of_a_mark_are_told_apart() -> None:
    assert shown('Hi {{ a.b | default("x }} y") }}!') == [
        ("{{", "mark"), ("a", "name"), (".", "operator"), ("b", "name"), ("| default", "filter"), ("(", "operator"),
        ('"x }} y"', "string"), (")", "operator"), ("}}", "mark"),
    ]  # fmt: skip


def test_comments_and_statements_are_seen_too() -> None:
    assert shown("{# no {{ x }} #}{% if y %}") == [
        ("{# no {{ x }} #}", "comment"), ("{%", "mark"), ("if", "word"), ("y", "name"), ("%}", "mark"),
    ]  # fmt: skip


def test_a_mark_that_is_not_closed_does_not_swallow_the_next_one() -> None:
    assert shown("{{ a {{ b }}") == [("{{", "mark"), ("a", "name"), ("{{", "mark"), ("b", "name"), ("}}", "mark")]


@given(TEXTS)
def test_pieces_never_overlap_and_never_fail_whatever_is_typed(text: str) -> None:
    at = 0
    for piece in pieces(text):
        assert at <= piece.start < piece.end <= len(text)
        at = piece.end


@given(TEXTS, st.integers(0, 40))
def test_what_is_being_typed_is_found_at_any_cursor(text: str, cursor: int) -> None:
    cursor = min(cursor, len(text))
    place = open_place(text, cursor)
    if place is not None:
        assert text[place.start : cursor] == place.typed


@pytest.mark.parametrize(
    "text",
    [
        "{{ classify.text }}",
        '{{ reply["content type"].x[0] | join(", ") }}',
        "{% for row in read.files %}{{ row.name }}: {{ vars.tone }}{% endfor %}",
        "{{ a if b else c }} {{ d | default(e.f, true) }}",
        "{{ x is defined and input.y > 3 }}",
    ],
)
def test_every_reference_that_the_core_finds_is_found_with_its_place(text: str) -> None:
    try:
        expected = {(one.root, one.path) for one in references(text)}
    except TemplateSyntax:
        pytest.fail("the example should be right")
    assert expected <= {(one.root, one.path) for one in chains(text)}
    for one in chains(text):
        assert chain_path(text[one.start : one.end]) == (one.root, *one.path)


def test_names_inside_texts_and_names_of_arguments_are_no_references() -> None:
    assert [one.root for one in chains('{{ f("a.b", key=c) }}')] == ["f", "c"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("{{", OpenPlace(2, "")),
        ("{{ cl", OpenPlace(3, "cl")),
        ("{{ classify.te", OpenPlace(3, "classify.te")),
        ("{{ a | tr", OpenPlace(7, "tr", is_filter=True)),
        ("{% if inp", OpenPlace(6, "inp")),
        ("{{ 'in a text", None),
        ("{{ 12", None),
        ("{{ a }} after", None),
        ("no mark", None),
        ("{# in a comment", None),
    ],
)
def test_completion_knows_what_is_being_typed(text: str, place: OpenPlace | None) -> None:
    assert open_place(text, len(text)) == place


@pytest.mark.parametrize("path", [("a", "b"), ("a", 0, "b"), ("a", "two words"), ("a", 'quo"te')])
def test_a_path_is_written_so_that_it_is_read_back(path: tuple[str | int, ...]) -> None:
    assert chain_path(written(path)) == path


def test_an_open_mark_goes_on_in_the_next_line() -> None:
    assert open_mark("a {{ b") == "{{"
    assert open_mark("a {% if b") == "{%"
    assert open_mark("a {{ b }} c") == ""


@given(st.text(st.sampled_from("aé😀\n"), max_size=20), st.integers(0, 20))
def test_places_count_emoji_as_qt_does(text: str, at: int) -> None:
    at = min(at, len(text))
    assert to_qt(text, at) == len(text[:at].encode("utf-16-le")) // 2
    assert from_qt(text, to_qt(text, at)) == at
