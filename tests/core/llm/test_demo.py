"""The demonstration model: offline, always the same, useful enough to show a workflow, and plain about itself."""

from __future__ import annotations

import asyncio
import json
import struct
import subprocess
import sys
import zlib
from contextlib import aclosing
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.engine.errors import StepError
from core.engine.services import ChatRequest, ImageRequest, Models
from core.llm.demo import DemoModels
from core.llm.demo_json import matching, sample_value
from core.llm.demo_prompt import read_prompt
from core.llm.demo_vectors import hashed_vector
from tests.support.openrouter_client import answer_to, ask, failure_of, question

DOCUMENT = """# Backups

Steploom keeps its data in Postgres. A backup is a copy of that database and of the folder with the blobs. Both matter.

## How to make one

- run `steploom db dump`
- copy the file

```sh
# not a heading
pg_dump
```

## How to restore

Run the other command.
"""
CALM = "How urgent is this ticket, from 1 to 5? Reply with the number alone.\nHow do I change my avatar?"
ALARMED = "How urgent is this ticket, from 1 to 5? Reply with the number alone.\nThe site is down and we lost data!!"
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1, "maximum": 7}},
            "required": ["city", "days"],
        },
    },
}


@pytest.fixture
def demo() -> DemoModels:
    """The demonstration model."""
    return DemoModels()


def test_it_is_a_model_like_any_other(demo: DemoModels) -> None:
    models: Models = demo
    assert models.wire_request(question("Hi")) == {"model": "demo", "messages": [{"role": "user", "content": "Hi"}]}


async def test_a_document_is_summed_up_readably(demo: DemoModels) -> None:
    answer = await answer_to(demo, f"Summarise this file in two sentences.\n\n{DOCUMENT}")
    assert answer.text == (
        "Steploom keeps its data in Postgres. A backup is a copy of that database and of the folder with the blobs. "
        "(54 words under 3 headings: Backups, How to make one, How to restore.) (demo)"
    )


async def test_a_plain_question_is_echoed_and_the_answer_says_what_it_is(demo: DemoModels) -> None:
    answer = await answer_to(demo, "What is the capital of Norway?")
    assert "What is the capital of Norway?" in answer.text
    assert "demonstration model" in answer.text
    assert answer.text.endswith("(demo)")
    assert answer.model == "demo"


async def test_it_streams_word_by_word_and_lets_others_run(demo: DemoModels) -> None:
    deltas, answer = await ask(demo, "Tell me more about this")
    assert len(deltas) == len(answer.text.split())
    assert "".join(delta.text for delta in deltas) == answer.text
    ran: list[int] = []

    async def other() -> None:
        ran.append(1)

    async with aclosing(demo.stream(question())) as stream:
        beside = asyncio.create_task(other())
        await anext(stream)
        await anext(stream)
        assert ran
        await beside


async def test_a_number_is_given_alone_and_follows_from_how_urgent_the_material_sounds(demo: DemoModels) -> None:
    assert int((await answer_to(demo, CALM)).text) <= 3
    assert (await answer_to(demo, ALARMED)).text == "5"
    assert int((await answer_to(demo, "Between 10 and 20. The number only.")).text) in range(10, 21)


@given(st.integers(-50, 50), st.integers(0, 30), st.text(max_size=30))
def test_a_number_is_always_inside_the_range_that_was_asked_for(low: int, width: int, text: str) -> None:
    prompt = f"Rate it from {low} to {low + width}. Answer with the number alone.\n{text}"
    answer = asyncio.run(answer_to(DemoModels(), prompt))
    assert low <= int(answer.text) <= low + width


