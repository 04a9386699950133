"""The manual page of a step type."""

from __future__ import annotations

from PySide6.QtGui import QShowEvent

from desktop.panels.markdown_view import MarkdownView


class HelpView(MarkdownView):
    """Shows Markdown that is set when it is first seen."""

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
