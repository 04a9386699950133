"""The editor of keys: keys are changed by pressing them, and conflicts are named."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from desktop.commands import Commands
from desktop.dialogs.shortcuts import ShortcutsDialog
from desktop.help_page import help_text
from desktop.icons import Icons
from desktop.theme import Theme, ThemeManager
from tests.support.desktop import Done, commands_of

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")


@pytest.fixture
def commands(qapp: object) -> Commands:
    done = Done()
    return commands_of(
        done.command("save", "Save", keys=("Ctrl+S",), menu="File", help="Keeps <your> work."),
        done.command("open", "Open…", keys=("Ctrl+O",), menu="File"),
        done.command("dark", "Dark", menu="View/Theme"),
    )


@pytest.fixture
def dialog(qtbot: QtBot, commands: Commands) -> ShortcutsDialog:
    made = ShortcutsDialog(None, commands, Icons(), ThemeManager())
    made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(made)
    made.open()
    return made


def press(dialog: ShortcutsDialog, keys: str) -> None:
    dialog.keys.setKeySequence(QKeySequence(keys))
    dialog.keys.editingFinished.emit()


def test_every_command_is_listed_with_its_keys(dialog: ShortcutsDialog) -> None:
    rows = []
    for row in range(dialog.table.rowCount()):
        cells = [dialog.table.item(row, column) for column in range(3)]
        rows.append(tuple(cell.text() for cell in cells if cell is not None))
    assert rows == [("Save", "File", "Ctrl+S"), ("Open", "File", "Ctrl+O"), ("Dark", "View / Theme", "")]


def test_new_keys_count_at_once(dialog: ShortcutsDialog, commands: Commands) -> None:
    dialog.select("dark")
    press(dialog, "F9")
    assert list(commands.keys("dark")) == ["F9"]
    assert commands.action("dark").shortcut() == QKeySequence("F9")
    assert dialog.problem.isHidden()


def test_a_conflict_is_named_and_can_be_mended(dialog: ShortcutsDialog, commands: Commands) -> None:
    dialog.select("dark")
    press(dialog, "Ctrl+S")
    assert dialog.problem.isVisible()
    assert "“Save” and “Dark”" in dialog.problem.text()
    dialog.select("save")
    QTest.mouseClick(dialog.clear, Qt.MouseButton.LeftButton)
    assert list(commands.keys("save")) == []
    assert dialog.problem.isHidden()


def test_all_keys_can_be_set_back(dialog: ShortcutsDialog, commands: Commands) -> None:
    dialog.select("save")
    press(dialog, "F9")
    QTest.mouseClick(dialog.reset, Qt.MouseButton.LeftButton)
    assert list(commands.keys("save")) == ["Ctrl+S"]


def test_commands_are_found_by_name_and_by_keys(dialog: ShortcutsDialog) -> None:
    for typed, left in [("dark", [2]), ("Ctrl+O", [1]), ("", [0, 1, 2])]:
        dialog.search.setText(typed)
        assert [row for row in range(3) if not dialog.table.isRowHidden(row)] == left


def test_a_command_that_the_search_hides_is_not_changed_and_finding_nothing_is_said(
    dialog: ShortcutsDialog, commands: Commands
) -> None:
    dialog.select("save")
    assert dialog.keys.isEnabled()
    dialog.search.setText("zzzz")
    assert not dialog.keys.isEnabled()
    assert dialog.nothing.isVisibleTo(dialog)
    dialog.search.setText("")
    assert dialog.table.isVisibleTo(dialog)
    assert not dialog.nothing.isVisibleTo(dialog)


def test_the_help_page_tells_every_command_its_keys_and_its_sentence(commands: Commands) -> None:
    page = help_text(commands, Theme.dark())
    for text in ("Save", "Ctrl+S", "Keeps &lt;your&gt; work.", "Open", "View, Theme", "Dark"):
        assert text in page
