"""Markdown as models and people write it, shown without loading anything from anywhere."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QSize, Qt, QUrl
from PySide6.QtGui import (
    QDesktopServices,
    QResizeEvent,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextFrameFormat,
    QTextLength,
    QTextTable,
)
from PySide6.QtWidgets import QTextBrowser, QWidget

from desktop.markdown_text import calm_headings, read_markdown, space_paragraphs
from desktop.theme import Theme, ThemeManager

_OPENED: Final = ("http", "https", "mailto")
"""Schemes of links that are handed to the desktop; a document must not start programs or open files."""


class MarkdownView(QTextBrowser):
    """Shows Markdown. HTML in it is text, pictures are not loaded, links open in the browser.

    grows: as high as its content up to `most` logical pixels, for cards; else it scrolls.
    """

    def __init__(
        self, themes: ThemeManager, *, grows: bool = False, most: int = 240, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._themes = themes
        self._grows, self._most = grows, most
        self._text = ""
        self.setOpenLinks(False)
        self.document().setIndentWidth(20)
        self.anchorClicked.connect(open_link)
        self.setFrameShape(QTextBrowser.Shape.NoFrame)
        if grows:
            self.setStyleSheet("QTextBrowser { background: transparent; border: none; padding: 0; }")
            self.document().setDocumentMargin(0)
            self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        themes.changed.connect(self._retheme)
        self._retheme(themes.theme)

    @property
    def markdown(self) -> str:
        """The Markdown that is shown."""
        return self._text

    def show_markdown(self, text: str) -> None:
        """Show a text. It should be short (200 kB is the most that is ever right)."""
        self._text = text
        document = self.document()
        read_markdown(document, text)
        space_paragraphs(document)
        if self._grows:
            calm_headings(document)
        self._colour_links()
        self._dress_tables()
        self.moveCursor(QTextCursor.MoveOperation.Start)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Another width breaks lines elsewhere."""
        super().resizeEvent(event)
        self._fit()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """As high as its content, if it grows."""
        return QSize(240, self.height()) if self._grows else super().sizeHint()

    def _fit(self) -> None:
        if not self._grows:
            return
        whole = round(self.document().size().height()) + 4
        over = whole > self._most
        # A bar that is shown as needed would take its room from lines that are broken already.
        self.setVerticalScrollBarPolicy(
            Qt.ScrollBarPolicy.ScrollBarAlwaysOn if over else Qt.ScrollBarPolicy.ScrollBarAlwaysOff
        )
        wanted = min(self._most, whole)
        if wanted != self.height():
            self.setFixedHeight(max(wanted, 20))
        if over and self.document().textWidth() > self.viewport().width():
            self.document().setTextWidth(self.viewport().width())

    def _retheme(self, theme: Theme) -> None:
        self.document().setDefaultFont(theme.font("body"))
        if self._text:
            self.show_markdown(self._text)

    def _colour_links(self) -> None:
        """Qt gives links a fixed blue, which cannot be read on dark."""
        colour = self._themes.theme.color("accent")
        block = self.document().begin()
        while block.isValid():
            pieces = block.begin()
            while not pieces.atEnd():
                piece = pieces.fragment()
                if piece.isValid() and piece.charFormat().isAnchor():
                    cursor = QTextCursor(self.document())
                    cursor.setPosition(piece.position())
                    cursor.setPosition(piece.position() + piece.length(), QTextCursor.MoveMode.KeepAnchor)
                    link = QTextCharFormat()
                    link.setForeground(colour)
                    cursor.mergeCharFormat(link)
                pieces += 1
            block = block.next()

    def _dress_tables(self) -> None:
        """As wide as there is room, in thin lines: Qt's own are white on dark, and wider than a card."""
        for frame in self.document().rootFrame().childFrames():
            if not isinstance(frame, QTextTable):
                continue
            look = frame.format().toTableFormat()
            look.setWidth(QTextLength(QTextLength.Type.PercentageLength, 100))
            look.setBorderCollapse(True)
            look.setBorder(1)
            look.setBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_Solid)
            look.setBorderBrush(self._themes.theme.color("border.subtle"))
            look.setCellSpacing(0)
            look.setCellPadding(4)
            look.setTopMargin(6)
            frame.setFormat(look)
            for column in range(frame.columns() if frame.rows() > 1 else 0):
                side = QTextBlockFormat()  # Qt sets what stands below a heading to its side, and not the heading
                side.setAlignment(frame.cellAt(1, column).firstCursorPosition().blockFormat().alignment())
                frame.cellAt(0, column).firstCursorPosition().mergeBlockFormat(side)


def open_link(url: QUrl) -> None:
    """Open an address of the web or of mail outside; anything else is not opened."""
    if url.scheme() in _OPENED:
        QDesktopServices.openUrl(url)
