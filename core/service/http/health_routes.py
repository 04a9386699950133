"""Whether the service lives and can work, its metrics, and its tokens."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.responses import Response

from core.monitoring.metrics import CONTENT_TYPE
from core.service.http.errors import ApiError
from core.service.http.responses import json_response
from core.service.http.route import Answer, Call, Route
from core.service.http.shapes import Health, TokenList
from core.service.http.values import token_json
from core.store.errors import StoreError
from core.workflow.model import Json

_READY_S: Final = 3.0


async def healthz(call: Call) -> Response:
    """That the process answers."""
    return json_response({"status": "ok", "version": call.parts.version})


async def readyz(call: Call) -> Response:
    """Whether runs can be started."""
    if call.parts.stopping.is_set():
        raise ApiError(503, "stopping", "The service is about to end.")
    try:
        async with asyncio.timeout(_READY_S):
            await call.parts.ready()
    except (StoreError, TimeoutError):
        raise ApiError(503, "database", "The database cannot be reached now.", headers={"Retry-After": "5"}) from None
    return json_response({"status": "ready"})


async def metrics(call: Call) -> Response:
    """Everything that is counted."""
    return Response(call.parts.metrics(), headers={"Content-Type": CONTENT_TYPE})


async def list_tokens(call: Call) -> Response:
    """The tokens."""
    return json_response({"tokens": [token_json(token) for token in await call.parts.tokens.list()]})


async def revoke_token(call: Call) -> Response:
    """Make a token worthless."""
    await call.parts.tokens.revoke(call.path("token_id"))
    return Response(status_code=204)


_TOKEN: Final[dict[str, Json]] = {
    "id": "3f9a1c5e7b20", "name": "ci", "scopes": ["read", "run"], "created": "2026-11-27T09:00:00+00:00",
    "expires": None, "last_used": "2026-11-27T09:05:00+00:00", "revoked": None,
    "rate": "600/1m",
}  # fmt: skip

ROUTES: Final = (
    Route(
        "GET", "/healthz", healthz, "Whether the process lives", "Service",
        answers={200: Answer("It does.", {"status": "ok", "version": "0.1.0"}, shape=Health)},
    ),
    Route(
        "GET", "/readyz", readyz, "Whether runs can be started", "Service",
        answers={200: Answer("They can.", {"status": "ready"}, shape=Health), 503: Answer("Not now.")},
    ),
    Route(
        "GET", "/metrics", metrics, "Metrics for Prometheus", "Service", scopes=("read",),
        answers={200: Answer("Prometheus's text format.", "workflow_running 0\n", "text/plain")},
    ),
    Route(
        "GET", "/api/v1/tokens", list_tokens, "List tokens", "Tokens", scopes=("admin",),
        answers={200: Answer("All tokens, without their texts.", {"tokens": [_TOKEN]}, shape=TokenList)},
    ),
    Route(
        "DELETE", "/api/v1/tokens/{token_id}", revoke_token, "Revoke a token", "Tokens", scopes=("admin",),
        path_examples={"token_id": "3f9a1c5e7b20"},
        answers={204: Answer("It opens nothing any more."), 404: Answer("There is no such token.")},
    ),
)  # fmt: skip
