"""One run while it is executed: its lease, its event stream, what it may use, what it has spent."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random
from typing import TYPE_CHECKING, Protocol, TypeAlias

from core.engine.budget import Allowance, Spender
from core.engine.cheaper_models import CheaperModels
from core.engine.clock import Clock, Deadline
from core.engine.errors import JournalUnavailable, LeaseLost, StepError
from core.engine.events import NO_USAGE, ErrorInfo, Event, StepCancelled, Usage
from core.engine.journal import Journal, Lease, StepRecord
from core.engine.mask import Mask, MaskedStream, names_shown
from core.engine.masked_blobs import MaskedBlobs
from core.engine.plan import Plan
from core.engine.services import Services
from core.engine.spread import SPREAD
from core.workflow.model import Json, Workflow

if TYPE_CHECKING:
    from core.engine.reuse import Reuse
    from core.engine.step_type import StepContext

Listener: TypeAlias = Callable[[Event], None]
"""Gets every event of a run, at once and in order. It must be quick and must not raise."""

MAX_DEPTH = 20
"""How deep workflows may call workflows."""


class Planner(Protocol):
    """What a run asks of the engine when a step runs another workflow."""

    def plan(self, workflow: Workflow) -> Plan:
        """The workflow, ready to run. Raises DocumentError."""

    def bind_inputs(self, workflow: Workflow, inputs: Mapping[str, Json]) -> dict[str, Json]:
        """Inputs with defaults filled in. Raises InputError."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A step that waits for a person or a time. inside: it is a container and a step inside it waits."""

    step_id: str
    attempt: int
    until: datetime | None
    inside: bool


