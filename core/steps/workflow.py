"""The step type `workflow`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import ClassVar

from pydantic import JsonValue

from core.engine.errors import StepError
from core.engine.step_type import Config, StepContext, StepType, setting
from core.steps.parts.fields import FilledText
from core.workflow.model import Json


class WorkflowConfig(Config):
    """Which workflow runs, with what inputs."""

    workflow: FilledText = setting(
        title="Workflow", help="A name in the library, or a file beside this one.", widget="workflow"
    )
    inputs: dict[str, JsonValue] = setting(
        title="Inputs", help="Its inputs by name.", widget="key_values", default_factory=dict
    )
    spread: bool = setting(
        False, title="Spread over workers", help="Let any worker take it, as a run of its own.", template=False
    )


class WorkflowStep(StepType[WorkflowConfig]):
    """Runs another workflow as one step of this one.

    `workflow` is a name in the library or, ending in `.yaml`, a file; a relative file name starts from the folder of
    the document it is written in. `inputs` are checked against the other workflow's inputs; those with a default may be
    left out. Its steps are journalled under this step's name, so that a crash repeats none that had completed.

    With `spread`, a run that a worker executes lets any worker take the other workflow, as a run of its own; meanwhile
    it is suspended and takes no place in its worker. Several such steps side by side run on several workers. In a run
    that no worker executes nothing changes.

    **Port:** `out`. **Output:** the other workflow's outputs by name.

    ```yaml
    triage:
      type: workflow
      config:
        workflow: Support triage
        inputs:
          ticket: "{{ input.message }}"
    ```
    """

    type = "workflow"
    title = "Workflow"
    icon = "workflow"
    category = "logic"
    also_called = "subworkflow sub-workflow call execute"
    outputs: ClassVar[Mapping[str, str]] = {"*": "Every output of that workflow."}
    main_field = "inputs"
    config_model = WorkflowConfig

    async def run(self, config: WorkflowConfig, context: StepContext) -> dict[str, Json]:
        """Run the workflow with its inputs."""
        source = context.services.workflows
        if source is None:
            raise StepError(
                f"The workflow {config.workflow!r} cannot be looked up here: no library and no folder of workflows is "
                "connected. Run it through a workspace.",
                kind="config",
            )
        found = await source.get(config.workflow, context.origin)
        origin = _origin_of(config.workflow, context.origin)
        if config.spread and (outputs := await context.spread_workflow(found, config.inputs, origin)) is not None:
            return outputs
        return await context.run_workflow(found, config.inputs, origin)


def _origin_of(name: str, origin: str) -> str:
    """The folder of a workflow named by its file; '' for one of the library, which has none."""
    if not name.endswith((".yaml", ".yml")):
        return ""
    return str((PurePath(origin) / name).parent)
