"""The help page, made from the commands: what can be done, where it stands, and by which keys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from desktop.commands import Command, Commands
from desktop.key_bindings import shown
from desktop.menus import menu_order
from desktop.theme import Theme

INTRODUCTION: Final = (
    "Drag steps from the palette on the left, or press <b>Tab</b> on the canvas, and draw wires between them. "
    "Fill a step in on the right: <code>{{</code> offers what can be referred to. <b>Run</b> shows every value as it "
    "comes; the drawer at the bottom holds the timeline, values and past runs. <b>Ctrl+K</b> finds anything by a few "
    "letters: <code>&gt;</code> actions, <code>@</code> steps, <code>+</code> steps to add, <code>#</code> runs."
)


HEADING: Final = "font-size: 15px; font-weight: 600; margin-bottom: 4px"


def help_text(commands: Commands, theme: Theme) -> str:
    """The page as the HTML that Qt's text views understand."""
    muted, line = theme.css("text.muted"), theme.css("border.subtle")
    mono = theme.font("mono").family()
    parts = [
        f"<style>td {{ padding: 5px 8px 5px 0; border-bottom: 1px solid {line}; }} .muted {{ color: {muted}; }}"
        f"code {{ font-family: '{mono}'; }} </style>",
        f"<p style='font-size: 20px; font-weight: 600'>Steploom in short</p><p>{INTRODUCTION}</p>",
    ]
    for menu, found in _by_menu(commands):
        rows = "".join(_row(command, commands.keys(command.id)) for command in found)
        table = f"<table width='100%' cellspacing='0' style='margin-bottom: 18px'>{rows}</table>"
        parts.append(f"<p style='{HEADING}'>{escape(menu)}</p>{table}")
    return "\n".join(parts)


def _row(command: Command, keys: Sequence[str]) -> str:
    written = ", ".join(f"<code>{escape(shown(each))}</code>" for each in keys)
    title = escape(command.title.removesuffix("…"))
    return (
        f"<tr><td width='34%'>{title}</td><td width='26%'>{written}</td>"
        f"<td width='40%' class='muted'>{escape(command.help)}</td></tr>"
    )


def _by_menu(commands: Iterable[Command]) -> list[tuple[str, list[Command]]]:
    menus: dict[str, list[Command]] = {}
    for command in commands:
        menus.setdefault(command.menu, []).append(command)
    ordered = sorted(menus, key=lambda menu: (not menu, menu_order(menu.partition("/")[0])))
    return [(menu.replace("/", ", ") or "On the canvas", menus[menu]) for menu in ordered]
