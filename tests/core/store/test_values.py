from __future__ import annotations

import json
from collections.abc import Iterator
from types import MappingProxyType
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.store.address import Address
from core.store.values import LARGEST, Packer, blob_of, encode, escape, unescape, unpack

any_text = st.text(st.characters(exclude_categories=()), max_size=20)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(10**300, 10**310)
    | st.floats(allow_nan=False, allow_infinity=False)
    | any_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=12,
)
json_objects = st.dictionaries(any_text, json_values, max_size=5)


@pytest.fixture(scope="module")
def connection(postgres_server: Address) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    with psycopg.connect(postgres_server.dsn, autocommit=True) as opened:
        opened.execute("CREATE TEMP TABLE kept (value json, words text, list text[])")
        yield opened


@settings(deadline=None, max_examples=150)
@given(value=json_objects, words=any_text)
def test_any_value_and_any_text_survive_the_database(
    connection: psycopg.Connection[tuple[Any, ...]], value: dict[str, Any], words: str
) -> None:
    blobs: dict[str, bytes] = {}
    row = {"value": Packer(blobs).pack(value), "words": escape(words), "list": [escape(words), "x"]}
    connection.execute("TRUNCATE kept")
    connection.execute(
        "INSERT INTO kept SELECT value::json, words, list "
        "FROM json_to_recordset(%s::json) AS u (value text, words text, list text[])",
        (encode([row]),),
    )
    found = connection.execute("SELECT value, words, list FROM kept").fetchone()
    assert found is not None
    kept, kept_words, kept_list = found
    assert repr(unpack(kept, blobs)) == repr(value)
    assert unescape(kept_words) == words
    assert [unescape(each) for each in kept_list] == [words, "x"]


def test_large_values_become_blobs_and_small_ones_do_not() -> None:
    blobs: dict[str, bytes] = {}
    packer = Packer(blobs)
    small = {"text": "x" * (LARGEST - len('{"text":""}'))}
    large = {"text": small["text"] + "x"}
    kept_small, kept_large = json.loads(packer.pack(small)), json.loads(packer.pack(large))
    assert blob_of(kept_small) is None
    assert kept_small == small
    assert blob_of(kept_large) in blobs
    assert packer.names == set(blobs)
    assert unpack(kept_large, blobs) == large


def test_named_blobs_are_noticed_inside_small_and_large_values() -> None:
    packer = Packer({})
    packer.pack({"a": [{"blob": "a" * 64, "size": 1}], "blob": "not a hash"})
    packer.pack({"b": {"blob": "b" * 64}, "c": "x" * LARGEST})
    assert {"a" * 64, "b" * 64} < packer.names
    assert len(packer.names) == 3


def test_mappings_and_tuples_are_taken_as_objects_and_lists() -> None:
    assert encode(MappingProxyType({"a": (1, 2)})) == '{"a":[1,2]}'


@pytest.mark.parametrize("value", [{"a": float("nan")}, {"a": float("inf")}, {"a": object()}, {"a": b"bytes"}])
def test_what_is_no_json_is_refused(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        encode(value)


@given(any_text)
def test_ordinary_texts_stay_readable(words: str) -> None:
    kept = escape(words)
    kept.encode()
    assert "\x00" not in kept
    assert unescape(kept) == words
    if words.isascii() and "\x00" not in words:
        assert kept == words
