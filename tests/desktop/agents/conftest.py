"""What the tests of agents on screen share: a whole program over the real database, and agents to look at."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.agents.agent import Agent, Function, Limits, ModelChoice
from core.workflow.model import Step, Workflow
from core.workspace import Workspace
from desktop.memory import WindowMemory
from desktop.program import Program
from tests.support.desktop_program import made_program, take_apart, until

SHOUT = Workflow(
    "Shout",
    description="Says it louder.",
    inputs={"text": {"type": "string"}, "times": {"type": "integer", "default": 1}},
    variables={"mood": {"type": "string", "default": "calm", "description": "How it feels."}},
    steps={"loud": Step("loud", "template", config={"text": "{{ input.text | upper }}!"})},
    outputs={"said": "{{ loud.text }}"},
)

DESK = Agent(
    "Front desk",
    "Answers people who come in.",
    "green",
    "users",
    prompt="You answer the door. Today is {{ date }}.",
    model=ModelChoice(temperature=0.3),
    functions=(Function("shout", "Says it louder. Use it for the deaf.", target="Shout"),),
    limits=Limits(steps=8),
)

CLERK = Agent("Clerk", "Keeps the files.", "purple", "table", prompt="You keep files.")


@pytest.fixture
async def program(home: Path, database_url: str) -> AsyncIterator[Program]:
    """A program whose library holds a workflow and two agents that were never looked at."""
    WindowMemory(home).first_run_done = True
    made = await made_program(home, database_url=database_url)
    workspace = workspace_of(made)
    assert workspace.store is not None
    await workspace.store.workflows.save(SHOUT, 0)
    await workspace.agents.save(DESK, 0)
    await workspace.agents.save(CLERK, 0)
    made.agents.desk.refresh()
    await until(lambda: len(made.agents.desk.agents) == 2)
    yield made
    await take_apart(made)


def workspace_of(program: Program) -> Workspace:
    """The open workspace."""
    workspace = program.session.workspace
    assert workspace is not None
    return workspace
