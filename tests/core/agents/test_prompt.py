"""The prompt of an agent as a template."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.agents.agent import Agent
from core.agents.prompt import fill_in
from core.engine.errors import TemplateError

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)


@pytest.mark.parametrize("wrong", ["{{ nothing }}", "{{ vars.nothing }}", "{{ vars.x", "{% if %}"])
def test_why_a_prompt_cannot_be_filled_in_is_told_without_its_words(wrong: str) -> None:
    agent = Agent("Ada", prompt=f"The code word is zebra. {wrong}")
    with pytest.raises(TemplateError) as caught:
        fill_in(agent, {}, NOW, "")
    assert str(caught.value).startswith("The instructions of Ada could not be filled in: ")
    assert "zebra" not in str(caught.value)
