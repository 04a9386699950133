"""The style sheet takes every value from the tokens, and its icons from files that are there."""

import re

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QApplication, QLabel, QMenu, QToolTip, QWidget
from pytestqt.qtbot import QtBot

from core.resources import root
from desktop.icons import Icons
from desktop.style import StyleError, palette, style_sheet, template
from desktop.theme import Theme, add_fonts


def no_file(name: str, colour: str, theme: Theme) -> str:
    return f"{theme.name}/{colour}/{name}"


@pytest.mark.parametrize("theme", [Theme.dark(), Theme.light()], ids=["dark", "light"])
def test_every_place_of_the_style_sheet_is_filled(theme: Theme) -> None:
    sheet = style_sheet(theme, no_file, template())
    assert "{{" not in sheet
    assert theme.css("accent.fill") in sheet


def test_a_place_that_no_token_fills_is_an_error() -> None:
    with pytest.raises(StyleError, match=r"no\.such"):
        style_sheet(Theme.dark(), no_file, "QLabel { color: {{no.such}}; }")


def test_the_style_sheet_names_no_colour_of_its_own() -> None:
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b|\brgba?\(", template()) == []


def test_no_module_of_the_desktop_names_a_colour() -> None:
    found = []
    for file in sorted((root() / "desktop").rglob("*.py")):
        lines = file.read_text("utf-8").splitlines()
        found += [f"{file.name}:{n}" for n, line in enumerate(lines, 1) if re.search(r"""["']#[0-9A-Fa-f]{6}""", line)]
    assert found == []


def test_every_icon_of_the_style_sheet_is_there() -> None:
    named = set(re.findall(r"\{\{icon (\S+) (\S+)\}\}", template()))
    assert named
    assert {name for name, _ in named} <= set(Icons().names)
    assert {colour for _, colour in named} <= set(Theme.dark().colour_names)


def test_qt_can_read_the_whole_sheet(qapp: QApplication) -> None:
    # A part that Qt cannot parse is a warning, which fails the test.
    before = qapp.styleSheet()
    try:
        qapp.setStyleSheet(style_sheet(Theme.dark(), no_file, re.sub(r"url\(\{\{.*?\}\}\)", "none", template())))
    finally:
        qapp.setStyleSheet(before)


def test_the_palette_tells_disabled_text_apart() -> None:
    made = palette(Theme.light())
    assert made.color(QPalette.ColorRole.Text) == Theme.light().color("text.primary")
    assert made.color(QPalette.ColorGroup.Disabled, QPalette.ColorRole.Text) == Theme.light().color("text.disabled")


def test_titles_in_a_menu_stand_in_one_line_with_an_icon_a_tick_or_neither(qtbot: QtBot) -> None:
    add_fonts()
    theme = Theme.dark()
    menu = QMenu()
    qtbot.addWidget(menu)
    menu.setStyleSheet(re.sub(r"(image|icon): url\([^)]*\);?", "", style_sheet(theme, no_file, template())))
    menu.addAction("HH plain")
    menu.addAction(Icons().icon("plus", theme), "HH with an icon")
    ticked = menu.addAction("HH with a tick")
    ticked.setCheckable(True)
    menu.ensurePolished()
    menu.adjustSize()
    picture = menu.grab().toImage()

    def begins(row: QRect) -> int:
        middle = range(row.top() + 8, row.bottom() - 8)
        return next(
            x for x in range(30, picture.width()) if any(picture.pixelColor(x, y).lightness() > 140 for y in middle)
        )

    assert len({begins(menu.actionGeometry(action)) for action in menu.actions()}) == 1


@pytest.mark.qt_log_ignore("This plugin does not support raise")  # offscreen
def test_a_tip_takes_markup_of_somebody_else_as_text(qtbot: QtBot, qapp: QApplication) -> None:
    before = qapp.styleSheet()
    around = QWidget()
    qtbot.addWidget(around)
    qapp.setStyleSheet(style_sheet(Theme.dark(), no_file, template()))
    try:
        QToolTip.hideText()
        QToolTip.showText(QPoint(10, 10), "<img src='/home/me/photo.png'> Report", around)
        tips = [each for each in qapp.topLevelWidgets() if each.metaObject().className() == "QTipLabel"]
        formats = {each.textFormat() for each in tips if isinstance(each, QLabel)}
    finally:
        QToolTip.hideText()
        qapp.setStyleSheet(before)
    assert formats == {Qt.TextFormat.PlainText}
