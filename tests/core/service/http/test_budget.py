"""A limit on spending that is reached behind HTTP, and the cheaper model that somebody picks there."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.workflow.document import loads
from core.workspace import Workspace
from tests.support.http_service import running
from tests.support.openrouter import KEY, running_stand_in
from tests.support.openrouter_defaults import MODELS, model_entry
from tests.support.openrouter_replies import json_reply, text_stream

TWO_CHATS = """\
steploom: 1
name: Two
limits: {usd_per_run: 0.00001}
steps:
  first: {type: chat, config: {prompt: One?}, then: second}
  second: {type: chat, config: {prompt: "Two? {{ first.text }}"}}
outputs: {text: "{{ second.text }}"}
"""


async def test_the_question_of_a_limit_is_answered_over_http_with_a_cheaper_model(
    home: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
    with running_stand_in() as stand_in:
        small = model_entry("openai/gpt-5-nano", prompt="0.00000005", completion="0.0000004")
        stand_in.script(json_reply({"data": [*MODELS, small], "links": {"next": None}}), path="/models")
        stand_in.script(text_stream("one"), text_stream("two"))
        server = {"base_url": stand_in.base_url, "kind": "openrouter"}
        async with Workspace.open(home, database_url=database_url, model_server=server) as workspace:
            assert workspace.store is not None
            await workspace.store.workflows.save(loads(TWO_CHATS), 0)
            async with running(workspace) as site, site.client("run", "read", "answer") as http:
                ran = (await http.post("/api/v1/runs", json={"workflow": "Two", "wait_s": 30})).json()
                assert ran["status"] == "suspended"
                (asked,) = ran["questions"]
                assert asked["choices"] == ["continue", "use openai/gpt-5-nano", "stop"]
                path = f"/api/v1/runs/{ran['run_id']}/answers"
                wrong = await http.post(path, json={"choice": "use test/model"})
                assert "one of continue, use openai/gpt-5-nano, stop" in wrong.text
                taken = await http.post(path, json={"choice": "use openai/gpt-5-nano"})
                assert taken.status_code == 202, taken.text
                async with http.stream("GET", f"/api/v1/runs/{ran['run_id']}/events") as events:
                    async for _ in events.aiter_lines():  # until the run has ended
                        pass
                done = (await http.get(f"/api/v1/runs/{ran['run_id']}")).json()
                assert (done["status"], done["outputs"]) == ("completed", {"text": "two"})
        assert [body["model"] for body in stand_in.sent()] == ["openai/gpt-5-mini", "openai/gpt-5-nano"]
