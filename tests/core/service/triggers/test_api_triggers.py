from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from core.engine.testing import ManualClock
from core.service.hooks import AnswerShape, HookRefused, HookRequest
from core.service.triggers.api_triggers import ApiTriggers
from core.service.triggers.call_rates import ProcessRates
from core.service.triggers.signatures import sign
from core.store.publications import ActiveWorkflow
from core.workflow.model import Json, Trigger, Workflow

BEARER = {"authorization": "Bearer letmein"}
NOON = int(datetime(2026, 1, 1, 12, tzinfo=UTC).timestamp())


@dataclass
class Rig:
    """Workflows that are active, keys, and what asks for them."""

    clock: ManualClock = field(default_factory=ManualClock)
    shelf: list[ActiveWorkflow] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=lambda: {"shop": "letmein"})

    def __post_init__(self) -> None:
        async def check_token(token: str) -> bool:
            return token == "st_service"

        self.hooks = ApiTriggers(self, self, clock=self.clock, check_token=check_token, keep_file=keep_file)

    async def active(self, type_: str = "") -> Sequence[ActiveWorkflow]:
        return self.shelf

    async def get(self, name: str) -> str | None:
        return self.keys.get(name)

    def add(self, path: str, *, inputs: Mapping[str, Mapping[str, Json]] | None = None, **options: Json) -> UUID:
        trigger = Trigger("api", {"path": path, "secret": "shop", **options})
        number = UUID(int=len(self.shelf) + 1)
        self.shelf.append(ActiveWorkflow(number, 1, Workflow(f"W{number.int}", trigger=trigger, inputs=inputs or {})))
        return number

    async def refusal(self, request: HookRequest) -> HookRefused:
        with pytest.raises(HookRefused) as caught:
            await self.hooks.call(request)
        assert "letmein" not in str(caught.value)
        return caught.value


@pytest.fixture
def rig() -> Rig:
    return Rig()


def asked(
    path: str,
    body: Json | bytes = b"",
    *,
    method: str = "POST",
    headers: Mapping[str, str] = BEARER,
    query: Mapping[str, Sequence[str]] | None = None,
) -> HookRequest:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HookRequest(method, path, headers, query or {}, raw)


async def test_a_call_gives_typed_inputs_from_path_body_and_query(rig: Rig) -> None:
    kinds: dict[str, Mapping[str, Json]] = {
        "number": {"type": "integer"}, "who": {"type": "string"}, "urgent": {"type": "boolean", "default": False},
        "tags": {"type": "array", "default": []},
    }  # fmt: skip
    rig.add("/orders/{number}", inputs=kinds, answer="accept", timeout="5s")
    query = {"urgent": ["yes"], "tags": ["a", "b"], "who": ["query"]}
    call = await rig.hooks.call(asked("/orders/17", {"who": "Ada"}, query=query))
    assert call.inputs == {"number": 17, "who": "Ada", "urgent": True, "tags": ["a", "b"]}
    assert (call.workflow.name, call.wait, call.timeout_s, call.key) == ("W1", False, 5.0, "")
    form = {**BEARER, "content-type": "application/x-www-form-urlencoded"}
    assert (await rig.hooks.call(asked("/orders/3", b"who=Bob+B&tags=x&tags=y", headers=form))).inputs == {
        "number": 3, "who": "Bob B", "urgent": False, "tags": ["x", "y"],
    }  # fmt: skip


async def test_a_workflow_is_found_by_its_exact_path_before_a_wider_one_and_by_its_id(rig: Rig) -> None:
    any_input: dict[str, Mapping[str, Json]] = {"x": {"type": "string", "default": ""}}
    wide = rig.add("/a/{x}", inputs=any_input)
    rig.add("/a/b", inputs=any_input)
    assert (await rig.hooks.call(asked("/a/b"))).workflow.name == "W2"
    assert (await rig.hooks.call(asked("/a/c%20d"))).inputs == {"x": "c d"}
    assert (await rig.hooks.call(asked(f"/id/{wide}"))).workflow.name == "W1"
    assert (await rig.refusal(asked("/a"))).status == 404
    wrong = await rig.refusal(asked("/a/b", method="GET"))
    assert (wrong.status, wrong.headers) == (405, {"Allow": "POST"})


async def test_a_workflow_is_found_as_soon_as_it_is_switched_on_and_not_once_it_is_off(rig: Rig) -> None:
    assert (await rig.refusal(asked("/a"))).status == 404
    rig.add("/a", max_body=5_000_000)
    await rig.hooks.call(asked("/a"))
    assert rig.hooks.body_limit("POST", "/a") == 5_000_000
    assert rig.hooks.body_limit("POST", "/b") == 1_000_000
    rig.shelf.clear()
    await rig.clock.advance(1)
    assert (await rig.refusal(asked("/a"))).status == 404


