"""A form: a column of fields made from their descriptions, showing one object and telling each change of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence

from PySide6.QtCore import QElapsedTimer, Qt, QTimer, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget
from shiboken6 import isValid

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
from desktop.panels.cron_control import CronControl
from desktop.panels.field_row import FieldRow
from desktop.panels.fields import ABSENT, FieldKind, FormField
from desktop.panels.lists import GroupControl, ListControl
from desktop.panels.name_values import KeyValuesControl
from desktop.panels.notices import Notices
from desktop.panels.pickers import AgentControl, ModelControl, PathControl, SecretControl, WorkflowControl
from desktop.panels.schema_control import SchemaControl
from desktop.panels.template_edit import TemplateSource
from desktop.panels.value_controls import DurationControl, NumberControl, ValueControl

CHECK_MS = 120
"""Milliseconds after the last change until references and previews are looked at again."""

_AROUND = 24
SLICE_MS = 5
"""Milliseconds for which fields are made before the window may paint again."""

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
    "json_schema": SchemaControl,
    "model": ModelControl,
    "secret": SecretControl,
    "workflow": WorkflowControl,
    "agent": AgentControl,
    "cron": CronControl,
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
    """Fields in a column. They are made when the form is first seen, a few at a time, so that no frame is missed.

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
        self._context = FormContext(around, source, make_control, wire)
        self._waiting = deque(fields)
        self._rows: dict[str, FieldRow] = {}
        self._values: Mapping[str, Json] = {}
        self._problems: Sequence[Placed] = ()
        self._hidden: Collection[str] = ()
        theme = self._context.theme
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(theme.px("space.4"), theme.px("space.3"), theme.px("space.4"), 16)
        self._layout.setSpacing(theme.px("space.4"))
        self._notices = Notices(around, self)
        self._layout.addWidget(self._notices)
        self._layout.addStretch(1)
        self._check_timer = QTimer(self)
        self._check_timer.setSingleShot(True)
        self._check_timer.setInterval(CHECK_MS)
        self._check_timer.timeout.connect(self.check)
        self._make_timer = QTimer(self)
        self._make_timer.setSingleShot(True)
        self._make_timer.timeout.connect(self._make_some)

    @property
    def rows(self) -> Mapping[str, FieldRow]:
        """The fields by key; those that were not made yet are made now."""
        while self._waiting:
            self._make_one()
        return self._rows

    @property
    def notices(self) -> Notices:
        """What is wrong with the object as a whole."""
        return self._notices

    def show_values(self, values: Mapping[str, Json]) -> None:
        """Show an object; fields that are shown right already are left alone."""
        self._values = values
        for key, row in self._rows.items():
            row.show_value(values.get(key, ABSENT))
        self.check_soon()

    def hide_fields(self, keys: Collection[str]) -> None:
        """Show all fields but these."""
        self._hidden = keys
        for key, row in self._rows.items():
            row.setVisible(key not in keys)

    def show_problems(self, problems: Sequence[tuple[Sequence[str | int], Problem]]) -> None:
        """Show what is wrong, each at its field. The paths start at this form's object."""
        self._problems = [(tuple(path), problem) for path, problem in problems]
        for row in self._rows.values():
            self._show_problems_of(row)
        known = {*self._rows, *(field.key for field in self._waiting)}
        self._notices.clear()
        for path, problem in self._problems:
            if not path or path[0] not in known:
                self._notices.add(problem.severity, problem.words)

    def focus(self, path: Sequence[str | int]) -> None:
        """Give the keyboard to a field."""
        row = self.rows.get(str(path[0])) if path else next(iter(self.rows.values()), None)
        if row is not None:
            row.keyboard().setFocus()
            self._reveal(row)

    def _reveal(self, row: FieldRow) -> None:
        """Scroll to a field; those above it may have been made a moment ago and have no place yet."""
        area: QWidget | None = self
        while area is not None and not isinstance(area, QScrollArea):
            area = area.parentWidget()
        if isinstance(area, QScrollArea):
            self._layout.activate()
            # As high as it wants to be, and as wide as it is: the area gives it its width.
            layout, width = self._layout, self.width()
            height = layout.heightForWidth(width) if layout.hasHeightForWidth() else layout.sizeHint().height()
            self.resize(width, max(self.height(), height))
            area.ensureWidgetVisible(row, 0, _AROUND)

    def check_soon(self) -> None:
        """Look at references and previews again, a moment after the last change."""
        self._check_timer.start()

    def check(self) -> None:
        """Look at references and previews again."""
        for row in self._rows.values():
            if isValid(row):  # the form may be about to be taken apart
                row.check()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Begin to make the fields."""
        super().showEvent(event)
        if self._waiting:
            self._make_some()

    def _make_some(self) -> None:
        clock = QElapsedTimer()
        clock.start()
        while self._waiting and clock.elapsed() < SLICE_MS:
            self._make_one()
        if self._waiting:
            self._make_timer.start()
        else:
            self.check_soon()

    def _make_one(self) -> None:
        field = self._waiting.popleft()
        row = FieldRow(field, self._context, self)
        row.edited.connect(lambda value, typing, key=field.key: self._edited(key, value, typing))
        row.left.connect(self.left)
        row.show_value(self._values.get(field.key, ABSENT))
        self._layout.insertWidget(1 + len(self._rows), row)
        self._rows[field.key] = row
        row.setVisible(field.key not in self._hidden)
        self._show_problems_of(row)

    def _show_problems_of(self, row: FieldRow) -> None:
        key = row.field.key
        row.show_problems([(path[1:], problem) for path, problem in self._problems if path and path[0] == key])

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
