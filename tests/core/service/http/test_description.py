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
from jsonschema import Draft202012Validator
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok

from core.service.http.app import all_routes
from core.service.http.openapi import curl, description, page, plain_path
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
    assert set().union(*told.values()) <= {200, 202, 204, 400, 401, 404, 405, 408, 409, 413, 415, 422, 429}
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
        case.validate_response(answer, checks=[not_a_server_error])
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
