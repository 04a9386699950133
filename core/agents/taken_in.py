"""What an agent's file may not decide by itself when it is taken in from somebody else."""

from __future__ import annotations

from dataclasses import replace

from core.agents.agent import Agent, Function


def without_leave(agent: Agent, known: Agent | None = None) -> tuple[Agent, tuple[str, ...]]:
    """The agent as a file may bring it, and the names of the functions that ask now although the file says otherwise.

    A Python function is any code that is installed here (`subprocess:getoutput`, say): that a model calls it without a
    person is for the person to say, not for whoever wrote the file. known: the agent of that name in the library; what
    it may do by itself already, it still may.
    """
    asking: list[str] = []
    functions: list[Function] = []
    for function in agent.functions:
        mine = known.function(function.name) if known is not None else None
        allowed = mine is not None and (mine.policy, mine.kind, mine.target) == ("auto", "python", function.target)
        if function.kind == "python" and function.policy == "auto" and not allowed:
            asking.append(function.name)
            function = replace(function, policy="")
        functions.append(function)
    return replace(agent, functions=tuple(functions)), tuple(asking)


def said_of(asking: tuple[str, ...]) -> str:
    """What a person is told of it; '' for nothing."""
    if not asking:
        return ""
    what = "calls Python and asks" if len(asking) == 1 else "call Python and ask"
    return f"{', '.join(asking)} {what} before each call, though the file says otherwise."
