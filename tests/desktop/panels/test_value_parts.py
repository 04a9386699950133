"""What is read off a value: pages, tables, files, paths; quick for values of any size."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.engine.templates import evaluate
from core.workflow.model import Json
from desktop.panels.value_parts import (
    TEXT_PAGE,
    files_of,
    has_long_words,
    is_quick,
    main_text,
    pages,
    part,
    path_text,
    search,
    table_of,
    template,
    text_of,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=20,
)


@given(st.text(max_size=400), st.integers(1, 50))
def test_pages_together_are_the_text_and_none_is_too_long(text: str, size: int) -> None:
    cut = pages(text, size)

    assert "".join(cut) == text
    assert all(len(page) <= size for page in cut)


def test_pages_end_at_a_line_where_they_can() -> None:
    assert pages("aaaa\nbbbb\ncccc", 10) == ["aaaa\nbbbb\n", "cccc"]
    assert pages("abcdefgh", 3) == ["abc", "def", "gh"]


@given(JSON)
def test_every_place_that_a_search_finds_is_there_and_named_so_that_a_template_gives_it(value: Any) -> None:
    for keys in search({"all": value}, ""):
        found = part({"all": value}, keys)
        if keys and not any(key == "" for key in keys):
            assert evaluate(template("step", keys), {"step": {"all": value}}) == found


def test_paths_are_written_as_templates_read_them() -> None:
    assert path_text("classify", ("items", 0, "full name")) == 'classify.items[0]["full name"]'
    assert path_text("", ("messages", 1)) == "messages[1]"
    assert template("reply", ("text",)) == "{{ reply.text }}"
    assert template("", ("messages",)) == "messages"


def test_a_search_ignores_case_and_looks_into_keys_and_values() -> None:
    value: Json = {"Name": "Ann", "list": [{"city": "Bonn"}, "ANNA"], "n": 12}

    assert search(value, "ann") == [("Name",), ("list", 1)]
    assert search(value, "city") == [("list", 0, "city")]
    assert search(value, "12") == [("n",)]


@pytest.mark.parametrize(
    ("value", "main"),
    [
        ("text", ((), "text")),
        ({"text": "short"}, (("text",), "short")),
        ({"text": "x" * 80, "model": "demo"}, (("text",), "x" * 80)),
        ({"text": "short", "model": "demo"}, None),
        ({"n": 1}, None),
        ([1], None),
    ],
)
def test_the_text_that_matters_is_found(value: Any, main: object) -> None:
    assert main_text(value) == main


def test_a_list_of_objects_is_a_table_also_inside_an_object() -> None:
    rows: Any = [{"a": 1}, {"b": 2, "a": 3}]
    table, inside = table_of(rows), table_of({"items": rows, "count": 2})
    assert table is not None
    assert inside is not None

    assert (table.at, list(table.columns), table.rows) == ((), ["a", "b"], rows)
    assert inside.at == ("items",)
    assert table_of({"one": rows, "two": rows}) is None
    assert table_of([1, {"a": 1}]) is None
    assert table_of([]) is None


def test_files_are_found_wherever_they_are_each_once() -> None:
    one: Json = {"blob": "h1", "media_type": "image/png", "size": 3, "name": "a.png"}
    two: Json = {"blob": "h2", "media_type": "text/plain", "size": 4, "name": ""}

    assert [file.hash for file in files_of({"images": [one, one], "deep": {"x": [two]}})] == ["h1", "h2"]
    assert files_of({"blob": 3, "media_type": "image/png"}) == []


def test_huge_values_are_told_from_small_ones_without_reading_them_whole() -> None:
    huge: Any = {"items": [{"text": "word " * 20} for _ in range(200_000)]}
    values: list[Any] = [{"a": [1, 2]}, huge, "x" * 1_000_000, list(range(1_000_000))]
    began = perf_counter()
    answers = [is_quick(value) for value in values]

    assert answers == [True, False, False, False]
    assert perf_counter() - began < 0.05


def test_words_that_are_slow_to_break_are_noticed() -> None:
    assert has_long_words("a " + "x" * 1_500)
    assert not has_long_words("word " * 5_000)
    assert TEXT_PAGE <= 200_000


def test_texts_are_shown_as_they_are_and_the_rest_as_json() -> None:
    assert text_of("a\nb") == "a\nb"
    assert text_of({"ä": [1]}) == '{\n  "ä": [\n    1\n  ]\n}'
