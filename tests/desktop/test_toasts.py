"""Messages come, go by themselves unless they are errors, and never pile up."""

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QPushButton, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from desktop.icons import Icons
from desktop.theme import ThemeManager
from desktop.toasts import LONGEST, MOST, SHOWN_MS, Toast, Toasts


@pytest.fixture
def toasts(qtbot: QtBot) -> Toasts:
    window = QWidget()
    window.resize(800, 600)
    qtbot.addWidget(window)
    window.show()
    return Toasts(window, Icons(), ThemeManager(), lambda: 30)


def time_left(toast: Toast) -> list[int]:
    return [timer.interval() for timer in toast.findChildren(QTimer) if timer.isActive()]


def test_a_message_goes_by_itself_and_an_error_stays(toasts: Toasts) -> None:
    assert time_left(toasts.show("Saved", kind="done")) == [SHOWN_MS]
    assert time_left(toasts.show("Failed", kind="failed")) == []


def test_when_its_time_is_over_a_message_is_gone(toasts: Toasts) -> None:
    toast = toasts.show("Saved")
    toast.findChildren(QTimer)[0].timeout.emit()
    assert toasts.shown == []
    assert toast.isHidden()


def test_the_oldest_makes_room(toasts: Toasts) -> None:
    made = [toasts.show(str(number), kind="failed") for number in range(MOST + 2)]
    assert toasts.shown == made[-MOST:]


def test_messages_stand_above_each_other_inside_the_window(toasts: Toasts) -> None:
    upper, lower = toasts.show("One", "A line", kind="failed"), toasts.show("Two", kind="failed")
    assert upper.geometry().bottom() < lower.geometry().top()
    assert lower.geometry().bottom() <= 600 - 30
    assert lower.geometry().right() < 800


def test_a_message_is_as_high_as_its_words_need_and_cuts_what_is_endless(toasts: Toasts) -> None:
    text = "Steploom itself made a mistake (RuntimeError). Your work is unchanged; the details are in the log. " * 2
    toast, endless = toasts.show("Long", text, kind="failed"), toasts.show("Endless", "word " * 999, kind="failed")
    for label in (*toast.findChildren(QLabel), *endless.findChildren(QLabel)):
        if label.wordWrap():
            assert label.height() >= label.heightForWidth(label.width())
    shown = endless.findChildren(QLabel)[-1]
    assert len(shown.text()) <= LONGEST + 1
    assert shown.toolTip() == "word " * 999
    assert endless.geometry().top() > toast.geometry().bottom()


def test_what_is_said_once_more_replaces_what_stands_there(toasts: Toasts) -> None:
    first = toasts.show("Bill failed", "No money", kind="failed")
    other = toasts.show("Bill failed", "No account", kind="failed")
    again = toasts.show("Bill failed", "No money", kind="failed")
    assert toasts.shown == [other, again]
    assert first.isHidden()


def test_the_action_is_done_and_the_message_goes(toasts: Toasts) -> None:
    done: list[str] = []
    toast = toasts.show("Deleted", action="Undo", on_action=lambda: done.append("undo"))
    QTest.mouseClick(toast.findChildren(QPushButton)[0], Qt.MouseButton.LeftButton)
    assert (done, toasts.shown) == (["undo"], [])


def test_the_cross_and_escape_close_a_message(toasts: Toasts) -> None:
    one, two = toasts.show("One", kind="failed"), toasts.show("Two", kind="failed")
    QTest.mouseClick(one.findChildren(QToolButton)[0], Qt.MouseButton.LeftButton)
    QTest.keyClick(two, Qt.Key.Key_Escape)
    assert toasts.shown == []


def test_markup_in_a_message_is_shown_as_it_is(toasts: Toasts) -> None:
    from PySide6.QtWidgets import QLabel

    toast = toasts.show("<b>bold</b>", "<img src='file:///x'>")
    formats = [label.textFormat() for label in toast.findChildren(QLabel) if label.text()]
    assert set(formats) == {Qt.TextFormat.PlainText}


def test_a_message_stays_above_a_panel_that_is_brought_to_the_front(qtbot: QtBot, toasts: Toasts) -> None:
    window = toasts.parent()
    assert isinstance(window, QWidget)
    panel = QWidget(window)
    panel.setGeometry(window.rect())
    panel.show()
    toast = toasts.show("Failed", kind="failed")
    panel.raise_()
    assert window.children()[-1] is panel  # its own handlers find it on top
    qtbot.waitUntil(lambda: window.children()[-1] is toast)
