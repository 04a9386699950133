"""The command palette: found by a few letters, newest first, run by Enter, out of the way on Escape."""

from collections.abc import Sequence

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from desktop.command_palette import CommandPalette
from desktop.icons import Icons
from desktop.palette_search import Entry, FunctionProvider, Recency, Section, search
from desktop.theme import ThemeManager

RAN: list[str] = []


@pytest.fixture
def ran() -> list[str]:
    RAN.clear()
    return RAN


def entry(entry_id: str, title: str, *, enabled: bool = True, also: str = "") -> Entry:
    return Entry(entry_id, title, run=lambda: RAN.append(entry_id), path="File", enabled=enabled, also=also)


ACTIONS = FunctionProvider(
    "Actions",
    ">",
    lambda: [
        entry("save", "Save"), entry("open", "Open…"), entry("stop", "Stop", enabled=False),
        entry("tidy", "Tidy up", also="layout arrange"),
    ],
)  # fmt: skip
STEPS = FunctionProvider("Steps", "@", lambda: [entry("s1", "Classify"), entry("s2", "Answer: save money")])


def listed(sections: Sequence[Section]) -> list[tuple[str, list[str]]]:
    return [(section.title, [hit.entry.id for hit in section.hits]) for section in sections]


def test_with_nothing_typed_what_was_used_last_comes_first() -> None:
    found = search("", [ACTIONS, STEPS], Recency(["open", "s2", "gone"]))
    assert listed(found) == [("Recent", ["open", "s2"]), ("Actions", ["save", "tidy"]), ("Steps", ["s1"])]


def test_a_prefix_asks_one_provider_alone() -> None:
    assert listed(search("@", [ACTIONS, STEPS], Recency(["open"]))) == [("Steps", ["s1", "s2"])]
    assert listed(search("> sa", [ACTIONS, STEPS], Recency())) == [("Actions", ["save"])]


def test_sections_stand_in_the_order_of_their_best_hit() -> None:
    found = search("save", [STEPS, ACTIONS], Recency())
    assert listed(found) == [("Actions", ["save"]), ("Steps", ["s2"])]


def test_what_was_used_lately_wins_among_equals() -> None:
    two = FunctionProvider("Actions", ">", lambda: [entry("a", "Align left"), entry("b", "Align up")])
    assert listed(search("align", [two], Recency()))[0][1] == ["a", "b"]
    assert listed(search("align", [two], Recency(["b"])))[0][1] == ["b", "a"]


def test_other_words_find_an_entry_too() -> None:
    assert listed(search("arrange", [ACTIONS], Recency())) == [("Actions", ["tidy"])]


def test_letters_scattered_over_a_long_help_are_not_taken_for_a_find() -> None:
    long = FunctionProvider("Actions", ">", lambda: [entry("a", "Quit", also="finds steps, actions, workflows, text")])
    assert search("cost", [long], Recency()) == []


def test_an_entry_used_again_is_remembered_once() -> None:
    recency = Recency(["a", "b"], kept=2)
    recency.used("b")
    recency.used("c")
    assert list(recency.ids) == ["c", "b"]


@pytest.fixture
def palette(qtbot: QtBot, ran: list[str]) -> CommandPalette:
    window = QWidget()
    window.resize(900, 600)
    field = QLineEdit(window)
    qtbot.addWidget(window)
    palette = CommandPalette(window, Icons(), ThemeManager(), [ACTIONS, STEPS], Recency())
    window.show()
    field.setFocus()
    palette.open()
    return palette


def test_typing_and_enter_run_what_is_meant(qtbot: QtBot, palette: CommandPalette, ran: list[str]) -> None:
    QTest.keyClicks(palette.field, "clas")
    assert [hit.entry.id for hit in palette.shown()] == ["s1"]
    QTest.keyClick(palette.field, Qt.Key.Key_Return)
    assert ran == ["s1"]
    assert palette.isHidden()
    assert list(palette.recency.ids) == ["s1"]


def test_arrows_walk_over_headings_and_around_the_ends(qtbot: QtBot, palette: CommandPalette, ran: list[str]) -> None:
    for key in (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Down):
        QTest.keyClick(palette.field, key)
    QTest.keyClick(palette.field, Qt.Key.Key_Return)
    assert ran == ["s1"]  # up to the last, then past the end: save, open, tidy, and over the heading to the steps


def test_what_cannot_be_done_is_not_run(qtbot: QtBot, palette: CommandPalette, ran: list[str]) -> None:
    QTest.keyClicks(palette.field, "stop")
    QTest.keyClick(palette.field, Qt.Key.Key_Return)
    assert ran == []
    assert palette.isVisible()


def test_escape_gives_the_focus_back(qtbot: QtBot, palette: CommandPalette) -> None:
    QTest.keyClick(palette.field, Qt.Key.Key_Escape)
    assert palette.isHidden()
    assert isinstance(palette.window().focusWidget(), QLineEdit)
    assert palette.window().focusWidget() is not palette.field


def test_a_click_runs_what_it_hits(qtbot: QtBot, palette: CommandPalette, ran: list[str]) -> None:
    index = palette.list.model().index(2, 0)
    QTest.mouseClick(palette.list.viewport(), Qt.MouseButton.LeftButton, pos=palette.list.visualRect(index).center())
    assert ran == ["open"]


def test_nothing_found_says_so(qtbot: QtBot, palette: CommandPalette) -> None:
    QTest.keyClicks(palette.field, "qqqq")
    assert palette.shown() == []
    assert palette.list.isHidden()
    QTest.keyClick(palette.field, Qt.Key.Key_Return)
    assert palette.isVisible()


def test_it_stays_inside_a_small_window(qtbot: QtBot, palette: CommandPalette) -> None:
    palette.window().resize(420, 300)
    qtbot.waitUntil(lambda: palette.width() <= 420 - 32)
    assert palette.x() >= 0
