"""The inspector's page of one step: header, and a tab for each thing there is to see and change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QTabBar, QTabWidget, QVBoxLayout, QWidget

from core.engine.step_type import StepType
from core.workflow.model import Step
from core.workflow.problems import Problem
from desktop.empty_state import EmptyState
from desktop.panels.background import Surroundings
from desktop.panels.behaviour import BEHAVIOUR, behaviour_of
from desktop.panels.fields import FormField, fields_of
from desktop.panels.form import Form, scrolled
from desktop.panels.header import Header
from desktop.panels.help_view import HelpView
from desktop.panels.last_run import LastRun
from desktop.panels.manual import manual_page
from desktop.panels.notes_page import NotesPage
from desktop.panels.run_button import RunButton
from desktop.panels.run_strip import RunStrip
from desktop.panels.step_templates import StepTemplates
from desktop.panels.step_values import StepValues
from desktop.theme import Theme

TABS: Final = ("Settings", "Behaviour", "Input", "Output", "Request", "Notes", "Help")
"""The tabs of a step, in order."""

_SIGNS: Final = {"Notes": "sticky-note", "Help": "circle-help"}
"""Tabs that show an icon instead of a word: all words together are wider than the inspector."""

_SIGN_WIDTH: Final = 26
"""Of a tab that shows a sign, in logical pixels."""

_CONFIG: Final = "config"


class StepPage(QWidget):
    """One step: header, what the last run says of it, and tabs. asked: what of it shall be run, an Ask."""

    asked = Signal(str)

    def __init__(
        self,
        step: Step,
        kind: StepType[Any] | None,
        around: Surroundings,
        templates: StepTemplates,
        wire: Callable[[str], None],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self.type_name = step.type
        self._around = around
        self._kind = kind
        fields: Sequence[FormField] = fields_of(kind.config_model) if kind is not None else ()
        self.header = Header(around, self)
        self.runs = RunButton(around, self)
        self.header.add(self.runs)
        self.strip = RunStrip(around, self)
        self.runs.asked.connect(self.asked)
        self.strip.asked.connect(self._asked_by_strip)
        self.notes = NotesPage(around, self)
        self.settings = Form(fields, around, templates, wire, self)
        self.behaviour = Form(BEHAVIOUR, around, templates, wire, self)
        self.input = StepValues(
            around, "Last input", "log-in", "No input yet", "After a run its settings stand here, templates filled in.",
            kind.main_field if kind is not None else "",
        )  # fmt: skip
        self.output = StepValues(
            around, "Last output", "file-output", "No output yet", "Run the workflow; what the step gives stands here.",
            kind.main_output if kind is not None else "",
        )  # fmt: skip
        self.request = StepValues(
            around,
            "Request",
            "send",
            "Nothing was sent",
            "What the step sends to a server stands here, secrets masked.",
        )
        self.help = HelpView(around.themes, parent=self)
        self.help.setAccessibleName("Help for this type of step")
        self.help.show_when_seen(manual_page(kind) if kind is not None else _unknown(step.type))
        self.help.setStyleSheet("QTextBrowser { border: none; background: transparent; padding: 12px; }")
        self.tabs = QTabWidget(self)
        self.bar = MarkedTabBar(around.themes.theme)
        self.tabs.setTabBar(self.bar)
        self.tabs.setDocumentMode(True)
        self.bar.setUsesScrollButtons(True)
        self.bar.setIconSize(QSize(14, 14))
        size = around.themes.theme.font("caption").pixelSize()
        self.bar.setStyleSheet(
            f"QTabBar {{ font-size: {size}px; }} QTabBar::tab {{ padding: 8px 4px 7px 3px; font-size: {size}px; }}"
        )
        self.tabs.setStyleSheet("QTabWidget::tab-bar { left: 13px; }")  # words in line with the fields
        self.bar.setAccessibleName("Parts of the step")
        first: QWidget = scrolled(self.settings) if kind is not None else _placeholder(around, step.type)
        pages = (
            first,
            scrolled(self.behaviour),
            self.input,
            self.output,
            self.request,
            scrolled(self.notes),
            self.help,
        )
        for title, page in zip(TABS, pages, strict=True):
            self.tabs.addTab(page, title)
        for title, icon in _SIGNS.items():
            self._show_sign(TABS.index(title), icon, "text.muted")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.header)
        layout.addWidget(self.strip)
        layout.addWidget(self.tabs, 1)

    def show_step(self, step: Step) -> None:
        """Show the step as it is now."""
        kind = self._kind
        title, icon = (kind.title, kind.icon) if kind is not None else (f"{step.type} (not installed)", "box")
        self.header.show_step(step.id, step.title, title, icon, kind.category if kind is not None else None)
        self.settings.show_values(step.config)
        self.behaviour.show_values(behaviour_of(step))
        hidden = () if step.on_error == "default" or step.default is not None else ("default",)
        self.behaviour.hide_fields(hidden)
        self.notes.show_notes(step.notes)
        self._show_sign(TABS.index("Notes"), _SIGNS["Notes"], "accent" if step.notes else "text.muted")

    def show_run(self, run: LastRun | None) -> None:
        """Show what a run tells of the step."""
        step_id = self.header.id.text()
        view = run.overlay.by_id.get(step_id) if run is not None else None
        self.input.show_value(view.inputs if view is not None else None)
        self.output.show_value(run.output(step_id) if run is not None else None, step_id)
        self.request.show_value(view.request if view is not None else None)
        if run is not None:
            mark, problem = run.overlay.marks.get(step_id), run.problem.get(step_id, "")
            self.strip.show_step(view, mark, problem, resumable=run.resumable)
        else:
            self.strip.show_step(None, None)

    def show_problems(self, problems: Sequence[Problem]) -> None:
        """Show what is wrong, each at its field."""
        config, rest = [], []
        for problem in problems:
            path = tuple(int(part) if part.isdigit() else part for part in problem.field.split("."))
            if path[0] == _CONFIG:
                config.append((path[1:], problem))
            elif path[0] in ("retry", "timeout", "default", "idempotency_key", "on_error", "join"):
                rest.append((path[1:] if path[0] == "retry" else path, problem))
            else:
                config.append(((), problem))
        self.settings.show_problems(config)
        self.behaviour.show_problems(rest)
        marks = ((0, config), (1, rest))
        for tab, found in marks:
            has_error = any(problem.severity == "error" for _, problem in found)
            self.bar.mark(tab, has_error)
            self.bar.setAccessibleTabName(tab, f"{TABS[tab]}, has errors" if has_error else TABS[tab])

    def check_soon(self) -> None:
        """Look at references and previews again."""
        self.settings.check_soon()
        self.behaviour.check_soon()

    def focus(self, field: str) -> None:
        """Show and enter a field by its path in the step."""
        path = [int(part) if part.isdigit() else part for part in field.split(".")] if field else []
        in_behaviour = bool(path) and path[0] != _CONFIG
        self.tabs.setCurrentIndex(1 if in_behaviour else 0)
        (self.behaviour if in_behaviour else self.settings).focus(path if in_behaviour else path[1:])

    def set_read_only(self, read_only: bool) -> None:
        """Whether nothing can be changed."""
        for part in (self.header, self.settings, self.behaviour, self.notes):
            part.setEnabled(not read_only)

    def _show_sign(self, tab: int, icon: str, colour: str) -> None:
        """Show an icon in the place of a tab's word."""
        self.bar.setTabText(tab, "")
        self.bar.setTabIcon(tab, self._around.icons.icon(icon, self._around.themes.theme, colour))
        self.bar.setTabToolTip(tab, TABS[tab])
        self.bar.setAccessibleTabName(tab, TABS[tab])

    def _asked_by_strip(self, ask: str) -> None:
        if ask == "settings":
            self.focus("")
        elif ask == "sent":
            self.tabs.setCurrentIndex(TABS.index("Request" if self.request.value else "Input"))
        else:
            self.asked.emit(ask)


