"""What can be wrong with a document, said so that a person can mend it.

WorkflowError
├── DocumentError    the text or data is not a workflow document; carries every Problem found
└── EditRefused      a change to a workflow cannot be made; the text says why
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

Severity: TypeAlias = Literal["error", "warning"]
"""An error keeps the workflow from running; a warning does not."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    message: what is wrong, a sentence. fix: the next move, a sentence. step: the step's id, or None for the
    workflow as a whole. field: dotted path inside the step (`config.prompt`) or document (`inputs.ticket`).
    code: stable, for tests, filters and documentation. line: 1-based line in the text, if known.
    """

    code: str
    message: str
    fix: str = ""
    step: str | None = None
    field: str = ""
    severity: Severity = "error"
    line: int | None = None

    def __str__(self) -> str:
        where = ".".join(part for part in (self.step or "", self.field) if part)
        place = f"line {self.line}: " if self.line else ""
        return f"{place}{where + ': ' if where else ''}{self.words}"

    @property
    def words(self) -> str:
        """What is wrong and the next move, for where it is seen what it is about."""
        return f"{self.message} {self.fix}".strip()


class WorkflowError(Exception):
    """Something about a workflow document does not work."""

    code = "workflow"


class DocumentError(WorkflowError):
    """The document cannot be used as it is; `problems` says all that is wrong with it."""

    code = "document"

    def __init__(self, problems: Sequence[Problem], source: str = "") -> None:
        self.problems = tuple(problems)
        self.source = source
        lines = "\n".join(f"  {problem}" for problem in self.problems)
        super().__init__(f"{source or 'The workflow document'} has {_count(len(self.problems))}:\n{lines}")


class EditRefused(WorkflowError):
    """The change cannot be made and nothing was changed; the text says why and what to do instead."""

    code = "edit"


def _count(number: int) -> str:
    return "1 problem" if number == 1 else f"{number} problems"
