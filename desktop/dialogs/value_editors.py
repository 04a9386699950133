"""Editors for one JSON value each, chosen by its JSON Schema: text, number, switch, choice, JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from enum import Enum
from typing import Final, TypeAlias

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLineEdit, QPlainTextEdit, QSizePolicy, QWidget

from core.workflow.model import Json
from desktop.theme import Theme


class Blank(Enum):
    """What an editor holds that the person has left empty."""

    BLANK = "blank"


BLANK: Final = Blank.BLANK
Entered: TypeAlias = "Json | Blank"
"""What a person has entered, or BLANK."""

_FRAME = 10
"""Height that an editor's border and padding take, in logical pixels."""

_INSET = 5
"""What brings the text to where a line editor has it, in logical pixels."""

_FLAT = 60
"""Characters of JSON that are shown on one line."""


class NotAValue(Exception):
    """What was typed spells no value of the wanted type; the text says what is expected."""


class ValueEditor(QWidget):
    """Holds one value. changed: the person changed it."""

    changed = Signal()

    def read(self) -> Entered:
        """What was entered. Raises NotAValue."""
        raise NotImplementedError

    def write(self, value: Entered) -> None:
        """Show a value."""
        raise NotImplementedError

    def _holds(self, widget: QWidget) -> None:
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(widget)
        self.setFocusProxy(widget)


