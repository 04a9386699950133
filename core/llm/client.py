"""Models behind one server: OpenRouter, or any that speaks its chat completions."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import httpx

from core.engine.clock import Clock
from core.engine.errors import StepError
from core.engine.events import Usage
from core.engine.services import ChatAnswer, ChatDelta, ChatRequest, ImageAnswer, ImageRequest
from core.llm.account import KeyInfo, generation_usage, key_info
from core.llm.catalogue import ModelCatalogue, ModelInfo, parse_model
from core.llm.chat import Chat
from core.llm.connection import ConnectionLimits, KeyProvider, ServerConnection, TimeLimit
from core.llm.embeddings import Embeddings
from core.llm.images import Pictures
from core.llm.profile import (
    OPENROUTER_URL,
    PROFILES,
    ServerKind,
    ServerProfile,
    is_openrouter,
    profile_by_address,
    profile_by_models,
)
from core.llm.retry import RetryPolicy
from core.llm.wire import chat_body, for_journal
from core.workflow.model import Json


class ModelServer:
    """The `Models` behind one base URL.

    api_key: asked before every request. default_model, default_image_model, default_embedding_model: for requests
    that name none. kind: which server it is; None to find out from the address and, on the first request, from its
    list of models. cache_folder: where that list is kept. transport: instead of the network. One loop at a time;
    `aclose` when done.
    """

    def __init__(
        self,
        base_url: str = OPENROUTER_URL,
        *,
        api_key: KeyProvider,
        clock: Clock,
        random: Random,
        default_model: str = "",
        default_image_model: str = "",
        default_embedding_model: str = "",
        kind: ServerKind | None = None,
        cache_folder: Path | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        app_title: str = "Steploom",
        app_url: str = "",
        limits: ConnectionLimits | None = None,
        retries: RetryPolicy | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._clock = clock
        self._random = random
        self._defaults = {"chat": default_model, "image": default_image_model, "embedding": default_embedding_model}
        self._profile = PROFILES[kind] if kind else profile_by_address(base_url)
        self._is_sure = kind is not None or is_openrouter(base_url)
        retries = retries or RetryPolicy()
        self._connection = ServerConnection(
            base_url,
            api_key=api_key,
            profile=lambda: self._profile,
            clock=clock,
            limits=limits,
            transport=transport,
            app_title=app_title,
            app_url=app_url,
        )
        self._chat = Chat(self._connection, random=random, new_id=self._call_id, retries=retries)
        self._pictures = Pictures(self._connection, self._chat, random=random, retries=retries)
        self._embeddings = Embeddings(self._connection, random=random, retries=retries)
        self.catalogue = ModelCatalogue(self._fetch_models, server=base_url, clock=clock, folder=cache_folder)

    @property
    def profile(self) -> ServerProfile:
        """What the server understands, as far as is known; certain after `prepare` or the first request."""
        return self._profile

    @property
    def connection(self) -> ServerConnection:
        """The way to the server, for account questions and the sign-in."""
        return self._connection

    async def prepare(self) -> ServerProfile:
        """Find out which server it is, if the address does not say. Never fails: the guess stays if nothing answers."""
        if not self._is_sure:
            try:
                answer = await self._connection.get("/models")
            except StepError as error:
                if error.kind in ("connection", "timeout"):  # asked again next time
                    return self._profile
                answer = {}
            self._profile = profile_by_models(_entries(answer), self._profile)
            self._is_sure = True
        return self._profile

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta | ChatAnswer, None]:
        """Pieces as they come and, last, the whole ChatAnswer. Closing the iterator closes the connection.

        Raises StepError. Servers other than OpenRouter know no fallback models, so those are tried from here.
        """
        model = self._model(request.model, "chat")
        limit = TimeLimit(self._clock, request.timeout)
        asked = self._connection.asked(model)
        info = await limit.wait(self._facts(model, needed=_needs_facts(request)), asked)
        models = [model] if self._profile.routing else [model, *request.fallbacks]
        for n, name in enumerate(models):
            body = chat_body(request, name, self._profile, info)
            shown = False
            try:
                async with aclosing(self._chat.stream(body, prices=self._profile.prices, limit=limit)) as pieces:
                    async for piece in pieces:
                        shown = True
                        yield piece
                return
            except StepError as error:
                if shown or n + 1 == len(models) or error.kind in ("credentials", "connection"):
                    raise

    async def image(self, request: ImageRequest) -> ImageAnswer:
        """Make pictures, by whichever route the model offers. Raises StepError."""
        model = self._model(request.model, "image")
        info = await self._facts(model, needed=True)
        return await self._pictures.make(request, model, self._profile, info)

    async def embed(
        self, texts: Sequence[str], *, model: str = "", dimensions: int | None = None
    ) -> tuple[list[list[float]], Usage]:
        """One vector per text, in order. Raises StepError."""
        name = self._model(model, "embedding")
        await self.prepare()
        return await self._embeddings.embed(texts, name, dimensions=dimensions, prices=self._profile.prices)

    def wire_request(self, request: ChatRequest) -> dict[str, Json]:
        """What `stream` would send, as far as the server and the model are known: no headers, inline data shortened."""
        model = request.model or self._defaults["chat"]
        body = for_journal(chat_body(request, model, self._profile, self.catalogue.known(model)))
        assert isinstance(body, dict)
        return body

    async def account(self) -> KeyInfo:
        """What the key may still spend; OpenRouter only. Raises StepError."""
        if not (await self.prepare()).routing:
            raise StepError(f"{self._profile.title} keeps no account of keys.", kind="not_found")
        return await key_info(self._connection)

    async def spent(self, generation_id: str) -> Usage:
        """What an aborted answer cost after all; OpenRouter only. Raises StepError."""
        return await generation_usage(self._connection, generation_id)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._connection.aclose()

    async def _facts(self, model: str, *, needed: bool) -> ModelInfo | None:
        profile = await self.prepare()
        if needed and profile.routing:
            return await self.catalogue.look_up(model)
        return self.catalogue.known(model)

    async def _fetch_models(self) -> list[ModelInfo]:
        profile = await self.prepare()
        every = {"output_modalities": "all"} if profile.routing else None  # without it only text models are listed
        models = [m for entry in _entries(await self._connection.get("/models", every)) if (m := parse_model(entry))]
        if not profile.routing:
            return models
        drawn = await self._picture_models()
        known = {model.id for model in models}
        return [_marked(m, drawn) for m in models] + [_marked(m, drawn) for id_, m in drawn.items() if id_ not in known]

    async def _picture_models(self) -> dict[str, ModelInfo]:
        try:
            entries = _entries(await self._connection.get("/images/models"))
        except StepError:  # the list of chat models is worth having without it
            return {}
        return {m.id: m for entry in entries if (m := parse_model(entry))}

    def _model(self, named: str, use: str) -> str:
        model = named or self._defaults[use]
        if not model:
            raise StepError(
                f"No {use} model is chosen. Name one in the step, or set a default in the settings; "
                "`steploom models` lists what the server offers.",
                kind="bad_request",
            )
        return model

    def _call_id(self) -> str:
        return f"call_{self._random.getrandbits(64):016x}"


def _needs_facts(request: ChatRequest) -> bool:
    """Whether the body depends on what the model can do."""
    return bool(request.schema is not None or request.tools or request.effort)


def _entries(answer: Any) -> list[Mapping[str, Any]]:
    data = answer.get("data") if isinstance(answer, Mapping) else answer
    return [entry for entry in data if isinstance(entry, Mapping)] if isinstance(data, list) else []


def _marked(model: ModelInfo, drawn: Mapping[str, ModelInfo]) -> ModelInfo:
    return replace(model, makes_pictures=True) if model.id in drawn else model
