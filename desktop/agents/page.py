"""The pages of an agent's editor that are forms: profile with instructions, model, memory, limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from core.agents.agent import COLOURS
from core.workflow.problems import Problem
from desktop.agents.agent_fields import PROFILE
from desktop.agents.draft import AgentDraft, Place
from desktop.agents.look_picker import LookButton
from desktop.agents.prompt_names import NoNames, PromptNames
from desktop.panels.background import Surroundings
from desktop.panels.completion import Flaw
from desktop.panels.fields import FormField, Value
from desktop.panels.form import Form, scrolled
from desktop.panels.notices import Notices
from desktop.panels.template_edit import TemplateEdit
from desktop.style import set_role


class FormPage(QWidget):
    """Forms of some sections of an agent, one under the other.

    parts: the name of each section, its fields, and a line above them.
    """

    def __init__(
        self, draft: AgentDraft, around: Surroundings, parts: Sequence[tuple[str, Sequence[FormField], str]]
    ) -> None:
        super().__init__()
        self._draft = draft
        self.forms: dict[str, Form] = {}
        inner = QWidget()
        self.column = QVBoxLayout(inner)
        self.column.setContentsMargins(0, 4, 0, 8)
        self.column.setSpacing(0)
        for section, fields, about in parts:
            if about:
                label = QLabel(about)
                label.setWordWrap(True)
                label.setContentsMargins(16, 12, 16, 0)
                set_role(label, kind="muted")
                self.column.addWidget(label)
            form = self.forms[section] = Form(fields, around, NoNames(), lambda _step: None)
            form.edited.connect(lambda key, value, typing, section=section: self._edited(section, key, value, typing))
            form.left.connect(draft.end_merging)
            self.column.addWidget(form)
        self.column.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scrolled(inner))

    def show_draft(self) -> None:
        """Show the agent as it is now."""
        for section, form in self.forms.items():
            form.show_values(self._draft.values(section))

    def show_problems(self, problems: Sequence[tuple[Place, Problem]]) -> None:
        """Show what is wrong with these sections, each at its field."""
        for section, form in self.forms.items():
            form.show_problems([(place[1:], problem) for place, problem in problems if place[0] == section])

    def focus(self, place: Place) -> None:
        """Enter a field."""
        form = self.forms.get(str(place[0]))
        if form is not None:
            form.focus(place[1:])

    def _edited(self, section: str, key: str, value: Value, typing: bool) -> None:
        self._draft.set_value(section, key, value, typing=typing)


class ProfilePage(FormPage):
    """Picture, name, description, and the instructions."""

    def __init__(self, draft: AgentDraft, around: Surroundings, names: PromptNames) -> None:
        super().__init__(draft, around, [("profile", PROFILE, "")])
        form = self.forms["profile"]
        self.column.removeWidget(form)
        self.look = LookButton(around.icons, around.themes)
        self.look.chosen.connect(self._look_chosen)
        row = QHBoxLayout()
        row.setContentsMargins(16, 8, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.look, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(form, 1)
        self.column.insertLayout(0, row)
        self.prompt = PromptField(around, names)
        self.prompt.edited.connect(self._typed)
        self.prompt.left.connect(draft.end_merging)
        self.column.insertWidget(1, self.prompt, 1)

    def show_draft(self) -> None:
        """Show the agent as it is now."""
        super().show_draft()
        agent = self._draft.agent
        self.look.avatar.show_look(agent.colour, agent.icon)
        self.prompt.show_text(agent.prompt)

    def show_problems(self, problems: Sequence[tuple[Place, Problem]]) -> None:
        """Show what is wrong, each at its field."""
        super().show_problems(problems)
        self.prompt.show_problems([problem for place, problem in problems if place[0] == "prompt"])

    def focus(self, place: Place) -> None:
        """Enter a field."""
        if place[0] == "prompt":
            self.prompt.editor.setFocus()
        else:
            super().focus(place)

    def _look_chosen(self, colour: str, icon: str) -> None:
        known = next((each for each in COLOURS if each == colour), COLOURS[0])
        self._draft.edit("Change the picture", lambda agent: replace(agent, colour=known, icon=icon), merge="look")

    def _typed(self, text: str) -> None:
        self._draft.edit("Change the instructions", lambda agent: replace(agent, prompt=text), merge="prompt")


class PromptField(QWidget):
    """The instructions: a large editor for a template, with what is wrong with it. edited: the text."""

    edited = Signal(str)
    left = Signal()

    def __init__(self, around: Surroundings, names: PromptNames) -> None:
        super().__init__()
        theme = around.themes.theme
        label = QLabel("Instructions")
        set_role(label, kind="secondary")
        self.editor = TemplateEdit(theme, names, least=12, most=40, parent=self)
        self.editor.setAccessibleName("Instructions")
        self.editor.setAccessibleDescription("The system prompt, a template")
        self.editor.setPlaceholderText("What the agent is for, and how it answers.")
        label.setBuddy(self.editor)
        self.flaws = Notices(around, self)
        self.notices = Notices(around, self)
        about = QLabel(
            "A template: type {{ for what it may read, such as the date, what memory recalled, and the conversation's "
            "variables."
        )
        about.setWordWrap(True)
        set_role(about, kind="caption")
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 0, 16, 8)
        column.setSpacing(4)
        for widget in (label, self.editor, about, self.flaws, self.notices):
            column.addWidget(widget)
        self.editor.edited.connect(self._typed)
        self.editor.left.connect(self.left)
        self.editor.flaws_changed.connect(self._show_flaws)

    def show_text(self, text: str) -> None:
        """Show the instructions."""
        self.editor.show_text(text)
        self.editor.check()

    def show_problems(self, problems: Sequence[Problem]) -> None:
        """Show what is wrong; wrong names are shown with their cures as they are typed."""
        self.notices.clear()
        for problem in problems:
            if problem.code != "unknown_reference":
                self.notices.add(problem.severity, problem.words)

    def _typed(self, text: str) -> None:
        self.edited.emit(text)
        self.editor.check()

    def _show_flaws(self, flaws: Sequence[Flaw]) -> None:
        self.flaws.clear()
        for flaw in flaws:
            if flaw.replacement:
                cure = f"Use {flaw.replacement}"
                self.flaws.add("error", flaw.problem.message, cure, partial(self.editor.mend, flaw))
            else:
                self.flaws.add("error", flaw.problem.words)
