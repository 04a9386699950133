"""What the window shows while no workflow is open: a new one, examples as cards, and what was open lately."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from desktop.icons import Icons
from desktop.memory import RecentWork
from desktop.style import set_role
from desktop.theme import ThemeManager

WIDTH: Final = 820
COLUMNS: Final = 2
NARROW: Final = 620
"""Logical pixels of the page below which cards stand below each other."""

CARD_HEIGHT, SMALL_HEIGHT = 104, 44


@dataclass(frozen=True, slots=True)
class ExampleCard:
    """An example to start from. key: what is handed back when it is chosen. colour: a token for its icon."""

    key: str
    title: str
    text: str
    icon: str = "workflow"
    colour: str = "accent"


class Card(QPushButton):
    """A large button: icon, title, two lines of text; or a small one without the text."""

    def __init__(self, icons: Icons, themes: ThemeManager, card: ExampleCard) -> None:
        super().__init__()
        self._icons, self._themes, self._card = icons, themes, card
        self.setProperty("role", "card")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(card.title)
        self.setAccessibleDescription(card.text)
        self._picture = QLabel()
        self._picture.setFixedSize(32, 32)
        self._picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        title = QLabel(card.title)
        title.setProperty("kind", "title")
        self._text = QLabel(card.text)
        self._text.setProperty("kind", "muted")
        self._text.setWordWrap(True)
        self._text.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        words = QVBoxLayout()
        words.setSpacing(4)
        words.addWidget(title)
        words.addWidget(self._text, 1)
        self._row = QHBoxLayout(self)
        self._row.addWidget(self._picture, 0, Qt.AlignmentFlag.AlignTop)
        self._row.addLayout(words, 1)
        for label in (self._picture, title, self._text):
            label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.set_small(False)
        themes.changed.connect(self._dress)
        self._dress()

    def set_small(self, small: bool) -> None:
        """Whether the text is left out, and said by the tip instead."""
        self._text.setVisible(not small)
        self.setToolTip(self._card.text if small else "")
        self._row.setContentsMargins(*((8, 6, 8, 6) if small else (16, 16, 16, 14)))
        self._row.setSpacing(10 if small else 14)
        self.setMaximumHeight(SMALL_HEIGHT if small else CARD_HEIGHT)  # a least height is the style sheet's

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """As wide as its column; the button's own text is empty."""
        return QSize(260, self.maximumHeight())

    def _dress(self) -> None:
        theme = self._themes.theme
        colour = theme.color(self._card.colour)
        self._picture.setPixmap(self._icons.pixmap(self._card.icon, colour, 18, self.devicePixelRatioF()))
        self._picture.setStyleSheet(f"background: {theme.css(self._card.colour, 0.16)}; border-radius: 8px;")


