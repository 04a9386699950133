"""Replies that come in pages: which page is next, and the items of them all in one list."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

import httpx

from core.engine.errors import StepError
from core.steps.parts.exchange import checked_url
from core.steps.parts.replies import Reply
from core.workflow.model import Json

Fetch = Callable[[httpx.URL], Awaitable[Reply]]
"""Asks for a page by its address."""


@dataclass(frozen=True, slots=True)
class Paging:
    """How the pages hang together.

    link: dotted path to the next address in the reply, '' for the Link header. items: dotted path to the list in
    each reply, '' when the reply is the list. param, start: of the page number in the query.
    """

    kind: Literal["next_link", "page_number"]
    items: str
    link: str
    param: str
    start: int
    max_pages: int


@dataclass(frozen=True, slots=True)
class Pages:
    """All that was fetched. complete: False if there was more than max_pages allowed. last: the last reply."""

    items: list[Json]
    last: Reply
    count: int
    complete: bool


async def fetch_pages(fetch: Fetch, first: httpx.URL, paging: Paging) -> Pages:
    """Page after page until there is no next one. Raises StepError when a page is not as described."""
    url: httpx.URL | None = _numbered(first, paging, 0)
    items: list[Json] = []
    seen: set[str] = set()
    for number in range(paging.max_pages):
        assert url is not None
        seen.add(str(url))
        reply = await fetch(url)
        body = reply.json()
        found = _items(body, reply, paging)
        items.extend(found)
        url = _numbered(first, paging, number + 1) if paging.kind == "page_number" else _linked(body, reply, paging)
        if url is None or (paging.kind == "page_number" and not found):
            return Pages(items, reply, number + 1, complete=True)
        if str(url) in seen:
            raise StepError(
                f"{reply.shown}: the next page is one that was fetched already, so the pages go in a circle. "
                "Check the path to the next link.",
                kind="limit",
            )
    return Pages(items, reply, paging.max_pages, complete=False)


def lookup(value: Json, path: str) -> Json:
    """The value at a dotted path (`data.items`, `pages.0.url`, with or without a leading `$.`), None if none is."""
    for part in path.removeprefix("$").split("."):
        if part == "":
            continue
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


def _numbered(first: httpx.URL, paging: Paging, number: int) -> httpx.URL:
    if paging.kind != "page_number":
        return first
    return first.copy_set_param(paging.param, str(paging.start + number))


def _items(body: Json, reply: Reply, paging: Paging) -> list[Json]:
    found = lookup(body, paging.items)
    if isinstance(found, list):
        return found
    where = f"{paging.items!r} of the reply" if paging.items else "the reply itself"
    keys = f" The reply has the keys {', '.join(map(repr, list(body)[:20]))}." if isinstance(body, dict) else ""
    raise StepError(
        f"{reply.shown}: a list was expected at {where}, but there is none.{keys} Set the path to the items.",
        kind="validation",
    )


def _linked(body: Json, reply: Reply, paging: Paging) -> httpx.URL | None:
    target: Json
    if paging.link:
        target = lookup(body, paging.link)
    else:
        response = httpx.Response(200, headers={"link": reply.headers.get("link", "")})
        target = response.links.get("next", {}).get("url")
    if target is None or target is False or target == "":
        return None
    if not isinstance(target, str):
        raise StepError(
            f"{reply.shown}: at {paging.link!r} there is no address of a next page but {str(target)[:80]!r}. "
            "Check the path to the next link.",
            kind="validation",
        )
    try:
        joined = reply.complete_url.join(target)
    except (httpx.InvalidURL, ValueError):
        raise StepError(
            f"{reply.shown}: the address of the next page cannot be read. Check the path to the next link.",
            kind="validation",
        ) from None
    return checked_url(str(joined))
