"""Runs that steps of other runs have asked for: recorded and queued at once, awaited, counted, dropped."""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from core.engine.errors import LeaseLost, StepError
from core.engine.events import ErrorInfo, Usage
from core.engine.execution import MAX_DEPTH
from core.engine.journal import RunRecord
from core.engine.spread import PARENT_LABEL, STEP_LABEL, Ended, Order, Spot, Standing, Wanted
from core.store import spread_sql
from core.store.database import Database
from core.store.documents import Documents
from core.store.large_values import keep_values, load_values
from core.store.queued_runs import CANCEL_CHANNEL, TASK, QueuedRuns, QueuePlace
from core.store.records import AnyRow, large_values, new_run_row
from core.store.spread_family import Member, family
from core.store.tables import DocumentRow
from core.store.values import Packer, encode_rows, escape, unescape, unpack

_SPACE: Final = uuid.UUID("c9a3c3f0-7a0e-5b52-9a52-5d7e0c1f6b11")
"""Names of such runs are made in it, so that a step that asks again means the same ones."""

_BATCH: Final = 500
"""Runs that are recorded by one statement."""


class SpreadRuns:
    """The runs that steps of other runs have asked for."""

    def __init__(self, database: Database, documents: Documents, queued: QueuedRuns) -> None:
        self._database = database
        self._documents = documents
        self._queued = queued

    async def add(
        self, spot: Spot, order: Order, created: datetime, labels: Collection[str], limits: QueuePlace
    ) -> None:
        """Record and queue the runs, all or none; those that are there already stay as they are.

        labels: names of those that they take over from the run that asks. limits: what they share; queue and priority
        are those of that run, a little sooner. Raises LeaseLost, or StepError(kind='limit').
        """

        async def work(connection: AsyncConnection) -> None:
            parent = await _owned(connection, spot)
            depth = parent.depth + order.depth + 1
            if depth > MAX_DEPTH:
                raise StepError(
                    f"Runs ask for runs more than {MAX_DEPTH} deep. Look for a workflow that calls itself without an "
                    "end.",
                    kind="limit",
                )
            kept = {name: value for name, value in (parent.labels or {}).items() if name in labels}
            marks = {**kept, PARENT_LABEL: spot.run_id, STEP_LABEL: spot.path}
            place = replace(limits, queue=parent.queue, priority=parent.priority + 1)
            for start in range(0, len(order.runs), _BATCH):
                batch = order.runs[start : start + _BATCH]
                await self._record(connection, spot, batch, created, marks)
                await _queue(connection, spot, order, batch, place, depth)
            first = [spread_id(spot, run.number) for run in order.runs[: order.at_once]]
            await connection.execute(spread_sql.ENTER, {"ids": first, "task": TASK})

        await self._database.run(work)

    async def again(self, spot: Spot, *, failed: bool) -> None:
        """Let workers go on with runs that were dropped; failed: also with those that have failed. Raises LeaseLost."""
        outcomes = ["dropped", "failed"] if failed else ["dropped"]

        async def work(connection: AsyncConnection) -> None:
            await _owned(connection, spot)
            values = {**_step(spot), "outcomes": outcomes}
            ids = list((await connection.execute(spread_sql.REOPEN, values)).scalars())
            await connection.execute(spread_sql.REOPEN_RUNS, {"ids": ids})
            places = (await connection.execute(spread_sql.REOPEN_PLACES, {"ids": ids})).all()
            at_once = min((place.key_limit or len(places) for place in places), default=0)
            first = [place.run_id for place in sorted(places, key=lambda place: place.enqueued)[:at_once]]
            await connection.execute(spread_sql.ENTER, {"ids": first, "task": TASK})

        await self._database.run(work)

    async def standing(self, spot: Spot) -> Standing:
        """How the runs of a step stand."""

        async def work(connection: AsyncConnection) -> Standing:
            await connection.execute(spread_sql.NOTE_ENDS, {"parent": spot.run_id})
            row = (await connection.execute(spread_sql.STANDING, _step(spot))).one()
            return Standing(row.made, row.left_, row.failed, row.ending, row.dropped)

        return await self._database.run(work)

    async def ended(self, spot: Spot) -> Sequence[Ended]:
        """The runs of a step that have ended and were not dropped, in order of their numbers."""

        async def work(connection: AsyncConnection) -> Sequence[Ended]:
            rows = (await connection.execute(spread_sql.ENDED, _step(spot))).all()
            blobs = await load_values(connection, large_values(rows))
            return [_ended(row, blobs) for row in rows]

        return await self._database.run(work)

    async def usage(self, parent: str) -> Usage:
        """What the runs that a run asked for have spent; noted as part of what that run will be said to have spent."""

        async def work(connection: AsyncConnection) -> Usage:
            await connection.execute(spread_sql.COUNT, {"parent": parent})
            row = (await connection.execute(spread_sql.USAGE, {"parent": parent})).one()
            return Usage(int(row.tokens_in), int(row.tokens_out), float(row.cost_usd))

        return await self._database.run(work)

    async def drop(self, parent: str, *, spot: Spot | None = None, keep: Collection[str] = (), reason: str) -> None:
        """Cancel the runs below a run that have not ended. spot: of one step, if its run still has that owner.

        keep: paths of steps whose runs go on. Raises LeaseLost.
        """

        async def work(connection: AsyncConnection) -> None:
            if spot is not None:
                await _owned(connection, spot)
            path = spot.path if spot is not None else ""
            await self.drop_inside(connection, parent, path=path, keep=keep, reason=reason)

        await self._database.run(work)

    async def drop_inside(
        self, connection: AsyncConnection, parent: str, *, path: str = "", keep: Collection[str] = (), reason: str
    ) -> None:
        """Cancel the runs below a run that have not ended, in a transaction, on the store's loop. path: of one step."""
        values = {"parent": parent, "path": escape(path), "keep": [escape(each) for each in keep]}
        ids = sorted((await connection.execute(spread_sql.FAMILY, values)).scalars())
        if not ids:
            return
        stopped = list((await connection.execute(spread_sql.STOP_WAITING, {"ids": ids})).scalars())
        await connection.execute(spread_sql.STOP_STEPS, {"ids": stopped})
        await connection.execute(spread_sql.DROP, {"ids": ids})
        await connection.execute(spread_sql.DELETE_ENTRIES, {"ids": stopped})
        told = {"ids": ids, "stopped": stopped, "reason": escape(reason), "channel": CANCEL_CHANNEL}
        await connection.execute(spread_sql.TELL_TO_STOP, told)

    async def has_ended(self, run_id: str) -> bool:
        """A run that a step asked for may have ended: let the one that waits go on if it can; whether it does.

        The end is noted in a transaction of its own before the others are looked at, as the parent is suspended before
        it looks (see `waits`): so, of those that end at once, the last one sees all ends, and none has to be kept out
        meanwhile. Should two see them all, the parent is handed out twice, which does no harm.
        """

        async def note(connection: AsyncConnection) -> AnyRow | None:
            return (await connection.execute(spread_sql.NOTE_END, {"run_id": run_id})).one_or_none()

        row = await self._database.run(note)
        if row is None:
            return False
        at_once = row.outcome == "ends" or (row.outcome == "failed" and row.stops)
        values = {"parent": row.parent_id, "path": row.path, "round": row.round, "at_once": at_once}

        async def work(connection: AsyncConnection) -> bool:
            if at_once:
                await connection.execute(spread_sql.LOCK_PARENT, {"parent": row.parent_id})
                reason = "another pass of its loop has made it needless"
                await self.drop_inside(connection, row.parent_id, path=unescape(row.path), reason=reason)
            if await connection.scalar(spread_sql.LAST_OF_STEP, values) is None:
                return False
            return await self._queued.again(row.parent_id, connection=connection)

        return await self._database.run(work)

    async def waits(self, run_id: str) -> bool:
        """A run was suspended: let it go on if what it waits for ended meanwhile; whether it does."""

        async def work(connection: AsyncConnection) -> bool:
            if await connection.scalar(spread_sql.IS_RIPE, {"parent": run_id}) is None:
                return False
            return await self._queued.again(run_id, connection=connection)

        await self._database.run(lambda connection: connection.execute(spread_sql.NOTE_ENDS, {"parent": run_id}))
        return await self._database.run(work)

    async def below(self, run_id: str) -> Sequence[Member]:
        """The runs that a run's steps have asked for, those that these have asked for included."""
        return await self._database.run(lambda connection: family(connection, run_id))

    async def answered(self, run_id: str, *, itself: bool = True) -> bool:
        """Let those go on, of the runs that share one work, whose questions were answered, and those that waited for
        somebody else's answer; whether there are any. itself: also that run; otherwise the caller goes on with it.
        """

        async def work(connection: AsyncConnection) -> bool:
            top = await connection.scalar(spread_sql.TOP, {"run_id": run_id})
            ids = await _with_family(connection, top)
            if len(ids) == 1:
                return False
            answered = (await connection.execute(spread_sql.ANSWERED, {"ids": ids})).scalars()
            found = {*answered, *(await connection.execute(spread_sql.AT_LIMIT, {"ids": ids})).scalars()}
            if not itself:
                found.discard(run_id)
            for each in sorted(found):
                await self._queued.again(each, connection=connection)
            return bool(found)

        return await self._database.run(work)

    async def look_after(self, connection: AsyncConnection) -> list[str]:
        """Find ends that nobody noted and runs that nobody waits for; the runs that can go on."""
        await connection.execute(spread_sql.NOTE_ALL_ENDS)
        for parent in list((await connection.execute(spread_sql.ORPHANS)).scalars()):
            await self.drop_inside(connection, parent, reason="the run that it was part of ended")
        found = list((await connection.execute(spread_sql.ALL_RIPE)).scalars())
        found += (await connection.execute(spread_sql.FORGOTTEN)).scalars()
        for top in list((await connection.execute(spread_sql.TOPS_AT_LIMIT)).scalars()):
            ids = await _with_family(connection, top)
            found += (await connection.execute(spread_sql.AT_LIMIT, {"ids": ids})).scalars()
        return found

    async def _record(
        self, connection: AsyncConnection, spot: Spot, runs: Sequence[Wanted], created: datetime, labels: dict[str, str]
    ) -> None:
        rows: list[dict[str, Any]] = []
        blobs: dict[str, bytes] = {}
        for document in {id(run.workflow): self._documents.encode(run.workflow) for run in runs}.values():
            body = insert(DocumentRow).values(hash=document.hash, body=json.loads(document.text))
            await connection.execute(body.on_conflict_do_update(index_elements=["hash"], set_={"used": func.now()}))
        for run in runs:
            packer = Packer(blobs)
            run_id = spread_id(spot, run.number)
            record = RunRecord(
                run_id, run.workflow, run.inputs, "queued", created, run.origin, labels, part=run.part
            )  # fmt: skip
            row = new_run_row(record, self._documents.encode(run.workflow).hash, packer)
            rows.append({**row, "blobs": list(packer.names)})
        await keep_values(connection, blobs)
        await connection.execute(spread_sql.RECORD, {"rows": encode_rows(rows)})


