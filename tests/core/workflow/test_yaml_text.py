from __future__ import annotations

import json
import os
from typing import Any

import pytest
import yaml
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from core.workflow.model import Json
from core.workflow.problems import DocumentError
from core.workflow.yaml_quick import Doubtful, data_of
from core.workflow.yaml_reader import _CONTROL, read_carefully
from core.workflow.yaml_text import emit, parse, read
from tests.support.documents import json_values, texts


def exactly(value: Json) -> str:
    """A spelling that tells 1 from 1.0 and from true."""
    return json.dumps(value)


@given(json_values)
@settings(max_examples=200, deadline=None)
@example({"x" * 2000: {"y" * 2000: ["z" * 2000, {"w" * 1500: 1}]}})
@example(["\n a", "a\n ", "\n\n", " ", "a\n\n\n", "\ta\nb", "a\n\tb", "#a\n---\n...", "a\n  \n", "\n\ta"])
@example([[["a\nb"]], {"k": {"": ["a\nb"]}}, [{}, []], -0.0, 1e16, 5e-324, 10**998])
def test_every_json_value_is_read_back_as_it_was(value: Json) -> None:
    text = emit(value)
    assert exactly(parse(text)) == exactly(value)
    assert emit(parse(text)) == text


@given(json_values)
@settings(max_examples=150, deadline=None)
def test_every_json_value_is_read_back_in_block_style(value: Json) -> None:
    assert exactly(parse(emit(value, lambda path: True))) == exactly(value)


@given(texts)
@settings(max_examples=200, deadline=None)
def test_other_programs_read_the_same_texts(text: str) -> None:
    assert yaml.safe_load(emit([text, {"key": text}])) == [text, {"key": text}]


