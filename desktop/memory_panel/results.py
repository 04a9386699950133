"""What a page of the memory panel found, as cards below each other; or what stands there before, and without any."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QScrollArea, QStackedWidget, QVBoxLayout, QWidget


class Results(QStackedWidget):
    """start: stands there before anything was looked for. none: where nothing was found. gap: between the cards."""

    def __init__(self, start: QWidget, none: QWidget, *, gap: int) -> None:
        super().__init__()
        self._start, self._none = start, none
        self._cards: Sequence[QWidget] = ()
        inner = QWidget()
        self._list = QVBoxLayout(inner)
        self._list.setContentsMargins(0, 2, 6, 8)
        self._list.setSpacing(gap)
        self._list.addStretch()
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setWidget(inner)
        for page in (start, self._scroll, none):
            self.addWidget(page)

    def show_start(self) -> None:
        """Nothing was looked for."""
        self.setCurrentWidget(self._start)

    def show_cards(self, cards: Sequence[QWidget], *, stay: bool = False) -> None:
        """Show what was found instead of what was found before. stay: where one had scrolled to."""
        bar = self._scroll.verticalScrollBar()
        place = bar.value() if stay else 0
        for card in self._cards:
            card.hide()
            card.deleteLater()
        self._cards = list(cards)
        for row, card in enumerate(self._cards):
            self._list.insertWidget(row, card)
        self.setCurrentWidget(self._scroll if self._cards else self._none)
        bar.setValue(place)
