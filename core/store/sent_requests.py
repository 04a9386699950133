"""What models were sent, kept so that a long conversation does not keep its beginning once per answer.

A request repeats most of the one before it. Its messages and functions are therefore kept as parts, each once per
conversation, and the request names them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.store import conversation_sql as sql
from core.store.conversation_records import Section, SentRequest
from core.store.conversation_rows import large_values
from core.store.conversation_tables import ModelRequestRow, RequestPartRow
from core.store.large_values import load_values
from core.store.values import Packer, encode, encode_rows, unpack
from core.workflow.model import Json

_PARTED = {"messages": "messages", "tools": "functions"}
"""Fields of a wire request that are kept as parts, and the column that names them."""

_requests = ModelRequestRow.__table__.c
_parts = RequestPartRow.__table__.c


class PackedRequest:
    """A request ready for its rows. blobs: gets the bytes of values too large for a row."""

    def __init__(self, request: SentRequest, blobs: dict[str, bytes]) -> None:
        self.parts: dict[str, dict[str, Any]] = {}
        self.hashes: dict[str, list[str]] = {column: [] for column in _PARTED.values()}
        rest = dict(request.body)
        for field, column in _PARTED.items():
            items = rest.get(field)
            if isinstance(items, list) and all(isinstance(item, Mapping) for item in items):
                # The list stays as a mark of where it stood among the fields.
                rest[field] = []
                self.hashes[column] = [self._part(item, blobs) for item in items]
        packer = Packer(blobs)
        self.body = packer.pack(rest)
        sections = [{"name": part.name, "tokens": part.tokens, "text": part.text} for part in request.sections]
        self.sections = packer.pack({"sections": sections})
        self.blobs = sorted(packer.names)

    def _part(self, item: Json, blobs: dict[str, bytes]) -> str:
        packer = Packer(blobs)
        body = packer.pack(item)
        name = hashlib.sha256(encode(item).encode("ascii")).hexdigest()
        self.parts.setdefault(
            name, {"place": len(self.parts), "hash": name, "body": body, "blobs": sorted(packer.names)}
        )
        return name


async def write_request(
    connection: AsyncConnection, conversation_id: UUID, message_id: int, request: PackedRequest
) -> None:
    """Keep what was sent for a message."""
    numbers: dict[str, int] = {}
    if request.parts:
        rows = encode_rows(list(request.parts.values()))
        await connection.execute(sql.ADD_PARTS, {"conversation_id": conversation_id, "rows": rows})
        values = {"conversation_id": conversation_id, "hashes": list(request.parts)}
        numbers = {row.hash: row.id for row in await connection.execute(sql.PART_IDS, values)}
    await connection.execute(
        sql.ADD_REQUEST,
        {
            "message_id": message_id,
            "conversation_id": conversation_id,
            "body": request.body,
            **{column: [numbers[name] for name in names] for column, names in request.hashes.items()},
            "sections": request.sections,
            "blobs": request.blobs,
        },
    )


async def read_request(connection: AsyncConnection, message_id: int) -> SentRequest | None:
    """What was sent for a message, put together again."""
    row = (await connection.execute(select(*_requests).where(_requests.message_id == message_id))).one_or_none()
    if row is None:
        return None
    query = select(_parts.id, _parts.body).where(_parts.id.in_([*row.messages, *row.functions]))
    parts = (await connection.execute(query)).all()
    blobs = await load_values(connection, large_values([row, *parts]))
    by_number = {part.id: unpack(part.body, blobs) for part in parts}
    body = dict(unpack(row.body, blobs))
    for field, column in _PARTED.items():
        if numbers := getattr(row, column):
            body[field] = [by_number[number] for number in numbers]
    found = unpack(row.sections, blobs)["sections"]
    return SentRequest(body, tuple(Section(part["name"], part["tokens"], part["text"]) for part in found))
