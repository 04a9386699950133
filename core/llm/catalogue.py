"""The models that a server offers: prices, context, what they take and give. Kept in a file, refreshed now and then."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from core.engine.clock import Clock
from core.engine.errors import StepError

DAY = 24 * 3600.0
"""Seconds after which a list is fetched again."""

PAUSE_AFTER_FAILURE = 60.0
"""Seconds in which a failed refresh is not tried again unless asked for."""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model. Prices: US dollars per token (per request for price_request); None where the server says none.

    context: tokens that fit in. max_output: tokens that it writes at most. parameters: the request fields that it
    understands; None if unknown, as with local servers. makes_pictures: listed for the route that only makes pictures.
    expires: ISO date on which it is withdrawn, '' for none. created: seconds since 1970.
    """

    id: str
    name: str = ""
    description: str = ""
    context: int | None = None
    max_output: int | None = None
    input_modalities: tuple[str, ...] = ()
    output_modalities: tuple[str, ...] = ()
    parameters: tuple[str, ...] | None = None
    price_in: float | None = None
    price_out: float | None = None
    price_request: float | None = None
    price_cache_read: float | None = None
    makes_pictures: bool = False
    expires: str = ""
    created: int = 0

    def supports(self, parameter: str) -> bool | None:
        """Whether the model understands a request field; None if the server does not say."""
        return None if self.parameters is None else parameter in self.parameters

    @property
    def is_free(self) -> bool:
        """Whether tokens cost nothing, by the server's own list."""
        return self.price_in == 0 and self.price_out == 0


def parse_model(entry: Mapping[str, Any]) -> ModelInfo | None:
    """A model out of one object of GET /models, of whatever server; None if it has no id."""
    id_ = entry.get("id")
    if not isinstance(id_, str) or not id_:
        return None
    architecture, pricing = _mapping(entry.get("architecture")), _mapping(entry.get("pricing"))
    top, meta = _mapping(entry.get("top_provider")), _mapping(entry.get("meta"))
    parameters = entry.get("supported_parameters")
    return ModelInfo(
        id=id_,
        name=_text(entry.get("name")) or id_,
        description=_text(entry.get("description")),
        context=_whole(entry.get("context_length") or entry.get("max_model_len") or meta.get("n_ctx")),
        max_output=_whole(top.get("max_completion_tokens")),
        input_modalities=_texts(architecture.get("input_modalities")),
        output_modalities=_texts(architecture.get("output_modalities")),
        parameters=_texts(parameters) if isinstance(parameters, list) else None,
        price_in=_price(pricing.get("prompt")),
        price_out=_price(pricing.get("completion")),
        price_request=_price(pricing.get("request")),
        price_cache_read=_price(pricing.get("input_cache_read")),
        expires=_text(entry.get("expiration_date")),
        created=_whole(entry.get("created")) or 0,
    )


@dataclass(frozen=True, slots=True)
class ModelList:
    """The models of one server. fetched_at: UTC. problem: why a newer list could not be had, '' if nothing failed."""

    models: tuple[ModelInfo, ...]
    fetched_at: datetime | None
    problem: str = ""


