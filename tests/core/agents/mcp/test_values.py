"""Tools and results as they reach an agent: names, hashes, what is cut and what is cleaned."""

from __future__ import annotations

import base64
from typing import Any

import mcp_types
import pytest

from core.agents.mcp import result as results
from core.agents.mcp.result import result_of, shortened
from core.agents.mcp.tool import described, visible, wire_name
from core.engine.mask import Mask


def tool(**changes: Any) -> mcp_types.Tool:
    return mcp_types.Tool(**{"name": "read", "description": "Reads.", "input_schema": {"type": "object"}, **changes})


def test_every_word_of_a_description_is_part_of_its_hash() -> None:
    base = described("s", "id", tool(), {}).hash
    others = [
        described("s", "id", tool(description="Reads!"), {}),
        described("s", "id", tool(title="Reader"), {}),
        described("s", "id", tool(input_schema={"type": "object", "properties": {"a": {"description": "x"}}}), {}),
        described("s", "id", tool(annotations=mcp_types.ToolAnnotations(read_only_hint=True)), {}),
        described("s", "id", tool(output_schema={"type": "object"}), {}),
        described("s", "another command", tool(), {}),
    ]
    assert len({base, *(each.hash for each in others)}) == len(others) + 1
    assert described("other name", "id", tool(), {}).hash == base


def test_what_a_person_cannot_see_does_not_reach_a_model_either() -> None:
    hidden = "Adds\u200b numbers.\U000e0049\U000e0067\u202e"
    assert visible(hidden) == "Adds numbers."
    assert described("s", "id", tool(description=hidden), {}).description == "Adds numbers."
    assert (
        described("s", "id", tool(description=hidden), {}).hash
        != described("s", "id", tool(description="Adds numbers."), {}).hash
    )
    assert len(visible("x" * 100_000)) == 8_000


@pytest.mark.parametrize(
    ("server", "name", "wire"),
    [("files", "read_file", "files__read_file"), ("my-server", "get-it", "my-server__get-it")],
)
def test_a_plain_name_is_said_plainly(server: str, name: str, wire: str) -> None:
    assert wire_name(server, name) == wire


def test_names_that_look_alike_stay_apart_and_all_fit() -> None:
    pairs = [
        ("a b", "c"),
        ("a_b", "c"),
        ("a.b", "c"),
        ("a", "b__c"),
        ("a__b", "c"),
        ("s" * 64, "t" * 128),
        ("s" * 64, "t" * 129),
        ("é", "ü"),
    ]
    names = [wire_name(*pair) for pair in pairs]
    assert len(set(names)) == len(pairs)
    assert all(len(name) <= 64 and set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-") for name in names)


def answer(*content: Any, **more: Any) -> mcp_types.CallToolResult:
    return mcp_types.CallToolResult(content=list(content), **more)


def text(value: str) -> mcp_types.TextContent:
    return mcp_types.TextContent(type="text", text=value)


def test_all_kinds_of_content_find_their_place() -> None:
    data = base64.b64encode(b"RIFF").decode()
    found = result_of(
        answer(
            text("one"),
            mcp_types.AudioContent(type="audio", data=data, mime_type="audio/wav"),
            mcp_types.ResourceLink(type="resource_link", uri="demo://a", name="a", description="An A"),
            mcp_types.EmbeddedResource(
                type="resource", resource=mcp_types.TextResourceContents(uri="demo://b", text="bee")
            ),
            mcp_types.EmbeddedResource(
                type="resource",
                resource=mcp_types.BlobResourceContents(uri="demo://x/c.zip", blob=data, mime_type="application/zip"),
            ),
            structured_content={"a": 1},
        ),
        Mask(),
    )
    assert found.text == "one\n\na: demo://a (An A)\n\ndemo://b:\nbee"
    assert [(each.media_type, each.name, each.data) for each in found.files] == [
        ("audio/wav", "", b"RIFF"),
        ("application/zip", "c.zip", b"RIFF"),
    ]
    assert found.structured == {"a": 1}
    assert not found.shortened


def test_secrets_are_masked_in_every_part() -> None:
    mask = Mask({"key": "sesame-open-up"})
    data = base64.b64encode(b"x sesame-open-up").decode()
    found = result_of(
        answer(
            text("say sesame-open-up"),
            mcp_types.AudioContent(type="audio", data=data, mime_type="text/plain"),
            structured_content={"k": ["sesame-open-up"]},
            is_error=True,
        ),
        mask,
    )
    assert "sesame-open-up" not in repr(found) + repr(found.files[0].data)
    assert found.is_error


def test_what_is_too_large_is_left_out_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "LARGEST_FILE", 10)
    monkeypatch.setattr(results, "MOST_FILES", 1)
    image = mcp_types.ImageContent(type="image", data="AAAA", mime_type="image/png")
    found = result_of(
        answer(
            text("t" * 100),
            mcp_types.ImageContent(type="image", data="A" * 400, mime_type="image/png"),
            mcp_types.ImageContent(type="image", data="not base64!", mime_type="image/png"),
            image,
            image,
            image,
            structured_content={"a": "b" * 300},
        ),
        Mask(),
        longest=40,
    )
    assert "60 characters left out" in found.text
    assert "file of about 300 bytes" in found.text
    assert "no base64" in found.text
    assert found.text.count("More than 1 pictures") == 1
    assert "structured result was left out: 309 characters" in found.text
    assert (len(found.images), found.structured, found.shortened) == (1, None, True)


def test_a_short_text_is_left_alone_and_a_long_one_keeps_both_ends() -> None:
    assert shortened("abc", 3) == ("abc", False)
    cut, was = shortened("a" * 50 + "z" * 50, 20)
    assert was
    assert cut.startswith("a" * 15 + "\n[… 80")
    assert cut.endswith("z" * 5)
