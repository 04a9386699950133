"""The Markdown of a note, laid out on its paper."""

from __future__ import annotations

from typing import Final

from PySide6.QtGui import QAbstractTextDocumentLayout, QColor, QPainter, QPalette, QTextDocument

from desktop.canvas.ink import Ink
from desktop.markdown_text import calm_headings, read_markdown

LONGEST: Final = 4_000
"""Characters of a note that are shown at most."""


def paint_note(painter: QPainter, text: str, width: float, ink: Ink, paper: QColor) -> None:
    """Paint a note's text from 0, 0 on. width: of its lines, in canvas pixels."""
    document = QTextDocument()
    document.setDocumentMargin(0.0)
    document.setDefaultFont(ink.small)
    document.setIndentWidth(14.0)
    read_markdown(document, text[:LONGEST])
    calm_headings(document)
    document.setTextWidth(width)
    context = QAbstractTextDocumentLayout.PaintContext()
    palette = QPalette()
    palette.setColor(QPalette.ColorRole.Text, ink.text)
    palette.setColor(QPalette.ColorRole.Link, ink.accent)
    palette.setColor(QPalette.ColorRole.Base, paper)
    context.palette = palette
    document.documentLayout().draw(painter, context)
