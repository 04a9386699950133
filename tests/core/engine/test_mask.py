from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.engine.mask import Mask, MaskedStream, names_shown

KEY = 'sk-or-"ab/c+d é&1234567'

secrets = st.text(st.characters(exclude_categories=["Cs"]), min_size=6, max_size=40)


@pytest.fixture
def mask() -> Mask:
    return Mask({"openrouter": KEY})


def test_a_secret_is_replaced_by_its_name_everywhere(mask: Mask) -> None:
    value: dict[str, Any] = {"header": f"Bearer {KEY}", "list": [KEY, 1, None, True], "nested": {KEY: "key"}}
    assert mask.mask(value) == {
        "header": "Bearer [secret openrouter]",
        "list": ["[secret openrouter]", 1, None, True],
        "nested": {"[secret openrouter]": "key"},
    }
    assert KEY in value["header"]


def test_quoted_and_escaped_forms_are_masked(mask: Mask) -> None:
    for form in (
        quote(KEY),
        quote(KEY, safe=""),
        quote_plus(KEY),
        json.dumps(KEY),
        json.dumps(KEY, ensure_ascii=False),
    ):
        masked = mask.text(f"before {form} after")
        assert "[secret openrouter]" in masked
        assert "1234567" not in masked


@pytest.mark.parametrize("before", ["", "a", "ab", "user:"])
@pytest.mark.parametrize("after", ["", "z", "zz"])
def test_base64_is_masked_at_every_alignment(mask: Mask, before: str, after: str) -> None:
    data = f"{before}{KEY}{after}".encode()
    for encoded in (base64.b64encode(data).decode(), base64.urlsafe_b64encode(data).decode()):
        masked = mask.text(f"Basic {encoded}")
        assert "[secret openrouter]" in masked
        rest = masked.replace("[secret openrouter]", "").removeprefix("Basic ")
        assert len(rest) <= len(encoded) - len(base64.b64encode(KEY.encode()).decode()) + 8


def test_a_longer_secret_wins_over_one_that_it_holds() -> None:
    mask = Mask({"short": "abcdef", "long": "abcdef-ghijkl"})
    assert mask.text("abcdef-ghijkl abcdef") == "[secret long] [secret short]"


def test_a_number_that_is_a_secret_is_masked_and_others_are_not() -> None:
    mask = Mask({"pin": "123456"})
    assert mask.mask({"a": 123456, "b": 1234567, "c": 1.5}) == {"a": "[secret pin]", "b": 1234567, "c": 1.5}


def test_without_secrets_values_pass_untouched() -> None:
    value: dict[str, Any] = {"a": [1, {"b": "c"}]}
    assert Mask().mask(value) is value
    assert Mask({"k": "secret-value"}).mask(value) is value


def test_values_that_are_too_short_do_not_blot_out_ordinary_words() -> None:
    assert Mask({"bad": "the"}).text("the text") == "the text"


def test_secrets_can_be_added_later(mask: Mask) -> None:
    mask.add("other", "hunter22")
    assert mask.text(f"hunter22 {KEY}") == "[secret other] [secret openrouter]"


@given(secret=secrets, before=st.text(max_size=10), after=st.text(max_size=10))
def test_no_form_of_any_secret_is_left(secret: str, before: str, after: str) -> None:
    mask = Mask({"k": secret})
    for text in (before + secret + after, json.dumps(secret), quote(secret, safe="")):
        left = mask.text(text).replace("[secret k]", "")
        assert secret not in left or secret in before + after


def streamed(mask: Mask, pieces: list[str]) -> str:
    stream = MaskedStream(mask)
    return "".join([*(stream.shown(piece) for piece in pieces), stream.rest()])


@given(st.lists(st.text("abc", min_size=4, max_size=7), min_size=1, max_size=3), st.lists(st.text("abc", max_size=9)))
def test_a_text_is_masked_in_pieces_as_it_is_whole(values: list[str], pieces: list[str]) -> None:
    mask = Mask({f"k{number}": value for number, value in enumerate(values)})
    assert streamed(mask, pieces) == mask.text("".join(pieces))


def test_only_what_may_be_the_beginning_of_a_secret_is_held_back(mask: Mask) -> None:
    stream = MaskedStream(mask)
    assert stream.shown("Bearer ") == "Bearer "
    assert stream.shown(f"x{KEY[:5]}") == "x"
    assert stream.shown(KEY[5:]) == "[secret openrouter]"
    assert stream.shown(KEY[:5]) == ""
    assert stream.shown("no") == f"{KEY[:5]}no"
    assert stream.rest() == ""


def test_the_names_of_masked_secrets_are_found_in_a_value(mask: Mask) -> None:
    value: dict[str, Any] = {"a": [f"Bearer {KEY}", 1], "b": {KEY: None}, "c": "[secret other][secret b]"}
    assert sorted(names_shown(mask.mask(value))) == ["b", "openrouter", "openrouter", "other"]
