"""Calls of other programs at the paths of api triggers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from core.engine.journal import RunRecord
from core.service.hooks import HookCall, HookRequest
from core.service.http.endpoint import read_body, unexpected
from core.service.http.errors import ApiError, as_api_error
from core.service.http.parts import ServiceParts
from core.service.http.responses import error_response, json_response
from core.service.http.run_routes import refuse_other, watch
from core.workflow.model import Json

PREFIX: Final = "/hooks"

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")


def hook_endpoint(parts: ServiceParts) -> Callable[[Request], Awaitable[Response]]:
    """What answers below `/hooks`. Who may call is the trigger's matter: a token of the service means nothing here."""

    async def answer(request: Request) -> Response:
        try:
            path = _raw_path(request)
            body = await read_body(request, parts.hooks.body_limit(request.method, path), parts.limits.body_s)
            return await _started(parts, await parts.hooks.call(_request(request, path, body)))
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception as error:  # noqa: BLE001 - the last stop before the caller, who is told nothing of the inside
            return error_response(as_api_error(error) or unexpected(error, f"{request.method} {PREFIX}"))

    return answer


def _raw_path(request: Request) -> str:
    """What follows the prefix, still quoted: a part of the path may hold a quoted slash."""
    raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    return raw.partition(b"?")[0].decode("latin-1").removeprefix(PREFIX)


def _request(request: Request, path: str, body: bytes) -> HookRequest:
    query = {name: request.query_params.getlist(name) for name in request.query_params}
    headers = {name.lower(): value for name, value in request.headers.items()}
    client = request.client.host if request.client is not None else ""
    return HookRequest(request.method, path, headers, query, body, client)


async def _started(parts: ServiceParts, call: HookCall) -> Response:
    run_id = await parts.queue.enqueue(
        call.workflow, call.inputs, labels=call.labels, key=call.key, key_s=call.key_s, origin=call.origin
    )
    if call.key:
        await refuse_other(parts, run_id, call.workflow, call.inputs)
    if not call.wait:
        return _accepted(await parts.journal.run(run_id))
    run = await watch(parts).settled(run_id, min(call.timeout_s, parts.limits.longest_wait_s))
    if run.status == "completed":
        found: dict[str, Json] = {"run_id": run.id, "status": run.status, "outputs": dict(run.outputs or {})}
        return json_response(found, call.status, limit=parts.limits.answer)
    if run.status in ("failed", "cancelled"):
        reason = run.error.message if run.error is not None else f"The run was {run.status}."
        return error_response(ApiError(502, f"run_{run.status}", reason, problems=[{"run_id": run.id}]))
    return _accepted(run)


def _accepted(run: RunRecord) -> Response:
    """That a run goes on by itself, and where to ask for it (with a token of the service)."""
    place = f"/api/v1/runs/{run.id}"
    return json_response({"run_id": run.id, "status": run.status, "url": place}, 202, headers={"Location": place})
