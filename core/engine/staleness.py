"""Which results of a run no longer tell what a workflow would do, and why."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from core.engine.plan import definition_hash
from core.workflow.graph import Graph
from core.workflow.model import Step, Workflow


@dataclass(frozen=True, slots=True)
class Stale:
    """Why a result is out of date. after: id of the step before it that is another one, '' if it is the step itself."""

    after: str = ""

    def sentence(self, title: str = "") -> str:
        """The reason for the person. title: of the step in `after`."""
        if not self.after:
            return "Stale: its settings have changed since this run."
        return f"Stale: “{title or self.after}” before it has changed since this run."


def stale_steps(now: Workflow, then: Workflow, having: Collection[str]) -> Mapping[str, Stale]:
    """The steps whose results are out of date, by id. then: the document that was run. having: ids with results.

    A step is out of date if it is defined differently by now, or if one that leads to it is, is new, or leads to it
    only now or no longer; inside a loop also if something before the loop is. Titles and places do not count.
    """
    if now is then or not having:
        return {}
    judge = _Judge(then)
    judge.level(now.steps, "")
    return {step_id: stale for step_id, stale in judge.found.items() if step_id in having}


class _Judge:
    """Compares steps with those that were run."""

    def __init__(self, then: Workflow) -> None:
        self._before = {step.id: step for _, step in then.walk()}
        self._sources: dict[str, set[tuple[str, str]]] = {}
        for step in self._before.values():
            for wire in step.wires():
                self._sources.setdefault(wire.target, set()).add((wire.source, wire.port))
        self.found: dict[str, Stale] = {}

    def level(self, steps: Mapping[str, Step], around: str) -> None:
        """Judge the steps of one level. around: the step that makes all on it out of date, '' for none."""
        graph = Graph(steps)
        for step_id in graph.order:
            step, old = steps[step_id], self._before.get(step_id)
            stale = self._judged(step, old, graph, around)
            if stale is not None:
                self.found[step_id] = stale
            if step.body:
                inside = stale.after if stale is not None else ""
                if old is not None and old.config != step.config:
                    inside = step_id
                self.level(step.body, inside)

    def _judged(self, step: Step, old: Step | None, graph: Graph, around: str) -> Stale | None:
        if old is None or (old is not step and definition_hash(old) != definition_hash(step)):
            return Stale()
        if around:
            return Stale(around)
        incoming = graph.incoming(step.id)
        for wire in incoming:
            if wire.source in self.found:
                return Stale(self.found[wire.source].after or wire.source)
        rewired = {(wire.source, wire.port) for wire in incoming} ^ self._sources.get(step.id, set())
        return Stale(min(rewired)[0]) if rewired else None
