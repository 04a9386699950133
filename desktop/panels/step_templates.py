"""What the template editors of an open document are told: names at the shown step, flaws, the last run's values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from core.engine.step_type import StepTypes
from core.workflow.model import Workflow
from core.workflow.outline import Outline
from desktop.document import OpenDocument
from desktop.panels.completion import Flaw, Place, Suggestion, TemplateNames
from desktop.panels.last_run import LastRun, Preview, preview
from desktop.panels.template_text import OpenPlace, chains

SMALL: Final = 500
"""Steps up to which a document is laid out at once; larger ones wait for the check in a thread."""


class StepTemplates:
    """A TemplateSource for one step of a document. step: the shown step's id, None for the workflow's outputs.

    last: the last run's values. secret_names: as far as known.
    """

    def __init__(self, document: OpenDocument, types: StepTypes) -> None:
        self._document = document
        self._types = types
        self._names: TemplateNames | None = None
        self.step: str | None = None
        self.last: LastRun | None = None
        self.secret_names: Sequence[str] = ()

    def adopt(self, workflow: Workflow, outline: Outline) -> None:
        """Use what a check has laid out."""
        self._names = TemplateNames(workflow, self._types, _outline=outline)

    def suggestions(self, typed: OpenPlace, *, secrets: bool, inside: bool) -> Sequence[Suggestion]:
        """What can stand where something is being typed."""
        return self._known().suggestions(Place(self.step, secrets, inside), typed)

    def flaws(self, text: str, *, secrets: bool, inside: bool) -> Sequence[Flaw]:
        """The wrong references of a template."""
        return self._known().flaws(Place(self.step, secrets, inside), text)

    def previewer(self, text: str) -> Callable[[], Preview | None] | None:
        """What fills the template in with the last run's values; None without a run."""
        if self.last is None or self.last.is_empty:
            return None
        names = self.last.names(self._document.workflow, {chain.root for chain in chains(text)})
        return lambda: preview(text, names)

    def _known(self) -> TemplateNames:
        workflow = self._document.workflow
        names = self._names
        if names is None or (names.workflow is not workflow and _is_small(workflow)):
            names = self._names = TemplateNames(workflow, self._types)
        names.last, names.secret_names = self.last, self.secret_names
        return names


def _is_small(workflow: Workflow) -> bool:
    return len(workflow.steps) <= SMALL and sum(1 for _ in workflow.walk()) <= SMALL
