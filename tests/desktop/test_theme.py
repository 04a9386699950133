"""The tokens hold what the design promises, and the theme that is in force follows the person and the desktop."""

import json
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontInfo, QFontMetrics
from pytestqt.qtbot import QtBot

from desktop.theme import Theme, ThemeManager, ThemeName, add_fonts, parse_colour, read_tokens, tokens_file

SURFACES = ["surface.window", "surface.panel", "surface.node", "surface.input", "surface.menu"]
CANVAS = ["canvas.bg", "canvas.group"]
WITH_HOVER = [*SURFACES, "surface.hover"]
STATES = ["idle", "queued", "running", "waiting", "done", "failed", "cancelled", "skipped"]
KINDS = ["model", "tool", "logic", "loop", "input", "output", "code", "human"]
TYPES = ["text", "json", "message", "image", "file", "number", "bool", "any"]


def pairs() -> Iterator[tuple[str, str, float]]:
    """Every foreground, the surface it is painted on, and the contrast it must have there (WCAG 2.2 AA)."""
    for text in ("primary", "secondary", "muted"):
        yield from ((f"text.{text}", surface, 4.5) for surface in [*WITH_HOVER, *CANVAS])
    yield from (("accent", surface, 4.5) for surface in SURFACES)
    yield "accent.on", "accent.fill", 4.5
    for state in STATES:
        floor = 3.0 if state == "skipped" else 4.5
        yield from ((f"state.{state}", surface, floor) for surface in ["surface.panel", "surface.node", "surface.menu"])
    for name in ("focus", "border.control"):
        yield from ((name, surface, 3.0) for surface in SURFACES)
    yield from ((name, "canvas.bg", 3.0) for name in ("focus", "wire", "wire.hover", "wire.selected", "wire.invalid"))
    yield "wire", "canvas.group", 3.0
    for group, names in (("kind", KINDS), ("type", TYPES)):
        yield from ((f"{group}.{name}", surface, 3.0) for name in names for surface in ["surface.node", "canvas.bg"])


def luminance(colour: QColor) -> float:
    """WCAG's relative luminance."""
    channels = (colour.redF(), colour.greenF(), colour.blueF())
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: QColor, other: QColor) -> float:
    """WCAG's contrast ratio, 1 to 21."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.fixture(params=["dark", "light"])
def theme(request: pytest.FixtureRequest) -> Theme:
    return Theme(request.param, read_tokens())


def test_every_foreground_can_be_read_on_what_it_is_painted_on(theme: Theme) -> None:
    low = [
        f"{front} on {back}: {found:.2f} is under {floor}"
        for front, back, floor in pairs()
        if (found := contrast(theme.color(front), theme.color(back))) < floor
    ]
    assert low == []


def test_the_contrast_of_known_pairs_is_computed_as_the_standard_says() -> None:
    assert contrast(QColor("black"), QColor("white")) == pytest.approx(21)
    assert contrast(QColor("#777777"), QColor("white")) == pytest.approx(4.48, abs=0.01)


def test_every_colour_of_a_state_kind_and_type_is_judged_by_the_contrast_test() -> None:
    judged = {front for front, _, _ in pairs()}
    tokens = read_tokens()["dark"]
    assert {name for name in tokens if name.startswith(("state.", "kind.", "type.", "text.", "wire"))} - judged == {
        "text.disabled"  # what is disabled is exempt from the standard
    }


def test_both_sets_name_the_same_colours() -> None:
    tokens = json.loads(tokens_file().read_text("utf-8"))
    assert tokens["dark"].keys() == tokens["light"].keys()
    assert Theme.dark().colour_names == Theme.light().colour_names


def test_the_alpha_of_a_token_stands_last() -> None:
    assert parse_colour("#7C9CFF26").getRgb() == (0x7C, 0x9C, 0xFF, 0x26)
    assert Theme.dark().css("selection.fill") == "rgba(124, 156, 255, 38)"
    assert Theme.dark().color("kind.model", 0.5).alpha() == 128


def test_an_unknown_token_is_an_error() -> None:
    with pytest.raises(KeyError):
        Theme.dark().color("no.such")
    with pytest.raises(KeyError):
        Theme.dark().px("node.nothing")


def test_sizes_come_by_group_and_name() -> None:
    theme = Theme.light()
    assert (theme.px("radius.node"), theme.px("node.width.min"), theme.px("space.3")) == (10, 180, 12)


def test_reduced_motion_makes_every_duration_zero() -> None:
    still = Theme("dark", read_tokens(), reduced_motion=True)
    assert [still.duration(name) for name in ("fast", "base", "slow", "pulse", "flow")] == [0] * 5
    assert Theme.dark().duration("base") == 140


def test_the_shipped_fonts_are_found_in_every_weight(qapp: object) -> None:
    assert {"Inter", "JetBrains Mono"} <= set(add_fonts())
    theme = Theme.dark()
    for role, style in (("body", "Regular"), ("caption", "Medium"), ("body.strong", "SemiBold")):
        info = QFontInfo(theme.font(role))
        assert (info.family(), info.styleName()) == ("Inter", style)
    assert QFontInfo(theme.font("mono")).family() == "JetBrains Mono"
    bold = theme.font("mono")
    bold.setWeight(QFont.Weight.Bold)
    assert QFontInfo(bold).styleName() == "Bold"


def test_tabular_digits_are_equally_wide(qapp: object) -> None:
    add_fonts()
    figures = QFontMetrics(Theme.dark().font("display", tabular=True))
    assert figures.horizontalAdvance("1111") == figures.horizontalAdvance("0000")
    plain = QFontMetrics(Theme.dark().font("display"))
    assert plain.horizontalAdvance("1111") != plain.horizontalAdvance("0000")


@pytest.mark.parametrize(("choice", "dark"), [("dark", True), ("light", False)])
def test_a_choice_changes_the_theme_and_says_so_once(qtbot: QtBot, choice: ThemeName, dark: bool) -> None:
    manager = ThemeManager()
    told: list[Theme] = []
    manager.changed.connect(told.append)
    manager.choose("light" if dark else "dark")
    told.clear()
    manager.choose(choice)
    manager.choose(choice)
    assert [theme.is_dark for theme in told] == [dark]
    assert manager.theme.is_dark is dark


class Desktop(QObject):
    """A desktop whose colour scheme a test can change."""

    colorSchemeChanged = Signal(Qt.ColorScheme)  # noqa: N815 - Qt's name

    def __init__(self) -> None:
        super().__init__()
        self.scheme = Qt.ColorScheme.Unknown

    def colorScheme(self) -> Qt.ColorScheme:  # noqa: N802 - Qt's name
        return self.scheme

    def switch(self, scheme: Qt.ColorScheme) -> None:
        self.scheme = scheme
        self.colorSchemeChanged.emit(scheme)


def test_without_a_choice_the_desktop_is_followed(qapp: object) -> None:
    desktop = Desktop()
    manager = ThemeManager(desktop)
    seen = [manager.theme.name]
    for scheme in (Qt.ColorScheme.Light, Qt.ColorScheme.Dark):
        desktop.switch(scheme)
        seen.append(manager.theme.name)
    assert seen == ["dark", "light", "dark"]


def test_a_choice_holds_against_the_desktop(qapp: object) -> None:
    desktop = Desktop()
    manager = ThemeManager(desktop)
    manager.choose("light")
    desktop.switch(Qt.ColorScheme.Dark)
    seen = [manager.theme.name]
    manager.choose("system")
    seen.append(manager.theme.name)
    assert seen == ["light", "dark"]
