"""Blocks of a message laid out for a width: their heights, how they are painted, which character is where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import (
    QAbstractTextDocumentLayout,
    QPainter,
    QPalette,
    QPen,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextOption,
)

from desktop.chat.blocks import Block, Code, Line, Prose
from desktop.chat.code_colours import colour_ranges
from desktop.theme import Theme

Span: TypeAlias = tuple[int, int]
"""Characters of a block that are selected: from, to."""

LINE_HEIGHT: Final = 145
"""Of running text, in per cent of the font's own."""

PAD: Final = 12
HEAD: Final = 28
"""Height of the strip above code, where its language and Copy stand."""

_COLOURED_AT_ONCE: Final = 4_000
"""Characters of growing code that are coloured anew with every piece; longer ones are coloured when they are whole."""


class Laid(Protocol):
    """One block, laid out."""

    height: float

    def fit(self, width: float) -> None:
        """Lay it out for a width, unless it is."""

    def paint(self, painter: QPainter, clip: QRectF, selected: Span | None) -> None:
        """Paint it at the painter's origin. clip: what of it is seen."""

    def position(self, point: QPointF) -> int:
        """The index of the character nearest to a point."""

    def address(self, point: QPointF) -> str:
        """The address of the link at a point, '' for none."""

    def text(self, selected: Span | None = None) -> str:
        """Its text, or what of it is selected."""


class LaidText:
    """Running text, or code without its frame."""

    def __init__(self, theme: Theme) -> None:
        self._theme = theme
        self._width = 0.0
        self.height = 0.0
        self.document = QTextDocument()
        self.document.setUndoRedoEnabled(False)
        self.document.setDocumentMargin(0)
        self._palette = QPalette()
        self._palette.setColor(QPalette.ColorRole.Text, theme.color("text.primary"))

    def set_colour(self, token: str) -> None:
        """Paint the text in another colour than the usual."""
        self._palette.setColor(QPalette.ColorRole.Text, self._theme.color(token))

    def fit(self, width: float) -> None:
        """Lay it out for a width, unless it is."""
        if width != self._width:
            self._width = width
            self.document.setTextWidth(width)
            self.height = self.document.size().height()

    def paint(self, painter: QPainter, clip: QRectF, selected: Span | None) -> None:
        """Paint it at the painter's origin."""
        context = QAbstractTextDocumentLayout.PaintContext()
        context.palette = self._palette
        context.clip = clip
        if selected is not None and selected[0] != selected[1]:
            context.selections = [self._selection(selected)]
        self.document.documentLayout().draw(painter, context)

    def position(self, point: QPointF) -> int:
        """The index of the character nearest to a point."""
        return max(0, self.document.documentLayout().hitTest(point, Qt.HitTestAccuracy.FuzzyHit))

    def address(self, point: QPointF) -> str:
        """The address of the link at a point, '' for none."""
        return str(self.document.documentLayout().anchorAt(point))

    def text(self, selected: Span | None = None) -> str:
        """Its text, or what of it is selected."""
        if selected is None:
            return str(self.document.toPlainText())
        cursor = self._cursor(selected)
        return str(cursor.selection().toPlainText())

    def _cursor(self, selected: Span) -> QTextCursor:
        last = self.document.characterCount() - 1
        cursor = QTextCursor(self.document)
        cursor.setPosition(min(selected[0], last))
        cursor.setPosition(min(selected[1], last), QTextCursor.MoveMode.KeepAnchor)
        return cursor

    def _selection(self, selected: Span) -> QAbstractTextDocumentLayout.Selection:
        made = QAbstractTextDocumentLayout.Selection()
        made.cursor = self._cursor(selected)
        look = QTextCharFormat()
        look.setBackground(self._theme.color("accent.fill"))
        look.setForeground(self._theme.color("accent.on"))
        made.format = look
        return made


class LaidProse(LaidText):
    """A paragraph, heading, list, quotation or table."""

    def __init__(self, block: Prose, theme: Theme) -> None:
        super().__init__(theme)
        self._is_quote = block.kind == "quote"
        self.document.setDefaultFont(theme.font("body"))
        self.document.setIndentWidth(20)
        self.document.setDefaultStyleSheet(_sheet(theme))
        self.document.setHtml(block.html)

    def fit(self, width: float) -> None:
        """Lay it out for a width, unless it is."""
        super().fit(width - PAD if self._is_quote else width)

    def paint(self, painter: QPainter, clip: QRectF, selected: Span | None) -> None:
        """Paint it; a quotation has a bar at its left."""
        if not self._is_quote:
            super().paint(painter, clip, selected)
            return
        painter.fillRect(QRectF(0, 0, 3, self.height), self._theme.color("border.control", 0.6))
        painter.translate(PAD, 0)
        super().paint(painter, clip.translated(-PAD, 0), selected)
        painter.translate(-PAD, 0)

    def position(self, point: QPointF) -> int:
        """The index of the character nearest to a point."""
        return super().position(self._inside(point))

    def address(self, point: QPointF) -> str:
        """The address of the link at a point."""
        return super().address(self._inside(point))

    def _inside(self, point: QPointF) -> QPointF:
        return point - QPointF(PAD, 0) if self._is_quote else point


