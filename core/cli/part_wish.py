"""The options that say which part of a workflow is run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import typer


@dataclass(frozen=True, slots=True)
class PartWish:
    """What the options say. only, until, anew: ids of steps. base: an earlier run. values: what `only` reads, or what
    steps give instead of running."""

    only: str = ""
    until: str = ""
    anew: str = ""
    base: str = ""
    values: Sequence[str] = ()

    @property
    def is_whole(self) -> bool:
        """Whether nothing was said."""
        return self == PartWish()

    def check(self, *, memory_only: bool) -> None:
        """Raise typer.BadParameter for options that do not go together."""
        if sum(map(bool, (self.only, self.until, self.anew))) > 1:
            raise typer.BadParameter("Choose one of --step, --to and --from.")
        if memory_only and (self.base or self.anew):
            raise typer.BadParameter("With --memory-only there is no earlier run: leave out --of and --from.")
