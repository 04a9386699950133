"""A few letters find what is meant before what merely holds them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.fuzzy import begins_words, match


def best(query: str, *texts: str) -> str:
    """The text that fits best."""
    found = [(result.score, text) for text in texts if (result := match(query, text)) is not None]
    return max(found)[1]


@pytest.mark.parametrize(
    ("query", "wanted", "others"),
    [
        ("save", "Save", ["Autosave settings", "Show all values"]),
        ("zts", "Zoom to selection", ["Zoom out", "Size of tests"]),
        ("run", "Run to here", ["Trunk", "Group selection"]),
        ("foreach", "ForEach", ["For reaching"]),
        ("here run", "Run to here", ["Run"]),
        ("fit", "Fit all", ["Benefit", "Find text"]),
    ],
)
def test_the_text_that_is_meant_comes_first(query: str, wanted: str, others: list[str]) -> None:
    assert best(query, *others, wanted) == wanted


@pytest.mark.parametrize(("query", "text"), [("xyz", "Save"), ("evas", "Save"), ("save as", "Save"), ("ss", "Save")])
def test_what_lacks_a_letter_in_order_is_not_found(query: str, text: str) -> None:
    assert match(query, text) is None


def test_the_matched_letters_are_named() -> None:
    found = match("zs", "Zoom to selection")
    assert found is not None
    assert found.positions == (0, 8)


def test_nothing_typed_fits_everything() -> None:
    assert match("", "Save") is not None


@given(st.text(max_size=12), st.text(max_size=30))
def test_positions_are_letters_of_the_text_that_the_query_holds(query: str, text: str) -> None:
    found = match(query, text)
    if found is not None:
        assert list(found.positions) == sorted(set(found.positions))
        assert all(0 <= n < len(text) for n in found.positions)
        assert len(found.positions) <= len("".join(query.casefold().split()))


@given(st.text(alphabet="abcdef ", max_size=20))
def test_a_text_fits_itself(text: str) -> None:
    assert match(text, text) is not None


def test_every_word_of_a_query_begins_some_word() -> None:
    assert begins_words("HTTP req", "api request http")
    assert not begins_words("http quest", "api request http")
    assert not begins_words("http", "")
