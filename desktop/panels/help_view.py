"""The manual page of a step type, set with room between its paragraphs."""

from __future__ import annotations

from typing import Final

from PySide6.QtGui import QShowEvent, QTextCursor, QTextFormat

from desktop.panels.markdown_view import MarkdownView

_GAP: Final = 8.0
"""Logical pixels below a paragraph."""

_TIGHT: Final = 3.0
"""Logical pixels below an entry of a list."""


class HelpView(MarkdownView):
    """Shows Markdown; Qt sets its paragraphs without any room between them."""

    _waiting = ""

    def show_when_seen(self, text: str) -> None:
        """Show a text as soon as somebody looks."""
        self._waiting = text
        if self.isVisible():
            self._show_waiting()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Show the text that waits."""
        super().showEvent(event)
        self._show_waiting()

    def _show_waiting(self) -> None:
        text, self._waiting = self._waiting, ""
        if text:
            self.show_markdown(text)

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
