"""The step type `stop`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import JsonValue

from core.engine.errors import EndRun
from core.engine.step_type import Config, StepContext, StepType, setting
from core.steps.parts.text import Text
from core.workflow.model import Json


class StopConfig(Config):
    """How the run ends."""

    status: Literal["completed", "failed"] = setting("completed", title="Status", help="How the run ends.")
    message: Text = setting("", title="Message", help="Why, for the person who looks at the run.", widget="multiline")
    outputs: dict[str, JsonValue] = setting(
        title="Outputs", help="The run's outputs, instead of the workflow's.", widget="key_values", default_factory=dict
    )


class StopStep(StepType[StopConfig]):
    """Ends the workflow now, as completed or as failed.

    Steps that are still running are cancelled. `message` says why. A workflow that ends as `completed` may be given
    `outputs` here, in place of those it would have computed. Inside a loop not only the loop ends, but the workflow.

    In a workflow that another one called, only the called one ends: the step that called it completes with the
    outputs or fails with the message, and the calling workflow goes on from there.

    **Ports:** none. **Output:** none, nothing comes after it.

    ```yaml
    give_up:
      type: stop
      config:
        status: failed
        message: "No document was found in {{ input.folder }}."
    ```
    """

    type = "stop"
    title = "Stop"
    icon = "octagon-x"
    category = "output"
    also_called = "end abort fail exit error"
    main_field = "message"
    config_model = StopConfig

    def ports(self, config: Mapping[str, Json]) -> Sequence[str]:
        """None: nothing comes after it."""
        return ()

    async def run(self, config: StopConfig, context: StepContext) -> dict[str, Json]:
        """End the run."""
        raise EndRun(config.status, config.message, config.outputs)
