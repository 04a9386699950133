"""The settings dialog and the shortcut editor: opened by command, saved in the background."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from PySide6.QtCore import QObject, Signal

from desktop.bridge import Bridge, explain
from desktop.commands import Command
from desktop.dialogs.message import Choice, MessageDialog
from desktop.dialogs.shortcuts import ShortcutsDialog
from desktop.window import MainWindow

if TYPE_CHECKING:
    from core.settings import Settings
    from desktop.dialogs.settings import SettingsDialog

ADDRESSES: Final[Mapping[str, tuple[tuple[str, ...], str]]] = {
    "database_url": (("postgresql", "postgres", "postgresql+psycopg"), "postgresql://ann@db.example.org/steploom"),
    "model_server.base_url": (("http", "https"), "https://openrouter.ai/api/v1"),
    "telemetry.endpoint": (("http", "https"), "http://127.0.0.1:4318"),
}
"""Settings that hold an address, how it may begin, and one that fits."""

NOTE = "Saved in settings.toml. What the environment sets comes before it."


class SettingsPages(QObject):
    """Opens the dialogs. saved: settings were written and are in force.

    home: the folder of the settings; they can be changed also while the database cannot be used, which may be why.
    reopen: opens the workspace anew, so that they count.
    """

    saved = Signal()

    def __init__(
        self, window: MainWindow, bridge: Bridge, home: Path, reopen: Callable[[], Coroutine[Any, Any, None]]
    ) -> None:
        super().__init__(window)
        self._window, self._bridge, self._home, self._reopen = window, bridge, home, reopen
        self._fields: Sequence[tuple[str, str, str, str]] = ()
        self._wanted: str | None = None
        self.dialog: SettingsDialog | None = None

    def searchable(self) -> Sequence[tuple[str, str, str, str]]:
        """Name, group, title and help of every setting, once they have been read."""
        return self._fields

    def read(self) -> None:
        """Find out what can be set, for the command palette."""
        self._bridge.in_thread(_fields, self._know)

    def commands(self) -> Sequence[Command]:
        """What the menus and the palette offer."""
        return [
            Command("file.settings", "Settings…", self.open, "settings", ("Ctrl+,",), "File", "settings"),
            Command("help.shortcuts", "Keyboard shortcuts…", self.open_shortcuts, "keyboard", ("Ctrl+Alt+K",), "Help",
                    "help", help="Shows and changes the keys of every command."),
        ]  # fmt: skip

    def open(self, setting: str = "") -> None:
        """Open the settings, at one setting if it is named."""
        if self.dialog is not None:
            self._go(setting)
            return
        waits, self._wanted = self._wanted is not None, setting
        if not waits:
            self._bridge.in_thread(lambda: _read(self._home), self._show, self._unreadable)

    def open_shortcuts(self) -> None:
        """Open the editor of keys."""
        ShortcutsDialog(self._window, self._window.commands, self._window.icons, self._window.themes).open()

    def _know(self, fields: Sequence[tuple[str, str, str, str]]) -> None:
        self._fields = fields

    def _show(self, settings: Settings) -> None:
        from desktop.dialogs.settings import SettingsDialog
        from desktop.settings_fields import groups_of

        values, wanted, self._wanted = settings.model_dump(), self._wanted or "", None
        dialog = SettingsDialog(
            self._window,
            groups_of(type(settings)),
            values,
            check=lambda changed: problems_of(type(settings), {**values, **changed}),
            note=NOTE,
        )
        dialog.wanted.connect(self._save)
        dialog.finished.connect(self._closed)
        self.dialog = dialog
        dialog.open()
        self._go(wanted)

    def _go(self, setting: str) -> None:
        if setting and self.dialog is not None:
            self.dialog.go_to(setting)

    def _unreadable(self, error: Exception) -> None:
        self._wanted = None
        first, _, rest = explain(error).partition("\n")
        MessageDialog(
            self._window, title="The settings cannot be read", text=first, detail=rest,
            choices=[Choice("close", "Close", "primary")],
        ).open()  # fmt: skip

    def _closed(self) -> None:
        self.dialog = None

    def _save(self, wanted: Mapping[str, Any]) -> None:
        def work() -> None:
            from core.settings import change

            change(self._home, **wanted)

        self._bridge.in_thread(work, lambda _: self._in_force(), self._refused)

    def _in_force(self) -> None:
        self._bridge.spawn(self._reopen(), lambda _: self.saved.emit())

    def _refused(self, error: Exception) -> None:
        self._window.toasts.show("Settings are not saved", explain(error), kind="failed")


def _read(home: Path) -> Settings:
    from core.settings import load

    return load(home)


def _fields() -> Sequence[tuple[str, str, str, str]]:
    from core.settings import Settings
    from desktop.settings_fields import groups_of

    return [
        (field.name, group.title, field.title, field.help) for group in groups_of(Settings) for field in group.fields
    ]


def problems_of(model: type[Any], values: Mapping[str, Any]) -> Mapping[str, str]:
    """What is wrong with settings, by dotted name."""
    from pydantic import ValidationError

    try:
        model.model_validate(values)
    except ValidationError as error:
        return {".".join(map(str, each["loc"])): _said(each["msg"]) for each in error.errors(include_url=False)}
    return _wrong_addresses(values)


def _said(message: str) -> str:
    """A validator's message as a sentence."""
    text = message.removeprefix("Value error, ").rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."


def _wrong_addresses(values: Mapping[str, Any]) -> Mapping[str, str]:
    """What is wrong with addresses, by dotted name. The model takes any text there, so that a program with a wrong one
    still starts and can say what it could not reach; a person who types one hears it at once."""
    from desktop.settings_fields import value_at

    texts = {name: str(value_at(values, tuple(name.split("."))) or "") for name in ADDRESSES}
    return {name: wrong for name, text in texts.items() if text and (wrong := _wrong_address(name, text))}


def _wrong_address(name: str, text: str) -> str:
    """What is wrong with the address that a setting holds, '' if nothing is."""
    schemes, example = ADDRESSES[name]
    no_address = f"Not an address that fits here. One looks like {example}."
    try:
        address = urlsplit(text)
        password = address.password
    except ValueError:
        return no_address
    if password and name == "database_url":
        return "A password does not belong in a file: keep it with `steploom db use URL`."
    fits = address.scheme in schemes and (address.netloc or address.path) and " " not in text
    return "" if fits else no_address