class StartPage(QScrollArea):
    """new_wanted, open_wanted: from the buttons. example_chosen: the key of a card. recent_chosen: a RecentWork."""

    new_wanted = Signal()
    open_wanted = Signal()
    example_chosen = Signal(str)
    recent_chosen = Signal(object)

    def __init__(self, icons: Icons, themes: ThemeManager) -> None:
        super().__init__()
        self._icons, self._themes = icons, themes
        self._columns = COLUMNS
        self._fold_above: Callable[[int], object] = _nothing
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setProperty("surface", "window")
        self.setAccessibleName("Start")
        self._column = QVBoxLayout()
        self._column.setSpacing(8)
        self._cards = QGridLayout()
        self._cards.setSpacing(12)
        self._recent = QVBoxLayout()
        self._recent.setSpacing(0)
        self._recent_part = QWidget()
        self._recent_part.setLayout(self._recent)
        self._recent.setContentsMargins(0, 0, 0, 0)
        self._above = QVBoxLayout()
        self._lay_out()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Cards stand beside each other if there is room for that."""
        super().resizeEvent(event)
        columns = 1 if event.size().width() < NARROW else COLUMNS
        if columns != self._columns:
            self._columns = columns
            self._share()

    def _share(self) -> None:
        cards = [item.widget() for n in range(self._cards.count()) if (item := self._cards.itemAt(n)) is not None]
        for n, card in enumerate(cards):
            if card is not None:
                self._cards.addWidget(card, n // self._columns, n % self._columns)
        self._fold_above(self._columns)

    def take_focus(self) -> None:
        """Give the keyboard to the first thing to do."""
        self._new.setFocus(Qt.FocusReason.OtherFocusReason)

    def show_above(self, widget: QWidget, fold: Callable[[int], object]) -> None:
        """Show something above all else: what is to be chosen at the first run.

        fold: lays it out in so many columns.
        """
        self._fold_above = fold
        self._above.addWidget(widget)
        self._above.addSpacing(16)
        self._share()
        self._lead(False)

    def clear_above(self) -> None:
        """Take away what is shown above."""
        self._fold_above = _nothing
        while (item := self._above.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self._lead(True)

    def show_examples(self, cards: Sequence[ExampleCard]) -> None:
        """Show these examples."""
        _clear(self._cards)
        for n, card in enumerate(cards):
            button = Card(self._icons, self._themes, card)
            button.clicked.connect(lambda _=False, key=card.key: self.example_chosen.emit(key))
            self._cards.addWidget(button, n // self._columns, n % self._columns)

    def show_recent(self, works: Sequence[RecentWork]) -> None:
        """Show what was open lately; nothing hides the part."""
        _clear(self._recent)
        self._recent_part.setVisible(bool(works))
        if works:
            self._recent.addWidget(_heading("Recent"))
        for work in works:
            self._recent.addWidget(self._recent_row(work))

    def _lay_out(self) -> None:
        self._title = QLabel("What would you like to build?")
        self._title.setProperty("kind", "display")
        self._title.setWordWrap(True)
        text = QLabel("Draw a workflow of steps, press Run, and watch every value. Drop a file here to open it.")
        text.setProperty("kind", "muted")
        text.setWordWrap(True)
        self._new = QPushButton("New workflow")
        self._new.setProperty("role", "primary")
        self._new.clicked.connect(self.new_wanted)
        opened = QPushButton("Open a file…")
        opened.clicked.connect(self.open_wanted)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self._new)
        buttons.addWidget(opened)
        buttons.addStretch()
        self._column.addLayout(self._above)
        self._column.addWidget(self._title)
        self._column.addWidget(text)
        self._column.addSpacing(8)
        self._column.addLayout(buttons)
        self._column.addSpacing(24)
        self._column.addWidget(_heading("Start from an example"))
        self._column.addLayout(self._cards)
        self._column.addSpacing(24)
        self._column.addWidget(self._recent_part)
        self._column.addStretch()
        self._recent_part.hide()
        page = QWidget()
        middle = QWidget()
        middle.setMaximumWidth(WIDTH)
        middle.setLayout(self._column)
        row = QHBoxLayout(page)
        row.setContentsMargins(32, 40, 32, 32)
        row.addStretch(1)
        row.addWidget(middle, 100)
        row.addStretch(1)
        self.setWidget(page)
        self.setFrameShape(QFrame.Shape.NoFrame)

    def _lead(self, leads: bool) -> None:
        """Whether building is the first thing on the page: only one thing at a time asks loudest."""
        set_role(self._title, kind="display" if leads else "heading")
        set_role(self._new, role="primary" if leads else "")

    def _recent_row(self, work: RecentWork) -> QWidget:
        where = "Library" if work.kind == "library" else work.name
        button = QPushButton(work.title)
        button.setProperty("role", "quiet")
        button.setStyleSheet("text-align: left; padding-left: 2px;")
        button.setIcon(self._icons.icon("library" if work.kind == "library" else "file-text", self._themes.theme))
        button.setToolTip(where)
        button.setAccessibleName(f"Open {work.title}, {where}")
        button.clicked.connect(lambda: self.recent_chosen.emit(work))
        place = QLabel(where)
        place.setProperty("kind", "muted")
        row = QWidget()
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(8)
        line.addWidget(button)
        line.addWidget(place, 1)
        return row


def _heading(text: str) -> QLabel:
    label = QLabel(text)
    label.setProperty("kind", "strong")
    label.setContentsMargins(0, 0, 0, 4)
    return label


def _clear(layout: QGridLayout | QVBoxLayout) -> None:
    while (item := layout.takeAt(0)) is not None:
        if (widget := item.widget()) is not None:
            widget.hide()
            widget.deleteLater()


def _nothing(_columns: int) -> None:
    """Nothing is shown above that could be laid out."""
