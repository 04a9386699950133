"""Agents that come with the program, taken into a library together with everything that they need to work."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from core.agents.agent import Agent
from core.agents.agent_file import load
from core.agents.library import AgentChanged, AgentLibrary
from core.resources import example_agents, examples
from core.store.workflows import Workflows
from core.workflow.document import load as load_workflow
from core.workflow.model import Workflow

NOTE = "Came with the program"
"""The note of the versions that are made of examples."""

_TRIES = 1_000
_NUMBERED = re.compile(r"(.*) (\d+)")


@dataclass(frozen=True, slots=True)
class Added:
    """What was added. name: of the agent itself, another one if it was taken. agents, workflows: what came along."""

    name: str
    agents: tuple[str, ...] = ()
    workflows: tuple[str, ...] = ()


async def all_examples() -> list[Agent]:
    """The agents that come with the program, by file name."""
    return await asyncio.to_thread(lambda: [load(file) for file in example_agents()])


async def add_example(agent: Agent, library: AgentLibrary, workflows: Workflows | None) -> Added:
    """Save an example, and the example agents and workflows that it names and that are not there, and so on.

    What is there under such a name stays as it is. workflows: None if there is nowhere to keep them.
    """
    known = {each.name: each for each in await all_examples()}
    there = {saved.agent.name for saved in await library.list()}
    others = _needed(agent, known, there)
    brought = await _bring_workflows([agent, *others], workflows) if workflows is not None else ()
    for other in others:
        await library.save(other, 0, note=NOTE)
    return Added(await save_under_free_name(library, agent, NOTE), tuple(other.name for other in others), brought)


async def save_under_free_name(library: AgentLibrary, agent: Agent, note: str = "") -> str:
    """Save a new agent, under the next free name if its own is taken; that name."""
    for _ in range(_TRIES):
        try:
            await library.save(agent, 0, note=note)
        except AgentChanged:
            agent = replace(agent, name=_next(agent.name))
        else:
            break
    return agent.name


def _needed(agent: Agent, known: dict[str, Agent], there: Collection[str]) -> list[Agent]:
    """The examples that an agent hands tasks to, directly or through others, and that are not there."""
    found: dict[str, Agent] = {}
    todo = [agent]
    while todo:
        for function in todo.pop().functions:
            name = function.target
            if function.kind == "agent" and name in known and name not in there and name not in (*found, agent.name):
                found[name] = known[name]
                todo.append(known[name])
    return list(found.values())


async def _bring_workflows(agents: Iterable[Agent], workflows: Workflows) -> tuple[str, ...]:
    """Save the example workflows that agents call and that are not there, with those that they run; their names."""
    there = {entry.name for entry in await workflows.list()}
    known = {each.name: each for each in await asyncio.to_thread(lambda: [load_workflow(file) for file in examples()])}
    todo = [function.target for agent in agents for function in agent.functions if function.kind == "workflow"]
    brought: list[str] = []
    while todo:
        name = todo.pop()
        if name in known and name not in there and name not in brought:
            await workflows.save(known[name], 0, note=NOTE)
            brought.append(name)
            todo += _run_by(known[name])
    return tuple(brought)


def _run_by(workflow: Workflow) -> list[str]:
    return [str(step.config.get("workflow", "")) for _, step in workflow.walk() if step.type == "workflow"]


def _next(name: str) -> str:
    counted = _NUMBERED.fullmatch(name)
    return f"{counted[1]} {int(counted[2]) + 1}" if counted else f"{name} 2"
