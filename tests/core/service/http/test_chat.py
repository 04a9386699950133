"""Chatting with agents and workflows over HTTP."""

from __future__ import annotations

import base64

import httpx

from core.agents.agent import Agent, Function
from tests.support.http_service import Site, events_in


async def test_an_agent_answers_as_a_stream(http: httpx.AsyncClient) -> None:
    async with http.stream("POST", "/api/v1/agents/Helper/chat", json={"message": "Hi there"}) as stream:
        told = await events_in(stream)
    names = [each["event"] for each in told]
    assert names[0] == "message_saved"
    assert "text_delta" in names
    assert (names[-1], told[-1]["status"]) == ("turn_ended", "completed")
    assert "".join(each["text"] for each in told if each["event"] == "text_delta") == told[-1]["text"]
    assert [each["id"] for each in told] == [str(number) for number in range(len(told))]


async def test_nothing_of_what_models_are_told_leaves_the_service(http: httpx.AsyncClient) -> None:
    async with http.stream("POST", "/api/v1/agents/Helper/chat", json={"message": "Hi"}) as stream:
        text = "".join([line async for line in stream.aiter_lines()])
    (conversation,) = (await http.get("/api/v1/conversations")).json()["conversations"]
    text += (await http.get(f"/api/v1/conversations/{conversation['conversation_id']}")).text
    text += (await http.get("/api/v1/agents/Helper")).text
    assert "zebra-stripes" not in text


async def test_a_conversation_goes_on(http: httpx.AsyncClient) -> None:
    first = (await http.post("/api/v1/agents/Helper/chat", json={"message": "One", "stream": False})).json()
    assert (first["status"], bool(first["text"])) == ("completed", True)
    body = {"message": "Two", "stream": False, "conversation_id": first["conversation_id"]}
    second = (await http.post("/api/v1/agents/Helper/chat", json=body)).json()
    assert second["conversation_id"] == first["conversation_id"]
    shown = (await http.get(f"/api/v1/conversations/{first['conversation_id']}")).json()
    said = [(each["role"], each["text"]) for each in shown["messages"]]
    assert [text for role, text in said if role == "user"] == ["One", "Two"]
    assert (shown["agent"], shown["total"], shown["answering"]) == ("Helper", 4, False)
    found = (await http.get("/api/v1/conversations", params={"search": "two"})).json()["conversations"]
    assert [each["conversation_id"] for each in found] == [first["conversation_id"]]


async def test_a_workflow_answers_and_knows_what_was_said(http: httpx.AsyncClient) -> None:
    first = (await http.post("/api/v1/workflows/Echo/chat", json={"message": "a", "stream": False})).json()
    assert first["text"] == "You said: a (after 0)"
    body = {"message": "b", "stream": False, "conversation_id": first["conversation_id"]}
    assert (await http.post("/api/v1/workflows/Echo/chat", json=body)).json()["text"] == "You said: b (after 2)"
    wrong = await http.post("/api/v1/agents/Helper/chat", json=body)
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (409, "other_agent")


async def test_files_go_along(http: httpx.AsyncClient) -> None:
    data = base64.b64encode(b"the plan").decode()
    body = {"message": "Read it", "stream": False, "files": [{"name": "plan.txt", "data": data}]}
    answer = await http.post("/api/v1/agents/Helper/chat", json=body)
    assert (answer.status_code, answer.json()["status"]) == (200, "completed")
    body["files"] = [{"name": "plan.txt", "data": "no base64!"}]
    assert (await http.post("/api/v1/agents/Helper/chat", json=body)).status_code == 422


async def test_a_call_waits_for_a_person_who_answers_over_http(site: Site, http: httpx.AsyncClient) -> None:
    greet = Function("greet", kind="workflow", target="Greet", policy="ask")
    await site.workspace.agents.save(Agent("Careful", functions=(greet,)), 0)
    body = {"message": "Call greet please", "stream": False}
    waiting = (await http.post("/api/v1/agents/Careful/chat", json=body)).json()
    assert waiting["status"] == "waiting", waiting
    (pending,) = waiting["pending"]
    assert (pending["kind"], pending["call"]["name"]) == ("approval", "greet")
    address = f"/api/v1/conversations/{waiting['conversation_id']}"
    assert (await http.post(f"{address}/answers", json={"id": "another", "allow": True})).status_code == 409
    assert (await http.post(f"{address}/answers", json={"id": pending["id"], "choice": "x"})).status_code == 422
    decided = {"id": pending["id"], "allow": False, "reason": "Not today", "stream": False}
    ended = (await http.post(f"{address}/answers", json=decided)).json()
    assert ended["status"] == "completed"
    assert (await http.get(address)).json()["pending"] == []


async def test_who_is_not_there_is_not_found(http: httpx.AsyncClient) -> None:
    assert (await http.post("/api/v1/agents/Nobody/chat", json={"message": "x"})).status_code == 404
    assert (await http.post("/api/v1/workflows/Nothing/chat", json={"message": "x"})).status_code == 404
    for end in ("", "/events"):
        assert (await http.get(f"/api/v1/conversations/nope{end}")).status_code == 404
        unknown = f"/api/v1/conversations/0199a1c2-7b1e-7c3d-9f10-5a6b7c8d9e0f{end}"
        assert (await http.get(unknown)).status_code == 404
    made = (await http.post("/api/v1/agents/Helper/chat", json={"message": "x", "stream": False})).json()
    address = f"/api/v1/conversations/{made['conversation_id']}"
    assert (await http.get(f"{address}/events")).json()["error"]["code"] == "nothing_answered"
    assert (await http.post(f"{address}/cancel")).status_code == 409
