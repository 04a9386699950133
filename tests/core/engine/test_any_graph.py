"""Random graphs against a simple interpreter that takes one step after the other."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from core.engine.events import StepCompleted, StepSkipped
from core.engine.lifecycle import RunResult
from core.engine.testing import settle
from core.workflow.model import Json, Step, Workflow
from tests.support.engine_rig import Rig, step, workflow

KINDS = {
    "work": ("out",),
    "true": ("true", "false"),
    "false": ("true", "false"),
    "fails": ("out", "error"),
    "defaults": ("out",),
    "disabled": ("out",),
}
LIVE = {"work": ("out",), "true": ("true",), "false": ("false",), "fails": ("error",), "defaults": ("out",)}


@dataclass(frozen=True)
class Node:
    """One step of a random graph. sources: which earlier steps lead to it, from which of their ports."""

    kind: str
    join: str
    sources: tuple[tuple[int, str], ...]
    effect: str


@st.composite
def graphs(draw: st.DrawFn) -> list[Node]:
    nodes: list[Node] = []
    for number in range(draw(st.integers(1, 10))):
        sources = draw(st.lists(st.integers(0, number - 1), max_size=3, unique=True)) if number else []
        ports = tuple((source, draw(st.sampled_from(KINDS[nodes[source].kind]))) for source in sorted(sources))
        kind = draw(st.sampled_from(sorted(KINDS)))
        effect = draw(st.sampled_from(["pure", "spends"]))
        nodes.append(Node(kind, draw(st.sampled_from(["all", "any"])), ports, effect))
    return nodes


def drawn(nodes: list[Node], *, held: bool) -> Workflow:
    """The graph as a document. Work adds one to the sum of what leads to it, and sets two variables."""
    steps = []
    for number, node in enumerate(nodes):
        then: dict[str, list[str]] = {}
        for later, other in enumerate(nodes):
            for source, port in other.sources:
                if source == number:
                    then.setdefault(port, []).append(f"s{later}")
        steps.append(as_step(number, node, then, held=held))
    outputs: dict[str, Json] = {"last": "{{ vars.last }}"}
    outputs |= {f"s{n}": f"{{{{ s{n}.value }}}}" for n, node in enumerate(nodes) if node.kind == "work"}
    return workflow(*steps, variables={"last": "none"}, outputs=outputs)


def as_step(number: int, node: Node, then: dict[str, list[str]], *, held: bool) -> Step:
    name = f"s{number}"
    join: dict[str, Any] = {"then": then, "join": node.join}
    if node.kind in ("true", "false"):
        return step(name, "choose", config={"value": node.kind == "true"}, **join)
    sources = " + ".join(["1", *(f"(s{source}.value or 0)" for source, _ in node.sources)])
    value = f"{{{{ {sources} }}}}" if node.join == "all" else 1
    config: dict[str, Json] = {"value": value, "variables": {"last": name}, "gate": held, "effect": node.effect}
    match node.kind:
        case "fails":
            return step(name, config=config | {"fails": -1}, on_error="branch", **join)
        case "defaults":
            return step(name, config=config | {"fails": -1}, on_error="default", default={"value": 5}, **join)
        case kind:
            return step(name, config=config, disabled=kind == "disabled", **join)


def interpreted(nodes: list[Node]) -> tuple[set[str], set[str], dict[str, Json]]:
    """What ran, what was skipped, and the outputs, taking one step after the other."""
    live: list[tuple[str, ...]] = []
    values: list[int] = []
    ran, outputs = set(), dict[str, Json](last="none")
    for number, node in enumerate(nodes):
        runs = not node.sources or any(port in live[source] for source, port in node.sources)
        runs = runs and node.kind != "disabled"
        live.append(LIVE[node.kind] if runs else ())
        sums = 1 + sum(values[source] for source, _ in node.sources) if node.join == "all" else 1
        values.append({"work": sums, "defaults": 5}.get(node.kind, 0) if runs else 0)
        if runs:
            ran.add(f"s{number}")
        if node.kind == "work":
            outputs[f"s{number}"] = sums if runs else None
            if runs:
                outputs["last"] = f"s{number}"
    return ran, {f"s{n}" for n in range(len(nodes))} - ran, outputs


async def run_in_order(document: Workflow, random: Random) -> tuple[Rig, RunResult]:
    """Run a graph of held steps, releasing one of those that run at a time."""
    rig = Rig()
    run = await rig.begin(document)
    while not run.done:
        rig.stage.gate(random.choice(sorted(rig.stage.running))).set()
        await settle()
    result = await run.result()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    return rig, result


@settings(deadline=None, max_examples=150)
@given(nodes=graphs(), seed=st.integers(0, 2**16))
def test_any_graph_runs_as_one_step_after_the_other_would_in_any_order_of_completion(
    nodes: list[Node], seed: int
) -> None:
    ran, skipped, outputs = interpreted(nodes)
    random = Random(seed)
    for held in (False, True, True):
        rig, result = asyncio.run(run_in_order(drawn(nodes, held=held), random))
        assert result.status == "completed"
        assert set(rig.paths(StepCompleted)) == ran
        assert set(rig.paths(StepSkipped)) == skipped
        assert len(rig.paths(StepCompleted)) == len(ran)
        assert result.outputs == outputs
