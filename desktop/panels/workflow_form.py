"""The workflow's own settings: what starts it, what goes in and out, its variables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.workflow.durations import format_duration, parse_duration
from core.workflow.edits import set_about
from core.workflow.limit_rules import MOST_USD
from core.workflow.model import NO_LIMITS, Json, Trigger, Workflow
from core.workflow.problems import Problem
from core.workflow.triggers import TRIGGERS
from desktop.panels.background import Surroundings
from desktop.panels.controls import FormContext
from desktop.panels.fields import ABSENT, FormField, Value
from desktop.panels.form import Form, make_control
from desktop.panels.schema_rows import SchemaRows
from desktop.panels.template_edit import TemplateSource
from desktop.panels.trigger_editor import TriggerEditor
from desktop.panels.trigger_switch import TriggerSwitch

ABOUT: Final = (
    FormField("description", "multiline", "Description", "What it is for, in a sentence or two.", template=False),
    FormField("tags", "list", "Tags", item=FormField("", "text", template=False), template=False),
    FormField(
        "trigger",
        "choice",
        "Started by",
        default="manual",
        choices=TRIGGERS,
        template=False,
        labels=("By hand", "A message", "A schedule", "A call over HTTP"),
    ),
)

RESULTS: Final = (
    FormField("outputs", "key_values", "Outputs", "What a run gives, by name.", template=False,
              item=FormField("", "value")),
    FormField("timeout", "duration", "Time limit", "For a whole run, such as 10m. Empty for none.", template=False),
    FormField("usd_per_run", "number", "One run may spend", "On models; then you are asked. Empty for no limit.",
              unit="USD", low=0, high=MOST_USD, template=False),
    FormField("usd_per_day", "number", "All runs of a day may spend", "Then you are asked. Empty for no limit.",
              unit="USD", low=0, high=MOST_USD, template=False),
)  # fmt: skip
"""The fields above and below the inputs and variables."""

_LIMITS: Final = ("usd_per_run", "usd_per_day")
_NAMES: Final = {"usd_per_run": "limit of a run", "usd_per_day": "limit of a day", "timeout": "time limit"}
_RESULTS: Final = ("outputs", "timeout", "limits")
"""Fields of the document that are below the variables."""


class WorkflowForm(QWidget):
    """edited: a label for undo, the function that makes the change, and what it merges by. left: a field was left.

    inputs, variables: their rows; a new name is told by their own signal `renamed`.
    """

    edited = Signal(str, object, str)
    left = Signal()

    def __init__(
        self,
        around: Surroundings,
        source: TemplateSource,
        wire: Callable[[str], None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        context = FormContext(around, source, make_control, wire)
        space = context.theme.px("space.4")
        self.about = Form(ABOUT, around, source, wire, self)
        self.trigger = TriggerEditor(around, source, wire, self)
        self.switch = TriggerSwitch(around, self)
        self.results = Form(RESULTS, around, source, wire, self)
        self._limits = NO_LIMITS
        self.inputs = SchemaRows(
            "input", "Inputs", "What a run is given; templates read {{ input.name }}.", context, self
        )
        self.variables = SchemaRows(
            "variable",
            "Variables",
            "Shared and changeable during a run; templates read {{ vars.name }}.",
            context,
            self,
        )
        middle = QWidget(self)
        column = QVBoxLayout(middle)
        column.setContentsMargins(space, 0, space, 0)
        column.setSpacing(space)
        column.addWidget(self.inputs)
        column.addWidget(self.variables)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        for part in (self.about, self.switch, self.trigger, middle, self.results):
            layout.addWidget(part)
        layout.addStretch(1)
        for form in (self.about, self.results):
            form.edited.connect(self._edited)
            form.left.connect(self.left)
        for rows, name in ((self.inputs, "inputs"), (self.variables, "variables")):
            rows.edited.connect(lambda schemas, typing, name=name: self._tell(name, {name: schemas}, typing))
            rows.left.connect(self.left)
        self.trigger.edited.connect(self._trigger_edited)
        self.trigger.left.connect(self.left)

    def show_workflow(self, workflow: Workflow) -> None:
        """Show a document's own settings."""
        about: dict[str, Json] = {"trigger": workflow.trigger.type}
        if workflow.description:
            about["description"] = workflow.description
        if workflow.tags:
            about["tags"] = list(workflow.tags)
        results: dict[str, Json] = {"outputs": dict(workflow.outputs)}
        if workflow.timeout is not None:
            results["timeout"] = format_duration(workflow.timeout)
        results.update((name, usd) for name in _LIMITS if (usd := getattr(workflow.limits, name)) is not None)
        self._limits = workflow.limits
        self.about.show_values(about)
        self.trigger.show_trigger(workflow.trigger)
        self.switch.show_workflow(workflow)
        self.results.show_values(results)
        self.inputs.show_schemas(workflow.inputs)
        self.variables.show_schemas(workflow.variables)

    def show_problems(self, problems: Sequence[Problem]) -> None:
        """Show what is wrong, each at its field."""
        placed = [(tuple(problem.field.split(".")), problem) for problem in problems]
        named: dict[str, dict[str, list[Problem]]] = {"inputs": {}, "variables": {}}
        rest: list[tuple[tuple[str | int, ...], Problem]] = []
        options: list[tuple[tuple[str | int, ...], Problem]] = []
        for path, problem in placed:
            if path[0] == "trigger" and len(path) > 1 and path[1] != "type":
                options.append((path[1:], problem))
            elif path[0] in named and len(path) > 1:
                named[path[0]].setdefault(path[1], []).append(problem)
            else:
                rest.append((path, problem))
        self.trigger.show_problems(options)
        self.inputs.show_problems(named["inputs"])
        self.variables.show_problems(named["variables"])
        self.results.show_problems([(_row(path), problem) for path, problem in rest if path[0] in _RESULTS])
        self.about.show_problems([one for one in rest if one[0][0] not in (*_RESULTS, "name", "layout")])

    def focus(self, path: Sequence[str]) -> None:
        """Give the keyboard to a field."""
        rows = {"inputs": self.inputs, "variables": self.variables}.get(path[0]) if path else None
        if rows is not None:
            row = rows.rows.get(path[1]) if len(path) > 1 else None
            (row.name if row is not None else rows.add_button).setFocus()
        elif len(path) > 1 and path[0] == "trigger" and path[1] != "type":
            self.trigger.focus_field(path[1:])
        elif path:
            (self.results if path[0] in _RESULTS else self.about).focus(_row(path))

    def check(self) -> None:
        """Look at references and previews again."""
        self.results.check()

    def _edited(self, key: str, value: Value, typing: bool) -> None:
        row = self.results.rows.get(key)
        if row is not None:
            row.refusal.clear()
        try:
            fields = self._fields(key, value)
        except ValueError as error:
            if row is not None:
                row.refusal.add("error", str(error))
            return
        self._tell(_NAMES.get(key, key), fields, typing)

    def _fields(self, key: str, value: Value) -> Mapping[str, Any]:
        match key:
            case "trigger":
                return {"trigger": self.trigger.retyped(str(value) if value is not ABSENT else "manual")}
            case "timeout":
                return {"timeout": None if value is ABSENT else _seconds(value)}
            case "usd_per_run" | "usd_per_day":
                usd = None if value is ABSENT else _dollars(value)
                return {"limits": replace(self._limits, **{key: usd})}
            case "tags":
                return {"tags": tuple(str(one) for one in value) if isinstance(value, list) else ()}
            case "outputs":
                return {"outputs": value if isinstance(value, Mapping) else {}}
            case _:
                return {key: "" if value is ABSENT else value}

    def _trigger_edited(self, trigger: Trigger, key: str, typing: bool) -> None:
        self._tell(f"trigger's {key}", {"trigger": trigger}, typing)

    def _tell(self, key: str, fields: Mapping[str, Any], typing: bool) -> None:
        def edit(workflow: Workflow) -> Workflow:
            return set_about(workflow, **fields)

        self.edited.emit(f"Change the {key}", edit, f"about.{key}" if typing else "")


def _row(path: Sequence[Any]) -> Sequence[Any]:
    """The path from a form's row down, of one from the document down."""
    return path[1:] if len(path) > 1 and path[0] == "limits" else path


def _dollars(value: Value) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError("Write a number of US dollars, such as 0.50.")  # noqa: TRY004 - for the person
    if not 0 < value <= MOST_USD:
        raise ValueError(f"Write more than 0 and at most {MOST_USD:,}. Leave it empty for no limit.")
    return value


def _seconds(value: Value) -> float:
    seconds = parse_duration(value)
    if seconds <= 0:
        raise ValueError("The time limit must be longer than 0 seconds.")
    return seconds
