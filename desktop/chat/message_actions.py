"""The buttons that appear at the message under the mouse, or that the keys speak of."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QHBoxLayout, QMenu, QToolButton, QWidget

from desktop.chat.message_row import FOOT, MessageRow
from desktop.chat.shown import Shown, actions_for
from desktop.chat.source import ChatAround
from desktop.chat.transcript import Transcript


class MessageActions(QWidget):
    """One bar for all rows; it goes to where it is needed. chosen: the id of an action and of the message."""

    chosen = Signal(str, int)

    def __init__(self, transcript: Transcript, around: ChatAround) -> None:
        super().__init__(transcript.viewport())
        self._transcript, self._around = transcript, around
        self._shown: Shown | None = None
        self.buttons: dict[str, QToolButton] = {}
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(0)
        self.hide()
        transcript.hovered_changed.connect(lambda _: self.follow())
        transcript.current_changed.connect(lambda _: self.follow())
        transcript.scrolled.connect(self.follow)
        around.themes.changed.connect(lambda _: self._forget())

    def follow(self) -> None:
        """Go to the row under the mouse, else to the one that the keys speak of."""
        transcript = self._transcript
        index = transcript.hovered if transcript.hovered >= 0 else transcript.current
        row = transcript.row_of(index)
        if row is None or not actions_for(row.shown):
            self.hide()
            return
        if self._shown is None or self._shown.message.id != row.shown.message.id or not self.buttons:
            self._fill(row.shown)
        self._place(row)
        self.show()
        self.raise_()

    def menu(self, shown: Shown, row: MessageRow) -> QMenu:
        """The same as a menu, with what else can be done."""
        menu = QMenu(self._transcript)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if not row.selection.is_empty:
            menu.addAction("Copy the selection", lambda: self.chosen.emit("copy_selected", shown.message.id))
        for each in actions_for(shown):
            action = QAction(self._around.icons.icon(each.icon, self._around.themes.theme), each.title, menu)
            action.setShortcut(QKeySequence(each.key))
            action.triggered.connect(partial(self._choose, each.id, shown.message.id))
            menu.addAction(action)
        codes = row.codes()
        for number in range(len(codes)):
            name = "Copy the code" if len(codes) == 1 else f"Copy code {number + 1}"
            menu.addAction(name, partial(self._choose, f"code {number}", shown.message.id))
        if len(shown.siblings) > 1:
            menu.addSeparator()
            before = menu.addAction("The version before", partial(self._choose, "before", shown.message.id))
            after = menu.addAction("The version after", partial(self._choose, "after", shown.message.id))
            before.setEnabled(shown.place > 0)
            after.setEnabled(shown.place + 1 < len(shown.siblings))
        return menu

    def open_menu(self, shown: Shown, row: MessageRow, at: QPoint) -> None:
        """Show the menu at a place on the screen."""
        self.menu(shown, row).popup(at)

    def _choose(self, action: str, message_id: int, _checked: bool = False) -> None:
        self.chosen.emit(action, message_id)

    def _fill(self, shown: Shown) -> None:
        self._forget()
        self._shown = shown
        for each in actions_for(shown):
            button = QToolButton()
            button.setIcon(self._around.icons.icon(each.icon, self._around.themes.theme, "text.muted", 14))
            button.setIconSize(QSize(14, 14))
            button.setToolTip(f"{each.title}  {each.key}")
            button.setAccessibleName(each.title)
            button.clicked.connect(partial(self._choose, each.id, shown.message.id))
            self._row.addWidget(button)
            self.buttons[each.id] = button

    def _forget(self) -> None:
        for button in self.buttons.values():
            self._row.removeWidget(button)
            button.hide()
            button.deleteLater()
        self.buttons.clear()
        self._shown = None

    def _place(self, row: MessageRow) -> None:
        foot = row.foot().translated(row.pos())
        size = self.sizeHint()
        right = foot.right() + 1 - (84 if row.is_user and len(row.shown.siblings) > 1 else 0)
        self.setGeometry(right - size.width(), foot.top(), size.width(), FOOT)
