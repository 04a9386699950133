"""Conversations, last used first: search in all that was said, one row each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QRectF,
    QSize,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QAction, QFontMetrics, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QListView,
    QMenu,
    QPushButton,
    QStackedWidget,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from core.store.conversation_records import Conversation
from core.store.conversations import Found
from desktop.chat.blocks import plain_line
from desktop.chat.source import ChatAround, ChatSource
from desktop.panels.empty_note import EmptyNote
from desktop.panels.wording import ago

FOUND: Final = Qt.ItemDataRole.UserRole
PAGE: Final = 50
ROW: Final = 54
_WAIT_MS: Final = 180

Index = QModelIndex | QPersistentModelIndex


class ConversationModel(QAbstractListModel):
    """The rows of the list. more_wanted: the end is seen, and there is more."""

    more_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Found] = []
        self._more = False

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008 - Qt's name and default
        """How many there are."""
        return 0 if parent.isValid() else len(self.found)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Title for Qt and screen readers, the Found for the delegate."""
        if not index.isValid():
            return None
        found = self.found[index.row()]
        if role == FOUND:
            return found
        if role == Qt.ItemDataRole.DisplayRole:
            return title_of(found.conversation)
        if role == Qt.ItemDataRole.AccessibleDescriptionRole:
            return plain_line(found.snippet)
        return None

    def show_found(self, found: Sequence[Found], *, more: bool) -> None:
        """Show these. more: there are others after them."""
        self.beginResetModel()
        self.found, self._more = list(found), more
        self.endResetModel()

    def append(self, found: Sequence[Found], *, more: bool) -> None:
        """Show these, too."""
        first = len(self.found)
        if found:
            self.beginInsertRows(QModelIndex(), first, first + len(found) - 1)
            self.found += found
            self.endInsertRows()
        self._more = more

    def canFetchMore(self, parent: Index) -> bool:  # noqa: N802 - Qt's name
        """Whether there are others."""
        return self._more and not parent.isValid()

    def fetchMore(self, parent: Index) -> None:  # noqa: N802 - Qt's name
        """The end is seen."""
        self._more = False
        self.more_wanted.emit()


class ConversationDelegate(QStyledItemDelegate):
    """Paints title, time, and what was said."""

    def __init__(self, around: ChatAround, parent: QWidget) -> None:
        super().__init__(parent)
        self._around = around

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: N802 - Qt's name
        """All are as high."""
        return QSize(160, ROW)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """One row."""
        theme, found = self._around.themes.theme, index.data(FOUND)
        rect: QRect = option.rect
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        if selected or option.state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("accent", 0.18) if selected else theme.color("surface.hover"))
            painter.drawRoundedRect(QRectF(rect.adjusted(0, 1, 0, -1)), 6, 6)
        inner = rect.adjusted(10, 8, -10, -8)
        caption = theme.font("caption")
        updated = found.conversation.updated
        when = ago(updated, self._around.now()) if updated is not None else ""
        painter.setFont(caption)
        painter.setPen(theme.color("text.muted"))
        painter.drawText(inner, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop, when)
        room = inner.width() - QFontMetrics(caption).horizontalAdvance(when) - 10
        if found.waiting:
            ratio = option.widget.devicePixelRatioF()
            sign = self._around.icons.pixmap("hand", theme.color("state.waiting"), 14, ratio)
            painter.drawPixmap(inner.left() + room - 16, inner.top(), sign)
            room -= 20
        strong = theme.font("body.strong")
        painter.setFont(strong)
        painter.setPen(theme.color("text.primary"))
        title = QFontMetrics(strong).elidedText(title_of(found.conversation), Qt.TextElideMode.ElideRight, room)
        painter.drawText(inner, Qt.AlignmentFlag.AlignTop, title)
        body = theme.font("body")
        painter.setFont(body)
        painter.setPen(theme.color("text.secondary"))
        said = plain_line(found.snippet) or found.conversation.workflow
        line = QFontMetrics(body).elidedText(said, Qt.TextElideMode.ElideRight, inner.width())
        painter.drawText(inner, Qt.AlignmentFlag.AlignBottom, line)
        painter.restore()


class _List(QListView):
    """The list with its own keys. asked: what is wanted of the chosen row."""

    asked = Signal(str)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """F2 renames, Delete deletes."""
        match event.key():
            case Qt.Key.Key_F2:
                self.asked.emit("rename")
            case Qt.Key.Key_Delete:
                self.asked.emit("delete")
            case Qt.Key.Key_Return | Qt.Key.Key_Enter:
                self.asked.emit("open")
            case _:
                super().keyPressEvent(event)


