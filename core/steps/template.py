"""The step type `template`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from core.engine.step_type import Config, StepContext, StepType, setting
from core.steps.parts.text import Text
from core.workflow.model import Json


class TemplateConfig(Config):
    """The text that is filled in."""

    text: Text = setting(title="Text", help="Text with {{ values }} in it.", widget="multiline")


class TemplateStep(StepType[TemplateConfig]):
    """Makes a text out of values.

    The text is a Jinja2 template: `{{ classify.text }}` shows a value, `{% if … %}` and `{% for … %}` choose and
    repeat. Objects and lists are shown as JSON. The result is always text, also when the template is one expression.

    **Port:** `out`. **Output:** `text`.

    ```yaml
    report:
      type: template
      config:
        text: |
          # Digest
          {% for summary in summaries.results %}
          - {{ summary }}
          {% endfor %}
    ```
    """

    type = "template"
    title = "Text"
    icon = "text"
    category = "logic"
    also_called = "string format concat join jinja prompt"
    outputs: ClassVar[Mapping[str, str]] = {"text": "The text with its values filled in."}
    main_field = "text"
    main_output = "text"
    config_model = TemplateConfig

    async def run(self, config: TemplateConfig, context: StepContext) -> dict[str, Json]:
        """The text has been filled in already."""
        return {"text": config.text}
