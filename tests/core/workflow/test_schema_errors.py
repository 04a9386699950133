"""Values by JSON Schemas that mean ill."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from time import process_time

import pytest
from jsonschema import Draft7Validator, Draft202012Validator

from core.agents.arguments import checked_arguments
from core.agents.errors import FunctionError
from core.agents.functions import FunctionFacts
from core.engine.errors import ConfigError, StepError
from core.llm.demo_json import sample_value
from core.llm.demo_prompt import Prompt
from core.steps.parts.answers import read_answer
from core.store.conversation_records import FunctionCall
from core.workflow.model import Json
from core.workflow.schema_errors import UnusableSchema, schema_errors
from core.workflow.schemas import value_flaw
from tests.support.http_site import Page, Site

EVIL = "^(a|aa)+$"
TEXT = "a" * 60 + "!"
LONG: Mapping[str, Json] = {"type": "string", "pattern": EVIL}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (LONG, TEXT),
        ({"items": LONG}, [TEXT, TEXT]),
        ({"patternProperties": {EVIL: {}}}, {TEXT: 1}),
        ({"additionalProperties": False, "patternProperties": {EVIL: {}}}, {TEXT: 1}),
        ({"unevaluatedProperties": False, "patternProperties": {EVIL: {}}}, {TEXT: 1}),
        (
            {
                "properties": {"a": {"unevaluatedProperties": False, "$ref": "#/$defs/b"}},
                "$defs": {"b": {"patternProperties": {EVIL: {}}}},
            },
            {"a": {TEXT: 1}},
        ),
    ],
)
@pytest.mark.parametrize("kind", [Draft202012Validator, Draft7Validator])
def test_a_pattern_that_takes_for_ever_is_given_up(
    schema: Mapping[str, Json], value: Json, kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.workflow.schema_errors.PATIENCE_S", 0.05)
    began = process_time()
    with pytest.raises(UnusableSchema, match="takes too long"):
        list(schema_errors(value, schema, kind))
    assert process_time() - began < 2, "without an end it would be years"


@pytest.mark.parametrize("kind", [Draft202012Validator, Draft7Validator])
def test_references_that_lead_on_twice_each_are_given_up(kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    few = {"$ref": "#/$defs/a", "$defs": {"a": {"type": "string"}}}
    assert list(schema_errors("text", few, kind)) == []
    monkeypatch.setattr("core.workflow.schema_errors.REFERENCES_S", 0.05)
    twice: dict[str, Json] = {f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(60)}
    schema: Mapping[str, Json] = {"allOf": [{"$ref": "#/$defs/a0"}], "$defs": {**twice, "a60": {"type": "string"}}}
    with pytest.raises(UnusableSchema, match="refers to so much"):
        list(schema_errors("text", schema, kind))


def test_whoever_checks_a_value_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.workflow.schema_errors.PATIENCE_S", 0.05)
    assert "takes too long" in value_flaw(TEXT, LONG)
    with pytest.raises(ConfigError, match="takes too long"):
        read_answer(f'"{TEXT}"', LONG)
    facts = FunctionFacts("f", parameters={"type": "object", "properties": {"a": dict(LONG)}})
    call = FunctionCall("1", "1", "f", arguments={"a": TEXT})
    with pytest.raises(FunctionError, match="takes too long"):
        checked_arguments(call, facts)


@pytest.mark.parametrize(
    ("schema", "value", "wrong"),
    [
        ({"pattern": "^a+$"}, "aaa", 0),
        ({"pattern": "^a+$"}, "ab", 1),
        ({"pattern": "^a+$"}, 7, 0),
        ({"patternProperties": {"^n_": {"type": "integer"}}}, {"n_a": 1, "n_b": "x", "c": "x"}, 1),
        ({"patternProperties": {"^n_": {}}, "additionalProperties": False}, {"n_a": 1, "b": 2, "c": 3}, 1),
        (
            {"properties": {"b": {}}, "patternProperties": {"^n_": {}}, "additionalProperties": {"type": "null"}},
            {"n_a": 1, "b": 2, "c": 3, "d": None},
            1,
        ),
        ({"additionalProperties": False}, {"a": 1}, 1),
        ({"unevaluatedProperties": False, "patternProperties": {"^n_": {}, "^m_": {}}}, {"n_a": 1, "m.a": 2}, 1),
        (
            {
                "unevaluatedProperties": False,
                "allOf": [{"patternProperties": {"^n_": {"type": "integer"}, "_a$": {"minimum": 2}}}],
                "properties": {"patternProperties": {"type": "null"}, "p": {"const": {"patternProperties": {"a": 1}}}},
            },
            {"n_a": 1, "n_b": 1, "patternProperties": {"type": 1}, "p": {"patternProperties": {"a": 1}}},
            3,
        ),
    ],
)
def test_patterns_mean_what_they_always_meant(schema: Mapping[str, Json], value: Json, wrong: int) -> None:
    assert len(list(schema_errors(value, schema, Draft202012Validator))) == wrong
    assert len(list(Draft202012Validator(dict(schema)).iter_errors(value))) == wrong


def test_the_demonstration_model_fetches_no_schema(allowed_site: Site) -> None:
    allowed_site.pages["/schema"] = lambda _asked: Page(b"{}", 200, {"content-type": "application/json"})
    elsewhere: dict[str, Json] = {"$ref": f"{allowed_site.url}/schema"}
    schemas: list[dict[str, Json]] = [{"type": "object", "allOf": [elsewhere]}, {"not": {"not": elsewhere}}, elsewhere]
    for schema in schemas:
        with suppress(StepError):
            sample_value(schema, Prompt("Make one.", ""))
    assert allowed_site.asked == []


def test_a_pattern_that_is_none_is_told() -> None:
    with pytest.raises(UnusableSchema, match="cannot be used"):
        list(schema_errors("a", {"pattern": "("}, Draft202012Validator))
