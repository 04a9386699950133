"""The command palette: one field from which everything can be reached by typing a few letters of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QFont, QFontMetrics, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from desktop.icons import Icons
from desktop.palette_search import Entry, Hit, Provider, Recency, Section, search
from desktop.theme import ThemeManager

WIDTH: Final = 640
ROW: Final = 36
HEADING: Final = 28
ROWS_SHOWN: Final = 10
HIT_ROLE: Final = Qt.ItemDataRole.UserRole
HINT: Final = "Search everything    >  actions    @  steps    +  add a step    #  runs"


class _Rows(QAbstractListModel):
    """Headings and hits as one list."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.rows: list[Hit | str] = []

    def show(self, sections: Sequence[Section]) -> None:
        self.beginResetModel()
        self.rows = []
        for section in sections:
            self.rows += [section.title, *section.hits]
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008, N802 - Qt's
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self.rows[index.row()]
        if role == HIT_ROLE:
            return row
        text = row if isinstance(row, str) else row.entry.title
        if role == Qt.ItemDataRole.DisplayRole:
            return text
        if role == Qt.ItemDataRole.AccessibleTextRole and isinstance(row, Hit):
            return ", ".join([text, *filter(None, [row.entry.path]), *row.entry.keys])
        return None

    def flags(self, index: QModelIndex | QPersistentModelIndex) -> Qt.ItemFlag:
        if isinstance(self.rows[index.row()], str):
            return Qt.ItemFlag.NoItemFlags
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable


class _RowPainter(QStyledItemDelegate):
    """Paints a heading, or icon, title with the typed letters bold, place, and keys as chips."""

    def __init__(self, icons: Icons, themes: ThemeManager, view: QListView) -> None:
        super().__init__(view)
        self._view = view
        self._icons = icons
        self._themes = themes

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:  # noqa: N802
        return QSize(0, HEADING if isinstance(index.data(HIT_ROLE), str) else ROW)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        row = index.data(HIT_ROLE)
        rect = option.rect
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if isinstance(row, str):
            self._heading(painter, rect, row)
        else:
            self._hit(painter, rect, row, selected=self._view.currentIndex().row() == index.row())
        painter.restore()

    def _heading(self, painter: QPainter, rect: QRect, title: str) -> None:
        painter.setFont(self._themes.theme.font("caption"))
        painter.setPen(self._themes.theme.color("text.muted"))
        painter.drawText(rect.adjusted(12, 6, 0, 0), Qt.AlignmentFlag.AlignVCenter, title)

    def _hit(self, painter: QPainter, rect: QRect, hit: Hit, *, selected: bool) -> None:
        theme, entry = self._themes.theme, hit.entry
        if selected:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("accent", 0.18))
            painter.drawRoundedRect(QRectF(rect).adjusted(4, 1, -4, -1), 6, 6)
        colour = theme.color("text.primary" if entry.enabled else "text.disabled")
        lit = "accent" if selected and entry.tint == "text.secondary" else entry.tint
        icon = theme.color(lit if entry.enabled else "text.disabled")
        middle = rect.center().y()
        picture = self._icons.pixmap(entry.icon or "chevron-right", icon, 16, painter.device().devicePixelRatioF())
        painter.drawPixmap(rect.left() + 14, middle - 7, picture)
        right = self._chips(painter, rect, entry)
        left = self._title(painter, rect.left() + 42, rect, hit, colour)
        if entry.path and right - left > 60:
            painter.setFont(theme.font("body"))
            painter.setPen(theme.color("text.muted"))
            room = QRect(left + 10, rect.top(), right - left - 20, rect.height())
            text = QFontMetrics(painter.font()).elidedText(entry.path, Qt.TextElideMode.ElideRight, room.width())
            painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, text)

    def _title(self, painter: QPainter, x: int, rect: QRect, hit: Hit, colour: QColor) -> int:
        theme = self._themes.theme
        painter.setPen(colour)
        bold = set(hit.bold)
        for letters, strong in _pieces(hit.entry.title, bold):
            font = theme.font("body.strong" if strong else "body")
            if strong:
                font.setWeight(QFont.Weight.Bold)
            painter.setFont(font)
            wide = QFontMetrics(font).horizontalAdvance(letters)
            painter.drawText(QRect(x, rect.top(), wide + 2, rect.height()), Qt.AlignmentFlag.AlignVCenter, letters)
            x += wide
        return x

    def _chips(self, painter: QPainter, rect: QRect, entry: Entry) -> int:
        theme = self._themes.theme
        font = theme.font("caption")
        painter.setFont(font)
        right = rect.right() - 14
        for keys in entry.keys[:1]:
            for part in reversed(keys.split("+") if not keys.endswith("+") else [keys]):
                wide = QFontMetrics(font).horizontalAdvance(part) + 12
                chip = QRectF(right - wide, rect.center().y() - 9, wide, 19)
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(theme.color("surface.hover"))
                painter.drawRoundedRect(chip, 4, 4)
                painter.setPen(theme.color("text.secondary"))
                painter.drawText(chip, Qt.AlignmentFlag.AlignCenter, part)
                right -= wide + 4
        return right


