"""The controls of a form for single values: text with templates, any value, numbers, choices, switches."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from core.workflow.model import Json
from core.workflow.problems import Problem
from desktop.panels.background import Surroundings
from desktop.panels.completion import Flaw
from desktop.panels.fields import ABSENT, FormField, Value
from desktop.panels.notices import Notices
from desktop.panels.preview_line import PreviewLine
from desktop.panels.template_edit import TemplateEdit, TemplateSource
from desktop.theme import Theme

Placed: TypeAlias = tuple[tuple[str | int, ...], Problem]
"""A problem with the rest of its path, from the control down."""

ROW_HEIGHT: Final = 30
"""Height of a control of one line, in logical pixels."""


@dataclass(frozen=True, slots=True)
class FormContext:
    """What the controls of one form share.

    make: gives the control of a field. wire: draws a wire from the step of that id to the shown one.
    """

    around: Surroundings
    source: TemplateSource
    make: Callable[[FormField, FormContext, QWidget | None], Control]
    wire: Callable[[str], None]

    @property
    def theme(self) -> Theme:
        """The theme in force."""
        return self.around.themes.theme


class Control(QWidget):
    """Shows the value of one field and tells what the person makes of it.

    edited: the new value (or ABSENT), and whether it is being typed, so that it merges with the change before.
    left: the keyboard went to another field.
    """

    edited = Signal(object, bool)
    left = Signal()

    def __init__(self, field: FormField, context: FormContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.field = field
        self.context = context

    def show_value(self, value: Value) -> None:
        """Show what the document holds; never tells it as an edit."""
        raise NotImplementedError

    def keyboard(self) -> QWidget:
        """The widget that takes the keyboard."""
        raise NotImplementedError

    def check(self) -> None:
        """Look at references and previews again."""

    def show_problems(self, problems: Sequence[Placed]) -> Sequence[Placed]:
        """Show the problems of parts inside; those that belong to the field itself are given back."""
        return problems


class TextControl(Control):
    """A text that may hold templates, with its preview and the cures of wrong references below."""

    def __init__(self, field: FormField, context: FormContext, parent: QWidget | None = None) -> None:
        super().__init__(field, context, parent)
        large = field.kind == "multiline" or field.large
        self.editor = TemplateEdit(
            context.theme,
            context.source,
            secrets=field.secrets,
            inside=field.scope == "body",
            least=4 if large else 1,
            most=16 if large else 6,
            parent=self,
        )
        self.editor.setPlaceholderText(placeholder(field))
        self._name_editor()
        self.row = QHBoxLayout()
        self.row.setSpacing(context.theme.px("space.1"))
        self.row.addWidget(self.editor, 1)
        self.preview = PreviewLine(context.around, context.source, self)
        self.flaws = Notices(context.around, self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(context.theme.px("space.1"))
        layout.addLayout(self.row)
        layout.addWidget(self.preview)
        layout.addWidget(self.flaws)
        self.editor.edited.connect(lambda text: self.edited.emit(self.value_of(text), True))
        self.editor.left.connect(self.left)
        self.editor.flaws_changed.connect(self._show_flaws)

    def show_value(self, value: Value) -> None:
        """Show a text; another value as its JSON."""
        if self.value_of(self.editor.toPlainText()) != value or value == "":
            self.editor.show_text(self.text_of(value))

    def value_of(self, text: str) -> Value:
        """What a text means for the document."""
        return ABSENT if not text and not self.field.keep_empty else text

    def text_of(self, value: Value) -> str:
        """How a value is shown."""
        return "" if value is ABSENT or value is None else value if isinstance(value, str) else json_text(value)

    def keyboard(self) -> QWidget:
        """The editor."""
        return self.editor

    def check(self) -> None:
        """Look at references and the preview again."""
        if not self.field.template:
            return
        self.editor.check()
        self.preview.ask("" if self.editor.flaws else self.editor.toPlainText())

    def set_text(self, text: str) -> None:
        """Put a text in as if it was typed."""
        self.editor.show_text(text)
        self.edited.emit(self.value_of(text), False)
        self.editor.setFocus()

    def put_notes_into(self, layout: QVBoxLayout) -> None:
        """Show the preview and what is wrong elsewhere, where there is more room."""
        layout.addWidget(self.preview)
        layout.addWidget(self.flaws)

    def add_button(self, icon: str, name: str) -> QToolButton:
        """A button at the end of the line."""
        button = tool_button(self.context, icon, name, self)
        self.row.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        return button

    def _name_editor(self) -> None:
        self.editor.setAccessibleName(self.field.title)
        self.editor.setAccessibleDescription(self.field.help)

    def _show_flaws(self, flaws: Sequence[Flaw]) -> None:
        self.flaws.clear()
        for flaw in flaws:
            problem = flaw.problem
            label, action = "", None
            if flaw.replacement:
                label, action = f"Use {flaw.replacement}", lambda flaw=flaw: self.editor.mend(flaw)
            elif flaw.source:
                label, action = f"Wire from {flaw.source}", lambda flaw=flaw: self.context.wire(flaw.source)
            fix = "" if label else problem.fix
            self.flaws.add(problem.severity, f"{problem.message} {fix}".strip(), label, action)


class ChoiceControl(Control):
    """One of some words."""

    def __init__(self, field: FormField, context: FormContext, parent: QWidget | None = None) -> None:
        super().__init__(field, context, parent)
        self.box = ComboBox(self)
        self.box.setAccessibleName(field.title)
        self.box.setAccessibleDescription(field.help)
        if field.default is None and not field.required:
            self.box.addItem("not set", None)
        for choice in field.choices:
            self.box.addItem(field.said(choice), choice)
            self.box.setItemData(self.box.count() - 1, _in_document(choice), Qt.ItemDataRole.ToolTipRole)
        if field.required and field.default is None:
            self.box.setPlaceholderText("Choose")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.box)
        self.box.activated.connect(self._chosen)

    def show_value(self, value: Value) -> None:
        """Show the choice; a value that is none of them is shown too, so that it is not lost."""
        wanted = self.field.default if value is ABSENT else value
        at = self.box.findData(wanted)
        if at < 0 and wanted is not None:
            self.box.addItem(f"{wanted} (unknown)", wanted)
            at = self.box.count() - 1
        self.box.setCurrentIndex(at)
        self.box.setToolTip(_in_document(wanted) if wanted else "")

    def keyboard(self) -> QWidget:
        """The box."""
        return self.box

    def _chosen(self, row: int) -> None:
        value = self.box.itemData(row)
        self.box.setToolTip(_in_document(value) if value else "")
        is_default = value == self.field.default and not self.field.required
        self.edited.emit(ABSENT if is_default else value, False)


class SwitchControl(Control):
    """Yes or no."""

    def __init__(self, field: FormField, context: FormContext, parent: QWidget | None = None) -> None:
        super().__init__(field, context, parent)
        self.box = QCheckBox(field.title, self)
        self.box.setAccessibleDescription(field.help)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.box)
        layout.addStretch(1)
        self.box.clicked.connect(self._clicked)

    def show_value(self, value: Value) -> None:
        """Show yes or no."""
        shown = self.field.default if value is ABSENT else value
        self.box.setChecked(bool(shown))

    def keyboard(self) -> QWidget:
        """The check box."""
        return self.box

    def _clicked(self, checked: bool) -> None:
        self.edited.emit(ABSENT if checked == bool(self.field.default) else checked, False)


class ComboBox(QComboBox):
    """A box of choices that the wheel only turns when it has the keyboard, so that scrolling changes nothing."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumContentsLength(8)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802 - Qt's name
        """Turn only with the keyboard here."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


def tool_button(context: FormContext, icon: str, name: str, parent: QWidget) -> QToolButton:
    """A small button with an icon, named for screen readers and by its tool tip."""
    button = QToolButton(parent)
    button.setIcon(context.around.icons.icon(icon, context.theme))
    button.setIconSize(QSize(16, 16))
    button.setFixedSize(ROW_HEIGHT - 2, ROW_HEIGHT - 2)
    button.setToolTip(name)
    button.setAccessibleName(name)
    return button


def placeholder(field: FormField) -> str:
    """What an empty editor says: what holds then, or the limits of a number."""
    if field.default not in (None, "", [], {}):
        text = field.default if isinstance(field.default, str) else json_text(field.default)
        if field.kind == "duration" and isinstance(field.default, (int, float)):
            return f"{field.default:g}s"
        if isinstance(field.default, int) and not isinstance(field.default, bool):
            return f"{field.default:,}"
        return text.removesuffix(".0")
    if field.low is not None and field.high is not None and field.high < 10_000:
        return f"{field.low:g} to {field.high:g}"
    return ""


def _in_document(choice: object) -> str:
    """Which word of the document a label stands for."""
    return f"In the document: {choice}" if choice else "Left out of the document"


def json_text(value: Json) -> str:
    """A value as JSON, in lines if it is large."""
    flat = json.dumps(value, ensure_ascii=False)
    return flat if len(flat) <= 60 else json.dumps(value, ensure_ascii=False, indent=2)
