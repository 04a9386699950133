"""The look as values: colours, fonts, sizes and durations by name, and which of the two sets is in force.

The values stand in `resources/themes/tokens.json`; nothing else in the program names a colour or a radius.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal, Protocol, TypeAlias

from PySide6.QtCore import QObject, Qt, Signal, SignalInstance
from PySide6.QtGui import QColor, QFont, QFontDatabase

from core.resources import root

ThemeName: TypeAlias = Literal["dark", "light"]
ThemeChoice: TypeAlias = Literal["system", "dark", "light"]
"""What a person chose; `system` follows the desktop."""

NOTE_TINTS: Final = {"yellow": "state.waiting", "blue": "kind.output", "green": "kind.input", "pink": "kind.loop"}
GROUP_TINTS: Final = {**NOTE_TINTS, "purple": "kind.model"}
"""Tokens of the colours that a person chooses by name; what is not in them is grey."""

FALLBACK_FAMILIES: Final = {"ui": ("Noto Sans", "Segoe UI", "Helvetica Neue"), "mono": ("DejaVu Sans Mono", "Consolas")}
"""Families for scripts that the shipped fonts do not hold."""


def tokens_file() -> Path:
    """The file of the design tokens."""
    return root() / "resources" / "themes" / "tokens.json"


def parse_colour(text: str) -> QColor:
    """The colour of `#RRGGBB` or `#RRGGBBAA` (alpha last, as in CSS; Qt reads it first)."""
    if len(text) == 9:
        return QColor(f"#{text[7:9]}{text[1:7]}")
    return QColor(text)


class Theme:
    """One set of tokens. Immutable; two themes of the same name and motion are equal.

    reduced_motion: all durations are 0.
    """

    def __init__(self, name: ThemeName, tokens: Mapping[str, Any], *, reduced_motion: bool = False) -> None:
        self.name = name
        self.reduced_motion = reduced_motion
        self._tokens = tokens
        self._colours = {key: parse_colour(text) for key, text in tokens[name].items()}

    @classmethod
    def dark(cls) -> Theme:
        """The dark set of the shipped tokens."""
        return cls("dark", read_tokens())

    @classmethod
    def light(cls) -> Theme:
        """The light set of the shipped tokens."""
        return cls("light", read_tokens())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Theme):
            return NotImplemented
        return (self.name, self.reduced_motion) == (other.name, other.reduced_motion) and self._tokens == other._tokens

    def __hash__(self) -> int:
        return hash((self.name, self.reduced_motion))

    @property
    def is_dark(self) -> bool:
        """Whether light text stands on dark surfaces."""
        return self.name == "dark"

    @cached_property
    def colour_names(self) -> Sequence[str]:
        """The names of all colours."""
        return tuple(self._colours)

    def color(self, name: str, alpha: float = 1.0) -> QColor:
        """A colour by its name (`surface.node`). alpha: 0 to 1, multiplies the token's own. Raises KeyError."""
        colour = QColor(self._colours[name])
        if alpha != 1.0:
            colour.setAlphaF(colour.alphaF() * alpha)
        return colour

    def css(self, name: str, alpha: float = 1.0) -> str:
        """The same colour as style sheets write it."""
        colour = self.color(name, alpha)
        if colour.alpha() == 255:
            return colour.name()
        return f"rgba({colour.red()}, {colour.green()}, {colour.blue()}, {colour.alpha()})"

    def font(self, role: str, *, tabular: bool = False) -> QFont:
        """The font of a role: caption, body, body.strong, title, heading, display or mono.

        tabular: digits of equal width, for numbers that change or stand in columns.
        """
        mono = role == "mono"
        size, weight = (12, 400) if mono else self._tokens["type"][role]
        kind = "mono" if mono else "ui"
        font = QFont([self._tokens["type"][f"family.{kind}"], *FALLBACK_FAMILIES[kind]])
        font.setPixelSize(size)
        font.setWeight(QFont.Weight(weight))
        font.setStyleHint(QFont.StyleHint.Monospace if mono else QFont.StyleHint.SansSerif)
        # Said, because a machine that sets nothing hints in full: letters then reach beyond the room that they measure.
        font.setHintingPreference(QFont.HintingPreference.PreferVerticalHinting)
        if tabular:
            font.setFeature(QFont.Tag("tnum"), 1)
        return font

    def px(self, name: str) -> int:
        """A size in logical pixels: `radius.node`, `node.width`, or `space.0` to `space.7`. Raises KeyError."""
        group, _, key = name.partition(".")
        if group == "space":
            return int(self._tokens["space"][int(key)])
        return int(self._tokens[group][key])

    def duration(self, name: str) -> int:
        """Milliseconds of a motion: fast, base, slow, pulse or flow; 0 if motion is reduced."""
        return 0 if self.reduced_motion else int(self._tokens["motion"][name])


class SchemeHints(Protocol):
    """What is used of QStyleHints: the desktop's colour scheme, and word of its change."""

    @property
    def colorSchemeChanged(self) -> SignalInstance:  # noqa: N802 - Qt's name
        """Emitted with the new scheme."""

    def colorScheme(self) -> Qt.ColorScheme:  # noqa: N802 - Qt's name
        """The scheme now."""


class ThemeManager(QObject):
    """Which theme is in force. changed: the new Theme, when it is another one.

    hints: where the desktop's colour scheme comes from; None follows nothing and starts dark.
    """

    changed = Signal(object)

    def __init__(
        self,
        hints: SchemeHints | None = None,
        *,
        tokens: Mapping[str, Any] | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._hints = hints
        self._tokens = tokens if tokens is not None else read_tokens()
        self._choice: ThemeChoice = "system"
        self._reduced_motion = False
        self._theme = self._made()
        if hints is not None:
            hints.colorSchemeChanged.connect(self._refresh)

    @property
    def theme(self) -> Theme:
        """The theme in force."""
        return self._theme

    @property
    def choice(self) -> ThemeChoice:
        """What the person chose."""
        return self._choice

    def choose(self, choice: ThemeChoice) -> None:
        """Follow the desktop, or keep to one set."""
        self._choice = choice
        self._refresh()

    def reduce_motion(self, reduced: bool) -> None:
        """Whether nothing moves that need not."""
        self._reduced_motion = reduced
        self._refresh()

    def _refresh(self) -> None:
        theme = self._made()
        if theme != self._theme:
            self._theme = theme
            self.changed.emit(theme)

    def _made(self) -> Theme:
        name: ThemeName = self._system() if self._choice == "system" else self._choice
        return Theme(name, self._tokens, reduced_motion=self._reduced_motion)

    def _system(self) -> ThemeName:
        if self._hints is not None and self._hints.colorScheme() == Qt.ColorScheme.Light:
            return "light"
        return "dark"


def read_tokens() -> Mapping[str, Any]:
    """The shipped tokens. Raises OSError or ValueError if the file is broken, which only a damaged install has."""
    tokens: Mapping[str, Any] = json.loads(tokens_file().read_text(encoding="utf-8"))
    return tokens


def add_fonts() -> Sequence[str]:
    """Make the shipped fonts known to Qt; the families that were found. Needs a QGuiApplication."""
    families: set[str] = set()
    for file in sorted((root() / "resources" / "fonts").glob("*.ttf")):
        families.update(QFontDatabase.applicationFontFamilies(QFontDatabase.addApplicationFont(str(file))))
    return sorted(families)
