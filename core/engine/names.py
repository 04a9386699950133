"""What templates can read at one place of a running graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from core.workflow.model import Json


class ScopeNames(Mapping[str, Any]):
    """The names of one scope: the outputs of its settled steps, its own names (`item`), then those around it.

    outputs: filled by the scope as its steps settle; a skipped step's output is templates.SKIPPED.
    """

    __slots__ = ("_around", "_own", "outputs")

    def __init__(self, own: Mapping[str, Any], around: ScopeNames | None = None) -> None:
        self._own = own
        self._around = around
        self.outputs: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        scope: ScopeNames | None = self
        while scope is not None:
            if name in scope.outputs:
                return scope.outputs[name]
            if name in scope._own:
                return scope._own[name]
            scope = scope._around
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        seen: set[str] = set()
        scope: ScopeNames | None = self
        while scope is not None:
            for name in (*scope.outputs, *scope._own):
                if name not in seen:
                    seen.add(name)
                    yield name
            scope = scope._around

    def __len__(self) -> int:
        return sum(1 for _ in self)


class MoreNames(Mapping[str, Any]):
    """Some more names in front of others."""

    __slots__ = ("_behind", "_more")

    def __init__(self, more: Mapping[str, Json], behind: Mapping[str, Any]) -> None:
        self._more = more
        self._behind = behind

    def __getitem__(self, name: str) -> Any:
        return self._more[name] if name in self._more else self._behind[name]

    def __iter__(self) -> Iterator[str]:
        yield from self._more
        yield from (name for name in self._behind if name not in self._more)

    def __len__(self) -> int:
        return sum(1 for _ in self)
