from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QTextCharFormat
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton, QVBoxLayout, QWidget

from core.engine.step_type import StepTypes
from desktop.overlay import RunOverlay, StepView
from desktop.panels.last_run import LastRun
from desktop.panels.step_templates import StepTemplates
from desktop.panels.template_edit import LONGEST, TemplateEdit
from desktop.theme import ThemeManager
from tests.support.panel_documents import triage

# Qt's offscreen platform says of every window that pops up what it cannot do with it.
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)

Stand = Callable[..., QWidget]


@pytest.fixture
def edit(types: StepTypes, themes: ThemeManager, stand: Stand) -> TemplateEdit:
    source = StepTemplates(triage(), types)
    source.step = "reply"
    made = TemplateEdit(themes.theme, source, least=4)
    stand(made)
    made.setFocus()
    return made


def write(edit: TemplateEdit, text: str) -> None:
    """Type a text after what is there."""
    edit.show_text(text)
    cursor = edit.textCursor()
    cursor.movePosition(cursor.MoveOperation.End)
    edit.setTextCursor(cursor)


def offered(edit: TemplateEdit) -> list[str]:
    return [one.text for one in edit.popup.items] if edit.popup is not None else []


def test_two_braces_open_the_completion_and_enter_puts_a_reference_in(edit: TemplateEdit) -> None:
    QTest.keyClicks(edit, "Hi {{")
    assert offered(edit)[0] == "classify.text"
    QTest.keyClick(edit, Qt.Key.Key_Return)
    assert edit.toPlainText() == "Hi {{ classify.text }}"
    assert edit.popup is None


def test_typing_narrows_the_completion_and_tab_takes_it(edit: TemplateEdit) -> None:
    QTest.keyClicks(edit, "{{ input")
    assert offered(edit) == ["input.ticket"]
    QTest.keyClick(edit, Qt.Key.Key_Tab)
    assert edit.toPlainText() == "{{ input.ticket }}"


def test_the_arrows_walk_through_the_completion(edit: TemplateEdit) -> None:
    QTest.keyClicks(edit, "{{")
    names = offered(edit)
    QTest.keyClick(edit, Qt.Key.Key_Down)
    assert edit.popup is not None
    assert edit.popup.current is not None
    assert edit.popup.current.text == names[1]
    QTest.keyClick(edit, Qt.Key.Key_Up)
    QTest.keyClick(edit, Qt.Key.Key_Up)
    assert edit.popup.current.text == names[-1]


def test_escape_closes_the_completion_and_leaves_the_text(edit: TemplateEdit) -> None:
    QTest.keyClicks(edit, "{{ cla")
    QTest.keyClick(edit, Qt.Key.Key_Escape)
    assert edit.popup is None
    assert edit.toPlainText() == "{{ cla"


def test_a_mark_that_is_closed_already_gets_no_second_end(edit: TemplateEdit) -> None:
    write(edit, "{{  }} and more")
    cursor = edit.textCursor()
    cursor.setPosition(3)
    edit.setTextCursor(cursor)
    QTest.keyClicks(edit, "vars")
    QTest.keyClick(edit, Qt.Key.Key_Return)
    assert edit.toPlainText() == "{{ vars.tone }} and more"


def test_inside_a_statement_only_the_name_is_put_in(edit: TemplateEdit) -> None:
    QTest.keyClicks(edit, "{% if vars")
    QTest.keyClick(edit, Qt.Key.Key_Return)
    assert edit.toPlainText() == "{% if vars.tone"


def test_filters_are_completed_behind_a_bar(edit: TemplateEdit) -> None:
    QTest.keyClicks(edit, "{{ vars.tone | upp")
    QTest.keyClick(edit, Qt.Key.Key_Return)
    assert edit.toPlainText() == "{{ vars.tone | upper }}"


def test_completion_on_request_puts_a_whole_mark_into_plain_text(edit: TemplateEdit) -> None:
    write(edit, "Tone: ")
    QTest.keyClick(edit, Qt.Key.Key_Space, Qt.KeyboardModifier.ControlModifier)
    names = offered(edit)
    for _ in range(names.index("vars.tone")):
        QTest.keyClick(edit, Qt.Key.Key_Down)
    QTest.keyClick(edit, Qt.Key.Key_Return)
    assert edit.toPlainText() == "Tone: {{ vars.tone }}"


def test_completion_stands_right_behind_an_emoji(edit: TemplateEdit) -> None:
    write(edit, "😀😀 {{ in")
    QTest.keyClicks(edit, "p")
    QTest.keyClick(edit, Qt.Key.Key_Return)
    assert edit.toPlainText() == "😀😀 {{ input.ticket }}"


def test_plain_text_opens_nothing(edit: TemplateEdit) -> None:
    QTest.keyClicks(edit, "input and vars { }")
    assert edit.popup is None


def test_a_click_takes_a_suggestion(edit: TemplateEdit) -> None:
    QTest.keyClicks(edit, "{{ vars")
    popup = edit.popup
    assert popup is not None
    view = popup.findChild(QWidget, "qt_scrollarea_viewport")
    assert view is not None
    QTest.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPoint(40, 16))
    assert edit.toPlainText() == "{{ vars.tone }}"


