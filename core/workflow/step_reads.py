"""What a step reads of what is around it: what somebody has to give who runs it alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from core.workflow.model import Step
from core.workflow.template_texts import references_in, texts_in

_NOT_ASKED: Final = frozenset({"run", "secrets"})


@dataclass(frozen=True, slots=True)
class Read:
    """One value that templates of a step read: `classify`, "text" for `{{ classify.text }}`; key None for all of it."""

    root: str
    key: str | None

    @property
    def name(self) -> str:
        """How it is called in a form."""
        return self.root if self.key is None else f"{self.root}.{self.key}"


def reads_of(step: Step) -> list[Read]:
    """What the step reads from outside itself, in the order in which it stands there. A loop's steps count as it."""
    inside = {inner.id for inner in _below(step)}
    own = {"item", "index"} if step.body else set()
    found: dict[Read, None] = {}
    for each in (step, *_below(step)):
        for value in (dict(each.config), each.idempotency_key, dict(each.default or {})):
            for _, text in texts_in(value):
                for reference in sorted(references_in(text), key=lambda one: (one.root, str(one.path))):
                    root = reference.root
                    if root in _NOT_ASKED or root in inside or root in own:
                        continue
                    key = reference.path[0] if reference.path and root not in ("item", "index") else None
                    found[Read(root, key if isinstance(key, str) else None)] = None
    whole = {read.root for read in found if read.key is None}
    return [read for read in found if read.key is None or read.root not in whole]


def _below(step: Step) -> Iterator[Step]:
    for inner in (step.body or {}).values():
        yield inner
        yield from _below(inner)
