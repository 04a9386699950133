"""The rows of a conversation on a scrolling surface: only those that are seen are laid out and painted."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QEvent, QPoint, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QAbstractScrollArea, QSizePolicy, QWidget

from desktop.chat.laid import Laid
from desktop.chat.message_row import COLUMN, MessageRow, column_of
from desktop.chat.pictures import Pictures
from desktop.chat.row_heights import RowHeights
from desktop.chat.thread import ChatThread
from desktop.icons import Icons
from desktop.theme import Theme, ThemeManager

GUESS: Final = 92.0
"""Height of a row of which nothing is known, in logical pixels."""

KEPT: Final = 80
"""Messages that stay laid out though they are out of sight."""

_MARGIN: Final = 120
"""Pixels above and below the seen part within which rows are ready."""

_STEP: Final = 48
_NEAR_END: Final = 30


class Transcript(QAbstractScrollArea):
    """Shows a ChatThread. tail: a widget below the last message, shown while it has something to say.

    current_changed: the row that the keys speak of, -1 for none. acted, link_wanted, run_wanted: as the rows' signals.
    menu_wanted: the row and the place on the screen. file_wanted: the row, and which of its kept files. left: the
    keyboard should go back to where one writes.
    """

    current_changed = Signal(int)
    hovered_changed = Signal(int)
    acted = Signal(str, int)
    link_wanted = Signal(str)
    run_wanted = Signal(str)
    menu_wanted = Signal(int, QPoint)
    file_wanted = Signal(int, int)
    left = Signal()
    scrolled = Signal()

    def __init__(
        self, thread: ChatThread, pictures: Pictures, themes: ThemeManager, icons: Icons, tail: QWidget
    ) -> None:
        super().__init__()
        self._thread, self._pictures, self._themes, self._icons = thread, pictures, themes, icons
        self.heights = RowHeights()
        self._known: set[int] = set()
        self.rows: dict[int, MessageRow] = {}
        self._cache: OrderedDict[tuple[int, str], list[Laid]] = OrderedDict()
        self.live_row: MessageRow | None = None
        self._tail = tail
        self.current = -1
        self.hovered = -1
        self.laid_count = 0
        """How many rows were laid out so far, for tests and measurements."""
        self._at_end = True
        self._coming = -1
        self._placing = False
        self.setAccessibleName("Conversation")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setStyleSheet("Transcript { background: transparent; }")
        self.viewport().setAutoFillBackground(False)
        tail.setParent(self.viewport())
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self.place)
        self._soon_current = QTimer(self)
        self._soon_current.setSingleShot(True)
        self._soon_current.setInterval(0)
        self._soon_current.timeout.connect(lambda: self.make_current(self.current))
        self.verticalScrollBar().valueChanged.connect(self._scrolled_to)
        thread.reset.connect(self.rebuild)
        thread.rows_changed.connect(self._rows_changed)
        thread.live_changed.connect(self._show_live)
        pictures.loaded.connect(self._picture_loaded)
        themes.changed.connect(lambda _: self._rethemed())

    # -- rows ----------------------------------------------------------------------------------------------------------

    def rebuild(self) -> None:
        """Begin anew, at the end of the conversation."""
        for index in list(self.rows):
            self._drop(index)
        self._known.clear()
        self.current = self.hovered = -1
        self.heights.reset([self._guess(index) for index in range(self._thread.total)])
        self._at_end = True
        self._show_live()
        self.place()
        self.current_changed.emit(-1)

    def place(self) -> None:
        """Lay out what is seen, and only that."""
        if self._placing or self.viewport().width() < 60:
            return
        self._placing = True
        try:
            for _ in range(8):
                if self._place_once():
                    break
        finally:
            self._placing = False

    def row_of(self, index: int) -> MessageRow | None:
        """The widget of a row, if it is laid out now."""
        return self.rows.get(index)

    def scroll_to_end(self) -> None:
        """Show the end, and stay there while it grows."""
        self._at_end = True
        self.place()

    def show_row(self, index: int) -> None:
        """Bring a row into view."""
        for _ in range(4):  # its place is a guess until those around it are laid out
            top = self.heights.top(index)
            bottom = top + self.heights[index]
            view, height = self.verticalScrollBar().value(), self.viewport().height()
            if top < view or self.heights[index] > height:
                value = round(top) - 8
            elif bottom > view + height:
                value = round(bottom) - height + 8
            else:
                break
            self._at_end = False
            self._set_top(value)
            self.place()

    def make_current(self, index: int) -> None:
        """Let the keys speak of a row, and show it; -1 for none."""
        if (row := self.rows.get(self.current)) is not None:
            row.set_current(False)
        self.current = index
        if index >= 0:
            self.show_row(index)
            if (row := self.rows.get(index)) is not None:
                row.set_current(True)
                row.setFocus(Qt.FocusReason.OtherFocusReason)
            else:
                self._coming = index
        self.current_changed.emit(index)

    def walk(self, step: int) -> None:
        """Let the keys speak of the next message (1) or the one before (-1)."""
        index = self.current if self.current >= 0 else self._thread.total
        index += step
        while 0 <= index < self._thread.total and self._thread.is_hidden(index):
            index += step
        if index >= self._thread.total:
            self.make_current(-1)
            self.scroll_to_end()
            self.left.emit()
        elif index >= 0:
            self.make_current(index)

    def visible_rows(self) -> Sequence[int]:
        """Indexes of the rows that are seen now."""
        view = self.viewport().rect()
        return sorted(index for index, row in self.rows.items() if row.isVisible() and row.geometry().intersects(view))

    # -- placing -------------------------------------------------------------------------------------------------------

    def _place_once(self) -> bool:
        """Place the rows; False if their heights turned out so that it has to be done again."""
        width, height = self.viewport().width(), self.viewport().height()
        foot = self._foot_height(width)
        total = self.heights.total + foot
        bar = self.verticalScrollBar()
        top = max(0, round(total) - height) if self._at_end else min(bar.value(), max(0, round(total) - height))
        first = self.heights.at(max(top - _MARGIN, 0)) if len(self.heights) else 0
        moved = 0.0
        wanted: set[int] = set()
        y = self.heights.top(first) - top
        index = first
        while index < len(self.heights) and y < height + _MARGIN:
            guessed = index not in self._known
            real = self._height_of(index, width)
            if real is not None:
                by = self.heights.change(index, real)
                if by and guessed and y < 0 and not self._at_end:
                    moved += by
                elif by:
                    moved = moved or 0.001
            wanted.add(index)
            y += self.heights[index]
            index += 1
        if moved:
            if abs(moved) > 0.5 and not self._at_end:
                self._set_top(top + round(moved))
            return False
        self._set_range(round(self.heights.total + foot), top)
        for gone in [i for i in self.rows if i not in wanted]:
            self._drop(gone)
        y = self.heights.top(first) - top
        for index in sorted(wanted):
            row = self.rows.get(index)
            if row is not None:
                row.setGeometry(0, round(y), width, round(self.heights[index]))
                row.show()
            y += self.heights[index]
        self._place_foot(round(self.heights.total) - top, width)
        if self._coming in self.rows:
            self._arrived(self._coming)
        self.scrolled.emit()
        return True

    def _arrived(self, index: int) -> None:
        """A row that the keys speak of was read and is there now."""
        self._coming = -1
        if index == self.current:
            self._soon_current.start()

    def _height_of(self, index: int, width: int) -> float | None:
        """The real height of a row, laid out now; None while it is not there."""
        if self._thread.is_hidden(index):
            self._known.add(index)
            return 0.0
        row = self.rows.get(index) or self._made(index)
        if row is None:
            return None
        self._known.add(index)
        return float(row.fit(width))

    def _made(self, index: int) -> MessageRow | None:
        shown = self._thread.shown(index)
        if shown is None:
            return None
        theme = self._themes.theme
        key = (shown.message.id, shown.message.text)
        laid = self._cache.pop(key, None)
        row = MessageRow(shown, theme, self._icons, self._pictures, laid, self.viewport())
        self._cache[key] = row.laid
        if len(self._cache) > KEPT:
            self._cache.popitem(last=False)
        self.laid_count += 1
        row.set_current(index == self.current)
        row.resized.connect(lambda: self._row_resized(index))
        row.acted.connect(self.acted)
        row.link_wanted.connect(self.link_wanted)
        row.run_wanted.connect(self.run_wanted)
        row.file_wanted.connect(lambda place: self.file_wanted.emit(index, place))
        row.hovered.connect(lambda: self._hover(index))
        row.menu_wanted.connect(lambda at: self.menu_wanted.emit(index, at))
        self.rows[index] = row
        return row

    def _drop(self, index: int) -> None:
        row = self.rows.pop(index)
        if row.hasFocus() or (row.focusWidget() is not None and row.focusWidget().hasFocus()):
            self.setFocus()
        row.hide()
        row.deleteLater()
        if index == self.hovered:
            self._hover(-1)

    def _foot_height(self, width: int) -> float:
        live = self.live_row.fit(width) if self.live_row is not None else 0
        return live + self._tail_height(width) + 8

    def _tail_height(self, width: int) -> int:
        if self._tail.property("empty") is not False:
            return 0
        column = column_of(width)
        layout = self._tail.layout()
        assert layout is not None
        return int(
            layout.totalHeightForWidth(column) if layout.hasHeightForWidth() else layout.totalSizeHint().height()
        )

    def _place_foot(self, y: int, width: int) -> None:
        if self.live_row is not None:
            height = self.live_row.fit(width)
            self.live_row.setGeometry(0, y, width, height)
            self.live_row.show()
            y += height
        tail = self._tail_height(width)
        self._tail.setVisible(tail > 0)
        column = column_of(width)
        if tail:
            self._tail.setGeometry((width - column) // 2, y, column, tail)

    def _guess(self, index: int) -> float:
        message = self._thread.message(index)
        if message is None:
            return GUESS
        if message.role == "tool":
            return 0.0
        width = max(self.viewport().width() - 40, 200)
        per_line = max(min(width, COLUMN) / 6.6, 20)
        lines = sum(1 + len(line) // per_line for line in message.text[:20_000].split("\n"))
        return 62.0 + 19.0 * lines + 40.0 * len(message.calls)

    # -- changes -------------------------------------------------------------------------------------------------------

    def _rows_changed(self, first: int, last: int) -> None:
        while len(self.heights) < self._thread.total:
            self.heights.append(self._guess(len(self.heights)))
        moved, top = 0.0, self.verticalScrollBar().value()
        for index in range(first, min(last + 1, len(self.heights))):
            row = self.rows.get(index)
            shown = self._thread.shown(index) if row is not None else None
            if row is not None and shown is not None:
                row.show_message(shown)
            elif index not in self._known:
                above = self.heights.top(index) + self.heights[index] <= top
                by = self.heights.change(index, self._guess(index))
                moved += by if above else 0.0
        if moved and not self._at_end:
            self._set_range(round(self.heights.total + self._foot_height(self.viewport().width())), top + round(moved))
        self._soon.start()

    def _show_live(self) -> None:
        shown = self._thread.live_shown()
        if shown is None:
            if self.live_row is not None:
                self.live_row.hide()
                self.live_row.deleteLater()
                self.live_row = None
        elif self.live_row is None:
            self.live_row = MessageRow(shown, self._themes.theme, self._icons, self._pictures, None, self.viewport())
            self.live_row.link_wanted.connect(self.link_wanted)
            self.live_row.resized.connect(self._live_resized)
        else:
            self.live_row.show_message(shown)
        self.place()

    def _picture_loaded(self, name: str) -> None:
        """A picture is as large as it is, which is known only now."""
        for index, row in self.rows.items():
            if row.holds(name):
                row.forget_layout()
                self._known.discard(index)  # what is seen stays where it is
        if self.live_row is not None and self.live_row.holds(name):
            self.live_row.forget_layout()
        self._soon.start()

    def _row_resized(self, index: int) -> None:
        if index in self.rows:
            self._at_end = False
            self.place()

    def _live_resized(self) -> None:
        self._at_end = False
        self.place()

    def _rethemed(self) -> None:
        self._cache.clear()
        for index in list(self.rows):
            self._drop(index)
        if self.live_row is not None:
            self.live_row.hide()
            self.live_row.deleteLater()
            self.live_row = None
        self._show_live()

    def tail_changed(self) -> None:
        """What stands below the last message is higher or lower now."""
        self._soon.start()

    # -- scrolling -----------------------------------------------------------------------------------------------------

    def _set_range(self, total: int, top: int) -> None:
        bar, height = self.verticalScrollBar(), self.viewport().height()
        before = bar.blockSignals(True)
        bar.setRange(0, max(0, total - height))
        bar.setPageStep(height)
        bar.setSingleStep(_STEP)
        bar.setValue(top)
        bar.blockSignals(before)
        if self._at_end:
            return
        self._at_end = bar.value() >= bar.maximum() and bar.maximum() > 0

    def _set_top(self, top: int) -> None:
        bar = self.verticalScrollBar()
        before = bar.blockSignals(True)
        bar.setMaximum(max(bar.maximum(), top))
        bar.setValue(top)
        bar.blockSignals(before)

    def _scrolled_to(self, value: int) -> None:
        self._at_end = value >= self.verticalScrollBar().maximum() - _NEAR_END
        self.place()

    def scrollContentsBy(self, dx: int, dy: int) -> None:  # noqa: N802 - Qt's name
        """Rows are placed when the bar's value changes, not moved."""

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Another width breaks lines elsewhere: heights are guesses again, and the first row stays the first."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._known.clear()
        self.place()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802 - Qt's name
        """Scroll by pixels where the hand gives pixels."""
        pixels = event.pixelDelta().y() or round(event.angleDelta().y() / 120 * 3 * 20)
        if pixels:
            bar = self.verticalScrollBar()
            bar.setValue(bar.value() - pixels)
        event.accept()

    def viewportEvent(self, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Rows that are not there yet are hinted at; everything else as usual."""
        if isinstance(event, QPaintEvent):
            self._paint_missing(event)
        return bool(super().viewportEvent(event))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Keys for the row that is spoken of, and for scrolling."""
        control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        bar = self.verticalScrollBar()
        match event.key():
            case Qt.Key.Key_Up | Qt.Key.Key_Down:
                self.walk(-1 if event.key() == Qt.Key.Key_Up else 1)
            case Qt.Key.Key_PageUp | Qt.Key.Key_PageDown:
                way = -1 if event.key() == Qt.Key.Key_PageUp else 1
                bar.setValue(bar.value() + way * (self.viewport().height() - 60))
            case Qt.Key.Key_Home:
                bar.setValue(0)
            case Qt.Key.Key_End:
                self.scroll_to_end()
            case Qt.Key.Key_Left | Qt.Key.Key_Right if self.current >= 0:
                self._act("before" if event.key() == Qt.Key.Key_Left else "after")
            case Qt.Key.Key_Escape:
                self.make_current(-1)
                self.left.emit()
            case Qt.Key.Key_C if control:
                self._act("copy_selected")
            case Qt.Key.Key_Menu if self.current >= 0:
                self._ask_menu()
            case Qt.Key.Key_F10 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier and self.current >= 0:
                self._ask_menu()
            case Qt.Key.Key_Return | Qt.Key.Key_Enter if self.current >= 0:
                self._toggle_cards()
            case key if self.current >= 0 and not control and Qt.Key.Key_A <= key <= Qt.Key.Key_Z:
                self._act(f"key {chr(key)}")
            case _:
                super().keyPressEvent(event)

    def _act(self, action: str) -> None:
        message = self._thread.message(self.current)
        self.acted.emit(action, message.id if message is not None else 0)

    def _ask_menu(self) -> None:
        row = self.rows.get(self.current)
        if row is not None:
            self.menu_wanted.emit(self.current, row.mapToGlobal(row.foot().topLeft()))

    def _toggle_cards(self) -> None:
        row = self.rows.get(self.current)
        if row is not None and row.cards:
            is_open = any(card.is_open for card in row.cards.values())
            for card in row.cards.values():
                card.set_open(not is_open)

    def _hover(self, index: int) -> None:
        if index != self.hovered:
            before = self.rows.get(self.hovered)
            self.hovered = index
            for row in (before, self.rows.get(index)):
                if row is not None:
                    row.update()
            self.hovered_changed.emit(index)

    def _paint_missing(self, event: QPaintEvent) -> None:
        if not len(self.heights) or not self._thread.total:
            return
        top, height = self.verticalScrollBar().value(), self.viewport().height()
        index = self.heights.at(top)
        y = self.heights.top(index) - top
        theme: Theme = self._themes.theme
        painter = None
        while index < len(self.heights) and y < height:
            if self._thread.message(index) is None and index not in self.rows:
                painter = painter or QPainter(self.viewport())
                left = max((self.viewport().width() - COLUMN) / 2, 16)
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(theme.color("surface.hover"))
                for line, share in enumerate((0.55, 0.8)):
                    bar = QRectF(left, y + 16 + 22 * line, (self.viewport().width() - 2 * left) * share, 10)
                    painter.drawRoundedRect(bar, 4, 4)
            y += self.heights[index]
            index += 1
        if painter is not None:
            painter.end()
