"""What the template of an agent's instructions may read: offered while it is typed, checked afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from core.agents.agent import PROMPT_NAMES
from core.engine.step_type import StepTypes
from core.workflow.model import Workflow
from core.workflow.names import hint, nearest
from core.workflow.problems import Problem
from core.workflow.templates import TemplateSyntax, references
from desktop.panels.completion import Flaw, Place, Suggestion, TemplateNames
from desktop.panels.last_run import Preview
from desktop.panels.template_text import OpenPlace, chains, written

_HELP: Final = {
    "date": ("text", "Today, such as 2026-11-27."),
    "now": ("text", "The time, with its zone."),
    "memory": ("text", "What was recalled for this question; left out here it stands below the instructions."),
    "agent.name": ("text", "The agent's own name."),
    "agent.description": ("text", "The agent's own description."),
}


class PromptNames:
    """A TemplateSource for instructions. variables: those of a conversation that are known, with what they are."""

    def __init__(self) -> None:
        self.variables: Mapping[str, str] = {}
        self._filters = TemplateNames(Workflow("instructions"), StepTypes())

    def suggestions(self, typed: OpenPlace, *, secrets: bool, inside: bool) -> Sequence[Suggestion]:
        """What can stand where something is being typed."""
        if typed.is_filter:
            return self._filters.suggestions(Place(None), typed)
        wanted = typed.typed.lower()
        found = list(self._all())
        first = [each for each in found if each.text.lower().startswith(wanted)]
        then = [each for each in found if len(wanted) > 1 and wanted in each.text.lower() and each not in first]
        return [*first, *then]

    def flaws(self, text: str, *, secrets: bool, inside: bool) -> Sequence[Flaw]:
        """The names that are not there."""
        try:
            free = {reference.root for reference in references(text)}
        except (TemplateSyntax, RecursionError):
            return []
        return [
            self._flaw(chain.start, chain.end, chain.root, chain.path)
            for chain in chains(text)
            if chain.root in free and chain.root not in PROMPT_NAMES
        ]

    def previewer(self, text: str) -> Callable[[], Preview | None] | None:
        """None: what becomes of the instructions stands on the page Try."""
        return None

    def _all(self) -> Iterator[Suggestion]:
        for name, help_ in self.variables.items():
            yield Suggestion(written(("vars", name)), "variable", help=help_ or "A variable of the conversation.")
        if not self.variables:
            yield Suggestion("vars", "variable", help="The variables of the conversation, which workflows can set.")
        for text, (type_, help_) in _HELP.items():
            yield Suggestion(text, "run", type_, help=help_)

    def _flaw(self, start: int, end: int, root: str, path: tuple[str | int, ...]) -> Flaw:
        if root == "secrets":
            problem = Problem("secret_not_allowed", "Secrets cannot stand here: the model would read them.", "")
            return Flaw(start, end, problem)
        known = sorted(PROMPT_NAMES)
        near = nearest(root, known)
        if root in self.variables:
            near, path = "vars", (root, *path)
        problem = Problem("unknown_name", f"There is no {root!r} here.", hint(root, known, "names"))
        return Flaw(start, end, problem, written((near, *path)) if near else "")


class NoNames:
    """A TemplateSource for fields that are no templates."""

    def suggestions(self, typed: OpenPlace, *, secrets: bool, inside: bool) -> Sequence[Suggestion]:
        """Nothing."""
        return ()

    def flaws(self, text: str, *, secrets: bool, inside: bool) -> Sequence[Flaw]:
        """None."""
        return ()

    def previewer(self, text: str) -> Callable[[], Preview | None] | None:
        """None."""
        return None