class GrowingText(QPlainTextEdit):
    """A text that grows from one line (or more) to ten with what is in it. Tab leaves it."""

    def __init__(self, theme: Theme, *, least: int = 1, most: int = 10, mono: bool = False) -> None:
        super().__init__()
        self._least, self._most = least, most
        self.setFont(theme.font("mono" if mono else "body"))
        self.setTabChangesFocus(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.document().setDocumentMargin(1)
        self.setViewportMargins(_INSET, 0, 0, 0)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.textChanged.connect(self._fit)
        self._fit()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """As high as its lines."""
        return QSize(240, self.height())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Another width breaks lines elsewhere."""
        super().resizeEvent(event)
        self._fit()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802 - Qt's name
        """Let the form scroll while there is nothing to scroll here."""
        if self._lines() <= self._most:
            event.ignore()
        else:
            super().wheelEvent(event)

    def _lines(self) -> int:
        return round(self.document().size().height())  # the layout of plain text counts in lines

    def _fit(self) -> None:
        lines = max(self._least, min(self._most, self._lines()))
        over = self._lines() > self._most
        self.setVerticalScrollBarPolicy(
            Qt.ScrollBarPolicy.ScrollBarAsNeeded if over else Qt.ScrollBarPolicy.ScrollBarAlwaysOff
        )
        height = math.ceil(QFontMetricsF(self.font()).lineSpacing() * lines) + 2 + _FRAME
        if height != self.height():
            self.setFixedHeight(height)


class TextEditor(ValueEditor):
    """A text; empty means BLANK, unless the schema's default says that a text may be empty."""

    def __init__(self, schema: Mapping[str, Json], theme: Theme) -> None:
        super().__init__()
        self._may_be_empty = isinstance(schema.get("default"), str)
        long = schema.get("format") in ("multiline", "markdown", "textarea") or "contentMediaType" in schema
        self.edit = GrowingText(theme, least=4 if long else 1)
        self._holds(self.edit)
        self.edit.textChanged.connect(self.changed)

    def read(self) -> Entered:
        """The text."""
        text = self.edit.toPlainText()
        return text if text or self._may_be_empty else BLANK

    def write(self, value: Entered) -> None:
        """Show a text."""
        self.edit.setPlainText(
            "" if value is BLANK or value is None else value if isinstance(value, str) else _json(value)
        )


class NumberEditor(ValueEditor):
    """A number; empty means BLANK. The empty field says what holds then."""

    def __init__(self, schema: Mapping[str, Json], theme: Theme) -> None:
        super().__init__()
        self._whole = schema.get("type") == "integer"
        self.edit = QLineEdit()
        self.edit.setFont(theme.font("body", tabular=True))
        low, high = schema.get("minimum"), schema.get("maximum")
        if schema.get("default") is not None:
            self.edit.setPlaceholderText(_json(schema["default"]))
        elif low is not None and high is not None:
            self.edit.setPlaceholderText(f"{_json(low)} to {_json(high)}")
        self._holds(self.edit)
        self.edit.textEdited.connect(self.changed)

    def read(self) -> Entered:
        """The number."""
        text = self.edit.text().strip().replace("\u2212", "-")
        if not text:
            return BLANK
        number = _number(text)
        if number is None or (self._whole and isinstance(number, float)):
            wanted = "a whole number, such as 12" if self._whole else "a number, such as 1.5"
            raise NotAValue(f"Enter {wanted}.")
        return number

    def write(self, value: Entered) -> None:
        """Show a number."""
        self.edit.setText("" if value is BLANK or value is None else _json(value))


class ChoiceEditor(ValueEditor):
    """One of some values. A default makes it never BLANK."""

    def __init__(self, schema: Mapping[str, Json], theme: Theme) -> None:
        super().__init__()
        choices = schema.get("enum")
        self._choices: list[Json] = choices if isinstance(choices, list) else []
        self.box = ChoiceBox()
        for choice in self._choices:
            self.box.addItem(choice if isinstance(choice, str) else _json(choice))
        self.box.setPlaceholderText("Choose one")
        self.box.setCurrentIndex(-1)
        self._holds(self.box)
        self.box.activated.connect(lambda _row: self.changed.emit())

    def read(self) -> Entered:
        """The choice."""
        row = self.box.currentIndex()
        return self._choices[row] if row >= 0 else BLANK

    def write(self, value: Entered) -> None:
        """Show a choice; none for a value that is no choice (any more)."""
        found = [row for row, choice in enumerate(self._choices) if choice == value and type(choice) is type(value)]
        self.box.setCurrentIndex(found[0] if found else -1)


class SwitchEditor(ValueEditor):
    """Yes or no; never BLANK."""

    def __init__(self, schema: Mapping[str, Json], theme: Theme) -> None:
        super().__init__()
        self.box = QCheckBox("Yes")
        self._holds(self.box)
        self.box.clicked.connect(lambda _checked: self.changed.emit())

    def read(self) -> Entered:
        """Whether it is on."""
        return self.box.isChecked()

    def write(self, value: Entered) -> None:
        """Show yes or no."""
        self.box.setChecked(value is True)


class JsonEditor(ValueEditor):
    """Any value as JSON; empty means BLANK. loose: what is no JSON counts as a text."""

    def __init__(self, schema: Mapping[str, Json], theme: Theme, *, loose: bool) -> None:
        super().__init__()
        self._loose = loose
        self.edit = GrowingText(theme, least=1 if loose else 3, mono=True)
        example = {"array": '["first", "second"]', "object": '{"name": "value"}'}.get(str(schema.get("type")), "")
        self.edit.setPlaceholderText(example or ("A text, or any JSON" if loose else "JSON"))
        self._holds(self.edit)
        self.edit.textChanged.connect(self.changed)

    def read(self) -> Entered:
        """What the text says in JSON."""
        text = self.edit.toPlainText()
        if not text.strip():
            return BLANK
        try:
            value: Json = json.loads(text, parse_constant=_refuse)
        except json.JSONDecodeError as error:
            if self._loose:
                return text
            raise NotAValue(f"This is not JSON: {error.msg} (line {error.lineno}, column {error.colno}).") from None
        except (ValueError, RecursionError) as error:
            raise NotAValue(f"This is not JSON: {error}.") from None
        return value

    def write(self, value: Entered) -> None:
        """Show a value as JSON."""
        is_text = self._loose and isinstance(value, str) and not _is_json(value)
        if value is BLANK:
            self.edit.setPlainText("")
        elif is_text:
            self.edit.setPlainText(str(value))
        else:
            flat = _json(value)
            self.edit.setPlainText(flat if len(flat) <= _FLAT else json.dumps(value, ensure_ascii=False, indent=2))


class ChoiceBox(QComboBox):
    """A box of choices that the wheel turns only when it has the keyboard, so that scrolling changes nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802 - Qt's name
        """Turn only with the keyboard here."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


def make_editor(schema: Mapping[str, Json], theme: Theme) -> ValueEditor:
    """The editor for a schema."""
    if isinstance(schema.get("enum"), list):
        return ChoiceEditor(schema, theme)
    match schema.get("type"):
        case "string":
            return TextEditor(schema, theme)
        case "integer" | "number":
            return NumberEditor(schema, theme)
        case "boolean":
            return SwitchEditor(schema, theme)
        case "object" | "array":
            return JsonEditor(schema, theme, loose=False)
        case _:
            return JsonEditor(schema, theme, loose=True)


def _number(text: str) -> int | float | None:
    """The number that a text spells, whole if it has no fraction; None if it spells none."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        return None
    if not math.isfinite(number):
        return None
    return int(number) if number == int(number) and abs(number) < 2**53 else number


def _json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse(word: str) -> Json:
    raise ValueError(f"{word} is no JSON value")
