"""Rows of memories as the values that everybody else sees."""

from __future__ import annotations

from collections.abc import Sequence

from core.store.memory_records import Hit, Memory, Source
from core.store.records import AnyRow
from core.store.tables import EMBEDDING_DIMENSIONS
from core.store.values import unescape


def padded(values: Sequence[float]) -> list[float]:
    """An embedding filled up with zeros to the size of the column, which changes no angle."""
    return [*values, *([0.0] * (EMBEDDING_DIMENSIONS - len(values)))]


def hit_of(row: AnyRow) -> Hit:
    """What a search found, of the columns of `memory_sql.search`."""
    return Hit(
        memory_of(row),
        similarity=None if row.distance is None else 1 - row.distance,
        vector_rank=row.vector_place,
        word_rank=row.word_place,
        word_score=row.word_score or 0.0,
        words=tuple(row.found_words or ()),
    )


def memory_of(row: AnyRow) -> Memory:
    """A memory of the columns that `memory_sql.COLUMNS` names."""
    return Memory(
        id=row.id,
        agent_id=row.agent_id,
        type=row.type,
        content=unescape(row.content),
        importance=row.importance,
        source=Source(
            kind=row.source,
            who=unescape(row.source_who),
            conversation=row.source_conversation or "",
            message=row.source_message or "",
            run=row.source_run or "",
        ),
        state=row.state,
        pinned=row.pinned,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        created=row.created,
        last_accessed=row.last_accessed,
        access_count=row.access_count,
        superseded_by=row.superseded_by,
        fact_key=unescape(row.fact_key),
        embedding_model=row.embedding_model,
    )
