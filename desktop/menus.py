"""The menu bar, made from the commands."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QMenu, QMenuBar

from desktop.commands import Command, Commands

ORDER: Sequence[str] = ("File", "Edit", "View", "Step", "Run", "Help")
"""Menus from left to right; others follow."""


class Menus:
    """Keeps a menu bar in step with the commands."""

    def __init__(self, bar: QMenuBar, commands: Commands) -> None:
        self._bar = bar
        self._commands = commands
        commands.changed.connect(self.build)
        self.build()

    def build(self) -> None:
        """Make all menus anew."""
        for action in self._bar.actions():
            menu = action.menu()
            self._bar.removeAction(action)
            if isinstance(menu, QMenu):
                menu.deleteLater()
        menus: dict[str, QMenu] = {}
        groups: dict[str, str] = {}
        paths = sorted({c.menu.partition("/")[0] for c in self._commands if c.menu}, key=menu_order)
        for path in paths:
            self._menu(path, menus)
        for command in self._commands:
            if command.menu:
                self._place(command, menus, groups)

    def _place(self, command: Command, menus: dict[str, QMenu], groups: dict[str, str]) -> None:
        top, _, below = command.menu.partition("/")
        if groups.setdefault(top, command.group) != command.group:
            menus[top].addSeparator()
            groups[top] = command.group
        menu = self._menu(command.menu, menus) if below else menus[top]
        menu.addAction(self._commands.action(command.id))

    def _menu(self, path: str, menus: dict[str, QMenu]) -> QMenu:
        found = menus.get(path)
        if found is None:
            parent, _, title = path.rpartition("/")
            found = self._menu(parent, menus).addMenu(title) if parent else self._bar.addMenu(f"&{title}")
            found.aboutToShow.connect(self._commands.refresh)
            found.setToolTipsVisible(False)
            menus[path] = found
        return found


def menu_order(menu: str) -> tuple[int, str]:
    """What menus are sorted by."""
    return (ORDER.index(menu) if menu in ORDER else len(ORDER), menu)