def test_the_completion_closes_when_the_keyboard_goes_elsewhere(edit: TemplateEdit) -> None:
    button = QPushButton("elsewhere", edit.parentWidget())
    button.show()
    QTest.keyClicks(edit, "{{")
    assert edit.popup is not None
    button.setFocus()
    assert edit.popup is None


def test_wrong_references_are_underlined_where_they_stand(edit: TemplateEdit) -> None:
    write(edit, "Dear 😀 {{ input.tiket }} {{ vars.tone }} {{ nobody }}")
    edit.check()
    marked = [one.cursor.selectedText() for one in edit.extraSelections()]
    assert marked == ["input.tiket", "nobody"]
    wave = QTextCharFormat.UnderlineStyle.WaveUnderline
    assert {one.format.underlineStyle() for one in edit.extraSelections()} == {wave}


def test_mending_puts_the_nearest_right_name_in(edit: TemplateEdit) -> None:
    told: list[str] = []
    edit.edited.connect(told.append)
    write(edit, "😀 {{ input.tiket }}!")
    edit.check()
    edit.mend(edit.flaws[0])
    assert edit.toPlainText() == "😀 {{ input.ticket }}!"
    assert told == ["😀 {{ input.ticket }}!"]
    assert edit.flaws == []


def test_showing_a_text_is_no_edit_and_keeps_the_cursor(edit: TemplateEdit) -> None:
    told: list[str] = []
    edit.edited.connect(told.append)
    write(edit, "some words")
    cursor = edit.textCursor()
    cursor.setPosition(4)
    edit.setTextCursor(cursor)
    edit.show_text("some other words")
    assert edit.textCursor().position() == 4
    assert told == []


def test_a_reference_can_be_dropped_into_the_text(edit: TemplateEdit) -> None:
    mime = QMimeData()
    mime.setText("{{ classify.text }}")
    copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(edit.viewport(), QDragEnterEvent(QPoint(5, 5), copy, mime, left, none))
    QApplication.sendEvent(edit.viewport(), QDropEvent(QPointF(5, 5), copy, mime, left, none))
    assert edit.toPlainText() == "{{ classify.text }}"


def test_values_of_the_last_run_stand_beside_what_is_offered(
    types: StepTypes, themes: ThemeManager, stand: Stand
) -> None:
    overlay = RunOverlay()
    overlay.by_id["classify"] = StepView(state="done", output={"text": "very urgent"})
    source = StepTemplates(triage(), types)
    source.step, source.last = "reply", LastRun(overlay)
    edit = TemplateEdit(themes.theme, source)
    stand(edit)
    edit.setFocus()
    QTest.keyClicks(edit, "{{ classify.te")
    assert edit.popup is not None
    (item,) = edit.popup.items
    assert (item.type, item.value) == ("text", "very urgent")


def test_an_editor_of_one_line_does_not_break_it_but_by_shift(
    types: StepTypes, themes: ThemeManager, stand: Stand
) -> None:
    edit = TemplateEdit(themes.theme, StepTemplates(triage(), types))
    stand(edit)
    edit.setFocus()
    QTest.keyClicks(edit, "a")
    QTest.keyClick(edit, Qt.Key.Key_Return)
    QTest.keyClicks(edit, "b")
    QTest.keyClick(edit, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClicks(edit, "c")
    assert edit.toPlainText() == "ab\nc"


def test_an_editor_grows_with_its_lines_and_then_scrolls(types: StepTypes, themes: ThemeManager, stand: Stand) -> None:
    edit = TemplateEdit(themes.theme, StepTemplates(triage(), types), least=2, most=4)
    frame = QWidget()
    QVBoxLayout(frame).addWidget(edit)
    stand(frame)
    low = edit.height()
    edit.show_text("1\n2\n3\n4")
    high = edit.height()
    edit.show_text("\n".join(map(str, range(30))))
    assert low < high == edit.height()
    assert edit.verticalScrollBarPolicy() == Qt.ScrollBarPolicy.ScrollBarAsNeeded


def test_marks_are_coloured_also_where_they_go_on_in_the_next_line(edit: TemplateEdit, themes: ThemeManager) -> None:
    write(edit, "a {{ vars\n.tone }} b")
    block = edit.document().findBlockByNumber(1)
    accent = themes.theme.color("accent")
    coloured = [one for one in block.layout().formats() if one.format.foreground().color() == accent]
    assert [block.text()[one.start : one.start + one.length] for one in coloured] == ["tone"]


def test_a_template_that_would_hold_up_the_window_is_not_read_for_underlines(edit: TemplateEdit) -> None:
    edit.setPlainText("{{ nobody.x }}")
    edit.check()
    assert len(edit.flaws) == 1
    edit.setPlainText("{{ nobody.x }}" + " " * LONGEST)
    edit.check()
    assert edit.flaws == ()
