"""Lists in pages: a cursor names the last thing of a page, so that nothing is missed or told twice whatever changes."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlencode

from starlette.responses import Response

from core.service.http.errors import ApiError
from core.service.http.responses import json_response
from core.service.http.route import Call
from core.workflow.model import Json

T = TypeVar("T")

CURSOR: Final = "Where the page begins: from the `next` of the one before."

LONGEST_CURSOR: Final = 2000
"""Characters."""


def cursor_of(*place: str) -> str:
    """A place in a list as text that goes into an address as it is."""
    return base64.urlsafe_b64encode(json.dumps(place, separators=(",", ":")).encode()).rstrip(b"=").decode()


def read_cursor(cursor: str, read: Callable[..., T]) -> T | None:
    """What `read` makes of the texts of a place; None for no cursor. Raises ApiError for one that is none of ours."""
    if not cursor:
        return None
    try:
        return read(*_place_in(cursor))
    except (binascii.Error, ValueError, TypeError, OverflowError, RecursionError):
        message = "That is no cursor of this list. Leave it out for the first page, and follow `next` from there."
        raise ApiError(400, "cursor", message) from None


def _place_in(cursor: str) -> list[str]:
    place = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    if not isinstance(place, list) or not all(isinstance(each, str) for each in place):
        raise ValueError("no place")
    return place


def page_response(
    call: Call, name: str, found: Sequence[T], limit: int, *, shown: Callable[[T], Any], cursor: Callable[[T], str]
) -> Response:
    """A page as an answer. found: one more than `limit` if there are more.

    `next` is the address of the following page, null on the last one; the header `Link` says the same (RFC 8288).
    """
    page = found[:limit]
    following = _following(call, cursor(page[-1])) if len(found) > limit else None
    body: dict[str, Json] = {name: [shown(each) for each in page], "next": following}
    headers = {"Link": f'<{following}>; rel="next"'} if following else {}
    return json_response(body, limit=call.parts.limits.answer, headers=headers)


def _following(call: Call, cursor: str) -> str:
    kept = [(name, value) for name, value in call.request.query_params.multi_items() if name != "cursor"]
    query = urlencode([*kept, ("cursor", cursor)], quote_via=quote)
    return f"{call.request.url.path}?{query}"
