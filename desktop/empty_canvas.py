"""What a canvas without steps says: how to begin, and a few ways to begin at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, Protocol

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QVBoxLayout, QWidget

from core.resources import starters
from core.workflow.model import Workflow
from desktop.bridge import Bridge
from desktop.document import OpenDocument
from desktop.icons import Icons
from desktop.start_page import Card, ExampleCard
from desktop.theme import ThemeManager

CARD_WIDTH, SMALL_WIDTH = 248, 200
_GAP: Final = 12
_EDGE: Final = 24
_BELOW: Final = 56
"""Logical pixels at the bottom that belong to the zoom."""

_LOOKS: Final = (("message-square", "kind.model"), ("repeat", "kind.loop"), ("user-check", "kind.human"))


class Beginnable(Protocol):
    """A canvas; CanvasView is one."""

    def viewport(self) -> QWidget:
        """What this lies on."""

    def installEventFilter(self, filter_object: QObject, /) -> None:  # noqa: N802 - Qt's name
        """Hear its keys."""

    def setFocus(self) -> None:  # noqa: N802 - Qt's name
        """Give it the keyboard."""

    def fit(self) -> None:
        """Show everything."""

    def focus_on(self, step: str, *, reveal: bool = True) -> None:
        """Select a step."""


class EmptyCanvas(QWidget):
    """Lies in the middle of a canvas as long as its workflow has no step. cards: the ways to begin, once read.

    Everything but the cards lets the mouse through, so that a double click adds a step here, too. Down enters the
    cards, arrows move among them, Escape leaves them.
    """

    def __init__(
        self, canvas: Beginnable, document: OpenDocument, bridge: Bridge, themes: ThemeManager, icons: Icons
    ) -> None:
        super().__init__(canvas.viewport())
        self._canvas, self._document, self._bridge = canvas, document, bridge
        self._themes, self._icons = themes, icons
        self._asked = False
        self.cards: list[Card] = []
        self._grid = QGridLayout()
        self._grid.setSpacing(_GAP)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(_line("Begin with a step", "heading"))
        words = "Press Tab or double-click to add a step, drag one from the left, or drop a file of a workflow here."
        column.addWidget(_line(words, "muted"))
        column.addSpacing(12)
        column.addLayout(self._grid)
        self.setAccessibleName("This workflow has no steps yet")
        canvas.viewport().installEventFilter(self)
        canvas.installEventFilter(self)
        document.changed.connect(lambda _changes: self.refresh())
        self.refresh()

    def refresh(self) -> None:
        """Be there, or not."""
        empty = not self._document.workflow.steps and not self._document.read_only
        self.setVisible(empty)
        if empty and not self._asked:
            self._asked = True
            self._bridge.in_thread(read_starters, self._offer, lambda _error: None)
        self.place()

    def begin(self, starter: Workflow) -> None:
        """Take a starter's steps, inputs and outputs into the workflow, which keeps its name; one undo takes them
        out again."""

        def edit(workflow: Workflow) -> Workflow:
            about = workflow.description or starter.description
            return replace(starter, name=workflow.name, description=about, tags=workflow.tags)

        if self._document.apply(f"Begin with “{starter.name}”", edit):
            self._canvas.fit()
            self._canvas.setFocus()
            self._canvas.focus_on(next(iter(starter.steps)))

    def place(self) -> None:
        """Stand in the middle of the canvas, in as many columns as there is room for; without texts where it is low."""
        if self.isHidden():
            return
        room = self._canvas.viewport().size()
        for small in (False, True):
            size = self._lay_out(room.width(), small)
            if size.height() <= room.height() - _EDGE - _BELOW:
                break
        self.resize(size)
        self.move((room.width() - size.width()) // 2, max(_EDGE, (room.height() - size.height()) * 2 // 5))

    def _lay_out(self, room: int, small: bool) -> QSize:
        """Lay the cards into as many columns as there is room for, in logical pixels; the size of it all."""
        card_width = SMALL_WIDTH if small else CARD_WIDTH
        most = max(1, (room - 2 * _EDGE + _GAP) // (card_width + _GAP))
        columns = max(1, min(len(self.cards), most))
        for n, card in enumerate(self.cards):
            card.set_small(small)
            card.setFixedWidth(card_width)
            self._grid.addWidget(card, n // columns, n % columns)
            card.show()  # what is not shown yet has no height
        width = max(columns, min(2, most)) * (card_width + _GAP) - _GAP
        layout = self.layout()
        assert layout is not None
        layout.activate()
        height = layout.totalHeightForWidth(width) if layout.hasHeightForWidth() else self.sizeHint().height()
        return QSize(width, height)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """The middle moves with the canvas's size; arrows enter the cards and move among them."""
        if event.type() == QEvent.Type.Resize and watched is self._canvas.viewport():
            self.place()
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and not self.isHidden():
            return self._key(watched, event)
        return False

    def _key(self, watched: QObject, event: QKeyEvent) -> bool:
        if not self.cards or event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            return False
        steps = {Qt.Key.Key_Right: 1, Qt.Key.Key_Down: 1, Qt.Key.Key_Left: -1, Qt.Key.Key_Up: -1}
        at = next((n for n, card in enumerate(self.cards) if card is watched), -1)
        if at < 0 and event.key() == Qt.Key.Key_Down:
            self.cards[0].setFocus(Qt.FocusReason.TabFocusReason)
        elif at >= 0 and event.key() in steps:
            to = self.cards[(at + steps[Qt.Key(event.key())]) % len(self.cards)]
            to.setFocus(Qt.FocusReason.TabFocusReason)
        elif at >= 0 and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.cards[at].click()
        elif at >= 0 and event.key() == Qt.Key.Key_Escape:
            self._canvas.setFocus()
        else:
            return False
        return True

    def _offer(self, found: Sequence[Workflow]) -> None:
        for starter, (icon, colour) in zip(found, _LOOKS, strict=False):
            card = Card(self._icons, self._themes, ExampleCard("", starter.name, starter.description, icon, colour))
            card.installEventFilter(self)
            card.clicked.connect(lambda _checked=False, starter=starter: self.begin(starter))
            self.cards.append(card)
        self.place()


def read_starters(files: Sequence[Path] = ()) -> Sequence[Workflow]:
    """The ways to begin. Reads files: call it in a thread."""
    from core.workflow.document import load

    return [load(file) for file in files or starters()]


def _line(text: str, kind: str) -> QLabel:
    label = QLabel(text)
    label.setProperty("kind", kind)
    label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
    label.setWordWrap(True)
    return label
