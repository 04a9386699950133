"""Vectors for texts, in batches, whatever form the server gives them in."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any

from core.engine.errors import StepError
from core.engine.events import NO_USAGE, Usage
from core.llm.answer import usage_of
from core.llm.connection import ServerConnection
from core.llm.data_url import decode_base64
from core.llm.errors import Asked, connection_error
from core.llm.retry import RetryPolicy

LARGEST_BATCH = 100
"""Texts in one request."""

LONGEST_BATCH = 200_000
"""Characters in one request, unless a single text is longer."""


class Embeddings:
    """Asks one server for vectors."""

    def __init__(self, connection: ServerConnection, *, random: Random, retries: RetryPolicy) -> None:
        self._connection = connection
        self._random = random
        self._retries = retries

    async def embed(
        self, texts: Sequence[str], model: str, *, dimensions: int | None, prices: bool
    ) -> tuple[list[list[float]], Usage]:
        """One vector per text, in order, and what they cost together. Raises StepError."""
        vectors: list[list[float]] = []
        usage = NO_USAGE
        for batch in batches(texts):
            body: dict[str, Any] = {"model": model, "input": batch, "encoding_format": "float"}
            if dimensions is not None:
                body["dimensions"] = dimensions
            answer = await self._post(body, model)
            vectors += read_vectors(answer, len(batch), self._connection.asked(model), dimensions)
            if isinstance(answer.get("usage"), Mapping):
                usage += usage_of(answer["usage"], prices=prices)
        if len({len(vector) for vector in vectors}) > 1:
            raise connection_error(self._connection.asked(model), "sent vectors of different lengths", kind="server")
        return vectors, usage

    async def _post(self, body: Mapping[str, Any], model: str) -> Mapping[str, Any]:
        failures = 0
        while True:
            try:
                answer = await self._connection.post("/embeddings", body, model=model)
                if isinstance(answer, Mapping):
                    return answer
                raise connection_error(self._connection.asked(model), "sent no JSON object", kind="server")
            except StepError as error:
                failures += 1
                wait = self._retries.wait_before_next(error, failures, self._random)
                if wait is None:
                    raise
            await self._connection.clock.sleep(wait)


def batches(texts: Sequence[str]) -> Iterator[list[str]]:
    """The texts in order, in groups that fit into one request."""
    batch: list[str] = []
    size = 0
    for text in texts:
        if batch and (len(batch) >= LARGEST_BATCH or size + len(text) > LONGEST_BATCH):
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += len(text)
    if batch:
        yield batch


def read_vectors(
    answer: Mapping[str, Any], count: int, asked: Asked, dimensions: int | None = None
) -> list[list[float]]:
    """The vectors of an answer in the order of the texts. Raises StepError if they are not what was asked for."""
    data = answer.get("data")
    items = data if isinstance(data, list) else []
    if len(items) != count:
        raise connection_error(asked, f"sent {len(items)} vectors for {count} texts", kind="server")
    indices = [item["index"] for item in items if isinstance(item, Mapping) and isinstance(item.get("index"), int)]
    if sorted(indices) == list(range(count)):  # else the server numbers them wrongly or not at all: as they come
        items = sorted(items, key=lambda item: int(item["index"]))
    vectors = [_vector(item.get("embedding") if isinstance(item, Mapping) else None) for item in items]
    if not all(vectors):
        raise connection_error(asked, "sent a vector that is empty or damaged", kind="server")
    wrong = next((len(v) for v in vectors if dimensions is not None and len(v) != dimensions), None)
    if wrong is not None:
        raise StepError(
            f"{asked.what} gives vectors of {wrong} numbers, not of the {dimensions} that are stored. Choose a model "
            f"that gives {dimensions}.",
            kind="bad_request",
        )
    return vectors


def _vector(value: Any) -> list[float]:
    """The numbers; empty if they are damaged. Text is base64 of little-endian 32-bit floats."""
    if isinstance(value, str):
        data = decode_base64(value)
        if not data or len(data) % 4:
            return []
        value = struct.unpack(f"<{len(data) // 4}f", data)
    if not isinstance(value, list | tuple):
        return []
    try:
        numbers = [float(number) for number in value]
    except (TypeError, ValueError):
        return []
    return numbers if all(map(math.isfinite, numbers)) else []
