"""The look of the standard widgets: Qt's Fusion style with our palette and a style sheet filled in from the tokens."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QTemporaryDir
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QApplication, QWidget

from core.resources import root
from desktop.icons import Icons
from desktop.theme import Theme, ThemeManager

_PLACE = re.compile(r"\{\{\s*(.+?)\s*\}\}")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


class StyleError(Exception):
    """The style sheet asks for something that is not there; the text names it."""

    code = "style"


class Style(QObject):
    """Keeps an application in the theme that is in force.

    Holds a temporary folder for the few icons that a style sheet can only name as files.
    """

    def __init__(self, app: QApplication, manager: ThemeManager, icons: Icons) -> None:
        super().__init__(app)
        self._app = app
        self._icons = icons
        self._folder = QTemporaryDir()
        self._template = template()
        app.setStyle("Fusion")
        manager.changed.connect(self.apply)
        self.apply(manager.theme)

    def apply(self, theme: Theme) -> None:
        """Show everything in that theme."""
        self._app.setPalette(palette(theme))
        self._app.setFont(theme.font("body"))
        self._app.setStyleSheet(style_sheet(theme, self._icon_file, self._template))

    def _icon_file(self, name: str, colour: str, theme: Theme) -> str:
        file = Path(self._folder.path()) / f"{theme.name}-{colour}-{name}.svg"
        if not file.exists():
            file.write_text(self._icons.svg(name, theme.color(colour)), encoding="utf-8")
        return file.as_posix()


def template() -> str:
    """The style sheet with its places not filled in, comments left out."""
    return _COMMENT.sub("", (root() / "resources" / "themes" / "style.qss").read_text(encoding="utf-8"))


def style_sheet(theme: Theme, icon_file: Callable[[str, str, Theme], str], text: str) -> str:
    """The style sheet for a theme. icon_file: gives the path of an icon in a token's colour. Raises StyleError."""

    def value(match: re.Match[str]) -> str:
        place = match[1]
        try:
            return _value(place, theme, icon_file)
        except (KeyError, ValueError, IndexError):
            raise StyleError(f"The style sheet names {place!r}, which the tokens do not have.") from None

    return _PLACE.sub(value, text)


def _value(place: str, theme: Theme, icon_file: Callable[[str, str, Theme], str]) -> str:
    if place.startswith("icon "):
        _, name, colour = place.split()
        return icon_file(name, colour, theme)
    if place.startswith("type."):
        _, role, what = place.split(".")
        font = theme.font(role)
        return str(font.pixelSize() if what == "size" else int(font.weight()))
    name, _, alpha = place.partition("@")
    if name in theme.colour_names:
        return theme.css(name, float(alpha or 1))
    return str(theme.px(name))


def palette(theme: Theme) -> QPalette:
    """Qt's palette in the theme's colours, for what style sheets do not reach."""
    role = QPalette.ColorRole
    colours = {
        role.Window: "surface.window",
        role.WindowText: "text.primary",
        role.Base: "surface.input",
        role.AlternateBase: "surface.node",
        role.Text: "text.primary",
        role.PlaceholderText: "text.muted",
        role.Button: "surface.node",
        role.ButtonText: "text.primary",
        role.BrightText: "state.failed",
        role.ToolTipBase: "surface.menu",
        role.ToolTipText: "text.primary",
        role.Link: "accent",
        role.LinkVisited: "state.queued",
        role.Highlight: "accent.fill",
        role.HighlightedText: "accent.on",
        role.Accent: "accent.fill",
        role.Light: "surface.hover",
        role.Midlight: "surface.hover",
        role.Mid: "border.subtle",
        role.Dark: "border.subtle",
        role.Shadow: "canvas.bg",
    }
    made = QPalette()
    for each, token in colours.items():
        made.setColor(each, theme.color(token))
    for each in (role.WindowText, role.Text, role.ButtonText, role.PlaceholderText, role.HighlightedText):
        made.setColor(QPalette.ColorGroup.Disabled, each, theme.color("text.disabled"))
    made.setColor(QPalette.ColorGroup.Disabled, role.Highlight, theme.color("surface.hover"))
    return made


def set_role(widget: QWidget, **properties: str | bool) -> None:
    """Set the dynamic properties that the style sheet asks for (role, kind, state), and style the widget anew."""
    for name, value in properties.items():
        widget.setProperty(name, value)
    widget.style().unpolish(widget)
    widget.style().polish(widget)
