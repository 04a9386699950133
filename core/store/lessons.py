"""Turns of conversations that wait to be learned from: kept until somebody did, also across a restart."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from core.store.database import Database
from core.store.memory_tables import MemoryLessonRow
from core.store.records import AnyRow
from core.store.values import escape, unescape

_lessons = MemoryLessonRow.__table__.c

_TAKE = text("""
UPDATE memory_lessons SET taken = :now, tries = tries + 1 WHERE id IN (
  SELECT id FROM memory_lessons
  WHERE conversation = :conversation AND (taken IS NULL OR taken < :stale)
  ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED
) RETURNING *""")


@dataclass(frozen=True, slots=True)
class Lesson:
    """A turn of a conversation. number: its order. said: by the person who. answered: by the agent.

    recalled: memories that were at hand. tainted: content from outside was. tries: how often it was learned from.
    """

    agent_id: UUID | None
    conversation: str
    message: str
    said: str
    answered: str
    at: datetime
    who: str = ""
    recalled: tuple[UUID, ...] = ()
    tainted: bool = False
    number: int = 0
    tries: int = 0


class Lessons:
    """The turns that wait. Two programs never learn from the same one at the same time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, lesson: Lesson) -> bool:
        """Keep a turn; whether it was not kept already."""
        values = {
            "agent_id": lesson.agent_id,
            "conversation": lesson.conversation,
            "message": lesson.message,
            "who": escape(lesson.who),
            "said": escape(lesson.said),
            "answered": escape(lesson.answered),
            "recalled": list(lesson.recalled),
            "tainted": lesson.tainted,
            "at": lesson.at,
        }

        async def work(connection: AsyncConnection) -> bool:
            statement = insert(MemoryLessonRow).values(values).on_conflict_do_nothing().returning(_lessons.id)
            return (await connection.execute(statement)).scalar_one_or_none() is not None

        return await self._database.run(work)

    async def take(self, conversation: str, now: datetime, *, limit: int, stale: timedelta) -> Sequence[Lesson]:
        """The oldest turns of a conversation, in order, for this program alone; after `stale` others may take them."""
        values = {"conversation": conversation, "now": now, "stale": now - stale, "limit": limit}

        async def work(connection: AsyncConnection) -> Sequence[Lesson]:
            rows = (await connection.execute(_TAKE, values)).all()
            return sorted(map(_lesson, rows), key=lambda lesson: lesson.number)

        return await self._database.run(work)

    async def give_back(self, numbers: Collection[int], *, most_tries: int) -> None:
        """Let turns be learned from later; those that were tried too often are given up."""

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(
                delete(MemoryLessonRow).where(_lessons.id.in_(numbers), _lessons.tries >= most_tries)
            )
            back = update(MemoryLessonRow).where(_lessons.id.in_(numbers)).values(taken=None)
            await connection.execute(back)

        await self._database.run(work)

    async def done(self, numbers: Collection[int]) -> None:
        """Remove turns that were learned from."""

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(delete(MemoryLessonRow).where(_lessons.id.in_(numbers)))

        await self._database.run(work)

    async def forget(self, conversation: str) -> None:
        """Remove all turns of a conversation that was deleted."""

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(delete(MemoryLessonRow).where(_lessons.conversation == conversation))

        await self._database.run(work)

    async def forget_before(self, time: datetime) -> None:
        """Remove turns that have waited since before that time."""

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(delete(MemoryLessonRow).where(_lessons.at < time))

        await self._database.run(work)

    async def conversations(self) -> Sequence[str]:
        """Those with turns that wait, the longest waiting first."""
        query = select(_lessons.conversation).group_by(_lessons.conversation).order_by(text("min(id)"))

        async def work(connection: AsyncConnection) -> Sequence[str]:
            return list((await connection.execute(query)).scalars())

        return await self._database.run(work)


def _lesson(row: AnyRow) -> Lesson:
    return Lesson(
        agent_id=row.agent_id,
        conversation=row.conversation,
        message=row.message,
        said=unescape(row.said),
        answered=unescape(row.answered),
        at=row.at,
        who=unescape(row.who),
        recalled=tuple(row.recalled),
        tainted=row.tainted,
        number=row.id,
        tries=row.tries,
    )
