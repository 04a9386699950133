from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from core.engine.step_type import StepTypes
from desktop.canvas.chooser import ranked
from desktop.canvas.drops import STEP_MIME
from desktop.canvas.quick_add import type_choices
from desktop.icons import Icons
from desktop.panels.palette import Palette
from desktop.panels.palette_model import CATEGORIES, Entry, Heading, found, listed
from desktop.theme import ThemeManager

Stand = Callable[..., QWidget]


@pytest.fixture
def palette(types: StepTypes, themes: ThemeManager, icons: Icons, stand: Stand) -> Palette:
    made = Palette(types, themes, icons)
    stand(made, (240, 500))
    made.search.setFocus()
    return made


def headings(palette: Palette) -> list[str]:
    lines = [palette.model.line(row) for row in range(palette.model.rowCount())]
    return [line.title for line in lines if isinstance(line, Heading)]


def test_every_step_type_stands_once_under_its_category(types: StepTypes) -> None:
    lines = list(listed(types))
    assert sorted(line.type for line in lines if isinstance(line, Entry)) == sorted(types.names())
    assert [line.title for line in lines if isinstance(line, Heading)] == list(CATEGORIES.values())
    assert all(line.help for line in lines if isinstance(line, Entry))


def test_every_icon_of_a_step_type_is_there(types: StepTypes, icons: Icons) -> None:
    assert {line.icon for line in listed(types) if isinstance(line, Entry)} <= set(icons.names)


def test_a_search_finds_by_title_name_and_help(types: StepTypes) -> None:
    assert found(types, "cond")[0].type == "condition"
    assert found(types, "for_each")[0].type == "for_each"
    assert "chat" in [entry.type for entry in found(types, "chat model")]
    assert found(types, "zzz") == []


def test_enter_in_the_search_adds_the_best_fit(palette: Palette, qtbot: QtBot) -> None:
    QTest.keyClicks(palette.search, "switch")
    with qtbot.waitSignal(palette.add_requested) as added:
        QTest.keyClick(palette.search, Qt.Key.Key_Return)
    assert added.args == ["switch"]


def test_the_arrows_pass_over_headings(palette: Palette) -> None:
    seen = [palette.current]
    for _ in range(4):
        QTest.keyClick(palette.search, Qt.Key.Key_Down)
        seen.append(palette.current)
    assert all(seen)
    assert len(set(seen)) == 5
    for _ in range(4):
        QTest.keyClick(palette.search, Qt.Key.Key_Up)
    assert palette.current == seen[0]


def test_what_was_added_stands_on_top_from_then_on(palette: Palette, qtbot: QtBot) -> None:
    assert "Used lately" not in headings(palette)
    with qtbot.waitSignal(palette.recent_changed) as told:
        palette.note_used("wait")
    assert told.args == [("wait",)]
    assert headings(palette)[0] == "Used lately"
    palette.note_used("code")
    palette.note_used("wait")
    assert palette.recent == ("wait", "code")


def test_step_types_that_are_no_longer_there_are_left_out_of_those_used_lately(types: StepTypes) -> None:
    lines = list(listed(types, ["gone", "chat"]))
    assert isinstance(lines[1], Entry)
    assert lines[1].type == "chat"
    assert isinstance(lines[2], Heading)


def test_escape_clears_the_search(palette: Palette) -> None:
    everything = palette.model.rowCount()
    QTest.keyClicks(palette.search, "chat")
    assert palette.model.rowCount() < everything
    QTest.keyClick(palette.search, Qt.Key.Key_Escape)
    assert palette.model.rowCount() == everything


def test_nothing_that_fits_is_said(palette: Palette, qtbot: QtBot) -> None:
    QTest.keyClicks(palette.search, "zzz")
    assert not palette.view.isVisible()
    assert palette.nothing.isVisible()
    with qtbot.assertNotEmitted(palette.add_requested):
        QTest.keyClick(palette.search, Qt.Key.Key_Return)


def test_a_double_click_adds(palette: Palette, qtbot: QtBot) -> None:
    row = palette.model.entry_rows()[1]
    place = palette.view.visualRect(palette.model.index(row, 0)).center()
    line = palette.model.line(row)
    assert isinstance(line, Entry)
    QTest.mouseClick(palette.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    with qtbot.waitSignal(palette.add_requested) as added:
        QTest.mouseDClick(palette.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert added.args == [line.type]


def test_typing_in_the_list_searches(palette: Palette) -> None:
    palette.view.setFocus()
    QTest.keyClicks(palette.view, "w")
    assert palette.search.text() == "w"
    assert palette.search.hasFocus()


def test_a_drag_carries_the_name_of_the_type(palette: Palette) -> None:
    row = palette.model.entry_rows()[0]
    index = palette.model.index(row, 0)
    assert palette.model.flags(index) & Qt.ItemFlag.ItemIsDragEnabled
    mime = palette.model.mimeData([index])
    line = palette.model.line(row)
    assert isinstance(line, Entry)
    assert mime.data(STEP_MIME).toStdString() == line.type
    assert not palette.model.flags(palette.model.index(0, 0))


def test_a_dragged_entry_has_a_picture(palette: Palette) -> None:
    line = palette.model.line(palette.model.entry_rows()[0])
    assert isinstance(line, Entry)
    picture = palette.view.delegate.picture(line, 2.0)
    assert picture.height() == 72
    assert picture.toImage().pixelColor(QPoint(36, 36)).alpha() == 255


def test_both_themes_paint_the_palette_in_their_colours(palette: Palette, themes: ThemeManager) -> None:
    themes.choose("dark")
    dark = palette.grab().toImage()
    themes.choose("light")
    assert palette.grab().toImage() != dark


def test_what_enter_would_add_is_marked_only_while_the_keyboard_is_here(palette: Palette) -> None:
    palette.activateWindow()
    palette.search.setFocus()
    row = palette.view.visualRect(palette.view.currentIndex())
    marked = palette.view.viewport().grab(row).toImage()
    palette.search.clearFocus()
    QApplication.processEvents()
    plain = palette.view.viewport().grab(row).toImage()
    assert marked != plain
    palette.search.setFocus()
    assert palette.view.viewport().grab(row).toImage() == marked


@pytest.mark.parametrize(
    ("asked", "type_name"), [("if", "condition"), ("llm", "chat"), ("http", "api"), ("rag", "recall"), ("pyth", "code")]
)
def test_a_step_is_found_by_what_other_programs_call_it(types: StepTypes, asked: str, type_name: str) -> None:
    assert found(types, asked)[0].type == type_name
    assert ranked(type_choices(types), asked)[0].key == type_name


def test_every_step_type_says_what_other_programs_call_it(types: StepTypes) -> None:
    assert [kind.type for kind in types if not kind.also_called] == []
