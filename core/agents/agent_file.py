"""An agent as text, as plain data and as a file, `NAME.agent.yaml`.

`loads(dumps(agent))` is the same agent, and `dumps` gives the same bytes each time. Secrets, memories and
conversations are never in the file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace

from core.agents.agent import Agent
from core.agents.agent_decoding import decode
from core.agents.agent_encoding import encode
from core.workflow.document import read_bounded, write_whole
from core.workflow.lines import fill_lines
from core.workflow.model import Json
from core.workflow.problems import DocumentError, Problem
from core.workflow.yaml_reader import Path as DataPath
from core.workflow.yaml_reader import Reading, read
from core.workflow.yaml_writer import emit

SUFFIX = ".agent.yaml"
"""How the file of an agent ends."""

_UNFIT_IN_NAMES = re.compile(r'[\x00-\x1f<>:"/\\|?*]+')


class AgentFileError(DocumentError):
    """The file holds no agent that can be used; `problems` says all that is wrong with it."""

    code = "agent_file"

    def __init__(self, problems: Sequence[Problem], source: str = "") -> None:
        super().__init__(problems, source or "The agent's file")


def from_data(data: Json, source: str = "") -> Agent:
    """The agent of plain data. source: where it comes from, for the error's text.

    Raises AgentFileError with every problem of the data's shape. Whether the agent can work is another question: see
    `core.agents.check`.
    """
    agent, problems = decode(data)
    if agent is None or any(problem.severity == "error" for problem in problems):
        raise AgentFileError(problems, source)
    return agent


def to_data(agent: Agent) -> dict[str, Json]:
    """The agent as plain data in canonical form: fields in a fixed order, defaults left out.

    Raises AgentFileError if two functions have one name, as the second would be lost.
    """
    names = [function.name for function in agent.functions]
    for name in names:
        if names.count(name) > 1:
            fix = "Give one of them another name."
            problem = Problem("duplicate_name", f"Two functions are called {name!r}.", fix, field=f"functions.{name}")
            raise AgentFileError([problem], agent.name)
    return encode(agent)


def loads(text: str | bytes, source: str = "") -> Agent:
    """The agent of a file's text. Raises AgentFileError with every problem, with lines where they are known."""
    agent, problems = read_leniently(text)
    if agent is None or any(problem.severity == "error" for problem in problems):
        raise AgentFileError(problems, source)
    return agent


def dumps(agent: Agent) -> str:
    """The file's canonical text. Raises AgentFileError if it holds values that are no JSON, or could not be read."""
    data = to_data(agent)
    try:
        return emit(data, _is_block)
    except DocumentError as error:
        raise AgentFileError(error.problems, agent.name) from None


def load(path: str | os.PathLike[str]) -> Agent:
    """The agent of a file. Raises AgentFileError for what is in it, OSError if it cannot be read."""
    return loads(read_bounded(path), str(path))


def save(agent: Agent, path: str | os.PathLike[str]) -> None:
    """Write an agent's file: wholly or not at all. Raises AgentFileError as `dumps` does, OSError."""
    write_whole(dumps(agent), path)


def file_name(agent: Agent) -> str:
    """A name for the agent's file, fit for every system."""
    return (_UNFIT_IN_NAMES.sub("-", agent.name).strip(" .-")[:100] or "agent") + SUFFIX


def read_leniently(text: str | bytes) -> tuple[Agent | None, list[Problem]]:
    """What could be read of a file together with all that is wrong, so that an editor loses no work.

    Fields that are wrong read as if they were left out. None if the text is no YAML or no agent at all.
    """
    reading = read(text)
    problems = list(reading.problems)
    if reading.data is None and problems:
        return None, problems
    agent, shape = decode(reading.data)
    return agent, problems + placed(reading, shape)


def placed(reading: Reading, problems: Sequence[Problem]) -> list[Problem]:
    """The problems with the lines of the text where they stand."""
    found = fill_lines(reading, problems)
    first = reading.lines.get((), 1)
    return [problem if problem.line else replace(problem, line=first) for problem in found]


def _is_block(path: DataPath) -> bool:
    """What gets a line for each entry: the file, the functions, every function."""
    return path in ((), ("functions",)) or (len(path) == 2 and path[0] == "functions")
