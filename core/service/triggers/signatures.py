"""Signed calls: HMAC-SHA256 over time and body (`t=1767261600,v1=HEX`), or over the body alone (`sha256=HEX`)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping


class SignatureRefused(Exception):
    """The signature does not prove that the call is genuine; the text says why, and never what would be right."""


def sign(key: str, body: bytes, time: int | None = None) -> str:
    """The header's value for a body. time: seconds since 1970; None for a signature over the body alone."""
    if time is None:
        return f"sha256={_digest(key, body)}"
    return f"t={time},v1={_digest(key, str(time).encode() + b'.' + body)}"


def check_signature(value: str, key: str, body: bytes, *, now: float, window: float) -> None:
    """Check a header's value, digests in constant time. now: seconds since 1970. window: seconds; 0: no time is needed.

    Raises SignatureRefused.
    """
    parts = _parts(value)
    if "t" not in parts:
        if window:
            raise SignatureRefused("The signature carries no time, which this workflow asks for.")
        if not hmac.compare_digest(parts.get("sha256", "").encode(), _digest(key, body).encode()):
            raise SignatureRefused("The signature does not fit the body.")
        return
    time = parts["t"]
    if not (time.isascii() and time.isdigit() and len(time) <= 12):
        raise SignatureRefused("The signature's time is no number of seconds.")
    # Who changes his key signs with both for a while.
    right = _digest(key, time.encode() + b"." + body).encode()
    matches = [hmac.compare_digest(each.encode(), right) for each in _all(value, "v1")]
    if not any(matches):
        raise SignatureRefused("The signature does not fit the time and the body.")
    if window and abs(now - int(time)) > window:
        raise SignatureRefused(f"The signature is older or newer than {window:g} seconds.")


def _digest(key: str, data: bytes) -> str:
    return hmac.new(key.encode(), data, hashlib.sha256).hexdigest()


def _all(value: str, wanted: str) -> list[str]:
    pairs = (part.strip().partition("=") for part in value.split(",")[:20])
    return [rest for name, _, rest in pairs if name == wanted]


def _parts(value: str) -> Mapping[str, str]:
    pairs = (part.strip().partition("=") for part in value.split(","))
    return {name: rest for name, equals, rest in pairs if equals}
