"""Long texts, a page at a time: laying out more than that would hold up the window."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QTextCursor, QTextOption
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPlainTextEdit, QStackedWidget, QToolButton, QVBoxLayout, QWidget

from desktop.icons import Icons
from desktop.panels.markdown_view import MarkdownView
from desktop.panels.value_parts import MARKDOWN_PAGE, TEXT_PAGE, has_long_words, pages
from desktop.style import set_role
from desktop.theme import Theme, ThemeManager

_ICON: Final = 16


class PageBar(QWidget):
    """Goes through pages; hidden if there is only one. chosen: the number of the wanted page, from 0."""

    chosen = Signal(int)

    def __init__(self, themes: ThemeManager, icons: Icons) -> None:
        super().__init__()
        self._icons = icons
        self._page, self._count = 0, 1
        self._label = QLabel()
        set_role(self._label, kind="caption")
        self._back = QToolButton()
        self._on = QToolButton()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addStretch(1)
        for button, name, step in ((self._back, "Page before", -1), (self._on, "Next page", 1)):
            button.setToolTip(name)
            button.setAccessibleName(name)
            button.setIconSize(QSize(_ICON, _ICON))
            button.clicked.connect(lambda _checked=False, step=step: self.chosen.emit(self._page + step))
        layout.addWidget(self._back)
        layout.addWidget(self._label)
        layout.addWidget(self._on)
        themes.changed.connect(self._retheme)
        self._retheme(themes.theme)
        self.show_page(0, 1)

    def show_page(self, page: int, count: int) -> None:
        """Say which page of how many is shown."""
        self._page, self._count = page, count
        self._label.setText(f"Page {page + 1:,} of {count:,}")
        self._back.setEnabled(page > 0)
        self._on.setEnabled(page < count - 1)
        self.setVisible(count > 1)

    def _retheme(self, theme: Theme) -> None:
        self._back.setIcon(self._icons.icon("chevron-left", theme))
        self._on.setIcon(self._icons.icon("chevron-right", theme))


class PagedText(QWidget):
    """Plain text or Markdown in pages. page: which one is shown, from 0."""

    def __init__(self, themes: ThemeManager, icons: Icons, *, markdown: bool) -> None:
        super().__init__()
        self._pages = [""]
        self.page = 0
        self._is_markdown = markdown
        self._plain = QPlainTextEdit()
        self._plain.setReadOnly(True)
        self._plain.setAccessibleName("Text of the value")
        self._marked = MarkdownView(themes)
        self._marked.setAccessibleName("The value as Markdown")
        self._stack = QStackedWidget()
        self._stack.addWidget(self._marked if markdown else self._plain)
        self.bar = PageBar(themes, icons)
        self.bar.chosen.connect(self.turn_to)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self._stack, 1)
        layout.addWidget(self.bar)
        themes.changed.connect(self._retheme)
        self._retheme(themes.theme)

    @property
    def shown(self) -> str:
        """The text of the page that is shown."""
        return self._pages[self.page]

    @property
    def count(self) -> int:
        """How many pages there are."""
        return len(self._pages)

    def show_text(self, text: str) -> None:
        """Show the first page of a text; one that has only grown is not laid out anew."""
        if not self._is_markdown and self._grow(text):
            return
        size, at = (MARKDOWN_PAGE, "\n\n") if self._is_markdown else (TEXT_PAGE, "\n")
        self._pages = pages(text, size, at)
        self.turn_to(0)

    def _grow(self, text: str) -> bool:
        """Add the rest of a text that begins as the shown one; whether that was possible."""
        shown = self._pages[0]
        if self.count > 1 or not shown or not text.startswith(shown) or len(text) > TEXT_PAGE or has_long_words(text):
            return False
        bar = self._plain.verticalScrollBar()
        was_at_end = bar.value() == bar.maximum()
        cursor = QTextCursor(self._plain.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.insertText(text[len(shown) :])
        self._pages = [text]
        if was_at_end:
            bar.setValue(bar.maximum())
        return True

    def turn_to(self, page: int) -> None:
        """Show a page."""
        self.page = max(0, min(page, len(self._pages) - 1))
        text = self._pages[self.page]
        if self._is_markdown:
            self._marked.show_markdown(text)
        else:
            words = QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere
            self._plain.setPlainText("")  # or the old text would be broken anew first
            self._plain.setWordWrapMode(QTextOption.WrapMode.WrapAnywhere if has_long_words(text) else words)
            self._plain.setPlainText(text)
        self.bar.show_page(self.page, len(self._pages))

    def _retheme(self, theme: Theme) -> None:
        self._plain.setFont(theme.font("mono"))