class Execution:
    """What all scopes of one run share.

    usage: what the run has spent, earlier processes included. reuse: what is known before its steps begin, if anything.
    waiting: by scope path. spread_paths: of steps that have asked for runs of their own. attempts: the newest attempt
    of each step inside a loop or sub-workflow that this process has made; a container that is retried makes them anew.
    document: what it runs, for the limits that it names.
    spending: of the attempts under way that spend, whose usage is not in the run's yet.
    """

    def __init__(
        self,
        *,
        run_id: str,
        workflow: str,
        origin: str,
        planner: Planner,
        journal: Journal,
        lease: Lease,
        services: Services,
        clock: Clock,
        random: Random,
        listeners: Sequence[Listener],
        history: Iterable[StepRecord] = (),
        reuse: Reuse | None = None,
        suspend_after: float = 60.0,
        document: Workflow | None = None,
    ) -> None:
        self.run_id = run_id
        self.workflow = workflow
        self.origin = origin
        self.planner = planner
        self.journal = journal
        self.lease = lease
        self.services = services
        self._models = services.models
        self.clock = clock
        self.random = random
        self.suspend_after = suspend_after
        self.reuse = reuse
        self.usage: Usage = NO_USAGE
        self.cancel_reason = ""
        self.deadline: Deadline | None = None
        self.waiting: dict[str, Waiting] = {}
        self.attempts: dict[str, int] = {}
        self.spread_paths: set[str] = set()
        self._spread_usage = NO_USAGE
        self._listeners = listeners
        self._secrets: dict[str, str] = {}
        self._mask = Mask()
        if services.blobs is not None:
            self.services = replace(services, blobs=MaskedBlobs(services.blobs, self._mask))
        self._history: dict[str, list[StepRecord]] = {}
        for record in history:
            self._history.setdefault(record.path, []).append(record)
            self.usage = self.usage + record.usage
            if SPREAD in record.state:
                self.spread_paths.add(record.path)
        self._document = document
        self.spending: set[StepContext] = set()
        self._allowance = Allowance(self._history)
        self._cheaper = ""
        self._use_cheaper_model()

    async def may_spend(self) -> None:
        """Let a step spend money. Raises Suspend if a limit is reached and a person must be asked, or StepError."""
        budget = self.services.budget
        if budget is not None:
            spent = sum((context.usage for context in self.spending), self.usage)
            spender = Spender(self.run_id, self.workflow, spent, document=self._document, origin=self.origin)
            await self._allowance.check(budget, spender)
            self._use_cheaper_model()

    def _use_cheaper_model(self) -> None:
        """Have the steps that begin from now on ask the model that a person chose, if one did."""
        model, models, budget = self._allowance.cheaper, self._models, self.services.budget
        if models is None or model == self._cheaper:
            return
        self._cheaper = model
        is_dearer = budget.is_dearer if budget is not None else lambda _model, _than: True
        self.services = replace(self.services, models=CheaperModels(models, model, is_dearer))

    async def count_spread(self) -> None:
        """Count what the runs that its steps have asked for have spent by now as spent by this one."""
        spread = self.services.spread
        if spread is not None and self.spread_paths:
            known, total = self._spread_usage, await spread.usage(self.run_id)
            self.usage = self.usage + total - known
            self._spread_usage = total

    async def drop_spread(self, reason: str, *, keep: Collection[str] = ()) -> None:
        """Cancel the runs that its steps have asked for and nobody waits for any more. keep: paths of steps that do."""
        spread = self.services.spread
        if spread is not None and self.spread_paths.difference(keep):
            with suppress(JournalUnavailable):  # whoever looks after the queue finds them
                await spread.drop(self.run_id, keep=keep, reason=reason)

    def emit(self, event: Event) -> None:
        """Journal an event and tell everyone who listens."""
        self.journal.put(self.lease, event)
        for listener in self._listeners:
            listener(event)

    def publish(self, event: Event) -> None:
        """Tell everyone who listens of something that the journal need not keep (again)."""
        for listener in self._listeners:
            listener(event)

    def stop_reason(self) -> str:
        """Why the run's steps are being cancelled."""
        timed_out = self.deadline is not None and self.deadline.expired
        return "the run reached its timeout" if timed_out else self.cancel_reason or "it was no longer needed"

    def stop_waiting(self, reason: str, *, inside: str = "") -> None:
        """Give the steps that wait their final record, as nobody needs them any more.

        inside: the scope path of a container, if only the steps in it are meant.
        """
        around = (f"{inside}/", f"{inside}[") if inside else ""
        for path in [path for path in self.waiting if path.startswith(around)]:
            step = self.waiting.pop(path)
            self.emit(
                StepCancelled(
                    self.run_id, self.clock.now(), path, step.step_id, step.attempt, reason, None, NO_USAGE, 0.0
                )
            )

    async def conclude(self, event: Event) -> None:
        """Journal the last event and let go of the run, which is one write; then tell everyone.

        Raises LeaseLost or JournalUnavailable.
        """
        self.journal.put(self.lease, event)
        await self.journal.close_run(self.lease)
        if self.lease.lost:
            raise LeaseLost(LeaseLost.__doc__)
        self.publish(event)

    async def flush(self) -> None:
        """Wait until all that was emitted is durable. Raises LeaseLost or JournalUnavailable."""
        await self.journal.flush(self.lease)

    def history(self, path: str) -> Sequence[StepRecord]:
        """The records of earlier attempts at that path, oldest first."""
        return self._history.get(path, ())

    async def secrets(self, names: Iterable[str]) -> dict[str, str]:
        """The values of secrets for templates. From now on they are masked in everything the run shows.

        Raises StepError(kind='credentials') for one that is not set.
        """
        for name in names:
            if name in self._secrets:
                continue
            if not await self._know_secret(name):
                raise StepError(
                    f"The secret {name!r} is not set. Set it with: steploom keys set {name}", kind="credentials"
                )
        return {name: self._secrets[name] for name in names}

    async def know_secrets(self, names: Iterable[str]) -> None:
        """Mask secrets that steps used in an earlier process; those that are gone by now are passed over."""
        for name in names:
            if name not in self._secrets:
                await self._know_secret(name)

    async def know_secrets_of_history(self) -> None:
        """Mask the secrets that records of earlier processes name, also those of workflows that are not run again."""
        records = itertools.chain.from_iterable(self._history.values())
        await self.know_secrets(sorted({name for record in records for name in names_shown(record.inputs)}))

    async def _know_secret(self, name: str) -> bool:
        try:
            value = await self.services.secrets.get(name) if self.services.secrets else None
        except Exception as error:  # noqa: BLE001 - a keyring may raise anything; that fails a step, not the program
            raise StepError(f"The secret {name!r} could not be read: {error}", kind="credentials") from None
        if value is None:
            return False
        self._secrets[name] = value
        self._mask.add(name, value)
        return True

    def masked(self, value: Mapping[str, Json]) -> Mapping[str, Json]:
        """The value without the secrets that this run has used."""
        return self._mask.mask(dict(value)) if self._secrets else value

    def masked_text(self, text: str) -> str:
        """The text without the secrets that this run has used."""
        return self._mask.text(text)

    def masked_stream(self) -> MaskedStream:
        """Masks a text that comes in pieces."""
        return MaskedStream(self._mask)

    def error_info(self, error: StepError, attempt: int) -> ErrorInfo:
        """A failure as data, without secrets."""
        message = self.masked_text(error.message)
        if error.kind == "credentials" and self.services.machine:
            message = f"On {self.services.machine}, whose worker executed it: {message}"
        return ErrorInfo(error.kind, message, attempt, self.masked(error.detail) if error.detail else None)
