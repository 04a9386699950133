"""The menu bar, made from the commands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtWidgets import QMenu, QMenuBar

from desktop.commands import Commands

ORDER: Sequence[str] = ("File", "Edit", "View", "Step", "Run", "Agents", "Help")
"""Menus from left to right; others follow."""

LAST: Final = "quit"
"""The group that stands at the end of its menu, whatever is added after it."""


class Menus:
    """Keeps a menu bar in step with the commands."""

    def __init__(self, bar: QMenuBar, commands: Commands) -> None:
        self._bar = bar
        self._commands = commands
        self._menus: dict[str, QMenu] = {}
        self._groups: dict[str, str] = {}
        commands.changed.connect(self.build)
        self.build()

    def build(self) -> None:
        """Make all menus anew."""
        for action in self._bar.actions():
            menu = action.menu()
            self._bar.removeAction(action)
            if isinstance(menu, QMenu):
                menu.deleteLater()
        self._menus.clear()
        self._groups.clear()
        paths = sorted({c.menu.partition("/")[0] for c in self._commands if c.menu}, key=menu_order)
        for path in paths:
            self._menu(path, "")
        for command in sorted(self._commands, key=lambda each: each.group == LAST):
            if command.menu:
                menu = self._menu(command.menu, command.group)
                self._part(command.menu, command.group)
                menu.addAction(self._commands.action(command.id))

    def _part(self, path: str, group: str) -> None:
        """Draw a line before the first entry of another group."""
        if self._groups.setdefault(path, group) != group:
            self._menus[path].addSeparator()
            self._groups[path] = group

    def _menu(self, path: str, group: str) -> QMenu:
        found = self._menus.get(path)
        if found is None:
            parent, _, title = path.rpartition("/")
            if parent:
                above = self._menu(parent, group)
                self._part(parent, group)
                found = above.addMenu(title)
            else:
                found = self._bar.addMenu(f"&{title}")
            found.aboutToShow.connect(self._commands.refresh)
            found.setToolTipsVisible(False)
            self._menus[path] = found
        return found


def menu_order(menu: str) -> tuple[int, str]:
    """What menus are sorted by."""
    return (ORDER.index(menu) if menu in ORDER else len(ORDER), menu)
