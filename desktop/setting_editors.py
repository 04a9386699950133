"""The widgets in which settings are entered, one class for each kind of value."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QSpinBox,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from desktop.settings_fields import SettingField

LARGEST: Final = 1_000_000_000
NUMBER_WIDTH: Final = 180
NOTHING: Final = "—"
"""What a number shows that is not set."""


class Editor(QObject):
    """A widget for one setting. changed: the person changed the value. widget: what is laid out."""

    changed = Signal()

    def __init__(self, widget: QWidget, read: Callable[[], Any], write: Callable[[Any], None]) -> None:
        super().__init__(widget)
        self.widget = widget
        self._read, self._write = read, write

    @property
    def value(self) -> Any:
        """The value as entered, ready for the settings model."""
        return self._read()

    def show(self, value: Any) -> None:
        """Show a value."""
        self._write(value)


def editor_for(field: SettingField) -> Editor:
    """An editor for a setting."""
    made = _MAKERS[field.kind](field)
    made.widget.setAccessibleName(field.title)
    made.widget.setAccessibleDescription(field.help)
    return made


def _text(field: SettingField) -> Editor:
    line = QLineEdit()
    editor = Editor(line, line.text, lambda value: line.setText(str(value or "")))
    line.textEdited.connect(editor.changed)
    if field.default:
        line.setPlaceholderText(str(field.default))
    return editor


def _integer(field: SettingField) -> Editor:
    box = QSpinBox()
    low = int(field.low or 0)
    box.setRange(low - 1 if field.optional else low, int(field.high or LARGEST))
    if field.optional:
        box.setSpecialValueText(NOTHING)  # shown at the minimum, which is one below the smallest number
    box.setSuffix(f" {field.unit}" if field.unit else "")
    box.setGroupSeparatorShown(True)
    box.setMaximumWidth(NUMBER_WIDTH)
    empty = box.minimum() if field.optional else None

    def read() -> int | None:
        return None if box.value() == empty else box.value()

    editor = Editor(box, read, lambda value: box.setValue(low - 1 if value is None else int(value)))
    box.valueChanged.connect(lambda _: editor.changed.emit())
    return editor


class _NumberBox(QDoubleSpinBox):
    """A number that shows no decimals where there are none."""

    def textFromValue(self, value: float) -> str:  # noqa: N802 - Qt's name
        return self.locale().toString(value, "f", 0 if value == int(value) else self.decimals())


def _number(field: SettingField) -> Editor:
    box = _NumberBox()
    box.setRange(field.low if field.low is not None else -LARGEST, field.high if field.high is not None else LARGEST)
    box.setDecimals(1)
    box.setMaximumWidth(NUMBER_WIDTH)
    box.setSuffix(f" {field.unit}" if field.unit else "")
    editor = Editor(box, box.value, lambda value: box.setValue(float(value)))
    box.valueChanged.connect(lambda _: editor.changed.emit())
    return editor


def _switch(field: SettingField) -> Editor:
    box = QCheckBox(field.help or field.title)
    editor = Editor(box, box.isChecked, lambda value: box.setChecked(bool(value)))
    box.clicked.connect(lambda _: editor.changed.emit())
    return editor


def _choice(field: SettingField) -> Editor:
    box = QComboBox()
    box.addItems(list(field.choices))
    editor = Editor(box, box.currentText, lambda value: box.setCurrentText(str(value)))
    box.activated.connect(lambda _: editor.changed.emit())
    return editor


def _lines(field: SettingField) -> Editor:
    text = QPlainTextEdit()
    text.setFixedHeight(78)
    text.setTabChangesFocus(True)
    text.setPlaceholderText("One on each line")

    def read() -> list[str]:
        return [line.strip() for line in text.toPlainText().splitlines() if line.strip()]

    editor = Editor(text, read, lambda value: text.setPlainText("\n".join(map(str, value))))
    text.textChanged.connect(editor.changed)
    return editor


def _folder(field: SettingField) -> Editor:
    return _text(field)


def _rows(field: SettingField) -> Editor:
    table = _Rows(field)
    editor = Editor(table, table.read, table.write)
    table.changed.connect(editor.changed)
    return editor


class _Rows(QWidget):
    """A table of records with buttons to add and remove one; folders are added by choosing them."""

    changed = Signal()

    def __init__(self, field: SettingField) -> None:
        super().__init__()
        self._columns = field.columns
        self.table = QTableWidget(0, len(field.columns))
        self.table.setHorizontalHeaderLabels([column.title for column in field.columns])
        self.table.verticalHeader().hide()
        self.table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.table.setTabKeyNavigation(False)
        self.table.setFixedHeight(132)
        self.table.setAccessibleName(field.title)
        self.table.itemChanged.connect(lambda _: self.changed.emit())
        add, remove = QPushButton("Add…"), QPushButton("Remove")
        add.clicked.connect(self._add)
        remove.clicked.connect(self._remove)
        remove.setEnabled(False)
        self.table.itemSelectionChanged.connect(lambda: remove.setEnabled(bool(self.table.selectedItems())))
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(add)
        buttons.addWidget(remove)
        buttons.addStretch()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.table)
        column.addLayout(buttons)

    def read(self) -> list[dict[str, Any]]:
        return [
            {column.path[-1]: self._cell(row, n, column) for n, column in enumerate(self._columns)}
            for row in range(self.table.rowCount())
        ]

    def write(self, values: list[Any]) -> None:
        self.table.blockSignals(True)
        self.table.setRowCount(0)
        for value in values:
            self.append(value if isinstance(value, dict) else dict(value))
        self.table.blockSignals(False)

    def append(self, record: dict[str, Any]) -> None:
        row = self.table.rowCount()
        self.table.insertRow(row)
        for n, column in enumerate(self._columns):
            value = record.get(column.path[-1], column.default)
            item = QTableWidgetItem("" if column.kind == "switch" else str(value or ""))
            if column.kind == "switch":
                item.setFlags(
                    Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
                )
                item.setCheckState(Qt.CheckState.Checked if value else Qt.CheckState.Unchecked)
            self.table.setItem(row, n, item)

    def _cell(self, row: int, n: int, column: SettingField) -> Any:
        item = self.table.item(row, n)
        if column.kind == "switch":
            return item is not None and item.checkState() == Qt.CheckState.Checked
        return item.text() if item is not None else ""

    def _add(self) -> None:
        if not any(column.kind == "folder" for column in self._columns):
            self.append({})
            self.changed.emit()
            return
        dialog = QFileDialog(self, "Choose a folder", str(Path.home()))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self._added)
        dialog.open()

    def _added(self, folder: str) -> None:
        name = next(column.path[-1] for column in self._columns if column.kind == "folder")
        self.append({name: folder})
        self.changed.emit()

    def _remove(self) -> None:
        rows = {item.row() for item in self.table.selectedItems()}
        for row in sorted(rows, reverse=True):
            self.table.removeRow(row)
        self.changed.emit()


_MAKERS: Final[dict[str, Callable[[SettingField], Editor]]] = {
    "text": _text,
    "integer": _integer,
    "number": _number,
    "switch": _switch,
    "choice": _choice,
    "lines": _lines,
    "rows": _rows,
    "folder": _folder,
}
