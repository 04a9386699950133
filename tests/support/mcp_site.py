"""MCP servers over HTTP on loopback, in this process: plain, behind a token, or with a sign-in of their own."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from mcp.server.auth.provider import (
    AccessToken,
    AuthorizationCode,
    AuthorizationParams,
    RefreshToken,
    construct_redirect_uri,
)
from mcp.server.auth.settings import AuthSettings, ClientRegistrationOptions
from mcp.server.mcpserver import MCPServer
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken
from pydantic import AnyHttpUrl

from core.service.bearer import BearerGate


@dataclass
class McpSite:
    """A running server. port: where. stop: ends it, breaking off what is under way."""

    port: int
    web: uvicorn.Server
    thread: threading.Thread

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}/mcp"

    def stop(self) -> None:
        """End it, breaking off what is under way."""
        self.web.should_exit = True
        self.thread.join()


@contextlib.contextmanager
def running_mcp_site(server: Any, *, token: str = "", port: int = 0) -> Iterator[McpSite]:
    """Serves an MCPServer, or an ASGI application. token: what requests have to bring."""
    app: Any = server.streamable_http_app() if hasattr(server, "streamable_http_app") else server
    place = socket.socket()
    place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    place.bind(("127.0.0.1", port))
    config = uvicorn.Config(
        BearerGate(app, token) if token else app, log_level="critical", access_log=False, timeout_graceful_shutdown=0
    )
    web = uvicorn.Server(config)
    thread = threading.Thread(target=web.run, kwargs={"sockets": [place]}, daemon=True)
    thread.start()
    while not web.started:
        time.sleep(0.01)
    site = McpSite(place.getsockname()[1], web, thread)
    try:
        yield site
    finally:
        site.stop()
        place.close()


@dataclass
class Doorman:
    """An authorization server in memory: signs everybody in at once, and counts what it did.

    lives: seconds for which its tokens are good.
    """

    lives: int = 3600
    clients: dict[str, OAuthClientInformationFull] = field(default_factory=dict)
    codes: dict[str, AuthorizationCode] = field(default_factory=dict)
    tokens: dict[str, AccessToken] = field(default_factory=dict)
    refreshes: dict[str, RefreshToken] = field(default_factory=dict)
    sign_ins: int = 0
    refreshed: int = 0
    decline: bool = False

    async def get_client(self, client_id: str) -> OAuthClientInformationFull | None:
        return self.clients.get(client_id)

    async def register_client(self, client_info: OAuthClientInformationFull) -> None:
        assert client_info.client_id is not None
        self.clients[client_info.client_id] = client_info

    async def authorize(self, client: OAuthClientInformationFull, params: AuthorizationParams) -> str:
        self.sign_ins += 1
        if self.decline:
            return construct_redirect_uri(str(params.redirect_uri), error="access_denied", state=params.state)
        code = f"code-{self.sign_ins}"
        self.codes[code] = AuthorizationCode(
            code=code,
            scopes=params.scopes or [],
            expires_at=time.time() + 60,
            client_id=client.client_id or "",
            code_challenge=params.code_challenge,
            redirect_uri=params.redirect_uri,
            redirect_uri_provided_explicitly=params.redirect_uri_provided_explicitly,
            resource=params.resource,
        )
        return construct_redirect_uri(str(params.redirect_uri), code=code, state=params.state)

    async def load_authorization_code(self, client: Any, authorization_code: str) -> AuthorizationCode | None:
        return self.codes.get(authorization_code)

    async def exchange_authorization_code(self, client: Any, authorization_code: AuthorizationCode) -> OAuthToken:
        del self.codes[authorization_code.code]
        return self._issue(client.client_id, authorization_code.scopes, authorization_code.resource)

    async def load_refresh_token(self, client: Any, refresh_token: str) -> RefreshToken | None:
        return self.refreshes.get(refresh_token)

    async def exchange_refresh_token(self, client: Any, refresh_token: RefreshToken, scopes: list[str]) -> OAuthToken:
        self.refreshed += 1
        del self.refreshes[refresh_token.token]
        return self._issue(client.client_id, scopes, refresh_token.resource)

    async def load_access_token(self, token: str) -> AccessToken | None:
        return self.tokens.get(token)

    async def revoke_token(self, token: Any) -> None:
        self.tokens.pop(token.token, None)

    async def exchange_identity_assertion(self, client: Any, params: Any) -> OAuthToken:
        raise NotImplementedError

    def _issue(self, client: str, scopes: list[str], resource: str | None) -> OAuthToken:
        number = len(self.tokens) + 1
        access, refresh = f"access-token-{number}", f"refresh-token-{number}"
        ends = int(time.time()) + self.lives
        self.tokens[access] = AccessToken(
            token=access, client_id=client, scopes=scopes, expires_at=ends, resource=resource
        )
        self.refreshes[refresh] = RefreshToken(token=refresh, client_id=client, scopes=scopes, resource=resource)
        return OAuthToken(access_token=access, expires_in=self.lives, refresh_token=refresh)


def guarded_server(doorman: Doorman, port: int) -> MCPServer:
    """A server with one tool, for those who signed in with the doorman. port: where it will be served."""
    address = f"http://127.0.0.1:{port}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        auth = AuthSettings(
            issuer_url=AnyHttpUrl(address),
            resource_server_url=AnyHttpUrl(f"{address}/mcp"),
            client_registration_options=ClientRegistrationOptions(enabled=True),
            validate_token_resource=False,
        )
    server = MCPServer("guarded", auth=auth, auth_server_provider=doorman)

    @server.tool()
    def whoami() -> str:
        """Says that you are in."""
        return "signed in"

    return server


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        return int(place.getsockname()[1])
