"""What goes in and out of a selection of steps: the names that cross its border and what they are called beyond it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from core.workflow.catalogue import Catalogue
from core.workflow.editing.new_ids import fresh_id, fresh_name
from core.workflow.editing.references import Place, moved_below, references_to, rewritten, templates_of
from core.workflow.model import Step

_ELSEWHERE_TOO = frozenset({"run", "secrets"})  # names that mean the same in every workflow


@dataclass(slots=True)
class Crossing:
    """What is read of one name from the other side of the border.

    keys: the keys below it, with the names they get there. whole: the name that it gets as a whole, if it is read so;
    then the keys count for nothing.
    """

    keys: dict[str, str] = field(default_factory=dict)
    whole: str = ""
    is_whole: bool = False

    def note(self, path: tuple[str | int, ...], known: Collection[str] = ()) -> None:
        """Take in that the name is read with that path. known: keys that are surely keys, not methods of objects."""
        key = path[0] if path else None
        if not isinstance(key, str) or (hasattr(dict, key) and key not in known):
            self.is_whole = True
        else:
            self.keys.setdefault(key, "")

    def moved(self, text: str, root: str, new_root: str) -> str:
        """A template with the name read from its new place. Raises EditRefused."""
        return moved_below(text, root, None if self.is_whole else self.keys, new_root, self.whole)

    def expressions(self, root: str) -> Iterator[tuple[str, str]]:
        """Each name on the other side with the template that gives its value on this side."""
        if self.is_whole:
            yield self.whole, f"{{{{ {root} }}}}"
        else:
            for key, name in self.keys.items():
                below = f".{key}" if key.isidentifier() and key.isascii() else f"[{json.dumps(key)}]"
                yield name, f"{{{{ {root}{below} }}}}"


def reads_of(
    steps: Mapping[str, Step], names: Collection[str], known: Mapping[str, Collection[str]], types: Catalogue | None
) -> dict[str, Crossing]:
    """What steps read from outside themselves, by name. names: all that can be read there; known: keys of some."""
    found: dict[str, Crossing] = {}
    for place, bound in _places(steps, frozenset(inner_ids(steps)), types):
        for reference in sorted(references_to(place.text), key=lambda one: (one.root, str(one.path))):
            root = reference.root
            if root in names and root not in bound and root not in _ELSEWHERE_TOO:
                found.setdefault(root, Crossing()).note(reference.path, known.get(root, ()))
    return found


def with_reads_moved(
    steps: Mapping[str, Step], reads: Mapping[str, Crossing], new_root: str, types: Catalogue | None
) -> Mapping[str, Step]:
    """Steps that read what reads_of found below a new name. Raises EditRefused."""

    def level(steps: Mapping[str, Step], bound: frozenset[str]) -> Mapping[str, Step]:
        found: dict[str, Step] = {}
        for step_id, step in steps.items():
            inside = bound | _loop_names(step, types)

            def move(place: Place, outer: frozenset[str] = bound, inner: frozenset[str] = inside) -> str:
                text = place.text
                for root, crossing in reads.items():
                    if root not in (inner if place.inside else outer) and root != new_root:
                        text = crossing.moved(text, root, new_root)
                return text

            new = rewritten(step, move, types)
            body = level(step.body, inside) if step.body else step.body
            found[step_id] = new if body is step.body else replace(new, body=body)
        return steps if all(found[step_id] is step for step_id, step in steps.items()) else found

    return level(steps, frozenset())


def name_inputs(reads: Mapping[str, Crossing], inputs: Iterable[str]) -> None:
    """Give every read a name among the inputs of the new workflow; what was an input before keeps its name."""
    taken: set[str] = set()
    for root in sorted(reads, key=lambda root: root != "input"):
        crossing = reads[root]
        if root == "input":
            crossing.keys = {key: key for key in (inputs if crossing.is_whole else crossing.keys)}
            taken.update(crossing.keys)
            continue
        _name(crossing, root, "" if root == "vars" else f"{root}_", taken)


def name_outputs(reads: Mapping[str, Crossing]) -> None:
    """Give every read a name among the outputs of the new workflow: its key alone where only one step has it."""
    keys = [key for crossing in reads.values() if not crossing.is_whole for key in crossing.keys]
    taken: set[str] = set()
    for root, crossing in reads.items():
        alone = all(keys.count(key) == 1 for key in crossing.keys)
        _name(crossing, root, "" if alone else f"{root}_", taken)


def inner_ids(steps: Mapping[str, Step]) -> Iterator[str]:
    """The ids of steps and of all that is inside them."""
    for step_id, step in steps.items():
        yield step_id
        yield from inner_ids(step.body or {})


def _name(crossing: Crossing, root: str, prefix: str, taken: set[str]) -> None:
    if crossing.is_whole:
        crossing.whole = fresh_name(root, taken)
        taken.add(crossing.whole)
        return
    for key in crossing.keys:
        wanted = f"{prefix}{key}"
        name = fresh_name(wanted if wanted.isidentifier() and wanted.isascii() else fresh_id(wanted, ()), taken)
        crossing.keys[key] = name
        taken.add(name)


def _places(
    steps: Mapping[str, Step], bound: frozenset[str], types: Catalogue | None
) -> Iterator[tuple[Place, frozenset[str]]]:
    """Every template of steps with the names that mean something inside the steps there."""
    for step in steps.values():
        inside = bound | _loop_names(step, types)
        for place in templates_of(step, types):
            yield place, inside if place.inside else bound
        yield from _places(step.body or {}, inside, types)


def _loop_names(step: Step, types: Catalogue | None) -> frozenset[str]:
    if step.body is None:
        return frozenset()
    kind = types.get(step.type) if types is not None else None
    return frozenset({"item", "index", *(kind.body_names(step.config) if kind is not None else ())})
