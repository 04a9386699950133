"""Calls at the paths of triggers: handed to whoever knows them, and answered by their runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import httpx
import pytest

from core.cli.serve import service_parts
from core.service.hooks import AnswerShape, HookCall, HookPoll, HookRefused, HookRequest
from core.service.http.app import make_app
from core.service.live_runs import LiveRuns
from core.store.errors import ConnectError
from core.workflow.document import loads
from tests.support.http_service import Site


@dataclass
class OneHook:
    """Starts one workflow, whatever is called; refuses whom it is told to."""

    call_for: HookCall
    refusal: HookRefused | None = None
    heard: list[HookRequest] = field(default_factory=list)

    def body_limit(self, method: str, path: str) -> int:
        return 100

    async def poll(self, request: HookRequest) -> HookPoll | None:
        return None

    async def call(self, request: HookRequest) -> HookCall:
        self.heard.append(request)
        if self.refusal is not None:
            raise self.refusal
        return self.call_for


@pytest.fixture
async def hook(site: Site) -> OneHook:
    assert site.workspace.store is not None
    greet = (await site.workspace.store.workflows.get("Greet")).workflow
    return OneHook(HookCall(greet, {"who": "Ada"}, wait=True, timeout_s=20, labels={"trigger": "api"}, status=201))


@pytest.fixture
async def caller(site: Site, hook: OneHook) -> AsyncIterator[httpx.AsyncClient]:
    app = make_app(replace(site.service.parts, hooks=hook))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as made:
        yield made


async def test_why_a_run_failed_is_told_to_who_proved_who_he_is(
    site: Site, hook: OneHook, caller: httpx.AsyncClient
) -> None:
    assert site.workspace.store is not None
    failing = (await site.workspace.store.workflows.get("Failing")).workflow
    hook.call_for = HookCall(failing, {}, wait=True, timeout_s=20)
    assert "The cupboard is bare" in (await caller.post("/hooks/a")).text
    hook.call_for = replace(hook.call_for, shape=AnswerShape(tells_why=False))
    told = (await caller.post("/hooks/a")).json()["error"]
    assert told["code"] == "run_failed"
    assert told["message"] == "The run failed. Steploom says why, where it is served."


async def test_a_call_is_told_nothing_of_the_database(
    hook: OneHook, caller: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def away(_request: HookRequest) -> HookCall:
        raise ConnectError("The database ada@db.example/loom cannot be reached.")

    monkeypatch.setattr(hook, "call", away)
    answer = await caller.post("/hooks/a")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "db.example" not in answer.text
    assert "db.example" in caplog.text


async def test_a_call_is_answered_with_the_outputs(hook: OneHook, caller: httpx.AsyncClient) -> None:
    answer = await caller.put("/hooks/orders/7?a=1&a=2", content=b"raw", headers={"X-Signature": "s"})
    assert (answer.status_code, answer.json()["outputs"]) == (201, {"greeting": "Hello Ada x1!"})
    (heard,) = hook.heard
    assert (heard.method, heard.path, heard.query, heard.body) == ("PUT", "/orders/7", {"a": ["1", "2"]}, b"raw")
    assert heard.headers["x-signature"] == "s"


async def test_a_call_that_is_not_waited_for_gets_the_runs_address(
    site: Site, hook: OneHook, caller: httpx.AsyncClient, http: httpx.AsyncClient
) -> None:
    hook.call_for = replace(hook.call_for, wait=False, key="k")
    first, second = [await caller.post("/hooks/orders") for _ in range(2)]
    assert (first.status_code, first.json()["run_id"]) == (202, second.json()["run_id"])
    run = (await http.get(first.headers["location"], params={"wait_s": 20})).json()
    assert (run["status"], run["labels"]["trigger"]) == ("completed", "api")


async def test_a_run_that_fails_or_asks_somebody_is_told_apart(
    site: Site, hook: OneHook, caller: httpx.AsyncClient
) -> None:
    assert site.workspace.store is not None
    library = site.workspace.store.workflows
    hook.call_for = HookCall((await library.get("Failing")).workflow, {}, wait=True, timeout_s=20)
    failed = await caller.post("/hooks/x")
    assert (failed.status_code, failed.json()["error"]["code"]) == (502, "run_failed")
    hook.call_for = HookCall((await library.get("Publish")).workflow, {"note": "x"}, wait=True, timeout_s=20)
    asking = await caller.post("/hooks/x")
    assert (asking.status_code, asking.json()["status"]) == (202, "suspended")


async def test_a_refusal_is_passed_on(hook: OneHook, caller: httpx.AsyncClient, http: httpx.AsyncClient) -> None:
    hook.refusal = HookRefused("Too many.", status=429, code="rate", headers={"Retry-After": "3"})
    answer = await caller.post("/hooks/orders")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "3")
    assert (await caller.post("/hooks/orders", content=b" " * 101)).status_code == 413
    assert (await http.post("/hooks/nobody/listens", json={"a": 1})).json()["error"]["code"] == "no_hook"


ORDERS = """
steploom: 1
name: Orders
trigger: {type: api, path: "/orders/{number}", method: POST, answer: wait}
inputs: {number: {type: integer}, who: {type: string}}
steps: {say: {type: template, config: {text: "Order {{ input.number }} of {{ input.who }}"}}}
outputs: {said: "{{ say.text }}"}
"""


async def test_a_published_workflow_is_called_with_a_token(site: Site, http: httpx.AsyncClient) -> None:
    assert site.workspace.store is not None
    library = site.workspace.store.workflows
    await library.save(loads(ORDERS), 0)
    order = {"who": "Ada"}
    assert (await http.post("/hooks/orders/7", json=order)).json()["error"]["code"] == "no_hook"
    await library.activate("Orders")
    answer = await http.post("/hooks/orders/7", json=order)
    assert (answer.status_code, answer.json()["outputs"]) == (200, {"said": "Order 7 of Ada"})
    assert (await http.post("/hooks/orders/seven", json=order)).status_code == 422
    assert (await http.get("/hooks/orders/7")).headers["allow"] == "POST"
    async with site.client("read") as reader:
        assert (await reader.post("/hooks/orders/7", json=order)).status_code == 401
    run = (await http.get(f"/api/v1/runs/{answer.json()['run_id']}")).json()
    assert (run["workflow"], run["labels"]["trigger"]) == ("Orders", "api")


PAGE = """
steploom: 1
name: Page
trigger: {type: api, path: /page, method: GET, auth: none, respond: html, respond_type: text/html; charset=utf-8}
inputs: {who: {type: string, default: nobody}}
steps: {say: {type: template, config: {text: "<h1>Hello {{ input.who }}</h1>"}}}
outputs: {html: "{{ say.text }}", other: "secret"}
"""

SCAN = """
steploom: 1
name: Scan
trigger: {type: api, path: /scan, auth: token, secret: shop, respond: back, body: form, headers: about}
inputs: {form: {type: object}, about: {type: object}}
steps: {say: {type: template, config: {text: "{{ input.about['x-event'] }}"}}}
outputs: {back: "{{ input.form.scan }}", event: "{{ say.text }}"}
"""

ASKING = """
steploom: 1
name: Asking
trigger: {type: api, path: /asking, secret: shop}
steps: {ask: {type: approval, config: {message: Sure?, choices: [go]}}}
outputs: {said: "{{ ask.choice }}"}
"""


async def test_a_call_is_answered_with_one_output_as_it_is(site: Site, http: httpx.AsyncClient) -> None:
    assert site.workspace.store is not None
    library = site.workspace.store.workflows
    await library.save(loads(PAGE), 0)
    await library.activate("Page")
    async with site.client() as anybody:
        page = await anybody.get("/hooks/page?who=Ada")
    assert (page.status_code, page.text) == (200, "<h1>Hello Ada</h1>")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert (page.headers["content-security-policy"], page.headers["x-content-type-options"]) == ("sandbox", "nosniff")
    assert (await http.get(f"/api/v1/runs/{page.headers['steploom-run']}")).json()["outputs"]["other"] == "secret"


async def test_a_file_goes_in_and_comes_back(
    site: Site, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEPLOOM_SECRET_SHOP", "letmein")
    assert site.workspace.store is not None
    library = site.workspace.store.workflows
    await library.save(loads(SCAN), 0)
    await library.activate("Scan")
    png = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
    headers = {"Authorization": "Bearer letmein", "X-Event": "scanned"}
    answer = await http.post("/hooks/scan", files={"scan": ("a.png", png, "image/png")}, headers=headers)
    assert (answer.status_code, answer.headers["content-type"], answer.content) == (200, "image/png", png)
    run = (await http.get(f"/api/v1/runs/{answer.headers['steploom-run']}")).json()
    assert run["outputs"]["event"] == "scanned"
    assert "letmein" not in str(run)


async def test_a_caller_without_a_token_of_the_service_asks_at_the_hook_for_the_run(
    site: Site, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEPLOOM_SECRET_SHOP", "letmein")
    assert site.workspace.store is not None
    library = site.workspace.store.workflows
    await library.save(loads(ASKING), 0)
    await library.activate("Asking")
    async with site.client(authorization="Bearer letmein") as shop:
        waiting = await shop.post("/hooks/asking")
        assert (waiting.status_code, waiting.json()["status"]) == (202, "suspended")
        place = waiting.headers["location"]
        assert waiting.json()["url"] == place
        assert (await shop.get(place)).status_code == 202
        await http.post(f"/api/v1/runs/{waiting.json()['run_id']}/answers", json={"choice": "go"})
        await http.get(f"/api/v1/runs/{waiting.json()['run_id']}", params={"wait_s": 20})
        assert (await shop.get(place)).json()["outputs"] == {"said": "go"}
        other = (await http.post("/api/v1/runs", json={"workflow": "Asking"})).json()["run_id"]
        for wrong in (other, "nobody", "x" * 300):
            assert (await shop.get(place.rpartition("/")[0] + f"/{wrong}")).status_code == 404
    async with site.client(authorization="Bearer guess") as stranger:
        assert (await stranger.get(place)).status_code == 401


async def test_an_idempotency_key_with_other_inputs_is_refused(site: Site, http: httpx.AsyncClient) -> None:
    assert site.workspace.store is not None
    library = site.workspace.store.workflows
    await library.save(loads(ORDERS), 0)
    await library.activate("Orders")
    key = {"Idempotency-Key": "delivery-1"}
    first, again = [await http.post("/hooks/orders/7", json={"who": "Ada"}, headers=key) for _ in range(2)]
    assert first.json() == again.json()
    for path, who in (("/hooks/orders/8", "Ada"), ("/hooks/orders/7", "Eve")):
        other = await http.post(path, json={"who": who}, headers=key)
        assert (other.status_code, other.json()["error"]["code"]) == (409, "idempotency_key_reused")


async def test_headers_may_differ_when_a_call_is_sent_again(
    site: Site, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEPLOOM_SECRET_SHOP", "letmein")
    assert site.workspace.store is not None
    library = site.workspace.store.workflows
    await library.save(loads(SCAN.replace(", respond: back", "")), 0)
    await library.activate("Scan")
    headers = {"Authorization": "Bearer letmein", "Idempotency-Key": "delivery-1"}
    first, again = [
        await http.post("/hooks/scan", json={"scan": 1}, headers={**headers, "X-Event": event})
        for event in ("one", "two")
    ]
    assert (first.status_code, first.json()) == (200, again.json())
    other = await http.post("/hooks/scan", json={"scan": 2}, headers={**headers, "X-Event": "one"})
    assert other.status_code == 409


async def test_the_rate_is_one_for_all_services_of_a_database(site: Site, http: httpx.AsyncClient) -> None:
    assert site.workspace.store is not None
    library = site.workspace.store.workflows
    await library.save(loads(ORDERS.replace("answer: wait", "rate: 2/1h")), 0)
    await library.activate("Orders")
    parts = service_parts(
        site.workspace, site.tokens, site.service.metrics, LiveRuns(), frozenset({"localhost"})
    )  # fmt: skip
    transport = httpx.ASGITransport(app=make_app(parts))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=http.headers) as elsewhere:
        statuses = [(await web.post("/hooks/orders/7", json={"who": "Ada"})).status_code for web in (http, elsewhere)]
        assert statuses == [200, 200]
        for web in (http, elsewhere):
            refused = await web.post("/hooks/orders/7", json={"who": "Ada"})
            assert refused.status_code == 429
            assert 1750 < int(refused.headers["retry-after"]) <= 1800


async def test_the_published_version_runs_while_a_newer_one_is_worked_on(site: Site, http: httpx.AsyncClient) -> None:
    assert site.workspace.store is not None
    library = site.workspace.store.workflows
    await library.save(loads(ORDERS), 0)
    await library.publish("Orders")
    await library.save(loads(ORDERS.replace("Order {{", "Draft {{")), 1)
    (listed,) = (await http.get("/api/v1/workflows", params={"search": "orders"})).json()["workflows"]
    assert (listed["version"], listed["published_version"], listed["is_active"]) == (2, 1, False)
    await library.activate("Orders")
    shown = (await http.get("/api/v1/workflows/Orders")).json()
    assert (shown["version"], shown["published_version"], shown["is_active"]) == (1, 1, True)
    body = {"workflow": "Orders", "inputs": {"number": 1, "who": "Bob"}, "wait_s": 20}
    assert (await http.post("/api/v1/runs", json=body)).json()["outputs"] == {"said": "Order 1 of Bob"}
    assert (await http.post("/api/v1/runs", json={**body, "version": 2})).json()["outputs"] == {
        "said": "Draft 1 of Bob"
    }
