"""Runs that wait for a worker: recorded whole, in one transaction with the entry of the queue that wakes the worker.

The queue is procrastinate's tables, which hold no more than the id of a run; what is done is decided by the run's lease
and its journal, so that an entry which comes twice does no harm.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from core.engine.errors import RunNotFound
from core.engine.journal import RunRecord
from core.store import queue_sql as sql
from core.store.database import Database
from core.store.documents import Documents
from core.store.gathering import Gathering
from core.store.large_values import keep_values
from core.store.records import new_run_row
from core.store.values import Packer, escape, unescape

T = TypeVar("T")

TASK: Final = "steploom.run"
"""The name of the queue's entries; their only argument is `run_id`."""

POISON: Final = 3
"""So many workers may be lost over one run; then it is parked."""

SLOT_S: Final = 30.0
"""Seconds for which a run keeps a slot of its limits until it is executed; then it is held by whoever executes it."""

CANCEL_CHANNEL: Final = "steploom_cancel"
"""Where workers hear the ids of runs that they are to stop."""


@dataclass(frozen=True, slots=True)
class QueuePlace:
    """Where in the queue a run waits.

    priority: the higher, the sooner. key: whoever asks with the same key gets the same run. limit_key: runs of one key
    share a limit. run_at: not before that time. key_limit, workflow_limit: runs of that limit key, and of the workflow,
    at the same time; 0 for any number. key_s: seconds for which the key holds, None for as long as the run is kept.
    """

    queue: str = "default"
    priority: int = 0
    key: str = ""
    limit_key: str = ""
    run_at: datetime | None = None
    key_limit: int = 0
    workflow_limit: int = 0
    key_s: float | None = None

    @property
    def is_limited(self) -> bool:
        """Whether a worker needs leave to execute it."""
        return bool(self.key_limit or self.workflow_limit)


@dataclass(frozen=True, slots=True)
class QueuedRun:
    """What the queue knows of a run. losses: workers that were lost over it. parked, cancel: why, '' for not.

    wanted: whether it has not ended. noted: whether something was noted (that it was handed over, or what workers
    lacked) that no longer holds once a worker executes it. waits_for: what the workers lack that saw it, '' for
    nothing. spread: a step of another run asked for it. has_slot: its limits have let it in already.
    """

    run_id: str
    place: QueuePlace
    enqueued: datetime
    losses: int = 0
    parked: str = ""
    cancel: str = ""
    noted: bool = False
    waits_for: str = ""
    wanted: bool = True
    spread: bool = False
    has_slot: bool = False


