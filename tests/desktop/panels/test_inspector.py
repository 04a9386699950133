from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from core.engine.step_type import StepTypes
from core.workflow.edits import remove_steps, rename, set_about, set_config_field
from core.workflow.model import Limits, Retry, Step, Workflow
from desktop.document import OpenDocument
from desktop.overlay import RunOverlay, StepView
from desktop.panels.background import Surroundings
from desktop.panels.controls import TextControl
from desktop.panels.inspector import Inspector
from desktop.panels.last_run import LastRun
from desktop.panels.problem_watch import ProblemWatch
from desktop.panels.step_page import StepPage
from desktop.panels.value_view import ValueView
from desktop.panels.workflow_page import WorkflowPage
from desktop.theme import ThemeManager
from tests.support.panel_documents import document_of, triage

# Qt's offscreen platform says of every window that pops up what it cannot do with it.
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)

Stand = Callable[..., QWidget]


class Rig:
    """An inspector of a document in a window that has undo and redo."""

    def __init__(self, inspector: Inspector, document: OpenDocument, watch: ProblemWatch, window: QWidget) -> None:
        self.inspector, self.document, self.watch = inspector, document, watch
        for action, keys in (
            (document.stack.createUndoAction(window), QKeySequence.StandardKey.Undo),
            (document.stack.createRedoAction(window), QKeySequence.StandardKey.Redo),
        ):
            action.setShortcut(keys)
            window.addAction(action)

    @property
    def step(self) -> StepPage:
        page = self.inspector.page
        assert isinstance(page, StepPage)
        return page

    def check(self) -> None:
        """Make all fields of the step and look at their references now."""
        assert self.step.settings.rows is not None
        self.step.settings.check()

    @property
    def workflow(self) -> WorkflowPage:
        page = self.inspector.page
        assert isinstance(page, WorkflowPage)
        return page

    def editor(self, key: str, *, behaviour: bool = False) -> QWidget:
        form = self.step.behaviour if behaviour else self.step.settings
        control = form.rows[key].shown_control
        assert control is not None
        return control.keyboard()

    def config(self, step_id: str = "reply") -> object:
        step = self.document.workflow.step(step_id)
        assert step is not None
        return dict(step.config)


@pytest.fixture
def open_(types: StepTypes, around: Surroundings, stand: Stand) -> Callable[..., Rig]:
    def opened(document: OpenDocument, step: str | None = None) -> Rig:
        inspector = Inspector(types, around)
        window = stand(inspector, (340, 900))
        watch = ProblemWatch(document, types, around.background, inspector)
        watch.check()
        inspector.show_document(document, watch)
        inspector.show_step(step)
        return Rig(inspector, document, watch, window)

    return opened


Open = Callable[..., Rig]


def test_typing_changes_the_document_and_a_burst_is_one_undo(open_: Open) -> None:
    rig = open_(triage({}), "reply")
    prompt = rig.editor("prompt")
    prompt.setFocus()
    QTest.keyClicks(prompt, "Hello")
    assert rig.config() == {"prompt": "Hello"}
    assert rig.document.stack.count() == 1
    assert rig.document.stack.undoText() == "Change “Prompt”"