class LaidCode(LaidText):
    """Code on a ground of its own, with its language above it."""

    def __init__(self, block: Code, theme: Theme) -> None:
        super().__init__(theme)
        self.language = block.language
        self._coloured = -1
        self.document.setDefaultFont(theme.font("mono"))
        option = QTextOption()
        option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        option.setTabStopDistance(28)
        self.document.setDefaultTextOption(option)
        self._grown = ""
        self.grow(block.text)

    def grow(self, text: str, *, whole: bool = True) -> None:
        """Show a text that may go on from the one before. whole: nothing will follow."""
        if text.startswith(self._grown) and self._grown:
            cursor = QTextCursor(self.document)
            cursor.movePosition(QTextCursor.MoveOperation.End)
            cursor.insertText(text[len(self._grown) :])
        elif text != self._grown:
            self.document.setPlainText(text)
        self._grown = text
        if whole or len(text) <= _COLOURED_AT_ONCE:
            self._colour(text)
        if self._width:
            self.height = self.document.size().height() + HEAD + PAD

    def fit(self, width: float) -> None:
        """Lay it out for a width, unless it is."""
        if width != self._width:
            super().fit(width - 2 * PAD)
            self._width = width
            self.height = self.document.size().height() + HEAD + PAD

    def paint(self, painter: QPainter, clip: QRectF, selected: Span | None) -> None:
        """Paint ground, language and code."""
        theme = self._theme
        painter.setPen(QPen(theme.color("border.subtle"), 1))
        painter.setBrush(theme.color("surface.input" if theme.is_dark else "surface.window"))
        radius = theme.px("radius.control")
        painter.drawRoundedRect(QRectF(0.5, 0.5, self._width - 1, self.height - 1), radius, radius)
        painter.setFont(theme.font("caption"))
        painter.setPen(theme.color("text.muted"))
        place = QRectF(PAD, 0, self._width - 2 * PAD, HEAD)
        painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, self.language or "code")
        painter.setPen(theme.color("accent"))
        painter.drawText(place, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, "Copy")
        painter.translate(PAD, HEAD)
        super().paint(painter, clip.translated(-PAD, -HEAD), selected)
        painter.translate(-PAD, -HEAD)

    def position(self, point: QPointF) -> int:
        """The index of the character nearest to a point."""
        return super().position(point - QPointF(PAD, HEAD))

    def address(self, point: QPointF) -> str:
        """There are no links in code."""
        return ""

    def is_copy(self, point: QPointF) -> bool:
        """Whether Copy stands at a point."""
        return 0 <= point.y() <= HEAD and point.x() >= self._width - 56

    def _colour(self, text: str) -> None:
        if self._coloured == len(text):
            return
        self._coloured = len(text)
        block = self.document.begin()
        ranges = list(colour_ranges(text, self.language, self._theme))
        at = 0
        while block.isValid():
            start, end = block.position(), block.position() + block.length()
            found = []
            while at < len(ranges) and ranges[at].start < end:
                each = ranges[at]
                if each.start + each.length > start:
                    piece = type(each)(each)
                    piece.start = max(each.start - start, 0)
                    piece.length = min(each.start + each.length, end) - max(each.start, start)
                    found.append(piece)
                if each.start + each.length > end:
                    break
                at += 1
            block.layout().setFormats(found)
            block = block.next()


@dataclass(slots=True)
class LaidLine:
    """A line across."""

    theme: Theme
    height: float = 9.0
    _width: float = 0.0

    def fit(self, width: float) -> None:
        """Know the width."""
        self._width = width

    def paint(self, painter: QPainter, clip: QRectF, selected: Span | None) -> None:
        """Paint it."""
        painter.fillRect(QRectF(0, 4, self._width, 1), self.theme.color("border.subtle"))

    def position(self, point: QPointF) -> int:
        """It has no characters."""
        return 0

    def address(self, point: QPointF) -> str:
        """It has no links."""
        return ""

    def text(self, selected: Span | None = None) -> str:
        """It has no text."""
        return ""


def lay(block: Block, theme: Theme) -> Laid:
    """A block ready to be laid out."""
    match block:
        case Code():
            return LaidCode(block, theme)
        case Line():
            return LaidLine(theme)
        case Prose():
            return LaidProse(block, theme)


def _sheet(theme: Theme) -> str:
    mono = theme.font("mono").families()[0]
    grid = theme.css("border.subtle")
    return (
        f"p, li, td, th {{ line-height: {LINE_HEIGHT}%; margin-top: 0; margin-bottom: 0; }}"
        "p { margin-bottom: 0; } ul, ol { margin-top: 0; margin-bottom: 0; } li { margin-bottom: 3px; }"
        f"a {{ color: {theme.css('accent')}; text-decoration: underline; }}"
        f"code, pre {{ font-family: '{mono}'; font-size: 12px; background-color: {theme.css('surface.hover')}; }}"
        "h1 { font-size: 18px; font-weight: 600; margin: 6px 0 0 0; }"
        "h2 { font-size: 16px; font-weight: 600; margin: 4px 0 0 0; }"
        "h3, h4, h5, h6 { font-size: 14px; font-weight: 600; margin: 2px 0 0 0; }"
        f"blockquote {{ margin: 0; color: {theme.css('text.secondary')}; }} "
        f"table {{ border-collapse: collapse; border: 1px solid {grid}; }}"
        f"td, th {{ padding: 5px 10px; border: 1px solid {grid}; }}"
        f"th {{ font-weight: 600; background-color: {theme.css('surface.hover')}; }}"
    )
