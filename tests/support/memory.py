"""What tests of memories need: agents in the database, and a model whose vectors follow from meanings."""

from __future__ import annotations

import re
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.engine.errors import StepError
from core.engine.events import Usage
from core.engine.services import ChatAnswer, ChatDelta, ChatRequest, ImageAnswer, ImageRequest
from core.store.database import Database
from core.workflow.model import Json

SYNONYMS = (
    {"live", "lives", "living", "home", "reside", "resides", "where"},
    {"eat", "eats", "food", "meal", "dish", "meat", "dinner"},
    {"colour", "color", "blue", "green", "shade"},
    {"work", "works", "job", "employer", "profession"},
    {"dog", "dogs", "pet", "animal", "hound"},
    {"budget", "money", "costs", "price", "spend"},
)
"""Words of one meaning each: texts that have such words of the same set are near each other."""


class Meanings:
    """A `Models` for memories: one axis of the vector for each set of synonyms, a few for all other words.

    failing: raised instead of giving vectors. size: numbers in a vector. embedded: every text, in order.
    answers: what the chat gives, in order.
    """

    def __init__(self, size: int = 64, answers: Sequence[str | StepError] = ()) -> None:
        self.size = size
        self.failing: StepError | None = None
        self.embedded: list[str] = []
        self.requests: list[ChatRequest] = []
        self._answers = list(answers)

    async def embed(
        self, texts: Sequence[str], *, model: str = "", dimensions: int | None = None
    ) -> tuple[list[list[float]], Usage]:
        """A vector for each text."""
        if self.failing is not None:
            raise self.failing
        self.embedded.extend(texts)
        return [self.vector(text, dimensions or self.size) for text in texts], Usage(tokens_in=len(texts))

    def vector(self, text: str, size: int) -> list[float]:
        """Two for each meaning, a little for each other word."""
        values = [0.01] * size
        for word in re.findall(r"\w+", text.lower()):
            axis = next((n for n, words in enumerate(SYNONYMS) if word in words), None)
            if axis is None:
                values[len(SYNONYMS) + sum(map(ord, word)) % (size - len(SYNONYMS))] += 0.5
            else:
                values[axis] += 2.0
        return values

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta | ChatAnswer]:
        """The next answer, whole."""
        self.requests.append(request)
        if not self._answers:
            raise StepError("The script has no answer left.")
        answer = self._answers.pop(0)
        if isinstance(answer, StepError):
            raise answer
        message = {"role": "assistant", "content": answer}
        yield ChatAnswer(text=answer, message=message, model="scripted", usage=Usage(100, 20, 0.001))

    async def image(self, request: ImageRequest) -> ImageAnswer:
        """Never asked for."""
        raise AssertionError

    def wire_request(self, request: ChatRequest) -> dict[str, Json]:
        """The model."""
        return {"model": request.model}


async def make_agents(database: Database, *names: str) -> Mapping[str, uuid.UUID]:
    """Agents of these names, and their ids."""

    async def work(connection: AsyncConnection) -> dict[str, uuid.UUID]:
        made = {}
        for name in names:
            query = text("INSERT INTO agents (name) VALUES (:name) RETURNING id")
            made[name] = (await connection.execute(query, {"name": name})).scalar_one()
        return made

    return await database.run(work)
