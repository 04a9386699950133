"""What an agent's file may not decide by itself when it is taken in from somebody else."""

from __future__ import annotations

from dataclasses import replace

from core.agents.agent import Agent, Function


def without_leave(agent: Agent, known: Agent | None = None) -> tuple[Agent, tuple[str, ...]]:
    """The agent as a file may bring it, and the names of the functions that the file lets run unasked and that follow
    the usual rule now.

    A Python function is any code that is installed here (`subprocess:getoutput`, say), a workflow or an MCP tool one
    that this person has and the file's author guessed: that a model calls it without a person is for the person to
    say. known: the agent of that name in the library; what it may do by itself already, it still may.
    """
    asking: list[str] = []
    functions: list[Function] = []
    for function in agent.functions:
        mine = known.function(function.name) if known is not None else None
        allowed = mine is not None and (mine.policy, mine.kind, mine.target) == ("auto", function.kind, function.target)
        if function.policy == "auto" and not function.handoff and not allowed:
            asking.append(function.name)
            function = replace(function, policy="")
        functions.append(function)
    return replace(agent, functions=tuple(functions)), tuple(asking)


def said_of(asking: tuple[str, ...]) -> str:
    """What a person is told of it; '' for nothing."""
    if not asking:
        return ""
    return (
        f"The file lets {', '.join(asking)} run unasked. Here a person is asked before what changes something, spends, "
        "calls Python or an MCP server."
    )
