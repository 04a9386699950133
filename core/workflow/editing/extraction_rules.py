"""When steps cannot become a workflow of their own, because it would do something else."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from core.workflow.catalogue import Catalogue
from core.workflow.editing.tree import find_step, level, main_port
from core.workflow.graph import Graph
from core.workflow.model import Step, Workflow
from core.workflow.problems import EditRefused


def entries(workflow: Workflow, loop: str, chosen: Collection[str]) -> dict[str, set[tuple[str, str]]]:
    """Source and port of the wires that come from outside, by the chosen step at which they end."""
    found: dict[str, set[tuple[str, str]]] = {}
    for step in level(workflow, loop).values():
        if step.id not in chosen:
            for port, ends in step.then.items():
                for end in ends:
                    if end in chosen:
                        found.setdefault(end, set()).add((step.id, port))
    return found


def check_variables(chosen: Mapping[str, Step], types: Catalogue | None) -> None:
    """Refuse steps that set variables, which the rest would then not see. Raises EditRefused."""
    for step in chosen.values():
        kind = types.get(step.type) if types is not None else None
        if kind is not None and (names := list(kind.variables_set(step.config))):
            raise EditRefused(
                f"{step.name!r} sets the variable {names[0]!r}, and another workflow has variables of its own. "
                "Leave this step out, or hand the value on as an output."
            )
        check_variables(step.body or {}, types)


def check_branches(workflow: Workflow, loop: str, chosen: Mapping[str, Step], types: Catalogue | None) -> None:
    """Refuse where a choice between branches crosses the border, as one step has one way in and one way out.

    Raises EditRefused.
    """
    for step in chosen.values():
        for port, ends in step.then.items():
            beyond = next((end for end in ends if end not in chosen), None)
            if beyond is not None and _is_choice(step, port, types):
                raise EditRefused(
                    f"The branch {port!r} of {step.name!r} leads out of the selection to {beyond!r}, and one step "
                    f"cannot choose between ways out. Leave {step.name!r} out, or choose what its branches lead to."
                )
    ways_in = entries(workflow, loop, chosen)
    graph = Graph(chosen)
    first = set(graph.starts) | ways_in.keys()
    ways = {frozenset(ways_in.get(step_id, ())) for step_id in first}
    for source, port in sorted({way for found in ways_in.values() for way in found}):
        if len(ways) > 1 and _is_choice(find_step(workflow, source), port, types):
            raise EditRefused(
                f"The branch {port!r} of {source!r} leads to some of these steps only, and one step would run "
                "them all. Choose only what that branch leads to, or the branching step too."
            )


def _is_choice(step: Step, port: str, types: Catalogue | None) -> bool:
    """Whether a port is live in some runs only: one of several, or the one for errors."""
    kind = types.get(step.type) if types is not None else None
    return port != main_port(step, types) or (kind is not None and len(kind.ports(step.config)) > 1)
