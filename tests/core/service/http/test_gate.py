"""Who may call the service, by which name, with how much, and what is written about it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import StreamingResponse

from core.service.gauges import Gauges
from core.service.http.app import all_routes, make_app
from core.service.http.gate import host_name
from core.service.http.openapi import plain_path
from core.service.http.responses import event_stream
from core.service.http.route import Call
from core.service.http.server import is_loopback
from core.store.tokens import SCOPES, Scope
from core.workflow.rates import Rate
from tests.support.http_service import Site

ROUTES = [route for route in all_routes() if route.scopes]


def _address(path: str) -> str:
    return plain_path(path).replace("{", "").replace("}", "")


async def test_nothing_but_health_and_the_description_is_open(site: Site) -> None:
    async with site.client() as nobody, site.client(authorization="Bearer stk_000000000000_wrong") as wrong:
        for route in ROUTES:
            for client in (nobody, wrong):
                answer = await client.request(route.method, _address(route.path), json={} if route.body else None)
                assert answer.status_code == 401, route.path
                assert answer.headers["www-authenticate"].startswith("Bearer")
                assert answer.json()["error"]["code"] == "unauthorized"
        for path in ("/healthz", "/readyz", "/openapi.json", "/docs"):
            assert (await nobody.get(path)).status_code == 200


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_token_opens_what_its_scope_says_and_no_more(site: Site, scope: Scope) -> None:
    async with site.client(scope) as client:
        for route in ROUTES:
            answer = await client.request(route.method, _address(route.path), json={} if route.body else None)
            opened = answer.status_code not in (401, 403)
            assert opened == (scope == "admin" or scope in route.scopes), (route.path, answer.text)


async def test_a_revoked_token_opens_nothing_from_that_moment_on(site: Site) -> None:
    async with site.client("admin") as admin, site.client("read") as reader:
        assert (await reader.get("/api/v1/runs")).status_code == 200
        listed = (await admin.get("/api/v1/tokens")).json()["tokens"]
        (token,) = [each for each in listed if each["scopes"] == ["read"]]
        assert (await admin.delete(f"/api/v1/tokens/{token['id']}")).status_code == 204
        assert (await reader.get("/api/v1/runs")).status_code == 401
        assert (await admin.delete("/api/v1/tokens/nobody")).status_code == 404


@pytest.mark.parametrize("is_busy", [False, True])
async def test_a_stream_ends_when_its_token_is_revoked(site: Site, *, is_busy: bool) -> None:
    quick = replace(site.service.parts, limits=replace(site.service.parts.limits, token_s=0.05))
    token, text = await site.tokens.create("watcher", ["run", "read"])
    request = Request({"type": "http", "headers": [(b"authorization", f"Bearer {text}".encode())]})

    async def pieces() -> AsyncGenerator[bytes, None]:
        yield b"first"
        while True:
            await (asyncio.sleep(0) if is_busy else asyncio.Event().wait())
            yield b"more"

    stream = event_stream(pieces(), Call(request, quick, token))
    assert isinstance(stream, StreamingResponse)
    told = aiter(stream.body_iterator)
    assert await anext(told) == b"first"
    await site.tokens.revoke(token.id)
    async with asyncio.timeout(20):
        assert {piece async for piece in told} <= {b"more"}


async def test_a_token_is_used_as_often_as_it_may_be(site: Site) -> None:
    _, text = await site.tokens.create("slow", ["read"], rate=Rate(2, 3600.0))
    async with site.client(authorization=f"Bearer {text}") as http:
        statuses = [(await http.get(path)).status_code for path in ("/api/v1/runs", "/v1/models", "/api/v1/runs")]
        assert statuses == [200, 200, 429]
        refused = await http.get("/api/v1/runs")
        assert refused.json()["error"]["type"] == "rate_limit_error"
        assert 1700 < int(refused.headers["retry-after"]) <= 1800
        assert (await http.get("/healthz")).status_code == 200


async def test_only_its_own_names_are_answered_to(http: httpx.AsyncClient) -> None:
    for name in ("evil.example", "127.0.0.1.evil.example", "", "localhost@evil", "127.0.0.1:80:80", "[::1", "::1"):
        answer = await http.get("/api/v1/runs", headers={"Host": name})
        assert answer.status_code == 421, name
    for name in ("localhost:1", "127.0.0.1", "[::1]:80", "LOCALHOST"):
        assert (await http.get("/api/v1/runs", headers={"Host": name})).status_code == 200


async def test_pages_of_other_sites_may_not_call(http: httpx.AsyncClient) -> None:
    for origin in ("https://evil.example", "null", "http://localhost:9", "http://[", "//", "localhost"):
        answer = await http.get("/api/v1/runs", headers={"Origin": origin})
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "origin")
    own = str(http.base_url).rstrip("/")
    answer = await http.get("/api/v1/runs", headers={"Origin": own})
    assert answer.status_code == 200
    preflight = await http.options("/api/v1/runs", headers={"Origin": own, "Access-Control-Request-Method": "POST"})
    assert preflight.status_code == 405
    for headers in (answer.headers, preflight.headers):
        assert not [name for name in headers if name.startswith("access-control")]
        assert headers["x-content-type-options"] == "nosniff"


async def test_a_picture_on_a_page_of_another_site_starts_nothing(site: Site) -> None:
    async with site.client() as browser:
        for where in ("cross-site", "same-site"):
            for mode, dest in (("no-cors", "image"), ("navigate", "iframe"), ("cors", "empty")):
                sent = {"Sec-Fetch-Site": where, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest}
                answer = await browser.get("/hooks/anything", headers=sent)
                assert (answer.status_code, answer.json()["error"]["code"]) == (403, "origin")
            link = {"Sec-Fetch-Site": where, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
            assert (await browser.get("/docs", headers=link)).status_code == 200
        for where in ("none", "same-origin"):
            assert (await browser.get("/docs", headers={"Sec-Fetch-Site": where})).status_code == 200


async def test_a_path_gives_the_terminal_that_shows_the_log_no_orders(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        async with site.client() as nobody:
            await nobody.get("/%1b]0;mine%07%0aanother line %C3%BC%C2%9B%E2%80%AE")
    (found,) = [r for r in caplog.records if r.name == "steploom.http"]
    assert vars(found)["path"] == "/%1B]0;mine%07%0Aanother line ü%C2%9B%E2%80%AE"


async def test_bodies_are_bounded_and_have_to_fit(site: Site) -> None:
    limits = replace(site.service.parts.limits, body=1000, answer=300)
    app = make_app(replace(site.service.parts, limits=limits))
    impatient = make_app(replace(site.service.parts, limits=replace(limits, body_s=0.05)))
    _, token = await site.tokens.create("t", ["run", "read"])
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    transport = httpx.ASGITransport(app=app)

    async def pieces(count: int, *, ends: bool = True) -> Any:
        for _ in range(count):
            yield b" " * 300
        if not ends:
            await asyncio.Event().wait()

    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
        post = "/api/v1/runs"
        assert (await client.post(post, content=b" " * 1001)).json()["error"]["code"] == "body_too_large"
        assert (await client.post(post, content=pieces(4))).status_code == 413
        for wrong in (b"{", b"[" * 900, b'{"a": NaN}', b'{"a": 1e999}', b'{"a": "\\u0000"}', b"\xff", b'"\\ud800"'):
            assert (await client.post(post, content=wrong)).status_code == 400, wrong
        for odd in (b"[]", b"7", b"null"):
            assert (await client.post(post, content=odd)).status_code == 422
        assert (await client.post(post, content=b"{}", headers={"content-type": "text/plain"})).status_code == 415
        assert (await client.get("/api/v1/workflows")).json()["error"]["code"] == "answer_too_large"
        assert (await client.get(post, params={"limit": "many"})).status_code == 400
        assert (await client.get(post, params={"colour": "blue"})).status_code == 400
        assert (await client.get("/api/v1/workflows", params={"x": "y"})).status_code == 400
        assert (await client.get("/nothing")).json()["error"]["code"] == "no_page"
        assert (await client.delete("/api/v1/runs")).status_code == 405
    transport = httpx.ASGITransport(app=impatient)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
        slow = await client.post(post, content=pieces(1, ends=False))
        assert slow.json()["error"]["code"] == "body_too_slow"


async def test_what_is_written_about_requests_holds_no_secret(
    site: Site, http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        await http.post("/api/v1/runs?token=query-secret", json={"workflow": "Greet", "inputs": {"who": "body-secret"}})
        await http.get("/api/v1/runs")
    ours = [vars(record) for record in caplog.records if record.name == "steploom.http"]
    assert [(each["path"], each["status"]) for each in ours if each["method"] == "GET"] == [("/api/v1/runs", 200)]
    token = http.headers["authorization"].rpartition("_")[2]
    for secret in (token, "query-secret", "body-secret"):
        assert secret not in str(ours)


async def test_a_database_that_is_away_is_said_and_no_fault_of_the_caller(site: Site) -> None:
    from core.store.errors import ConnectError

    async def away() -> None:
        raise ConnectError("It cannot be reached.")

    app = make_app(replace(site.service.parts, ready=away))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        assert (await client.get("/readyz")).json()["error"]["code"] == "database"
        assert (await client.get("/healthz")).status_code == 200
        heads = [await client.head(path) for path in ("/healthz", "/readyz")]
        assert [head.status_code for head in heads] == [200, 503]


async def test_an_error_that_nobody_expected_tells_nothing_of_the_inside(site: Site) -> None:
    def broken() -> bytes:
        raise RuntimeError("postgres://user:password@host")

    app = make_app(replace(site.service.parts, metrics=broken))
    _, token = await site.tokens.create("t", ["read"])
    transport = httpx.ASGITransport(app=app)
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
        answer = await client.get("/metrics")
    assert answer.status_code == 500
    assert "password" not in answer.text


async def test_metrics_tell_of_runs_and_the_queue(site: Site, http: httpx.AsyncClient) -> None:
    await http.post("/api/v1/runs", json={"workflow": "Greet", "inputs": {"who": "a"}, "wait_s": 20})
    parts, store = site.service.parts, site.workspace.store
    assert store is not None
    await Gauges(store, parts.queue, site.service.metrics, parts.clock, lost_after_s=30).look(count=True)
    answer = await http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'workflow_executions_total{status="completed",workflow="Greet"} 1.0' in answer.text
    assert "workflow_workers 1.0" in answer.text
    assert 'database_connections{state="open"}' in answer.text


def test_names_in_host_headers() -> None:
    assert host_name("Example.org:80") == "example.org"
    assert host_name("[::1]:80") == "::1"
    assert [host_name(text) for text in ("", "a b", "x:y", "a/b", "[x]", "a:123456")] == [None] * 6
    assert [is_loopback(text) for text in ("127.0.0.2", "::1", "localhost")] == [True] * 3
    assert [is_loopback(text) for text in ("0.0.0.0", "::", "192.168.1.2", "example.org")] == [False] * 4


ODD = ("%00", "%FF", "%F0%9F%A6%93", "..%2f..%2fetc%2fpasswd", "a%00b", "x" * 1000, "'%3B--")


async def test_odd_names_are_not_found_and_break_nothing(site: Site) -> None:
    async with site.client("admin") as http:
        for odd in ODD:
            for path in ("workflows/", "agents/", "conversations/", "runs/"):
                assert (await http.get(f"/api/v1/{path}{odd}")).status_code == 404, (path, odd)
            assert (await http.delete(f"/api/v1/tokens/{odd}")).status_code == 404
            assert (await http.get(f"/v1/models/agent/{odd}")).status_code == 404
            said = {"message": "x", "stream": False}
            assert (await http.post(f"/api/v1/agents/{odd}/chat", json=said)).status_code == 404
            for query in (f"runs?workflow={odd[:200]}", f"conversations?search={odd[:200]}"):
                assert (await http.get(f"/api/v1/{query}")).status_code == 200, query
            seen = {"Last-Event-ID": odd[:100]}
            assert (await http.get("/api/v1/runs/none/events", headers=seen)).status_code == 404


async def test_streams_are_bounded(site: Site) -> None:
    limits = replace(site.service.parts.limits, streams=0)
    app = make_app(replace(site.service.parts, limits=limits))
    _, token = await site.tokens.create("t", ["run", "read"])
    transport = httpx.ASGITransport(app=app)
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
        run = (await client.post("/api/v1/runs", json={"workflow": "Greet", "inputs": {"who": "a"}})).json()
        refused = await client.get(f"/api/v1/runs/{run['run_id']}/events")
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "too_many_streams")
        assert (await client.head(f"/api/v1/runs/{run['run_id']}/events")).status_code == 405
    assert site.service.parts.streams.count == 0
