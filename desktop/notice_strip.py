"""A strip above a canvas that says what holds for this workflow now: it cannot be changed, its database is gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, TypeAlias

from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from desktop.icons import Icons
from desktop.style import set_role
from desktop.theme import ThemeManager

Tone: TypeAlias = Literal["info", "waiting", "failed"]

_LOOKS: Final = {
    "info": ("lock", "accent"),
    "waiting": ("info", "state.waiting"),
    "failed": ("triangle-alert", "state.failed"),
}


class _Notice(QFrame):
    """One line: an icon, a sentence, and a button if there is something to do."""

    def __init__(
        self,
        icons: Icons,
        themes: ThemeManager,
        text: str,
        tone: Tone,
        action: str,
        on_action: Callable[[], object] | None,
    ) -> None:
        super().__init__()
        self._icons, self._themes, self._tone = icons, themes, tone
        self.setProperty("role", "notice")
        self._picture = QLabel()
        self.label = QLabel(text)
        self.label.setTextFormat(Qt.TextFormat.PlainText)
        self.label.setWordWrap(True)
        self.label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 6, 8, 6)
        row.setSpacing(10)
        row.addWidget(self._picture)
        row.addWidget(self.label, 1)
        self.button: QPushButton | None = None
        if action and on_action is not None:
            self.button = QPushButton(action)
            set_role(self.button, role="link")
            self.button.clicked.connect(lambda: on_action())
            row.addWidget(self.button)
        themes.changed.connect(self._dress)
        self._dress()

    def _dress(self) -> None:
        icon, colour = _LOOKS[self._tone]
        theme = self._themes.theme
        self._picture.setPixmap(self._icons.pixmap(icon, theme.color(colour), 16, self.devicePixelRatioF()))
        self.setStyleSheet(f"QFrame[role='notice'] {{ border-left: 3px solid {theme.css(colour)}; }}")


class NoticeStrip(QWidget):
    """Notices by name, one below the other; without any it takes no room."""

    def __init__(self, icons: Icons, themes: ThemeManager) -> None:
        super().__init__()
        self._icons, self._themes = icons, themes
        self._notices: dict[str, _Notice] = {}
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self.hide()

    def text(self, name: str) -> str:
        """What a notice says, '' if it does not stand."""
        notice = self._notices.get(name)
        return notice.label.text() if notice is not None else ""

    def button(self, name: str) -> QPushButton | None:
        """The button of a notice, None if there is none."""
        notice = self._notices.get(name)
        return notice.button if notice is not None else None

    def tell(
        self,
        name: str,
        text: str,
        *,
        tone: Tone = "info",
        action: str = "",
        on_action: Callable[[], object] | None = None,
    ) -> None:
        """Show a notice, in the place of one of that name. action: the title of a button that calls `on_action`."""
        self.take_back(name)
        notice = _Notice(self._icons, self._themes, text, tone, action, on_action)
        self._notices[name] = notice
        self._column.addWidget(notice)
        self.show()
        if QAccessible.isActive():
            QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self, text))

    def take_back(self, name: str) -> None:
        """The notice does not hold any more."""
        notice = self._notices.pop(name, None)
        if notice is not None:
            notice.hide()
            notice.deleteLater()
        self.setVisible(bool(self._notices))