@given(st.binary(max_size=60) | st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_whatever_a_text_holds_only_the_document_error_is_raised(text: str | bytes) -> None:
    try:
        value = parse(text)
    except DocumentError:
        assert read(text).problems
    else:
        assert exactly(parse(emit(value))) == exactly(value)


yaml_like = st.lists(
    st.sampled_from(
        ["#", "a", "b", ": ", ":\n", "\n", "  ", "- ", "? ", "[", "]", "{", "}", ", ", "&x ", "*x", "!t ", "'", '"',
         "|\n", ">-\n", "---\n", "...\n", "%YAML 1.1\n", "<<", "\\ud83d", "\\0", "1e999", "~", "true", "\t"]
    ),
    max_size=25,
).map("".join)  # fmt: skip


@given(yaml_like)
@settings(max_examples=200, deadline=None)
def test_random_yaml_gives_data_or_the_document_error(text: str) -> None:
    reading = read(text)
    if not reading.problems:
        assert exactly(parse(emit(reading.data))) == exactly(reading.data)
    assert all(problem.line is None or problem.line >= 1 for problem in reading.problems)


words = st.lists(
    st.sampled_from(
        ["a: ", "b: ", "true: ", "'true': ", "7: ", "~: ", "- ", "[", "]", "{", "}", ", ", "\n", "\n  ", "x", "'x'",
         '"\\0"', '"\\ud800"', "on", "False", "null", "012", "-1.5", "1e999", ".inf", "0x1F", "|\n  t\n", "&a ", "*a",
         "!t ", "---\n"]
    ),
    max_size=20,
).map("".join)  # fmt: skip


@given(yaml_like | words | st.text(max_size=40) | json_values.map(emit))
@settings(max_examples=600, deadline=None)
@example("[" * 64 + "]" * 64)
@example("[" * 65 + "]" * 65)
@example("a: " + "9" * 1000)
@example("? [a]\n: b")
@example("--- a\n...\n")
@example("%YAML 1.1\n---\na: b")
def test_the_quick_way_gives_what_the_careful_one_gives_or_nothing(text: str) -> None:
    assume(not _CONTROL.search(text))
    careful = read_carefully(text)
    try:
        data = data_of(text)
    except Doubtful:
        return
    assert careful.problems == ()
    assert exactly(data) == exactly(careful.data)


@given(json_values)
@settings(max_examples=150, deadline=None)
def test_what_was_written_by_this_program_is_read_the_quick_way(value: Json) -> None:
    assert exactly(data_of(emit(value))) == exactly(value)


@pytest.mark.parametrize("text", ["... a", "--- a", "...", "---", "...x", "a ..."])
def test_text_that_looks_like_the_end_of_a_document_survives(text: str) -> None:
    assert parse(emit(text)) == text
    assert parse(emit({"k": [text, {text: text}]})) == {"k": [text, {text: text}]}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[on, yes, no, off, y]", ["on", "yes", "no", "off", "y"]),
        ("[true, True, FALSE, null, ~]", [True, True, False, None, None]),
        ("[2024-01-01, 12:30, 1_000]", ["2024-01-01", "12:30", "1_000"]),
        ("[1, -2, 0o10, 0x1F, 010]", [1, -2, 8, 31, 10]),
        ("[1.0, .5, 1e3, -2.5E-1]", [1.0, 0.5, 1000.0, -0.25]),
        ("{true: a, False: b, 3: c, 007: d}", {"true": "a", "false": "b", "3": "c", "007": "d"}),
        ("<<: a", {"<<": "a"}),
        ("", None),
        ("# nothing\n", None),
        ("a: 'it''s'\nb: \"\\u00e9\"\nc: |\n  x\n  y\n", {"a": "it's", "b": "é", "c": "x\ny\n"}),
        (b"\xef\xbb\xbfa: 1", {"a": 1}),
    ],
)
def test_scalars_mean_what_yaml_1_2_says(text: str | bytes, value: Json) -> None:
    assert exactly(parse(text)) == exactly(value)


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("a: 1\nb: 2\na: 3", "duplicate_key", 3),
        ("a: 1\ntrue: 2\n'true': 3", "duplicate_key", 3),
        ("a: &x 1", "anchor", 1),
        ("a: 1\nb: *x", "anchor", 2),
        ("a: !!python/object:os.system 1", "tag", 1),
        ("a: !!str 1", "tag", 1),
        ("- 1\n- ! x", "tag", 2),
        ("a: 1\n---\nb: 2", "several_documents", 2),
        ("a: 1\n? [x]\n: 2", "key_not_text", 2),
        ("prompt: {{ input.x }}", "key_not_text", 1),
        ("~: 1", "key_not_text", 1),
        ("1.5: 1", "key_not_text", 1),
        ("\n\na: .nan", "bad_number", 3),
        ("a: -.inf", "bad_number", 1),
        ("a: 1e999", "bad_number", 1),
        ("a: " + "9" * 1000, "bad_number", 1),
        ("a: \0", "bad_character", 1),
        ("a\nb\x07", "bad_character", 2),
        ("a: \ud800", "bad_character", 1),
        ('a: 1\nb: "\\0"', "bad_character", 2),
        ('a: "\\ud800"', "yaml_syntax", 1),
        (b"a: 1\nb: \xff", "not_utf8", 2),
        (b"\xff\xfea\x00:\x00", "not_utf8", 1),
        ("a: 1\n b: 2", "yaml_syntax", 2),
        ("a: [1\nb: 2", "yaml_syntax", 2),
        ("a: @b", "yaml_syntax", 1),
    ],
)
def test_what_documents_do_not_have_is_refused_with_its_line(text: str | bytes, code: str, line: int) -> None:
    with pytest.raises(DocumentError) as caught:
        parse(text)
    problem = caught.value.problems[0]
    assert (problem.code, problem.line) == (code, line)
    assert problem.fix


def test_every_problem_of_a_text_is_reported_at_once() -> None:
    with pytest.raises(DocumentError) as caught:
        parse("a: &x 1\na: .inf\nb: !t 2")
    assert [problem.code for problem in caught.value.problems] == ["anchor", "duplicate_key", "bad_number", "tag"]


def test_a_flood_of_problems_is_cut_off() -> None:
    assert len(read("a: 1\n" * 5000).problems) == 101


