"""Memories as JSON objects, for a file that a person keeps or another program reads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from core.store.memories import MemoryRecords
from core.store.memory_records import Change, Memory, MemoryFilter

_PAGE = 500


async def exported(records: MemoryRecords, shown: MemoryFilter) -> AsyncIterator[dict[str, Any]]:
    """Each memory with its changes, oldest first."""
    offset = 0
    while True:
        page = await records.list(shown, limit=_PAGE, offset=offset)
        histories = await records.histories([memory.id for memory in page.items])
        for memory in page.items:
            yield {**_plain(memory), "history": [_plain(change) for change in reversed(histories.get(memory.id, []))]}
        offset += _PAGE
        if offset >= page.total:
            return


def _plain(value: Memory | Change) -> dict[str, Any]:
    return {name: _json(part) for name, part in asdict(value).items()}


def _json(value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {name: _json(part) for name, part in value.items()}
    return value
