"""Runs whose passes are runs of their own, as a caller sees them: as one run."""

from __future__ import annotations

import httpx

from core.workflow.document import loads
from tests.support.http_service import Site, events_in

SHOUT = """
steploom: 1
name: Shout
steps:
  all:
    type: for_each
    config: {items: [a, b, c], spread: true, collect: '{{ loud.text }}'}
    body:
      loud: {type: template, config: {text: '{{ item | upper }}'}}
outputs: {words: '{{ all.results }}'}
"""

INVITE = """
steploom: 1
name: Invite
steps:
  all:
    type: for_each
    config: {items: [Ada, Bob], spread: true, collect: '{{ ask.choice }}'}
    body:
      ask: {type: approval, config: {message: 'Invite {{ item }}?'}}
outputs: {answers: '{{ all.results }}'}
"""


async def test_a_caller_waits_for_a_run_and_its_passes_and_hears_of_them(site: Site, http: httpx.AsyncClient) -> None:
    assert site.workspace.store is not None
    await site.workspace.store.workflows.save(loads(SHOUT), 0)
    answer = await http.post("/api/v1/runs", json={"workflow": "Shout", "inputs": {}, "wait_s": 25})
    assert answer.status_code == 200, answer.text
    run = answer.json()
    assert (run["status"], run["outputs"]) == ("completed", {"words": ["A", "B", "C"]})
    async with http.stream("GET", f"/api/v1/runs/{run['run_id']}/events") as stream:
        told = await events_in(stream)
    completed = [each["path"] for each in told if each["event"] == "step_completed"]
    assert sorted(completed) == ["all", "all[0]/loud", "all[1]/loud", "all[2]/loud"]
    listed = (await http.get("/api/v1/runs")).json()["runs"]
    assert [each["run_id"] for each in listed] == [run["run_id"]]


async def test_what_passes_ask_is_answered_with_the_run(site: Site, http: httpx.AsyncClient) -> None:
    assert site.workspace.store is not None
    await site.workspace.store.workflows.save(loads(INVITE), 0)
    run = (await http.post("/api/v1/runs", json={"workflow": "Invite", "inputs": {}, "wait_s": 25})).json()
    place = f"/api/v1/runs/{run['run_id']}"
    for person, choice in (("Ada", "approve"), ("Bob", "reject")):
        questions: list[dict[str, str]] = []
        while not any(person in each["message"] for each in questions):
            questions = (await http.get(place, params={"wait_s": 1})).json()["questions"]
        path = next(each["path"] for each in questions if person in each["message"])
        answered = await http.post(f"{place}/answers", json={"choice": choice, "path": path})
        assert answered.status_code == 202, answered.text
    while (run := (await http.get(place, params={"wait_s": 5})).json())["status"] not in ("completed", "failed"):
        pass
    assert run["outputs"] == {"answers": ["approve", "reject"]}
