"""An endpoint as data: what it answers to, who may call it, and everything that its description says.

The router and `/openapi.json` are made from the same declarations.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, TypeVar

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from core.service.http.parts import ServiceParts
from core.store.tokens import Scope, Token
from core.workflow.model import Json

M = TypeVar("M", bound=BaseModel)

JSON: Final = "application/json"
EVENTS: Final = "text/event-stream"


@dataclass(frozen=True, slots=True)
class Call:
    """A request that may be fulfilled. token: whose it is; None where none is needed."""

    request: Request
    parts: ServiceParts
    token: Token | None
    body: BaseModel | None = None
    query: BaseModel | None = None

    def path(self, name: str) -> str:
        """A part of the path."""
        return str(self.request.path_params[name])

    def sent(self, kind: type[M]) -> M:
        """The body."""
        assert isinstance(self.body, kind)
        return self.body

    def asked(self, kind: type[M]) -> M:
        """The query."""
        assert isinstance(self.query, kind)
        return self.query

    async def still_may(self) -> bool:
        """Whether its token is still worth something, long after it was shown."""
        return self.token is None or await self.parts.tokens.check(bearer_of(self.request)) is not None

    @property
    def caller(self) -> str:
        """What tells one caller's keys from another's: the token's id."""
        return self.token.id if self.token is not None else ""


def bearer_of(request: Request) -> str:
    """The token that a request shows, '' for none."""
    given = request.headers.getlist("authorization")
    scheme, _, secret = (given[0] if len(given) == 1 else "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""


Handler: TypeAlias = Callable[[Call], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that an endpoint may give. shape: of its JSON."""

    description: str
    example: Json = None
    media_type: str = JSON
    shape: type[BaseModel] | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint.

    path: with its parts as `{name}`, or `{name:path}` for one that may hold slashes. scopes: any of them opens it; none
    for everybody. headers: that it reads, with what they mean. examples: bodies by title. misfit: the status for a body
    that does not fit. takes_file: the body is a file, which the handler reads.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    tag: str
    answers: Mapping[int, Answer]
    scopes: tuple[Scope, ...] = ()
    description: str = ""
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    examples: Mapping[str, Any] = field(default_factory=dict)
    path_examples: Mapping[str, str] = field(default_factory=dict)
    body_limit: int | None = None
    misfit: int = 422
    takes_file: bool = False
