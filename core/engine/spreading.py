"""How a step in a graph has runs of its own executed, waits for them and takes what they gave."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeAlias

from core.engine.clock import Clock
from core.engine.errors import EndRun, StepError, Suspend, TemplateError
from core.engine.events import Cause
from core.engine.journal import Lease, StepRecord
from core.engine.part import OnePass, Part
from core.engine.plan import StepPlan
from core.engine.services import Services
from core.engine.spread import ENDS, RESULT, SPREAD, VARIABLES, Ended, Order, Spot, Spread, Standing, Wanted
from core.engine.templates import SKIPPED, templates_in
from core.engine.variables import Rank, Variables
from core.workflow.model import Json, Step, Workflow
from core.workflow.templates import Skipped

Outcome: TypeAlias = "Json | StepError"
"""What a pass gave, or why it failed."""

_GOES_ON: frozenset[Cause] = frozenset({"resumed", "answered"})
"""Causes of attempts that go on with what an earlier one began."""


class AskingRun(Protocol):
    """What it needs of the run whose step asks: core.engine.execution.Execution is one."""

    run_id: str
    lease: Lease
    services: Services
    clock: Clock
    spread_paths: set[str]

    @property
    def reuse(self) -> object | None:
        """What is known before its steps begin."""

    def history(self, path: str) -> Sequence[StepRecord]:
        """The records of earlier attempts at that path, oldest first."""

    def masked(self, value: Mapping[str, Json]) -> Mapping[str, Json]:
        """The value without the secrets that the run has used."""

    async def flush(self) -> None:
        """Wait until all that was emitted is durable."""

    async def count_spread(self) -> None:
        """Count what its runs have spent by now."""


class Spreading:
    """One attempt of a step that asks for runs of its own.

    number, cause: of the attempt. base: what stands before the paths of the document that the step is part of.
    """

    def __init__(self, run: AskingRun, plan: StepPlan, path: str, *, number: int, cause: Cause, base: str) -> None:
        self._run = run
        self._plan = plan
        self._path = path
        self._base = base
        self._past = run.history(path)
        self._number = number
        self._cause = cause

    async def ended(self, make: Callable[[], Order], *, stops: bool = False) -> Sequence[Ended] | None:
        """What became of the runs, all of them or, if `stops`, until one failed. None: the step does its work itself.

        make: gives the runs that are wanted; called if there are none yet. Raises Suspend while they are at work, and
        StepError(kind='timeout') if they were for too long.
        """
        spread = self._run.services.spread
        if spread is None:
            return None
        spot = Spot(self._run.run_id, self._path, self._round(), self._run.lease.epoch)
        standing = await spread.standing(spot)
        settled = _is_settled(standing, stops=stops)
        if not standing.made:
            if not spread.is_worker or self._run.reuse is not None:
                return None
            await self._run.flush()
            await spread.begin(spot, make())
            standing = await spread.standing(spot)
        elif self._failed_before or (standing.dropped and not settled):
            await self._run.flush()
            await spread.begin(spot, make())  # those that somebody has removed meanwhile
            await spread.again(spot, failed=self._failed_before)
            standing = await spread.standing(spot)
        self._run.spread_paths.add(self._path)
        await self._run.count_spread()
        if standing.left and not _is_settled(standing, stops=stops):
            await self._wait(spread, spot, standing.made)
        found = await spread.ended(spot)
        if standing.left:
            await spread.drop(spot.run_id, spot=spot, reason="the loop that it was part of has ended")
        return found

    @property
    def _failed_before(self) -> bool:
        """Whether the step was done with its runs and failed, and is now resumed: they are given another chance."""
        return self._cause in _GOES_ON and bool(self._past) and self._past[-1].status == "failed"

    def _round(self) -> int:
        """The attempt that began what this one goes on with."""
        if self._cause not in _GOES_ON:
            return self._number
        began = (record.attempt for record in reversed(self._past) if record.cause not in _GOES_ON)
        return next(began, self._number)

    async def _wait(self, spread: Spread, spot: Spot, made: int) -> None:
        """Suspend the step until its runs have ended, or its time is over."""
        until = self._deadline()
        if until is not None and self._run.clock.now() >= until:
            await spread.drop(spot.run_id, spot=spot, reason="the step that it was part of took too long")
            seconds = self._plan.step.timeout
            raise StepError(f"It took longer than its timeout of {seconds:g} s.", kind="timeout", retryable=True)
        raise Suspend(until=until, state={SPREAD: {"runs": made}})

    def _deadline(self) -> datetime | None:
        seconds = self._plan.step.timeout
        if seconds is None:
            return None
        began = self._run.clock.now()
        for record in reversed(self._past if self._cause in _GOES_ON else ()):
            if record.status == "failed":
                break
            began = record.started or began
            if record.cause not in _GOES_ON:
                break
        return began + timedelta(seconds=seconds)

    def passes(
        self,
        document: Workflow,
        origin: str,
        names: Mapping[str, Any],
        variables: Variables,
        each: Sequence[Mapping[str, Json]],
        gives: Json,
        **how: Any,
    ) -> Order:
        """The runs that make the passes of a loop. each: the names of one pass besides those around it."""
        step = self._plan.step
        around, skipped = _around({"run"} | _roots(step.body or {}, gives), names)
        around["vars"] = dict(variables.values)
        one_pass = OnePass(step.id, self._path.removeprefix(self._base), gives, skipped)
        part = Part(names=self._run.masked(around), one_pass=one_pass)
        runs = [
            Wanted(number, document, self._run.masked(own), origin, part) for number, own in enumerate(each)
        ]  # fmt: skip
        return Order(runs, self._base, **how)

    def taken(self, found: Iterable[Ended], variables: Variables, rank: Rank) -> dict[int, Outcome]:
        """What each pass gave, by its number; the variables that they set are set, in the order of the passes.

        Raises EndRun if a pass ended the run.
        """
        outcomes: dict[int, Outcome] = {}
        for one in found:
            if one.status != "completed":
                outcomes[one.number] = one.failure(self._base)
                continue
            _end_if_wanted(one, self._base)
            outcomes[one.number] = one.outputs.get(RESULT)
            changes = one.outputs.get(VARIABLES)
            if isinstance(changes, dict) and changes:
                variables.set(changes, (*rank, self._plan.rank, one.number))
        return outcomes


def _is_settled(standing: Standing, *, stops: bool) -> bool:
    """Whether what became of some makes the others needless."""
    return bool(standing.ending or (stops and standing.failed))


def _end_if_wanted(one: Ended, base: str) -> None:
    wish = one.outputs.get(ENDS)
    if not isinstance(wish, dict):
        return
    outputs = wish.get("outputs")
    end = EndRun(
        "failed" if wish.get("status") == "failed" else "completed",
        str(wish.get("message", "")),
        outputs if isinstance(outputs, dict) else None,
    )
    end.raised_at = base + str(wish.get("at", ""))
    raise end


def _around(roots: Iterable[str], names: Mapping[str, Any]) -> tuple[dict[str, Json], tuple[str, ...]]:
    """What stands around a loop of what its body reads, and which steps of that were skipped."""
    found: dict[str, Json] = {}
    skipped: list[str] = []
    for root in sorted(roots):
        value = names.get(root)
        if isinstance(value, Skipped):
            if value is SKIPPED:
                skipped.append(root)
        elif root in names and root not in ("vars", "secrets"):
            found[root] = value
    return found, tuple(skipped)


def _roots(body: Mapping[str, Step], gives: Json) -> set[str]:
    """The first names of all that templates in the body, and the one of what a pass gives, may read."""
    return {name for value in (gives, *_texts(body)) for name in _names_in(value)}


def _texts(body: Mapping[str, Step]) -> Iterator[Json]:
    for step in body.values():
        yield dict(step.config)
        yield step.idempotency_key
        yield dict(step.default or {})
        yield from _texts(step.body or {})


def _names_in(value: Json) -> frozenset[str]:
    """The names that the templates in a value read; a text with marks that is no template reads none."""
    if isinstance(value, dict):
        return frozenset().union(*map(_names_in, value.values()))
    if isinstance(value, list):
        return frozenset().union(*map(_names_in, value))
    try:
        return frozenset().union(*(template.names for template in templates_in(value)))
    except TemplateError:
        return frozenset()
