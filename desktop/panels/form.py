"""A form: a column of fields made from their descriptions, showing one object and telling each change of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from core.workflow.model import Json
from core.workflow.problems import Problem
from desktop.panels.background import Surroundings
from desktop.panels.code_controls import CodeControl, JsonControl
from desktop.panels.controls import (
    ChoiceControl,
    Control,
    FormContext,
    Placed,
    SwitchControl,
    TextControl,
)
from desktop.panels.field_row import FieldRow
from desktop.panels.fields import ABSENT, FieldKind, FormField
from desktop.panels.lists import GroupControl, ListControl
from desktop.panels.name_values import KeyValuesControl
from desktop.panels.notices import Notices
from desktop.panels.pickers import ModelControl, PathControl, SecretControl, WorkflowControl
from desktop.panels.template_edit import TemplateSource
from desktop.panels.value_controls import DurationControl, NumberControl, ValueControl

CHECK_MS = 120
"""Milliseconds after the last change until references and previews are looked at again."""

_CONTROLS: Mapping[FieldKind, type[Control]] = {
    "text": TextControl,
    "multiline": TextControl,
    "duration": DurationControl,
    "value": ValueControl,
    "integer": NumberControl,
    "number": NumberControl,
    "choice": ChoiceControl,
    "switch": SwitchControl,
    "code": CodeControl,
    "json": JsonControl,
    "json_schema": JsonControl,
    "model": ModelControl,
    "secret": SecretControl,
    "workflow": WorkflowControl,
    "file": PathControl,
    "folder": PathControl,
    "list": ListControl,
    "key_values": KeyValuesControl,
    "group": GroupControl,
}


def make_control(field: FormField, context: FormContext, parent: QWidget | None = None) -> Control:
    """The control of a field."""
    return _CONTROLS[field.kind](field, context, parent)


class Form(QWidget):
    """Fields in a column.

    edited: the field's key, its new value (or ABSENT), and whether it is being typed. left: a field was left.
    """

    edited = Signal(str, object, bool)
    left = Signal()

    def __init__(
        self,
        fields: Sequence[FormField],
        around: Surroundings,
        source: TemplateSource,
        wire: Callable[[str], None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        context = FormContext(around, source, make_control, wire)
        theme = context.theme
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(theme.px("space.4"), theme.px("space.3"), theme.px("space.4"), 16)
        self._layout.setSpacing(theme.px("space.4"))
        self.rows: dict[str, FieldRow] = {}
        self._notices = Notices(around, self)
        self._layout.addWidget(self._notices)
        for field in fields:
            row = self.rows[field.key] = FieldRow(field, context, self)
            row.edited.connect(lambda value, typing, key=field.key: self._edited(key, value, typing))
            row.left.connect(self.left)
            self._layout.addWidget(row)
        self._layout.addStretch(1)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(CHECK_MS)
        self._timer.timeout.connect(self.check)

    @property
    def notices(self) -> Notices:
        """What is wrong with the object as a whole."""
        return self._notices

    def show_values(self, values: Mapping[str, Json]) -> None:
        """Show an object; fields that are shown right already are left alone."""
        for key, row in self.rows.items():
            row.show_value(values.get(key, ABSENT))
        self.check_soon()

    def show_problems(self, problems: Sequence[tuple[Sequence[str | int], Problem]]) -> None:
        """Show what is wrong, each at its field. The paths start at this form's object."""
        placed: list[Placed] = [(tuple(path), problem) for path, problem in problems]
        for key, row in self.rows.items():
            row.show_problems([(path[1:], problem) for path, problem in placed if path and path[0] == key])
        self._notices.clear()
        for path, problem in placed:
            if not path or path[0] not in self.rows:
                self._notices.add(problem.severity, f"{problem.message} {problem.fix}".strip())

    def focus(self, path: Sequence[str | int]) -> None:
        """Give the keyboard to a field."""
        row = self.rows.get(str(path[0])) if path else next(iter(self.rows.values()), None)
        if row is not None:
            row.keyboard().setFocus()

    def check_soon(self) -> None:
        """Look at references and previews again, a moment after the last change."""
        self._timer.start()

    def check(self) -> None:
        """Look at references and previews again."""
        for row in self.rows.values():
            row.check()

    def _edited(self, key: str, value: object, typing: bool) -> None:
        self.edited.emit(key, value, typing)
        self.check_soon()


def scrolled(widget: QWidget) -> QScrollArea:
    """A widget that scrolls up and down and is as wide as its place."""
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setWidget(widget)
    return area
