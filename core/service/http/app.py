"""The application: every endpoint behind the gate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.routing import Route as StarletteRoute

from core.service.bearer import Application
from core.service.http import chat_routes, health_routes, run_routes, workflow_routes
from core.service.http.endpoint import endpoint
from core.service.http.errors import ApiError
from core.service.http.gate import Gate
from core.service.http.parts import ServiceParts
from core.service.http.responses import error_response
from core.service.http.route import Route

ROUTES: Final[Sequence[Route]] = (
    *run_routes.ROUTES,
    *chat_routes.ROUTES,
    *workflow_routes.ROUTES,
    *health_routes.ROUTES,
)
"""Everything that the service answers to."""


def make_app(parts: ServiceParts) -> Application:
    """The service as an ASGI application."""
    routes: list[BaseRoute] = [
        StarletteRoute(each.path, endpoint(each, parts), methods=[each.method], include_in_schema=False)
        for each in ROUTES
    ]
    app = Starlette(routes=routes, exception_handlers={HTTPException: _no_such_page})
    app.router.redirect_slashes = False
    return Gate(app, parts.hosts, parts.clock)


async def _no_such_page(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        return error_response(
            ApiError(405, "method", "That is not done with this method. /openapi.json says how.", headers=error.headers)
        )
    return error_response(ApiError(404, "no_page", "There is nothing there. /openapi.json says what there is."))
