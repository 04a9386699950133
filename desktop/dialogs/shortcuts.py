"""The editor of keys: every command with its keys, changed by pressing them, conflicts named."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QKeySequenceEdit,
    QLabel,
    QLineEdit,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from desktop.commands import Command, Commands
from desktop.fuzzy import match
from desktop.icons import Icons
from desktop.key_bindings import shown
from desktop.theme import ThemeManager

_ID = Qt.ItemDataRole.UserRole


class ShortcutsDialog(QDialog):
    """Shows and changes keys. Changes count at once; show it with `open()`."""

    def __init__(self, parent: QWidget | None, commands: Commands, icons: Icons, themes: ThemeManager) -> None:
        super().__init__(parent)
        self._commands, self._icons, self._themes = commands, icons, themes
        self.setWindowTitle("Keyboard shortcuts")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(640, 600)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Find a command or keys")
        self.search.setAccessibleName("Find a command or keys")
        self.search.textChanged.connect(self._filter)
        self.table = QTableWidget(0, 3)
        self.keys = QKeySequenceEdit()
        self.keys.setAccessibleName("New keys for the selected command")
        self.keys.setMaximumSequenceLength(1)
        self.keys.editingFinished.connect(self._assign)
        self.clear = QPushButton("No keys")
        self.clear.clicked.connect(self._clear)
        self.reset = QPushButton("Reset all")
        self.reset.clicked.connect(self._reset)
        self.nothing = QLabel("Nothing is called so, and no command has these keys. Try fewer letters.")
        self.nothing.setProperty("kind", "muted")
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.problem = QLabel()
        self.problem.setProperty("kind", "error")
        self.problem.setWordWrap(True)
        self._set_up_table()
        self._lay_out()
        self._fill()

    def select(self, command_id: str) -> None:
        """Select a command."""
        for row in range(self.table.rowCount()):
            if self._id(row) == command_id:
                self.table.setCurrentCell(row, 0)

    def _set_up_table(self) -> None:
        table = self.table
        table.setHorizontalHeaderLabels(["Command", "Menu", "Keys"])
        table.setAccessibleName("Commands and their keys")
        table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        table.setSelectionMode(QTableWidget.SelectionMode.SingleSelection)
        table.setShowGrid(False)
        table.setTabKeyNavigation(False)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(32)
        header = table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setHighlightSections(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column, width in ((1, 130), (2, 190)):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            table.setColumnWidth(column, width)
        table.itemSelectionChanged.connect(self._selected)

    def _lay_out(self) -> None:
        hint = QLabel("Select a command, then press its new keys here:")
        hint.setProperty("kind", "secondary")
        hint.setBuddy(self.keys)
        change = QHBoxLayout()
        change.setSpacing(8)
        change.addWidget(hint)
        change.addWidget(self.keys, 1)
        change.addWidget(self.clear)
        close = QPushButton("Close")
        close.setProperty("role", "primary")
        close.setAutoDefault(False)
        close.clicked.connect(self.accept)
        for button in (self.clear, self.reset):
            button.setAutoDefault(False)
        buttons = QHBoxLayout()
        buttons.addWidget(self.reset)
        buttons.addStretch()
        buttons.addWidget(close)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 20, 20, 16)
        column.setSpacing(12)
        column.addWidget(self.search)
        column.addWidget(self.table, 1)
        column.addWidget(self.nothing, 1)
        column.addLayout(change)
        column.addWidget(self.problem)
        column.addLayout(buttons)

    def _fill(self) -> None:
        conflicts = {name for each in self._commands.bindings.conflicts(self._commands) for name in each.commands}
        chosen = self._id(self.table.currentRow())
        listed = list(self._commands)
        self.table.setRowCount(len(listed))
        for row, command in enumerate(listed):
            self._put(row, command, command.id in conflicts)
        self.problem.setText(self._conflict_text())
        self.problem.setVisible(bool(conflicts))
        self.select(chosen)
        self._filter(self.search.text())
        self._selected()

    def _put(self, row: int, command: Command, conflict: bool) -> None:
        theme = self._themes.theme
        keys = ", ".join(map(shown, self._commands.keys(command.id)))
        title = QTableWidgetItem(command.title.removesuffix("…"))
        if command.icon:
            title.setIcon(self._icons.icon(command.icon, theme))
        title.setData(_ID, command.id)
        place = QTableWidgetItem(command.menu.replace("/", " / "))
        place.setForeground(theme.color("text.muted"))
        pressed = QTableWidgetItem(keys)
        if conflict:
            pressed.setForeground(theme.color("state.failed"))
            pressed.setIcon(self._icons.icon("triangle-alert", theme, "state.failed"))
        for column, item in enumerate((title, place, pressed)):
            self.table.setItem(row, column, item)

    def _conflict_text(self) -> str:
        found = self._commands.bindings.conflicts(self._commands)
        lines = []
        for each in found:
            titles = " and ".join(f"“{self._commands.get(name).title.removesuffix('…')}”" for name in each.commands)
            lines.append(f"{shown(each.keys)} would do {titles}, so it does neither. Change one of them.")
        return "\n".join(lines)

    def _id(self, row: int) -> str:
        item = self.table.item(row, 0)
        return str(item.data(_ID)) if item is not None else ""

    def _selected(self) -> None:
        command_id = self._id(self.table.currentRow())
        for widget in (self.keys, self.clear):
            widget.setEnabled(bool(command_id))
        now = self._commands.keys(command_id) if command_id else ()
        self.keys.setKeySequence(QKeySequence(now[0]) if now else QKeySequence())

    def _assign(self) -> None:
        command_id = self._id(self.table.currentRow())
        keys = self.keys.keySequence().toString(QKeySequence.SequenceFormat.PortableText)
        if command_id and keys and keys not in self._commands.keys(command_id)[:1]:
            self._commands.set_keys(command_id, [keys])
            self._fill()

    def _clear(self) -> None:
        command_id = self._id(self.table.currentRow())
        if command_id:
            self._commands.set_keys(command_id, [])
            self._fill()

    def _reset(self) -> None:
        self._commands.reset_keys()
        self._fill()

    def _filter(self, text: str) -> None:
        for row in range(self.table.rowCount()):
            cells = [self.table.item(row, column) for column in range(3)]
            words = " ".join(cell.text() for cell in cells if cell is not None)
            self.table.setRowHidden(row, match(text, words) is None)
        if self.table.isRowHidden(self.table.currentRow()):  # what cannot be seen must not be changed
            self.table.setCurrentCell(-1, -1)
        found = any(not self.table.isRowHidden(row) for row in range(self.table.rowCount()))
        self.table.setVisible(found)
        self.nothing.setVisible(not found)
