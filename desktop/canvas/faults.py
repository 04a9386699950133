"""What is wrong with the steps of a canvas before anything runs, shown on each of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from core.workflow.problems import Problem, Severity

if TYPE_CHECKING:
    from desktop.canvas.view import CanvasView


class Faults:
    """The gravest problem of each step that has one."""

    def __init__(self, canvas: CanvasView) -> None:
        self._canvas = canvas
        self._found: Mapping[str, Problem] = {}

    def show(self, problems: Iterable[Problem]) -> None:
        """Show these problems; steps that had others and have none now look whole again."""
        found: dict[str, Problem] = {}
        for problem in problems:
            known = found.get(problem.step or "")
            if problem.step and (known is None or (known.severity, problem.severity) == ("warning", "error")):
                found[problem.step] = problem
        before, self._found = self._found, found
        changed = {step for step in before.keys() | found.keys() if before.get(step) != found.get(step)}
        self._canvas.restate(changed & self._canvas.diagram.boxes.keys())

    def severity(self, step: str) -> Severity | None:
        """How grave it is, None if nothing is wrong."""
        problem = self._found.get(step)
        return problem.severity if problem is not None else None

    def sentence(self, step: str) -> str:
        """What is wrong with a step and how it is mended, '' if nothing is."""
        problem = self._found.get(step)
        return problem.words if problem is not None else ""
