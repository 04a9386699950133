"""The settings dialog and the shortcut editor: opened by command, saved in the background."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from desktop.bridge import Bridge, explain
from desktop.commands import Command
from desktop.dialogs.shortcuts import ShortcutsDialog
from desktop.window import MainWindow

if TYPE_CHECKING:
    from core.workspace import Workspace
    from desktop.dialogs.settings import SettingsDialog

NOTE = "Saved in settings.toml. What the environment sets comes before it."


class SettingsPages(QObject):
    """Opens the dialogs. saved: settings were written and are in force.

    reopen: opens the workspace anew, so that they count.
    """

    saved = Signal()

    def __init__(self, window: MainWindow, bridge: Bridge, reopen: Callable[[], Coroutine[Any, Any, None]]) -> None:
        super().__init__(window)
        self._window, self._bridge, self._reopen = window, bridge, reopen
        self._workspace: Workspace | None = None
        self.dialog: SettingsDialog | None = None

    def searchable(self) -> Sequence[tuple[str, str, str]]:
        """Name, title and help of every setting, once the workspace is open."""
        if self._workspace is None:
            return ()
        from desktop.settings_fields import groups_of

        groups = groups_of(type(self._workspace.settings))
        return [(field.name, field.title, field.help) for group in groups for field in group.fields]

    def use(self, workspace: Workspace) -> None:
        """From now on settings can be shown."""
        self._workspace = workspace

    def commands(self) -> Sequence[Command]:
        """What the menus and the palette offer."""
        return [
            Command("file.settings", "Settings…", self.open, "settings", ("Ctrl+,",), "File", "settings"),
            Command("help.shortcuts", "Keyboard shortcuts…", self.open_shortcuts, "keyboard", ("Ctrl+Alt+K",), "Help",
                    "help", help="Shows and changes the keys of every command."),
        ]  # fmt: skip

    def open(self, setting: str = "") -> None:
        """Open the settings, at one setting if it is named."""
        workspace = self._workspace
        if workspace is None:
            self._window.toasts.show("Settings are not there yet", "The database is still being opened.")
            return
        if self.dialog is None:
            self.dialog = self._made(workspace)
            self.dialog.finished.connect(self._closed)
            self.dialog.open()
        if setting:
            self.dialog.go_to(setting)

    def open_shortcuts(self) -> None:
        """Open the editor of keys."""
        ShortcutsDialog(self._window, self._window.commands, self._window.icons, self._window.themes).open()

    def _made(self, workspace: Workspace) -> SettingsDialog:
        from desktop.dialogs.settings import SettingsDialog
        from desktop.settings_fields import groups_of

        settings = workspace.settings
        values = settings.model_dump()
        dialog = SettingsDialog(
            self._window,
            groups_of(type(settings)),
            values,
            check=lambda wanted: _problems(type(settings), {**values, **wanted}),
            note=NOTE,
        )
        dialog.wanted.connect(lambda wanted: self._save(workspace, wanted))
        return dialog

    def _closed(self) -> None:
        self.dialog = None

    def _save(self, workspace: Workspace, wanted: Mapping[str, Any]) -> None:
        def work() -> None:
            from core.settings import change

            change(workspace.home, **wanted)

        self._bridge.in_thread(work, lambda _: self._in_force(), self._refused)

    def _in_force(self) -> None:
        self._bridge.spawn(self._reopen(), lambda _: self.saved.emit())

    def _refused(self, error: Exception) -> None:
        self._window.toasts.show("Settings are not saved", explain(error), kind="failed")


def _problems(model: type[Any], values: Mapping[str, Any]) -> Mapping[str, str]:
    """What is wrong with settings, by dotted name."""
    from pydantic import ValidationError

    try:
        model.model_validate(values)
    except ValidationError as error:
        return {".".join(map(str, each["loc"])): each["msg"] for each in error.errors(include_url=False)}
    return {}