def test_undo_in_a_field_is_the_documents(open_: Open) -> None:
    rig = open_(triage({"prompt": "Hi"}), "reply")
    prompt = rig.editor("prompt")
    prompt.setFocus()
    QTest.keyClick(prompt, Qt.Key.Key_End)
    QTest.keyClicks(prompt, " you")
    QTest.keyClick(prompt, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert rig.config() == {"prompt": "Hi"}
    assert prompt.toPlainText() == "Hi"  # type: ignore[attr-defined] # a text editor
    assert prompt.hasFocus()


def test_leaving_a_field_ends_the_burst(open_: Open) -> None:
    rig = open_(triage({}), "reply")
    prompt, system = rig.editor("prompt"), rig.editor("system")
    for field, text in ((prompt, "a"), (system, "b"), (prompt, "c")):
        field.setFocus()
        QTest.keyClicks(field, text)
    assert rig.document.stack.count() == 3
    rig.document.stack.undo()
    assert rig.config() == {"prompt": "a", "system": "b"}


def test_a_change_from_elsewhere_is_shown_and_leaves_the_other_fields_alone(open_: Open) -> None:
    rig = open_(triage({"prompt": "Hi"}), "reply")
    system = rig.editor("system")
    system.setFocus()
    QTest.keyClicks(system, "ab")
    QTest.keyClick(system, Qt.Key.Key_Left)
    rig.document.apply("From elsewhere", lambda workflow: set_config_field(workflow, "reply", "prompt", "Bye"))
    assert rig.editor("prompt").toPlainText() == "Bye"  # type: ignore[attr-defined] # a text editor
    QTest.keyClicks(system, "x")
    assert rig.config() == {"prompt": "Bye", "system": "axb"}


def test_the_keyboard_enters_the_field_that_matters(open_: Open) -> None:
    rig = open_(triage(), "reply")
    rig.inspector.enter()
    assert rig.editor("prompt").hasFocus()
    rig.document.apply("Break", lambda workflow: set_config_field(workflow, "reply", "temperature", 9))
    rig.watch.check()
    rig.inspector.enter()
    assert rig.editor("temperature").hasFocus()


def test_the_title_is_typed_and_without_one_the_type_stands_there_as_on_the_canvas(open_: Open) -> None:
    rig = open_(triage(), "aside")
    title = rig.step.header.title
    assert (title.text(), title.placeholderText()) == ("", "Chat")
    QTest.keyClicks(title, "Beside")
    step = rig.document.workflow.step("aside")
    assert step is not None
    assert step.title == "Beside"


def test_a_new_id_is_taken_everywhere_when_it_is_confirmed(open_: Open, qtbot: QtBot) -> None:
    rig = open_(triage(), "reply")
    field = rig.step.header.id
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, "answer")
    assert rig.document.workflow.step("reply") is not None
    with qtbot.waitSignal(rig.inspector.step_renamed) as renamed:
        QTest.keyClick(field, Qt.Key.Key_Return)
    assert renamed.args == ["reply", "answer"]
    assert rig.document.workflow.outputs == {"answer": "{{ answer.text }}"}
    assert rig.inspector.step_id == "answer"
    QTest.keyClicks(rig.editor("prompt"), "!")
    assert rig.config("answer") == {"prompt": "!Hi"}


def test_an_id_that_cannot_be_is_refused_with_the_reason(open_: Open) -> None:
    rig = open_(triage(), "reply")
    field = rig.step.header.id
    field.selectAll()
    QTest.keyClicks(field, "classify")
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert "There is a step 'classify' already." in rig.step.header.notices.texts[0]
    QTest.keyClick(field, Qt.Key.Key_Escape)
    assert field.text() == "reply"
    assert rig.step.header.notices.texts == []


def test_a_rename_from_elsewhere_and_its_undo_keep_the_step_shown(open_: Open) -> None:
    rig = open_(triage(), "reply")
    rig.document.apply("Rename", lambda workflow: rename(workflow, "reply", "answer"))
    assert rig.inspector.step_id == "answer"
    rig.document.stack.undo()
    assert rig.inspector.step_id == "reply"
    assert rig.step.header.id.text() == "reply"


def test_a_removed_step_gives_way_to_the_workflow(open_: Open) -> None:
    rig = open_(triage(), "reply")
    rig.document.apply("Remove", lambda workflow: remove_steps(workflow, ["reply"]))
    assert rig.inspector.step_id is None
    assert rig.workflow.header.title.text() == "Triage"


def test_an_unknown_step_shows_the_workflow(open_: Open) -> None:
    rig = open_(triage(), "nobody")
    assert rig.inspector.step_id is None


def test_problems_of_the_step_stand_at_their_fields(open_: Open) -> None:
    rig = open_(triage({"temperature": 7}), "reply")
    rows = rig.step.settings.rows
    assert rows["prompt"].notices.texts == ["Fill this in."]
    assert "The most is 2." in rows["temperature"].notices.texts[0]
    assert rig.step.bar.marked == {0}


def test_problems_go_when_they_are_mended(open_: Open, qtbot: QtBot) -> None:
    rig = open_(triage({}), "reply")
    with qtbot.waitSignal(rig.watch.changed):
        QTest.keyClicks(rig.editor("prompt"), "Hi")
    assert rig.step.settings.rows["prompt"].notices.texts == []
    assert rig.step.bar.marked == set()


def test_a_wire_that_is_missing_can_be_drawn_from_the_field(open_: Open) -> None:
    rig = open_(triage({"prompt": "{{ aside.text }}"}), "reply")
    rig.check()
    control = rig.step.settings.rows["prompt"].control
    assert isinstance(control, TextControl)
    (button,) = control.flaws.buttons
    assert button.text() == "Wire from aside"
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    aside = rig.document.workflow.step("aside")
    assert aside is not None
    assert aside.then == {"out": ("reply",)}
    rig.check()
    assert control.flaws.texts == []