@pytest.mark.parametrize("header", [{}, {"authorization": "Bearer wrong"}, {"authorization": "Basic letmein"}])
async def test_a_call_without_the_right_token_is_refused(rig: Rig, header: Mapping[str, str]) -> None:
    rig.add("/own")
    rig.add("/service", secret="")
    rig.add("/open", auth="none")
    for path in ("/own", "/service"):
        refused = await rig.refusal(asked(path, headers=header))
        assert (refused.status, refused.headers) == (401, {"WWW-Authenticate": "Bearer"})
    assert not (await rig.hooks.call(asked("/open", headers=header))).shape.tells_why
    assert (await rig.hooks.call(asked("/own"))).shape.tells_why
    await rig.hooks.call(asked("/service", headers={"authorization": "bearer st_service"}))
    rig.keys.clear()
    assert (await rig.refusal(asked("/own"))).code == "no_secret"


async def test_a_signed_call_is_taken_within_its_window_and_one_signature_is_one_run(rig: Rig) -> None:
    rig.add("/signed", auth="hmac", replay_window="5m")
    body = b'{"a": 1}'

    def signed(time: int, key: str = "letmein", sent: bytes = body) -> HookRequest:
        return asked("/signed", sent, headers={"steploom-signature": sign(key, body, time)})

    refused = await rig.refusal(signed(NOON, "other"))
    assert (refused.status, refused.code) == (401, "bad_signature")
    assert "does not fit" in str(await rig.refusal(signed(NOON, sent=b'{"a": 2}')))
    assert "older or newer" in str(await rig.refusal(signed(NOON - 301)))
    assert "older or newer" in str(await rig.refusal(signed(NOON + 301)))
    for header in ("", "t=x,v1=y", f"t={NOON}", "v1=abc", "sha256=" + "0" * 64, sign("letmein", body)):
        assert (await rig.refusal(asked("/signed", body, headers={"steploom-signature": header}))).status == 401
    rig.shelf[0] = ActiveWorkflow(
        rig.shelf[0].id, 2, Workflow("W1", trigger=rig.shelf[0].workflow.trigger, inputs={"a": {"type": "integer"}})
    )
    await rig.clock.advance(1)
    first, again = await rig.hooks.call(signed(NOON)), await rig.hooks.call(signed(NOON))
    assert first.key == again.key != ""
    assert (await rig.hooks.call(signed(NOON + 1))).key != first.key


async def test_whoever_saw_a_signed_call_gets_no_second_run_out_of_it(rig: Rig) -> None:
    rig.add("/a", auth="hmac")
    time = int(rig.clock.now().timestamp())
    seen = sign("letmein", b"{}", time)

    async def key(header: str, **more: str) -> str:
        headers = {"steploom-signature": header, **{name.replace("_", "-"): value for name, value in more.items()}}
        return (await rig.hooks.call(asked("/a", b"{}", headers=headers))).key

    first = await key(seen)
    for other in (seen.replace(",", ", "), f"{seen},x=1", f"{seen},v1=00", f"v1=00,{seen}"):
        assert await key(other) == first
    refused = await rig.refusal(asked("/a", b"{}", headers={"steploom-signature": seen, "idempotency-key": "new"}))
    assert (refused.status, refused.code) == (409, "signature_used")
    fresh, later = sign("letmein", b"{}", time + 1), sign("letmein", b"{}", time + 2)
    assert await key(fresh, idempotency_key="7") == await key(fresh, idempotency_key="7")
    assert await key(later, idempotency_key="7") == await key(fresh, idempotency_key="7"), "who tries again signs anew"
    for more in ({}, {"idempotency-key": "8"}):
        assert (await rig.refusal(asked("/a", b"{}", headers={"steploom-signature": fresh, **more}))).status == 409


async def test_who_changes_his_key_may_sign_with_both(rig: Rig) -> None:
    rig.add("/a", auth="hmac")
    time = int(rig.clock.now().timestamp())
    old, new = [sign(key, b"{}", time).partition("v1=")[2] for key in ("old key", "letmein")]
    for both in (f"t={time},v1={old},v1={new}", f"t={time},v1={new},v1={old}"):
        await rig.hooks.call(asked("/a", b"{}", headers={"steploom-signature": both}))
    assert (await rig.refusal(asked("/a", b"{}", headers={"steploom-signature": f"t={time},v1={old}"}))).status == 401


async def test_a_signature_over_the_body_alone_is_taken_if_no_window_is_asked_for(rig: Rig) -> None:
    rig.add("/hub", auth="hmac", replay_window="0s", signature_header="X-Hub-Signature-256")
    header = {"x-hub-signature-256": sign("letmein", b"{}")}
    assert (await rig.hooks.call(asked("/hub", b"{}", headers=header))).key == ""
    assert (await rig.refusal(asked("/hub", b'{"a":1}', headers=header))).status == 401


