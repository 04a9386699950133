"""A small list with a search field that opens on the canvas: to add a step, to name a target, to find one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, Signal
from PySide6.QtGui import QIcon, QKeyEvent
from PySide6.QtWidgets import QFrame, QLabel, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from desktop.canvas.chooser_row import DETAIL, ROW, ChooserRow
from desktop.fuzzy import begins_words, match
from desktop.icons import Icons
from desktop.theme import Theme

WIDTH: Final = 320
WIDE: Final = 480
_MOST_ROWS: Final = 8
_AROUND_LIST: Final = 8
"""Pixels above and below the rows of a list that must not make it scroll."""
_MOST_FOUND: Final = 50
_IN_TITLE, _BESIDE = 20, 40
"""What a match in the title gains, and the score of one beside it: more than for letters scattered over a title."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One line. key: what is given back. detail: said beside the title, and searched too. colour: a token's name.
    also: other words that it is found by."""

    key: str
    title: str
    detail: str = ""
    icon: str = ""
    colour: str = "text.secondary"
    also: str = ""


Search: TypeAlias = Callable[[str], list[Choice]]
"""Gives the lines that fit a text, the best first."""


class Chooser(QFrame):
    """A search field over a list. choices: what is searched through, or what does the searching. width: in pixels.

    chosen: the key of the line taken. pointed: the key of the line that Enter would take, while there is a text.
    closed: it is gone, with or without a choice.

    Up and Down move, Enter takes, Escape closes; the focus going elsewhere closes it too.
    """

    chosen = Signal(str)
    pointed = Signal(str)
    closed = Signal()

    def __init__(
        self,
        choices: Sequence[Choice] | Search,
        *,
        prompt: str,
        nothing: str,
        theme: Theme,
        icons: Icons,
        parent: QWidget,
        width: int = WIDTH,
    ) -> None:
        super().__init__(parent)
        self._room = parent
        self._width = width
        self._find: Search = choices if callable(choices) else partial(ranked, tuple(choices))
        self._theme = theme
        self._icons = icons
        self.field = QLineEdit(self)
        self.field.setPlaceholderText(prompt)
        self.field.setAccessibleName(prompt)
        self.list = QListWidget(self)
        self.list.setAccessibleName("Matches")
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setItemDelegate(ChooserRow(theme, self.list))
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.empty = QLabel(nothing, self)
        self.empty.setWordWrap(True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._lay_out()
        self._dress()
        self.field.textChanged.connect(self._search)
        self.list.itemClicked.connect(self._take)
        self.list.currentItemChanged.connect(self._point)
        self.field.installEventFilter(self)
        self._is_open = True
        self._search("")

    def open_at(self, at: QPoint) -> None:
        """Show it with its corner at a place in the parent, moved so that it is wholly visible."""
        room = self._room.rect()
        self.setFixedWidth(min(self._width, room.width() - 16))
        self.adjustSize()
        self.move(
            max(8, min(at.x(), room.right() - self.width() - 8)), max(8, min(at.y(), room.bottom() - self.height() - 8))
        )
        self.show()
        self.raise_()
        self.field.setFocus(Qt.FocusReason.PopupFocusReason)

    def dismiss(self) -> None:
        """Close it."""
        if self._is_open:
            self._is_open = False
            self.hide()
            self.closed.emit()
            self.deleteLater()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Keys and focus of the line."""
        if watched is self.field and self._is_open:
            if event.type() == QEvent.Type.FocusOut:
                self.dismiss()
            elif event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
                return self._key(event)
        return super().eventFilter(watched, event)

    def _key(self, event: QKeyEvent) -> bool:
        match event.key():
            case Qt.Key.Key_Escape:
                self.dismiss()
            case Qt.Key.Key_Down | Qt.Key.Key_Tab:
                self._step(1)
            case Qt.Key.Key_Up | Qt.Key.Key_Backtab:
                self._step(-1)
            case Qt.Key.Key_Return | Qt.Key.Key_Enter:
                item = self.list.currentItem()
                if item is not None:
                    self._take(item)
            case _:
                return False
        return True

    def _step(self, by: int) -> None:
        count = self.list.count()
        if count:
            self.list.setCurrentRow((self.list.currentRow() + by) % count)

    def _take(self, item: QListWidgetItem) -> None:
        key = str(item.data(Qt.ItemDataRole.UserRole))
        self.dismiss()
        self.chosen.emit(key)

    def _point(self, item: QListWidgetItem | None) -> None:
        if item is not None and self._is_open and self.field.text().strip():
            self.pointed.emit(str(item.data(Qt.ItemDataRole.UserRole)))

    def _search(self, text: str) -> None:
        self.list.clear()
        for choice in self._find(text)[:_MOST_FOUND]:
            item = QListWidgetItem(choice.title)
            if choice.icon:
                item.setIcon(QIcon(self._icons.pixmap(choice.icon, self._theme.color(choice.colour), 16, 2.0)))
            item.setData(Qt.ItemDataRole.UserRole, choice.key)
            item.setData(DETAIL, choice.detail)
            self.list.addItem(item)
        self.list.setCurrentRow(0)
        found = self.list.count()
        self.list.setVisible(found > 0)
        self.empty.setVisible(found == 0)
        self.list.setFixedHeight(min(found, _MOST_ROWS) * ROW + _AROUND_LIST)
        self.adjustSize()

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(8)
        for widget in (self.field, self.list, self.empty):
            column.addWidget(widget)

    def _dress(self) -> None:
        css, radius = self._theme.css, self._theme.px
        self.setObjectName("chooser")
        self.field.setFont(self._theme.font("body"))
        self.list.setFont(self._theme.font("body"))
        self.empty.setFont(self._theme.font("body"))
        self.setStyleSheet(
            f"#chooser {{ background: {css('surface.menu')}; border: 1px solid {css('border.subtle')};"
            f" border-radius: {radius('radius.panel')}px; }}"
            f"QLineEdit {{ background: {css('surface.input')}; color: {css('text.primary')};"
            f" border: 1px solid {css('border.control')}; border-radius: {radius('radius.control')}px;"
            " padding: 6px 8px; }"
            f"QLineEdit:focus {{ border-color: {css('focus')}; }}"
            f"QListWidget {{ background: transparent; border: none; color: {css('text.primary')}; outline: none; }}"
            "QScrollBar:vertical { background: transparent; width: 8px; margin: 0; }"
            f"QScrollBar::handle:vertical {{ background: {css('border.control')}; border-radius: 4px; }}"
            "QScrollBar::add-line, QScrollBar::sub-line { height: 0; }"
            "QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }"
            f"QLabel {{ color: {css('text.muted')}; padding: 12px; }}"
        )


def ranked(choices: Sequence[Choice], text: str) -> list[Choice]:
    """The choices that fit a text, the best first; all of them, in their order, for an empty one."""
    if not text.strip():
        return list(choices)
    found: list[tuple[int, int, Choice]] = []
    for place, choice in enumerate(choices):
        title, key = match(text, choice.title), match(text, choice.key)
        scores = [title.score + _IN_TITLE] if title is not None else []
        scores += [key.score] if key is not None else []
        beside = f"{choice.title} {choice.detail} {choice.also}"
        scores += [_BESIDE] if begins_words(text, beside) else []
        if scores:
            found.append((-max(scores), place, choice))
    return [choice for _, _, choice in sorted(found, key=lambda entry: entry[:2])]