def test_behaviour_is_written_as_the_document_holds_it(open_: Open) -> None:
    rig = open_(triage(), "reply")
    rig.step.tabs.setCurrentIndex(1)
    QTest.keyClicks(rig.editor("timeout", behaviour=True), "2m")
    QTest.keyClicks(rig.editor("attempts", behaviour=True), "3")
    QTest.keyClick(rig.editor("disabled", behaviour=True), Qt.Key.Key_Space)
    box = rig.editor("join", behaviour=True)
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_Down)
    step = rig.document.workflow.step("reply")
    assert step is not None
    assert (step.timeout, step.retry, step.disabled, step.join) == (120.0, Retry(attempts=3), True, "any")


def test_a_duration_that_means_nothing_is_refused_at_its_field_and_kept_to_be_mended(open_: Open) -> None:
    rig = open_(triage(), "reply")
    rig.step.tabs.setCurrentIndex(1)
    timeout = rig.editor("timeout", behaviour=True)
    QTest.keyClicks(timeout, "5x")
    assert "A duration is a number of seconds" in rig.step.behaviour.rows["timeout"].refusal.texts[0]
    step = rig.document.workflow.step("reply")
    assert step is not None
    assert step.timeout == 5
    assert timeout.toPlainText() == "5x"  # type: ignore[attr-defined] # a text editor
    QTest.keyClick(timeout, Qt.Key.Key_Backspace)
    QTest.keyClicks(timeout, "m")
    assert rig.step.behaviour.rows["timeout"].refusal.texts == []
    changed = rig.document.workflow.step("reply")
    assert changed is not None
    assert changed.timeout == 300


def test_what_is_given_instead_of_an_error_is_asked_for_only_where_it_counts(open_: Open) -> None:
    rig = open_(triage(), "reply")
    rig.step.tabs.setCurrentIndex(1)
    default = rig.step.behaviour.rows["default"]
    assert not default.isVisible()
    box = rig.editor("on_error", behaviour=True)
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_Down)
    assert default.isVisible()


def test_the_tabs_show_what_the_last_run_knows_of_the_step(open_: Open) -> None:
    rig = open_(triage(), "reply")
    overlay = RunOverlay()
    overlay.by_id["reply"] = StepView(state="done", inputs={"prompt": "Hi"}, output={"text": "Yes"})
    rig.inspector.show_run(LastRun(overlay))
    assert rig.step.input.value == {"prompt": "Hi"}
    assert rig.step.output.value == {"text": "Yes"}
    assert not rig.step.request.value
    rig.step.tabs.setCurrentIndex(3)
    assert rig.step.output.findChildren(ValueView)
    rig.inspector.show_step("aside")
    assert not rig.step.output.value
    rig.inspector.show_step("reply")
    assert rig.step.output.value == {"text": "Yes"}


def test_tabs_that_show_a_sign_take_no_room_for_words(open_: Open) -> None:
    bar = open_(triage(), "reply").step.bar
    assert [bar.tabRect(n).width() for n in range(bar.count()) if not bar.tabText(n)] == [26, 26]


def test_what_matters_of_a_step_stands_whole_below_its_values(open_: Open) -> None:
    rig = open_(triage(), "reply")
    prompt, system, answer = ("Answer this. " * 10, "Be brief and kind. " * 20, "Dear Ann, yes. " * 10)
    overlay = RunOverlay()
    overlay.by_id["reply"] = StepView(
        state="done", inputs={"prompt": prompt, "system": system}, output={"reasoning": "Hm. " * 90, "text": answer}
    )
    rig.inspector.show_run(LastRun(overlay))
    for tab, values, wanted in ((2, rig.step.input, ("prompt", prompt)), (3, rig.step.output, ("text", answer))):
        rig.step.tabs.setCurrentIndex(tab)
        (viewer,) = values.findChildren(ValueView)
        assert (viewer.detail.name.text(), viewer.detail.text.shown) == wanted


def test_a_field_previews_what_it_became_in_the_last_run(open_: Open) -> None:
    rig = open_(triage({"prompt": "Answer {{ classify.text }}"}), "reply")
    overlay = RunOverlay()
    overlay.by_id["classify"] = StepView(state="done", output={"text": "4"})
    rig.inspector.show_run(LastRun(overlay))
    rig.check()
    control = rig.step.settings.rows["prompt"].control
    assert isinstance(control, TextControl)
    assert control.preview.isVisible()
    assert control.preview.text() == "= Answer 4"
    rig.inspector.show_run(None)
    rig.check()
    assert not control.preview.isVisible()


