"""Signatures of other services, as their own documentation shows them."""

from __future__ import annotations

from typing import Any

import pytest

from core.service.triggers.signatures import SignatureRefused, check_call

STANDARD: dict[str, Any] = {
    "signing": "standard",
    "key": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "body": b'{"test": 2432232314}',
    "headers": {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    },
}
SLACK: dict[str, Any] = {
    "signing": "slack",
    "key": "8f742231b10e8888abcd99yyyzzz85a5",
    "body": (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554"
        b"%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    ),
    "headers": {
        "x-slack-request-timestamp": "1531420618",
        "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    },
}
TIMES = {"standard": 1614265330, "slack": 1531420618}


def check(call: dict[str, Any], *, later: float = 0, **changed: Any) -> None:
    values = {**call, **changed}
    check_call(
        values["signing"], values["headers"], "unused", values["key"], values["body"],
        now=TIMES[values["signing"]] + later, window=300.0,
    )  # fmt: skip


@pytest.mark.parametrize("call", [STANDARD, SLACK], ids=lambda call: call["signing"])
def test_a_call_is_taken_as_the_service_signs_it_and_only_so(call: dict[str, Any]) -> None:
    check(call)
    check(call, later=300)
    with pytest.raises(SignatureRefused, match="older or newer than 300 seconds"):
        check(call, later=301)
    with pytest.raises(SignatureRefused):
        check(call, body=call["body"] + b" ")
    with pytest.raises(SignatureRefused):
        check(call, key=call["key"][:-1] + "x")
    for name in call["headers"]:
        for value in ("", "x", "ü", call["headers"][name] + "0"):
            with pytest.raises(SignatureRefused):
                check(call, headers={**call["headers"], name: value})


def test_one_of_several_standard_signatures_is_enough() -> None:
    headers = STANDARD["headers"]
    check(STANDARD, headers={**headers, "webhook-signature": f"v1,x {headers['webhook-signature']}"})


def test_a_standard_key_may_be_a_plain_text_too() -> None:
    with pytest.raises(SignatureRefused, match="does not fit"):
        check(STANDARD, key="plain")
    with pytest.raises(SignatureRefused, match="does not fit"):
        check(STANDARD, key="whsec_***")
