"""Who may write to a conversation: one process at a time, told apart by an epoch that every write carries."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.store import conversation_sql as sql
from core.store.database import Database
from core.store.errors import ConversationBusy, ConversationLost, ConversationNotFound, StoreError
from core.store.process import ProcessId, this_process
from core.store.records import AnyRow

logger = logging.getLogger(__name__)

_LOCKED = text("""
SELECT *, lease_owner IS NOT NULL AND lease_expires > clock_timestamp() AS leased FROM conversations WHERE id = :id
FOR UPDATE""")


@dataclass(slots=True)
class ConversationLease:
    """The right to write to one conversation. epoch: the fencing token. lost: a write or a sign of life was refused."""

    conversation_id: UUID
    epoch: int
    lost: bool = False
    closed: bool = False


class ConversationLeases:
    """Takes, renews and gives back leases.

    lease_s: seconds after which the conversation of a writer that was not heard of is free; a dead process of this
    machine is recognised at once. beat_s: seconds between two signs of life. owner: who this process is.
    """

    def __init__(
        self, database: Database, *, lease_s: float = 30.0, beat_s: float = 10.0, owner: ProcessId | None = None
    ) -> None:
        self._database = database
        self._lease_s = lease_s
        self._beat_s = beat_s
        self._owner = str(owner or this_process())
        self._held: dict[tuple[UUID, int], ConversationLease] = {}
        self._beating: asyncio.Task[None] | None = None

    async def take(self, conversation_id: UUID) -> ConversationLease:
        """Become the writer. On the store's loop. Raises ConversationNotFound or ConversationBusy."""
        tried: list[int] = []  # epochs that an earlier try, cut off while it committed, may have got

        async def work(connection: AsyncConnection) -> int:
            await self.free_row(connection, conversation_id, tried)
            values = {"id": conversation_id, "owner": self._owner, "lease_s": self._lease_s}
            epoch = int(await connection.scalar(sql.TAKE, values) or 0)
            tried.append(epoch)
            return epoch

        lease = ConversationLease(conversation_id, await self._database.transaction(work))
        self._held[conversation_id, lease.epoch] = lease
        if self._beating is None or self._beating.done():
            self._beating = asyncio.create_task(self._beat())
        return lease

    async def release(self, lease: ConversationLease) -> None:
        """Let others write. On the store's loop. Idempotent."""
        lease.closed = True
        if self._held.pop((lease.conversation_id, lease.epoch), None) is None or lease.lost:
            return
        values = {"id": lease.conversation_id, "epoch": lease.epoch, "owner": self._owner}
        await self._database.transaction(lambda connection: connection.execute(sql.RELEASE, values))

    async def stop(self) -> None:
        """Give everything back. On the store's loop."""
        if self._beating is not None:
            self._beating.cancel()
        for lease in list(self._held.values()):
            await self.release(lease)

    async def fence(self, connection: AsyncConnection, lease: ConversationLease) -> AnyRow:
        """The conversation's row, locked, if the lease still holds. Raises ConversationLost or ConversationNotFound."""
        row = await _locked(connection, lease.conversation_id)
        if lease.closed or row.lease_epoch != lease.epoch or row.lease_owner != self._owner:
            lease.lost = not lease.closed
            raise ConversationLost
        return row

    async def free_row(
        self, connection: AsyncConnection, conversation_id: UUID, ours: list[int] | None = None
    ) -> AnyRow:
        """The conversation's row, locked, if nobody alive writes to it. ours: epochs that the caller may have got.

        Raises ConversationNotFound or ConversationBusy.
        """
        row = await _locked(connection, conversation_id)
        if not row.leased or (row.lease_owner == self._owner and row.lease_epoch in (ours or [])):
            return row
        owner = ProcessId.parse(row.lease_owner)
        if owner is not None and owner.is_dead():
            return row
        who = f"process {owner.pid} on {owner.host}" if owner else row.lease_owner
        if row.lease_owner == self._owner:
            who = "this program"
        raise ConversationBusy(
            f"The conversation {conversation_id} is being answered by {who}. Wait until the answer is there, or stop "
            f"it; a process that is not heard of any more loses the conversation within {self._lease_s:.0f} seconds."
        )

    async def _beat(self) -> None:
        while self._held:
            await asyncio.sleep(self._beat_s)
            try:
                await self._renew(list(self._held))
            except StoreError:
                logger.warning("the leases of conversations could not be renewed; it is tried again")

    async def _renew(self, keys: list[tuple[UUID, int]]) -> None:
        values = {
            "ids": [conversation for conversation, _ in keys],
            "epochs": [epoch for _, epoch in keys],
            "lease_s": self._lease_s,
            "owner": self._owner,
        }
        rows = await self._database.transaction(lambda connection: connection.execute(sql.BEAT, values))
        alive = {(row.id, row.lease_epoch) for row in rows}
        for key in set(keys) - alive:
            if (lease := self._held.pop(key, None)) is not None:
                lease.lost = True


async def _locked(connection: AsyncConnection, conversation_id: UUID) -> AnyRow:
    row = (await connection.execute(_LOCKED, {"id": conversation_id})).one_or_none()
    if row is None:
        raise ConversationNotFound(f"There is no conversation {conversation_id}; it may have been deleted.")
    return row
