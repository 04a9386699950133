"""Doubles for tests of steps and of programs that embed the engine: a clock moved by hand, a lone step's host."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable, Container, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Literal

from core.engine.child import Child
from core.engine.clock import Timer
from core.engine.errors import StepError
from core.engine.services import Services
from core.engine.step_type import Pass, StepContext, StepOutput, StepType
from core.engine.templates import evaluate
from core.workflow.model import Json, Workflow


class ManualClock:
    """Time that moves only when told to. `advance` fires what falls due; `sleeping` tells how much is waiting."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, 12, tzinfo=UTC)) -> None:
        self._start = start
        self._seconds = 0.0
        self._calls: list[tuple[float, int, _Call]] = []
        self._order = itertools.count()

    def now(self) -> datetime:
        """The time in UTC."""
        return self._start + timedelta(seconds=self._seconds)

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        return self._seconds

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call back when the clock has been moved that far."""
        call = _Call(callback)
        heapq.heappush(self._calls, (self._seconds + seconds, next(self._order), call))
        return call

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock has been moved that far."""
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def wake() -> None:
            if not woken.done():
                woken.set_result(None)

        timer = self.call_later(seconds, wake)
        try:
            await woken
        finally:
            timer.cancel()

    @property
    def sleeping(self) -> int:
        """How many calls are due later."""
        return sum(1 for _, _, call in self._calls if call.callback is not None)

    def next_due(self) -> float | None:
        """Seconds until the next call is due, or None."""
        return min((due - self._seconds for due, _, call in self._calls if call.callback is not None), default=None)

    async def advance(self, seconds: float) -> None:
        """Move the clock, firing calls in their order and letting the loop run after each."""
        target = self._seconds + seconds
        await settle()
        while self._calls and self._calls[0][0] <= target:
            due, _, call = heapq.heappop(self._calls)
            self._seconds = max(self._seconds, due)
            call.fire()
            await settle()
        self._seconds = target


class _Call:
    def __init__(self, callback: Callable[[], object]) -> None:
        self.callback: Callable[[], object] | None = callback

    def cancel(self) -> None:
        self.callback = None

    def fire(self) -> None:
        callback, self.callback = self.callback, None
        if callback is not None:
            callback()


async def settle(rounds: int = 50) -> None:
    """Let everything that can go on without time passing go on."""
    for _ in range(rounds):
        await asyncio.sleep(0)


class LoneHost:
    """A host for one step outside any workflow.

    names: what templates may read. body: what the steps inside give in a pass. replayed: passes of an earlier process.
    """

    def __init__(
        self,
        names: Mapping[str, Json] | None = None,
        body: Callable[[int, Mapping[str, Json]], Mapping[str, Json]] | None = None,
        replayed: Container[int] = (),
    ) -> None:
        self.names = dict(names or {})
        self.body = body
        self.replayed = replayed
        self.deltas: list[str] = []
        self.variables: dict[str, Json] = {}
        self.passes: list[int] = []

    def delta(self, text: str, channel: Literal["text", "reasoning"]) -> None:
        """Keep a piece of the result."""
        if channel == "text":
            self.deltas.append(text)

    def set_variable(self, name: str, value: Json) -> None:
        """Keep a variable."""
        self.variables[name] = value

    def evaluate(self, template: Json, names: Mapping[str, Json]) -> Json:
        """A template with the host's names and some more."""
        return evaluate(template, {**self.names, **names})

    async def run_body(self, index: int, names: Mapping[str, Json]) -> Pass:
        """One pass: `body` is called and its result gives the names inside."""
        if self.body is None:
            raise StepError("This lone step has no body.")
        self.passes.append(index)
        await asyncio.sleep(0)
        return _LonePass({**self.names, **names, **self.body(index, names)}, index in self.replayed)

    async def run_workflow(
        self, workflow: Workflow, inputs: Mapping[str, Json], origin: str, *, shared: bool = False
    ) -> dict[str, Json]:
        """The outputs of the workflow as if it had no steps."""
        outputs = evaluate(dict(workflow.outputs), {"input": dict(inputs)})
        assert isinstance(outputs, dict)
        return outputs

    async def may_spend(self) -> None:
        """It may."""

    async def run_child(self, child: Child) -> dict[str, Json]:
        """The output of the child, run in this same context."""
        result = await child.work(lone_context(self))
        return result.value if isinstance(result, StepOutput) else result

    async def spread_passes(
        self, passes: Sequence[Mapping[str, Json]], gives: Json, *, at_once: int, stops: bool
    ) -> Mapping[int, Json | StepError] | None:
        """No workers are there."""
        return None

    async def spread_workflow(
        self, workflow: Workflow, inputs: Mapping[str, Json], origin: str
    ) -> dict[str, Json] | None:
        """No workers are there."""
        return None


class _LonePass:
    def __init__(self, names: Mapping[str, Json], replayed: bool) -> None:
        self._names = names
        self.replayed = replayed

    def evaluate(self, template: Json) -> Json:
        return evaluate(template, self._names)


def lone_context(
    host: LoneHost | None = None,
    *,
    services: Services | None = None,
    clock: ManualClock | None = None,
    answer: Mapping[str, Json] | None = None,
    state: Mapping[str, Json] | None = None,
    idempotency_key: str = "",
    origin: str = "",
) -> StepContext:
    """A context for running one step outside any workflow."""
    return StepContext(
        run_id="run-1",
        path="step",
        step_id="step",
        attempt=1,
        origin=origin,
        services=services or Services(),
        clock=clock or ManualClock(),
        random=Random(1),  # noqa: S311 - repeatable on purpose
        host=host or LoneHost(),
        answer=answer,
        state=state,
        idempotency_key=idempotency_key,
    )


async def run_lone(
    step_type: StepType[Any], config: Mapping[str, Json], context: StepContext | None = None
) -> StepOutput:
    """Run one step outside any workflow, its config taken as it is (no templates filled in)."""
    result = await step_type.run(step_type.resolve(config), context or lone_context())
    return result if isinstance(result, StepOutput) else StepOutput(result)
