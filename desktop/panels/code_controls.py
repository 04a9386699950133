"""Controls for code: Python, and JSON that is checked while it is written."""

from __future__ import annotations

import json

from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.workflow.model import Json
from core.workflow.schemas import schema_flaw
from desktop.panels.controls import Control, FormContext
from desktop.panels.fields import ABSENT, FormField, Value
from desktop.panels.highlight import JsonHighlighter, PythonHighlighter
from desktop.panels.notices import Notices
from desktop.panels.text_edit import CodeEdit


class CodeControl(Control):
    """Python."""

    def __init__(self, field: FormField, context: FormContext, parent: QWidget | None = None) -> None:
        super().__init__(field, context, parent)
        self.editor = CodeEdit(context.theme, least=10, most=28, parent=self)
        self.editor.setAccessibleName(field.title)
        self._highlighter = PythonHighlighter(self.editor.document(), context.theme)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.editor)
        self.editor.edited.connect(lambda text: self.edited.emit(text or ABSENT, True))
        self.editor.left.connect(self.left)

    def show_value(self, value: Value) -> None:
        """Show the code."""
        self.editor.show_text(value if isinstance(value, str) else "")

    def keyboard(self) -> QWidget:
        """The editor."""
        return self.editor


class JsonControl(Control):
    """A JSON object or list. What is no JSON yet is kept as text, so that unfinished work is never lost."""

    def __init__(self, field: FormField, context: FormContext, parent: QWidget | None = None) -> None:
        super().__init__(field, context, parent)
        self.editor = CodeEdit(context.theme, least=3, most=20, parent=self)
        self.editor.setAccessibleName(field.title)
        self.editor.setPlaceholderText('{"type": "object", …}' if field.kind == "json_schema" else "{ … }")
        self._highlighter = JsonHighlighter(self.editor.document(), context.theme)
        self.notices = Notices(context.around, self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(context.theme.px("space.1"))
        layout.addWidget(self.editor)
        layout.addWidget(self.notices)
        self.editor.edited.connect(lambda text: self.edited.emit(self._value_of(text), True))
        self.editor.left.connect(self.left)

    def show_value(self, value: Value) -> None:
        """Show the value in lines."""
        if self._value_of(self.editor.toPlainText()) != value:
            if value is ABSENT or value is None:
                self.editor.show_text("")
            else:
                text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
                self.editor.show_text(text)
            self._value_of(self.editor.toPlainText())

    def keyboard(self) -> QWidget:
        """The editor."""
        return self.editor

    def _value_of(self, text: str) -> Value:
        self.notices.clear()
        if not text.strip():
            return ABSENT
        try:
            value: Json = json.loads(text)
        except json.JSONDecodeError as error:
            where = f"Line {error.lineno}, column {error.colno}"
            self.notices.add("error", f"{where}: {error.msg}. It is kept as text until it is JSON.")
            return text
        except RecursionError:
            self.notices.add("error", "It is nested too deeply. It is kept as text.")
            return text
        if self.field.kind == "json_schema" and isinstance(value, dict) and (flaw := schema_flaw(value)):
            self.notices.add("error", f"This is no JSON Schema: {flaw}")
        return value
