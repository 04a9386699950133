"""The manual page of a step type, set with room between its paragraphs."""

from __future__ import annotations

from typing import Final

from PySide6.QtGui import QTextCursor, QTextFormat

from desktop.panels.markdown_view import MarkdownView

_GAP: Final = 8.0
"""Logical pixels below a paragraph."""

_TIGHT: Final = 3.0
"""Logical pixels below an entry of a list."""


class HelpView(MarkdownView):
    """Shows Markdown; Qt sets its paragraphs without any room between them."""

    def show_markdown(self, text: str) -> None:
        """Show a text."""
        super().show_markdown(text)
        block = self.document().begin()
        while block.isValid():
            form = block.blockFormat()
            is_code = form.hasProperty(QTextFormat.Property.BlockCodeFence)
            goes_on = block.next().isValid() and (
                is_code == block.next().blockFormat().hasProperty(QTextFormat.Property.BlockCodeFence)
            )
            in_list = block.textList() is not None and block.next().textList() is not None
            form.setBottomMargin(0 if is_code and goes_on else _TIGHT if in_list else _GAP)
            QTextCursor(block).setBlockFormat(form)
            block = block.next()
