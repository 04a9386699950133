"""The bar above a list of what is kept, such as workflows or agents: a search, a new one, and more."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QMenu, QToolButton, QWidget

from desktop.icons import Icons
from desktop.theme import ThemeManager


class ShelfBar(QWidget):
    """searched: other letters were typed. new_wanted: a new one. bin_turned: whether what was deleted is to be shown.

    search: the title and what it is called aloud. new: what the plus makes. entries: titles and acts of the menu,
    above the bin; '' for a line.
    """

    searched = Signal()
    new_wanted = Signal()
    bin_turned = Signal(bool)

    def __init__(
        self,
        icons: Icons,
        themes: ThemeManager,
        *,
        search: tuple[str, str],
        new: str,
        entries: Sequence[tuple[str, Callable[[], object]]],
    ) -> None:
        super().__init__()
        self._icons, self._themes = icons, themes
        self.search = QLineEdit()
        self.search.setPlaceholderText(search[0])
        self.search.setAccessibleName(search[1])
        self.search.setClearButtonEnabled(False)
        self.search.textChanged.connect(lambda _text: self.searched.emit())
        self.new = _tool(new)
        self.new.clicked.connect(lambda _checked=False: self.new_wanted.emit())
        self.more = _tool("More")
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self)
        for title, act in entries:
            if title:
                menu.addAction(title, act)
            else:
                menu.addSeparator()
        self.bin = menu.addAction("Show the bin")
        self.bin.setCheckable(True)
        self.bin.toggled.connect(self.bin_turned)
        self.more.setMenu(menu)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 8, 6)
        row.setSpacing(4)
        row.addWidget(self.search, 1)
        row.addWidget(self.new)
        row.addWidget(self.more)
        themes.changed.connect(lambda _theme: self._dress())
        self._dress()

    @property
    def query(self) -> str:
        """What is searched for."""
        return self.search.text().strip()

    def _dress(self) -> None:
        theme = self._themes.theme
        self.new.setIcon(self._icons.icon("plus", theme))
        self.more.setIcon(self._icons.icon("ellipsis", theme))


def _tool(name: str) -> QToolButton:
    button = QToolButton()
    button.setToolTip(name)
    button.setAccessibleName(name)
    button.setIconSize(QSize(16, 16))
    return button
