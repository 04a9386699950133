"""Everything a person can do, as data: menus, palette, shortcut editor and help are made from it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from desktop.icons import Icons
from desktop.key_bindings import KeyBindings
from desktop.theme import ThemeManager

Scope: TypeAlias = Literal["window", "canvas"]
"""Where a command's keys work: in the whole window, or only while the canvas has the focus."""

Spawn: TypeAlias = Callable[[Coroutine[Any, Any, Any]], object]
"""Starts a coroutine in the background and looks after its errors."""


def _always() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Command:
    """One thing that a person can do.

    id: stable, for settings and tests. run: does it; may return a coroutine. keys: as Qt writes them portably
    (`Ctrl+S`). menu: where it stands, parts joined by `/` (`View/Theme`), '' for the palette only. group: commands of
    the same menu with different groups are parted by a line. enabled: whether it can be done now. checked: whether it
    is on, for those that are on or off. help: a sentence for the help page. tint: the token of its icon's colour.
    """

    id: str
    title: str
    run: Callable[[], object]
    icon: str = ""
    keys: tuple[str, ...] = ()
    menu: str = ""
    group: str = ""
    enabled: Callable[[], bool] = _always
    checked: Callable[[], bool] | None = None
    help: str = ""
    scope: Scope = "window"
    tint: str = "text.secondary"


AT_ONCE: Final = 8
"""Actions that get their icons in one turn of the loop."""


class Commands(QObject):
    """All commands of a window, and a QAction for each.

    changed: commands were added or their keys changed. ran: the id of a command that was run. spawn: what to do with
    a coroutine that a command returns. undressed: actions get their icons when `dress` is called, because painting them
    takes longer than the first paint of the window may wait.
    """

    changed = Signal()
    ran = Signal(str)

    def __init__(
        self,
        icons: Icons,
        themes: ThemeManager,
        *,
        spawn: Spawn,
        bindings: KeyBindings | None = None,
        undressed: bool = False,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._undressed = undressed
        self.bindings = bindings or KeyBindings()
        self._icons = icons
        self._themes = themes
        self._spawn = spawn
        self._commands: dict[str, Command] = {}
        self._actions: dict[str, QAction] = {}
        themes.changed.connect(self._dress_all)

    def add(self, *commands: Command) -> None:
        """Make commands known. Raises ValueError for an id that is taken."""
        for command in commands:
            if command.id in self._commands:
                raise ValueError(f"Two commands are called {command.id!r}.")
            self._commands[command.id] = command
            self._actions[command.id] = self._made(command)
        self.changed.emit()

    def __iter__(self) -> Iterator[Command]:
        return iter(tuple(self._commands.values()))

    def get(self, command_id: str) -> Command:
        """The command of that id. Raises KeyError."""
        return self._commands[command_id]

    def knows(self, command_id: str) -> bool:
        """Whether there is a command of that id."""
        return command_id in self._commands

    def action(self, command_id: str) -> QAction:
        """The action of that command, kept up to date. Raises KeyError."""
        return self._actions[command_id]

    def run(self, command_id: str) -> bool:
        """Do it if it can be done now; whether it was."""
        command = self._commands[command_id]
        if not command.enabled():
            self._refresh_one(command)
            return False
        outcome = command.run()
        if isinstance(outcome, Coroutine):
            self._spawn(outcome)
        self.ran.emit(command_id)
        self.refresh()
        return True

    def refresh(self) -> None:
        """Look anew at what can be done and what is on."""
        for command in self._commands.values():
            self._refresh_one(command)

    def keys(self, command_id: str) -> Sequence[str]:
        """The command's keys now."""
        return self.bindings.of(self._commands[command_id])

    def set_keys(self, command_id: str, keys: Sequence[str]) -> None:
        """Give a command other keys."""
        self.bindings.set(self._commands[command_id], keys)
        self._bind(self._commands[command_id])
        self.changed.emit()

    def reset_keys(self) -> None:
        """Give every command the keys that it came with."""
        self.bindings.reset()
        for command in self._commands.values():
            self._bind(command)
        self.changed.emit()

    def attach(self, widget: QWidget, scope: Scope) -> None:
        """Let the keys of that scope's commands work in a widget: the window once, every canvas."""
        for command in self._commands.values():
            if command.scope == scope:
                widget.addAction(self._actions[command.id])

    def _made(self, command: Command) -> QAction:
        action = QAction(command.title, self)
        action.setObjectName(command.id)
        if command.checked is not None:
            action.setCheckable(True)
            action.setIconVisibleInMenu(False)  # a style sheet draws the icon or the tick, and the tick says more
        if command.scope == "canvas":
            # Not the widgets inside a canvas: a title that is edited there needs Return and Tab itself.
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        if command.help:
            action.setStatusTip(command.help)
        action.triggered.connect(lambda _checked=False, name=command.id: self.run(name))
        self._actions[command.id] = action
        self._bind(command)
        self._dress(command)
        self._refresh_one(command)
        return action

    def _bind(self, command: Command) -> None:
        keys = [QKeySequence(each) for each in self.bindings.of(command)]
        action = self._actions[command.id]
        action.setShortcuts(keys)
        plain = command.title.removesuffix("…")
        action.setToolTip(f"{plain}  {keys[0].toString(QKeySequence.SequenceFormat.NativeText)}" if keys else plain)

    def dress(self, *command_ids: str) -> None:
        """Give the actions of these commands their icons now."""
        for command_id in command_ids:
            self._put_icon(self._commands[command_id])

    async def dress_all(self) -> None:
        """Give all actions their icons, those that come later too: a few at each turn of the loop, as it takes long."""
        self._undressed = False
        for number, command in enumerate(tuple(self._commands.values()), 1):
            self._put_icon(command)
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)

    def _dress_all(self) -> None:
        for command in self._commands.values():
            self._dress(command)

    def _dress(self, command: Command) -> None:
        if not self._undressed:
            self._put_icon(command)

    def _put_icon(self, command: Command) -> None:
        if command.icon:
            self._actions[command.id].setIcon(self._icons.icon(command.icon, self._themes.theme, command.tint))

    def _refresh_one(self, command: Command) -> None:
        action = self._actions[command.id]
        action.setEnabled(command.enabled())
        if command.checked is not None:
            action.setChecked(command.checked())
