"""Starts, stops and watches the background service for the window, and keeps what a person wishes about it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QObject, QTimer, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QGuiApplication

from desktop.bridge import Bridge, explain
from desktop.commands import Command
from desktop.dialogs.message import Choice, MessageDialog
from desktop.service import words
from desktop.session import Session
from desktop.window import MainWindow

if TYPE_CHECKING:
    from core.service.control import ServiceControl, ServiceState
    from core.settings import ServiceSettings
    from core.store.publications import AtWork
    from core.workspace import Workspace
    from desktop.service.dialog import ServiceDialog

_log = logging.getLogger(__name__)

MENU: Final = "Run/Background service"
EVERY_MS: Final = 3_000
"""Milliseconds between two looks at how it stands."""

TOLD_EVERY: Final = 5
"""Looks at a service that runs, after which others look for what it has done."""

_GRACE_S: Final = 30.0
"""Seconds beyond the time of the settings that it has to end."""


class ServiceDesk(QObject):
    """changed: it stands otherwise, or what is wished about it has changed. worked: it has been at work for a while, so
    that there may be runs and questions that nobody here has seen. workflow_wanted: the name of one to be opened.

    open_setting: opens the settings at one of them. has_systemd, is_installed: whether systemd could start it when the
    person signs in, and whether it does. has_tray: whether the desktop shows icons in a tray. at_work: the workflows
    that are switched on, as they were when the dialog was opened.
    """

    changed = Signal()
    worked = Signal()
    workflow_wanted = Signal(str)

    def __init__(
        self, window: MainWindow, session: Session, bridge: Bridge, open_setting: Callable[[str], object]
    ) -> None:
        super().__init__(window)
        self._window, self._session, self._bridge, self._open_setting = window, session, bridge, open_setting
        self._workspace: Workspace | None = None
        self._looking: asyncio.Task[None] | None = None
        self._acting = False
        self._looks = 0
        self._version = version("steploom")
        self.control: ServiceControl | None = None
        self.state: ServiceState | None = None
        self.wishes: ServiceSettings | None = None
        self._kept: ServiceSettings | None = None
        self._writing = self._told_outdated = False
        self.has_systemd = self.is_installed = False
        self.has_tray: Callable[[], bool] = lambda: False
        self.at_work: Sequence[AtWork] = ()
        self.dialog: ServiceDialog | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(EVERY_MS)
        self._timer.timeout.connect(self.look)

    @property
    def address(self) -> str:
        """Where the service listens now, '' if it does not."""
        return self.state.address if self.state is not None and self.state.kind == "running" else ""

    @property
    def is_acting(self) -> bool:
        """Whether it is being started or stopped from here."""
        return self._acting

    @property
    def usual_address(self) -> str:
        """Where the service listens, or will if it is started."""
        port = self.wishes.port if self.wishes is not None else 0
        return self.address or (f"http://127.0.0.1:{port}" if port else "")

    @property
    def outdated(self) -> str:
        """Why it should be started anew, '' if it should not."""
        if self.state is None or self._workspace is None or self.wishes is None:
            return ""
        return words.outdated(
            self.state, version=self._version, is_demo=self._workspace.demo, port=self.wishes.port
        )  # fmt: skip

    def use(self, workspace: Workspace) -> None:
        """From now on the service of that workspace's data folder is watched. Nothing is, where nothing is kept."""
        self._workspace = workspace
        if workspace.store is None:
            self._timer.stop()
            self.control = self.state = self.wishes = self._kept = None
            self._tell()
            return
        self.wishes = self._kept = workspace.settings.service
        if self.control is None:
            from core.service.control import ServiceControl

            self.control = ServiceControl(
                self._session.home, database_url=self._session.database_url, told=self._show
            )  # fmt: skip
        self._timer.start()
        self._bridge.spawn(self.control.look(), self._first_look)
        self._look_at_unit()

    def look(self) -> None:
        """See how it stands; a look that is on its way is not begun twice."""
        if self.control is not None and self._looking is None and not self._acting:
            self._looking = self._bridge.spawn(self.control.look(), self._seen, self._look_failed, name="service")

    def start(self) -> None:
        """Start it, with the demo model if the window uses that."""
        if self.control is not None and self._workspace is not None:
            self._act(self.control.start(is_demo=self._workspace.demo))

    def stop(self) -> None:
        """Stop it; what it executes has its time to finish."""
        if self.control is not None:
            self._act(self.control.stop(self._patience))

    def end_now(self) -> None:
        """End it at once."""
        if self.control is not None:
            self._act(self.control.end_now())

    def restart(self) -> None:
        """Stop it and start it again, with the settings as they are now."""
        control, workspace = self.control, self._workspace
        if control is None or workspace is None:
            return

        async def work() -> ServiceState:
            state = await control.stop(self._patience)
            return state if state.is_up else await control.start(is_demo=workspace.demo)

        self._act(work())

    def keep(self, **wishes: Any) -> None:
        """Change what is wished: fields of ServiceSettings by name."""
        if self.wishes is None:
            return
        self.wishes = self.wishes.model_copy(update=wishes)
        self._tell()
        if not self._writing:
            self._write(self.wishes)

    def _write(self, wanted: ServiceSettings) -> None:
        """Write one state after the other: of two that are written at once, the older could stay."""
        home, self._writing = self._session.home, True
        self._bridge.in_thread(lambda: _keep(home, wanted), lambda _: self._written(wanted), self._not_kept)

    def _written(self, wanted: ServiceSettings) -> None:
        self._writing, self._kept = False, wanted
        if self.wishes is not None and self.wishes != wanted:
            self._write(self.wishes)

    def keep_by_systemd(self, on: bool) -> None:
        """Let systemd start it when the person signs in, or no more."""
        control, workspace = self.control, self._workspace
        if control is None or workspace is None:
            return

        async def work() -> ServiceState:
            if on:
                if (state := await control.stop(self._patience)).is_up:
                    return state
                await asyncio.to_thread(lambda: control.install_unit(is_demo=workspace.demo))
                return await control.start(is_demo=workspace.demo)
            await asyncio.to_thread(control.unit.uninstall)
            return await control.look()

        self._act(work())

    def copy_address(self) -> None:
        """Put the address into the clipboard."""
        if self.address:
            QGuiApplication.clipboard().setText(self.address)
            self._window.toasts.show("The address is in the clipboard", self.address, kind="done")

    def open_docs(self) -> None:
        """Show the service's page, which describes every endpoint, in the browser."""
        if self.address:
            QDesktopServices.openUrl(QUrl(f"{self.address}/docs"))

    def show_log(self) -> None:
        """Show the last lines that it noted."""
        if self.control is not None:
            self._bridge.spawn(self.control.log_end(), self._show_log)

    def open(self) -> None:
        """Open the dialog that shows all about it."""
        from desktop.service.dialog import ServiceDialog

        if self.dialog is None:
            self.dialog = ServiceDialog(self, self._window)
            self.dialog.finished.connect(self._closed)
            self.dialog.open()
        self.look()
        if self._workspace is not None and self._workspace.store is not None:
            self._bridge.spawn(self._workspace.store.workflows.at_work(), self._know_work)

    def show_workflow(self, name: str) -> None:
        """Open a workflow that is at work."""
        if self.dialog is not None:
            self.dialog.accept()
        self.workflow_wanted.emit(name)

    def open_tokens(self) -> None:
        """Open the list of tokens that may call it."""
        workspace = self._workspace
        if workspace is None or workspace.store is None:
            return
        from core.store.tokens import Tokens
        from desktop.service.tokens_dialog import TokensDialog

        tokens = Tokens(workspace.store.database, now=workspace.clock.now)
        TokensDialog(tokens, self._bridge, self._window, workspace.clock.now()).open()

    def open_setting(self, name: str) -> None:
        """Open the settings at one of the service's."""
        self._open_setting(f"service.{name}")

    def commands(self) -> list[Command]:
        """What can be done with it, from menus, the palette and the tray."""

        def can(*kinds: str) -> Callable[[], bool]:
            return lambda: self.state is not None and self.state.kind in kinds and not self._acting

        known = lambda: self.control is not None  # noqa: E731 - a condition in a table
        wish = self._wish
        return [
            Command("service.show", "Background service…", self.open, "rocket", (), MENU, "show",
                    help=words.WHAT_FOR),
            Command("service.start", "Start the service", self.start, "play", (), MENU, "do", can("stopped", "failed"),
                    help="Runs what schedules and calls start, also when the window is closed."),
            Command("service.stop", "Stop the service", self.stop, "square", (), MENU, "do",
                    can("running", "silent", "starting"), help="What it executes is finished first, or handed over."),
            Command("service.restart", "Restart the service", self.restart, "rotate-cw", (), MENU, "do",
                    can("running", "silent"), help="Stops it and starts it with the settings as they are now."),
            Command("service.copy", "Copy the service's address", self.copy_address, "copy", (), MENU, "look",
                    can("running")),
            Command("service.docs", "Open the service's page", self.open_docs, "external-link", (), MENU, "look",
                    can("running"), help="Shows every endpoint with an example, in the browser."),
            Command("service.log", "Log of the service…", self.show_log, "file-text", (), MENU, "look", known),
            Command("service.tokens", "Tokens of the service…", self.open_tokens, "key-round", (), MENU, "look", known,
                    help="Who may call the service: makes and revokes tokens."),
            Command("service.start_with_window", "Start the service with the window",
                    lambda: self.keep(start_with_window=not wish("start_with_window")), "", (), MENU, "wish", known,
                    lambda: wish("start_with_window")),
            Command("service.outlives_window", "Leave the service running when the window closes",
                    lambda: self.keep(outlives_window=not wish("outlives_window")), "", (), MENU, "wish", known,
                    lambda: wish("outlives_window")),
            Command("service.sign_in", "Start the service when I sign in (systemd)",
                    lambda: self.keep_by_systemd(not self.is_installed), "", (), MENU, "wish",
                    lambda: self.has_systemd and not self._acting, lambda: self.is_installed,
                    help="Writes a unit for the systemd of your session, or removes it."),
        ]  # fmt: skip

    async def close(self) -> None:
        """The window goes. A service that it started goes too, unless the person wants it to go on."""
        self._timer.stop()
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None
        if self.wishes is not None and self.wishes != self._kept:
            try:
                await asyncio.to_thread(_keep, self._session.home, self.wishes)
            except Exception:  # noqa: BLE001 - nobody is there any more to be told
                _log.exception("What was wished of the service is not kept")
        if self.control is None or self._wish("outlives_window"):
            return
        state = await self.control.look()
        if state.is_up and state.presence is not None and state.presence.keeper == "window":
            await self.control.let_go()

    # -- inside --------------------------------------------------------------------------------------------------------

    @property
    def _patience(self) -> float:
        assert self._workspace is not None
        return self._workspace.settings.workers.grace_s + _GRACE_S

    def _wish(self, name: str) -> bool:
        return self.wishes is not None and bool(getattr(self.wishes, name))

    def _first_look(self, state: ServiceState) -> None:
        self._show(state)
        if state.kind == "stopped" and self._wish("start_with_window"):
            self.start()
        elif self.outdated and not self._told_outdated:
            self._told_outdated = True
            self._window.toasts.show(
                "The background service should be restarted", self.outdated, action="Restart", on_action=self.restart
            )

    def _act(self, work: Coroutine[Any, Any, ServiceState]) -> None:
        if self._acting:
            work.close()
            return
        self._acting = True
        self._bridge.spawn(work, self._acted, self._act_failed, name="service")
        self._tell()

    def _acted(self, state: ServiceState) -> None:
        self._acting = False
        self._show(state)
        self._tell()
        self._look_at_unit()

    def _act_failed(self, error: Exception) -> None:
        self._acting = False
        self._window.toasts.show("The service does not do what you asked for", explain(error), kind="failed")
        self._tell()
        self.look()
        self._look_at_unit()

    def _look_at_unit(self) -> None:
        """See whether systemd could start it, and whether it does."""
        if self.control is not None:
            unit = self.control.unit
            self._bridge.in_thread(lambda: (unit.is_possible, unit.is_installed), self._unit_seen)

    def _unit_seen(self, facts: tuple[bool, bool]) -> None:
        if facts != (self.has_systemd, self.is_installed):
            self.has_systemd, self.is_installed = facts
            self._tell()

    def _seen(self, state: ServiceState) -> None:
        self._looking = None
        if not self._acting:
            self._show(state)
        self._looks = self._looks + 1 if state.kind == "running" else 0
        if self._looks and self._looks % TOLD_EVERY == 0:
            self.worked.emit()

    def _look_failed(self, error: Exception) -> None:
        self._looking = None
        self._bridge.tell(error)

    def _show(self, state: ServiceState) -> None:
        before, self.state = self.state, state
        if before == state:
            return
        is_news = before is not None and before.kind not in ("failed", state.kind)
        if state.kind in ("failed", "silent") and is_news and self.dialog is None:
            self._window.toasts.show(
                "The background service has failed" if state.kind == "failed" else "The background service hangs",
                state.problem, kind="failed", action="Show", on_action=self.open,
            )  # fmt: skip
        self._tell()

    def _tell(self) -> None:
        said = words.standing(self.state) if self.state is not None else None
        self._window.status.show_service(
            said.short if said else "", detail=said.detail if said else "", tone=said.tone if said else ""
        )
        self._window.commands.refresh()
        self.changed.emit()

    def _not_kept(self, error: Exception) -> None:
        self._writing, self.wishes = False, self._kept
        self._window.toasts.show("Settings are not saved", explain(error), kind="failed")
        self._tell()

    def _show_log(self, lines: list[str]) -> None:
        MessageDialog(
            self._window, title="Log of the service", text="What it noted last." if lines else "It noted nothing yet.",
            detail="\n".join(lines), choices=[Choice("close", "Close", "primary")],
        ).open()  # fmt: skip

    def _know_work(self, found: Sequence[AtWork]) -> None:
        self.at_work = found
        self.changed.emit()

    def _closed(self) -> None:
        self.dialog = None


def _keep(home: Path, wishes: ServiceSettings) -> None:
    from core.settings import change

    change(home, service=wishes.model_dump())
