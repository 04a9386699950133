"""Calls of other programs at the paths of api triggers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from core.engine.errors import RunNotFound
from core.engine.journal import RunRecord
from core.service.hooks import HOOK_LABEL, AnswerShape, HookCall, HookPoll, HookRequest
from core.service.http.endpoint import read_body, unexpected
from core.service.http.errors import ApiError, as_api_error
from core.service.http.files import sent_type
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
            made = _request(request, path, body)
            if (asked := await parts.hooks.poll(made)) is not None:
                return await _polled(parts, asked)
            return await _started(parts, await parts.hooks.call(made))
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
        await refuse_other(parts, run_id, call.workflow, call.inputs, apart=call.apart)
    place = f"{PREFIX}{call.poll}{run_id}" if call.poll else f"/api/v1/runs/{run_id}"
    if not call.wait:
        return _accepted(await parts.journal.run(run_id), place)
    run = await watch(parts).settled(run_id, min(call.timeout_s, parts.limits.longest_wait_s))
    return await _told(parts, run, call.shape, call.status, place)


async def _polled(parts: ServiceParts, asked: HookPoll) -> Response:
    run = await parts.journal.run(asked.run_id)
    if run.labels.get(HOOK_LABEL) != asked.hook:
        raise RunNotFound(f"No call of this workflow started a run {asked.run_id}.")
    return await _told(parts, run, asked.shape, 200, f"{PREFIX}/id/{asked.hook}/runs/{run.id}")


async def _told(parts: ServiceParts, run: RunRecord, shape: AnswerShape, status: int, place: str) -> Response:
    """What became of a run. place: where to ask for it later."""
    if run.status == "completed":
        return await _outputs(parts, run, shape, status)
    if run.status in ("failed", "cancelled"):
        reason = f"The run was {run.status}."
        if run.error is not None:
            reason = run.error.message if shape.tells_why else "The run failed. Steploom says why, where it is served."
        return error_response(ApiError(502, f"run_{run.status}", reason, problems=[{"run_id": run.id}]))
    return _accepted(run, place)


async def _outputs(parts: ServiceParts, run: RunRecord, shape: AnswerShape, status: int) -> Response:
    outputs = dict(run.outputs or {})
    if not shape.output:
        found: dict[str, Json] = {"run_id": run.id, "status": run.status, "outputs": outputs}
        return json_response(found, status, limit=parts.limits.answer)
    value = outputs.get(shape.output)
    # A page that a workflow made may not act as one of this server.
    headers = {"Steploom-Run": run.id, "Content-Security-Policy": "sandbox"}
    if isinstance(value, dict) and isinstance(blob := value.get("blob"), str):
        kind = shape.media_type or sent_type(value.get("media_type"))
        return Response(await parts.read_file(blob), status, headers=headers, media_type=kind)
    if isinstance(value, str):
        return Response(
            value.encode("utf-8", "replace"), status, headers=headers, media_type=shape.media_type or "text/plain"
        )
    media_type = shape.media_type or "application/json"
    return json_response(value, status, limit=parts.limits.answer, headers=headers, media_type=media_type)


def _accepted(run: RunRecord, place: str) -> Response:
    """That a run goes on by itself, and where to ask for it."""
    return json_response({"run_id": run.id, "status": run.status, "url": place}, 202, headers={"Location": place})
