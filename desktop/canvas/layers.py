"""A readable arrangement of a graph: columns from left to right, few crossings, wires as straight as they can be.

It gives places to documents that have none, where nothing may be waited for, and to graphs so large that Graphviz
takes too long. Sugiyama's method in its usual parts: columns by the longest way, order in the columns by the mean
place of the neighbours, heights by least squares. Everything is deterministic: the same graph gives the same picture.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterable, Mapping, Sequence

from desktop.canvas.geometry import GRID

COLUMN_GAP = 80.0
ROW_GAP = 32.0
_PART_GAP = 64.0
_SWEEPS = 8

Place = tuple[float, float]


def arranged(sizes: Mapping[str, Place], wires: Iterable[tuple[str, str]]) -> dict[str, Place]:
    """Positions of top left corners from 0, 0 on. sizes: width and height by id; the order breaks ties.

    wires: source and target; those that close a cycle are passed over. Parts without wires between them stand below
    each other.
    """
    known = [(a, b) for a, b in dict.fromkeys(wires) if a in sizes and b in sizes and a != b]
    out: dict[str, Place] = {}
    top = 0.0
    for part in _parts(list(sizes), known):
        inside = set(part)
        places = _part(part, sizes, [(a, b) for a, b in known if a in inside])
        for step, (x, y) in places.items():
            out[step] = (x, y + top)
        top = max(out[step][1] + sizes[step][1] for step in part) + _PART_GAP
        top = _snapped(top)
    return out


def _parts(ids: Sequence[str], wires: Sequence[tuple[str, str]]) -> list[list[str]]:
    """The connected parts, by their first steps; each in the given order."""
    leader = {step: step for step in ids}

    def find(step: str) -> str:
        while leader[step] != step:
            leader[step] = leader[leader[step]]
            step = leader[step]
        return step

    for a, b in wires:
        leader[find(b)] = find(a)
    parts: dict[str, list[str]] = {}
    for step in ids:
        parts.setdefault(find(step), []).append(step)
    return list(parts.values())


def _part(ids: Sequence[str], sizes: Mapping[str, Place], wires: Sequence[tuple[str, str]]) -> dict[str, Place]:
    column, forward = _columns(ids, wires)
    columns, links, heights = _with_bends(ids, sizes, column, forward)
    _order(columns, links)
    tops = _heights(columns, links, heights)
    out: dict[str, Place] = {}
    left = 0.0
    for members in columns:
        real = [step for step in members if isinstance(step, str)]
        for step in real:
            out[step] = (left, tops[step])
        left = _snapped(left + max((sizes[step][0] for step in real), default=0.0) + COLUMN_GAP)
    lift = min(y for _, y in out.values())
    return {step: (x, _snapped(y - lift)) for step, (x, y) in out.items()}


def _columns(
    ids: Sequence[str], wires: Sequence[tuple[str, str]]
) -> tuple[dict[str, int], list[tuple[str, str]]]:  # fmt: skip
    """A column by id, and the wires that lead forward."""
    waiting = dict.fromkeys(ids, 0)
    after: dict[str, list[str]] = {step: [] for step in ids}
    for a, b in wires:
        after[a].append(b)
        waiting[b] += 1
    order: list[str] = []
    ready = [step for step in ids if not waiting[step]]
    left = dict.fromkeys(ids)
    while left:
        if not ready:  # A cycle: its first step goes ahead.
            ready.append(next(iter(left)))
        step = ready.pop(0)
        if step not in left:
            continue
        del left[step]
        order.append(step)
        for target in after[step]:
            waiting[target] -= 1
            if not waiting[target] and target in left:
                ready.append(target)
    rank = {step: index for index, step in enumerate(order)}
    forward = [(a, b) for a, b in wires if rank[a] < rank[b]]
    column = dict.fromkeys(ids, 0)
    for step in order:
        for target in after[step]:
            if rank[target] > rank[step]:
                column[target] = max(column[target], column[step] + 1)
    targets = {b for _, b in forward}
    for step in ids:  # What nothing leads to stands just before what it leads to.
        nexts = [column[target] for target in after[step] if rank[target] > rank[step]]
        if step not in targets and nexts:
            column[step] = min(nexts) - 1
    return column, forward


_Node = str | tuple[int, int]
"""A step, or a bend of a wire that passes a column (wire's number, column)."""


def _with_bends(
    ids: Sequence[str], sizes: Mapping[str, Place], column: Mapping[str, int], wires: Sequence[tuple[str, str]]
) -> tuple[list[list[_Node]], list[tuple[_Node, _Node]], dict[_Node, float]]:
    """The columns' members, links between neighbouring columns, and heights."""
    columns: list[list[_Node]] = [[] for _ in range(max(column.values()) + 1)]
    heights: dict[_Node, float] = {}
    for step in ids:
        columns[column[step]].append(step)
        heights[step] = sizes[step][1]
    links: list[tuple[_Node, _Node]] = []
    for number, (a, b) in enumerate(wires):
        before: _Node = a
        for passed in range(column[a] + 1, column[b]):
            bend = (number, passed)
            columns[passed].append(bend)
            heights[bend] = 0.0
            links.append((before, bend))
            before = bend
        links.append((before, b))
    return columns, links, heights


def _order(columns: list[list[_Node]], links: Sequence[tuple[_Node, _Node]]) -> None:
    """Sort the columns in place so that few links cross."""
    before, after = _neighbours(links)
    best = [list(members) for members in columns]
    least = _crossings(columns, after)
    for sweep in range(_SWEEPS):
        if not least:
            break
        forward = sweep % 2 == 0
        steps = range(1, len(columns)) if forward else range(len(columns) - 2, -1, -1)
        for index in steps:
            fixed = columns[index - 1 if forward else index + 1]
            place = {node: i for i, node in enumerate(fixed)}
            _sort(columns[index], before if forward else after, place)
        count = _crossings(columns, after)
        if count < least:
            least, best = count, [list(members) for members in columns]
    columns[:] = best


def _sort(members: list[_Node], neighbours: Mapping[_Node, list[_Node]], place: Mapping[_Node, int]) -> None:
    weight: dict[_Node, float] = {}
    for index, node in enumerate(members):
        near = [place[other] for other in neighbours.get(node, ())]
        weight[node] = sum(near) / len(near) if near else float(index)
    members.sort(key=weight.__getitem__)


def _neighbours(
    links: Sequence[tuple[_Node, _Node]],
) -> tuple[dict[_Node, list[_Node]], dict[_Node, list[_Node]]]:
    before: dict[_Node, list[_Node]] = {}
    after: dict[_Node, list[_Node]] = {}
    for a, b in links:
        before.setdefault(b, []).append(a)
        after.setdefault(a, []).append(b)
    return before, after


def _crossings(columns: Sequence[Sequence[_Node]], after: Mapping[_Node, list[_Node]]) -> int:
    count = 0
    for left, right in itertools.pairwise(columns):
        place = {node: index for index, node in enumerate(right)}
        seen: list[int] = []
        for node in left:
            ends = sorted(place[other] for other in after.get(node, ()))
            count += sum(len(seen) - bisect.bisect_right(seen, end) for end in ends)
            for end in ends:
                bisect.insort(seen, end)
    return count


def _heights(
    columns: Sequence[Sequence[_Node]], links: Sequence[tuple[_Node, _Node]], heights: Mapping[_Node, float]
) -> dict[_Node, float]:
    """The top of every node. Ports are at the same depth below the top, so equal tops make straight wires."""
    before, after = _neighbours(links)
    tops: dict[_Node, float] = {}
    for members in columns:
        top = 0.0
        for node in members:
            tops[node] = top
            top += heights[node] + ROW_GAP
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        near = before if forward else after
        for members in columns if forward else reversed(columns):
            wanted = [_mean([tops[o] for o in near.get(node, ())], tops[node]) for node in members]
            tops.update(zip(members, _spread(wanted, [heights[node] + ROW_GAP for node in members]), strict=True))
    return tops


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _spread(wanted: Sequence[float], rooms: Sequence[float]) -> list[float]:
    """The places nearest to the wanted ones that keep the order and leave each its room (pooled adjacent violators)."""
    offsets = [0.0]
    for room in rooms[:-1]:
        offsets.append(offsets[-1] + room)
    pools: list[tuple[float, int]] = []
    for want, offset in zip(wanted, offsets, strict=True):
        total, count = want - offset, 1
        while pools and pools[-1][0] / pools[-1][1] >= total / count:
            other, others = pools.pop()
            total, count = total + other, count + others
        pools.append((total, count))
    places = [total / count for total, count in pools for _ in range(count)]
    return [place + offset for place, offset in zip(places, offsets, strict=True)]


def _snapped(value: float) -> float:
    return round(value / GRID) * GRID
