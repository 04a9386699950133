"""The control for names with values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from core.workflow.model import Json
from desktop.panels.controls import Control, FormContext, Placed, TextControl, tool_button
from desktop.panels.fields import ABSENT, FormField, Value
from desktop.panels.lists import add_button, of_the_line
from desktop.panels.notices import Notices
from desktop.panels.text_edit import LineEdit


class KeyValuesControl(Control):
    """Names with values. A name that is empty or stands twice is shown as such and not kept."""

    def __init__(self, field: FormField, context: FormContext, parent: QWidget | None = None) -> None:
        super().__init__(field, context, parent)
        item = field.item or FormField("", "value")
        self._item = replace(item, keep_empty=True)
        self._pairs: list[tuple[str, Json]] = []
        self.lines: list[_Pair] = []
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(context.theme.px("space.2"))
        self.notices = Notices(context.around, self)
        self.add_button = add_button(context, "Add a name", self)
        self.add_button.setAccessibleDescription(f"To {field.title}")
        self.add_button.clicked.connect(self._add)
        self._layout.addWidget(self.notices)
        self._layout.addWidget(self.add_button, 0, Qt.AlignmentFlag.AlignLeft)

    @property
    def pairs(self) -> list[tuple[LineEdit, Control]]:
        """The editors of each name and its value."""
        return [(line.key, line.control) for line in self.lines]

    def show_value(self, value: Value) -> None:
        """Show the pairs; a line without a name yet stays while the rest is the same."""
        wanted = dict(value) if isinstance(value, dict) else {}
        if self._kept() != wanted or list(self._kept()) != list(wanted):
            self._pairs = list(wanted.items())
            if [line.key.text() for line in self.lines] != list(wanted):
                self._rebuild()
            else:
                for line, (_, one) in zip(self.lines, self._pairs, strict=True):
                    line.control.show_value(one)

    def keyboard(self) -> QWidget:
        """The first name, or the button that adds one."""
        return self.lines[0].key if self.lines else self.add_button

    def check(self) -> None:
        """Look at references and previews again."""
        for line in self.lines:
            line.control.check()

    def show_problems(self, problems: Sequence[Placed]) -> Sequence[Placed]:
        """Give each value its own."""
        names = {name for name, _ in self._pairs}
        for (name, _), line in zip(self._pairs, self.lines, strict=True):
            line.show_problems([(path[1:], problem) for path, problem in problems if path and path[0] == name])
        return [one for one in problems if not one[0] or one[0][0] not in names]

    def _kept(self) -> dict[str, Json]:
        return {name: value for name, value in self._pairs if name}

    def _rebuild(self) -> None:
        for line in self.lines:
            self._layout.removeWidget(line)
            line.hide()
            line.deleteLater()
        self.lines = []
        for index, (name, value) in enumerate(self._pairs):
            line = _Pair(self._item, self.context, name, self)
            line.control.show_value(value)
            line.key.textEdited.connect(lambda text, index=index: self._renamed(index, text))
            line.key.left.connect(self.left)
            line.control.edited.connect(lambda value, typing, index=index: self._edited(index, value, typing))
            line.control.left.connect(self.left)
            line.remove.clicked.connect(lambda _checked=False, index=index: self._remove(index))
            self._layout.insertWidget(index, line)
            self.lines.append(line)
        self._judge()

    def _add(self) -> None:
        self._pairs.append(("", ""))
        self._rebuild()
        self.lines[-1].key.setFocus()

    def _remove(self, index: int) -> None:
        del self._pairs[index]
        self._rebuild()
        (self.lines[min(index, len(self.lines) - 1)].key if self.lines else self.add_button).setFocus()
        self._tell(typing=False)

    def _renamed(self, index: int, name: str) -> None:
        self._pairs[index] = (name, self._pairs[index][1])
        self._judge()
        self._tell(typing=True)

    def _edited(self, index: int, value: Value, typing: bool) -> None:
        self._pairs[index] = (self._pairs[index][0], "" if value is ABSENT else value)
        self._tell(typing)

    def _judge(self) -> None:
        self.notices.clear()
        names = [name for name, _ in self._pairs]
        for name in dict.fromkeys(name for name in names if name and names.count(name) > 1):
            self.notices.add("warning", f"The name {name!r} stands twice; the last one counts.")

    def _tell(self, typing: bool) -> None:
        kept = self._kept()
        is_default = not kept and not self.field.required and not self.field.keep_empty
        self.edited.emit(ABSENT if is_default else kept, typing)


class _Pair(QWidget):
    """A name, its value, and the button that removes both."""

    def __init__(self, item: FormField, context: FormContext, name: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.key = LineEdit(self)
        self.key.setText(name)
        self.key.setPlaceholderText("name")
        self.key.setAccessibleName("Name")
        self.control = context.make(replace(item, title=f"Value of {name or 'the new name'}"), context, self)
        self.remove = tool_button(context, "x", f"Remove {name or 'this line'}", self)
        self._notices = Notices(context.around, self)
        row = QHBoxLayout()
        row.setSpacing(context.theme.px("space.1"))
        row.addWidget(self.key, 1)
        row.addWidget(self.remove)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, context.theme.px("space.1"))
        layout.setSpacing(context.theme.px("space.1"))
        layout.addLayout(row)
        layout.addWidget(self.control)  # below: beside a name there is no room for a template
        if isinstance(self.control, TextControl):
            self.control.put_notes_into(layout)
        layout.addWidget(self._notices)

    def show_problems(self, problems: Sequence[Placed]) -> None:
        """Show what is wrong with the value."""
        self._notices.clear()
        for problem in of_the_line(self.control, problems):
            self._notices.add(problem.severity, problem.words)