class ConversationList(QWidget):
    """chosen: the id of a conversation, and of the message that was searched for, or None. new_wanted: the place on
    the screen for the menu. asked: `rename`, `archive`, `restore` or `delete`, and the Found."""

    chosen = Signal(object, object)
    new_wanted = Signal(QPoint)
    asked = Signal(str, object)

    def __init__(self, source: ChatSource, around: ChatAround) -> None:
        super().__init__()
        self._source, self._around = source, around
        self.hidden: set[UUID] = set()
        self._round = 0
        self._marked: UUID | None = None
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search all that was said")
        self.search.setAccessibleName("Search conversations")
        self.search.setClearButtonEnabled(True)
        self.new_button = QPushButton("New")
        self.new_button.setToolTip("A new conversation")
        self.kind = QComboBox()
        self.kind.setAccessibleName("Which conversations")
        self.kind.addItem("All", None)
        self.kind.addItem("Archived", "archived")
        self.model = ConversationModel()
        self.view = _List()
        self.view.setModel(self.model)
        self.view.setItemDelegate(ConversationDelegate(around, self.view))
        self.view.setUniformItemSizes(True)
        self.view.setMouseTracking(True)
        self.view.setAccessibleName("Conversations")
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.empty = EmptyNote(
            "message-square", "No conversation yet", "Begin one with New.", around.themes, around.icons
        )
        self._stack = QStackedWidget()
        self._stack.addWidget(self.view)  # shown first: that there are none is known only when they were read
        self._stack.addWidget(self.empty)
        self._wait = QTimer(self)
        self._wait.setSingleShot(True)
        self._wait.setInterval(_WAIT_MS)
        self._wait.timeout.connect(self.refresh)
        self._lay()
        self.search.textChanged.connect(lambda _: self._wait.start())
        self.kind.currentIndexChanged.connect(lambda _: self.refresh())
        self.new_button.clicked.connect(
            lambda: self.new_wanted.emit(self.new_button.mapToGlobal(self.new_button.rect().bottomLeft()))
        )
        self.view.clicked.connect(self._choose)
        self.view.asked.connect(self._asked)
        self.view.customContextMenuRequested.connect(self._menu)
        self.model.more_wanted.connect(self._more)
        around.themes.changed.connect(lambda _: self.view.viewport().update())

    @property
    def is_archive(self) -> bool:
        """Whether archived conversations are shown."""
        return bool(self.kind.currentData() == "archived")

    def show_agents(self, agents: Sequence[tuple[str, UUID]]) -> None:
        """Offer to show only the conversations with one of these agents."""
        now = self.kind.currentData()
        blocked = self.kind.blockSignals(True)
        self.kind.clear()
        self.kind.addItem("All", None)
        for name, agent_id in agents:
            self.kind.addItem(f"With {name}", agent_id)
        self.kind.addItem("Archived", "archived")
        self.kind.setCurrentIndex(max(self.kind.findData(now), 0))
        self.kind.blockSignals(blocked)

    def refresh(self) -> None:
        """Read the list again."""
        self._round += 1
        round_ = self._round
        self._around.bridge.spawn(self._listing(), lambda found: self._show(found, round_))

    def mark(self, conversation_id: UUID | None) -> None:
        """Mark the conversation that is open."""
        self._marked = conversation_id
        for row, found in enumerate(self.model.found):
            if found.conversation.id == conversation_id:
                self.view.setCurrentIndex(self.model.index(row))
                return
        self.view.clearSelection()

    def _listing(self, after: Conversation | None = None) -> Any:
        data = self.kind.currentData()
        return self._source.conversations.list(
            search=self.search.text().strip(),
            agent_id=data if isinstance(data, UUID) else None,
            archived=self.is_archive,
            limit=PAGE,
            after=after,
        )

    def _show(self, found: Sequence[Found], round_: int) -> None:
        if round_ != self._round:
            return
        self.model.show_found(self._seen(found), more=len(found) == PAGE)
        self.mark(self._marked)
        if self.model.found:
            self._stack.setCurrentWidget(self.view)
            return
        if self.search.text().strip():
            self.empty.say(
                "Nothing was said like that", "All words have to begin words of one message or of the title."
            )
        elif self.is_archive:
            self.empty.say("The archive is empty", "Conversations that you archive are kept here.")
        else:
            self.empty.say("No conversation yet", "Begin one with New.")
        self._stack.setCurrentWidget(self.empty)

    def _more(self) -> None:
        round_, last = self._round, self.model.found[-1].conversation

        def add(found: Sequence[Found]) -> None:
            if round_ == self._round:
                self.model.append(self._seen(found), more=len(found) == PAGE)

        self._around.bridge.spawn(self._listing(last), add)

    def _seen(self, found: Sequence[Found]) -> list[Found]:
        return [each for each in found if each.conversation.id not in self.hidden]

    def _choose(self, index: QModelIndex) -> None:
        found = index.data(FOUND)
        if found is not None:
            message = found.message if self.search.text().strip() else None
            self.chosen.emit(found.conversation.id, message)

    def _asked(self, what: str) -> None:
        index = self.view.currentIndex()
        if not index.isValid():
            return
        if what == "open":
            self._choose(index)
        else:
            self.asked.emit(what, index.data(FOUND))

    def _menu(self, at: QPoint) -> None:
        index = self.view.indexAt(at)
        if not index.isValid():
            return
        found, theme = index.data(FOUND), self._around.themes.theme
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        back = ("restore", "Take out of the archive", "archive-restore", "")
        away = ("archive", "Archive", "archive", "")
        rows = [
            ("rename", "Rename…", "pencil", "F2"),
            back if self.is_archive else away,
            ("delete", "Delete", "trash-2", "Del"),
        ]
        for what, title, icon, key in rows:
            action = QAction(self._around.icons.icon(icon, theme), title, menu)
            action.setShortcut(key)
            action.triggered.connect(lambda _=False, what=what: self.asked.emit(what, found))
            menu.addAction(action)
        menu.popup(self.view.viewport().mapToGlobal(at))

    def _lay(self) -> None:
        top = QHBoxLayout()
        top.addWidget(self.search, 1)
        top.addWidget(self.new_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(6)
        column.addLayout(top)
        column.addWidget(self.kind)
        column.addWidget(self._stack, 1)
        self.setMinimumWidth(200)


def title_of(conversation: Conversation) -> str:
    """What a conversation is called."""
    return conversation.title or "New conversation"
