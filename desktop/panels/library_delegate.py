"""How the library paints its rows: how the last run stands, the name, and below it when it ran and its tags."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from desktop.icons import Icons
from desktop.panels.library_model import ENTRY, Index, standing
from desktop.panels.wording import RUN_STATES, STATE_ICONS
from desktop.theme import ThemeManager

if TYPE_CHECKING:
    from core.store.workflows import WorkflowEntry

ROW: Final = 46
FOLDER_ROW: Final = 32


class LibraryDelegate(QStyledItemDelegate):
    """Paints folders and workflows. now: the time in UTC."""

    def __init__(self, themes: ThemeManager, icons: Icons, now: Callable[[], datetime], parent: QWidget) -> None:
        super().__init__(parent)
        self._themes, self._icons, self._now = themes, icons, now

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: N802 - Qt's name
        """A folder is lower than a workflow."""
        return QSize(160, ROW if index.data(ENTRY) is not None else FOLDER_ROW)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """One row."""
        rect: QRect = option.rect
        entry = index.data(ENTRY)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._ground(painter, option)
        if entry is None:
            self._folder(painter, rect, str(index.data()))
        else:
            self._workflow(painter, rect, entry)
        painter.restore()

    def _ground(self, painter: QPainter, option: QStyleOptionViewItem) -> None:
        theme = self._themes.theme
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        if selected or option.state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("accent", 0.18) if selected else theme.color("surface.hover"))
            radius = theme.px("radius.control")
            rect: QRect = option.rect
            painter.drawRoundedRect(rect.adjusted(0, 1, 0, -1), radius, radius)

    def _folder(self, painter: QPainter, rect: QRect, title: str) -> None:
        theme = self._themes.theme
        self._icon(painter, rect, "folder", "text.muted")
        font = theme.font("body")
        font.setWeight(theme.font("body.strong").weight())
        painter.setFont(font)
        painter.setPen(theme.color("text.secondary"))
        inner = rect.adjusted(30, 0, -6, 0)
        shown = QFontMetrics(font).elidedText(title, Qt.TextElideMode.ElideRight, inner.width())
        painter.drawText(inner, Qt.AlignmentFlag.AlignVCenter, shown)

    def _workflow(self, painter: QPainter, rect: QRect, entry: WorkflowEntry) -> None:
        theme = self._themes.theme
        state = RUN_STATES[entry.last_run_status] if entry.last_run_status else None
        self._icon(
            painter, rect, STATE_ICONS[state] if state else "workflow", f"state.{state}" if state else "text.muted"
        )
        inner = rect.adjusted(30, 6, -8, -6)
        painter.setFont(theme.font("body"))
        painter.setPen(theme.color("text.primary"))
        name = QFontMetrics(painter.font()).elidedText(entry.name, Qt.TextElideMode.ElideRight, inner.width())
        painter.drawText(inner, Qt.AlignmentFlag.AlignTop, name)
        caption = theme.font("caption")
        painter.setFont(caption)
        room = self._tags(painter, inner, entry.tags)
        painter.setPen(theme.color("text.muted"))
        text = standing(entry, self._now())
        text = QFontMetrics(caption).elidedText(text, Qt.TextElideMode.ElideRight, room - inner.left())
        painter.drawText(inner, Qt.AlignmentFlag.AlignBottom, text)

    def _tags(self, painter: QPainter, inner: QRect, tags: tuple[str, ...]) -> int:
        """Chips at the right, as many as leave room for the words, and how many more; where the room for words ends."""
        theme, right = self._themes.theme, inner.right()
        metrics = QFontMetrics(painter.font())
        for tag in chips(tags, right - inner.left() - 84, lambda text: metrics.horizontalAdvance(text) + 10):
            wide = metrics.horizontalAdvance(tag) + 10
            chip = QRectF(right - wide, inner.bottom() - 15, wide, 16)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("surface.hover"))
            painter.drawRoundedRect(chip, theme.px("radius.chip"), theme.px("radius.chip"))
            painter.setPen(theme.color("text.secondary"))
            painter.drawText(chip, Qt.AlignmentFlag.AlignCenter, tag)
            right -= wide + 4
        return right - 4

    def _icon(self, painter: QPainter, rect: QRect, name: str, colour: str) -> None:
        dpr = painter.device().devicePixelRatioF()
        pixmap = self._icons.pixmap(name, self._themes.theme.color(colour), 16, dpr)
        painter.drawPixmap(QPoint(rect.left() + 6, rect.center().y() - 7), pixmap)


def chips(tags: Sequence[str], room: int, width: Callable[[str], int]) -> list[str]:
    """The tags that there is room for, the first at the right, and `+2` for those there is none for.

    room: in pixels. width: of a chip with that text.
    """
    shown: list[str] = []
    for number, tag in enumerate(tags):
        more = f"+{len(tags) - number - 1}" if number + 1 < len(tags) else ""
        used = sum(width(each) + 4 for each in (*shown, tag, more) if each)
        if used - 4 > room:
            return [*shown, f"+{len(tags) - number}"]
        shown.append(tag)
    return shown