async def test_one_of_the_choices_is_given_alone(demo: DemoModels) -> None:
    prompt = "Which team is it for? Reply with one of: billing, sales or support.\nMy billing address is wrong."
    assert (await answer_to(demo, prompt)).text == "billing"
    assert (await answer_to(demo, "Is it so? Answer yes or no.\nPerhaps.")).text in ("yes", "no")


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "string", "minLength": 300},
        {"type": "string", "maxLength": 5},
        {"type": "string", "pattern": r"^[A-Z]{3}-\d{4}$"},
        {"type": "string", "pattern": r"^#[0-9a-f]{6}$"},
        {"type": "string", "pattern": "^(yes|no)$"},
        {"type": "string", "format": "date-time"},
        {"type": "integer", "minimum": 3, "maximum": 3},
        {"type": "integer", "exclusiveMinimum": 4, "exclusiveMaximum": 6},
        {"type": "number", "minimum": -2.5, "maximum": -1.5},
        {"type": "number", "multipleOf": 0.5, "minimum": 0.3},
        {"type": "boolean"},
        {"type": "null"},
        {"type": ["null", "integer"]},
        {"const": {"a": [1, None]}},
        {"enum": ["red", 2, None]},
        {"type": "array", "items": {"type": "string"}, "minItems": 3, "maxItems": 4, "uniqueItems": True},
        {"type": "array", "items": {"enum": ["a", "b", "c"]}, "minItems": 3, "uniqueItems": True},
        {"type": "array", "items": {"type": "integer"}, "maxItems": 0},
        {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "items": False},
        {"anyOf": [{"type": "null"}, {"type": "integer", "minimum": 7}]},
        {"oneOf": [{"type": "string"}, {"type": "integer"}]},
        {"allOf": [{"properties": {"a": {"type": "integer"}}}, {"required": ["a", "b"]}], "type": "object"},
        {"type": "object", "minProperties": 2},
        {"type": "object", "required": ["x"], "additionalProperties": {"type": "integer"}},
        {"type": "object", "additionalProperties": False, "properties": {"a": {"type": "string"}}, "required": ["a"]},
        {
            "$defs": {
                "node": {
                    "type": "object",
                    "properties": {
                        "name": {"type": "string"},
                        "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
                    },
                    "required": ["name", "children"],
                }
            },
            "$ref": "#/$defs/node",
        },
        {
            "type": "object",
            "properties": {
                "next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]},
                "value": {"type": "number", "minimum": 0},
            },
            "required": ["value"],
        },
    ],
)
async def test_a_json_answer_satisfies_its_schema(demo: DemoModels, schema: dict[str, Any]) -> None:
    for text in ("Describe the picture of a red fox.", "Sort this.\n\n" + DOCUMENT, "?"):
        answer = await answer_to(demo, question(text, schema=schema))
        jsonschema.validate(json.loads(answer.text), schema)


async def test_json_takes_over_what_the_prompt_says(demo: DemoModels) -> None:
    schema = {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "days": {"type": "integer"},
            "mood": {"enum": ["sunny", "rainy"]},
            "text": {"type": "string"},
        },
    }
    answer = await answer_to(demo, question('Fill the form: city: "New York", days=3. It is rainy.', schema=schema))
    value = json.loads(answer.text)
    assert (value["city"], value["days"]) == ("New York", 3)
    assert "(demo)" in value["text"]


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"type": "strin"}, "not valid"),
        ({"$ref": "#/$defs/none"}, "does not hold"),
        ({"$ref": "https://example.com/x.json"}, "another file"),
        ({"type": "string", "pattern": r"^(?=.*\d)(?=.*[a-z]).{8}$"}, "pattern"),
        ({"type": "integer", "not": {"type": "integer"}}, "cannot make up"),
        ({"$defs": {"a": {"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}, "required": ["a"]}},
          "$ref": "#/$defs/a"}, "no end"),
    ],
)  # fmt: skip
async def test_a_schema_that_is_too_much_is_refused_honestly(
    demo: DemoModels, schema: dict[str, Any], reason: str
) -> None:
    error = await failure_of(demo, question(schema=schema))
    assert (error.kind, reason in error.message) == ("bad_request", True)


@given(
    st.recursive(
        st.sampled_from(
            [
                {"type": "string"},
                {"type": "integer"},
                {"type": "boolean"},
                {"type": "number", "maximum": 0},
                {"enum": ["q"]},
            ]
        ),
        lambda inner: st.one_of(
            st.builds(lambda items, n: {"type": "array", "items": items, "minItems": n}, inner, st.integers(0, 3)),
            st.builds(
                lambda p: {"type": "object", "properties": p, "required": sorted(p)},
                st.dictionaries(st.sampled_from("abc"), inner),
            ),
            st.builds(lambda options: {"anyOf": options}, st.lists(inner, min_size=1, max_size=3)),
        ),
        max_leaves=8,
    ),
    st.text(max_size=40),
)
def test_any_plain_schema_is_satisfied(schema: dict[str, Any], text: str) -> None:
    prompt = read_prompt([{"role": "user", "content": text}])
    value = sample_value(schema, prompt)
    jsonschema.validate(value, schema)
    assert sample_value(schema, prompt) == value


def test_a_pattern_that_is_not_simple_is_an_error() -> None:
    with pytest.raises(StepError, match="pattern"):
        matching(r"^(a|b){3}\1$")


