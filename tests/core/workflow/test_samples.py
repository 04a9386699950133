"""Inputs that are made up to try a workflow with."""

from __future__ import annotations

from typing import Any

import pytest

from core.workflow.inputs import check_inputs
from core.workflow.model import Workflow
from core.workflow.samples import sample_inputs


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string"}, "sample order number"),
        ({"type": "string", "examples": ["A-17"], "default": "x"}, "A-17"),
        ({"type": "string", "default": "x"}, "x"),
        ({"enum": ["low", "high"]}, "low"),
        ({"type": "string", "format": "email"}, "ada@example.org"),
        ({"type": "string", "minLength": 21, "maxLength": 21}, "sample order number.."),
        ({"type": "integer"}, 1),
        ({"type": "integer", "minimum": 10}, 10),
        ({"type": "number", "maximum": 0.5}, 0.5),
        ({"type": "boolean"}, True),
        ({"type": ["null", "string"]}, None),
        ({"type": "array", "items": {"type": "integer"}}, [1]),
        ({"type": "object", "properties": {"a": {"type": "boolean"}, "b": {"type": "integer"}}}, {"a": True, "b": 1}),
    ],
)
def test_an_input_gets_a_value_that_its_schema_allows(schema: dict[str, Any], expected: object) -> None:
    workflow = Workflow("Order", inputs={"order_number": schema})
    assert sample_inputs(workflow) == {"order_number": expected}
    assert check_inputs(workflow, sample_inputs(workflow))[1] == []


def test_what_is_given_stays_and_what_is_not_asked_for_is_left_out() -> None:
    workflow = Workflow("Order", inputs={"who": {"type": "string"}, "count": {"type": "integer"}})
    assert sample_inputs(workflow, {"who": "Ada", "more": 1}) == {"who": "Ada", "count": 1}


def test_a_schema_without_an_end_gives_a_value_with_one() -> None:
    deep: dict[str, Any] = {"type": "object"}
    deep["properties"] = {"inner": deep}
    assert sample_inputs(Workflow("Deep", inputs={"it": deep}))
