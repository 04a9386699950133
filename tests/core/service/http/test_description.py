"""The description of the service is true: whatever a program makes of it, nothing breaks."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from typing import Any

import httpx
import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from jsonschema import Draft202012Validator, FormatChecker
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import response_schema_conformance

from core.service.http.app import all_routes
from core.service.http.openapi import curl, description, page, plain_path
from core.service.http.route import JSON
from tests.support.http_service import Site

EXAMPLES = 12
"""Requests made up for each operation."""


async def test_no_request_that_the_description_allows_breaks_the_service(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    _, token = await site.tokens.create("schemathesis", ["admin"])
    told = await asyncio.to_thread(_try_everything, site.url, token)
    assert len(told) == len(all_routes())
    assert set().union(*told.values()) <= {200, 201, 202, 204, 400, 401, 404, 405, 408, 409, 413, 415, 422, 429}
    answered = {path for path, statuses in told.items() if statuses.keys() & {200, 202}}
    assert {"GET /api/v1/runs", "GET /api/v1/workflows", "GET /v1/models", "GET /metrics"} <= answered


def _try_everything(url: str, token: str) -> dict[str, Counter[int]]:
    """The statuses by operation. Raises what schemathesis finds."""
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    told: dict[str, Counter[int]] = {}
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        told[f"{operation.method.upper()} {operation.path}"] = _statuses(operation, token)
    return told


def _statuses(operation: Any, token: str) -> Counter[int]:
    statuses: Counter[int] = Counter()

    @hypothesis.settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(case=operation.as_strategy())
    def attempt(case: Any) -> None:
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {token}"}
        answer = case.call(timeout=20)
        case.validate_response(answer, checks=[not_a_server_error, response_schema_conformance])
        statuses[answer.status_code] += 1

    attempt()
    return statuses


async def test_the_examples_of_the_description_fit_their_schemas_and_work(site: Site, http: httpx.AsyncClient) -> None:
    spec = (await http.get("/openapi.json")).json()
    schemas = spec["components"]["schemas"]
    tried = 0
    for operations in spec["paths"].values():
        for operation in operations.values():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            for example in (content or {}).get("examples", {}).values():
                whole = {**content["schema"], "components": {"schemas": schemas}}
                Draft202012Validator(whole).validate(example["value"])
                tried += 1
    assert tried > 8
    assert spec["openapi"] == "3.1.0"


async def test_answers_look_as_the_description_says(site: Site, http: httpx.AsyncClient) -> None:
    spec = (await http.get("/openapi.json")).json()

    async def told(method: str, path: str, body: Any = None, **named: str) -> Any:
        """What is answered, once it is held against the description."""
        answer = await http.request(method, path.format(**named), json=body)
        described = spec["paths"][path.partition("?")[0]][method.lower()]["responses"][str(answer.status_code)]
        schema = described["content"]["application/json"]["schema"]
        assert schema, f"{path} says nothing of its answer"
        whole = {**schema, "components": spec["components"]}
        Draft202012Validator(whole, format_checker=FormatChecker()).validate(answer.json())
        return answer.json()

    asked = await told("POST", "/api/v1/runs", {"workflow": "Order", "wait_s": 20})
    assert asked["questions"]
    await told("POST", "/api/v1/runs/{run_id}/answers", {"form": {"count": 2}}, run_id=asked["run_id"])
    await told("POST", "/api/v1/runs", {"workflow": "Failing", "wait_s": 20})
    await told("GET", "/api/v1/runs/{run_id}?steps=true&wait_s=20", run_id=asked["run_id"])
    await told("GET", "/api/v1/runs/{run_id}", run_id=asked["run_id"])
    said = {"message": "Hello", "stream": False}
    turn = await told("POST", "/api/v1/agents/{name}/chat", said, name="Helper")
    await told("GET", "/api/v1/conversations/{conversation_id}", conversation_id=turn["conversation_id"])
    completion = {"model": "workflow/Echo", "messages": [{"role": "user", "content": "Hi"}]}
    await told("POST", "/v1/chat/completions", completion)
    await told("POST", "/v1/chat/completions", {"model": "nobody"})
    await told("GET", "/v1/models/{model}", model="agent/Helper")
    await told("GET", "/api/v1/workflows/{name}", name="Greet")
    await told("GET", "/api/v1/agents/{name}", name="Helper")
    for path in ("runs", "workflows", "conversations", "agents"):
        listed = await told("GET", f"/api/v1/{path}")
        assert listed[path]
    for path in ("/healthz", "/readyz", "/v1/models"):
        await told("GET", path)


def test_every_answer_has_a_shape_or_is_no_json() -> None:
    for route in all_routes():
        for status, answer in route.answers.items():
            if status < 300 and status != 204 and answer.media_type == JSON:
                assert answer.shape is not None, f"{route.method} {route.path}"


def test_every_route_is_described_with_what_it_needs() -> None:
    spec = description(all_routes(), "1")
    for route in all_routes():
        operation = spec["paths"][plain_path(route.path)][route.method.lower()]
        assert operation["summary"]
        assert ("401" in operation["responses"]) == bool(route.scopes)
        assert set(re.findall(r"\{(\w+)\}", plain_path(route.path))) == {
            each["name"] for each in operation["parameters"] if each["in"] == "path"
        }
    ids = [each["operationId"] for operations in spec["paths"].values() for each in operations.values()]
    assert len(ids) == len(set(ids))


def test_the_page_needs_nothing_from_elsewhere() -> None:
    text = page(all_routes(), "1.2")
    assert not re.search(r"<script|<link|https?://|src=|@import|url\(", text)
    for route in all_routes():
        assert plain_path(route.path) in text


def test_calls_are_shown_as_one_types_them() -> None:
    by_summary = {route.summary: curl(route) for route in all_routes()}
    assert by_summary["Whether the process lives"] == "curl -s $STEPLOOM/healthz"
    assert by_summary["Start a run"] == (
        "curl -s -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' "
        '-d \'{"workflow":"Greet somebody","inputs":{"who":"Ada"}}\' $STEPLOOM/api/v1/runs'
    )
