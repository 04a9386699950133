"""Markdown in small places: without its marks where only plain text can stand, with calm headings where it is shown."""

from __future__ import annotations

import re
from typing import Final

from PySide6.QtGui import QFont, QTextCharFormat, QTextCursor, QTextDocument, QTextFormat

_GAP: Final = 8.0
"""Logical pixels below a paragraph."""

_TIGHT: Final = 3.0
"""Logical pixels below an entry of a list."""

_LEADS: Final = re.compile(r"^[ ]{0,3}(?:#{1,6}[ \t]+|>[ \t]?|[-*+][ \t]+(?=\S))", re.MULTILINE)
_LINKS: Final = re.compile(r"!?\[([^\]\n]*)\]\([^)\n]*\)")
_STRONG: Final = re.compile(r"(\*\*|__|~~)(?=\S)(.+?)(?<=\S)\1")
_SLANTED: Final = re.compile(r"(?<![\w*])\*(?=\S)([^*\n]+)(?<=\S)\*(?![\w*])")
_CODE: Final = re.compile(r"(`+)(.+?)\1")


_READ: Final = QTextDocument.MarkdownFeature.MarkdownDialectGitHub | QTextDocument.MarkdownFeature.MarkdownNoHTML


def read_markdown(document: QTextDocument, text: str) -> None:
    """Fill a document with Markdown that may be somebody else's: HTML in it is text, pictures become their names.

    Qt reads the file that a picture names while it lays a document out, whatever `loadResource` gives, and on Windows
    `//host/share/a.png` is such a file; so the pictures are gone before anything is laid out.
    """
    edit = QTextCursor(document)
    edit.beginEditBlock()
    document.setMarkdown(text, _READ)
    place = QTextCursor(document)
    while not (place := document.find("\ufffc", place)).isNull():
        image = place.charFormat().toImageFormat()
        if image.isValid():
            place.insertText(f"▣ {image.property(QTextFormat.Property.ImageAltText)}", QTextCharFormat())
    edit.endEditBlock()


def unmarked(text: str) -> str:
    """A text in Markdown as plain text: the marks of headings, quotes, lists, links, emphasis and code are gone."""
    text = _LINKS.sub(r"\1", _LEADS.sub("", text))
    return _CODE.sub(r"\2", _SLANTED.sub(r"\1", _STRONG.sub(r"\2", text)))


def calm_headings(document: QTextDocument) -> None:
    """Make headings strong and little larger: on a canvas or a card they compete with its own title otherwise."""
    block = document.begin()
    while block.isValid():
        level = block.blockFormat().headingLevel()
        if level:
            cursor = QTextCursor(block)
            cursor.select(QTextCursor.SelectionType.BlockUnderCursor)
            form = QTextCharFormat()
            form.setFontWeight(QFont.Weight.DemiBold)
            form.setProperty(QTextFormat.Property.FontSizeAdjustment, 1 if level == 1 else 0)
            cursor.mergeCharFormat(form)
        block = block.next()


def space_paragraphs(document: QTextDocument) -> None:
    """Leave room between paragraphs: Qt reckons it from a font's size in points, and leaves none for one in pixels."""
    cursor = QTextCursor(document)
    cursor.beginEditBlock()
    block = document.begin()
    while block.isValid():
        after, form = block.next(), block.blockFormat()
        cursor.setPosition(block.position())
        if cursor.currentTable() is None:
            code = QTextFormat.Property.BlockCodeFence
            in_code = form.hasProperty(code) and after.isValid() and after.blockFormat().hasProperty(code)
            in_list = block.textList() is not None and after.textList() is not None
            form.setBottomMargin(0 if in_code or not after.isValid() else _TIGHT if in_list else _GAP)
            cursor.setBlockFormat(form)
        block = after
    cursor.endEditBlock()
