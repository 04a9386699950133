"""One message on the screen: who speaks, the text, files, calls, what it cost. Painted, with the calls as widgets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFontMetrics,
    QGuiApplication,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QWidget

from desktop.chat.blocks import PICTURE, Code, Growing, plain_blocks, read_blocks
from desktop.chat.call_card import CallCard
from desktop.chat.files_strip import LARGE, SMALL, FilesStrip, address_of, name_of
from desktop.chat.laid import Laid, LaidCode, LaidProse, lay
from desktop.chat.pictures import Pictures
from desktop.chat.reasoning_fold import ReasoningFold
from desktop.chat.selection import TextSelection
from desktop.chat.shown import Shown
from desktop.chat.wording import attached, made, spent, why_it_ended
from desktop.icons import Icons
from desktop.theme import Theme

COLUMN: Final = 760
"""The widest a message is, in logical pixels: longer lines are hard to read."""

FOOT: Final = 26
_SIDE: Final = 16
_TOP: Final = 10
_HEAD: Final = 28
_GAP: Final = 9
_BUBBLE_X, _BUBBLE_Y = 14, 9
_LEADING: Final = 5
"""What the line height adds below the last line, which would make a bubble look lower than its text."""

_AVATAR: Final = 22


def column_of(width: int) -> int:
    """How wide the column of messages is, in the middle of a conversation so wide."""
    side = _SIDE if width >= 480 else 12
    return min(width - 2 * side, COLUMN)


class MessageRow(QWidget):
    """A row of the conversation. The theme is that of its making.

    resized: its height is another one. file_wanted: a file was clicked; its place among all kept ones of the message.
    acted: the id of an action and the message's id. link_wanted: an address that was clicked. run_wanted: the id of a
    run. hovered: the mouse came.
    """

    resized = Signal()
    acted = Signal(str, int)
    link_wanted = Signal(str)
    run_wanted = Signal(str)
    hovered = Signal()
    menu_wanted = Signal(QPoint)
    file_wanted = Signal(int)

    def __init__(
        self,
        shown: Shown,
        theme: Theme,
        icons: Icons,
        pictures: Pictures,
        laid: list[Laid] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._theme, self._icons = theme, icons
        self.shown = shown
        self._growing = Growing()
        self.laid: list[Laid] = [] if laid is None else laid
        self._places: list[QPointF] = []
        self.selection = TextSelection(self.laid)
        self.cards: dict[str, CallCard] = {}
        large = LARGE if shown.message.role == "assistant" else SMALL
        self._files = FilesStrip(attached(shown.message), pictures, theme, icons, most=large)
        self._made = FilesStrip(made(shown.message), pictures, theme, icons, most=LARGE)
        self.thought: ReasoningFold | None = None
        self._bubble = QRectF()
        self._column = QRectF()
        self._width = -1
        self._height = 0
        self._foot_y = 0.0
        self._sibling_places: tuple[QRectF, QRectF] | None = None
        self.is_current = False
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        if laid is None or shown.live:
            self._read()
        self._make_cards()
        self._name()

    @property
    def is_user(self) -> bool:
        """Whether a person said it."""
        return self.shown.message.role == "user"

    def show_message(self, shown: Shown) -> None:
        """Show another state of the message."""
        if shown == self.shown:
            return
        before, self.shown = self.shown, shown
        if shown.message.text != before.message.text or shown.live != before.live:
            self._read()
        self._files.show_files(attached(shown.message))
        self._made.show_files(made(shown.message))
        self._make_cards()
        self._name()
        self._width = -1
        self.update()

    def fit(self, width: int) -> int:
        """Lay it out for a width; its height."""
        if width == self._width:
            return self._height
        self._width = width
        column = column_of(width)
        self._column = QRectF((width - column) / 2, 0, column, 0)
        y = self._fit_user(column) if self.is_user else self._fit_answer(column)
        self._foot_y = y
        self._height = round(y) + FOOT + 2
        return self._height

    def foot(self) -> QRect:
        """Where the line below the message is, for the buttons that stand in it."""
        return QRect(round(self._column.left()), round(self._foot_y), round(self._column.width()), FOOT)

    def text_picked(self) -> str:
        """The selected text."""
        return self.selection.text()

    def codes(self) -> Sequence[str]:
        """The pieces of code in it."""
        return [each.text() for each in self.laid if isinstance(each, LaidCode)]

    def holds(self, picture: str) -> bool:
        """Whether it shows the picture with that hash."""
        return self._files.holds(picture) or self._made.holds(picture)

    def forget_layout(self) -> None:
        """Something in it is of another size now; it is laid out anew when it is fitted next."""
        self._width = -1
        self.update()

    def set_current(self, current: bool) -> None:
        """Whether it is the message that the keys speak of."""
        if current != self.is_current:
            self.is_current = current
            self.update()

    # -- layout --------------------------------------------------------------------------------------------------------

    def _fit_user(self, column: float) -> float:
        most = column * 0.86 - 2 * _BUBBLE_X
        inner = 0.0
        for each in self.laid:
            each.fit(most)
            inner = max(inner, each.document.idealWidth() + 1 if isinstance(each, LaidProse) else most)
        inner = min(inner, most)
        files = self._files.fit(most)
        inner = max(inner, self._files.width)
        left = self._column.right() - inner - 2 * _BUBBLE_X
        y = float(_TOP + _BUBBLE_Y)
        self._places = []
        self._files.move(left + _BUBBLE_X, y)
        y += files + (_GAP if files and self.laid else 0)
        for each in self.laid:
            self._places.append(QPointF(left + _BUBBLE_X, y))
            y += each.height + _GAP
        y -= _GAP if self.laid else 0
        below = _BUBBLE_Y - (_LEADING if self.laid and isinstance(self.laid[-1], LaidProse) else 0)
        self._bubble = QRectF(left, _TOP, inner + 2 * _BUBBLE_X, y + below - _TOP)
        return self._bubble.bottom()

    def _fit_answer(self, column: float) -> float:
        left, shown = self._column.left(), self.shown
        y = float(_TOP if shown.begins else 0)
        if shown.begins:
            y += _HEAD
        if self.thought is not None:
            height = self.thought.fit(int(column))
            self.thought.setGeometry(round(left), round(y), int(column), height)
            y += height + 2
        self._places = []
        for each in self.laid:
            each.fit(column)
            self._places.append(QPointF(left, y))
            y += each.height + _GAP
        files = self._files.fit(column)
        self._files.move(left, y)
        y += files + (_GAP if files else 0)
        for card in self.cards.values():
            height = card.fit(int(column))
            card.setGeometry(round(left), round(y), int(column), height)
            y += height + 6
        files = self._made.fit(column)
        self._made.move(left, y)
        y += files + (_GAP if files else 0)
        if self._ending():
            y += self._ending_height(column) + 4
        return y - (_GAP - 3 if self.laid and not self.cards else 0)

    def _ending(self) -> str:
        return "" if self.shown.live else why_it_ended(self.shown.message)

    def _ending_height(self, column: float) -> float:
        metrics = QFontMetrics(self._theme.font("body"))
        flags = int(Qt.TextFlag.TextWordWrap)
        return float(metrics.boundingRect(QRect(0, 0, int(column) - 40, 10_000), flags, self._ending()).height()) + 14

    def _read(self) -> None:
        message, theme = self.shown.message, self._theme
        if message.role == "user":
            blocks = read_blocks(message.text) if "```" in message.text else plain_blocks(message.text)
            self.laid[:] = [lay(block, theme) for block in blocks]
        elif not self.shown.live:
            self.laid[:] = [lay(block, theme) for block in read_blocks(message.text)]
        else:
            self._grow(message.text)

    def _grow(self, text: str) -> None:
        """Take in what was added to an answer that is being made."""
        before = list(self._growing.blocks)
        first = self._growing.show(text)
        blocks = self._growing.blocks
        while first < min(len(before), len(blocks)) and before[first] == blocks[first]:
            first += 1
        del self.laid[first + 1 :]
        last, block = (
            self.laid[first] if first < len(self.laid) else None,
            blocks[first] if first < len(blocks) else None,
        )
        if isinstance(last, LaidCode) and isinstance(block, Code) and block.language == last.language:
            last.grow(block.text, whole=first + 1 < len(blocks))
            first += 1
        del self.laid[first:]
        self.laid += [lay(each, self._theme) for each in blocks[first:]]

    def _make_thought(self) -> None:
        text = self.shown.reasoning
        if not text.strip() or self.is_user:
            if self.thought is not None:
                self.thought.hide()
                self.thought.deleteLater()
                self.thought = None
            return
        if self.thought is None:
            self.thought = ReasoningFold(self._theme, self._icons, self)
            self.thought.folded.connect(self._refit)
            self.thought.show()
        self.thought.show_text(text, live=self.shown.live)

    def _make_cards(self) -> None:
        self._make_thought()
        calls = {call.id: call for call in self.shown.message.calls}
        for gone in [key for key in self.cards if key not in calls]:
            self.cards.pop(gone).deleteLater()
        for key, call in calls.items():
            progress = self.shown.progress.get(key, "")
            if key in self.cards:
                self.cards[key].show_call(call, progress)
                continue
            card = self.cards[key] = CallCard(call, self._theme, self._icons, self)
            card.show_call(call, progress)
            card.folded.connect(self._refit)
            card.run_wanted.connect(self.run_wanted)
            card.show()

    def _refit(self) -> None:
        self._width = -1
        self.resized.emit()

    def _name(self) -> None:
        message = self.shown.message
        who = "You" if self.is_user else message.agent or "Answer"
        said = message.text[:200] or why_it_ended(message) or ("calls functions" if message.calls else "")
        files = self._files.count + self._made.count
        with_files = f"{'' if not said else ', '}{'1 file' if files == 1 else f'{files} files'}" if files else ""
        self.setAccessibleName(f"{who}: {said}{with_files}" if said or files else f"{who}: calls functions")
        self.setAccessibleDescription(self._facts())

    def _facts(self) -> str:
        message = self.shown.message
        parts = [spent(message.usage, message.duration_s), message.model.rpartition("/")[2]]
        return " · ".join(part for part in parts if part)

    # -- painting ------------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Paint what of the row is seen."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.is_current:
            ring = QRectF(self._column.left() - 8, 3, self._column.width() + 16, self._height - 6)
            painter.setPen(QPen(self._theme.color("focus"), 2, Qt.PenStyle.DashLine))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(ring, 8, 8)
        if self.is_user:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._theme.color("accent", 0.16))
            painter.drawRoundedRect(self._bubble, 12, 12)
        elif self.shown.begins:
            self._paint_head(painter)
        seen = QRectF(event.rect())
        for number, (each, place) in enumerate(zip(self.laid, self._places, strict=False)):
            clip = seen.translated(-place)
            if clip.bottom() >= 0 and clip.top() <= each.height:
                painter.translate(place)
                each.paint(painter, clip, self.selection.span(number))
                painter.translate(-place)
        self._files.paint(painter, self.devicePixelRatioF())
        self._made.paint(painter, self.devicePixelRatioF())
        if ending := self._ending():
            self._paint_ending(painter, ending)
        self._paint_foot(painter)
        painter.end()

    def _paint_head(self, painter: QPainter) -> None:
        theme, shown = self._theme, self.shown
        left = self._column.left()
        colour = QColor(shown.face.colour) if shown.face.colour.startswith("#") else theme.color(shown.face.colour)
        painter.setPen(Qt.PenStyle.NoPen)
        ground = QColor(colour)
        ground.setAlphaF(0.18)
        painter.setBrush(ground)
        painter.drawEllipse(QRectF(left, _TOP, _AVATAR, _AVATAR))
        icon = self._icons.pixmap(shown.face.icon, colour, 14, self.devicePixelRatioF())
        painter.drawPixmap(QPointF(left + 4, _TOP + 4), icon)
        strong = theme.font("body.strong")
        painter.setFont(strong)
        painter.setPen(theme.color("text.primary"))
        flags = Qt.AlignmentFlag.AlignVCenter
        name = shown.message.agent or "Answer"
        name = QFontMetrics(strong).elidedText(name, Qt.TextElideMode.ElideRight, int(self._column.width()) - 140)
        painter.drawText(QRectF(left + _AVATAR + 8, _TOP, self._column.width(), _AVATAR), flags, name)
        if shown.note:
            painter.setFont(theme.font("caption"))
            painter.setPen(theme.color("text.muted"))
            x = left + _AVATAR + 16 + QFontMetrics(strong).horizontalAdvance(name)
            room = QRectF(x, _TOP, max(self._column.right() - x, 0), _AVATAR)
            note = QFontMetrics(theme.font("caption")).elidedText(
                shown.note, Qt.TextElideMode.ElideRight, int(room.width())
            )
            painter.drawText(room, flags, note)

    def _paint_ending(self, painter: QPainter, text: str) -> None:
        theme, message = self._theme, self.shown.message
        state = "failed" if message.status == "failed" else "waiting"
        height = self._ending_height(self._column.width())
        cards = [card.geometry().bottom() + 7 for card in self.cards.values()]
        texts = [place.y() + each.height + _GAP for each, place in zip(self.laid, self._places, strict=False)]
        files = [strip.place_of(strip.count - 1).bottom() + _GAP for strip in (self._files, self._made) if strip.count]
        thought = [self.thought.geometry().bottom() + 3] if self.thought is not None else []
        top = max([*cards, *texts, *files, *thought, _TOP + _HEAD if self.shown.begins else 0.0])
        box = QRectF(self._column.left(), top, self._column.width(), height - 2)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color(f"state.{state}", 0.12))
        painter.drawRoundedRect(box, 6, 6)
        sign = self._icons.pixmap("triangle-alert", theme.color(f"state.{state}"), 16, self.devicePixelRatioF())
        painter.drawPixmap(QPointF(box.left() + 10, box.top() + 6), sign)
        painter.setFont(theme.font("body"))
        painter.setPen(theme.color("text.primary"))
        painter.drawText(box.adjusted(34, 6, -6, -4), Qt.TextFlag.TextWordWrap, text)

    def _paint_foot(self, painter: QPainter) -> None:
        theme, shown = self._theme, self.shown
        font = theme.font("caption", tabular=True)
        painter.setFont(font)
        metrics = QFontMetrics(font)
        flags = Qt.AlignmentFlag.AlignVCenter
        x = self._column.left()
        self._sibling_places = None
        if len(shown.siblings) > 1:
            text = f"{shown.place + 1}/{len(shown.siblings)}"
            wide = metrics.horizontalAdvance(text)
            if self.is_user:
                x = self._column.right() - wide - 44
            before, after = QRectF(x, self._foot_y, 20, FOOT), QRectF(x + 22 + wide, self._foot_y, 20, FOOT)
            self._sibling_places = before, after
            ratio = self.devicePixelRatioF()
            for place, icon, able in (
                (before, "chevron-left", shown.place > 0),
                (after, "chevron-right", shown.place + 1 < len(shown.siblings)),
            ):
                colour = theme.color("text.secondary" if able else "text.disabled")
                painter.drawPixmap(place.topLeft() + QPointF(3, 6), self._icons.pixmap(icon, colour, 14, ratio))
            painter.setPen(theme.color("text.secondary"))
            painter.drawText(QRectF(x + 20, self._foot_y, wide + 4, FOOT), flags, text)
            x += wide + 50
        if not self.is_user and not shown.live:
            painter.setPen(theme.color("text.muted"))
            room = self._column.right() - x - (160 if self.underMouse() or self.is_current else 0)
            facts = metrics.elidedText(self._facts(), Qt.TextElideMode.ElideRight, int(room))
            painter.drawText(QRectF(x, self._foot_y, room, FOOT), flags, facts)

    # -- hand ----------------------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Begin to select text, copy code, or go to a sibling."""
        if event.button() != Qt.MouseButton.LeftButton:
            return
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        at = event.position()
        if self._sibling_places is not None:
            for place, action in zip(self._sibling_places, ("before", "after"), strict=True):
                if place.contains(at):
                    self.acted.emit(action, self.shown.message.id)
                    return
        if self._file_at(at) >= 0:
            self.selection.clear()
            self.update()
            return
        number, inside = self._block_at(at)
        if number is not None:
            laid = self.laid[number]
            if isinstance(laid, LaidCode) and laid.is_copy(inside):
                QGuiApplication.clipboard().setText(laid.text())
                self.acted.emit("copied", self.shown.message.id)
                return
            self.selection.begin(number, laid.position(inside))
        else:
            self.selection.clear()
        self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Select text; show what can be clicked."""
        if self._show_file_under(event.position()) and not event.buttons():
            return
        number, inside = self._block_at(event.position(), nearest=bool(event.buttons()))
        if event.buttons() & Qt.MouseButton.LeftButton and number is not None:
            self.selection.extend(number, self.laid[number].position(inside))
            self.update()
            return
        shape = Qt.CursorShape.ArrowCursor
        if number is not None:
            laid = self.laid[number]
            clickable = laid.address(inside) or (isinstance(laid, LaidCode) and laid.is_copy(inside))
            shape = Qt.CursorShape.PointingHandCursor if clickable else Qt.CursorShape.IBeamCursor
        self.setCursor(shape)
        self.setToolTip(self.laid[number].address(inside).removeprefix("picture:") if number is not None else "")

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """A link that was clicked is told; it is not followed."""
        if event.button() != Qt.MouseButton.LeftButton or not self.selection.is_empty:
            return
        if (index := self._file_at(event.position())) >= 0:
            self._choose_file(index)
            return
        number, inside = self._block_at(event.position())
        if number is not None and (address := self.laid[number].address(inside)):
            self.link_wanted.emit(address)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Select a word."""
        number, inside = self._block_at(event.position())
        if number is not None:
            self.selection.word(number, self.laid[number].position(inside))
            self.update()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: N802 - Qt's name
        """Tell where a menu is wanted."""
        self.menu_wanted.emit(event.globalPos())

    def enterEvent(self, event: object) -> None:  # noqa: N802 - Qt's name
        """The mouse came."""
        self.hovered.emit()

    def leaveEvent(self, event: object) -> None:  # noqa: N802 - Qt's name
        """The mouse went."""
        if max(self._files.under, self._made.under) >= 0:
            self._files.under = self._made.under = -1
            self.update()

    def _file_at(self, at: QPointF) -> int:
        """The place of the file at a point, among the files of the message and those of its calls; -1 for none."""
        index = self._files.index_at(at)
        if index >= 0:
            return index
        index = self._made.index_at(at)
        return self._files.count + index if index >= 0 else -1

    def _file(self, index: int) -> Mapping[str, Any]:
        own = self._files.count
        return self._files.file(index) if index < own else self._made.file(index - own)

    def _show_file_under(self, at: QPointF) -> bool:
        """Mark the file at a point; whether there is one."""
        before = self._files.under, self._made.under
        self._files.under, self._made.under = self._files.index_at(at), self._made.index_at(at)
        if before != (self._files.under, self._made.under):
            self.update()
        index = self._file_at(at)
        if index >= 0:
            self.setCursor(Qt.CursorShape.PointingHandCursor)
            file = self._file(index)
            self.setToolTip(address_of(file) or f"Open {name_of(file)}")
        return index >= 0

    def _choose_file(self, index: int) -> None:
        file = self._file(index)
        if address := address_of(file):
            self.link_wanted.emit(PICTURE + address)
            return
        before = sum("blob" in self._file(each) for each in range(index))
        self.file_wanted.emit(before)

    def _block_at(self, at: QPointF, *, nearest: bool = False) -> tuple[int | None, QPointF]:
        """The block at a point, and the point as the block sees it. nearest: one is always found if there are any."""
        best: tuple[float, int] | None = None
        for number, (each, place) in enumerate(zip(self.laid, self._places, strict=False)):
            if place.y() <= at.y() <= place.y() + each.height:
                return number, at - place
            gap = min(abs(at.y() - place.y()), abs(at.y() - place.y() - each.height))
            if best is None or gap < best[0]:
                best = gap, number
        if nearest and best is not None:
            return best[1], at - self._places[best[1]]
        return None, at