class CountedRates(ProcessRates):
    """Rates that two processes share, and how often they were asked."""

    asked = 0

    async def take(self, name: str, number: int, seconds: float) -> float:
        self.asked += 1
        return await super().take(name, number, seconds)


async def keep_file(data: bytes, media_type: str, name: str) -> Mapping[str, Json]:
    return {"blob": f"{len(data)} {media_type} {name}"}


async def anybody(_token: str) -> bool:
    return True


async def test_a_standard_webhook_that_is_sent_again_is_one_run(rig: Rig) -> None:
    rig.add("/a", auth="hmac", signature="standard", inputs={"about": {"type": "object"}}, headers="about")
    keys = set()
    for retry in (0, 60):
        time = str(int(rig.clock.now().timestamp()) + retry)
        mac = hmac.new(b"letmein", f"msg_1.{time}.{{}}".encode(), hashlib.sha256).digest()
        signature = f"v1,{base64.b64encode(mac).decode()}"
        headers = {"webhook-id": "msg_1", "webhook-timestamp": time, "webhook-signature": signature}
        call = await rig.hooks.call(asked("/a", b"{}", headers=headers))
        assert call.inputs == {"about": {"webhook-id": "msg_1", "webhook-timestamp": time}}
        keys.add(call.key)
        more = asked("/a", b"{}", headers={**headers, "idempotency-key": f"of another {retry}"})
        keys.add((await rig.hooks.call(more)).key)
    assert len(keys) == 1


ANYTHING: Mapping[str, Mapping[str, Json]] = {"payload": {}, "about": {"type": "object", "default": {}}}


@pytest.mark.parametrize(
    ("body", "kind", "given"),
    [
        (b'{"action": "opened", "n": [1]}', "application/json", {"action": "opened", "n": [1]}),
        (b"[1, 2]", "application/vnd.github+json", [1, 2]),
        (b"a=1&b=x&b=y", "application/x-www-form-urlencoded", {"a": "1", "b": '["x", "y"]'}),
        ("<n>ü</n>".encode("latin-1"), "text/xml; charset=ISO-8859-1", "<n>ü</n>"),
        (b"<n/>", "application/atom+xml", "<n/>"),
        (b"\x00\x01", "application/octet-stream", {"blob": "2 application/octet-stream "}),
        (
            b'--x\r\nContent-Disposition: form-data; name="who"\r\n\r\nAda\r\n'
            b'--x\r\nContent-Disposition: form-data; name="scan"; filename="a.png"\r\n'
            b"Content-Type: image/png\r\n\r\n\x89PNG\r\n--x--\r\n",
            "multipart/form-data; boundary=x",
            {"who": "Ada", "scan": {"blob": "4 image/png a.png"}},
        ),
    ],
)
async def test_a_workflow_may_take_the_whole_body_and_the_headers(
    rig: Rig, body: bytes, kind: str, given: Json
) -> None:
    rig.add("/a", inputs=ANYTHING, body="payload", headers="about", auth="none")
    headers = {"content-type": kind, "x-event": "push", "authorization": "Bearer x", "cookie": "a=b"}
    call = await rig.hooks.call(asked("/a", body, headers=headers))
    assert call.inputs == {"payload": given, "about": {"content-type": kind, "x-event": "push"}}


async def test_a_call_without_a_body_leaves_its_input_at_the_default(rig: Rig) -> None:
    rig.add("/a", inputs={"payload": {"default": "nothing"}}, body="payload")
    assert (await rig.hooks.call(asked("/a"))).inputs == {"payload": "nothing"}


async def test_values_that_no_input_is_named_for_may_be_left_out(rig: Rig) -> None:
    kinds: Mapping[str, Mapping[str, Json]] = {"n": {"type": "integer"}}
    rig.add("/strict", inputs=kinds)
    rig.add("/lax", inputs=kinds, extra="ignore")
    sent: Json = {"n": 1, "sender": {"id": 7}}
    assert (await rig.refusal(asked("/strict", sent))).status == 422
    assert (await rig.hooks.call(asked("/lax", sent, query={"utm": ["x"]}))).inputs == {"n": 1}


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"x", {"content-type": "multipart/form-data"}, 400),
        (b"--y\r\nnonsense", {"content-type": "multipart/form-data; boundary=x"}, 400),
        (b"\xff", {"content-type": "text/plain"}, 400),
        (b"x", {"content-type": "text/plain; charset=klingon"}, 400),
        (b"x", {"content-type": "text/plain; charset=undefined"}, 400),
        (b"\x1f\x8b", {"content-encoding": "gzip"}, 415),
        (b"&".join(b"a%d=1" % n for n in range(1001)), {"content-type": "application/x-www-form-urlencoded"}, 400),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(
    rig: Rig, body: bytes, headers: Mapping[str, str], status: int
) -> None:
    rig.add("/a", inputs={"payload": {"type": "string"}}, body="payload")
    assert (await rig.refusal(asked("/a", body, headers={**BEARER, **headers}))).status == status


