"""The step type `note`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from core.engine.step_type import Config, StepContext, StepType, setting
from core.steps.parts.text import Text
from core.workflow.model import Json


class NoteConfig(Config):
    """What the note says and how it looks."""

    text: Text = setting("", title="Text", help="Markdown.", widget="multiline", template=False)
    colour: Literal["yellow", "blue", "green", "pink", "grey"] = setting("yellow", title="Colour", template=False)


class NoteStep(StepType[NoteConfig]):
    """A note on the canvas for the people who work on the graph. It is never run and takes no wires.

    The text is Markdown; nothing in it is a template.

    **Ports:** none. **Output:** none.

    ```yaml
    why_five:
      type: note
      config:
        text: The scale ends at 5 because the support team's own scale does.
        colour: blue
    ```
    """

    type = "note"
    title = "Note"
    icon = "sticky-note"
    category = "logic"
    also_called = "sticky comment remark annotation"
    main_field = "text"
    canvas_only = True
    config_model = NoteConfig

    def ports(self, config: Mapping[str, Json]) -> Sequence[str]:
        """None: a note takes no wires."""
        return ()

    async def run(self, config: NoteConfig, context: StepContext) -> dict[str, Json]:
        """Nothing: the engine passes notes over."""
        return {}
