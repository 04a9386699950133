"""Patterns mean what they mean in `re`, and none can hang."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.engine.pattern import MAX_PATTERN, MAX_SEARCHED, Pattern
from core.engine.pattern_syntax import PatternError

_ATOMS = st.sampled_from(
    ["a", "b", ".", r"\w", r"\W", r"\s", "[ab]", "[^a]", "[]a]", r"[\]]", r"\.", "^", "$", r"\b", r"\B", r"\A", r"\Z",
     "{", "}"]
)  # fmt: skip
_COUNTS = st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{,2}", "{1,}", "*?", "+?", "{0}", "{1,2}?"])
_PATTERNS = st.recursive(
    _ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map("({0[0]}|{0[1]})".format),
        inner.map("(?:{}|)".format),
        inner.map("(?P<name>{})".format),
        st.tuples(inner, _COUNTS).map("({0[0]}){0[1]}".format),
    ),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["", "(?i)", "(?m)", "(?s)"]), _PATTERNS, st.lists(st.text("abA. \n]}{", max_size=6), max_size=8)
)
def test_a_pattern_is_found_exactly_where_re_finds_it(flags: str, body: str, texts: list[str]) -> None:
    try:
        expected = re.compile(flags + body)
    except re.error:
        return
    pattern = Pattern(flags + body)
    for text in texts:
        assert pattern.found_in(text) == bool(expected.search(text)), (flags + body, text)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("(a+)+$", "a" * 99_999 + "b"),
        (r"\s+$", " " * 99_999 + "x"),
        ("(x+x+)+y", "x" * 100_000),
        ("(a|b|ab)*c", "ab" * 50_000),
    ],
)
def test_a_pattern_that_would_hang_re_is_answered(pattern: str, text: str) -> None:
    started = time.process_time()
    assert not Pattern(pattern).found_in(text)
    assert time.process_time() - started < 10


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("(a", "no regular expression"),
        (r"(a)\1", "Backreferences"),
        ("(?P<x>a)(?P=x)", "backreferences"),
        ("a(?=b)", "looking ahead"),
        ("(?<!a)b", "looking behind"),
        ("(?>a)", "atomic"),
        ("a++", "Possessive"),
        ("(?i:a)", "Put (?i)"),
        ("(?x) a", "flag 'x'"),
        ("a{5000}", "too large"),
        ("((?:){4000}){4000}", "too large"),
        ("a" * (MAX_PATTERN + 1), "characters"),
    ],
)
def test_what_is_not_supported_is_refused_in_words(pattern: str, said: str) -> None:
    with pytest.raises(PatternError, match=re.escape(said)):
        Pattern(pattern)


def test_groups_nested_very_deeply_are_refused_rather_than_crash() -> None:
    with pytest.raises(PatternError, match="nested too deeply"):
        Pattern("(" * 249 + "a" + ")" * 249)


def test_a_text_over_the_limit_is_refused() -> None:
    with pytest.raises(PatternError, match="at most"):
        Pattern("a").found_in("b" * (MAX_SEARCHED + 1))