async def test_who_may_start_runs_may_ask_for_them(rig: Rig) -> None:
    hook = rig.add("/a", auth="hmac", respond="text", respond_type="text/html")
    time = int(rig.clock.now().timestamp())
    header = {"steploom-signature": sign("letmein", b"", time)}
    call = await rig.hooks.call(asked("/a", headers=header))
    poll = asked(f"{call.poll}run-7", method="GET", headers=header)
    found = await rig.hooks.poll(poll)
    assert found is not None
    assert (found.run_id, found.hook, call.labels["hook"]) == ("run-7", str(hook), str(hook))
    assert found.shape == call.shape == AnswerShape("text", "text/html")
    with pytest.raises(HookRefused) as refused:
        await rig.hooks.poll(replace(poll, headers={}))
    assert refused.value.status == 401
    with pytest.raises(HookRefused):
        await rig.hooks.poll(asked("/id/nobody/runs/run-7", method="GET", headers=header))
    for other in (asked("/a", method="GET"), asked(f"{call.poll}run-7"), asked(f"/id/{hook}")):
        assert await rig.hooks.poll(other) is None
    rig.add("/own", secret="")
    own = await rig.hooks.call(asked("/own", headers={"authorization": "Bearer st_service"}))
    assert own.poll == "", "the service's own tokens ask the service"


async def test_calls_over_the_rate_wait_and_refused_ones_do_not_count(rig: Rig) -> None:
    rig.add("/a", rate="2/1m")
    for _ in range(5):
        assert (await rig.refusal(asked("/a", headers={}))).status == 401
    await rig.hooks.call(asked("/a"))
    await rig.hooks.call(asked("/a"))
    refused = await rig.refusal(asked("/a"))
    assert (refused.status, refused.headers) == (429, {"Retry-After": "30"})
    await rig.clock.advance(30)
    await rig.hooks.call(asked("/a"))
    assert (await rig.refusal(asked("/a"))).status == 429


async def test_two_processes_that_count_together_keep_one_rate(rig: Rig) -> None:
    rates = CountedRates(rig.clock)
    one, other = [ApiTriggers(rig, rig, clock=rig.clock, check_token=anybody, rates=rates) for _ in range(2)]
    rig.add("/a", rate="2/1m")
    await one.call(asked("/a"))
    await other.call(asked("/a"))
    for hooks in (one, other):
        with pytest.raises(HookRefused) as refused:
            await hooks.call(asked("/a"))
        assert refused.value.headers == {"Retry-After": "30"}
    for _ in range(100):
        with pytest.raises(HookRefused):
            await one.call(asked("/a"))
    assert rates.asked == 4, "whoever was refused is not asked for again before its time"
    await rig.clock.advance(30)
    await other.call(asked("/a"))
    with pytest.raises(HookRefused):
        await one.call(asked("/a"))


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"{", {}, 400, "bad_json"),
        (b"\xff", {}, 400, "bad_json"),
        (b"[1]", {}, 422, "wrong_inputs"),
        (b'{"n": "x"}', {}, 422, "wrong_inputs"),
        (b"{}", {}, 422, "wrong_inputs"),
        (b'{"n": 1, "m": 2}', {}, 422, "wrong_inputs"),
        (b'{"n": NaN}', {}, 422, "wrong_inputs"),
        (b"<n/>", {"content-type": "text/xml"}, 415, "media_type"),
        (b'{"n": 1}' + b" " * 100, {}, 413, "body_too_large"),
        (b'{"n": 1}', {"idempotency-key": "k" * 201}, 400, "idempotency_key"),
    ],
)
async def test_what_cannot_be_taken_is_refused_with_its_status(
    rig: Rig, body: bytes, headers: Mapping[str, str], status: int, code: str
) -> None:
    rig.add("/a", inputs={"n": {"type": "integer"}}, max_body=100)
    refused = await rig.refusal(asked("/a", body, headers={**BEARER, **headers}))
    assert (refused.status, refused.code) == (status, code)


async def test_an_idempotency_key_names_one_run_of_one_workflow(rig: Rig) -> None:
    rig.add("/a")
    rig.add("/b", idempotency_header="X-Delivery")
    one = await rig.hooks.call(asked("/a", headers={**BEARER, "idempotency-key": "7"}))
    other = await rig.hooks.call(asked("/b", headers={**BEARER, "x-delivery": "7"}))
    assert one.key
    assert other.key
    assert one.key != other.key
