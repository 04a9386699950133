"""Server-sent events, cut in every way."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.llm import sse
from core.llm.sse import EventParser, EventTooLong, ServerEvent

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), min_size=1, max_size=40)


def events_of(body: bytes, cuts: list[int] | None = None) -> list[ServerEvent]:
    parser, found = EventParser(), []
    places = sorted({0, len(body), *(cut % (len(body) + 1) for cut in cuts or [])})
    for start, end in pairwise(places):
        found += parser.feed(body[start:end])
    return found + parser.finish()


@given(st.lists(texts, max_size=6), st.sampled_from(["\n", "\r\n", "\r"]), st.lists(st.integers(0), max_size=30))
def test_events_are_the_same_however_the_body_is_cut(data: list[str], newline: str, cuts: list[int]) -> None:
    body = "".join(f": comment{newline}data: {text}{newline}data:2{newline}{newline}" for text in data).encode()
    assert events_of(body, cuts) == [ServerEvent(f"{text}\n2") for text in data]


@given(st.binary(max_size=300), st.lists(st.integers(0), max_size=10))
def test_any_bytes_are_parsed_without_an_error_and_alike_however_cut(body: bytes, cuts: list[int]) -> None:
    assert events_of(body, cuts) == events_of(body)


def test_a_line_end_cut_in_two_is_one_line_end() -> None:
    body = b"data: one\r\ndata: two\r\n\r\n"
    assert events_of(body, list(range(len(body)))) == [ServerEvent("one\ntwo")]


def test_lines_of_one_event_are_joined_and_its_name_is_kept() -> None:
    body = b"\xef\xbb\xbfevent: note\ndata:one\ndata: two\nid: 7\nretry: 5\n\ndata\n\n"
    assert events_of(body) == [ServerEvent("one\ntwo", "note"), ServerEvent("")]


def test_a_last_event_without_its_blank_line_still_counts() -> None:
    assert events_of(b"data: [DONE]") == [ServerEvent("[DONE]")]


def test_an_endless_event_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "LONGEST_EVENT", 1000)
    parser = EventParser()
    parser.feed(b"data: " + b"x" * 900)
    with pytest.raises(EventTooLong):
        parser.feed(b"x" * 200)
