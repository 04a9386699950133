"""An agent as a card: picture, name, what it is for, and what can be done with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QMenu, QPushButton, QToolButton, QVBoxLayout, QWidget

from desktop.agents.avatar import Avatar
from desktop.elided_label import ElidedLabel
from desktop.icons import Icons
from desktop.style import set_role
from desktop.theme import ThemeManager

if TYPE_CHECKING:
    from core.agents.agent import Agent

LINES: Final = 2
"""Lines of the description that are shown."""


class AgentCard(QFrame):
    """One agent. asked: what shall be done with it: `edit`, `chat`, `duplicate`, `export`, `delete`, `restore`, `add`.

    acts: keys and titles of the buttons, the first the main one. menu: those of the menu.
    """

    asked = Signal(str)

    def __init__(
        self,
        agent: Agent,
        icons: Icons,
        themes: ThemeManager,
        *,
        acts: tuple[tuple[str, str], ...] = (("chat", "Chat"), ("edit", "Edit")),
        menu: tuple[tuple[str, str], ...] = (("duplicate", "Duplicate"), ("export", "Export…"), ("delete", "Delete")),
    ) -> None:
        super().__init__()
        self.agent = agent
        self._icons, self._themes, self._menu_acts = icons, themes, menu
        self._main = acts[-1][0]
        self.setProperty("role", "agent")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(agent.name)
        self.setAccessibleDescription(agent.description)
        self.avatar = Avatar(icons, themes)
        self.avatar.show_look(agent.colour, agent.icon)
        self.name = ElidedLabel(agent.name)
        set_role(self.name, kind="strong")
        self.about = _Clamped(agent.description or "No description", LINES)
        set_role(self.about, kind="muted")
        self.buttons: dict[str, QPushButton] = {}
        self.more = QToolButton()
        self.more.setAccessibleName(f"More for {agent.name}")
        self.more.setToolTip("More")
        self.more.clicked.connect(self.open_menu)
        self.more.setVisible(bool(menu))
        self._lay_out(acts)
        themes.changed.connect(self._dress)
        self._dress()

    def menu(self) -> QMenu:
        """What can be done with it, beside the buttons."""
        menu = QMenu(self)
        for key, title in self._menu_acts:
            action = menu.addAction(title)
            action.triggered.connect(lambda _checked=False, key=key: self.asked.emit(key))
        return menu

    def open_menu(self) -> None:
        """Show the menu under its button."""
        menu = self.menu()
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self.more.mapToGlobal(self.more.rect().bottomLeft()))

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: N802 - Qt's name
        """The same menu by the right button and the menu key."""
        if self._menu_acts:
            menu = self.menu()
            menu.aboutToHide.connect(menu.deleteLater)
            menu.popup(event.globalPos())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Open it."""
        self.asked.emit(self._main)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Enter opens it, Delete deletes it, the arrows go to the next card."""
        keys = {act for act, _ in self._menu_acts}
        control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        match event.key():
            case Qt.Key.Key_Return | Qt.Key.Key_Enter:
                self.asked.emit(self._main)
            case Qt.Key.Key_Delete if "delete" in keys:
                self.asked.emit("delete")
            case Qt.Key.Key_D if control and "duplicate" in keys:
                self.asked.emit("duplicate")
            case Qt.Key.Key_E if control and "export" in keys:
                self.asked.emit("export")
            case Qt.Key.Key_Down | Qt.Key.Key_Up:
                self._step(1 if event.key() == Qt.Key.Key_Down else -1)
            case _:
                super().keyPressEvent(event)

    def _step(self, by: int) -> None:
        parent = self.parentWidget()
        cards = [each for each in parent.findChildren(AgentCard) if each.isVisible()] if parent is not None else []
        cards.sort(key=lambda card: card.y())
        at = cards.index(self) + by if self in cards else -1
        if 0 <= at < len(cards):
            cards[at].setFocus(Qt.FocusReason.TabFocusReason)

    def _lay_out(self, acts: tuple[tuple[str, str], ...]) -> None:
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self.name)
        words.addWidget(self.about)
        top = QHBoxLayout()
        top.setSpacing(10)
        top.addWidget(self.avatar, 0, Qt.AlignmentFlag.AlignTop)
        top.addLayout(words, 1)
        row = QHBoxLayout()
        row.setSpacing(6)
        row.setContentsMargins(46, 0, 0, 0)
        for key, title in acts:
            button = QPushButton(title)
            button.setAccessibleName(f"{title} {self.agent.name}")
            set_role(button, role="small")
            button.clicked.connect(lambda _checked=False, key=key: self.asked.emit(key))
            self.buttons[key] = button
            row.addWidget(button)
        row.addStretch()
        row.addWidget(self.more)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 12, 12, 10)
        column.setSpacing(8)
        column.addLayout(top)
        column.addLayout(row)

    def _dress(self) -> None:
        self.more.setIcon(self._icons.icon("ellipsis", self._themes.theme))
        self.more.setIconSize(QSize(16, 16))


class _Clamped(QLabel):
    """Words over at most some lines; the rest is in the tool tip."""

    def __init__(self, text: str, lines: int) -> None:
        super().__init__()
        self._whole, self._lines = " ".join(text.split()), lines
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(True)
        self.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.setText(self._whole)

    def resizeEvent(self, event: object) -> None:  # noqa: N802 - Qt's name
        """Cut it where the last line ends."""
        metrics, width = self.fontMetrics(), max(self.width() - 2, 40)
        kept, words = "", self._whole.split(" ")
        room = metrics.lineSpacing() * self._lines + 1
        flags = Qt.TextFlag.TextWordWrap
        for count in range(len(words), 0, -1):
            kept = " ".join(words[:count]) + ("" if count == len(words) else "…")
            if metrics.boundingRect(0, 0, width, 10_000, flags, kept).height() <= room:
                break
        self.setToolTip(self._whole if kept != self._whole else "")
        if kept != self.text():
            self.setText(kept)
        self.setMaximumHeight(room + 2)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Room for its lines."""
        return QSize(120, self.fontMetrics().lineSpacing() * self._lines + 2)


class CardList(QWidget):
    """Cards under each other."""

    def __init__(self) -> None:
        super().__init__()
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(10, 4, 10, 12)
        self.column.setSpacing(8)
        self.column.addStretch(1)
        self.cards: list[AgentCard] = []

    def show_cards(self, cards: list[AgentCard]) -> None:
        """Show these instead of those before."""
        for card in self.cards:
            self.column.removeWidget(card)
            card.hide()
            card.deleteLater()
        self.cards = cards
        for place, card in enumerate(cards):
            self.column.insertWidget(place, card)

    def card(self, name: str) -> AgentCard:
        """The card of that agent. Raises KeyError."""
        for card in self.cards:
            if card.agent.name == name:
                return card
        raise KeyError(name)
