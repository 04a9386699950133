"""The template step makes text."""

from __future__ import annotations

import pytest

from core.engine.testing import run_lone
from core.steps.template import TemplateStep
from core.workflow.model import Json

_STEP = TemplateStep()


@pytest.mark.parametrize(
    ("filled_in", "text"), [("Hello\n", "Hello\n"), (5, "5"), (None, ""), (True, "true"), (["a"], '["a"]')]
)
async def test_whatever_the_template_gave_the_output_is_text(filled_in: Json, text: str) -> None:
    assert (await run_lone(_STEP, {"text": filled_in})).value == {"text": text}


def test_a_template_without_text_is_a_problem() -> None:
    (problem,) = _STEP.check_config({})
    assert problem.path == ("text",)
    assert problem.message == "Text is missing."
