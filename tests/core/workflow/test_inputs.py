from __future__ import annotations

import pytest

from core.workflow.inputs import check_inputs
from core.workflow.model import Json, Workflow

WORKFLOW = Workflow(
    "N",
    inputs={
        "ticket": {"type": "string"},
        "limit": {"type": "integer", "default": 3},
        "tags": {"type": "array", "items": {"type": "string"}, "default": ["a"]},
    },
)


def test_defaults_are_filled_in() -> None:
    assert check_inputs(WORKFLOW, {"ticket": "x"}) == ({"ticket": "x", "limit": 3, "tags": ["a"]}, [])


def test_a_default_is_not_shared_between_runs() -> None:
    first, _ = check_inputs(WORKFLOW, {"ticket": "x"})
    tags = first["tags"]
    assert isinstance(tags, list)
    tags.append("b")
    assert check_inputs(WORKFLOW, {"ticket": "x"})[0]["tags"] == ["a"]


@pytest.mark.parametrize(
    ("values", "code", "field", "words"),
    [
        ({}, "missing_input", "inputs.ticket", "Give a text."),
        ({"ticket": "x", "limti": 1}, "unknown_input", "inputs.limti", "Did you mean 'limit'?"),
        ({"ticket": 5}, "wrong_input", "inputs.ticket", "Give a text."),
        ({"ticket": "x", "limit": "3"}, "wrong_input", "inputs.limit", "Give a whole number."),
        ({"ticket": "x", "limit": True}, "wrong_input", "inputs.limit", "Give a whole number."),
        ({"ticket": "x", "tags": ["a", 1]}, "wrong_input", "inputs.tags", "Give a list in JSON."),
        ({"ticket": "\0"}, "wrong_input", "inputs.ticket", "Give a text."),
        ({"ticket": "x", "limit": float("inf")}, "wrong_input", "inputs.limit", "Give a whole number."),
    ],
)
def test_what_does_not_fit_is_said_with_what_is_wanted(
    values: dict[str, Json], code: str, field: str, words: str
) -> None:
    _, (problem,) = check_inputs(WORKFLOW, values)
    assert (problem.code, problem.field) == (code, field)
    assert words in problem.fix
    assert problem.message.endswith(".")


def test_everything_wrong_is_reported_at_once() -> None:
    _, problems = check_inputs(WORKFLOW, {"limit": "x", "other": 1})
    assert [problem.code for problem in problems] == ["unknown_input", "missing_input", "wrong_input"]


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        ({"type": "string"}, "3", "3"),
        ({}, "3", "3"),
        ({"type": "integer"}, "3", 3),
        ({"type": "integer"}, "3.0", 3),
        ({"type": "number"}, "2.5", 2.5),
        ({"type": "number"}, "1e3", 1000.0),
        ({"type": "boolean"}, "true", True),
        ({"type": "boolean"}, "No", False),
        ({"type": "array"}, "[1, 2]", [1, 2]),
        ({"type": "object"}, '{"a": null}', {"a": None}),
        ({"type": ["integer", "null"]}, "null", None),
        ({"type": ["integer", "string"]}, "3", "3"),
        ({"enum": [1, "2"]}, "1", 1),
        ({"enum": [1, "2"]}, "2", "2"),
    ],
)
def test_texts_become_what_the_schema_asks_for(schema: dict[str, Json], text: str, value: Json) -> None:
    complete, problems = check_inputs(Workflow("N", inputs={"x": schema}), {"x": text}, from_text=True)
    assert not problems
    assert (complete["x"], type(complete["x"])) == (value, type(value))


@pytest.mark.parametrize(
    ("kind", "text"),
    [("integer", "three"), ("integer", "2.5"), ("number", "NaN"), ("number", "1e999"), ("boolean", "maybe"),
     ("array", "a, b"), ("array", "[" * 100_000), ("object", "[1]"), ("integer", "9" * 5000)],
)  # fmt: skip
def test_texts_that_stand_for_nothing_fitting_are_refused(kind: str, text: str) -> None:
    _, (problem,) = check_inputs(Workflow("N", inputs={"x": {"type": kind}}), {"x": text}, from_text=True)
    assert problem.code == "wrong_input"
    assert len(problem.message) < 400


def test_values_that_are_no_texts_stay_as_they_are_on_the_command_line_too() -> None:
    assert check_inputs(Workflow("N", inputs={"x": {"type": "integer"}}), {"x": 3}, from_text=True)[1] == []


def test_an_input_with_an_invalid_schema_says_so() -> None:
    _, (problem,) = check_inputs(Workflow("N", inputs={"x": {"type": "text"}}), {"x": 3})
    assert "invalid JSON Schema" in problem.message


def test_a_schema_never_reaches_for_the_network() -> None:
    _, (problem,) = check_inputs(Workflow("N", inputs={"x": {"$ref": "http://schemas.invalid/x"}}), {"x": 3})
    assert "which is not in it" in problem.message
