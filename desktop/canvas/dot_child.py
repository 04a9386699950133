"""The program of the process that lays a workflow out with Graphviz's `dot`.

It reads a `Level` as JSON from its input and writes the positions as JSON to its output: `{id: [x, y]}`. It is a
process of its own because Graphviz holds Python's lock while it works, takes as long as it takes, and ends the process
when it meets a graph that it cannot do.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from desktop.canvas.geometry import GRID, GROUP_PAD, GROUP_TITLE
from desktop.canvas.layers import COLUMN_GAP, ROW_GAP, Place
from desktop.canvas.levels import Level, placed

LAYOUT_ARGUMENT: Final = "--steploom-layout"
"""The hidden argument by which a frozen program runs this module's `main` instead of its own."""

_INCH: Final = 72.0
"""Graphviz measures gaps in inches and positions in points; a point is a canvas pixel here."""

_PORT: Final = 8.0
"""Half the height of the cell that stands for a port."""


def main() -> int:
    """Lay out what the input describes; the exit status."""
    places, _ = placed(Level.from_json(json.load(sys.stdin)), arranged_by_dot)
    json.dump(places, sys.stdout)
    return 0


def arranged_by_dot(level: Level, sizes: Mapping[str, Place]) -> dict[str, Place]:
    """Positions of top left corners from 0, 0 on, as `dot` ranks and orders the steps of a level.

    Steps are tables whose cells are the ports, so that wires are straight from port to port; groups are clusters.
    """
    import pygraphviz  # type: ignore[import-untyped]

    graph = pygraphviz.AGraph(directed=True, strict=False)
    graph.graph_attr.update(
        rankdir="LR", nodesep=ROW_GAP / _INCH, ranksep=COLUMN_GAP / _INCH, compound="true", newrank="true"
    )
    graph.node_attr.update(shape="plain", fontsize="1")
    heights = _port_heights(level)
    for step in level.order:
        if step in sizes:
            graph.add_node(step, label=_table(sizes[step], heights.get(step, ())))
    for cable in level.cables:
        if cable.source in sizes and cable.target in sizes:
            tail, head = _cell(cable.out), _cell(cable.into)
            graph.add_edge(cable.source, cable.target, tailport=f"{tail}:e", headport=f"{head}:w")
    for number, group in enumerate(level.groups):
        members = [step for step in group if step in sizes]
        if members:
            graph.add_subgraph(members, name=f"cluster_{number}", margin=str(GROUP_PAD + GROUP_TITLE / 2))
    graph.layout(prog="dot")
    tops = {step: _corner(graph.get_node(step).attr["pos"], sizes[step]) for step in sizes}
    left = min(x for x, _ in tops.values())
    top = min(y for _, y in tops.values())
    return {step: (_snapped(x - left), _snapped(y - top)) for step, (x, y) in tops.items()}


def _port_heights(level: Level) -> dict[str, list[float]]:
    found: dict[str, set[float]] = {}
    for cable in level.cables:
        found.setdefault(cable.source, set()).add(cable.out)
        found.setdefault(cable.target, set()).add(cable.into)
    return {step: sorted(heights) for step, heights in found.items()}


def _table(size: Place, ports: Sequence[float]) -> str:
    """A step as a table of its size: a cell for each port at its height, empty ones between."""
    width, height = round(size[0]), round(size[1])
    rows = "".join(
        f'<TR><TD FIXEDSIZE="TRUE" WIDTH="{width}" HEIGHT="{tall}"{f" PORT={name!r}" if name else ""}></TD></TR>'
        for name, tall in _cells(height, ports)
    ).replace("'", '"')
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0">{rows}</TABLE>>'


def _cells(height: int, ports: Sequence[float]) -> Iterator[tuple[str, int]]:
    at = 0
    for port in ports:
        top, bottom = round(port - _PORT), round(port + _PORT)
        if top < at or bottom > height:
            continue
        if top > at:
            yield "", top - at
        yield _cell(port), bottom - top
        at = bottom
    if at < height:
        yield "", height - at


def _cell(height: float) -> str:
    return f"p{round(height)}"


def _corner(position: str, size: Place) -> Place:
    """From Graphviz's middle, with y upward, to a top left corner, with y downward."""
    x, y = (float(number) for number in position.split(","))
    return x - size[0] / 2, -y - size[1] / 2


def _snapped(value: float) -> float:
    return round(value / GRID) * GRID


if __name__ == "__main__":
    sys.exit(main())