class MarkedTabBar(QTabBar):
    """Tabs of which some carry a dot, for something that is wrong behind them."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._colour = theme.color("state.failed")
        self.marked: set[int] = set()

    def mark(self, tab: int, is_marked: bool) -> None:
        """Give a tab its dot, or take it."""
        (self.marked.add if is_marked else self.marked.discard)(tab)
        self.update()

    def tabSizeHint(self, index: int) -> QSize:  # noqa: N802 - Qt's name
        """A sign alone takes no room for words, so that all tabs are seen in a narrow inspector."""
        size = super().tabSizeHint(index)
        return size if self.tabText(index) else QSize(_SIGN_WIDTH, size.height())

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Paint the tabs and the dots."""
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._colour)
        for tab in self.marked:
            corner = self.tabRect(tab).topRight()
            painter.drawEllipse(corner + QPoint(-5, 9), 3, 3)
        painter.end()


def _placeholder(around: Surroundings, type_name: str) -> QWidget:
    return EmptyState(
        around.icons,
        around.themes,
        icon="plug",
        title="This step type is not installed",
        text=f"Its settings and wires are kept. Install the package that brings {type_name!r} to change or run it.",
    )


def _unknown(type_name: str) -> str:
    return f"The step type `{type_name}` is not installed here, so there is no help for it."
