"""Runs over HTTP: started, waited for, watched, stopped and answered."""

from __future__ import annotations

from typing import Any

import httpx

from tests.support.http_service import Site, events_in


async def _start(http: httpx.AsyncClient, workflow: str, wait_s: float = 0, **inputs: Any) -> dict[str, Any]:
    answer = await http.post("/api/v1/runs", json={"workflow": workflow, "inputs": inputs, "wait_s": wait_s})
    assert answer.status_code in (200, 202), answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_the_workflows_are_listed_and_shown(http: httpx.AsyncClient) -> None:
    listed = (await http.get("/api/v1/workflows")).json()["workflows"]
    assert "Greet" in [each["name"] for each in listed]
    shown = (await http.get("/api/v1/workflows/Greet")).json()
    assert (shown["inputs"]["who"], shown["version"]) == ({"type": "string"}, 1)
    assert (await http.get("/api/v1/workflows/Greet?version=7")).status_code == 404
    assert (await http.get("/api/v1/workflows/No/such one")).json()["error"]["code"] == "workflow_not_found"


async def test_a_run_is_started_and_waited_for(http: httpx.AsyncClient) -> None:
    answer = await http.post("/api/v1/runs", json={"workflow": "Greet", "inputs": {"who": "Ada"}, "wait_s": 20})
    assert answer.status_code == 200
    run = answer.json()
    assert (run["status"], run["outputs"]) == ("completed", {"greeting": "Hello Ada x1!"})
    assert run["labels"]["api"] == "tests"
    shown = (await http.get(answer.headers["location"], params={"steps": True})).json()
    assert [step["path"] for step in shown["steps"]] == ["hello", "again"]
    listed = (await http.get("/api/v1/runs", params={"status": "completed", "workflow": "Greet"})).json()["runs"]
    assert [each["run_id"] for each in listed] == [run["run_id"]]


async def test_a_run_is_started_at_once_and_asked_about_later(http: httpx.AsyncClient) -> None:
    run = await _start(http, "Greet", who="Bob")
    assert run["status"] in ("queued", "running")
    later = (await http.get(f"/api/v1/runs/{run['run_id']}", params={"wait_s": 20})).json()
    assert later["outputs"] == {"greeting": "Hello Bob x1!"}


async def test_one_key_makes_one_run(http: httpx.AsyncClient) -> None:
    body = {"workflow": "Greet", "inputs": {"who": "Ada"}}
    key = {"Idempotency-Key": "order-17"}
    first, second = [(await http.post("/api/v1/runs", json=body, headers=key)).json() for _ in range(2)]
    assert first["run_id"] == second["run_id"]
    other = await http.post("/api/v1/runs", json={"workflow": "Greet", "inputs": {"who": "Eve"}}, headers=key)
    assert (other.status_code, other.json()["error"]["code"]) == (409, "idempotency_key_reused")
    assert first["run_id"] in other.json()["error"]["message"]
    unlike = await http.post("/api/v1/runs", json={"workflow": "Echo", "inputs": {"message": "x"}}, headers=key)
    assert unlike.status_code == 409
    same = {**body, "inputs": {"who": "Ada", "times": 1}}
    assert (await http.post("/api/v1/runs", json=same, headers=key)).json()["run_id"] == first["run_id"]
    assert (await http.post("/api/v1/runs", json=body, headers={"Idempotency-Key": "a b"})).status_code == 400


async def test_a_failed_run_says_why(http: httpx.AsyncClient) -> None:
    run = await _start(http, "Failing", 20)
    assert (run["status"], run["error"]["message"]) == ("failed", "The cupboard is bare")