def test_a_step_type_that_is_not_installed_keeps_its_place_and_says_so(open_: Open) -> None:
    rig = open_(document_of("magic", {"a": 1}), "it")
    assert "not installed" in rig.step.header.type_text
    assert rig.config("it") == {"a": 1}
    assert rig.step.settings.rows == {}


def test_a_read_only_document_cannot_be_changed(open_: Open) -> None:
    document = triage({"prompt": "Hi"})
    document.read_only = True
    rig = open_(document, "reply")
    assert not rig.editor("prompt").isEnabled()
    assert not rig.step.header.title.isEnabled()
    assert rig.step.help.isEnabled()


def test_another_theme_keeps_the_step_and_the_tab(open_: Open, themes: ThemeManager) -> None:
    rig = open_(triage(), "reply")
    rig.step.tabs.setCurrentIndex(1)
    themes.choose("light")
    assert rig.inspector.step_id == "reply"
    assert rig.step.tabs.currentIndex() == 1


def test_focus_leads_to_a_field_by_its_path(open_: Open) -> None:
    rig = open_(triage(), "reply")
    rig.inspector.focus("config.system")
    assert rig.editor("system").hasFocus()
    rig.inspector.focus("timeout")
    assert rig.step.tabs.currentIndex() == 1
    assert rig.editor("timeout", behaviour=True).hasFocus()


def test_a_value_that_no_document_can_hold_is_refused_and_told(open_: Open, qtbot: QtBot) -> None:
    rig = open_(triage({}), "reply")
    with qtbot.waitSignal(rig.inspector.failed) as failed:
        rig.editor("prompt").insertPlainText("a\0b")  # type: ignore[attr-defined] # a text editor
    assert "cannot be set" in failed.args[0]
    assert rig.config() == {}


def test_without_a_document_the_inspector_says_what_to_do(open_: Open) -> None:
    rig = open_(triage(), "reply")
    rig.inspector.show_document(None)
    assert rig.inspector.page is None
    rig.document.apply("After", lambda workflow: set_config_field(workflow, "reply", "prompt", "Bye"))


def test_the_workflows_own_settings_are_changed(open_: Open) -> None:
    rig = open_(triage())
    page = rig.workflow
    page.header.title.selectAll()
    QTest.keyClicks(page.header.title, "Mail")
    description = page.form.about.rows["description"].keyboard()
    QTest.keyClicks(description, "Sorts mail.")
    QTest.keyClicks(page.form.results.rows["timeout"].keyboard(), "10m")
    trigger = page.form.about.rows["trigger"].keyboard()
    trigger.setFocus()
    QTest.keyClick(trigger, Qt.Key.Key_Down)
    workflow = rig.document.workflow
    assert (workflow.name, workflow.description, workflow.timeout) == ("Mail", "Sorts mail.", 600)
    assert workflow.trigger.type == "message"


def test_limits_on_spending_are_typed_refused_and_undone_with_the_workflows_settings(
    open_: Open,
) -> None:
    rig = open_(triage())
    rows = rig.workflow.form.results.rows
    QTest.keyClicks(rows["usd_per_run"].keyboard(), "0")
    assert rows["usd_per_run"].refusal.texts == [
        "Write more than 0 and at most 1,000,000. Leave it empty for no limit."
    ]
    QTest.keyClicks(rows["usd_per_run"].keyboard(), ".25")
    assert rows["usd_per_run"].refusal.texts == []
    QTest.keyClicks(rows["usd_per_day"].keyboard(), "2")
    assert rig.document.workflow.limits == Limits(0.25, 2)
    assert rig.document.stack.undoText() == "Change the limit of a day"
    rig.document.stack.undo()
    rig.document.stack.undo()
    assert rig.document.workflow.limits == Limits()
    rig.document.apply("Limit", lambda workflow: set_about(workflow, limits=Limits(3.0, 2.0)))
    rig.watch.check()
    assert "never holds" in rows["usd_per_run"].notices.texts[0]
    rig.inspector.focus("limits.usd_per_day")
    assert rows["usd_per_day"].keyboard().hasFocus()