async def test_a_function_is_called_when_the_prompt_names_it_and_then_its_answer_used(demo: DemoModels) -> None:
    request = question("Call get_weather with city: Oslo, days: 3", tools=[WEATHER])
    answer = await answer_to(demo, request)
    (call,) = answer.tool_calls
    assert (call.name, call.arguments, answer.finish) == ("get_weather", {"city": "Oslo", "days": 3}, "tool_calls")
    assert json.loads(call.raw) == call.arguments
    result = {"role": "tool", "tool_call_id": call.id, "content": "12 degrees and rain"}
    then = await answer_to(demo, ChatRequest([*request.messages, answer.message, result], tools=[WEATHER]))
    assert then.tool_calls == ()
    assert "12 degrees and rain" in then.text
    assert then.text.endswith("(demo)")


@pytest.mark.parametrize(
    ("text", "choice", "calls"),
    [
        ("What is the time?", "", 0),
        ("Tell me the get weather of Oslo", "", 1),
        ("Forget_weather is one word", "", 0),
        ("What is the time?", "required", 1),
        ("What is the time?", "get_weather", 1),
        ("Call get_weather", "none", 0),
    ],
)
async def test_functions_are_called_only_when_wanted(demo: DemoModels, text: str, choice: str, calls: int) -> None:
    answer = await answer_to(demo, question(text, tools=[WEATHER], tool_choice=choice))
    assert len(answer.tool_calls) == calls


async def test_limits_are_kept_and_tokens_counted_by_the_stated_rule(demo: DemoModels) -> None:
    answer = await answer_to(demo, question("12345", max_tokens=4))
    assert (len(answer.text), answer.finish) == (16, "length")
    assert (answer.usage.tokens_in, answer.usage.tokens_out, answer.usage.cost_usd) == (2, 4, 0.0)
    stopped = await answer_to(demo, question("12345", stop=["demonstration"]))
    assert stopped.text.endswith("I am the ")
    assert stopped.finish == "stop"


async def test_pictures_are_sound_and_follow_from_the_prompt(demo: DemoModels) -> None:
    answer = await demo.image(ImageRequest("A cat", count=2))
    first, second = (image.data for image in answer.images)
    assert first != second
    assert (await demo.image(ImageRequest("A cat"))).images[0].data == first
    assert answer.images[0].media_type == "image/png"
    width, height, pixels = _read_png(first)
    assert (width, height) == (192, 192)
    assert len(pixels) == height * (1 + 3 * width)
    chat = await answer_to(demo, question("A cat", modalities=["image", "text"]))
    assert chat.images[0].media_type == "image/png"
    assert chat.message["images"][0]["image_url"]["url"].startswith("data:image/png;base64,")


def _read_png(data: bytes) -> tuple[int, int, bytes]:
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    parts: dict[bytes, bytes] = {}
    place = 8
    while place < len(data):
        (size,) = struct.unpack(">I", data[place : place + 4])
        kind, body = data[place + 4 : place + 8], data[place + 8 : place + 8 + size]
        (check,) = struct.unpack(">I", data[place + 8 + size : place + 12 + size])
        assert check == zlib.crc32(kind + body)
        parts[kind] = body
        place += 12 + size
    width, height = struct.unpack(">II", parts[b"IHDR"][:8])
    return width, height, zlib.decompress(parts[b"IDAT"])


async def test_vectors_of_alike_texts_are_near(demo: DemoModels) -> None:
    texts = ["The cat sat on the mat", "Cats sit on mats", "Quarterly revenue grew by ten percent", ""]
    (cat, cats, money, nothing), spent = await demo.embed(texts)
    assert {len(vector) for vector in (cat, cats, money, nothing)} == {1536}
    assert _dot(cat, cat) == pytest.approx(1)
    assert _dot(nothing, nothing) == pytest.approx(1)
    assert _dot(cat, cats) > 0.2 > abs(_dot(cat, money))
    assert spent.tokens_in == 6 + 4 + 10
    assert len((await demo.embed(["x"], dimensions=32))[0][0]) == 32


def _dot(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def test_vectors_and_answers_are_the_same_in_another_process() -> None:
    program = "from core.llm.demo_vectors import hashed_vector; print(hashed_vector('The cat sat', 16))"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert json.loads(found.stdout) == hashed_vector("The cat sat", 16)


@given(st.text(max_size=300))
def test_any_prompt_gets_an_answer(text: str) -> None:
    first = asyncio.run(answer_to(DemoModels(), text))
    assert first.text == asyncio.run(answer_to(DemoModels(), text)).text
    assert first.text
