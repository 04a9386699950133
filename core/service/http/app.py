"""The application: every endpoint behind the gate, and the description of them all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.routing import Route as StarletteRoute

from core.service.bearer import Application
from core.service.http import (
    chat_routes,
    file_routes,
    health_routes,
    hook_routes,
    openai_routes,
    run_routes,
    trigger_routes,
    workflow_routes,
)
from core.service.http.endpoint import endpoint
from core.service.http.errors import ApiError
from core.service.http.gate import Gate
from core.service.http.openapi import description, page
from core.service.http.parts import ServiceParts
from core.service.http.responses import encoded, error_response
from core.service.http.route import Route

_PAGE_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
_LARGEST_DESCRIPTION: Final = 4_000_000


def all_routes() -> tuple[Route, ...]:
    """Everything that the service answers to, calls of api triggers apart."""
    return (
        *run_routes.ROUTES,
        *file_routes.ROUTES,
        *chat_routes.ROUTES,
        *trigger_routes.ROUTES,
        *workflow_routes.ROUTES,
        *openai_routes.routes(),
        *health_routes.ROUTES,
    )


def make_app(parts: ServiceParts) -> Application:
    """The service as an ASGI application."""
    declared = all_routes()
    spec = encoded(description(declared, parts.version), _LARGEST_DESCRIPTION)
    text = page(declared, parts.version).encode()
    routes: list[BaseRoute] = [_exact(StarletteRoute(each.path, endpoint(each, parts), methods=[each.method]))
                               for each in declared]  # fmt: skip
    routes += [
        StarletteRoute("/openapi.json", _always(spec, "application/json"), methods=["GET"]),
        StarletteRoute("/docs", _always(text, "text/html; charset=utf-8"), methods=["GET"]),
        StarletteRoute(
            hook_routes.PREFIX + "/{path:path}", hook_routes.hook_endpoint(parts), methods=list(hook_routes.METHODS)
        ),
    ]
    app = Starlette(routes=routes, exception_handlers={HTTPException: _no_such_page})
    app.router.redirect_slashes = False
    return Gate(app, parts.hosts, parts.clock)


def _exact(route: StarletteRoute) -> StarletteRoute:
    """A route without the HEAD that comes with every GET: asked of a stream, it would go on for as long. Of a service's
    health, those who watch over it ask for nothing else."""
    assert route.methods is not None
    if route.path not in ("/healthz", "/readyz"):
        route.methods.discard("HEAD")
    return route


def _always(data: bytes, media_type: str) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that everybody may read, and that loads nothing from elsewhere."""

    async def answer(_request: Request) -> Response:
        return Response(data, media_type=media_type, headers={"Content-Security-Policy": _PAGE_POLICY})

    return answer


async def _no_such_page(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        message = "That is not done with this method. /openapi.json says how."
        return error_response(ApiError(405, "method", message, headers=error.headers))
    return error_response(ApiError(404, "no_page", "There is nothing there. /openapi.json says what there is."))
