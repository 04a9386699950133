"""One function of an agent: its name, what it calls, its parameters, who decides about a call, and a try."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from core.agents.agent import Function
from core.agents.functions import FunctionFacts
from core.workflow.model import Json
from core.workflow.problems import Problem
from desktop.agents.agent_fields import FUNCTION, TARGETS
from desktop.agents.draft import AgentDraft, Place
from desktop.agents.function_table import POLICY_WORDS
from desktop.agents.prompt_names import NoNames
from desktop.agents.tool_picker import OfferedTool, ToolControl
from desktop.panels.background import Surroundings
from desktop.panels.controls import ChoiceControl, Control, FormContext
from desktop.panels.field_row import FieldRow
from desktop.panels.fields import ABSENT, FormField, Value
from desktop.panels.form import make_control
from desktop.panels.notices import Notices
from desktop.style import set_role

ListTools = Callable[[], Awaitable[Sequence[OfferedTool]]]

EFFECT_WORDS: Final[Mapping[str, str]] = {
    "pure": "it changes nothing",
    "reads": "it only reads",
    "spends": "it spends money",
    "writes": "it can change things",
}

_TYPE_WORDS: Final = {
    "string": "text", "integer": "whole number", "number": "number", "boolean": "yes or no", "array": "list",
    "object": "object",
}  # fmt: skip


class FunctionForm(QWidget):
    """Shows one function of a draft."""

    def __init__(self, draft: AgentDraft, around: Surroundings, tools: ListTools) -> None:
        super().__init__()
        self._draft, self._around, self._tools = draft, around, tools
        self._context = FormContext(around, NoNames(), self._make, lambda _step: None)
        self.index = -1
        self._kind = ""
        self._facts: FunctionFacts | None = None
        self.rows: dict[str, FieldRow] = {}
        self._own_parameters = False
        theme = around.themes.theme
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(16, 12, 16, 16)
        self._column.setSpacing(theme.px("space.4"))
        self.derived = QLabel()
        self.derived.setWordWrap(True)
        self.derived.setTextFormat(Qt.TextFormat.PlainText)
        set_role(self.derived, kind="muted")
        self.write_own = QPushButton("Write them here instead")
        self.take_back = QPushButton("Take them from what is called again")
        for button in (self.write_own, self.take_back):
            set_role(button, role="link")
            button.setStyleSheet("QPushButton { padding-left: 0; }")
        self.write_own.clicked.connect(self._write_own)
        self.take_back.clicked.connect(self._take_back)
        self.trouble = Notices(around, self)
        self.policy_note = _note()

    def show_function(self, index: int) -> None:
        """Show the function at that place."""
        function = self._draft.agent.functions[index]
        if index != self.index or function.kind != self._kind or not self.rows:
            if index != self.index:
                self._facts = None
            self.index, self._kind = index, function.kind
            self._own_parameters = function.parameters is not None
            self._build(function)
        values = self._draft.function_values(index)
        for key, row in self.rows.items():
            row.show_value(values.get(key, ABSENT))
        self._own_parameters = self._own_parameters or "parameters" in values
        self._show_parameters()

    def show_facts(self, facts: FunctionFacts | None) -> None:
        """Show what the program knows of it; None while that is not known."""
        self._facts = facts
        self.trouble.clear()
        if facts is not None and facts.trouble:
            self.trouble.add("warning", facts.trouble)
        self._show_parameters()
        self._show_policy()

    def show_problems(self, problems: Sequence[tuple[Place, Problem]]) -> None:
        """Show what is wrong with it, each at its field."""
        for key, row in self.rows.items():
            row.show_problems([(place[1:], problem) for place, problem in problems if place and place[0] == key])

    def focus(self, key: str) -> None:
        """Enter a field."""
        row = self.rows.get(key) or self.rows.get("name")
        if row is not None:
            row.keyboard().setFocus()

    def _build(self, function: Function) -> None:
        while self._column.count():
            item = self._column.takeAt(0)
            widget = item.widget() if item is not None else None
            kept = (self.derived, self.write_own, self.take_back, self.trouble)
            if widget is not None and widget not in kept:
                widget.hide()
                widget.deleteLater()
        self.rows = {}
        fields = {field.key: field for field in FUNCTION}
        first = self._pair(fields["name"], TARGETS[function.kind])
        self._column.addWidget(first)
        self._column.addWidget(self.trouble)
        self._column.addWidget(self._row(fields["description"]))
        policy = self._row(fields["policy"])
        self._column.addWidget(policy)
        self.policy_note = _note()
        below = policy.layout()
        assert below is not None
        below.addWidget(self.policy_note)
        self._column.addWidget(self._row(fields["parameters"]))
        self._column.addWidget(self.derived)
        self._column.addWidget(self.write_own, 0, Qt.AlignmentFlag.AlignLeft)
        self._column.addWidget(self.take_back, 0, Qt.AlignmentFlag.AlignLeft)
        if function.kind == "agent":
            self._column.addWidget(self._pair(fields["timeout_s"], fields["usd"]))
            self._column.addWidget(self._row(fields["handoff"]))
        else:
            self._column.addWidget(self._row(fields["timeout_s"]))
        self._column.addWidget(self._row(fields["parallel"]))
        self._show_policy()

    def _pair(self, left: FormField, right: FormField) -> QWidget:
        pair = QWidget()
        row = QHBoxLayout(pair)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        for field in (left, right):
            row.addWidget(self._row(field), 1, Qt.AlignmentFlag.AlignTop)
        return pair

    def _row(self, field: FormField) -> FieldRow:
        row = FieldRow(field, self._context, self)
        row.edited.connect(lambda value, typing: self._edited(field.key, value, typing))
        row.left.connect(self._draft.end_merging)
        self.rows[field.key] = row
        return row

    def _make(self, field: FormField, context: FormContext, parent: QWidget | None) -> Control:
        if field is TARGETS["mcp"]:
            return ToolControl(field, context, self._tools, parent)
        return make_control(field, context, parent)

    def _edited(self, key: str, value: Value, typing: bool) -> None:
        if self.index >= 0:
            self._draft.set_function_value(self.index, key, value, typing=typing)

    # -- parameters ----------------------------------------------------------------------------------------------------

    def _show_parameters(self) -> None:
        own = self._own_parameters
        row = self.rows.get("parameters")
        if row is None or row.control is None:
            return
        row.control.setVisible(own)
        self.take_back.setVisible(own)
        self.write_own.setVisible(not own)
        self.derived.setVisible(not own)
        self.derived.setText(self._derived_text())

    def _derived_text(self) -> str:
        source = {"workflow": "the workflow's inputs", "python": "the function's signature", "mcp": "the tool",
                  "agent": "the task"}.get(self._kind, "what is called")  # fmt: skip
        if self._facts is None:
            return f"Taken from {source}."
        if self._facts.trouble:
            return f"Taken from {source}, as soon as that is there."
        return f"Taken from {source}: {parameter_words(self._facts.parameters)}"

    def _write_own(self) -> None:
        self._own_parameters = True
        if self._facts is not None and not self._facts.trouble:
            self._draft.set_function_value(self.index, "parameters", dict(self._facts.parameters))
        self._show_parameters()
        self.focus("parameters")

    def _take_back(self) -> None:
        self._own_parameters = False
        self._draft.set_function_value(self.index, "parameters", ABSENT)
        self._show_parameters()
        self.write_own.setFocus()

    # -- policy --------------------------------------------------------------------------------------------------------

    def _show_policy(self) -> None:
        row = self.rows.get("policy")
        if row is None or not isinstance(row.control, ChoiceControl):
            return
        facts = self._facts
        if facts is None or facts.trouble:
            row.control.box.setItemText(0, "By its effect")
            self.policy_note.setText(
                "By its effect: it asks before what writes, spends or comes from MCP, and runs the rest."
            )
            return
        foreign = facts.kind == "mcp"
        asks = foreign or facts.effect in ("writes", "spends")
        default = POLICY_WORDS["ask" if asks else "auto"]
        why = "it comes from an MCP server" if foreign else EFFECT_WORDS[facts.effect]
        row.control.box.setItemText(0, f"By its effect: {default}")
        self.policy_note.setText(
            f"By its effect it {default}, because {why}."
            + (" What it gives is foreign text." if facts.untrusted else "")
        )


def _note() -> QLabel:
    label = QLabel()
    label.setWordWrap(True)
    set_role(label, kind="caption")
    return label


def parameter_words(schema: Mapping[str, Json]) -> str:
    """An object's fields in a line: `question (text, needed), top (whole number)`."""
    properties = schema.get("properties")
    if not isinstance(properties, dict) or not properties:
        return "nothing"
    needed = schema.get("required")
    parts = []
    for name, each in properties.items():
        kind = each.get("type") if isinstance(each, dict) else None
        word = _TYPE_WORDS.get(kind, "any value") if isinstance(kind, str) else "any value"
        parts.append(f"{name} ({word}{', needed' if isinstance(needed, list) and name in needed else ''})")
    return ", ".join(parts)
