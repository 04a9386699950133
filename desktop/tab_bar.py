"""The tabs of the open workflows: none so narrow that it says nothing, none so wide that it takes the room of three."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QTabBar, QTabWidget

WIDEST: Final = 220
LEAST: Final = 112
"""Logical pixels of a tab whose title is longer than that; where all together do not fit one scrolls through them."""


class WorkTabBar(QTabBar):
    """Elides long titles, and scrolls before short ones are elided."""

    def tabSizeHint(self, index: int) -> QSize:  # noqa: N802 - Qt's name
        """As wide as the title, up to the widest."""
        wanted = super().tabSizeHint(index)
        return QSize(min(wanted.width(), WIDEST), wanted.height())

    def minimumTabSizeHint(self, index: int) -> QSize:  # noqa: N802 - Qt's name
        """Never less than can be read."""
        wanted = self.tabSizeHint(index)
        return QSize(min(wanted.width(), LEAST), wanted.height())


class WorkTabs(QTabWidget):
    """Tabs that can be moved and closed."""

    def __init__(self) -> None:
        super().__init__()
        self.setTabBar(WorkTabBar())
        self.setDocumentMode(True)
        self.setTabsClosable(True)
        self.setMovable(True)
        self.setUsesScrollButtons(True)
        self.setElideMode(Qt.TextElideMode.ElideRight)
        self.tabBar().setAccessibleName("Open workflows")