@pytest.mark.parametrize("opening", ["[", "{", "- ", "? ", "[{a: "])
def test_deep_nesting_is_refused_without_harm(opening: str) -> None:
    with pytest.raises(DocumentError, match="nested more than 64 deep"):
        parse(opening * 100_000)


def test_nesting_of_64_is_accepted_in_both_directions() -> None:
    deep = parse("[" * 64 + "]" * 64)
    assert parse(emit(deep)) == deep
    with pytest.raises(DocumentError):
        parse("[" * 65 + "]" * 65)
    with pytest.raises(DocumentError):
        emit([deep])


def test_a_document_over_16_mib_is_refused_in_both_directions() -> None:
    size = 16 * 1024 * 1024
    assert parse("a" * size) == "a" * size
    for text in ("a" * (size + 1), b"a" * (size + 1), "é" * (size // 2 + 1)):
        with pytest.raises(DocumentError, match="larger than 16 MiB"):
            parse(text)
    with pytest.raises(DocumentError, match="larger than 16 MiB"):
        emit("a" * size)


@pytest.mark.parametrize(
    "wrong",
    [
        float("nan"),
        float("inf"),
        "\0",
        "\ud800",
        {"\0": 1},
        {1: 2},
        (1, 2),
        object(),
        10**1000,
        {"a": {3}},
    ],
)
def test_what_is_no_json_is_not_written(wrong: Any) -> None:
    with pytest.raises(DocumentError) as caught:
        emit({"a": [wrong]})
    assert caught.value.problems[0].field.startswith("a.0")


def test_a_number_too_long_to_spell_is_not_written() -> None:
    with pytest.raises(DocumentError, match="more than 999 digits"):
        emit(1 << 100_000)


def test_without_libyaml_the_same_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml, "__with_libyaml__", False)
    assert parse("a: {true: [x, 1]}\nb: |\n  c\n") == {"a": {"true": ["x", 1]}, "b": "c\n"}
    for text in ("[" * 5000, '"\\ud800"', '"\\UFFFFFFFF"', "a: 1\n b: 2", "a: @b"):
        with pytest.raises(DocumentError):
            parse(text)


def test_long_lines_are_not_folded() -> None:
    prose = "word " * 200 + "end"
    assert emit({"a": prose}) == f"a: {prose}\n"


def test_texts_of_several_lines_are_literal_blocks() -> None:
    assert (
        emit({"a": "x\n\n  y\n", "b": "x\ny", "c": ["x\n\n"]})
        == "a: |\n  x\n\n    y\nb: |-\n  x\n  y\nc:\n  - |+\n    x\n\n"
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("yes", '"yes"'), ("3", '"3"'), ("2024-01-01", '"2024-01-01"'), ("", '""'), ("{{ a }}", '"{{ a }}"'),
        ('{{ a["b"] }}', "'{{ a[\"b\"] }}'"), ("a: b", '"a: b"'), ("http://x:80/?a=b#c", "http://x:80/?a=b#c"),
        ("it's", "it's"), ("x", "x"), ("1s", "1s"), ("a\tb", '"a\\tb"'), ("zero\u200dwidth é", "zero\u200dwidth é"),
        (True, "true"), (None, "null"), (1.0, "1.0"), ([], "[]"), ({}, "{}"), ([1, "a, b"], '[1, "a, b"]'),
    ],
)  # fmt: skip
def test_the_plainest_safe_spelling_is_chosen(value: Json, text: str) -> None:
    assert emit({"k": value}) == f"k: {text}\n"


def test_reading_notes_the_line_of_every_key_and_item() -> None:
    lines = read("a: 1\nb:\n  - x\n  - {c: 2}\n").lines
    assert lines == {(): 1, ("a",): 1, ("b",): 2, ("b", 0): 3, ("b", 1): 4, ("b", 1, "c"): 4}


def test_parsing_a_large_file_of_noise_ends() -> None:
    noise = os.urandom(200_000)
    with pytest.raises(DocumentError):
        parse(noise)
