"""A small catalogue of real step types that make tests of documents and of the engine readable."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from core.engine.errors import StepError
from core.engine.step_type import Category, Config, ConfigModel, StepContext, StepOutput, StepType, StepTypes, setting
from core.workflow.model import Json


class ValueConfig(Config):
    value: Any = setting(None, title="Value")


class ValueStep(StepType[ValueConfig]):
    """Gives its config's value."""

    type = "value"
    title = "Value"
    icon = "value"
    category: ClassVar[Category] = "logic"
    outputs: ClassVar[Mapping[str, str]] = {"value": "The value."}
    config_model: ClassVar[ConfigModel] = ValueConfig

    async def run(self, config: ValueConfig, context: StepContext) -> dict[str, Json]:
        return {"value": config.value}


class AddConfig(Config):
    a: float = setting(title="First number")
    b: float = setting(title="Second number")
    key: str = setting("", title="Key", secrets=True)


class AddStep(StepType[AddConfig]):
    """Adds two numbers. `key` is a field whose templates may read secrets."""

    type = "add"
    title = "Add"
    icon = "add"
    category: ClassVar[Category] = "logic"
    outputs: ClassVar[Mapping[str, str]] = {"sum": "The sum."}
    config_model: ClassVar[ConfigModel] = AddConfig

    async def run(self, config: AddConfig, context: StepContext) -> dict[str, Json]:
        return {"sum": config.a + config.b}


class ChooseConfig(Config):
    value: Any = setting(title="Value")


class ChooseStep(StepType[ChooseConfig]):
    """Makes the port `true` live if its value is true in Python's sense, else the port `false`."""

    type = "choose"
    title = "Choose"
    icon = "choose"
    category: ClassVar[Category] = "logic"
    outputs: ClassVar[Mapping[str, str]] = {"chosen": "Whether `true` was chosen."}
    config_model: ClassVar[ConfigModel] = ChooseConfig

    def ports(self, config: Mapping[str, Json]) -> Sequence[str]:
        return ("true", "false")

    async def run(self, config: ChooseConfig, context: StepContext) -> StepOutput:
        chosen = bool(config.value)
        return StepOutput({"chosen": chosen}, ("true" if chosen else "false",))


class LoopConfig(Config):
    times: int = setting(title="Times", ge=1)
    collect: str = setting("", title="Collect", scope="body")


class LoopStep(StepType[LoopConfig]):
    """Runs its body that many times; `item` and `index` count from 0, `times` is how many there will be."""

    type = "loop"
    title = "Loop"
    icon = "loop"
    category: ClassVar[Category] = "loop"
    is_container = True
    outputs: ClassVar[Mapping[str, str]] = {"items": "What `collect` gave in each pass.", "count": "How many passes."}
    config_model: ClassVar[ConfigModel] = LoopConfig

    def body_names(self, config: Mapping[str, Json]) -> Iterable[str]:
        return ("times",)

    async def run(self, config: LoopConfig, context: StepContext) -> dict[str, Json]:
        items: list[Json] = []
        for index in range(config.times):
            done = await context.run_body(index, {"item": index, "index": index, "times": config.times})
            items.append(done.evaluate(config.collect))
        return {"items": items, "count": len(items)}


class SetConfig(Config):
    variables: dict[str, Any] = setting(title="Variables")


class SetStep(StepType[SetConfig]):
    """Sets workflow variables and gives them as its output."""

    type = "set"
    title = "Set"
    icon = "set"
    category: ClassVar[Category] = "logic"
    config_model: ClassVar[ConfigModel] = SetConfig

    def variables_set(self, config: Mapping[str, Json]) -> Iterable[str]:
        variables = config.get("variables")
        return tuple(variables) if isinstance(variables, dict) else ()

    async def run(self, config: SetConfig, context: StepContext) -> dict[str, Json]:
        for name, value in config.variables.items():
            context.set_variable(name, value)
        return dict(config.variables)


class FailConfig(Config):
    message: str = setting("It failed.", title="Message")
    kind: str = setting("failed", title="Kind", template=False)
    retryable: bool = setting(False, title="Retryable")
    retry_after: float | None = setting(None, title="Retry after", unit="s")
    times: int = setting(0, title="Failing attempts; 0 for all", ge=0)


class FailStep(StepType[FailConfig]):
    """Fails in its first `times` attempts, or in all of them."""

    type = "fail"
    title = "Fail"
    icon = "fail"
    category: ClassVar[Category] = "logic"
    outputs: ClassVar[Mapping[str, str]] = {"attempts": "How many attempts it took."}
    config_model: ClassVar[ConfigModel] = FailConfig

    async def run(self, config: FailConfig, context: StepContext) -> dict[str, Json]:
        if not config.times or context.attempt <= config.times:
            raise StepError(
                config.message, kind=config.kind, retryable=config.retryable, retry_after=config.retry_after
            )
        return {"attempts": context.attempt}


class NoteConfig(Config):
    text: str = setting("", title="Text", template=False)


class NoteStep(StepType[NoteConfig]):
    """A remark on the canvas; never run."""

    type = "note"
    title = "Note"
    icon = "note"
    category: ClassVar[Category] = "logic"
    canvas_only = True
    config_model: ClassVar[ConfigModel] = NoteConfig

    async def run(self, config: NoteConfig, context: StepContext) -> dict[str, Json]:
        raise StepError("A note is never run.")


def small_step_types() -> StepTypes:
    """The catalogue of all of these."""
    return StepTypes([ValueStep(), AddStep(), ChooseStep(), LoopStep(), SetStep(), FailStep(), NoteStep()])
