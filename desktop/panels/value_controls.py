"""Text controls whose text means something else: numbers, durations, any JSON value."""

from __future__ import annotations

import json
import math

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget

from core.workflow.durations import parse_duration
from core.workflow.model import Json
from desktop.panels.controls import FormContext, TextControl
from desktop.panels.fields import ABSENT, FormField, Value
from desktop.panels.notices import Notices


class ValueControl(TextControl):
    """Any JSON value: a text, or with the JSON button down, what the text says in JSON."""

    def __init__(self, field: FormField, context: FormContext, parent: QWidget | None = None) -> None:
        super().__init__(field, context, parent)
        self.as_json = self.add_button("braces", "As JSON: numbers, lists, objects")
        self.as_json.setCheckable(True)
        self.as_json.toggled.connect(self._switched)
        self.notices = Notices(context.around, self)
        layout = self.layout()
        assert layout is not None
        layout.addWidget(self.notices)
        self._showing = False

    def show_value(self, value: Value) -> None:
        """Show a text as text, everything else as JSON."""
        is_json = value is not ABSENT and value is not None and not isinstance(value, str)
        if not is_json and self.as_json.isChecked() and value == _parsed(self.editor.toPlainText()):
            return  # a text that is being written in JSON
        self._showing = True
        self.as_json.setChecked(is_json)
        self._showing = False
        if self.value_of(self.editor.toPlainText()) != value or value == "":
            self.editor.show_text(self.text_of(value))

    def value_of(self, text: str) -> Value:
        """The text, or what it says in JSON."""
        if not self.as_json.isChecked():
            return super().value_of(text)
        self.notices.clear()
        parsed = _parsed(text)
        if parsed is not ABSENT:
            return parsed
        if text.strip():
            self.notices.add("error", "This is no JSON yet; until it is, it counts as text.")
        return super().value_of(text)

    def _switched(self, is_json: bool) -> None:
        self.notices.clear()
        if self._showing:
            return
        text = self.editor.toPlainText()
        if is_json and text and _parsed(text) is ABSENT:
            self.editor.show_text(json.dumps(text, ensure_ascii=False))
        elif not is_json and isinstance(parsed := _parsed(text), str):
            self.editor.show_text(parsed)
        self.edited.emit(self.value_of(self.editor.toPlainText()), False)


class NumberControl(TextControl):
    """A number, or a template that gives one. Up and Down count; so do the two buttons."""

    def __init__(self, field: FormField, context: FormContext, parent: QWidget | None = None) -> None:
        super().__init__(field, context, parent)
        self.editor.installEventFilter(self)
        for icon, name, steps in (("minus", "Less", -1), ("plus", "More", 1)):
            button = self.add_button(icon, name)
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            button.setAutoRepeat(True)
            button.clicked.connect(lambda _checked=False, steps=steps: self._count(steps))

    def value_of(self, text: str) -> Value:
        """The number that a text spells; a text that spells none stays a text, for validation to speak of."""
        text = text.strip()
        if not text:
            return ABSENT
        try:
            if self.field.kind == "integer":
                return int(text)
            number = float(text)
        except ValueError:
            return text
        if not math.isfinite(number):
            return text
        return int(number) if number == int(number) and "." not in text and "e" not in text.lower() else number

    def text_of(self, value: Value) -> str:
        """A number as people write it."""
        if isinstance(value, float) and not isinstance(value, bool):
            return f"{value:.12g}"
        return super().text_of(value)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Count by the arrow keys while no suggestions are open."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and self.editor.popup is None:
            steps = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1, Qt.Key.Key_PageUp: 10, Qt.Key.Key_PageDown: -10}
            for key, count in steps.items():
                if event.key() == key and not event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
                    self._count(count)
                    return True
        return super().eventFilter(watched, event)

    def _count(self, steps: int) -> None:
        value = self.value_of(self.editor.toPlainText())
        if isinstance(value, str):
            return  # a template
        field = self.field
        base = value if isinstance(value, (int, float)) else field.default
        start = base if isinstance(base, (int, float)) else field.low or 0
        narrow = field.kind == "number" and field.high is not None and field.high - (field.low or 0) <= 10
        counted = round(start + steps * (0.1 if narrow else 1), 6)
        if field.low is not None:
            counted = max(field.low, counted)
        if field.high is not None:
            counted = min(field.high, counted)
        number: Json = int(counted) if field.kind == "integer" or counted == int(counted) else counted
        self.editor.show_text(self.text_of(number))
        self.edited.emit(number, True)


class DurationControl(TextControl):
    """A duration as people write it. Another spelling of the same time does not take the place of the typed one."""

    def show_value(self, value: Value) -> None:
        """Show a duration."""
        if not _is_same_time(self.editor.toPlainText(), value):
            super().show_value(value)


def _is_same_time(text: str, value: Value) -> bool:
    try:
        return parse_duration(text) == parse_duration(value)
    except ValueError:
        return False


def _parsed(text: str) -> Value:
    try:
        value: Json = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return ABSENT
    return value


def _refuse(word: str) -> Json:
    raise ValueError(f"{word} is no JSON value.")
