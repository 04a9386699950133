"""Step types for tests of the engine: work that can be held, watched and broken, questions, containers, ends."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Literal

from core.engine.errors import EndRun, Question, StepError, Suspend, Suspended
from core.engine.events import Usage
from core.engine.step_type import (
    Category,
    Config,
    ConfigModel,
    Effect,
    StepContext,
    StepOutput,
    StepType,
    StepTypes,
    setting,
)
from core.workflow.model import Json


class Stage:
    """What the steps of a test did, and the gates that hold them.

    ran: scope path and attempt of every call of a `work` step's run, in order. ended: paths of those that got
    through. keys: the idempotency keys they saw. running: those inside run() now, most: the highest number ever.
    """

    def __init__(self) -> None:
        self.ran: list[tuple[str, int]] = []
        self.ended: list[str] = []
        self.keys: list[tuple[str, str]] = []
        self.answers: list[tuple[str, Mapping[str, Json] | None]] = []
        self.running: set[str] = set()
        self.most = 0
        self._gates: dict[str, asyncio.Event] = {}

    def gate(self, path: str) -> asyncio.Event:
        """What a step with `gate: true` waits for."""
        return self._gates.setdefault(path, asyncio.Event())

    @property
    def paths(self) -> list[str]:
        """The scope paths that ran, in order."""
        return [path for path, _ in self.ran]

    @property
    def times(self) -> Counter[str]:
        """How often each path ran."""
        return Counter(self.paths)


class WorkConfig(Config):
    value: Any = setting(None, title="Value")
    effect: Effect = setting("pure", title="Effect", template=False)
    gate: bool = setting(False, title="Wait for the gate")
    seconds: float = setting(0.0, title="Sleep")
    yields: int = setting(0, title="Rounds of the loop to let pass")
    tokens: int = setting(0, title="Tokens")
    deltas: list[str] = setting(title="Pieces shown", default_factory=list)
    variables: dict[str, Any] = setting(title="Variables", default_factory=dict)
    fails: int = setting(0, title="Failing attempts; -1 for all")
    kind: str = setting("failed", title="Kind of failure")
    message: str = setting("It broke.", title="Message")
    retryable: bool = setting(True, title="Retryable")
    retry_after: float | None = setting(None, title="Retry after")
    stubborn: bool = setting(False, title="Goes on although it is cancelled")
    key: str = setting("", title="Key", secrets=True)


class WorkStep(StepType[WorkConfig]):
    """Gives its value, after whatever its config says."""

    type = "work"
    title = "Work"
    icon = "work"
    category: ClassVar[Category] = "logic"
    config_model: ClassVar[ConfigModel] = WorkConfig

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def effect_of(self, config: Mapping[str, Json]) -> Effect:
        match config.get("effect"):
            case "reads" | "spends" | "writes" as effect:
                return effect
            case _:
                return "pure"

    async def run(self, config: WorkConfig, context: StepContext) -> dict[str, Json]:
        stage, path = self._stage, context.path
        stage.ran.append((path, context.attempt))
        stage.keys.append((path, context.idempotency_key))
        stage.running.add(path)
        stage.most = max(stage.most, len(stage.running))
        try:
            return await self._work(config, context)
        finally:
            stage.running.discard(path)

    async def _work(self, config: WorkConfig, context: StepContext) -> dict[str, Json]:
        stage, path = self._stage, context.path
        if config.tokens:
            context.spend(Usage(config.tokens, 0, config.tokens / 1000))
        if config.key:
            context.record_request({"headers": {"Authorization": f"Bearer {config.key}"}})
        for name, value in config.variables.items():
            context.set_variable(name, value)
        for text in config.deltas:
            context.delta(text)
        for _ in range(config.yields):
            await asyncio.sleep(0)
        try:
            if config.gate:
                await stage.gate(path).wait()
            if config.seconds:
                await context.clock.sleep(config.seconds)
        except asyncio.CancelledError:
            if not config.stubborn:
                raise
        if config.fails < 0 or context.attempt <= config.fails:
            raise StepError(
                config.message, kind=config.kind, retryable=config.retryable, retry_after=config.retry_after
            )
        stage.ended.append(path)
        return {"value": config.value, "key": config.key, "attempt": context.attempt}


class AskConfig(Config):
    message: str = setting("Go on?", title="Message", secrets=True)
    until: str = setting("", title="Until")
    state: dict[str, Any] = setting(title="State", default_factory=dict)
    effect: Effect = setting("pure", title="Effect", template=False)
    gate: bool = setting(False, title="Wait for the gate once answered")
    tokens: int = setting(0, title="Tokens before asking")


class AskStep(StepType[AskConfig]):
    """Suspends until answered or until a time; `choice` gives the answer, and the live port if there is no answer."""

    type = "ask"
    title = "Ask"
    icon = "ask"
    category: ClassVar[Category] = "human"
    config_model: ClassVar[ConfigModel] = AskConfig

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def effect_of(self, config: Mapping[str, Json]) -> Effect:
        match config.get("effect"):
            case "spends" | "writes" as effect:
                return effect
            case _:
                return "pure"

    def ports(self, config: Mapping[str, Json]) -> tuple[str, ...]:
        return ("answered", "late")

    async def run(self, config: AskConfig, context: StepContext) -> StepOutput:
        self._stage.ran.append((context.path, context.attempt))
        self._stage.answers.append((context.path, context.answer))
        if context.answer is not None:
            if config.gate:
                await self._stage.gate(context.path).wait()
            return StepOutput({"choice": context.answer.get("choice"), "state": dict(context.state)}, ("answered",))
        until = datetime.fromisoformat(config.until) if config.until else None
        if until is not None and context.clock.now() >= until:
            return StepOutput({"choice": None, "state": dict(context.state)}, ("late",))
        if config.tokens:
            context.spend(Usage(config.tokens, 0, 0.0))
        raise Suspend(question=Question(config.message), until=until, state=config.state)


class ManyConfig(Config):
    items: list[Any] = setting(title="Items")
    collect: Any = setting(None, title="Collect", scope="body")


class ManyStep(StepType[ManyConfig]):
    """Runs its body for all items at the same time."""

    type = "many"
    title = "Many"
    icon = "many"
    category: ClassVar[Category] = "loop"
    is_container = True
    config_model: ClassVar[ConfigModel] = ManyConfig

    async def run(self, config: ManyConfig, context: StepContext) -> dict[str, Json]:
        passes = [
            asyncio.create_task(context.run_body(index, {"item": item, "index": index}))
            for index, item in enumerate(config.items)
        ]
        try:
            if passes:
                await asyncio.wait(passes, return_when=asyncio.FIRST_EXCEPTION)
            for each in passes:
                if each.done() and isinstance(error := each.exception(), Exception):
                    if isinstance(error, Suspended):
                        continue
                    raise error
            results = await asyncio.gather(*passes, return_exceptions=True)
        finally:
            for each in passes:
                each.cancel()
            await asyncio.gather(*passes, return_exceptions=True)
        values: list[Json] = []
        for result in results:
            if isinstance(result, BaseException):
                raise result
            values.append(result.evaluate(config.collect))
        return {"results": values}


class CallConfig(Config):
    name: str = setting(title="Workflow")
    inputs: dict[str, Any] = setting(title="Inputs", default_factory=dict)


class CallStep(StepType[CallConfig]):
    """Runs another workflow."""

    type = "workflow"
    title = "Call"
    icon = "call"
    category: ClassVar[Category] = "logic"
    config_model: ClassVar[ConfigModel] = CallConfig

    async def run(self, config: CallConfig, context: StepContext) -> dict[str, Json]:
        assert context.services.workflows is not None
        workflow = await context.services.workflows.get(config.name, context.origin)
        return await context.run_workflow(workflow, config.inputs)


class EndConfig(Config):
    status: Literal["completed", "failed"] = setting("completed", title="Status")
    message: str = setting("", title="Message")
    outputs: dict[str, Any] = setting(title="Outputs", default_factory=dict)


class EndStep(StepType[EndConfig]):
    """Ends the run."""

    type = "end"
    title = "End"
    icon = "end"
    category: ClassVar[Category] = "output"
    config_model: ClassVar[ConfigModel] = EndConfig

    async def run(self, config: EndConfig, context: StepContext) -> dict[str, Json]:
        raise EndRun(config.status, config.message, config.outputs)


class OddConfig(Config):
    how: Literal["text", "bug", "timeout", "cancelled"] = setting(title="How it misbehaves")


class OddStep(StepType[OddConfig]):
    """Does what no step should."""

    type = "odd"
    title = "Odd"
    icon = "odd"
    category: ClassVar[Category] = "code"
    config_model: ClassVar[ConfigModel] = OddConfig

    async def run(self, config: OddConfig, context: StepContext) -> dict[str, Json]:
        match config.how:
            case "text":
                output: Any = "no object"
                checked: dict[str, Json] = output
                return checked
            case "timeout":
                raise TimeoutError
            case "cancelled":
                never: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                never.cancel()
                await never
            case _:
                pass
        raise ZeroDivisionError("one by nothing")


def engine_step_types(stage: Stage, others: StepTypes | None = None) -> StepTypes:
    """The catalogue of all of these; what its steps do shows on that stage. others: is given those that it lacks."""
    kinds = others if others is not None else StepTypes([])
    for kind in (WorkStep(stage), AskStep(stage), ManyStep(), CallStep(), EndStep(), OddStep()):
        if kinds.get(kind.type) is None:
            kinds.add(kind)
    return kinds