class ModelCatalogue:
    """The list of models of one server.

    fetch: asks the server. folder: where the list is kept between runs; None to keep it in memory only. server: the
    base URL, which names the file. max_age: seconds after which the list is asked for again.
    """

    def __init__(
        self,
        fetch: Callable[[], Awaitable[Sequence[ModelInfo]]],
        *,
        server: str,
        clock: Clock,
        folder: Path | None = None,
        max_age: float = DAY,
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._max_age = max_age
        digest = hashlib.sha256(server.rstrip("/").encode()).hexdigest()[:16]
        self._file = folder / f"models-{digest}.json" if folder is not None else None
        self._models: dict[str, ModelInfo] = {}
        self._fetched_at: datetime | None = None
        self._failed_at: float | None = None
        self._problem = ""
        self._file_was_read = False
        self._turn = asyncio.Lock()

    async def list(self, *, refresh: bool = False) -> ModelList:
        """All models. refresh: ask the server now.

        A list that is too old is better than none: if the server cannot be reached the kept one is given, with the
        problem. Raises StepError only if there is none at all.
        """
        async with self._turn:
            await self._read_file()
            if refresh or not self._is_fresh():
                await self._refresh(forced=refresh)
        return ModelList(tuple(self._models.values()), self._fetched_at, self._problem)

    async def kept(self) -> ModelList:
        """The models of the list that is kept here, without asking the server; none if none is kept."""
        async with self._turn:
            await self._read_file()
        return ModelList(tuple(self._models.values()), self._fetched_at, self._problem)

    async def look_up(self, model: str) -> ModelInfo | None:
        """What is known of a model. Never fails: None if it is not listed or there is no list."""
        try:
            await self.list()
        except StepError:
            return None
        return self.known(model)

    def known(self, model: str) -> ModelInfo | None:
        """What is known of a model without asking anyone. A variant (`:free`, `:nitro`) counts as its base model."""
        return self._models.get(model) or self._models.get(model.rpartition(":")[0])

    @property
    def age(self) -> float | None:
        """Seconds since the list was fetched; None if there is none."""
        return None if self._fetched_at is None else (self._clock.now() - self._fetched_at).total_seconds()

    def _is_fresh(self) -> bool:
        age = self.age
        return age is not None and 0 <= age < self._max_age

    async def _refresh(self, *, forced: bool) -> None:
        now = self._clock.monotonic()
        if not forced and self._failed_at is not None and now - self._failed_at < PAUSE_AFTER_FAILURE:
            if not self._models:
                raise StepError(self._problem, kind="connection", retryable=True)
            return
        try:
            models = await self._fetch()
        except StepError as error:
            self._failed_at, self._problem = now, error.message
            if not self._models:
                raise
            return
        self._failed_at, self._problem = None, ""
        self._models = {model.id: model for model in models}
        self._fetched_at = self._clock.now()
        await self._write_file()

    async def _read_file(self) -> None:
        if self._file_was_read or self._file is None:
            return
        self._file_was_read = True
        kept = await asyncio.to_thread(_read, self._file)
        if kept is not None:
            self._models, self._fetched_at = kept

    async def _write_file(self) -> None:
        if self._file is None or self._fetched_at is None:
            return
        data = {"fetched_at": self._fetched_at.isoformat(), "models": [asdict(m) for m in self._models.values()]}
        try:
            await asyncio.to_thread(_write, self._file, data)
        except OSError as error:  # a full disk must not stop a run; the list stays in memory
            self._problem = f"The list of models could not be kept in {self._file}: {error.strerror}."


def _read(file: Path) -> tuple[dict[str, ModelInfo], datetime] | None:
    """The kept list; None if there is none or it is damaged, for then a new one is fetched."""
    names = {field.name for field in fields(ModelInfo)}
    try:
        data = json.loads(file.read_text("utf-8"))
        fetched_at = datetime.fromisoformat(data["fetched_at"])
        if fetched_at.tzinfo is None:
            return None
        models = [ModelInfo(**{k: _frozen(v) for k, v in entry.items() if k in names}) for entry in data["models"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return {model.id: model for model in models}, fetched_at


def _write(file: Path, data: Mapping[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f"{file.name}.{uuid4().hex}.new")  # two processes may write at once
    try:
        fresh.write_text(json.dumps(data, ensure_ascii=False), "utf-8")
        fresh.replace(file)
    finally:
        fresh.unlink(missing_ok=True)


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def _whole(value: Any) -> int | None:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and value > 0 else None


def _price(value: Any) -> float | None:
    """A price; None for what is no number and for OpenRouter's -1, which means that it varies."""
    try:
        price = float(value)
    except (TypeError, ValueError):
        return None
    return price if price >= 0 else None
