"""The step type that calls an HTTP API."""

from __future__ import annotations

import re
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, cast
from urllib.parse import urlsplit

from pydantic import BeforeValidator, field_validator

from core.engine.step_type import Config, Effect, StepContext, StepType, setting
from core.steps.parts.api_fields import Auth, Body, Pagination
from core.steps.parts.fields import Seconds
from core.steps.parts.needs import blobs_of
from core.steps.parts.text import Text
from core.workflow.catalogue import ConfigProblem
from core.workflow.model import Json

if TYPE_CHECKING:
    from core.steps.parts.exchange import Build, Exchange
    from core.steps.parts.replies import Reply

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_FIXED_HOST = re.compile(r"\s*https?://[^/?#{}\s]+[/?#]|\s*https?://[^/?#{}\s]+\Z", re.IGNORECASE)
_STATUS = re.compile(r"[1-5](\d\d|xx)|[1-5]\d\d-[1-5]\d\d")


def _listed(value: Any) -> Any:
    return [str(item) for item in (value if isinstance(value, list) else [value])]


class ApiConfig(Config):
    """Settings of an API step."""

    method: Text = setting("GET", title="Method", pattern=r"^[A-Za-z]{1,20}$")
    url: Text = setting(title="URL", help="Beginning with https://", secrets=True, min_length=1)
    query: dict[str, Any] = setting(title="Query", widget="key_values", secrets=True, default_factory=dict)
    headers: dict[str, Text] = setting(title="Headers", widget="key_values", secrets=True, default_factory=dict)
    auth: Auth = setting(title="Auth", secrets=True, default_factory=Auth)
    body: Body = setting(title="Body", secrets=True, default_factory=Body)
    expected: Annotated[list[str], BeforeValidator(_listed)] = setting(
        title="Expected statuses", help="Such as 200, 2xx or 200-299.", default_factory=lambda: ["2xx"]
    )
    pagination: Pagination = setting(title="Pages", default_factory=Pagination)
    response: Literal["auto", "json", "text", "blob"] = setting(
        "auto", title="Read the reply as",
        labels={"auto": "By its type", "json": "JSON", "text": "Text", "blob": "A kept file"},
    )  # fmt: skip
    max_bytes: int = setting(10_000_000, title="Largest reply", unit="bytes", ge=1, le=1_000_000_000)
    timeout: Seconds = setting(30.0, title="Timeout", help="For each request with its redirects.", unit="s", gt=0)
    max_redirects: int = setting(5, title="Most redirects", help="0 follows none.", ge=0, le=20)

    @field_validator("expected")
    @classmethod
    def _known_statuses(cls, value: list[str]) -> list[str]:
        for entry in value:
            if not _STATUS.fullmatch(entry):
                raise ValueError(f"{entry!r} is no HTTP status. Write 200, 2xx or 200-299.")
        return value

    @field_validator("headers")
    @classmethod
    def _sound_headers(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            if not _HEADER_NAME.fullmatch(name):
                raise ValueError(f"{name!r} is no name of an HTTP header.")
        return value


class ApiStep(StepType[ApiConfig]):
    """Calls an HTTP API.

    - `method`, `url`, `query`, `headers`: the request. A list in `query` gives a parameter several times.
    - `auth`: `{kind: bearer, token}`, `{kind: basic, username, password}` or `{kind: header, name, value}`. Keys belong
      in secrets: `"{{ secrets.GITHUB_TOKEN }}"`.
    - `body`: `{kind: json, value}`, `{kind: form, value}`, `{kind: text, value, content_type}` or
      `{kind: file, files: [{field, source}], value}`, where `source` is a path inside a granted folder or a blob, and
      `value` holds more form fields. A single file with an empty `field` is sent alone as the body.
    - `expected`: the statuses that count as success, `2xx` unless you say otherwise. Others fail the step: 429 with
      the kind `rate_limit`, 5xx with `server` (both can be retried), 401 and 403 with `credentials`, 404 with
      `not_found`, the rest with `bad_request`.
    - `pagination`: `{kind: next_link, items, link}` follows the address at the dotted path `link` (or the `Link`
      header), `{kind: page_number, items, param, start}` counts up until a page is empty. `body` is then one
      list of all items.
    - `response`: how the reply is read; `auto` goes by its content type and makes a blob of what is no text.
    - `max_bytes`: of all replies of the step together, unpacked. `timeout`: per request. `max_redirects`.

    The step's idempotency key, if it has one, is sent as the header `Idempotency-Key`.

    **Port:** `out`. **Output:** `status`, `headers`, `body`, `blob`, `pages` and `complete`, which is false if
    `max_pages` left some out.

    Addresses of this machine, private networks and cloud metadata are refused, also behind names and redirects, unless
    the settings allow that host. Your headers and auth stay with the host you wrote them for: a redirect or next link
    to another host goes without them, and a body is never sent on to another host. Proxies of the environment are not
    used, because they would resolve names past this check.

    ```yaml
    issues:
      type: api
      config:
        url: https://api.github.com/repos/python/cpython/issues
        query: {labels: docs, per_page: 100}
        auth: {kind: bearer, token: "{{ secrets.GITHUB_TOKEN }}"}
        pagination: {kind: next_link, max_pages: 3}
    ```
    """

    type = "api"
    title = "API call"
    icon = "globe"
    category = "tool"
    also_called = "http request rest webhook fetch url curl"
    effect = "writes"
    outputs: ClassVar[Mapping[str, str]] = {
        "status": "The HTTP status.",
        "headers": "The reply's headers, names in lower case.",
        "body": "The reply: JSON value, text, or the list of all pages' items; null for a blob.",
        "blob": "The reply as a blob, if it was read so.",
        "pages": "How many pages were fetched.",
        "complete": "Whether there were no more pages.",
    }
    main_field = "url"
    main_output = "body"
    config_model = ApiConfig

    def __init__(self, resolve: Callable[[str, int], Awaitable[Sequence[str]]] | None = None) -> None:
        """resolve: looks hosts up instead of the operating system, for tests."""
        self._resolve = resolve
        self._tls: ssl.SSLContext | None = None

    def effect_of(self, config: Mapping[str, Json]) -> Effect:
        """Reading methods read, the others (and templates, which may be any) write."""
        return "reads" if str(config.get("method", "GET")).upper() in _SAFE_METHODS else "writes"

    def is_outward(self, config: Mapping[str, Json]) -> bool:
        """Unless it reads from a host that is written down."""
        return self.effect_of(config) == "writes" or not _FIXED_HOST.match(str(config.get("url", "")))

    def hosts(self, config: Mapping[str, Json]) -> Sequence[str] | None:
        """The host of the URL, if it is written down. Redirects are another matter."""
        url = str(config.get("url", ""))
        return (urlsplit(url.strip()).hostname or "",) if _FIXED_HOST.match(url) else None

    def check(self, config: Mapping[str, Json]) -> Iterable[ConfigProblem]:
        """Settings that do not go together."""
        url, method, pagination = config.get("url"), config.get("method"), config.get("pagination")
        if isinstance(url, str) and not re.match(r"\s*(https?://.|\{\{|\{%|\{#)", url, re.IGNORECASE):
            yield ConfigProblem(("url",), "wrong_value", "The URL names no web address.", "Begin it with https://.")
        if isinstance(method, str) and method.upper() in ("CONNECT", "TRACE"):
            yield ConfigProblem(("method",), "wrong_value", f"{method.upper()} is not for steps.", "Use GET or POST.")
        paged = isinstance(pagination, dict) and pagination.get("kind", "none") != "none"
        if paged and config.get("response") in ("text", "blob"):
            yield ConfigProblem(
                ("response",), "wrong_value", "Pages are lists in JSON.", "Set response to auto or json."
            )

    async def run(self, config: ApiConfig, context: StepContext) -> dict[str, Json]:
        """Make the request, or one for each page."""
        from core.steps.parts.connections import Connections
        from core.steps.parts.exchange import Exchange, Terms, checked_url
        from core.steps.parts.guard import Guard, system_resolve
        from core.steps.parts.requests import own_headers, recorded, with_query

        method = config.method.upper()
        url = with_query(checked_url(config.url), config.query)
        auth = config.auth.headers()
        headers = own_headers(config.headers, auth, context.idempotency_key)
        build = await _body(config.body, context)
        hidden = {name.lower() for name in auth} | {"authorization", "cookie", "proxy-authorization"}
        context.record_request(recorded(method, config.url, config.query, headers, _shown_body(config.body), hidden))
        guard = Guard(context.services.addresses, self._resolve or system_resolve)
        terms = Terms(config.timeout, config.max_bytes, config.max_redirects, tuple(config.expected))
        async with Connections(guard, await self._tls_context()) as connections:
            exchange = Exchange(connections, url, headers, terms, context.clock)
            if config.pagination.kind == "none":
                return await _single(await exchange.request(method, url, build), config, context)
            return await _paged(exchange, method, str(url), build, config)

    async def _tls_context(self) -> ssl.SSLContext:
        """The trusted authorities, read once because that takes 20 ms, and beside the loop."""
        if self._tls is None:
            import asyncio

            import httpx

            self._tls = await asyncio.to_thread(httpx.create_ssl_context)
        return self._tls


async def _body(body: Body, context: StepContext) -> Build:
    from core.steps.parts import requests
    from core.steps.parts.attachments import load_bytes
    from core.steps.parts.text import as_text

    match body.kind:
        case "json":
            return requests.json_body(body.value, body.content_type)
        case "form":
            return requests.form_body(body.value or {}, body.content_type)
        case "text":
            text = str(as_text(body.value))
            return requests.content_body(text.encode("utf-8"), body.content_type or "text/plain; charset=utf-8")
        case "file":
            files = [(upload.field, await load_bytes(upload.source, context)) for upload in body.files]
            if not files[0][0]:
                return requests.content_body(files[0][1].data, body.content_type or files[0][1].media_type)
            return requests.multipart_body(body.value or {}, files)
        case _:
            return requests.no_body()


def _shown_body(body: Body) -> Json:
    if body.kind == "file":
        return {"fields": cast("Json", body.value), "files": [cast("Json", file.source) for file in body.files]}
    return None if body.kind == "none" else cast("Json", body.value)


async def _single(reply: Reply, config: ApiConfig, context: StepContext) -> dict[str, Json]:
    from core.steps.parts.replies import form_of

    form = form_of(reply, config.response)
    body: Json = None
    blob: Json = None
    if form == "json":
        body = reply.json()
    elif form == "text":
        body = reply.text()
    else:
        media_type = reply.media_type or "application/octet-stream"
        blob = (await blobs_of(context).put(reply.content, media_type, reply.file_name())).as_json()
    return _output(reply, body, blob, pages=1, complete=True)


async def _paged(exchange: Exchange, method: str, url: str, build: Build, config: ApiConfig) -> dict[str, Json]:
    import httpx

    from core.steps.parts.pages import Paging, fetch_pages

    paging = config.pagination
    assert paging.kind != "none"
    pages = await fetch_pages(
        lambda page: exchange.request(method, page, build),
        httpx.URL(url),
        Paging(paging.kind, paging.items, paging.link, paging.param, paging.start, paging.max_pages),
    )
    return _output(pages.last, pages.items, None, pages=pages.count, complete=pages.complete)


def _output(reply: Reply, body: Json, blob: Json, *, pages: int, complete: bool) -> dict[str, Json]:
    from core.steps.parts.text import clean_text

    return {
        "status": reply.status,
        "headers": {name: clean_text(value) for name, value in reply.headers.items()},
        "body": body,
        "blob": blob,
        "pages": pages,
        "complete": complete,
    }
