"""The editor's page of functions: the table, and below it the chosen function with its settings and a try."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QModelIndex, Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QSplitter, QStackedWidget, QVBoxLayout, QWidget
from shiboken6 import isValid

from core.agents.agent import KINDS, Function
from core.agents.functions import FunctionFacts
from core.workflow.model import Json
from core.workflow.problems import Problem
from desktop.agents.agent_fields import KIND_ICONS, KIND_NAMES
from desktop.agents.draft import AgentDraft, Place
from desktop.agents.function_form import FunctionForm, ListTools
from desktop.agents.function_table import FunctionTable, FunctionTableModel
from desktop.agents.function_trial import FunctionTrial
from desktop.bridge import Bridge
from desktop.empty_state import EmptyState
from desktop.panels.background import Surroundings
from desktop.panels.form import scrolled

if TYPE_CHECKING:
    from core.agents.trial import Trial
    from core.workspace import Workspace

LOOK_MS: Final = 300
"""Milliseconds after the last change until what the functions call is looked at again."""


class FunctionsPage(QWidget):
    """The functions of a draft. run_wanted: the id of a run that a try made.

    workspace: what is open now; None while nothing is.
    """

    run_wanted = Signal(str)

    def __init__(
        self,
        draft: AgentDraft,
        around: Surroundings,
        bridge: Bridge,
        workspace: Callable[[], Workspace | None],
        tools: ListTools,
    ) -> None:
        super().__init__()
        self._draft, self._around, self._bridge, self._workspace = draft, around, bridge, workspace
        self._facts: dict[str, FunctionFacts] = {}
        self._looked: dict[str, Function] = {}
        self._problems: Sequence[tuple[Place, Problem]] = ()
        self.model = FunctionTableModel(draft, around, self)
        self.model.toggled.connect(self._toggle)
        self.table = FunctionTable(self.model)
        self.table.removed.connect(self.remove)
        self.table.selectionModel().currentRowChanged.connect(self._chosen)
        self.form = FunctionForm(draft, around, tools)
        self.trial = FunctionTrial(around, bridge, self._try)
        self.trial.run_wanted.connect(self.run_wanted)
        self.add = QPushButton("Add a function")
        self.add.setIcon(around.icons.icon("plus", around.themes.theme))
        self.add.setMenu(self._add_menu())
        self.copy = QPushButton("Duplicate")
        self.copy.clicked.connect(self.duplicate)
        self.take_away = QPushButton("Remove")
        self.take_away.clicked.connect(self.remove)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._look)
        self._lay_out()

    @property
    def index(self) -> int:
        """Which function is chosen, -1 for none."""
        return self.table.currentIndex().row()

    def show_draft(self) -> None:
        """Show the functions as they are now."""
        before = self.index
        self.model.show_draft()
        count = len(self._draft.agent.functions)
        self._stack.setCurrentIndex(0 if count else 1)
        if count and not 0 <= self.index < count:
            self.choose(min(max(before, 0), count - 1))
        elif 0 <= self.index < count:
            self.form.show_function(self.index)
        self._below.setVisible(bool(count))
        self.copy.setEnabled(bool(count))
        self.take_away.setEnabled(bool(count))
        self._timer.start()

    def show_problems(self, problems: Sequence[tuple[Place, Problem]]) -> None:
        """Show what is wrong, each at its field."""
        self._problems = [(place, problem) for place, problem in problems if place[0] == "functions"]
        self._show_problems()

    def choose(self, index: int) -> None:
        """Choose a function."""
        self.table.setCurrentIndex(self.model.index(index, 0))

    def focus(self, place: Place) -> None:
        """Enter a field of a function."""
        if len(place) > 1 and isinstance(place[1], int):
            self.choose(place[1])
            self.form.focus(str(place[2]) if len(place) > 2 else "name")
        else:
            self.table.setFocus()

    def add_kind(self, kind: str) -> None:
        """Add a function of that kind, and enter what it calls."""
        taken = {function.name for function in self._draft.agent.functions}
        name, number = "function", 1
        while name in taken:
            number += 1
            name = f"function_{number}"
        known = next(each for each in KINDS if each == kind)
        self.choose(self._draft.add_function(Function(name, kind=known)))
        self.form.focus("target")

    def duplicate(self) -> None:
        """Add a copy of the chosen function."""
        if self.index < 0:
            return
        function = self._draft.agent.functions[self.index]
        taken = {each.name for each in self._draft.agent.functions}
        number = 2
        while f"{function.name}_{number}" in taken:
            number += 1
        self.choose(self._draft.add_function(replace(function, name=f"{function.name}_{number}")))
        self.form.focus("name")

    def remove(self) -> None:
        """Remove the chosen function; undo brings it back."""
        if self.index >= 0:
            self.form.index = -1
            self._draft.remove_function(self.index)
            self.table.setFocus()

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.setContentsMargins(16, 12, 16, 8)
        buttons.setSpacing(8)
        buttons.addWidget(self.add)
        buttons.addWidget(self.copy)
        buttons.addWidget(self.take_away)
        buttons.addStretch()
        table = QWidget()
        around = QVBoxLayout(table)
        around.setContentsMargins(16, 0, 16, 8)
        around.addWidget(self.table)
        below = QWidget()
        column = QVBoxLayout(below)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.form)
        column.addWidget(self.trial)
        column.addStretch(1)
        self._below = scrolled(below)
        split = QSplitter(Qt.Orientation.Vertical)
        split.setChildrenCollapsible(False)
        split.addWidget(table)
        split.addWidget(self._below)
        split.setSizes([170, 480])
        split.setStretchFactor(1, 1)
        empty = EmptyState(
            self._around.icons, self._around.themes, icon="workflow", title="No functions yet",
            text="A function lets the agent run one of your workflows, call Python, use an MCP tool, or ask another "
            "agent.",
            button="Add a workflow", on_press=lambda: self.add_kind("workflow"),
        )  # fmt: skip
        self._stack = QStackedWidget()
        self._stack.addWidget(split)
        self._stack.addWidget(empty)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addLayout(buttons)
        outer.addWidget(self._stack, 1)

    def _add_menu(self) -> QMenu:
        menu = QMenu(self)
        for kind in KINDS:
            icon = self._around.icons.icon(KIND_ICONS[kind], self._around.themes.theme)
            menu.addAction(icon, KIND_NAMES[kind], lambda kind=kind: self.add_kind(kind))
        return menu

    def _chosen(self, current: QModelIndex, _before: QModelIndex) -> None:
        if 0 <= current.row() < len(self._draft.agent.functions):
            self.form.show_function(current.row())
            self._show_facts()
            self._show_problems()

    def _toggle(self, index: int, offered: bool) -> None:
        self._draft.set_function_value(index, "enabled", offered)

    # -- what the functions call ---------------------------------------------------------------------------------------

    def _look(self) -> None:
        """Look at those that were changed."""
        workspace = self._workspace()
        if workspace is None:
            return
        agent = self._draft.agent
        for function in agent.functions:
            plain = replace(function, enabled=True)
            known = self._looked.get(function.name)
            if known is not None and (known.kind, known.target) != (plain.kind, plain.target):
                self._facts.pop(function.name, None)
            if function.name and function.target and known != plain:
                self._looked[function.name] = plain
                self._bridge.spawn(
                    workspace.function_facts(agent, plain),
                    partial(self._known, plain),
                    lambda error: None,
                )
        self._show_facts()

    def look_again(self) -> None:
        """Forget what is known: servers, workflows or agents have changed."""
        self._looked.clear()
        self._timer.start()

    def _known(self, function: Function, facts: FunctionFacts) -> None:
        if self._looked.get(function.name) == function:
            self._facts[function.name] = facts
            self._show_facts()

    def _show_facts(self) -> None:
        known = self._known_facts()
        self.model.show_facts(known, self._wrong())
        functions = self._draft.agent.functions
        chosen = functions[self.index] if 0 <= self.index < len(functions) else None
        facts = known.get(chosen.name) if chosen is not None and chosen.target else None
        self.form.show_facts(facts)
        self.trial.show_facts(facts)

    def _known_facts(self) -> Mapping[str, FunctionFacts]:
        names = {function.name for function in self._draft.agent.functions}
        return {name: facts for name, facts in self._facts.items() if name in names}

    def _wrong(self) -> set[int]:
        return {
            place[1]
            for place, problem in self._problems
            if problem.severity == "error" and len(place) > 1 and isinstance(place[1], int)
        }

    def _show_problems(self) -> None:
        self.model.show_facts(self._known_facts(), self._wrong())
        mine = [(place[2:], problem) for place, problem in self._problems if place[1:2] == (self.index,)]
        self.form.show_problems(mine)

    async def _try(self, arguments: Mapping[str, Json], progress: Callable[[str], None]) -> Trial:
        workspace, agent = self._workspace(), self._draft.agent
        assert workspace is not None
        function = agent.functions[self.index]
        # Progress may come from the thread of a run; this loop is the window's.
        loop = asyncio.get_running_loop()

        def told(text: str) -> None:
            loop.call_soon_threadsafe(lambda: progress(text[:120]) if isValid(self) else None)

        return await workspace.try_function(agent, function, arguments, told)
