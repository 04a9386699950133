"""The model server that the settings name."""

from __future__ import annotations

from pathlib import Path
from random import SystemRandom

from core.engine.clock import Clock
from core.llm.client import ModelServer
from core.secrets import KeyringSecrets
from core.settings import Settings


def model_server(settings: Settings, secrets: KeyringSecrets, home: Path, clock: Clock) -> ModelServer:
    """The server, its key asked for before every request. home: where its list of models is kept."""
    server = settings.model_server

    async def key() -> str | None:
        return await secrets.get(server.secret)

    return ModelServer(
        server.base_url,
        api_key=key,
        clock=clock,
        random=SystemRandom(),
        default_model=settings.default_model,
        default_image_model=settings.image_model,
        default_embedding_model=settings.embedding_model,
        kind=None if server.kind == "auto" else server.kind,
        cache_folder=home / "cache",
    )
