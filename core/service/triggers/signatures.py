"""Signed calls: HMAC-SHA256 over time and body (`t=1767261600,v1=HEX`), or over the body alone (`sha256=HEX`).

Services that sign otherwise: those that follow the specification Standard Webhooks (standardwebhooks.com), and Slack
(api.slack.com/authentication/verifying-requests-from-slack).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Final

from core.workflow.triggers import Signing

STANDARD_ID: Final = "webhook-id"
"""The header of Standard Webhooks that is the same however often a message is sent."""


class SignatureRefused(Exception):
    """The signature does not prove that the call is genuine; the text says why, and never what would be right."""


def sign(key: str, body: bytes, time: int | None = None) -> str:
    """The header's value for a body. time: seconds since 1970; None for a signature over the body alone."""
    if time is None:
        return f"sha256={_digest(key, body)}"
    return f"t={time},v1={_digest(key, str(time).encode() + b'.' + body)}"


def check_call(
    signing: Signing, headers: Mapping[str, str], header: str, key: str, body: bytes, *, now: float, window: float
) -> str:
    """Check the signature of a call; gives the right one, which is the same however the header is written.

    headers: names in lower case. header: where it stands, if that can be chosen. now, window as below. Raises
    SignatureRefused.
    """
    match signing:
        case "standard":
            identity, time = headers.get(STANDARD_ID, ""), headers.get("webhook-timestamp", "")
            mac = hmac.new(_standard_key(key), f"{identity}.{time}.".encode() + body, hashlib.sha256).digest()
            right = base64.b64encode(mac).decode()
            given = [each.removeprefix("v1,") for each in headers.get("webhook-signature", "").split()[:20]]
            _check_timed(time, given, right, now=now, window=window)
            return right
        case "slack":
            time = headers.get("x-slack-request-timestamp", "")
            right = f"v0={_digest(key, f'v0:{time}:'.encode() + body)}"
            _check_timed(time, [headers.get("x-slack-signature", "")], right, now=now, window=window)
            return right
        case _:
            return check_signature(headers.get(header.lower(), ""), key, body, now=now, window=window)


def _standard_key(key: str) -> bytes:
    """The bytes of a key: in base64 behind `whsec_`, as such services show it, or the text as it is."""
    try:
        return base64.b64decode(key.removeprefix("whsec_"), validate=True) if key.startswith("whsec_") else key.encode()
    except binascii.Error:
        return key.encode()


def check_signature(value: str, key: str, body: bytes, *, now: float, window: float) -> str:
    """Check a header's value, digests in constant time; gives the right one.

    now: seconds since 1970. window: seconds; 0: no time is needed.

    Raises SignatureRefused.
    """
    parts = _parts(value)
    if "t" not in parts:
        if window:
            raise SignatureRefused("The signature carries no time, which this workflow asks for.")
        right = _digest(key, body)
        if not hmac.compare_digest(parts.get("sha256", "").encode(), right.encode()):
            raise SignatureRefused("The signature does not fit the body.")
        return right
    time = parts["t"]
    right = _digest(key, time.encode() + b"." + body)
    _check_timed(time, _all(value, "v1"), right, now=now, window=window)  # who changes his key signs with both
    return right


def _check_timed(time: str, given: Sequence[str], right: str, *, now: float, window: float) -> None:
    """Check signatures, one of which has to be right, and the time that they cover."""
    if not (time.isascii() and time.isdigit() and len(time) <= 12):
        raise SignatureRefused("The signature's time is no number of seconds.")
    matches = [hmac.compare_digest(each.encode(), right.encode()) for each in given]
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
