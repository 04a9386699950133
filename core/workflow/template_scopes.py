"""What a name at one place of a template means: something from outside, or the template's own variable.

A loop's target, a macro's argument and `with` bind a name inside their own block; `set` binds it from there on. After
a `set` in one branch of an `if` alone, the name may mean either.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from jinja2 import nodes


class Binding(IntEnum):
    """What a name means at a place.

    FREE: something from outside. ASSIGNED: a `set` bound it. MAYBE: a `set` in some branch did. LOCAL: a block did.
    """

    FREE = 0
    MAYBE = 1
    ASSIGNED = 2
    LOCAL = 3


class Finding:
    """What was found out about a marked name. found: whether it is a name there at all (no key, filter or field).

    stored: whether the place binds the name instead of reading it; a reading place has its `binding`.
    """

    def __init__(self) -> None:
        self.found = False
        self.stored = False
        self.binding = Binding.FREE


def look_up(tree: nodes.Template, marker: str, name: str) -> Finding:
    """What `name` would mean where the marker, a name that occurs once, stands in the template."""
    walk = _Walk(marker, name)
    walk.through(tree.body, Binding.FREE)
    return walk.finding


class _Walk:
    def __init__(self, marker: str, name: str) -> None:
        self.finding = Finding()
        self._marker = marker
        self._name = name

    def through(self, items: Iterable[nodes.Node], state: Binding) -> Binding:
        """Visit nodes one after the other; what the name means after them."""
        for item in items:
            state = self._visit(item, state)
        return state

    def _visit(self, node: nodes.Node, state: Binding) -> Binding:
        match node:
            case nodes.Name():
                return self._name_at(node, state, Binding.ASSIGNED)
            case nodes.Assign():
                self._visit(node.node, state)
                return self._visit(node.target, state)
            case nodes.AssignBlock():
                self.through(node.body, state if node.filter is None else self._visit(node.filter, state))
                return self._visit(node.target, state)
            case nodes.If():
                return self._branches(node, state)
            case nodes.For():
                self._visit(node.iter, state)
                inside = self._bind([node.target], state)
                self.through([*([node.test] if node.test else []), *node.body], inside)
                self.through(node.else_, state)
            case nodes.With():
                self.through(node.values, state)
                self.through(node.body, self._bind(node.targets, state))
            case nodes.Macro() | nodes.CallBlock():
                self.through(node.defaults, state)
                if isinstance(node, nodes.CallBlock):
                    self._visit(node.call, state)
                self.through(node.body, self._bind(node.args, state))
                return Binding.ASSIGNED if isinstance(node, nodes.Macro) and node.name == self._name else state
            case nodes.FilterBlock() | nodes.Block() | nodes.Scope():
                self.through(node.iter_child_nodes(), state)
            case nodes.Import() if node.target == self._name:
                return Binding.ASSIGNED
            case nodes.FromImport() if self._name in [one if isinstance(one, str) else one[1] for one in node.names]:
                return Binding.ASSIGNED
            case _:
                return self.through(node.iter_child_nodes(), state)
        return state

    def _name_at(self, node: nodes.Name, state: Binding, bound: Binding) -> Binding:
        if node.name == self._marker:
            self.finding.found = True
            self.finding.stored = node.ctx != "load"
            self.finding.binding = bound if self.finding.stored and bound is Binding.LOCAL else state
        elif node.name == self._name and node.ctx != "load":
            return state if state is Binding.LOCAL else bound
        return state

    def _bind(self, targets: Iterable[nodes.Node], state: Binding) -> Binding:
        """What the name means inside a block with these targets."""
        for target in targets:
            for name in [target] if isinstance(target, nodes.Name) else target.find_all(nodes.Name):
                state = self._name_at(name, state, Binding.LOCAL)
        return state

    def _branches(self, node: nodes.If, state: Binding) -> Binding:
        self._visit(node.test, state)
        ends = {self.through(node.body, state), self.through(node.else_, state)}
        for branch in node.elif_:
            self._visit(branch.test, state)
            ends.add(self.through(branch.body, state))
        return ends.pop() if len(ends) == 1 else Binding.MAYBE
