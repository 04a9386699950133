"""The bottom line: the database, the model server, the service, running work, and what today has cost."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QStatusBar, QToolButton

from desktop.icons import Icons
from desktop.style import set_role
from desktop.theme import ThemeManager


class StatusBar(QStatusBar):
    """asked: the name of the item that a person pressed: database, server, service, waiting, running or cost."""

    asked = Signal(str)

    def __init__(self, icons: Icons, themes: ThemeManager) -> None:
        super().__init__()
        self._icons, self._themes = icons, themes
        self.setSizeGripEnabled(False)
        self._pictures = {"database": "database", "server": "server", "service": "rocket", "waiting": "hand",
                          "running": "activity", "cost": "coins"}  # fmt: skip
        self._states: dict[str, str] = {}
        self._items = {name: self._item(name) for name in self._pictures}
        for name in ("database", "server", "service"):
            self.addWidget(self._items[name])
        for name in ("waiting", "running", "cost"):
            self.addPermanentWidget(self._items[name])
        self.show_database("Opening the database…")
        self.show_server("")
        self.show_service("")
        self.show_waiting(0)
        self.show_running(0)
        self.show_cost(0.0)
        themes.changed.connect(self._dress)
        self._dress()

    def text(self, name: str) -> str:
        """What an item says."""
        return self._items[name].text().strip()

    def show_database(self, text: str, *, detail: str = "", failed: bool = False) -> None:
        """Which database is used, or what is wrong with it. detail: for the tooltip."""
        self._show("database", text, detail or text, "failed" if failed else "")

    def show_server(self, text: str, *, detail: str = "", failed: bool = False) -> None:
        """Which model server is used; '' hides the item."""
        self._show("server", text, detail or text, "failed" if failed else "")

    def show_service(self, text: str, *, detail: str = "", tone: str = "") -> None:
        """How the background service stands; '' hides the item. tone: of a state's colour."""
        self._show("service", text, detail or text, tone)

    def show_waiting(self, questions: int) -> None:
        """How many questions of runs wait for the person; none hides the item."""
        text = "" if not questions else "1 question waits" if questions == 1 else f"{questions} questions wait"
        self._show("waiting", text, text, "waiting" if questions else "")

    def show_running(self, runs: int) -> None:
        """How many runs are executed now."""
        text = "Nothing is running" if not runs else "1 run" if runs == 1 else f"{runs} runs"
        self._show("running", text, text, "running" if runs else "")

    def show_cost(self, dollars: float) -> None:
        """What the runs and chats of today have cost, in US dollars."""
        self._show("cost", f"${dollars:,.2f} today", f"Runs and chats of today have cost ${dollars:,.4f}.", "")

    def _item(self, name: str) -> QToolButton:
        button = QToolButton()
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setIconSize(QSize(13, 13))
        button.setFont(self._themes.theme.font("caption", tabular=True))
        button.clicked.connect(lambda: self.asked.emit(name))
        return button

    def _show(self, name: str, text: str, detail: str, state: str) -> None:
        button = self._items[name]
        button.setText(f" {text}")  # Fusion sets the text too close to the icon
        button.setToolTip(detail)
        button.setAccessibleName(detail)
        button.setVisible(bool(text))
        if self._states.get(name) != state:
            self._states[name] = state
            set_role(button, state=state)
            self._dress_one(name)

    def _dress(self) -> None:
        for name in self._items:
            self._dress_one(name)

    def _dress_one(self, name: str) -> None:
        state = self._states.get(name)
        colour = f"state.{state}" if state else "text.muted"
        self._items[name].setIcon(self._icons.icon(self._pictures[name], self._themes.theme, colour, 13))
