"""One field of a form: its label, its control, its help, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from core.workflow.model import Json
from desktop.panels.controls import Control, FormContext, Placed, SwitchControl, TextControl, tool_button
from desktop.panels.fields import ABSENT, FormField, Value, wants_template
from desktop.panels.notices import Notices
from desktop.style import set_role

SHOWN_BY_EDITOR: Final = frozenset(
    {
        "unknown_input", "unknown_variable", "unknown_name", "secret_not_allowed", "not_in_loop", "step_not_before",
        "step_in_loop", "reference_to_disabled",
    }
)  # fmt: skip
"""Problems of references, which the template's own editor shows with their cures."""


class FieldRow(QWidget):
    """A field with everything around its control. Signals as Control's."""

    edited = Signal(object, bool)
    left = Signal()

    def __init__(self, field: FormField, context: FormContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.field = field
        self._context = context
        self._value: Value = ABSENT
        theme = context.theme
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(theme.px("space.1"))
        self.control: Control | None = None
        self._text: TextControl | None = None
        self._group_button: QToolButton | None = None
        self._summary: QLabel | None = None
        self._braces: QToolButton | None = None
        self.label: QLabel | None = None
        self._add_head()
        self._place = QVBoxLayout()
        self._place.setContentsMargins(0, 0, 0, 0)
        self._layout.addLayout(self._place)
        self._help = QLabel(field.help, self)
        self._help.setWordWrap(True)
        set_role(self._help, kind="caption")
        self._help.setVisible(bool(field.help))
        self._layout.addWidget(self._help)
        self._notices = Notices(context.around, self)
        self._layout.addWidget(self._notices)
        self._refusal = Notices(context.around, self)
        self._layout.addWidget(self._refusal)
        if field.kind != "group":
            self._make_control()

    @property
    def notices(self) -> Notices:
        """What is said to be wrong."""
        return self._notices

    @property
    def refusal(self) -> Notices:
        """Why the document did not take what is typed; it stays until something is typed that it takes."""
        return self._refusal

    @property
    def shown_control(self) -> Control | None:
        """The control that is seen: the field's own, or the text editor of a template in its place."""
        return self._text if self._text is not None and not self._text.isHidden() else self.control

    @property
    def braces(self) -> QToolButton | None:
        """The button that switches to a template and back, for fields with a control of their own."""
        return self._braces

    def show_value(self, value: Value) -> None:
        """Show what the document holds."""
        self._value = value
        if self.field.kind == "group":
            self._show_group(value)
            return
        is_template = wants_template(self.field, value) or (
            self._text is not None and self._braces is not None and self._braces.isChecked() and value is ABSENT
        )
        self._show_as(is_template)
        shown = self.shown_control
        if shown is not None:
            shown.show_value(value)

    def keyboard(self) -> QWidget:
        """The widget that takes the keyboard."""
        shown = self.shown_control
        if shown is not None and (self._group_button is None or self._group_button.isChecked()):
            return shown.keyboard()
        return self._group_button or self

    def check(self) -> None:
        """Look at references and previews again."""
        shown = self.shown_control
        if shown is not None:
            shown.check()

    def show_problems(self, problems: Sequence[Placed]) -> None:
        """Show what is wrong here and inside."""
        shown = self.shown_control
        if problems and self.field.kind == "group" and self._group_button is not None:
            self._group_button.setChecked(True)
            shown = self.control
        rest = shown.show_problems(problems) if shown is not None else problems
        by_editor = isinstance(shown, TextControl)
        self._notices.clear()
        seen: set[str] = set()
        for path, problem in rest:
            is_empty = self.field.required and problem.code == "missing_field" and not path
            text = "Fill this in." if is_empty else problem.words  # which field it is stands above
            if text in seen or (by_editor and problem.code in SHOWN_BY_EDITOR):
                continue
            seen.add(text)
            self._notices.add(problem.severity, text)

    def _add_head(self) -> None:
        field, context = self.field, self._context
        head = QHBoxLayout()
        head.setContentsMargins(0, 0, 0, 0)
        head.setSpacing(context.theme.px("space.1"))
        if field.kind == "group" and field.title:
            head.addWidget(self._made_group_button())
            self._summary = QLabel(self)
            set_role(self._summary, kind="caption")
            head.addStretch(1)
            head.addWidget(self._summary)
        elif field.title and field.kind != "switch":
            self.label = QLabel(field.title, self)
            self.label.setMinimumHeight(20)
            set_role(self.label, kind="secondary")
            head.addWidget(self.label)
            if field.required:
                mark = QLabel("needed", self)
                mark.setAccessibleName("This field is needed")
                set_role(mark, kind="caption")
                head.addWidget(mark)
            head.addStretch(1)
            if field.unit and field.kind != "duration":
                unit = QLabel(field.unit, self)
                set_role(unit, kind="caption")
                head.addWidget(unit)
        else:
            head.addStretch(1)
        if field.template and not field.is_text and field.kind != "group":
            self._braces = tool_button(context, "braces", "Fill in by a template", self)
            self._braces.setFixedSize(22, 20)
            self._braces.setCheckable(True)
            self._braces.clicked.connect(self._switched)
            if field.kind != "switch":
                head.addWidget(self._braces)
        if head.count() > 1:
            self._layout.addLayout(head)

    def _made_group_button(self) -> QToolButton:
        button = QToolButton(self)
        button.setText(self.field.title)
        button.setCheckable(True)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setStyleSheet("QToolButton, QToolButton:checked { background: transparent; padding: 2px 4px 2px 0; }")
        button.setAccessibleName(f"{self.field.title}, more settings")
        button.toggled.connect(self._opened)
        self._group_button = button
        self._turn(False)
        return button

    def _make_control(self) -> Control:
        control = self.control = self._context.make(self.field, self._context, self)
        control.edited.connect(self._edited)
        control.left.connect(self.left)
        if isinstance(control, SwitchControl) and self._braces is not None:
            row = control.layout()
            assert row is not None
            row.addWidget(self._braces)
        self._place.addWidget(control)
        if self.label is not None:
            self.label.setBuddy(control.keyboard())
        return control

    def _edited(self, value: Value, typing: bool) -> None:
        self._value = value
        if self._summary is not None:
            self._summary.setText(summary(value, self.field))
        self.edited.emit(value, typing)

    def _show_group(self, value: Value) -> None:
        if self._summary is not None:
            self._summary.setText(summary(value, self.field))
        if self.control is not None:
            self.control.show_value(value)
        elif self._group_button is None or (isinstance(value, dict) and value):
            self._opened(True)
        if self._group_button is not None and isinstance(value, dict) and value and not self._group_button.isChecked():
            self._group_button.setChecked(True)

    def _opened(self, is_open: bool) -> None:
        control = self.control
        if is_open and control is None:
            control = self._make_control()
            control.show_value(self._value)
            control.check()
        if control is not None:
            control.setVisible(is_open)
        self._turn(is_open)

    def _turn(self, is_open: bool) -> None:
        if self._group_button is not None:
            name = "chevron-down" if is_open else "chevron-right"
            self._group_button.setIcon(self._context.around.icons.icon(name, self._context.theme))

    def _switched(self, to_template: bool) -> None:
        was = self._value
        self._show_as(to_template)
        shown = self.shown_control
        assert shown is not None
        if to_template:
            shown.show_value(was if isinstance(was, str) else ABSENT)
        elif wants_template(self.field, was):
            self._value = ABSENT
            shown.show_value(ABSENT)
            self.edited.emit(ABSENT, False)
        shown.keyboard().setFocus()

    def _show_as(self, is_template: bool) -> None:
        if is_template and self._text is None:
            field = self.field
            as_text = FormField(
                field.key, "text", field.title, field.help, template=True, secrets=field.secrets, scope=field.scope
            )
            self._text = TextControl(as_text, self._context, self)
            self._text.editor.setPlaceholderText("{{ … }}")
            self._text.edited.connect(self._edited)
            self._text.left.connect(self.left)
            self._place.addWidget(self._text)
            if isinstance(self.control, SwitchControl):
                self._text.row.insertWidget(0, QLabel(field.title, self._text), 0, Qt.AlignmentFlag.AlignVCenter)
        if self._text is not None:
            self._text.setVisible(is_template)
        if self.control is not None:
            self.control.setVisible(not is_template)
        if self._braces is not None:
            self._braces.setChecked(is_template)
            if self._text is not None and isinstance(self.control, SwitchControl):
                (self._text.row if is_template else self.control.layout()).addWidget(self._braces)  # type: ignore[union-attr]  # both have layouts
        if self.label is not None and self.shown_control is not None:
            self.label.setBuddy(self.shown_control.keyboard())


class Indented(QFrame):
    """A column of fields that belong together, with a line along its left side."""

    def __init__(self, context: FormContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme = context.theme
        self.setObjectName("indented")
        self.setStyleSheet(f"#indented {{ border: none; border-left: 2px solid {theme.css('border.subtle')}; }}")
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(theme.px("space.3"), 0, 0, 0)
        self.column.setSpacing(theme.px("space.3"))


def summary(value: Value, group: FormField) -> str:
    """A group in a word or two, for its closed state."""
    if not isinstance(value, dict) or not value:
        return ""
    kind = value.get("kind")
    if isinstance(kind, str):
        choice = next((field for field in group.fields if field.key == "kind"), None)
        return choice.said(kind) if choice is not None else kind
    return "set" if any(_is_set(one) for one in value.values()) else ""


def _is_set(value: Json) -> bool:
    return value not in (None, "", [], {})
