"""Trying one function by hand: its arguments as a form, and what it gave, how long it took, what it cost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from core.agents.functions import FunctionFacts
from core.cli.wording import duration
from core.workflow.model import Json
from desktop.bridge import Bridge, explain
from desktop.dialogs.schema_form import SchemaForm, form_problems, form_properties, form_required
from desktop.panels.background import Surroundings
from desktop.panels.notices import Notices
from desktop.panels.wording import money
from desktop.style import set_role

if TYPE_CHECKING:
    from core.agents.trial import Trial

TryIt = Callable[[Mapping[str, Json], Callable[[str], None]], "Coroutine[Any, Any, Trial]"]
"""Calls the function with these arguments; tells how far it is."""

_WARNINGS: Final[Mapping[str, str]] = {
    "writes": "It can change things, and a test does that for real.",
    "spends": "It spends money, and a test does that for real.",
}


class FunctionTrial(QWidget):
    """The form and the result. run_wanted: the id of the run that it made."""

    run_wanted = Signal(str)

    def __init__(self, around: Surroundings, bridge: Bridge, try_it: TryIt) -> None:
        super().__init__()
        self._around, self._bridge, self._try_it = around, bridge, try_it
        self._facts: FunctionFacts | None = None
        self._task: asyncio.Task[None] | None = None
        self._run_id = ""
        self.form: SchemaForm | None = None
        theme = around.themes.theme
        title = QLabel("Test")
        set_role(title, kind="strong")
        self.warning = QLabel()
        self.warning.setWordWrap(True)
        set_role(self.warning, kind="caption")
        self.run = QPushButton("Test it")
        self.run.setIcon(around.icons.icon("play", theme))
        self.run.clicked.connect(self.start)
        self.stop = QPushButton("Stop")
        self.stop.clicked.connect(self.cancel)
        self.stop.hide()
        self.facts = QLabel()
        set_role(self.facts, kind="caption")
        self.open_run = QPushButton("Show the run")
        set_role(self.open_run, role="link")
        self.open_run.clicked.connect(lambda: self.run_wanted.emit(self._run_id))
        self.open_run.hide()
        self.notices = Notices(around, self)
        self.view = around.make_viewer()
        self.view.setMinimumHeight(180)
        self.view.hide()
        self._place = QVBoxLayout()
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.run)
        row.addWidget(self.stop)
        row.addWidget(self.facts, 1)
        row.addWidget(self.open_run)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 16)
        column.setSpacing(theme.px("space.2"))
        column.addWidget(title)
        column.addLayout(self._place)
        column.addWidget(self.warning)
        column.addLayout(row)
        column.addWidget(self.notices)
        column.addWidget(self.view)

    def show_facts(self, facts: FunctionFacts | None) -> None:
        """Show the form of a function; what was typed into an equal form stays."""
        same = self._facts is not None and facts is not None and self._facts.parameters == facts.parameters
        again = self._facts is not None and facts is not None and self._facts.name == facts.name
        self._facts = facts
        self.run.setEnabled(facts is not None and not facts.trouble)
        self.warning.setText(_WARNINGS.get(facts.effect, "") if facts is not None and not facts.trouble else "")
        self.warning.setVisible(bool(self.warning.text()))
        if not again:
            self._clear()
        if facts is not None and facts.trouble:
            self.notices.clear()
            self.notices.add("warning", facts.trouble)
        if same and self.form is not None:
            return
        values = self.form.values() if self.form is not None and again else None
        self._make_form(facts, values or {})

    def start(self) -> None:
        """Call the function with what the form holds."""
        if self._facts is None or self.form is None or self._task is not None:
            return
        schema, values = self._facts.parameters, self.form.values()
        if values is None:
            return
        form = self.form

        def checked(problems: dict[str, str]) -> None:
            if form is not self.form:
                return
            form.show_problems(problems)
            if "" in problems:
                self.notices.clear()
                self.notices.add("error", problems[""])
            if not problems:
                self._call(values)

        self._bridge.in_thread(lambda: form_problems(schema, values), checked)

    def cancel(self) -> None:
        """Stop the call."""
        if self._task is not None:
            self._task.cancel()
            self._ended()
            self.facts.setText("Stopped.")

    def _make_form(self, facts: FunctionFacts | None, values: Mapping[str, Json]) -> None:
        if self.form is not None:
            self._place.removeWidget(self.form)
            self.form.hide()
            self.form.deleteLater()
            self.form = None
        if facts is None or facts.trouble:
            return
        self.form = SchemaForm(
            form_properties(facts.parameters), form_required(facts.parameters), self._around.themes.theme,
            self._around.icons,
        )  # fmt: skip
        self.form.fill(values)
        self._place.addWidget(self.form)

    def _call(self, values: Mapping[str, Json]) -> None:
        self.notices.clear()
        self.view.hide()
        self.open_run.hide()
        self.run.hide()
        self.stop.show()
        self.facts.setText("It is being called…")

        def done(trial: Trial) -> None:
            self._ended()
            self._show(trial)

        def failed(error: Exception) -> None:
            self._ended()
            self.facts.clear()
            self.notices.add("error", explain(error))

        self._task = self._bridge.spawn(self._try_it(values, self.facts.setText), done, failed)

    def _ended(self) -> None:
        self._task = None
        self.stop.hide()
        self.run.show()

    def _show(self, trial: Trial) -> None:
        parts = [duration(trial.seconds)]
        parts += [f"{trial.usage.tokens:,} tokens"] if trial.usage.tokens else []
        parts += [money(trial.usage.cost_usd)] if trial.usage.cost_usd else ["no cost"] if trial.usage.tokens else []
        self.facts.setText(" · ".join(part for part in parts if part))
        self._run_id = trial.run_id
        self.open_run.setVisible(bool(trial.run_id))
        if trial.problem:
            self.notices.add("error", trial.problem)
        elif trial.waits:
            self.notices.add("info", f"It waits for a person: {trial.waits} Answer under “Waiting for you”.")
        elif trial.hands_to:
            self.notices.add("info", f"{trial.hands_to} would go on with the conversation.")
        if not (trial.problem or trial.waits):
            self.view.show()
            self.view.show_value(trial.value)

    def _clear(self) -> None:
        self.cancel()
        self.notices.clear()
        self.facts.clear()
        self.view.hide()
        self.open_run.hide()
