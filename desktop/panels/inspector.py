"""The inspector: everything about the selected step, or about the workflow if none is selected."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QStackedLayout, QWidget
from shiboken6 import isValid

from core.engine.step_type import StepTypes
from core.workflow.edits import (
    clear_config_field,
    connect,
    rename,
    set_about,
    set_config_field,
    set_field,
    set_title,
)
from core.workflow.model import Step, Workflow
from core.workflow.problems import DocumentError, WorkflowError
from core.workflow.rename import rename_input, rename_variable
from desktop.document import Changes, OpenDocument
from desktop.empty_state import EmptyState
from desktop.panels.background import Surroundings
from desktop.panels.behaviour import with_behaviour
from desktop.panels.fields import ABSENT, Value
from desktop.panels.last_run import LastRun
from desktop.panels.problem_watch import Findings, ProblemWatch
from desktop.panels.step_page import StepPage
from desktop.panels.step_templates import StepTemplates
from desktop.panels.workflow_page import WorkflowPage
from desktop.theme import Theme


class Inspector(QWidget):
    """Shows and changes one step of an open document, or the document's own settings.

    failed: a change could not be made; the reason, for the person. step_renamed: the shown step's old and new id.
    run_wanted: the id of a run that a person wants to look at.
    asked: what shall be run of the shown step (an Ask), and its id. allowed: whether a step can run, whether it can run
    with earlier results, whether it can be pinned or unpinned, and whether it is pinned, by its id.
    """

    asked = Signal(str, str)
    failed = Signal(str)
    step_renamed = Signal(str, str)
    run_wanted = Signal(str)

    def __init__(self, types: StepTypes, around: Surroundings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._types = types
        self._around = around
        self._document: OpenDocument | None = None
        self._watch: ProblemWatch | None = None
        self._templates: StepTemplates | None = None
        self._step_id: str | None = None
        self._run: LastRun | None = None
        self._own_templates: StepTemplates | None = None
        self._page: StepPage | WorkflowPage | None = None
        self._own: WorkflowPage | None = None
        self._tab = 0
        self.allowed: Callable[[str], Sequence[bool]] = lambda _step: (False, False, False, False)
        self._stack = QStackedLayout(self)
        self._nothing = EmptyState(
            around.icons,
            around.themes,
            icon="mouse-pointer-2",
            title="No workflow is open",
            text="Open one, and select a step to see and change what it does.",
        )
        self._stack.addWidget(self._nothing)
        self.setAccessibleName("Inspector")
        around.themes.changed.connect(self._theme_changed)

    @property
    def step_id(self) -> str | None:
        """The shown step's id; None while the workflow is shown."""
        return self._step_id

    @property
    def page(self) -> StepPage | WorkflowPage | None:
        """What is shown of the step or the workflow."""
        return self._page

    def show_document(self, document: OpenDocument | None, watch: ProblemWatch | None = None) -> None:
        """Show an open document's own settings, None for no document. watch: finds its problems."""
        if self._document is not None and isValid(self._document):
            self._document.changed.disconnect(self._changed)
            self._document.saved_changed.disconnect(self._saved)
        self._watch_with(watch)
        self._document, self._run = document, None
        self._step_id = None
        self._templates = StepTemplates(document, self._types) if document is not None else None
        self._own_templates = StepTemplates(document, self._types) if document is not None else None
        if document is not None:
            document.changed.connect(self._changed)
            document.saved_changed.connect(self._saved)
            self._learn_secrets()
        self._rebuild_all()

    def follow(self, watch: ProblemWatch | None) -> None:
        """Show what this finds in the document from now on; whatever else is shown stays."""
        if watch is not self._watch:
            self._watch_with(watch)
            self._show_problems()

    def _watch_with(self, watch: ProblemWatch | None) -> None:
        if self._watch is not None and isValid(self._watch):
            self._watch.changed.disconnect(self._found)
        self._watch = watch
        if watch is not None:
            watch.changed.connect(self._found)

    def show_step(self, step_id: str | None) -> None:
        """Show a step, or for None (or an unknown id) the workflow's own settings."""
        if self._document is None:
            return
        if step_id is not None and self._document.workflow.step(step_id) is None:
            step_id = None
        if self._page is not None and step_id == self._step_id:
            return
        self._leave_field()
        self._step_id = step_id
        self._rebuild()

    def show_run(self, run: LastRun | None) -> None:
        """Use a run's values for the tabs, the previews and the completion; None for no run."""
        self._run = run
        for templates in (self._templates, self._own_templates):
            if templates is not None:
                templates.last = run
        self.refresh_run()

    def refresh_run(self) -> None:
        """The shown run went on: show its values as they are now."""
        if isinstance(self._page, StepPage):
            self._page.show_run(self._run)
            self._allow(self._page)
        if self._page is not None:
            self._page.check_soon()

    def focus(self, field: str = "") -> None:
        """Give the keyboard to a field, by its path in the document (`config.prompt`); '' for the first."""
        if self._page is not None:
            self._page.focus(field)

    def enter(self) -> None:
        """Give the keyboard to the field of the shown step that matters: where something is wrong, or else its main
        one."""
        step = self._document.workflow.step(self._step_id) if self._document is not None and self._step_id else None
        if step is None:
            return
        kind = self._types.get(step.type)
        wrong = next((one.field for one in self._watch.of_step(step.id) if one.field), "") if self._watch else ""
        self.focus(wrong or (f"config.{kind.main_field}" if kind is not None and kind.main_field else ""))

    def _rebuild_all(self) -> None:
        """Make the pages anew: for another document, or in another theme."""
        self._show_page(None)
        if self._own is not None:
            self._discard(self._own)
            self._own = None
        self._rebuild()

    def _rebuild(self) -> None:
        document = self._document
        if document is None or self._templates is None or self._own_templates is None:
            self._show_page(None)
            return
        step = document.workflow.step(self._step_id) if self._step_id is not None else None
        self._templates.step = self._step_id
        if step is not None:
            page: StepPage | WorkflowPage = self._step_page(step, self._templates)
        elif self._own is not None:
            page = self._own
            self._own.show_workflow(document.workflow)
        else:
            page = self._own = self._workflow_page(document, self._own_templates)
        page.set_read_only(document.read_only)
        if isinstance(page, WorkflowPage):
            page.form.switch.show_unsaved(not document.is_saved)
        self._show_page(page)
        self._show_problems()

    def _show_page(self, page: StepPage | WorkflowPage | None) -> None:
        """Show a page instead of the one before. The workflow's own is kept: it comes back again and again."""
        before, self._page = self._page, page
        if page is not None and self._stack.indexOf(page) < 0:
            self._stack.addWidget(page)
        self._stack.setCurrentWidget(page or self._nothing)
        if isinstance(before, StepPage):
            self._tab = before.tabs.currentIndex()
            self._discard(before)

    def _discard(self, page: QWidget) -> None:
        self._stack.removeWidget(page)
        page.hide()
        page.deleteLater()

    def _saved(self) -> None:
        """A save makes a version that can be published."""
        if self._own is not None and self._document is not None:
            self._own.form.switch.show_unsaved(not self._document.is_saved)
            self._own.form.switch.refresh()

    def _workflow_page(self, document: OpenDocument, templates: StepTemplates) -> WorkflowPage:
        page = WorkflowPage(self._around, templates, self)
        page.show_workflow(document.workflow)
        page.header.titled.connect(self._named)
        page.header.left.connect(self._leave_field)
        page.form.edited.connect(self._apply)
        page.form.switch.run_wanted.connect(self.run_wanted)
        page.form.left.connect(self._leave_field)
        page.form.inputs.renamed.connect(self._input_renamed)
        page.form.variables.renamed.connect(self._variable_renamed)
        return page

    def _step_page(self, step: Step, templates: StepTemplates) -> StepPage:
        page = StepPage(step, self._types.get(step.type), self._around, templates, self._wire, self)
        page.show_step(step)
        page.show_run(self._run)
        self._allow(page)
        page.asked.connect(lambda ask: self.asked.emit(ask, self._step_id or ""))
        page.notes.edited.connect(self._noted)
        page.notes.left.connect(self._leave_field)
        page.tabs.setCurrentIndex(self._page.tabs.currentIndex() if isinstance(self._page, StepPage) else self._tab)
        page.header.titled.connect(self._titled)
        page.header.renamed.connect(self._renamed)
        page.header.left.connect(self._leave_field)
        page.settings.edited.connect(self._config_edited)
        page.behaviour.edited.connect(self._behaviour_edited)
        for form in (page.settings, page.behaviour):
            form.left.connect(self._leave_field)
        return page

    def _allow(self, page: StepPage) -> None:
        run, from_here, pin, pinned = self.allowed(self._step_id or "")
        page.runs.allow(run=run, from_here=from_here, pin=pin, pinned=pinned)

    def _noted(self, notes: str) -> None:
        step_id = self._step_id
        assert step_id is not None
        self._apply(
            "Change the notes", lambda workflow: set_field(workflow, step_id, "notes", notes), f"{step_id}.notes"
        )

    def _changed(self, changes: Changes) -> None:
        assert self._document is not None
        workflow = self._document.workflow
        if self._step_id in changes.removed:
            self._follow(changes)
            return
        if isinstance(self._page, WorkflowPage):
            if changes.about:
                self._page.show_workflow(workflow)
        elif isinstance(self._page, StepPage) and self._step_id is not None:
            if self._step_id in changes.changed:
                step = workflow.step(self._step_id)
                assert step is not None
                if step.type != self._page.type_name:
                    self._rebuild()
                    return
                self._page.show_step(step)
            elif changes.rewired or changes.about:
                self._page.check_soon()

    def _follow(self, changes: Changes) -> None:
        """The shown step is gone: show it under its new id if it was renamed, else the workflow."""
        assert self._document is not None
        old = self._step_id
        new = next(iter(changes.added)) if len(changes.added) == len(changes.removed) == 1 else None
        step = self._document.workflow.step(new) if new is not None else None
        if step is None or not isinstance(self._page, StepPage) or step.type != self._page.type_name:
            self._step_id = None
            self._rebuild()
            return
        assert self._templates is not None
        self._step_id = self._templates.step = new
        self._page.show_step(step)
        self.step_renamed.emit(old, new)

    def _found(self, findings: Findings) -> None:
        if self._document is not None and findings.workflow is self._document.workflow:
            for templates in (self._templates, self._own_templates):
                if templates is not None:
                    templates.adopt(findings.workflow, findings.outline)
        self._show_problems()

    def _show_problems(self) -> None:
        if self._page is not None and self._watch is not None:
            self._page.show_problems(self._watch.of_step(self._step_id))

    def _apply(self, label: str, edit: Callable[[Workflow], Workflow], merge: str = "") -> bool:
        """Change the document; False, and the reason told, if that cannot be done."""
        assert self._document is not None
        try:
            self._document.apply(label, edit, merge=merge)
        except WorkflowError as error:
            self.failed.emit(reason(error))
            return False
        return True

    def _titled(self, title: str) -> None:
        step_id = self._step_id
        assert step_id is not None
        self._apply("Change the title", lambda workflow: set_title(workflow, step_id, title), f"{step_id}.title")

    def _named(self, name: str) -> None:
        if name.strip():
            self._apply("Change the name", lambda workflow: set_about(workflow, name=name), "about.name")

    def _renamed(self, new: str) -> None:
        old = self._step_id
        assert old is not None
        assert self._document is not None
        try:
            self._document.apply(
                f"Rename {old} to {new}", lambda workflow: rename(workflow, old, new, types=self._types)
            )
        except WorkflowError as error:
            if self._page is not None:
                self._page.header.refuse(reason(error))

    def _input_renamed(self, old: str, new: str) -> None:
        self._rename_schema("input", old, lambda workflow: rename_input(workflow, old, new, self._types), new)

    def _variable_renamed(self, old: str, new: str) -> None:
        self._rename_schema("variable", old, lambda workflow: rename_variable(workflow, old, new, self._types), new)

    def _rename_schema(self, what: str, old: str, edit: Callable[[Workflow], Workflow], new: str) -> None:
        assert isinstance(self._page, WorkflowPage)
        assert self._document is not None
        rows = self._page.form.inputs if what == "input" else self._page.form.variables
        rows.notices.clear()
        try:
            self._document.apply(f"Rename {old} to {new}", edit)
        except WorkflowError as error:
            rows.refuse(reason(error))

    def _config_edited(self, key: str, value: Value, typing: bool) -> None:
        step_id = self._step_id
        assert step_id is not None
        assert isinstance(self._page, StepPage)

        def edit(workflow: Workflow) -> Workflow:
            if value is ABSENT:
                return clear_config_field(workflow, step_id, (key,))
            return set_config_field(workflow, step_id, (key,), value)

        title = self._page.settings.rows[key].field.title
        self._apply(f"Change “{title}”", edit, f"{step_id}.config.{key}" if typing else "")

    def _behaviour_edited(self, key: str, value: Value, typing: bool) -> None:
        step_id = self._step_id
        assert step_id is not None
        assert isinstance(self._page, StepPage)
        row = self._page.behaviour.rows[key]
        row.refusal.clear()

        def edit(workflow: Workflow) -> Workflow:
            step = workflow.step(step_id)
            return workflow if step is None else with_behaviour(workflow, step, key, value)

        try:
            self._apply(f"Change “{row.field.title}”", edit, f"{step_id}.{key}" if typing else "")
        except ValueError as error:
            row.refusal.add("error", str(error))

    def _wire(self, source: str) -> None:
        target = self._step_id
        assert self._document is not None
        step = self._document.workflow.step(source)
        if target is None or step is None:
            return
        kind = self._types.get(step.type)
        port = next(iter(kind.ports(step.config)), "") if kind is not None else ""
        self._apply(
            f"Wire {source} to {target}",
            lambda workflow: connect(workflow, source, port, target, types=self._types, fill=False),
        )

    def _leave_field(self) -> None:
        if self._document is not None:
            self._document.end_merging()

    def _learn_secrets(self) -> None:
        asking = (self._templates, self._own_templates)

        def learned(names: Sequence[str]) -> None:
            for templates in asking:
                if templates is not None:
                    templates.secret_names = names

        self._around.background.spawn(self._around.facts.secret_names(), learned, lambda _error: None)

    def _theme_changed(self, _theme: Theme) -> None:
        self._rebuild_all()


def reason(error: WorkflowError) -> str:
    """Why a change cannot be made, in a line or two."""
    if isinstance(error, DocumentError):
        return " ".join(problem.words for problem in error.problems)
    return str(error)
