"""Commands are data: whatever shows them, they run when they can, by the keys that the person chose."""

from collections.abc import Coroutine
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMainWindow, QMenu
from pytestqt.qtbot import QtBot

from desktop.commands import Command, Commands
from desktop.icons import Icons
from desktop.key_bindings import Conflict, KeyBindings, portable
from desktop.menus import Menus
from desktop.theme import Theme, ThemeManager
from tests.support.desktop import Done, commands_of


@pytest.fixture
def done() -> Done:
    return Done()


def titles(menu: QMenu) -> list[str]:
    """What a menu shows; '-' for a line."""
    return ["-" if action.isSeparator() else action.text() for action in menu.actions()]


def test_an_action_runs_its_command_and_says_so(qapp: object, done: Done) -> None:
    commands = commands_of(done.command("file.save"))
    told: list[str] = []
    commands.ran.connect(told.append)
    commands.action("file.save").trigger()
    assert (done.ran, told) == (["file.save"], ["file.save"])


def test_a_command_that_cannot_be_done_is_not_run_and_looks_so(qapp: object, done: Done) -> None:
    commands = commands_of(done.command("file.save"))
    done.can.clear()
    assert commands.run("file.save") is False
    assert done.ran == []
    assert not commands.action("file.save").isEnabled()
    done.can.add("file.save")
    commands.refresh()
    assert commands.action("file.save").isEnabled()


def test_a_coroutine_is_given_to_the_background(qapp: object) -> None:
    started: list[Coroutine[Any, Any, Any]] = []

    async def work() -> None: ...

    commands = Commands(Icons(), ThemeManager(), spawn=started.append)
    commands.add(Command("slow", "Slow", run=work))
    commands.run("slow")
    assert len(started) == 1
    started[0].close()


def test_two_commands_of_one_id_are_refused(qapp: object, done: Done) -> None:
    commands = commands_of(done.command("a"))
    with pytest.raises(ValueError, match="'a'"):
        commands.add(done.command("a"))


def test_a_switch_shows_whether_it_is_on(qapp: object) -> None:
    on = False

    def turn() -> None:
        nonlocal on
        on = not on

    commands = commands_of(Command("grid", "Grid", run=turn, checked=lambda: on))
    assert not commands.action("grid").isChecked()
    commands.run("grid")
    assert commands.action("grid").isChecked()


def test_a_switch_in_a_menu_shows_its_tick_and_not_its_icon(qtbot: QtBot) -> None:
    """A style sheet draws one of the two."""
    on = Command("grid", "Grid", run=list, icon="grid", checked=lambda: True)
    once = Command("save", "Save", run=list, icon="save")
    commands = commands_of(on, once)
    assert not commands.action("grid").isIconVisibleInMenu()
    assert commands.action("save").isIconVisibleInMenu()


def test_an_icon_has_the_colour_that_its_command_names(qapp: object) -> None:
    commands = commands_of(Command("pink", "Pink", run=list, icon="circle", tint="kind.loop"))
    image = commands.action("pink").icon().pixmap(16, 16).toImage()
    ring = Theme.dark().color("kind.loop")
    found = [image.pixelColor(x, 8) for x in range(16) if image.pixelColor(x, 8).alpha() > 200]
    assert found
    assert all(abs(one.red() - ring.red()) < 12 for one in found)


def test_keys_run_a_command_of_the_window(qtbot: QtBot, done: Done) -> None:
    window = QMainWindow()
    qtbot.addWidget(window)
    commands = commands_of(done.command("file.save", keys=("Ctrl+S",)))
    commands.attach(window, "window")
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    QTest.keyClick(window, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    commands.set_keys("file.save", ["F9"])
    QTest.keyClick(window, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    assert done.ran == ["file.save"]
    QTest.keyClick(window, Qt.Key.Key_F9)
    assert done.ran == ["file.save"] * 2


def test_menus_have_an_order_lines_between_groups_and_menus_below_them(qtbot: QtBot, done: Done) -> None:
    window = QMainWindow()
    qtbot.addWidget(window)
    commands = commands_of(
        done.command("help", "Help page", menu="Help"),
        done.command("open", "Open…", menu="File", group="open"),
        done.command("save", "Save", menu="File", group="save"),
        done.command("dark", "Dark", menu="View/Theme"),
        done.command("hidden", "Hidden"),
        done.command("quit", "Quit", menu="File", group="quit"),
    )
    menus = Menus(window.menuBar(), commands)
    commands.add(done.command("save_as", "Save as…", menu="File", group="save"))
    shown = {action.text(): action.menu() for action in window.menuBar().actions()}
    assert list(shown) == ["&File", "&View", "&Help"]
    file, view = shown["&File"], shown["&View"]
    assert isinstance(file, QMenu)
    assert isinstance(view, QMenu)
    assert titles(file) == ["Open…", "-", "Save", "Save as…", "-", "Quit"]
    assert titles(view) == ["Theme"]
    menus.build()


def test_keys_that_two_commands_share_are_found(done: Done) -> None:
    one, two, three = (done.command(name, keys=(keys,)) for name, keys in [("a", "Ctrl+K"), ("b", "F5"), ("c", "F6")])
    bindings = KeyBindings()
    assert bindings.conflicts([one, two, three]) == []
    bindings.set(two, ["Ctrl+K"])
    assert bindings.conflicts([one, two, three]) == [Conflict("Ctrl+K", ("a", "b"))]


def test_only_changed_keys_are_kept(done: Done) -> None:
    command = done.command("a", keys=("Ctrl+K",))
    bindings = KeyBindings()
    bindings.set(command, ["F5"])
    assert KeyBindings(bindings.changes).of(command) == ("F5",)
    bindings.set(command, ["ctrl+k"])
    assert bindings.changes == {}
    bindings.set(command, [])
    assert bindings.of(command) == ()
    bindings.reset()
    assert bindings.of(command) == ("Ctrl+K",)


def test_keys_have_one_spelling() -> None:
    assert portable("shift+ctrl+z") == "Ctrl+Shift+Z"
