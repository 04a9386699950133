"""A document laid out for checking: its levels with their graphs, each step's level and type."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from core.workflow.catalogue import Catalogue, StepKind
from core.workflow.graph import Graph
from core.workflow.model import Step, Workflow
from core.workflow.names import hint

_MAX_HINTS = 30  # Looking for the nearest name costs milliseconds where there are thousands of names.


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """The top level of a document or the body of one loop. loop: the step whose body it is; around: its level."""

    steps: Mapping[str, Step]
    graph: Graph
    loop: Step | None = None
    around: Level | None = None

    def outward(self) -> Iterator[Level]:
        """This level and those around it, innermost first."""
        level: Level | None = self
        while level is not None:
            yield level
            level = level.around


class Outline:
    """A workflow with what its checks ask again and again.

    levels: the top level first. Of two steps with the same id the first in document order is the one that is found.
    """

    def __init__(self, workflow: Workflow, catalogue: Catalogue) -> None:
        self.workflow = workflow
        self.type_names = tuple(catalogue.names())
        self.levels: list[Level] = []
        self.level_of: dict[str, Level] = {}
        self._catalogue = catalogue
        self._hints = 0
        self._add(workflow.steps, None, None)

    def kind(self, step: Step) -> StepKind | None:
        """The step's type, None if it is not known."""
        return self._catalogue.get(step.type)

    def is_canvas_only(self, step: Step) -> bool:
        """Whether a step is known never to run."""
        kind = self.kind(step)
        return kind is not None and kind.canvas_only

    def steps(self) -> Iterator[tuple[Level, Step]]:
        """Every step with its level, level by level."""
        for level in self.levels:
            for step in level.steps.values():
                yield level, step

    def loops_around(self, level: Level) -> tuple[Step, ...]:
        """The loops that a level stands in, innermost first."""
        return tuple(inner.loop for inner in level.outward() if inner.loop is not None)

    def loop_names(self, loop: Step) -> Sequence[str]:
        """Names that templates inside a loop's body may read because they are inside it."""
        kind = self.kind(loop)
        return ("item", "index", *(kind.body_names(loop.config) if kind else ()))

    def hint(self, name: str, known: Iterable[str], what: str) -> str:
        """As names.hint; after many unknown names it no longer looks for the nearest."""
        self._hints += 1
        return (
            hint(name, known, what) if self._hints <= _MAX_HINTS else f"Correct the name; {what} are listed elsewhere."
        )

    def _add(self, steps: Mapping[str, Step], loop: Step | None, around: Level | None) -> None:
        level = Level(steps, Graph(steps), loop, around)
        self.levels.append(level)
        for step_id, step in steps.items():
            self.level_of.setdefault(step_id, level)
            if step.body:
                self._add(step.body, step, level)
