"""What the window says of its database and its model server, and what it does when they come and go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, Signal

from desktop.bridge import Bridge
from desktop.database_watch import DatabaseWatch
from desktop.session import Session
from desktop.window import MainWindow
from desktop.work_tab import WorkTab

if TYPE_CHECKING:
    from core.workspace import Workspace

NOTICE: Final = "database"
KEPT: Final = "Your edits are kept on this computer"


class Connection(QObject):
    """used: a Workspace is open and ready. save_as_wanted: a WorkTab that shall go to a file meanwhile."""

    used = Signal(object)
    save_as_wanted = Signal(object)

    def __init__(self, session: Session, window: MainWindow, bridge: Bridge) -> None:
        super().__init__(window)
        self._session, self._window, self._bridge = session, window, bridge
        self._trouble = ""
        self.watch = DatabaseWatch(bridge, self)
        session.opened.connect(self._opened)
        session.failed.connect(self._failed)
        self.watch.lost.connect(self._lost)
        self.watch.found.connect(self._found)
        window.opened.connect(self._notice)

    async def reopen(self) -> None:
        """Open the workspace anew, with the settings as they are now."""
        self.watch.use(None)
        self._window.status.show_database("Opening the database…")
        await self._session.reopen()

    def show_server(self, workspace: Workspace) -> None:
        """Say where models come from."""
        text = "Demo model" if workspace.demo else workspace.server.profile.title
        self._window.status.show_server(text, detail=f"Models come from {workspace.settings.model_server.base_url}")

    def close(self) -> None:
        """Watch no longer."""
        self.watch.use(None)

    def _opened(self, workspace: Workspace) -> None:
        self._take_back()
        self._show_database(workspace)
        self.show_server(workspace)
        self.watch.use(workspace)
        self.used.emit(workspace)

    def _show_database(self, workspace: Workspace) -> None:
        if workspace.store is None:
            self._window.status.show_database("Kept in memory", detail="Nothing is kept when the window is closed.")
        else:
            self._window.status.show_database("Database ready", detail=_where(workspace))

    def _failed(self, text: str) -> None:
        self._window.status.show_database("No database", detail=text, failed=True)
        self._window.toasts.show(
            "The database cannot be used", f"{text} You can draw; nothing can be run or kept in the library.",
            kind="failed", action="Try again", on_action=lambda: self._bridge.spawn(self.reopen()),
        )  # fmt: skip

    def _lost(self, text: str) -> None:
        self._trouble = text
        self._window.status.show_database("The database is gone", detail=text, failed=True)
        for tab in self._window.all_tabs:
            self._notice(tab)

    def _found(self) -> None:
        self._take_back()
        if self._session.workspace is not None:
            self._show_database(self._session.workspace)
            self._window.toasts.show("The database is back", kind="done")

    def _notice(self, tab: WorkTab) -> None:
        if self._trouble:
            tab.notices.tell(
                NOTICE,
                f"The database is gone: {self._trouble} {KEPT}; runs and the library wait until it is back.",
                tone="failed",
                action="Save as a file…",
                on_action=lambda: self.save_as_wanted.emit(tab),
            )

    def _take_back(self) -> None:
        self._trouble = ""
        for tab in self._window.all_tabs:
            tab.notices.take_back(NOTICE)


def _where(workspace: Workspace) -> str:
    own = workspace.settings.database_url
    return f"PostgreSQL at {own}" if own else "Steploom's own PostgreSQL, on this computer"
