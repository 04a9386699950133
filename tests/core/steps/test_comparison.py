"""Values compare as a person means it."""

from __future__ import annotations

import pytest

from core.engine.errors import StepError
from core.steps.parts.comparison import Operator, compare, equal, number
from core.workflow.model import Json


@pytest.mark.parametrize(
    ("value", "operator", "operand", "expected"),
    [
        ("4", "greater_than", "3", True),
        ("10", "greater_than", "9", True),
        (" 4\n", "greater_than", 3, True),
        (3, "greater_than", 3, False),
        (3, "at_least", "3.0", True),
        (2.5, "at_most", 2.4, False),
        (-1, "less_than", "0", True),
        ("apple", "less_than", "banana", True),
        ("2026-01-02", "greater_than", "2026-01-01", True),
        (4, "equals", "4.0", True),
        (4, "equals", "four", False),
        ("yes", "equals", "Yes", False),
        ("yes", "not_equals", "no", True),
        (True, "equals", " TRUE ", True),
        ("false", "equals", False, True),
        (True, "equals", 1, False),
        (None, "equals", None, True),
        (None, "equals", "", False),
        ([1, {"a": 2}], "equals", [1.0, {"a": 2}], True),
        ([True], "equals", [1], False),
        (["1"], "equals", [1], False),
        ({"a": 1}, "equals", {"a": 1, "b": 2}, False),
        ("very urgent", "contains", "urgent", True),
        ("room 12", "contains", 12, True),
        (["a", 2], "contains", "2", True),
        ({"key": 1}, "contains", "key", True),
        ("calm", "not_contains", "urgent", True),
        ("RE: hello", "starts_with", "RE:", True),
        ("report.md", "ends_with", ".md", True),
        ("Total outage", "matches", "(?i)OUTAGE", True),
        ("12345", "matches", r"^\d{4}$", False),
        ("  \n", "is_empty", None, True),
        ([], "is_empty", None, True),
        (0, "is_empty", None, False),
        (False, "is_empty", None, False),
        ("x", "is_not_empty", None, True),
        ("b", "in", ["a", "b"], True),
        ("2", "in", [1, 2], True),
        ("b", "in", '["a", "b"]', True),
        ("k", "in", {"k": 1}, True),
        ("c", "not_in", ["a", "b"], True),
        (None, "exists", None, False),
        ("", "exists", None, False),
        (0, "exists", None, True),
        ([], "exists", None, True),
        (None, "not_exists", None, True),
    ],
)
def test_a_comparison_gives_what_is_documented(value: Json, operator: Operator, operand: Json, expected: bool) -> None:
    assert compare(value, operator, operand) is expected


@pytest.mark.parametrize(
    ("value", "operator", "operand", "said"),
    [
        ("I would say 4", "greater_than", "3", 'The text "I would say 4" cannot be ordered against the text "3"'),
        ("high", "greater_than", 3, "ask it to reply with the number alone"),
        (None, "less_than", 3, r"Nothing \(null\) cannot be ordered"),
        (True, "at_least", 1, "The value true cannot be ordered"),
        ([1], "at_most", [2], "A list of 1 cannot be ordered"),
        (None, "contains", "x", "test with “exists” first"),
        ({"a": 1}, "starts_with", "a", "An object cannot be compared"),
        ("a", "in", "abc", "needs a list"),
        ("a", "in", 3, "needs a list"),
        ("a", "matches", "(", "is not a regular expression: missing"),
    ],
)
def test_what_cannot_be_compared_is_an_error_that_says_so(
    value: Json, operator: Operator, operand: Json, said: str
) -> None:
    with pytest.raises(StepError, match=said) as caught:
        compare(value, operator, operand)
    assert caught.value.kind == "validation"
    assert not caught.value.retryable


def test_a_text_too_long_to_be_matched_is_an_error_of_kind_limit() -> None:
    with pytest.raises(StepError, match="at most 100000") as caught:
        compare("a" * 100_001, "matches", "a")
    assert caught.value.kind == "limit"


def test_a_pattern_that_would_take_years_is_given_up() -> None:
    with pytest.raises(StepError, match="was given up") as caught:
        compare("a" * 3000, "matches", "(.*)(.*)(.*)(.*)(.*)[^a]$")
    assert caught.value.kind == "limit"


@pytest.mark.parametrize(
    "text", ["", "abc", "0x10", "1,000", "1_000", "nan", "inf", "1e999", "\u0661", "--1", "9" * 1001, True, None]
)
def test_what_is_no_plain_number_does_not_read_as_one(text: Json) -> None:
    assert number(text) is None


def test_large_whole_numbers_keep_every_digit() -> None:
    assert not equal("12345678901234567890", "12345678901234567891")
