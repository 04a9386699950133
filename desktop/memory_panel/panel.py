"""The memory panel: list, recall and audit, and beside them (or instead, where it is narrow) one memory whole."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from uuid import UUID

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QSplitter,
    QStackedWidget,
    QTabBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.store.memory_records import Memory
from desktop.looked_at import is_looked_at
from desktop.memory_panel.add_dialog import AddDialog
from desktop.memory_panel.around import Around, button, text_label, tool
from desktop.memory_panel.audit_page import AuditPage
from desktop.memory_panel.detail import MemoryDetail
from desktop.memory_panel.files import KINDS, SUFFIX
from desktop.memory_panel.memory_list import MemoryList
from desktop.memory_panel.questions import ask_to_erase
from desktop.memory_panel.recall_page import RecallPage
from desktop.memory_panel.wording import count_of
from desktop.style import set_role

WIDE: Final = 680
"""Logical pixels from which a memory stands beside the list."""

LIST, RECALL, AUDIT = 0, 1, 2


class MemoryPanel(QWidget):
    """Shows a MemoryDesk."""

    def __init__(self, around: Around) -> None:
        super().__init__()
        self._around, self._desk = around, around.desk
        self._narrow: bool | None = None
        self._reading = False
        self.tabs = QTabBar()
        self.tabs.setExpanding(False)
        self.tabs.setAccessibleName("Parts of the memory panel")
        for name in ("Memories", "Recall", "Audit"):
            self.tabs.addTab(name)
        self.add_button = tool("Remember something…", self.add)
        self.more = tool("More")
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self)
        menu.addAction("Export what is listed…", self.ask_export)
        menu.addAction("Read again", self._desk.refresh)
        self.more.setMenu(menu)
        self.list = MemoryList(around)
        self.recall = RecallPage(around)
        self.audit = AuditPage(around)
        self.detail = MemoryDetail(around)
        self._pages = QStackedWidget()
        for page in (self.list, self.recall, self.audit):
            self._pages.addWidget(page)
        self._lay_out()
        self._join()
        self._show_waiting(self._desk.waiting)
        around.themes.changed.connect(self._dress)
        self._dress()

    def add(self) -> None:
        """Ask for something to be remembered."""
        AddDialog(self, self._around, self._owner()).open()

    def show_recall(self) -> None:
        """Show what an agent would be told, ready to be asked."""
        self._turn_to(RECALL)
        self.recall.question.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def show_audit(self) -> None:
        """Look the memories over."""
        self._turn_to(AUDIT)
        self.audit.look()

    def show_waiting(self) -> None:
        """List what waits for a person."""
        self._turn_to(LIST)
        self.list.search.clear()
        self.list.owner.choose("everyone")
        self.list.filters.set(states=("quarantined",), pinned=None, types=(), sources=())
        self.list.view.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def ask_export(self) -> None:
        """Ask where the listed memories are to be written."""
        shown = self.list.shown_filter()
        dialog = QFileDialog(self, "Export memories", "", KINDS)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(SUFFIX.removeprefix("."))
        dialog.selectFile(f"memories{SUFFIX}")
        dialog.fileSelected.connect(lambda chosen: self._desk.export(shown, Path(chosen)))
        dialog.open()

    def open_memory(self, memory: Memory) -> None:
        """Show a memory whole, and let its words be typed over."""
        self.detail.show_memory(memory)
        self._reading = True
        self._arrange()
        self.detail.fields.words.setFocus(Qt.FocusReason.OtherFocusReason)

    def open_id(self, memory_id: UUID) -> None:
        """Show the memory of that id whole."""
        self.detail.show_id(memory_id)
        self._reading = True
        self._arrange()

    def go_back(self) -> None:
        """Show the list again where there is no room for both."""
        self._reading = False
        self._arrange()
        if self._pages.currentWidget() is self.list:
            self.list.view.setFocus(Qt.FocusReason.OtherFocusReason)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """One beside the other where there is room for it."""
        super().resizeEvent(event)
        narrow = self.width() < WIDE
        if narrow != self._narrow:
            self._narrow = narrow
            self._arrange()
            if not narrow:
                self._split.setSizes([self.width() // 2, self.width() - self.width() // 2])

    def event(self, event: QEvent) -> bool:
        """Read again when it comes into view; while it is seen the desk hears itself of what is learned."""
        if event.type() == QEvent.Type.Show:
            self._desk.refresh()
        elif is_looked_at(self, event):
            self._desk.agents_changed()
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Escape goes back to the list; F5 reads again."""
        if event.key() == Qt.Key.Key_Escape and self._narrow and self._reading:
            self.go_back()
        elif event.key() == Qt.Key.Key_F5:
            self._desk.refresh()
        else:
            super().keyPressEvent(event)

    def _owner(self) -> UUID | None:
        page = self._pages.currentWidget()
        boxes = {self.list: self.list.owner, self.recall: self.recall.owner, self.audit: self.audit.owner}
        owner = boxes[page].owner if page in boxes else None
        return owner if isinstance(owner, UUID) else None

    def _join(self) -> None:
        self.tabs.currentChanged.connect(self._turned)
        self._desk.counted.connect(self._show_waiting)
        self.list.opened.connect(self.open_memory)
        self.list.chosen.connect(self._chosen)
        self.list.add_wanted.connect(self.add)
        self.recall.opened.connect(self._look)
        self.audit.opened.connect(self.open_memory)
        self.detail.back_wanted.connect(self.go_back)
        self.detail.other_wanted.connect(self.open_id)
        for part in (self.list, self.audit, self.detail):
            part.erase_wanted.connect(self._ask_to_erase)
        self.list.view.clicked.connect(self._clicked)

    def _clicked(self) -> None:
        memories = self.list.selected()
        choosing = QApplication.keyboardModifiers() != Qt.KeyboardModifier.NoModifier  # several, one after the other
        if self._narrow and len(memories) == 1 and not choosing:
            self._look(memories[0])

    def _look(self, memory: Memory) -> None:
        self.detail.show_memory(memory)
        self._reading = True
        self._arrange()

    def _chosen(self, memory: Memory | None) -> None:
        if memory is not None and not self._narrow:
            self.detail.show_memory(memory)

    def _ask_to_erase(self, memories: list[Memory]) -> None:
        ask_to_erase(self, memories, lambda: self._desk.forget_for_good(memories))

    def _turn_to(self, page: int) -> None:
        self._reading = False
        self.tabs.setCurrentIndex(page)
        self._arrange()

    def _turned(self, page: int) -> None:
        owner = self._owner()
        self._pages.setCurrentIndex(page)
        self._show_waiting(self._desk.waiting)
        if owner is not None:
            for box in (self.recall.owner, self.audit.owner):
                if box.owner != owner:
                    box.choose(owner)
                    box.chosen.emit()
        self._reading = False
        self._arrange()

    def _show_waiting(self, number: int) -> None:
        self._notice.setVisible(bool(number) and self._pages.currentWidget() is self.list)
        one = number == 1
        what = "came from outside and waits for you" if one else "came from outside and wait for you"
        self._notice_text.setText(f"{count_of(number)} {what}. Agents recall {'it' if one else 'them'} once confirmed.")
        self.waiting_button.setText("Look at it" if one else "Look at them")

    def _arrange(self) -> None:
        both = not self._narrow
        focus = self.focusWidget()
        self.detail.set_narrow(not both)
        # First shown, then hidden: what has the keyboard must hand it on within the panel, not to the window.
        for part, shown in ((self._left, both or not self._reading), (self.detail, both or self._reading)):
            if shown:
                part.show()
        if not both and focus is not None:
            gone, seen = (self._left, self.detail.back) if self._reading else (self.detail, self.list.view)
            if gone.isAncestorOf(focus) and focus.hasFocus():
                seen.setFocus(Qt.FocusReason.OtherFocusReason)
        self._left.setVisible(both or not self._reading)
        self.detail.setVisible(both or self._reading)

    def _lay_out(self) -> None:
        self._notice = QFrame()
        set_role(self._notice, role="notice")
        self._notice_sign = QLabel()
        self._notice_text = text_label("", "secondary")
        notice = QHBoxLayout(self._notice)
        notice.setContentsMargins(12, 6, 8, 6)
        notice.setSpacing(8)
        notice.addWidget(self._notice_sign, 0, Qt.AlignmentFlag.AlignTop)
        notice.addWidget(self._notice_text, 1)
        self.waiting_button = button("Look at them", self.show_waiting, "link")
        notice.addWidget(self.waiting_button)
        head = QHBoxLayout()
        head.setContentsMargins(4, 0, 8, 0)
        head.setSpacing(4)
        head.addWidget(self.tabs, 1)
        head.addWidget(self.add_button)
        head.addWidget(self.more)
        self._left = QWidget()
        left = QVBoxLayout(self._left)
        left.setContentsMargins(0, 0, 0, 0)
        left.setSpacing(0)
        left.addLayout(head)
        left.addWidget(self._notice)
        left.addWidget(self._pages, 1)
        self._split = QSplitter(Qt.Orientation.Horizontal)
        self._split.setChildrenCollapsible(False)
        self._split.addWidget(self._left)
        self._split.addWidget(self.detail)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._split)

    def _dress(self, _theme: object = None) -> None:
        icons, theme = self._around.icons, self._around.themes.theme
        self.add_button.setIcon(icons.icon("plus", theme))
        self.more.setIcon(icons.icon("ellipsis", theme))
        self._notice_sign.setPixmap(
            icons.pixmap("shield-alert", theme.color("state.waiting"), 16, self.devicePixelRatioF())
        )
