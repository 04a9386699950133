"""The small step types with main fields and outputs, as edits of wires need them, and short ways to documents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from core.engine.step_type import Category, Config, ConfigModel, StepContext, StepType, StepTypes, setting
from core.workflow.document import from_data
from core.workflow.model import Json, Workflow
from tests.support.small_steps import (
    AddStep,
    ChooseStep,
    FailStep,
    LoopStep,
    NoteStep,
    SetStep,
    ValueStep,
)


class AskConfig(Config):
    prompt: str = setting(title="Prompt")
    model: str = setting("", title="Model", template=False)


class AskStep(StepType[AskConfig]):
    """Stands for a chat: a main field that is text, a main output."""

    type = "ask"
    title = "Ask"
    icon = "ask"
    category: ClassVar[Category] = "model"
    main_field = "prompt"
    main_output = "text"
    config_model: ClassVar[ConfigModel] = AskConfig

    async def run(self, config: AskConfig, context: StepContext) -> dict[str, Json]:
        return {"text": config.prompt}


class GatherConfig(Config):
    inputs: dict[str, str] = setting(title="Inputs", default_factory=dict)


class GatherStep(StepType[GatherConfig]):
    """Its main field takes names with values only."""

    type = "gather"
    title = "Gather"
    icon = "gather"
    category: ClassVar[Category] = "code"
    main_field = "inputs"
    main_output = "result"
    config_model: ClassVar[ConfigModel] = GatherConfig

    async def run(self, config: GatherConfig, context: StepContext) -> dict[str, Json]:
        return {"result": dict(config.inputs)}


class SubConfig(Config):
    workflow: str = setting(title="Workflow")
    inputs: dict[str, Any] = setting(title="Inputs", default_factory=dict)


class SubStep(StepType[SubConfig]):
    """Stands for a step that runs another workflow."""

    type = "workflow"
    title = "Workflow"
    icon = "workflow"
    category: ClassVar[Category] = "logic"
    outputs: ClassVar[Mapping[str, str]] = {"*": "Its outputs."}
    config_model: ClassVar[ConfigModel] = SubConfig

    async def run(self, config: SubConfig, context: StepContext) -> dict[str, Json]:
        return await context.run_workflow(await _found(config.workflow, context), config.inputs)


async def _found(name: str, context: StepContext) -> Workflow:
    source = context.services.workflows
    assert source is not None
    return await source.get(name, context.origin)


class UntilConfig(Config):
    until: str = setting("", title="Until", scope="body")


class UntilStep(StepType[UntilConfig]):
    """A loop whose main field reads the steps inside it."""

    type = "until"
    title = "Until"
    icon = "until"
    category: ClassVar[Category] = "loop"
    main_field = "until"
    is_container = True
    config_model: ClassVar[ConfigModel] = UntilConfig

    async def run(self, config: UntilConfig, context: StepContext) -> dict[str, Json]:
        await context.run_body(0, {"item": None, "index": 0})
        return {}


class EndStep(StepType[Config]):
    """Has no output port."""

    type = "end"
    title = "End"
    icon = "end"
    category: ClassVar[Category] = "output"
    config_model: ClassVar[ConfigModel] = Config

    def ports(self, config: Mapping[str, Json]) -> tuple[str, ...]:
        return ()

    async def run(self, config: Config, context: StepContext) -> dict[str, Json]:
        return {}


def wired_step_types() -> StepTypes:
    """The catalogue of all of these and of the small step types."""
    small: list[StepType[Any]] = [ValueStep(), AddStep(), ChooseStep(), LoopStep(), SetStep(), FailStep(), NoteStep()]
    return StepTypes([*small, AskStep(), GatherStep(), SubStep(), UntilStep(), EndStep()])


def document(steps: dict[str, Json], **fields: Json) -> Workflow:
    """A workflow of steps as they are written in a file."""
    return from_data({"steploom": 1, "name": "N", "steps": steps, **fields})