async def _with_family(connection: AsyncConnection, run_id: str) -> list[str]:
    """A run and all below it."""
    return [run_id, *(member.run_id for member in await family(connection, run_id))]


async def _owned(connection: AsyncConnection, spot: Spot) -> AnyRow:
    """What is known of the run whose step asks. Raises LeaseLost if it has another owner by now."""
    parent = (await connection.execute(spread_sql.PARENT, {"parent": spot.run_id})).one_or_none()
    if parent is None or parent.lease_epoch != spot.epoch:
        raise LeaseLost(LeaseLost.__doc__)
    return parent


async def _queue(
    connection: AsyncConnection, spot: Spot, order: Order, runs: Sequence[Wanted], place: QueuePlace, depth: int
) -> None:
    rows = encode_rows([{"run_id": spread_id(spot, run.number), "number": run.number} for run in runs])
    queued = {
        "rows": rows, "queue": escape(place.queue), "priority": place.priority, "limit_key": escape(place.limit_key),
        "key_limit": place.key_limit, "workflow_limit": place.workflow_limit, "at_once": order.at_once,
    }  # fmt: skip
    await connection.execute(spread_sql.QUEUE, queued)
    related = {**_step(spot), "rows": rows, "prefix": escape(order.prefix), "depth": depth, "stops": order.stops}
    await connection.execute(spread_sql.RELATE, related)


def _ended(row: AnyRow, blobs: Mapping[str, bytes]) -> Ended:
    error = unpack(row.error, blobs)
    return Ended(
        row.number, row.id, row.status, unpack(row.outputs, blobs) or {}, ErrorInfo(**error) if error else None,
        unescape(row.error_path),
    )  # fmt: skip


def spread_id(spot: Spot, number: int) -> str:
    """The id of the run of that number which a step asks for."""
    return str(uuid.uuid5(_SPACE, f"{spot.run_id} {spot.round} {number} {spot.path!r}"))


def _step(spot: Spot) -> dict[str, Any]:
    return {"parent": spot.run_id, "path": escape(spot.path), "round": spot.round}
