"""The editor of an agent in the whole program: typed, checked, saved, met by others, guarded, tried."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPlainTextEdit, QPushButton, QWidget

from core.agents.agent import Agent, Function
from core.steps import wait
from core.workflow.model import Json, Step, Workflow
from desktop.agents.editor import TABS, AgentEditor
from desktop.agents.versions import VersionsWindow
from desktop.panels.controls import ChoiceControl, TextControl
from desktop.panels.schema_control import SchemaControl
from desktop.program import Program
from tests.desktop.agents.conftest import DESK, SHOUT, workspace_of
from tests.support.desktop_program import until

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")


async def opened(program: Program, name: str = "Front desk") -> AgentEditor:
    program.agents.desk.edit(name)
    await until(lambda: any(each.draft.name == name for each in program.agents.editors.open))
    editor = next(each for each in program.agents.editors.open if each.draft.name == name)
    await until(lambda: editor._available.workflows is not None)
    return editor


async def saved(program: Program, name: str) -> Agent:
    return (await workspace_of(program).agents.get(name)).agent


def field(editor: AgentEditor, tab: str, section: str, key: str) -> QWidget:
    editor.show_tab(tab)
    return editor.pages[tab].forms[section].rows[key].keyboard()  # type: ignore[no-any-return]


def write(widget: QWidget, text: str) -> None:
    """Type over what is there, as a person does."""
    widget.setFocus()
    QTest.keyClick(widget, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(widget, Qt.Key.Key_Delete)
    QTest.keyClicks(widget, text)


def press(button: QWidget) -> None:
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def texts(editor: AgentEditor, tab: str, section: str, key: str) -> list[str]:
    return list(editor.pages[tab].forms[section].rows[key].notices.texts)


async def test_what_is_typed_on_each_page_is_saved_as_the_next_version(program: Program) -> None:
    editor = await opened(program)
    assert not editor.save_button.isEnabled()
    write(field(editor, "Profile", "profile", "description"), "Opens the door.")
    write(field(editor, "Model", "model", "temperature"), "0.7")
    write(field(editor, "Memory", "memory", "most"), "50")
    write(field(editor, "Limits", "limits", "seconds"), "90s")
    write(editor.pages["Profile"].prompt.editor, "Be kind.")
    assert editor.save_button.isEnabled()
    assert editor.isWindowModified()
    QTest.keyClick(editor, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    await until(lambda: editor.draft.version == 2)
    agent = await saved(program, "Front desk")
    assert (agent.description, agent.prompt, agent.model.temperature) == ("Opens the door.", "Be kind.", 0.7)
    assert (agent.memory.most, agent.limits.seconds, agent.limits.steps) == (50, 90.0, 8)
    assert not editor.isWindowModified()
    assert editor.about.text() == "Version 2"


async def test_undo_and_redo_go_over_all_pages(program: Program) -> None:
    editor = await opened(program)
    write(field(editor, "Limits", "limits", "steps"), "5")
    write(editor.pages["Profile"].prompt.editor, "X")
    prompt = editor.pages["Profile"].prompt.editor
    editor.activateWindow()
    QTest.keyClick(prompt, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert prompt.toPlainText() != "X"
    while editor.draft.stack.canUndo():
        press(editor.undo)
    assert (editor.draft.agent, prompt.toPlainText()) == (DESK, DESK.prompt)
    assert not editor.save_button.isEnabled()
    press(editor.redo)
    assert editor.draft.agent != DESK


async def test_everything_that_is_wrong_stands_at_its_field_and_marks_its_page(program: Program) -> None:
    editor = await opened(program)
    write(field(editor, "Profile", "profile", "name"), "")
    write(field(editor, "Model", "model", "temperature"), "7")
    write(field(editor, "Limits", "limits", "calls"), "many")
    write(editor.pages["Profile"].prompt.editor, "{{ dat }}")
    await until(lambda: editor.mend.text() == "4 things to mend")
    assert texts(editor, "Profile", "profile", "name") == ["Fill this in."]
    assert texts(editor, "Model", "model", "temperature")
    assert texts(editor, "Limits", "limits", "calls") == ["Function calls per turn: write a whole number."]
    assert {TABS[tab] for tab in editor.bar.marked} == {"Profile", "Model", "Limits"}
    flaws = editor.pages["Profile"].prompt.flaws
    press(next(each for each in flaws.buttons if each.text() == "Use date"))
    assert editor.draft.agent.prompt == "{{ date }}"
    editor.show_tab("Try")
    press(editor.mend)
    assert TABS[editor.tabs.currentIndex()] != "Try"
    editor.let_go()


async def test_what_does_not_fit_keeps_it_from_being_saved_and_stays_as_typed(program: Program) -> None:
    editor = await opened(program)
    calls = field(editor, "Limits", "limits", "calls")
    write(calls, "many")
    editor.show_tab("Profile")
    press(editor.save_button)
    assert editor.notices.texts == ["Something that is typed does not fit yet, so it is not saved."]
    write(field(editor, "Limits", "limits", "steps"), "3")
    shown = editor.pages["Limits"].forms["limits"].rows["calls"].control
    assert isinstance(shown, TextControl)
    assert shown.editor.toPlainText() == "many"
    assert editor.draft.version == 1
    editor.let_go()


async def test_unsaved_work_is_asked_about_when_the_editor_is_closed(program: Program) -> None:
    editor = await opened(program)
    write(editor.pages["Profile"].prompt.editor, "New")
    editor.close()
    assert editor.question is not None
    press(editor.question.buttons["keep"])
    assert editor.isVisible()
    editor.close()
    assert editor.question is not None
    press(editor.question.buttons["save"])
    await until(lambda: not program.agents.editors.open)
    assert (await saved(program, "Front desk")).prompt == "New"
    editor = await opened(program)
    write(editor.pages["Profile"].prompt.editor, "Newer")
    editor.close()
    assert editor.question is not None
    press(editor.question.buttons["discard"])
    await until(lambda: not program.agents.editors.open)
    assert (await saved(program, "Front desk")).prompt == "New"


async def test_closing_the_window_asks_about_unsaved_agents_first(program: Program) -> None:
    editor = await opened(program)
    write(editor.pages["Profile"].prompt.editor, "New")
    program.window.close()
    assert program.window.isVisible()
    assert editor.question is not None
    press(editor.question.buttons["keep"])
    assert editor.isVisible()
    program.window.close()
    assert editor.question is not None
    press(editor.question.buttons["discard"])
    await until(lambda: not program.window.isVisible())


async def test_saving_over_a_newer_version_shows_both_and_loses_neither(program: Program) -> None:
    editor = await opened(program)
    write(editor.pages["Profile"].prompt.editor, "Mine")
    library = workspace_of(program).agents
    await library.save(replace(DESK, prompt="Theirs"), 1)
    press(editor.save_button)
    await until(lambda: editor.saving.question is not None)
    question = editor.saving.question
    assert question is not None
    assert "Theirs" in "".join(each.toPlainText() for each in question.findChildren(type(editor.pages["Try"].prompt)))
    press(question.buttons["mine"])
    await until(lambda: editor.draft.version == 3)
    assert (await saved(program, "Front desk")).prompt == "Mine"
    assert (await library.get("Front desk", 2)).agent.prompt == "Theirs"
    write(editor.pages["Profile"].prompt.editor, "Mine again")
    await library.save(replace(DESK, prompt="Theirs again"), 3)
    press(editor.save_button)
    await until(lambda: editor.saving.question is not None)
    question = editor.saving.question
    assert question is not None
    press(question.buttons["theirs"])
    assert (editor.draft.agent.prompt, editor.draft.is_saved, editor.draft.version) == ("Theirs again", True, 4)
    press(editor.undo)
    assert editor.draft.agent.prompt == "Mine again"
    editor.let_go()


async def test_a_new_agent_whose_name_is_taken_is_saved_under_another(program: Program) -> None:
    program.commands.run("agents.new")
    editor = program.agents.editors.open[0]
    assert editor.about.text() == "Not saved yet"
    write(field(editor, "Profile", "profile", "name"), "Clerk")
    press(editor.save_button)
    await until(lambda: editor.saving.question is not None)
    question = editor.saving.question
    assert question is not None
    press(question.buttons["rename"])
    await until(lambda: editor.draft.version == 1)
    await until(lambda: "Clerk 2" in program.agents.desk.names())


async def test_another_name_keeps_versions_and_a_taken_one_is_refused(program: Program) -> None:
    editor = await opened(program)
    name = field(editor, "Profile", "profile", "name")
    write(name, "Clerk")
    press(editor.save_button)
    await until(lambda: bool(editor.notices.texts))
    assert editor.notices.texts == ["There is another agent called “Clerk”. Choose another name."]
    write(name, "Porter")
    press(editor.save_button)
    await until(lambda: editor.draft.name == "Porter")
    found = await workspace_of(program).agents.get("Porter")
    assert found.version == editor.draft.version
    await until(lambda: set(program.agents.desk.names()) == {"Clerk", "Porter"})


async def test_what_is_open_of_a_deleted_agent_can_be_saved_again(program: Program) -> None:
    editor = await opened(program)
    program.agents.desk.delete(["Front desk"])
    await until(lambda: not editor.draft.version)
    assert not editor.draft.is_saved
    press(editor.save_button)
    await until(lambda: editor.draft.version == 1)
    assert (await saved(program, "Front desk")).prompt == DESK.prompt


async def test_the_picture_is_chosen_by_colour_and_icon(program: Program) -> None:
    editor = await opened(program)
    look = editor.pages["Profile"].look
    press(look)
    assert look.popup is not None
    press(look.popup.colours["pink"])
    QTest.keyClicks(look.popup.search, "rocket")
    press(look.popup.icons["rocket"])
    look.popup.close()
    assert (editor.draft.agent.colour, editor.draft.agent.icon) == ("pink", "rocket")
    assert (editor.avatar.colour, editor.avatar.icon) == ("pink", "rocket")
    editor.let_go()


async def test_instructions_are_completed_with_the_variables_of_linked_workflows(program: Program) -> None:
    editor = await opened(program)
    await until(lambda: "mood" in editor.names.variables)
    prompt = editor.pages["Profile"].prompt.editor
    editor.show_tab("Profile")
    write(prompt, "{{ mo")
    assert prompt.popup is not None
    QTest.keyClick(prompt, Qt.Key.Key_Return)
    assert prompt.toPlainText() == "{{ vars.mood }}"
    editor.let_go()


async def test_the_page_try_shows_what_the_model_is_told(program: Program) -> None:
    editor = await opened(program)
    write(editor.pages["Profile"].prompt.editor, "Be {{ vars.tone }}.")
    editor.show_tab("Try")
    page = editor.pages["Try"]
    page.variables.setFocus()
    QTest.keyClicks(page.variables, '{"tone": "brief"}')
    await until(lambda: page.prompt.toPlainText().startswith("Be brief."))
    await until(lambda: page.functions.text() == "shout: runs by itself")
    QTest.keyClicks(page.variables, "}")
    await until(lambda: bool(page.notices.texts))
    editor.let_go()


# -- functions ---------------------------------------------------------------------------------------------------------


def function_row(editor: AgentEditor, key: str) -> QWidget:
    editor.show_tab("Functions")
    return editor.functions.form.rows[key].keyboard()


def parameters(editor: AgentEditor) -> Mapping[str, Json] | None:
    return editor.draft.agent.functions[0].parameters


async def test_a_workflow_gives_its_parameters_and_the_default_says_who_decides(program: Program) -> None:
    editor = await opened(program)
    editor.show_tab("Functions")
    form = editor.functions.form
    await until(lambda: "text (text, needed), times (whole number)" in form.derived.text())
    policy = form.rows["policy"].control
    assert isinstance(policy, ChoiceControl)
    assert policy.box.currentText() == "By its effect: runs by itself"
    assert "because it changes nothing" in form.policy_note.text()
    press(form.write_own)
    assert parameters(editor) is not None
    control = form.rows["parameters"].control
    assert isinstance(control, SchemaControl)
    press(form.take_back)
    assert parameters(editor) is None
    editor.let_go()


async def test_parameters_go_to_text_and_back_without_loss(program: Program) -> None:
    editor = await opened(program)
    editor.show_tab("Functions")
    form = editor.functions.form
    await until(lambda: "needed" in form.derived.text())
    schema = {
        "type": "object",
        "properties": {"text": {"type": "string", "description": "What."}, "n": {"type": "integer"}},
        "required": ["text"],
        "additionalProperties": False,
    }
    editor.draft.set_function_value(0, "parameters", schema)  # type: ignore[arg-type]  # as a control gives it
    control = form.rows["parameters"].control
    assert isinstance(control, SchemaControl)
    assert [row.key for row in control.rows] == ["text", "n"]
    for _ in range(2):
        press(control.as_text)
        press(control.as_text)
    assert editor.draft.agent.functions[0].parameters == schema
    write(control.rows[1].about, "How often.")
    press(control.as_text)
    assert '"How often."' in control.text.editor.toPlainText()
    write(control.text.editor, '{"type": "object", "properties": {"x": {"anyOf": [{"type": "string"}]}}}')
    assert editor.draft.agent.functions[0].parameters == {
        "type": "object",
        "properties": {"x": {"anyOf": [{"type": "string"}]}},
    }
    assert control.as_text.isChecked()
    editor.let_go()


async def test_a_function_is_tried_with_typed_arguments(program: Program) -> None:
    editor = await opened(program)
    editor.show_tab("Functions")
    trial = editor.functions.trial
    await until(lambda: trial.form is not None)
    assert trial.form is not None
    press(trial.run)
    await until(lambda: trial.form is not None and bool(trial.form.rows["text"].problem.text))
    keyboard = trial.form.rows["text"].editor
    QTest.keyClicks(keyboard.focusProxy() or keyboard, "hello")
    press(trial.run)
    await until(lambda: trial.view.isVisibleTo(trial))
    assert not trial.notices.texts
    assert trial.facts.text()
    shown: list[str] = []
    editor.run_wanted.connect(shown.append)
    press(trial.open_run)
    record = await workspace_of(program).journal.run(shown[0])
    assert (dict(record.inputs), dict(record.outputs or {})) == ({"text": "hello", "times": 1}, {"said": "HELLO!"})
    assert record.labels["trial"] == "shout"
    editor.let_go()


async def test_functions_are_added_offered_and_removed(program: Program) -> None:
    editor = await opened(program)
    editor.show_tab("Functions")
    page = editor.functions
    page.add_kind("agent")
    write(function_row(editor, "target"), "Clerk")
    write(function_row(editor, "name"), "ask_clerk")
    await until(lambda: page.model.index(1, 2).data() == "asks first (default)")
    page.table.setFocus()
    QTest.keyClick(page.table, Qt.Key.Key_Space)
    assert not editor.draft.agent.functions[1].enabled
    assert page.model.index(1, 2).data() == "not offered"
    press(page.copy)
    assert [each.name for each in editor.draft.agent.functions] == ["shout", "ask_clerk", "ask_clerk_2"]
    page.table.setFocus()
    QTest.keyClick(page.table, Qt.Key.Key_Delete)
    assert [each.name for each in editor.draft.agent.functions] == ["shout", "ask_clerk"]
    press(editor.undo)
    assert len(editor.draft.agent.functions) == 3
    editor.let_go()


async def test_a_function_that_cannot_be_called_says_why_in_table_form_and_test(program: Program) -> None:
    editor = await opened(program)
    editor.show_tab("Functions")
    write(function_row(editor, "target"), "Shoot")
    page = editor.functions
    await until(lambda: page.model.index(0, 2).data() == "cannot be called")
    assert page.form.trouble.texts
    assert not page.trial.run.isEnabled()
    await until(lambda: any("Shout" in text for text in page.form.rows["target"].notices.texts))
    editor.let_go()


async def test_the_preview_answers_with_what_stands_in_the_editor(program: Program) -> None:
    editor = await opened(program, "Clerk")
    assert editor.preview.view is not None
    press(editor.side)
    assert not editor.preview.isVisible()
    press(editor.side)
    view = editor.preview.view
    write(editor.pages["Profile"].prompt.editor, "You are a parrot.")
    view.composer.edit.setFocus()
    QTest.keyClicks(view.composer.edit, "Hello")
    QTest.keyClick(view.composer.edit, Qt.Key.Key_Return)
    await until(lambda: view.talk.last is not None and view.talk.last.role == "assistant")
    await until(lambda: not view.talk.is_answering)
    source = editor.preview.source
    assert source is not None
    assert view.talk.last is not None
    sent = await source.conversations.request(view.talk.last.id)
    assert sent is not None
    assert "You are a parrot." in str(sent.body)
    assert not await workspace_of(program).conversations.list()
    press(editor.preview.again)
    assert editor.preview.view is not view
    editor.let_go()


async def test_the_editor_is_made_anew_in_another_theme_and_nothing_is_lost(program: Program) -> None:
    editor = await opened(program)
    write(field(editor, "Limits", "limits", "calls"), "many")
    program.themes.choose("light" if program.themes.theme.is_dark else "dark")
    control = editor.pages["Limits"].forms["limits"].rows["calls"].control
    assert isinstance(control, TextControl)
    assert control.editor.toPlainText() == "many"
    assert TABS[editor.tabs.currentIndex()] == "Limits"
    editor.let_go()


async def test_the_hosts_it_may_reach_are_listed_judged_and_saved(program: Program) -> None:
    editor = await opened(program)
    editor.show_tab("Limits")
    row = editor.pages["Limits"].forms["reach"].rows["hosts"]
    editor.draft.set_value("reach", "hosts", ["https://example.com/x"])
    await until(lambda: editor.mend.text() == "1 thing to mend")
    assert "write the host alone" in " ".join(texts(editor, "Limits", "reach", "hosts"))
    assert {TABS[tab] for tab in editor.bar.marked} == {"Limits"}
    editor.show_tab("Try")
    press(editor.mend)
    assert TABS[editor.tabs.currentIndex()] == "Limits"
    write(row.keyboard(), "*.Example.com")
    await until(lambda: editor.draft.agent.hosts == ("*.example.com",))
    await until(lambda: not editor.mend.isVisible())
    editor.save()
    await until(lambda: editor.draft.version == 2)
    assert (await saved(program, "Front desk")).hosts == ("*.example.com",)


async def test_an_earlier_version_is_compared_and_taken_back_by_an_edit(program: Program) -> None:
    editor = await opened(program)
    write(editor.pages["Profile"].prompt.editor, "Second.")
    editor.save()
    await until(lambda: editor.draft.version == 2)
    write(editor.pages["Profile"].prompt.editor, "Third.")
    press(editor.versions)
    (window,) = editor.findChildren(VersionsWindow)
    await until(lambda: window.title.text() == "2 versions")
    await until(lambda: "then: Second." in window.text.toPlainText())
    assert "now:  Third." in window.text.toPlainText()
    QTest.keyClick(window.list, Qt.Key.Key_Down)
    await until(lambda: f"then: {DESK.prompt}" in window.text.toPlainText())
    press(window.take)
    assert editor.draft.agent == DESK
    assert window.text.toPlainText() == "It is what is in the editor now."
    assert not window.take.isEnabled()
    press(editor.undo)
    assert editor.draft.agent.prompt == "Third."
    assert editor.draft.version == 2
    window.close()
    editor.let_go()


async def test_a_new_agent_has_no_versions_to_show(program: Program) -> None:
    editor = program.agents.editors.new(Agent("New"))
    assert not editor.versions.isEnabled()


async def test_the_preview_goes_on_by_itself_when_a_wait_has_ended(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wait, "LONGEST_SLEEP", 0.0)  # so that a short wait suspends the run, as a long one does
    workspace = workspace_of(program)
    assert workspace.store is not None
    nap = Workflow("Nap", steps={"w": Step("w", "wait", config={"duration": "1s"})}, outputs={"slept": "well"})
    await workspace.store.workflows.save(nap, 0)
    editor = await opened(program)
    editor.draft.edit(
        "Nap", lambda agent: replace(agent, functions=(Function("nap", "Naps.", target="Nap", policy="auto"),))
    )
    view = editor.preview.view
    assert view is not None
    await until(lambda: view.composer.isEnabled())
    QTest.keyClicks(view.composer.edit, "nap")
    QTest.keyClick(view.composer.edit, Qt.Key.Key_Return)
    await until(lambda: any(pending.kind == "later" for pending in view.talk.pending))
    await until(lambda: view.talk.last is not None and "slept" in view.talk.last.text and not view.talk.last.calls)
    editor.let_go()


async def test_one_types_the_name_of_a_new_agent_at_once_and_it_is_typed_over(program: Program) -> None:
    program.agents.desk.new()
    editor = program.agents.editors.open[0]
    field_of_name = editor.focusWidget()
    assert field_of_name is not None
    QTest.keyClicks(field_of_name, "Weaver")
    assert editor.draft.agent.name == "Weaver"
    editor.let_go()


async def test_a_known_agent_is_opened_at_its_name_without_a_letter_marked(program: Program) -> None:
    editor = await opened(program)
    name = field(editor, "Profile", "profile", "name")
    assert editor.focusWidget() is name
    assert isinstance(name, QPlainTextEdit)
    assert not name.textCursor().hasSelection()


async def test_what_is_made_while_an_editor_is_open_is_known_when_one_comes_back_to_it(program: Program) -> None:
    editor = await opened(program)
    store = workspace_of(program).store
    assert store is not None
    await store.workflows.save(replace(SHOUT, name="Whisper"), 0)
    editor.activateWindow()
    await until(editor.isActiveWindow)
    QApplication.sendEvent(editor, QEvent(QEvent.Type.ActivationChange))
    await until(lambda: "Whisper" in (editor._available.workflows or {}))


async def test_the_preview_calls_the_agent_as_it_is_called_now(program: Program) -> None:
    program.agents.desk.new()
    editor = program.agents.editors.open[0]
    await until(lambda: editor.preview.view is not None and editor.preview.view.talk.face.icon != "")
    view = editor.preview.view
    assert view is not None
    await until(lambda: view.composer.edit.placeholderText() == "Write to New agent" and program.bridge.busy == 0)
    write(field(editor, "Profile", "profile", "name"), "Weaver")
    await until(lambda: view.composer.edit.placeholderText() == "Write to Weaver")
    editor.let_go()


async def test_a_function_without_a_target_is_not_among_those_that_may_be_called(program: Program) -> None:
    editor = await opened(program)
    unset = (Function("first"), Function("second", kind="python"), Function("third", kind="agent"))
    editor.draft.edit("Add functions", lambda agent: replace(agent, functions=(*unset, Function("t", kind="mcp"))))
    editor.show_tab("Try")
    page = editor.pages["Try"]
    said = [f"{name} cannot be called: It is not said what it calls." for name in ("first", "second", "third", "t")]
    await until(lambda: list(page.trouble.texts) == said)
    assert page.functions.text() == "No functions."


async def test_a_button_that_has_the_keyboard_does_not_look_like_the_one_to_press(program: Program) -> None:
    editor = await opened(program)
    editor.show_tab("Functions")
    button = next(each for each in editor.findChildren(QPushButton) if each.text() == "Duplicate")

    def ground() -> str:
        return button.grab().toImage().pixelColor(8, button.height() // 2).name()

    editor.activateWindow()
    await until(editor.isActiveWindow)
    before = ground()
    button.setFocus(Qt.FocusReason.TabFocusReason)
    button.setDefault(True)  # as Qt does it for a button in a dialog that gets the keyboard
    assert ground() == before
