"""Trying one function of an agent by hand, in a workspace of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.agents.agent import Agent, Function
from core.workflow.model import Step, Workflow
from core.workspace import Workspace

AGENT = Agent("Tester", prompt="Test.")
SHOUT = Workflow(
    "Shout",
    inputs={"text": {"type": "string"}},
    steps={"loud": Step("loud", "template", config={"text": "{{ input.text | upper }}"})},
    outputs={"said": "{{ loud.text }}"},
)
ASKS = Workflow("Asks", steps={"ask": Step("ask", "approval", config={"message": "Go on?"})})
FAILS = Workflow("Fails", steps={"no": Step("no", "stop", config={"status": "failed", "message": "On purpose."})})

WAITS = Workflow("Waits", steps={"wait": Step("wait", "wait", config={"duration": "1h"})})


@pytest.fixture
async def workspace(home: Path, database_url: str) -> AsyncIterator[Workspace]:
    async with Workspace.open(home, database_url=database_url, demo=True) as made:
        assert made.store is not None
        for workflow in (SHOUT, ASKS, FAILS, WAITS):
            await made.store.workflows.save(workflow, 0)
        yield made


async def test_a_workflow_is_run_under_a_label_and_gives_its_outputs_time_and_run(workspace: Workspace) -> None:
    heard: list[str] = []
    trial = await workspace.try_function(AGENT, Function("shout", target="Shout"), {"text": "hi"}, heard.append)
    assert (trial.value, trial.problem, heard) == ({"said": "HI"}, "", ["loud"])
    assert trial.seconds > 0
    record = await workspace.journal.run(trial.run_id)
    assert (record.labels["trial"], record.labels["agent"]) == ("shout", "Tester")


async def test_a_policy_of_never_and_a_switched_off_function_do_not_keep_a_person_from_trying(
    workspace: Workspace,
) -> None:
    function = Function("shout", target="Shout", policy="never", enabled=False)
    assert (await workspace.try_function(AGENT, function, {"text": "hi"})).value == {"said": "HI"}


async def test_arguments_that_do_not_fit_and_failures_are_told(workspace: Workspace) -> None:
    shout = Function("shout", target="Shout")
    assert "text" in (await workspace.try_function(AGENT, shout, {})).problem
    assert "On purpose." in (await workspace.try_function(AGENT, Function("f", target="Fails"), {})).problem
    missing = await workspace.try_function(AGENT, Function("m", target="Gone"), {})
    assert "Gone" in missing.problem
    assert missing.run_id == ""


async def test_a_workflow_that_asks_a_person_says_so(workspace: Workspace) -> None:
    trial = await workspace.try_function(AGENT, Function("a", target="Asks"), {})
    assert (trial.waits, trial.problem) == ("Go on?", "")
    assert (await workspace.journal.run(trial.run_id)).status == "suspended"


async def test_stopping_a_try_cancels_its_run(workspace: Workspace) -> None:
    began = asyncio.Event()
    work = asyncio.create_task(workspace.try_function(AGENT, Function("w", target="Waits"), {}, lambda _: began.set()))
    async with asyncio.timeout(20):
        await began.wait()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    (run,) = await workspace.runs()
    assert run.status == "cancelled"


async def test_python_is_called_with_typed_arguments(workspace: Workspace) -> None:
    function = Function("join", kind="python", target="posixpath:basename")
    assert (await workspace.try_function(AGENT, function, {"p": "/a/b"})).value == "b"


async def test_facts_say_who_decides_by_default_and_why_a_function_cannot_be_called(workspace: Workspace) -> None:
    facts = await workspace.function_facts(AGENT, Function("shout", target="Shout"))
    assert (facts.policy, facts.effect, facts.trouble) == ("auto", "pure", "")
    assert facts.parameters["required"] == ["text"]
    gone = await workspace.function_facts(AGENT, Function("m", kind="mcp", target="nowhere/tool"))
    assert "nowhere" in gone.trouble
