"""The list of a document's edits: choosing one undoes or redoes up to it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QLabel, QListWidget, QListWidgetItem, QPushButton, QVBoxLayout, QWidget

from desktop.document import OpenDocument
from desktop.edit_history import go_to, history
from desktop.icons import Icons
from desktop.theme import ThemeManager


class EditHistoryDialog(QDialog):
    """Shows every state that can be gone to, the newest at the top. It follows the document; show it with `open()`."""

    def __init__(self, parent: QWidget | None, document: OpenDocument, icons: Icons, themes: ThemeManager) -> None:
        super().__init__(parent)
        self._document, self._icons, self._themes = document, icons, themes
        self.setWindowTitle("Undo history")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(400, 440)
        hint = QLabel("Choose a state to go back or forth to it. The next edit drops what is above.")
        hint.setProperty("kind", "muted")
        hint.setWordWrap(True)
        self.list = QListWidget()
        self.list.setAccessibleName("States of the workflow, newest first")
        self.list.itemActivated.connect(self._go)
        self.list.itemClicked.connect(self._go)
        close = QPushButton("Close")
        close.setProperty("role", "primary")
        close.clicked.connect(self.accept)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 16, 20, 16)
        column.setSpacing(10)
        column.addWidget(hint)
        column.addWidget(self.list, 1)
        column.addWidget(close, 0, Qt.AlignmentFlag.AlignRight)
        document.stack.indexChanged.connect(self._fill)
        document.stack.cleanChanged.connect(self._fill)
        self._fill()

    def _fill(self) -> None:
        self.list.clear()
        theme = self._themes.theme
        for place, entry in reversed(list(enumerate(history(self._document)))):
            item = QListWidgetItem(entry.label or "As it was opened")
            item.setData(Qt.ItemDataRole.UserRole, place)
            if entry.is_saved:
                item.setText(f"{item.text()}  (saved)")
            if entry.is_current:
                item.setIcon(self._icons.icon("circle-dot", theme, "accent"))
                self.list.addItem(item)
                self.list.setCurrentItem(item)
            else:
                item.setIcon(self._icons.icon("circle", theme, "text.muted"))
                self.list.addItem(item)

    def _go(self, item: QListWidgetItem) -> None:
        go_to(self._document, int(item.data(Qt.ItemDataRole.UserRole)))
