"""Questions about the wires of one level of a document: the top level, or the body of one loop.

Only wires whose both ends stand on the level count. Sets of steps are kept as bits of integers, so that a graph of
thousands of steps answers in milliseconds.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from functools import cached_property

from core.workflow.model import Step, Wire


class Graph:
    """The wires among some steps.

    order: ids, every step after those that lead to it, ties by document order; steps that hang on a cycle come
    last, in document order. starts: ids of steps without an incoming wire, in document order. rank: place in
    `order` by id, from 0.
    """

    def __init__(self, steps: Mapping[str, Step]) -> None:
        self._ids = tuple(steps)
        self._index = {step_id: index for index, step_id in enumerate(self._ids)}
        outgoing: list[tuple[Wire, ...]] = []
        incoming: list[list[Wire]] = [[] for _ in self._ids]
        for step_id, step in steps.items():
            ends = ((port, target) for port, targets in step.then.items() for target in targets)
            wires = tuple(Wire(step_id, port, target) for port, target in dict.fromkeys(ends) if target in self._index)
            outgoing.append(wires)
            for wire in wires:
                incoming[self._index[wire.target]].append(wire)
        self._outgoing = tuple(outgoing)
        self._incoming = tuple(tuple(wires) for wires in incoming)
        self.order, self._sorted = self._topological()
        self.rank: Mapping[str, int] = {step_id: rank for rank, step_id in enumerate(self.order)}
        self.starts = tuple(step_id for step_id, wires in zip(self._ids, incoming, strict=True) if not wires)

    def incoming(self, step_id: str) -> tuple[Wire, ...]:
        """The wires that end at a step, in document order of their sources."""
        return self._incoming[self._index[step_id]]

    def outgoing(self, step_id: str) -> tuple[Wire, ...]:
        """The wires that leave a step and end on this level, in document order."""
        return self._outgoing[self._index[step_id]]

    def ancestors(self, step_id: str) -> frozenset[str]:
        """Every step from which wires lead to this one. A step on a cycle is its own ancestor."""
        return frozenset(self.named(self.ancestor_bits(step_id)))

    def bit(self, step_id: str) -> int:
        """The step's bit in sets of steps; bits grow in document order."""
        return 1 << self._index[step_id]

    def ancestor_bits(self, step_id: str) -> int:
        """The ancestors of a step as a set of bits."""
        return self._ancestors[self._index[step_id]]

    def named(self, bits: int) -> Iterator[str]:
        """The ids in a set of bits, in document order."""
        return (self._ids[index] for index, bit in enumerate(bin(bits)[:1:-1]) if bit == "1")

    def is_ancestor(self, earlier: str, later: str) -> bool:
        """Whether wires lead from one step to the other. Steps of another level have no ancestors here."""
        if earlier not in self._index or later not in self._index:
            return False
        return bool(self._ancestors[self._index[later]] >> self._index[earlier] & 1)

    def cycle(self) -> tuple[str, ...] | None:
        """The steps of one cycle in the order of their wires, or None. A step wired to itself is a cycle of one."""
        return next(iter(self.cycles()), None)

    def cycles(self) -> tuple[tuple[str, ...], ...]:
        """One cycle out of each group of steps that all lead to each other, by document order of their first steps."""
        if self._sorted == len(self._ids):
            return ()
        groups = [min(group) for group in self._groups if self._is_cyclic(group)]
        return tuple(self._cycle_through(first) for first in sorted(groups))

    def _topological(self) -> tuple[tuple[str, ...], int]:
        """Ids in order, and how many of them could be sorted (the rest hang on cycles)."""
        waiting = [len(wires) for wires in self._incoming]
        ready = [index for index, count in enumerate(waiting) if not count]
        found: list[int] = []
        while ready:
            index = heapq.heappop(ready)
            found.append(index)
            for target in self._targets(index):
                waiting[target] -= 1
                if not waiting[target]:
                    heapq.heappush(ready, target)
        done = set(found)
        tangled = [index for index in range(len(self._ids)) if index not in done]
        return tuple(self._ids[index] for index in (*found, *tangled)), len(found)

    def _targets(self, index: int) -> Iterator[int]:
        return (self._index[wire.target] for wire in self._outgoing[index])

    @cached_property
    def _ancestors(self) -> list[int]:
        masks = [0] * len(self._ids)
        if self._sorted == len(self._ids):
            groups: list[tuple[int, ...]] = [(self._index[step_id],) for step_id in self.order]
        else:
            groups = list(reversed(self._groups))
        for group in groups:
            mask = 0
            for index in group:
                for wire in self._incoming[index]:
                    source = self._index[wire.source]
                    mask |= masks[source] | 1 << source
            for index in group:
                masks[index] = mask
        return masks

    @cached_property
    def _groups(self) -> list[tuple[int, ...]]:
        """Tarjan's strongly connected components, targets before sources; iterative, as graphs may be deep."""
        seen: dict[int, int] = {}
        low: dict[int, int] = {}
        stack: list[int] = []
        on_stack: set[int] = set()
        groups: list[tuple[int, ...]] = []
        for root in range(len(self._ids)):
            work = [] if root in seen else [(root, self._targets(root))]
            while work:
                index, targets = work[-1]
                if index not in seen:
                    seen[index] = low[index] = len(seen)
                    stack.append(index)
                    on_stack.add(index)
                for target in targets:
                    if target not in seen:
                        work.append((target, self._targets(target)))
                        break
                    if target in on_stack:
                        low[index] = min(low[index], low[target])
                else:
                    work.pop()
                    if work:
                        low[work[-1][0]] = min(low[work[-1][0]], low[index])
                    if low[index] == seen[index]:
                        group = [stack.pop()]
                        while group[-1] != index:
                            group.append(stack.pop())
                        on_stack.difference_update(group)
                        groups.append(tuple(group))
        return groups

    def _is_cyclic(self, group: tuple[int, ...]) -> bool:
        return len(group) > 1 or group[0] in self._targets(group[0])

    def _cycle_through(self, first: int) -> tuple[str, ...]:
        """The shortest way along the wires from a step back to itself."""
        came_from: dict[int, int] = {}
        wave = [first]
        while first not in came_from:
            ahead: list[int] = []
            for index in wave:
                for target in self._targets(index):
                    if target not in came_from:
                        came_from[target] = index
                        ahead.append(target)
            wave = ahead
        way = [came_from[first]]
        while way[-1] != first:
            way.append(came_from[way[-1]])
        return tuple(self._ids[index] for index in reversed(way))
