"""The inspector's page of the workflow itself: header and the workflow's own settings."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.workflow.model import Workflow
from core.workflow.problems import Problem
from desktop.panels.background import Surroundings
from desktop.panels.form import scrolled
from desktop.panels.header import Header
from desktop.panels.step_templates import StepTemplates
from desktop.panels.workflow_form import WorkflowForm


class WorkflowPage(QWidget):
    """The workflow itself."""

    def __init__(self, around: Surroundings, templates: StepTemplates, parent: QWidget) -> None:
        super().__init__(parent)
        self.header = Header(around, self)
        self.form = WorkflowForm(around, templates, lambda _source: None, self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.header)
        layout.addWidget(scrolled(self.form), 1)

    def show_workflow(self, workflow: Workflow) -> None:
        """Show the settings as they are now."""
        self.header.show_workflow(workflow.name)
        self.form.show_workflow(workflow)

    def show_problems(self, problems: Sequence[Problem]) -> None:
        """Show what is wrong, each at its field."""
        self.form.show_problems(problems)

    def check_soon(self) -> None:
        """Look at references and previews again."""
        self.form.results.check_soon()

    def focus(self, field: str) -> None:
        """Enter a field by its path in the document."""
        if field in ("", "name"):
            self.header.title.setFocus()
        else:
            self.form.focus(field.split("."))

    def set_read_only(self, read_only: bool) -> None:
        """Whether nothing can be changed."""
        self.setEnabled(not read_only)
