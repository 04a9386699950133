"""From a declaration to what the router calls: who may call it, the body within its limits, and errors as answers."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from math import isfinite
from typing import Any, Final, NoReturn

from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from core.service.http.errors import ApiError, as_api_error
from core.service.http.parts import ServiceParts
from core.service.http.responses import error_response
from core.service.http.route import Call, Route, bearer_of
from core.store.tokens import Token
from core.workflow.json_values import flaws

_log = logging.getLogger(__name__)

_MARGIN_S: Final = 60.0
"""Seconds that an endpoint has besides the longest time that a caller may wait."""


def endpoint(route: Route, parts: ServiceParts) -> Callable[[Request], Awaitable[Response]]:
    """What the router calls for that route."""

    async def answer(request: Request) -> Response:
        try:
            token = await _authorised(request, route, parts)
            call = Call(request, parts, token, await _body(request, route, parts), _query(request, route))
            request.state.token_id = call.caller
            async with asyncio.timeout(parts.limits.longest_wait_s + _MARGIN_S):
                return await route.handler(call)
        except ClientDisconnect:
            return Response(status_code=400)
        except TimeoutError:
            return error_response(
                ApiError(503, "timeout", "It took too long and was given up. Try again.", headers={"Retry-After": "5"})
            )
        except Exception as error:  # noqa: BLE001 - the last stop before the caller, who is told nothing of the inside
            return error_response(as_api_error(error) or unexpected(error, f"{route.method} {route.path}"))

    return answer


def unexpected(error: Exception, where: str) -> ApiError:
    """An error that should not be, as an answer that tells nothing of the inside; the log holds it."""
    _log.error("%s met an error that was not expected", where, exc_info=error)
    return ApiError(500, "unexpected", "Steploom met an error that it did not expect. Its log holds the details.")


async def _authorised(request: Request, route: Route, parts: ServiceParts) -> Token | None:
    """The caller's token. Raises ApiError without one that opens the route."""
    if not route.scopes:
        return None
    secret = bearer_of(request)
    token = await parts.tokens.check(secret) if secret else None
    if token is None:
        message = "Send a valid token of this server: Authorization: Bearer TOKEN. `steploom tokens create` makes one."
        raise ApiError(401, "unauthorized", message, headers={"WWW-Authenticate": 'Bearer realm="steploom"'})
    request.state.token_id = token.id
    if not token.allows(*route.scopes):
        wanted = " or ".join(route.scopes)
        raise ApiError(403, "scope", f"This token does not allow that: it would need the scope {wanted}.")
    if token.rate is not None and parts.rates is not None:
        seconds = await parts.rates.wait(f"requests of {token.id}", token.rate)
        if seconds:
            text = f"This token may be used {token.rate.calls} times in {token.rate.seconds:g} seconds."
            raise ApiError(429, "rate", text, headers={"Retry-After": str(seconds)})
    return token


async def _body(request: Request, route: Route, parts: ServiceParts) -> BaseModel | None:
    """The body as the route's model. Raises ApiError for one that is too large, too slow, or does not fit."""
    if route.body is None:
        return None
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ApiError(415, "media_type", "Send the body as application/json.")
    data = await read_body(request, route.body_limit or parts.limits.body, parts.limits.body_s)
    return _fitted(route.body, parsed_json(data or b"{}"), "body", route.misfit)


async def read_body(request: Request, limit: int, seconds: float) -> bytes:
    """The body of a request. limit: bytes. Raises ApiError if it is larger, or has not come in that many seconds."""
    announced = request.headers.get("content-length", "0")
    too_large = ApiError(
        413, "body_too_large", f"The body is larger than {limit:,} bytes. Send less.", headers={"Connection": "close"}
    )
    if announced.isdecimal() and int(announced[:20]) > limit:
        raise too_large
    data = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for piece in request.stream():
                data += piece
                if len(data) > limit:
                    raise too_large
    except TimeoutError:
        message = f"The body did not come within {seconds:.0f} s."
        raise ApiError(408, "body_too_slow", message, headers={"Connection": "close"}) from None
    return bytes(data)


def parsed_json(data: bytes) -> Any:
    """A body as JSON. Raises ApiError for one that is none, or holds what no value may hold."""

    def refuse(text: str) -> NoReturn:
        raise ValueError(f"{text} is no JSON value")

    try:
        value = json.loads(data, parse_constant=refuse, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise ApiError(400, "json", f"The body is no JSON: {error}.") from None
    for _, sentence in flaws(value):
        raise ApiError(400, "json", f"The body holds what cannot be kept: {sentence}")
    return value


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError(f"{text[:30]} is too large a number")
    return number


def _query(request: Request, route: Route) -> BaseModel | None:
    names = list(request.query_params)
    if route.query is None:
        if names:
            raise ApiError(400, "query", f"Nothing can be asked with {names[0][:40]!r} here. Leave the query out.")
        return None
    return _fitted(route.query, dict(request.query_params), "query", 400)


def _fitted(model: type[BaseModel], value: Any, what: str, status: int) -> BaseModel:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        # What was sent is not repeated: it may hold a secret that stands in the wrong place.
        found = error.errors(include_url=False, include_input=False, include_context=False)
        problems = [{"field": ".".join(map(str, each["loc"])), "message": each["msg"]} for each in found]
        first = f"{problems[0]['field'] or what}: {problems[0]['message']}"
        raise ApiError(
            status, what, f"The {what} does not fit: {first}.", problems=problems[:20], param=problems[0]["field"]
        ) from None