class QueuedRuns:
    """The runs that workers execute."""

    def __init__(self, database: Database, documents: Documents) -> None:
        self._database = database
        self._documents = documents
        self._facts: Gathering[QueuedRun | None] = Gathering(self._facts_of)

    async def add(
        self, run: RunRecord, place: QueuePlace | None = None, *, connection: AsyncConnection | None = None
    ) -> str:
        """Record a run as queued and wake a worker; the id of the run, an earlier one's if the key is known.

        connection: do it in that transaction (on the store's loop).
        """
        queued, where = replace(run, status="queued"), place or QueuePlace()
        return await self._do(lambda inside: self._add(inside, queued, where), connection)

    async def again(
        self, run_id: str, place: QueuePlace | None = None, *, connection: AsyncConnection | None = None
    ) -> bool:
        """Let a worker take a run that is recorded: it was answered, its time came, its worker was lost.

        place: for a run that no worker had before. False for one that is parked. Raises RunNotFound.
        """
        return await self._do(lambda inside: self._again(inside, run_id, place or QueuePlace()), connection)

    async def cancel(self, run_id: str, reason: str) -> bool:
        """Stop a run: at once if it still waits (True), else by telling its worker (False)."""

        async def work(connection: AsyncConnection) -> bool:
            if await connection.scalar(sql.STOP_QUEUED, {"run_id": run_id}) is not None:
                return True
            values = {"run_id": run_id, "reason": escape(reason), "channel": CANCEL_CHANNEL}
            await connection.execute(sql.ASK_TO_STOP, values)
            return False

        return await self._database.run(work)

    async def get(self, run_id: str) -> QueuedRun | None:
        """What the queue knows of a run; None for one that never was in it."""
        return await self._database.thread.call(self._facts.ask, run_id)

    async def _facts_of(self, run_ids: list[str]) -> Mapping[str, QueuedRun | None]:
        async def work(connection: AsyncConnection) -> dict[str, QueuedRun | None]:
            rows = await connection.execute(sql.FACTS, {"ids": run_ids, "left": SLOT_S / 2})
            return {**dict.fromkeys(run_ids), **{row.run_id: _queued(row) for row in rows}}

        return await self._database.transaction(work)

    async def lost(self, run_id: str) -> int:
        """A worker was lost while it executed the run; how many were by now."""

        async def work(connection: AsyncConnection) -> int:
            return int(await connection.scalar(sql.LOST, {"run_id": run_id}) or 0)

        return await self._database.run(work)

    async def note_loss(self, run_id: str) -> bool:
        """The run could not be executed by a fault of ours, which counts as a lost worker; True if it was parked."""

        async def work(connection: AsyncConnection) -> bool:
            if await self.count_loss(connection, run_id):
                return True
            await self._again(connection, run_id, QueuePlace())
            return False

        return await self._database.run(work)

    async def count_loss(self, connection: AsyncConnection, run_id: str) -> bool:
        """A worker was lost while it executed the run; True if so many were by now that the run was parked."""
        losses = int(await connection.scalar(sql.LOST, {"run_id": run_id}) or 0)
        # So that one lost worker is counted once, however often the queue is looked at before another takes the run.
        await connection.execute(sql.FENCE, {"run_id": run_id})
        if losses < POISON:
            return False
        reason = (
            f"{losses} workers were lost while they executed it, so no other takes it. See what it does to them, then "
            f"let it go: steploom runs unpark {run_id}, or end it: steploom runs cancel {run_id}"
        )
        await connection.execute(sql.PARK, {"run_id": run_id, "reason": reason})
        return True

    async def take_slot(self, run_id: str) -> bool:
        """Whether the run's limits let it be executed now; if not, it waits until a run in its way ends."""

        async def work(connection: AsyncConnection) -> bool:
            await connection.execute(sql.LOCK_LIMITS, {"run_id": run_id})
            if await connection.scalar(sql.TAKE_SLOT, {"run_id": run_id, "seconds": SLOT_S}) is not None:
                return True
            await connection.execute(sql.HOLD_BACK, {"run_id": run_id})
            return False

        return await self._database.run(work)

    async def free_slot(self, run_id: str) -> None:
        """The run is not executed any more: let the next one that its limits held back be taken, in its place."""

        async def work(connection: AsyncConnection) -> None:
            freed = (await connection.execute(sql.FREE_SLOT, {"run_id": run_id})).one_or_none()
            if freed is None:
                return
            values = {**freed._mapping, "seconds": SLOT_S, "task": TASK}
            let_in = await connection.scalar(sql.NEXT_OF_KEY, values) if freed.key_limit else None
            if let_in is None and freed.is_whole:
                await connection.execute(sql.NEXT_OF_WORKFLOW, values)

        await self._database.run(work)

    async def hand_over(self, run_id: str) -> None:
        """Note that the run's worker stops, and that another is to go on with it, however the run is left."""
        values = {"run_id": run_id, "handed_over": True, "waits_for": ""}
        await self._database.run(lambda connection: connection.execute(sql.NOTE, values))

    async def handed_over(self) -> frozenset[str]:
        """The runs whose worker has stopped, and that wait for another one."""

        async def work(connection: AsyncConnection) -> frozenset[str]:
            return frozenset((await connection.execute(sql.HANDED_OVER)).scalars())

        return await self._database.run(work)

    async def leave_to_others(self, run_id: str, waits_for: str, until: datetime) -> None:
        """Let the run wait for a worker that has what this one lacks. until: before that nobody tries again."""

        async def work(connection: AsyncConnection) -> None:
            values = {"run_id": run_id, "handed_over": False, "waits_for": escape(waits_for)}
            await connection.execute(sql.NOTE, values)
            await self._again(connection, run_id, QueuePlace(run_at=until))

        await self._database.run(work)

    async def forget_notes(self, run_id: str) -> None:
        """A worker executes the run: that it was handed over, or that a worker lacked something, is past."""
        values = {"run_id": run_id, "handed_over": False, "waits_for": ""}
        await self._database.run(lambda connection: connection.execute(sql.NOTE, values))

    async def to_cancel(self, run_ids: Sequence[str]) -> Mapping[str, str]:
        """Which of these runs somebody wants stopped, and why."""

        async def work(connection: AsyncConnection) -> dict[str, str]:
            rows = await connection.execute(sql.TO_CANCEL, {"ids": list(run_ids)})
            return {row.run_id: unescape(row.cancel) for row in rows}

        return await self._database.run(work)

    async def park(self, run_id: str, reason: str) -> None:
        """Let no worker take the run any more."""
        values = {"run_id": run_id, "reason": escape(reason)}
        await self._database.run(lambda connection: connection.execute(sql.PARK, values))

    async def unpark(self, run_id: str) -> bool:
        """Forget what happened to the run and let workers take it again. Raises RunNotFound."""

        async def work(connection: AsyncConnection) -> bool:
            await connection.execute(sql.UNPARK, {"run_id": run_id})
            return await self._again(connection, run_id, QueuePlace())

        return await self._database.run(work)

    async def depth(self) -> Mapping[str, tuple[int, float]]:
        """How many runs wait in each queue, and for how many seconds the oldest of them."""

        async def work(connection: AsyncConnection) -> dict[str, tuple[int, float]]:
            rows = await connection.execute(sql.DEPTH, {"task": TASK})
            return {row.queue: (row.number, float(row.oldest)) for row in rows}

        return await self._database.run(work)

    async def _do(self, work: Callable[[AsyncConnection], Awaitable[T]], connection: AsyncConnection | None) -> T:
        return await (self._database.run(work) if connection is None else work(connection))

    async def _add(self, connection: AsyncConnection, run: RunRecord, place: QueuePlace) -> str:
        if place.key:
            # Two who ask with one key at once: the second waits and then sees the first one's run.
            await connection.execute(sql.LOCK_KEY, {"key": escape(place.key)})
            if place.key_s is not None:
                await connection.execute(sql.FORGET_KEY, {"key": escape(place.key), "seconds": place.key_s})
            known = await connection.scalar(sql.SAME_KEY, {"key": escape(place.key)})
            if known is not None:
                return str(known)
        document = self._documents.encode(run.workflow)
        blobs: dict[str, bytes] = {}
        packer = Packer(blobs)
        row = {"part": None, **new_run_row(run, document.hash, packer), "blobs": list(packer.names)}
        await keep_values(connection, blobs)
        where = {"document": document.text, "task": TASK, "run_at": place.run_at, **_columns(place)}
        await connection.execute(sql.ADD, {**row, **where})
        return run.id

    async def _again(self, connection: AsyncConnection, run_id: str, place: QueuePlace) -> bool:
        if await connection.scalar(sql.IS_KEPT, {"run_id": run_id}) is None:
            raise RunNotFound(f"There is no run {run_id}. `steploom runs list` shows the runs there are.")
        return await self._queue(connection, run_id, place)

    async def _queue(self, connection: AsyncConnection, run_id: str, place: QueuePlace) -> bool:
        await connection.execute(sql.QUEUE, {"run_id": run_id, **_columns(place)})
        row = (await connection.execute(sql.LOCK, {"run_id": run_id})).one()
        if row.parked:
            return False
        entry = {
            "queue": row.queue, "priority": row.priority, "task": TASK, "lock": f"run:{run_id}", "run_id": run_id,
            "run_at": place.run_at,
        }  # fmt: skip
        await connection.execute(sql.ENTER, entry)
        return True


def _columns(place: QueuePlace) -> dict[str, Any]:
    return {
        "queue": escape(place.queue), "priority": place.priority, "key": escape(place.key),
        "limit_key": escape(place.limit_key), "key_limit": place.key_limit, "workflow_limit": place.workflow_limit,
    }  # fmt: skip


def _queued(row: Any) -> QueuedRun:
    place = QueuePlace(
        unescape(row.queue), row.priority, unescape(row.key), unescape(row.limit_key), key_limit=row.key_limit,
        workflow_limit=row.workflow_limit,
    )  # fmt: skip
    return QueuedRun(
        row.run_id, place, row.enqueued, row.losses, unescape(row.parked), unescape(row.cancel),
        noted=row.handed_over or bool(row.waits_for), waits_for=unescape(row.waits_for), wanted=row.wanted,
        spread=row.spread, has_slot=row.has_slot,
    )  # fmt: skip