async def test_events_are_told_from_the_beginning_and_again_after_any_of_them(http: httpx.AsyncClient) -> None:
    run = await _start(http, "Greet", who="Ada")
    async with http.stream("GET", f"/api/v1/runs/{run['run_id']}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        told = await events_in(stream)
    names = [each["event"] for each in told]
    assert names[0] == "run_started"
    assert names[-1] == "run_completed"
    assert [n for n in names if n.startswith("step")] == ["step_started", "step_completed"] * 2
    for at, seen in enumerate(told):
        headers = {"Last-Event-ID": seen["id"]}
        async with http.stream("GET", f"/api/v1/runs/{run['run_id']}/events", headers=headers) as stream:
            assert [each["id"] for each in await events_in(stream)] == [each["id"] for each in told[at + 1 :]]


async def test_who_loses_the_connection_misses_nothing(http: httpx.AsyncClient) -> None:
    run = await _start(http, "Publish", note="it")
    address = f"/api/v1/runs/{run['run_id']}/events"
    async with http.stream("GET", address) as stream:
        told = await events_in(stream, until="run_suspended")
    await http.post(f"/api/v1/runs/{run['run_id']}/answers", json={"choice": "publish"})
    async with http.stream("GET", address, headers={"Last-Event-ID": told[-1]["id"]}) as stream:
        rest = await events_in(stream)
    completed = [each["path"] for each in rest if each["event"] == "step_completed"]
    assert completed == ["ask", "done"]
    assert rest[-1]["event"] == "run_completed"
    assert not {each["id"] for each in told} & {each["id"] for each in rest if each["id"]}


async def test_a_run_is_cancelled_while_somebody_watches(http: httpx.AsyncClient) -> None:
    run = await _start(http, "Publish", note="it")
    async with http.stream("GET", f"/api/v1/runs/{run['run_id']}/events") as stream:
        await events_in(stream, until="run_suspended")
    answer = await http.post(f"/api/v1/runs/{run['run_id']}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (202, "cancelled")
    async with http.stream("GET", f"/api/v1/runs/{run['run_id']}/events") as stream:
        assert (await events_in(stream))[-1]["event"] == "run_cancelled"
    again = await http.post(f"/api/v1/runs/{run['run_id']}/cancel")
    assert again.status_code == 409


async def test_a_question_is_shown_and_answered(http: httpx.AsyncClient) -> None:
    run = await _start(http, "Publish", 20, note="the report")
    assert run["status"] == "suspended"
    (question,) = run["questions"]
    assert (question["message"], question["choices"]) == ("Publish the report?", ["publish", "drop"])
    address = f"/api/v1/runs/{run['run_id']}"
    wrong = await http.post(f"{address}/answers", json={"choice": "burn"})
    assert (wrong.status_code, wrong.json()["error"]["message"]) == (422, "Send `choice`: one of publish, drop.")
    assert (await http.post(f"{address}/answers", json={"path": "no", "choice": "drop"})).status_code == 422
    assert (await http.post(f"{address}/answers", json={"choice": "publish"})).status_code == 202
    ended = (await http.get(address, params={"wait_s": 20})).json()
    assert ended["outputs"] == {"answer": "published", "by": "over HTTP (tests)"}
    assert (await http.post(f"{address}/answers", json={"choice": "publish"})).json()["error"][
        "code"
    ] == "nothing_asked"


async def test_a_form_is_checked_before_it_is_taken(http: httpx.AsyncClient) -> None:
    run = await _start(http, "Order", 20)
    address = f"/api/v1/runs/{run['run_id']}"
    wrongs: list[dict[str, Any]] = [{"choice": "x"}, {"form": {}}, {"form": {"count": "three"}}]
    for wrong in wrongs:
        assert (await http.post(f"{address}/answers", json=wrong)).status_code == 422
    await http.post(f"{address}/answers", json={"form": {"count": 3}})
    assert (await http.get(address, params={"wait_s": 20})).json()["outputs"] == {"count": 3}


MISFITS: list[tuple[dict[str, Any], int, str]] = [
    ({"workflow": "Nope"}, 404, "workflow_not_found"),
    ({"workflow": "Greet"}, 422, "input"),
    ({"workflow": "Greet", "inputs": {"who": 3}}, 422, "input"),
    ({"workflow": "Greet", "inputs": {"who": "a", "more": 1}}, 422, "input"),
    ({"workflow": "../../etc/passwd"}, 404, "workflow_not_found"),
    ({"workflow": "Greet", "inputz": {}}, 422, "body"),
    ({}, 422, "body"),
    ({"workflow": "Greet", "inputs": {"who": "a"}, "wait_s": 1e9}, 422, "body"),
]


async def test_what_does_not_fit_starts_nothing(http: httpx.AsyncClient) -> None:
    for body, status, code in MISFITS:
        answer = await http.post("/api/v1/runs", json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), body
    assert (await http.get("/api/v1/runs")).json() == {"runs": [], "next": None}


async def test_unknown_runs_are_not_found(http: httpx.AsyncClient) -> None:
    for run_id in ("nope", "%00", "a" * 100, "0199a1c2-7b1e-7c3d-9f10-5a6b7c8d9e0f"):
        for address in (f"/api/v1/runs/{run_id}", f"/api/v1/runs/{run_id}/events"):
            assert (await http.get(address)).status_code == 404
        assert (await http.post(f"/api/v1/runs/{run_id}/cancel")).status_code == 404
        assert (await http.post(f"/api/v1/runs/{run_id}/answers", json={})).status_code == 404


async def test_streams_end_when_the_service_does(site: Site, http: httpx.AsyncClient) -> None:
    run = await _start(http, "Publish", 20, note="x")
    async with http.stream("GET", f"/api/v1/runs/{run['run_id']}/events") as stream:
        lines = stream.aiter_lines()
        assert await anext(lines) == "event: run_started"
        site.service.stop("the test says so")
        async for _ in lines:
            pass
