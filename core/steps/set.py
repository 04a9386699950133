"""The step type `set`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from pydantic import JsonValue

from core.engine.step_type import Config, StepContext, StepType, setting
from core.workflow.catalogue import ConfigProblem
from core.workflow.model import Json


class SetConfig(Config):
    """The values that are set."""

    values: dict[str, JsonValue] = setting(
        title="Values", help="Given as the step's output, by name.", widget="key_values", default_factory=dict
    )
    variables: dict[str, JsonValue] = setting(
        title="Variables", help="Workflow variables and their new values.", widget="key_values", default_factory=dict
    )


class SetStep(StepType[SetConfig]):
    """Names values: as its own output, and as new values of the workflow's variables.

    Every name under `values` becomes a key of the output, so that later steps read `{{ basics.total }}`. Every name
    under `variables` must be a variable of the workflow; its new value can be read as `{{ vars.NAME }}` by the
    steps that come after. Values are templates, or lists and objects holding templates; a template that is one
    expression keeps its type.

    **Port:** `out`. **Output:** the values by their names.

    ```yaml
    basics:
      type: set
      config:
        values:
          greeting: "Dear {{ input.name }}"
          total: "{{ input.price * input.count }}"
        variables:
          tone: formal
    ```
    """

    type = "set"
    title = "Set values"
    icon = "variable"
    category = "logic"
    also_called = "variable assign edit fields"
    outputs: ClassVar[Mapping[str, str]] = {"*": "Every name under Values, with its value."}
    main_field = "values"
    config_model = SetConfig

    def variables_set(self, config: Mapping[str, Json]) -> Iterable[str]:
        """The names under `variables`."""
        variables = config.get("variables")
        return tuple(variables) if isinstance(variables, dict) else ()

    def check(self, config: Mapping[str, Json]) -> Iterable[ConfigProblem]:
        """Something is set."""
        if not config.get("values") and not config.get("variables"):
            yield ConfigProblem(
                ("values",), "missing_field", "Nothing is set.", "Add a name under values or variables."
            )

    async def run(self, config: SetConfig, context: StepContext) -> dict[str, Json]:
        """Set the variables; the values are the output."""
        for name, value in config.variables.items():
            context.set_variable(name, value)
        return dict(config.values)
