from __future__ import annotations

import pytest

from core.memory.facts import fact_key
from core.memory.tokens import tokens_of
from core.memory.words import is_denial, names_of, numbers_of, telling_sequence, without_common


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("The budget is 5,000 euros", {"5000"}),
        ("The budget is 5.000 euros", {"5000"}),
        ("The budget is 50000 euros", {"50000"}),
        ("It takes 2.5 hours, not 25", {"2.5", "25"}),
        ("Call 555-0199 at 10:30", {"555-0199", "10:30"}),
        ("Due on 2026-03-01", {"2026-03-01"}),
        ("She has seven cats and 12 dogs", {"7", "12"}),
        ("Python3 and GPT4", {"3", "4"}),
        ("No numbers here", set()),
    ],
)
def test_numbers_are_found_in_one_spelling(text: str, numbers: set[str]) -> None:
    assert numbers_of(text) == numbers


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("The boss is Li Guoyu", {"li", "guoyu"}),
        ("Ada lives in Berlin", {"ada", "berlin"}),
        ("Ada's dog is called Rex", {"ada", "rex"}),
        ("Coffee is what the user likes", {"coffee"}),
        ("Write to ada@example.com", {"ada@example.com"}),
        ("The server is db_main2", {"db_main2"}),
        ("I work at NASA", {"nasa"}),
        ("Sometimes it rains", set()),
    ],
)
def test_what_looks_like_a_name_is_found(text: str, names: set[str]) -> None:
    assert names_of(text) == names


@pytest.mark.parametrize(
    ("text", "denied"),
    [
        ("I like olives", False),
        ("I don't like olives", True),
        ("I don\u2019t like olives", True),
        ("I do not like olives", True),
        ("I never eat meat", True),
        ("It is not true that she never calls", False),
        ("I no longer smoke", True),
        ("Ich esse kein Fleisch", True),
        ("I can't swim", True),
        ("Notes are kept in Notion", False),
    ],
)
def test_denials_are_noticed(text: str, denied: bool) -> None:
    assert is_denial(text) is denied


def test_who_does_what_to_whom_is_told_apart() -> None:
    assert telling_sequence("Ada manages Bob") != telling_sequence("Bob manages Ada")
    assert telling_sequence("Ada manages Bob.") == telling_sequence("ada manages  bob")


def test_common_words_are_left_out_of_a_search_unless_nothing_is_left() -> None:
    assert without_common("Where does Ada live?").split() == ["Ada", "live?"]
    assert without_common("who are you") == "who are you"


@pytest.mark.parametrize(
    ("statement", "key"),
    [
        ("I live in Berlin", "user/lives in"),
        ("I now live in Rome.", "user/lives in"),
        ("The user moved to Oslo", "user/lives in"),
        ("Ada lives in Paris", "ada/lives in"),
        ("My budget is 5000", "user/budget"),
        ("The user's budget is 50000", "user/budget"),
        ("My favorite color is blue", "user/favourite colour"),
        ("My favourite colour is green", "user/favourite colour"),
        ("Ada's birthday is in May", "ada/birthday"),
        ("The deadline for Apollo is Friday", "the/deadline for apollo"),
        ("I am 42 years old", "user/age"),
        ("Call me Sam", "user/name"),
        ("My name is Sam", "user/name"),
        ("I work at Siemens", "user/works at"),
    ],
)
def test_facts_with_one_value_are_known_by_what_they_are_about(statement: str, key: str) -> None:
    assert fact_key(statement) == key


@pytest.mark.parametrize(
    "statement",
    [
        "My friend is Tom",
        "My sister is a doctor",
        "The report is late",
        "I like tea",
        "I have lived in Berlin",
        "The sky is blue",
        "Ada is 5 minutes late",
        "There is a price",
    ],
)
def test_facts_that_may_have_many_values_have_no_key(statement: str) -> None:
    assert fact_key(statement) == ""


def test_tokens_are_guessed_by_script() -> None:
    assert tokens_of("") == 0
    assert tokens_of("abcd" * 10) == 10
    assert tokens_of("記憶は大切です") >= 5
