"""Where in a document's text a step or field stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from core.workflow.model import Json
from core.workflow.problems import Problem
from core.workflow.yaml_reader import Path, Reading, read


def problems_with_lines(text: str | bytes, problems: Sequence[Problem]) -> list[Problem]:
    """The same problems, with the line of the nearest place that the text has for each. Lines already known stay."""
    return fill_lines(read(text), problems)


def fill_lines(reading: Reading, problems: Sequence[Problem]) -> list[Problem]:
    """As problems_with_lines, for a text that has been read already."""
    steps = {str(path[-1]): path for path in reversed(list(_step_paths(reading.data)))}
    return [problem if problem.line else replace(problem, line=_line(reading, steps, problem)) for problem in problems]


def _line(reading: Reading, steps: dict[str, Path], problem: Problem) -> int | None:
    start: Path = () if problem.step is None else steps.get(problem.step, ())
    if problem.step is not None and not start:
        return None
    path = _deepest(reading.data, start, problem.field)
    return reading.lines.get(path) if path else None


def _step_paths(data: Json) -> Iterator[Path]:
    """Where each step stands, in document order."""
    waiting: list[tuple[Path, Json]] = [(("steps",), data.get("steps"))] if isinstance(data, dict) else []
    while waiting:
        path, steps = waiting.pop()
        below: list[tuple[Path, Json]] = []
        for step_id, step in steps.items() if isinstance(steps, dict) else ():
            yield (*path, step_id)
            if isinstance(step, dict) and "body" in step:
                below.append(((*path, step_id, "body"), step["body"]))
        waiting += reversed(below)


def _deepest(data: Json, start: Path, dotted: str) -> Path:
    """The path of a dotted field below a path, as far as the data goes. Keys may hold dots themselves."""
    node: Json = data
    for part in start:
        assert isinstance(node, dict)
        node = node[str(part)]
    path = start
    parts = dotted.split(".") if dotted else []
    while parts:
        found = next((size for size in range(1, len(parts) + 1) if _has(node, ".".join(parts[:size]))), 0)
        if not found:
            break
        key = ".".join(parts[:found])
        if isinstance(node, list):
            node, path = node[int(key)], (*path, int(key))
        elif isinstance(node, dict):
            node, path = node[key], (*path, key)
        parts = parts[found:]
    return path


def _has(node: Json, key: str) -> bool:
    if isinstance(node, dict):
        return key in node
    return isinstance(node, list) and key.isascii() and key.isdigit() and len(key) < 9 and int(key) < len(node)