class CommandPalette(QFrame):
    """The palette, laid over a window. chosen: the Entry that a person took, after it was run.

    It belongs to the window and closes itself on Escape, on a choice and when the focus leaves it.
    """

    chosen = Signal(object)

    def __init__(
        self, window: QWidget, icons: Icons, themes: ThemeManager, providers: Sequence[Provider], recency: Recency
    ) -> None:
        super().__init__(window)
        self._window = window
        self.providers = list(providers)
        self.recency = recency
        self._icons = icons
        self._themes = themes
        self._before: QWidget | None = None
        self.setProperty("role", "popup")
        self.setAccessibleName("Command palette")
        self.field = QLineEdit()
        self.field.setProperty("role", "plain")
        self.field.setPlaceholderText(HINT)
        self.field.setAccessibleName("Search for a step, an action, a workflow or a setting")
        self.field.textChanged.connect(self._search)
        self.field.installEventFilter(self)
        self._glass = QLabel()
        self._rows = _Rows(self)
        self.list = QListView()
        self.list.setModel(self._rows)
        self.list.setItemDelegate(_RowPainter(icons, themes, self.list))
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.list.setAccessibleName("What was found")
        self.list.setMouseTracking(True)
        self.list.viewport().setAutoFillBackground(False)
        self.list.setStyleSheet("QListView { background: transparent; padding: 0; }")
        self.list.clicked.connect(self._take)
        self._nothing = QLabel()
        self._nothing.setProperty("kind", "muted")
        self._nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._nothing.setMinimumHeight(64)
        self._lay_out()
        themes.changed.connect(self._dress)
        window.installEventFilter(self)
        self._dress()
        self.hide()

    def open(self, text: str = "") -> None:
        """Show it with that text typed; whatever had the focus gets it back afterwards."""
        if not self.isVisible():
            self._before = self.window().focusWidget()
        self.field.setText(text)
        self._search(text)
        self.show()
        self.raise_()
        self.field.setFocus(Qt.FocusReason.PopupFocusReason)
        self.field.setCursorPosition(len(text))

    def dismiss(self) -> None:
        """Close it without a choice."""
        if self.isHidden():
            return
        self.hide()
        if self._before is not None and self._before.isVisible():
            self._before.setFocus(Qt.FocusReason.PopupFocusReason)
        self._before = None

    def shown(self) -> list[Hit]:
        """The hits as listed."""
        return [row for row in self._rows.rows if isinstance(row, Hit)]

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Keys of the field move in the list; the window's size is followed."""
        if watched is self.field and event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            return self._key(event)
        if watched is self.field and event.type() == QEvent.Type.FocusOut:
            self.dismiss()
        if watched is self._window and event.type() == QEvent.Type.Resize and self.isVisible():
            self._place()
        return super().eventFilter(watched, event)

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setContentsMargins(14, 12, 14, 12)
        top.setSpacing(8)
        top.addWidget(self._glass)
        top.addWidget(self.field, 1)
        line = QFrame()
        line.setProperty("role", "line")
        column = QVBoxLayout(self)
        column.setContentsMargins(1, 1, 1, 5)
        column.setSpacing(0)
        column.addLayout(top)
        column.addWidget(line)
        column.addWidget(self.list)
        column.addWidget(self._nothing)

    def _dress(self) -> None:
        colour = self._themes.theme.color("text.muted")
        self._glass.setPixmap(self._icons.pixmap("search", colour, 18, self.devicePixelRatioF()))

    def _search(self, text: str) -> None:
        sections = search(text, self.providers, self.recency)
        self._rows.show(sections)
        self._nothing.setText(f"Nothing is called “{text.strip()}”. Try fewer letters." if text.strip() else "")
        self._nothing.setVisible(not sections)
        self.list.setVisible(bool(sections))
        self._move_to(self._next(-1, 1))
        self._place()

    def _place(self) -> None:
        parent = self._window
        content = sum(HEADING if isinstance(row, str) else ROW for row in self._rows.rows)
        self.list.setFixedHeight(min(content + 4, ROWS_SHOWN * ROW))
        width = min(WIDTH, parent.width() - 32)
        self.setFixedWidth(width)
        self.adjustSize()
        self.move((parent.width() - width) // 2, max(8, parent.height() // 8))

    def _key(self, event: QKeyEvent) -> bool:
        row = self.list.currentIndex().row()
        moves = {
            Qt.Key.Key_Down: (row, 1), Qt.Key.Key_Up: (row, -1),
            Qt.Key.Key_PageDown: (min(row + 8, len(self._rows.rows) - 2), 1), Qt.Key.Key_PageUp: (max(row - 8, 1), -1),
        }  # fmt: skip
        key = Qt.Key(event.key())
        if key in moves:
            self._move_to(self._next(*moves[key]))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._take(self.list.currentIndex())
        elif key == Qt.Key.Key_Escape:
            self.dismiss()
        elif key not in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab):  # Tab would take the focus to what lies behind
            return False
        return True

    def _next(self, row: int, step: int) -> int:
        """The next row that can be chosen, around the ends; -1 if there is none."""
        count = len(self._rows.rows)
        for n in range(1, count + 1):
            at = (row + n * step) % count
            if isinstance(self._rows.rows[at], Hit):
                return at
        return -1

    def _move_to(self, row: int) -> None:
        index = self._rows.index(row, 0) if row >= 0 else QModelIndex()
        self.list.setCurrentIndex(index)
        if row == 1:
            self.list.scrollToTop()
        self.list.viewport().update()

    def _take(self, index: QModelIndex) -> None:
        hit = index.data(HIT_ROLE) if index.isValid() else None
        if not isinstance(hit, Hit) or not hit.entry.enabled:
            return
        self.dismiss()
        self.recency.used(hit.entry.id)
        hit.entry.run()
        self.chosen.emit(hit.entry)


def _pieces(text: str, bold: set[int]) -> list[tuple[str, bool]]:
    pieces: list[tuple[str, bool]] = []
    for n, letter in enumerate(text):
        strong = n in bold
        if pieces and pieces[-1][1] == strong:
            pieces[-1] = (pieces[-1][0] + letter, strong)
        else:
            pieces.append((letter, strong))
    return pieces
