"""The window: workflows as tabs, panels made when seen, a layout that is remembered, nothing lost on closing."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFrame, QLabel, QLineEdit, QTabBar, QWidget
from pytestqt.qtbot import QtBot

from desktop.docks import LEAST
from desktop.first_run import FirstRun
from desktop.memory import RecentWork
from desktop.start_page import Card, ExampleCard
from desktop.tab_bar import LEAST as TAB_LEAST
from desktop.tab_bar import WIDEST
from desktop.window import MainWindow
from desktop.work_tab import WorkTab
from tests.support.desktop_window import main_window, open_work, panel


@pytest.fixture
def made() -> list[str]:
    """The panels that were made, in order."""
    return []


@pytest.fixture
def ran() -> list[str]:
    return []


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path, made: list[str], ran: list[str]) -> Iterator[MainWindow]:
    panels = [
        panel("palette", "left", made),
        panel("inspector", "right", made),
        panel("timeline", "bottom", made),
        panel("history", "bottom", made),
        panel("waiting", "bottom", made, shown=False),
    ]
    with main_window(tmp_path, panels, ran=ran) as window:
        window.show()
        yield window


def shown_in_front(window: MainWindow) -> QWidget:
    """The start page or the tabs."""
    return window.tabs if window.tabs.isVisible() else window.start_page


def edit(tab: WorkTab, name: str) -> None:
    tab.document.apply("Rename", lambda workflow: replace(workflow, name=name))


class Guard:
    """Agrees or not, and keeps what was to be done then."""

    def __init__(self, agrees: bool) -> None:
        self.agrees = agrees
        self.asked: list[list[str]] = []
        self.then: Callable[[], object] = lambda: None

    def clear(self, tabs: Sequence[WorkTab], then: Callable[[], object]) -> bool:
        self.asked.append([tab.title for tab in tabs])
        self.then = then
        return self.agrees


def test_the_start_page_gives_way_to_the_first_workflow_and_comes_back_after_the_last(window: MainWindow) -> None:
    assert shown_in_front(window) is window.start_page
    tab = open_work(window, "Triage")
    assert shown_in_front(window) is window.tabs
    assert window.active is tab
    window.close_tab(tab)
    assert shown_in_front(window) is window.start_page
    assert window.active is None


def test_a_workflow_that_is_open_already_comes_to_the_front(window: MainWindow, tmp_path: Path) -> None:
    first = open_work(window, "One", file=tmp_path / "one.loom.yaml")
    open_work(window, "Two", file=tmp_path / "two.loom.yaml")
    again = open_work(window, "One", file=tmp_path / "one.loom.yaml")
    assert again is first
    assert window.tabs.count() == 2
    assert window.active is first


def test_the_title_names_the_workflow_and_marks_unsaved_work(window: MainWindow) -> None:
    tab = open_work(window, "Triage")
    assert (window.windowTitle(), window.isWindowModified()) == ("Triage[*] — Steploom", False)
    edit(tab, "Triage & more")
    assert (window.windowTitle(), window.isWindowModified()) == ("Triage & more[*] — Steploom", True)
    assert window.tabs.tabText(0) == "Triage && more •"
    assert list(tab.bar.breadcrumbs.path) == ["Triage & more"]
    tab.document.mark_saved()
    assert not window.isWindowModified()
    assert window.tabs.tabText(0) == "Triage && more"


def test_a_double_click_on_the_name_above_the_canvas_renames_the_workflow(window: MainWindow) -> None:
    tab = open_work(window, "Untitled workflow")
    window.activateWindow()

    def field() -> QLineEdit:
        title = next(each for each in tab.bar.breadcrumbs.findChildren(QLabel) if each.text() == tab.title)
        QTest.mouseDClick(title, Qt.MouseButton.LeftButton)
        return next(each for each in tab.bar.breadcrumbs.findChildren(QLineEdit) if each.isVisible())

    typed = field()
    QTest.keyClicks(typed, "Triage of tickets")
    QTest.keyClick(typed, Qt.Key.Key_Return)
    assert (tab.title, list(tab.bar.breadcrumbs.path)) == ("Triage of tickets", ["Triage of tickets"])
    tab.document.stack.undo()
    assert tab.title == "Untitled workflow"
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    given_up = field()
    QTest.keyClicks(given_up, "Never")
    QTest.keyClick(given_up, Qt.Key.Key_Escape)
    assert tab.title == "Untitled workflow"
    assert tab.canvas.hasFocus()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    left = field()
    QTest.keyClicks(left, "Left")
    elsewhere = window.tabs.tabBar()
    elsewhere.setFocus()
    assert tab.title == "Left"
    assert elsewhere.hasFocus(), "the keyboard stays where it went"


def test_panels_are_made_when_they_are_seen_and_allowed(window: MainWindow, made: list[str]) -> None:
    assert made == []
    open_work(window, "Triage")
    window.docks.allow()
    assert sorted(made) == ["inspector", "palette", "timeline"]
    window.docks.reveal("history")
    assert "history" in made
    assert "waiting" not in made


def test_the_start_page_has_the_drawers_room_until_there_is_work(window: MainWindow, made: list[str]) -> None:
    window.docks.allow()
    below = [dock for dock in window.docks.all if dock.spec.area == "bottom" and dock.spec.shown]
    assert all(dock.isHidden() for dock in below)
    assert "timeline" not in made
    tab = open_work(window, "Triage")
    assert not any(dock.isHidden() for dock in below)
    assert [dock.spec.id for dock in below if dock.is_in_front] == ["timeline"]
    window.docks.reveal("history")
    QApplication.processEvents()
    window.close_tab(tab)
    assert all(dock.isHidden() for dock in below)
    open_work(window, "Another")
    assert [dock.spec.id for dock in below if dock.is_in_front] == ["history"], "the same panel as before"
    assert sorted(made) == ["history", "inspector", "palette", "timeline"], "the others were not made on the way"


def test_the_drawer_is_remembered_as_shown_though_the_start_page_hid_it(qtbot: QtBot, tmp_path: Path) -> None:
    panels = [panel("palette", "left", []), panel("timeline", "bottom", []), panel("history", "bottom", [])]
    with main_window(tmp_path, panels) as first:
        first.show()
        assert first.docks.get("timeline").isHidden()
        first.close()
    with main_window(tmp_path, panels) as second:
        second.show()
        assert second.docks.get("timeline").isHidden()
        open_work(second, "Triage")
        assert not second.docks.get("timeline").isHidden()
        assert not second.docks.get("history").isHidden()


@pytest.mark.parametrize("act", [MainWindow.close, MainWindow.reset_layout])
def test_on_the_start_page_the_drawer_is_put_in_order_without_being_made(
    window: MainWindow, made: list[str], act: Callable[[MainWindow], object]
) -> None:
    window.docks.allow()
    before = list(made)
    act(window)
    assert made == before


def test_the_layout_can_be_reset_on_the_start_page(window: MainWindow) -> None:
    window.reset_layout()
    assert window.docks.get("timeline").isHidden()
    open_work(window, "Triage")
    assert not window.docks.get("timeline").isHidden()


@pytest.mark.parametrize(("width", "columns"), [(960, 1), (1440, 2)])
def test_in_a_narrow_window_the_cards_of_the_start_page_stand_below_each_other(
    qtbot: QtBot, window: MainWindow, width: int, columns: int
) -> None:
    page = window.start_page
    choice = FirstRun(window.icons, window.themes)
    page.show_above(choice, choice.set_columns)
    page.show_examples([ExampleCard(str(n), f"Example {n}", "What it does. " * 6) for n in range(4)])
    window.resize(width, 640)
    qtbot.waitUntil(lambda: window.width() == width)
    QApplication.processEvents()
    for cards in (
        page.findChildren(Card),
        [each for each in page.findChildren(QFrame) if each.property("role") == "card"],
    ):
        lefts = {card.mapTo(page, QPoint()).x() for card in cards if card.isVisible()}
        assert len(lefts) == columns
    assert page.horizontalScrollBar().maximum() == 0


def test_titles_of_many_workflows_can_be_read_and_the_one_in_front_is_seen_whole(window: MainWindow) -> None:
    window.resize(1000, 700)
    long = "Support triage of all incoming tickets in every language"
    titles = [long, "Digest", "A", "Payments", "Nightly", long, "Letters", "Weekly report", long, "Old customers"]
    for title in titles:
        open_work(window, title)
    QApplication.processEvents()
    bar = window.tabs.tabBar()
    metrics = bar.fontMetrics()
    for index, title in enumerate(titles):
        width = bar.tabRect(index).width()
        assert width <= WIDEST
        assert width >= min(metrics.horizontalAdvance(title) + 24, TAB_LEAST)
    front = bar.tabRect(bar.currentIndex())
    assert bar.rect().contains(front)


def test_escape_closes_the_newest_message_after_everything_else_had_its_use_of_it(window: MainWindow) -> None:
    window.activateWindow()
    window.toasts.show("One")
    window.toasts.show("Two")
    window.setFocus()
    QTest.keyClick(window, Qt.Key.Key_Escape)
    assert [toast.title for toast in window.toasts.shown] == ["One"]


def test_in_a_small_window_panels_keep_what_can_be_read_and_their_names_are_whole(
    qtbot: QtBot, window: MainWindow
) -> None:
    open_work(window, "Triage")
    window.docks.allow()
    window.resize(960, 640)
    qtbot.waitUntil(lambda: window.width() == 960)
    for area, least in LEAST.items():
        for dock in window.docks.all:
            if dock.spec.area == area and dock.isVisible():
                assert dock.width() >= least
    bars = [bar for bar in window.findChildren(QTabBar) if bar.parent() is window and bar.count() > 1]
    assert bars
    for bar in bars:
        assert (bar.elideMode(), bar.usesScrollButtons()) == (Qt.TextElideMode.ElideNone, True)


def test_a_panel_is_shown_and_hidden_by_its_command(qtbot: QtBot, window: MainWindow) -> None:
    window.docks.allow()
    dock = window.docks.get("inspector")
    window.commands.run("view.panel.inspector")
    assert dock.isHidden()
    assert not window.commands.action("view.panel.inspector").isChecked()
    window.commands.run("view.panel.inspector")
    assert dock.isVisible()
    assert dock.isAncestorOf(window.focusWidget())


def test_the_layout_is_remembered_in_the_home_folder(qtbot: QtBot, tmp_path: Path) -> None:
    panels = [panel("palette", "left"), panel("inspector", "right")]
    with main_window(tmp_path, panels) as first:
        first.show()
        first.docks.get("palette").hide()
        first.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, first.docks.get("inspector"))
        first.resize(760, 640)
    assert (tmp_path / "window.ini").is_file()
    with main_window(tmp_path, panels) as second:
        second.show()
        assert second.docks.get("palette").isHidden()
        assert second.dockWidgetArea(second.docks.get("inspector")) == Qt.DockWidgetArea.LeftDockWidgetArea
        assert (second.width(), second.height()) == (760, 640)
        second.commands.run("view.reset_layout")
        assert second.docks.get("palette").isVisible()
        assert second.dockWidgetArea(second.docks.get("inspector")) == Qt.DockWidgetArea.RightDockWidgetArea


def test_what_was_open_is_remembered(qtbot: QtBot, tmp_path: Path) -> None:
    with main_window(tmp_path) as first:
        open_work(first, "One", file=tmp_path / "one.loom.yaml")
        open_work(first, "Nowhere yet")
    with main_window(tmp_path) as second:
        assert [work.title for work in second.memory.open_work] == ["One"]
        assert [work.title for work in second.memory.recent] == ["One"]


def test_closing_asks_the_guard_and_waits_for_its_word(qtbot: QtBot, window: MainWindow) -> None:
    gone: list[bool] = []
    window.closed.connect(lambda: gone.append(True))
    open_work(window, "Triage")
    guard = Guard(agrees=False)
    window.set_guard(guard)
    window.close()
    assert window.isVisible()
    assert (guard.asked, gone) == ([["Triage"]], [])
    guard.agrees = True
    guard.then()
    assert gone == [True]
    assert window.all_tabs == []


def test_a_tab_stays_until_the_guard_agrees(window: MainWindow) -> None:
    tab = open_work(window, "Triage")
    guard = Guard(agrees=False)
    window.set_guard(guard)
    window.tabs.tabCloseRequested.emit(0)
    assert window.tabs.count() == 1
    guard.then()
    assert window.tabs.count() == 0
    assert guard.asked == [[tab.title]]


def test_run_and_stop_can_be_pressed_when_they_make_sense(window: MainWindow, ran: list[str]) -> None:
    tab = open_work(window, "Triage")
    assert (tab.bar.run.isEnabled(), tab.bar.stop.isEnabled()) == (True, False)
    QTest.mouseClick(tab.bar.run, Qt.MouseButton.LeftButton)
    tab.show_running(True, "Running…")
    assert tab.bar.stop.isEnabled()
    assert tab.bar.note.text() == "Running…"
    QTest.mouseClick(tab.bar.stop, Qt.MouseButton.LeftButton)
    assert ran == ["start Triage", "stop Triage"]


def test_an_empty_workflow_cannot_be_run(window: MainWindow) -> None:
    tab = open_work(window, "Triage")
    tab.document.apply("Empty", lambda workflow: replace(workflow, steps={}))
    assert not tab.bar.run.isEnabled()


def test_undo_and_redo_follow_the_workflow_in_front(window: MainWindow) -> None:
    tab = open_work(window, "One")
    edit(tab, "Other")
    assert window.commands.run("edit.undo")
    assert tab.title == "One"
    assert not window.commands.action("edit.undo").isEnabled()
    assert window.commands.run("edit.redo")
    open_work(window, "Two")
    assert not window.commands.action("edit.undo").isEnabled()


def test_f6_walks_through_the_panels_and_back_to_the_canvas(qtbot: QtBot, window: MainWindow) -> None:
    window.docks.allow()
    tab = open_work(window, "One")
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    tab.canvas.setFocus()
    places = []
    for _ in range(4):
        QTest.keyClick(window.focusWidget(), Qt.Key.Key_F6)
        focused = window.focusWidget()
        places.append(next((d.spec.id for d in window.docks.all if d.isAncestorOf(focused)), "canvas"))
    assert places == ["palette", "inspector", "timeline", "canvas"]


def test_dropped_files_are_told(window: MainWindow, tmp_path: Path) -> None:
    told: list[list[Path]] = []
    window.files_dropped.connect(told.append)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "a.loom.yaml")), QUrl("https://example.org/b")])
    button, key = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    window.dropEvent(QDropEvent(QPoint(5, 5), Qt.DropAction.CopyAction, data, button, key))
    assert told == [[tmp_path / "a.loom.yaml"]]


def test_a_theme_is_chosen_and_remembered(window: MainWindow) -> None:
    window.commands.run("view.theme.light")
    assert window.themes.theme.name == "light"
    assert window.memory.theme == "light"
    assert window.commands.action("view.theme.light").isChecked()
    assert not window.commands.action("view.theme.dark").isChecked()


def test_ctrl_k_opens_the_palette_and_a_choice_is_remembered(qtbot: QtBot, window: MainWindow) -> None:
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    QTest.keyClick(window, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    assert window.palette_window.isVisible()
    window.palette_window.recency.used("command:file.save")
    window.palette_window.chosen.emit(None)
    assert list(window.memory.palette_recent) == ["command:file.save"]
    window.palette_window.dismiss()


def test_every_button_of_the_frame_has_a_name_for_those_who_do_not_see_it(window: MainWindow) -> None:
    from PySide6.QtWidgets import QAbstractButton

    window.docks.allow()
    open_work(window, "One")
    window.memory.opened(RecentWork("library", "x", "X"))
    unnamed = [
        f"{type(each).__name__} {each.objectName()}"
        for each in window.findChildren(QAbstractButton)
        if each.isVisible() and not (each.accessibleName() or each.text() or each.toolTip())
        and each.metaObject().className() not in ("CloseButton", "QDockWidgetTitleButton")
    ]  # fmt: skip
    assert unnamed == []