def test_an_empty_name_is_not_taken(open_: Open) -> None:
    rig = open_(triage())
    title = rig.workflow.header.title
    title.selectAll()
    QTest.keyClick(title, Qt.Key.Key_Delete)
    assert rig.document.workflow.name == "Triage"


def test_an_input_is_added_named_and_described(open_: Open) -> None:
    rig = open_(triage())
    rows = rig.workflow.form.inputs
    QTest.mouseClick(rows.add_button, Qt.MouseButton.LeftButton)
    assert rig.document.workflow.inputs["input"] == {"type": "string"}
    row = rows.rows["input"]
    assert row.name.hasFocus()
    QTest.keyClicks(row.name, "count")
    QTest.keyClick(row.name, Qt.Key.Key_Return)
    row = rows.rows["count"]
    row.type.setFocus()
    QTest.keyClick(row.type, Qt.Key.Key_Down)
    QTest.mouseClick(row.has_default, Qt.MouseButton.LeftButton)
    row.default.selectAll()
    QTest.keyClicks(row.default, "12")
    QTest.keyClicks(row.description, "How many.")
    schema = rig.document.workflow.inputs["count"]
    assert schema == {"type": "number", "default": 12, "description": "How many."}


def test_renaming_an_input_changes_what_reads_it(open_: Open) -> None:
    rig = open_(triage())
    name = rig.workflow.form.inputs.rows["ticket"].name
    name.setFocus()
    name.selectAll()
    QTest.keyClicks(name, "mail")
    QTest.keyClick(name, Qt.Key.Key_Return)
    assert list(rig.document.workflow.inputs) == ["mail"]
    assert rig.config("classify") == {"prompt": "{{ input.mail }}"}


def test_a_name_that_templates_cannot_write_is_refused(open_: Open) -> None:
    rig = open_(triage())
    name = rig.workflow.form.inputs.rows["ticket"].name
    name.selectAll()
    QTest.keyClicks(name, "two words")
    QTest.keyClick(name, Qt.Key.Key_Return)
    assert "cannot be a name" in rig.workflow.form.inputs.notices.texts[0]
    assert list(rig.document.workflow.inputs) == ["ticket"]


def test_removing_a_variable_can_be_undone(open_: Open) -> None:
    rig = open_(triage())
    rows = rig.workflow.form.variables
    QTest.mouseClick(rows.rows["tone"].remove, Qt.MouseButton.LeftButton)
    assert rig.document.workflow.variables == {}
    rig.document.stack.undo()
    assert list(rows.rows) == ["tone"]


def test_problems_of_the_workflow_stand_at_their_rows(open_: Open, types: StepTypes) -> None:
    workflow = Workflow(
        "W",
        inputs={"n": {"type": "integer", "default": "x"}},
        outputs={"a": "{{ nobody.text }}"},
        steps={"it": Step("it", "chat", config={"prompt": "Hi"})},
    )
    rig = open_(OpenDocument(workflow))
    assert "does not fit its own schema" in rig.workflow.form.inputs.rows["n"].notices.texts[0]


def test_a_step_of_a_large_document_is_shown_within_some_frames(types: StepTypes, open_: Open) -> None:
    steps = {
        f"s{n}": Step(f"s{n}", "chat", config={"prompt": f"{{{{ s{n - 1}.text }}}}" if n else "Hi"},
                      then={"out": (f"s{n + 1}",)} if n < 1_499 else {})
        for n in range(1_500)
    }  # fmt: skip
    rig = open_(OpenDocument(Workflow("Large", steps=steps)), "s1400")
    rig.check()
    control = rig.step.settings.rows["prompt"].control
    assert isinstance(control, TextControl)
    assert control.flaws.texts == []
    rig.inspector.show_step("s3")
    assert rig.editor("prompt").toPlainText() == "{{ s2.text }}"  # type: ignore[attr-defined] # a text editor


def test_selecting_nothing_again_brings_the_workflows_page_up_to_date(open_: Open) -> None:
    rig = open_(triage())
    rig.inspector.show_step("reply")
    rig.document.apply("Name", lambda workflow: set_about(workflow, name="Mail"))
    rig.inspector.show_step(None)
    assert rig.workflow.header.title.text() == "Mail"


def test_an_inspector_outlives_the_document_that_it_showed(open_: Open, qtbot: QtBot) -> None:
    rig = open_(triage(), "reply")
    for gone in (rig.watch, rig.document):
        with qtbot.waitSignal(gone.destroyed):
            gone.deleteLater()
    rig.inspector.show_document(None)
    assert rig.inspector.page is None
