"""The form for a run's inputs, filled in with real keys and clicks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from core.engine.part import Part
from core.workflow.model import Json, Workflow
from desktop.dialogs.inputs import InputsDialog
from desktop.dialogs.run_prompt import RunPrompt
from desktop.dialogs.value_editors import ChoiceEditor, JsonEditor, NumberEditor, SwitchEditor, TextEditor
from desktop.saved_inputs import InputSets, SavedInputs
from tests.support.desktop_runs import open_run_desk
from tests.support.engine_rig import step, workflow
from tests.support.panel_parts import PanelParts, panel_parts
from tests.support.qt_loop import next_signal

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")  # offscreen

WORKFLOW = Workflow(
    "Triage",
    inputs={
        "ticket": {"type": "string", "description": "What the customer wrote."},
        "customer": {"type": "string", "default": "customer"},
        "urgency": {"type": "integer", "minimum": 1, "maximum": 5},
        "factor": {"type": "number", "default": 1.5},
        "tone": {"enum": ["calm", 3, None], "default": "calm"},
        "notify": {"type": "boolean", "default": True},
        "tags": {"type": "array", "default": ["a"]},
        "extra": {"default": None},
    },
)


@pytest.fixture
async def parts(qapp: QApplication) -> AsyncIterator[PanelParts]:
    async with panel_parts() as made:
        yield made


@pytest.fixture
async def dialog(parts: PanelParts) -> InputsDialog:
    made = InputsDialog(WORKFLOW, parts.bridge, parts.themes, parts.icons)
    parts.show(made, 520, 700)
    return made


def type_into(dialog: InputsDialog, name: str, text: str) -> None:
    widget = dialog.form.rows[name].editor.focusProxy()
    assert widget is not None
    widget.setFocus()
    QTest.keyClick(widget, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(widget, Qt.Key.Key_Delete)
    QTest.keyClicks(widget, text)


def editor_kinds(dialog: InputsDialog) -> dict[str, type]:
    return {name: type(row.editor) for name, row in dialog.form.rows.items()}


async def test_each_kind_of_input_gets_its_editor(dialog: InputsDialog) -> None:
    assert editor_kinds(dialog) == {
        "ticket": TextEditor, "customer": TextEditor, "urgency": NumberEditor, "factor": NumberEditor,
        "tone": ChoiceEditor, "notify": SwitchEditor, "tags": JsonEditor, "extra": JsonEditor,
    }  # fmt: skip


async def test_what_is_typed_becomes_the_inputs_and_defaults_stay(dialog: InputsDialog) -> None:
    type_into(dialog, "ticket", "It is down")
    type_into(dialog, "urgency", "4")
    type_into(dialog, "tags", '["x", 2]')
    QTest.keyClick(dialog, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    (inputs,) = await next_signal(dialog.run_requested)

    assert inputs == {
        "ticket": "It is down", "customer": "customer", "urgency": 4, "factor": 1.5, "tone": "calm", "notify": True,
        "tags": ["x", 2], "extra": None,
    }  # fmt: skip
    assert not dialog.isVisible()


async def test_what_is_missing_or_wrong_is_said_under_the_field_and_nothing_runs(
    dialog: InputsDialog, parts: PanelParts
) -> None:
    asked: list[object] = []
    dialog.run_requested.connect(asked.append)
    type_into(dialog, "urgency", "9")
    dialog.submit()
    await parts.idle()

    told = {name: row.problem.text for name, row in dialog.form.rows.items() if row.problem.text}
    assert set(told) == {"ticket", "urgency"}
    assert "missing" in told["ticket"]
    assert "5" in told["urgency"]
    assert asked == []
    assert dialog.isVisible()
    assert dialog.run.isEnabled()


async def test_a_number_that_is_none_and_broken_json_are_told_at_once(dialog: InputsDialog) -> None:
    type_into(dialog, "urgency", "1.5")
    type_into(dialog, "factor", "much")
    type_into(dialog, "tags", "[1,")
    dialog.submit()

    rows = dialog.form.rows
    assert "whole number" in rows["urgency"].problem.text
    assert "a number" in rows["factor"].problem.text
    assert "line 1, column 4" in rows["tags"].problem.text
    type_into(dialog, "urgency", "2")
    assert rows["urgency"].problem.text == ""


@pytest.mark.parametrize(("text", "value"), [("7", 7), ("7.0", 7), ("1e2", 100), ("-3", -3), ("\N{MINUS SIGN}3", -3)])
async def test_whole_numbers_are_read_as_people_write_them(dialog: InputsDialog, text: str, value: int) -> None:
    editor = dialog.form.rows["urgency"].editor
    assert isinstance(editor, NumberEditor)
    editor.edit.setText(text)

    assert editor.read() == value
    assert isinstance(editor.read(), int)


async def test_any_value_may_be_text_or_json(dialog: InputsDialog) -> None:
    editor = dialog.form.rows["extra"].editor
    cases: dict[str, Json] = {"hello": "hello", "12": 12, '{"a": [1]}': {"a": [1]}, '"12"': "12"}
    for text, value in cases.items():
        type_into(dialog, "extra", text)
        assert editor.read() == value
        editor.write(value)
        assert editor.read() == value


async def test_a_choice_keeps_its_type(dialog: InputsDialog) -> None:
    editor = dialog.form.rows["tone"].editor
    choices: list[Json] = [3, None, "calm"]
    for value in choices:
        editor.write(value)
        assert editor.read() == value


async def test_saved_sets_fill_the_form_and_can_be_kept_and_removed(dialog: InputsDialog) -> None:
    dialog.show_sets(InputSets({"ticket": "last"}, {"angry": {"ticket": "NOW", "gone": 1}}))
    dialog.sets.setCurrentIndex(1)
    dialog.sets.activated.emit(1)
    assert dialog.form.values() is not None
    assert (dialog.form.values() or {})["ticket"] == "NOW"

    kept: list[tuple[str, object]] = []
    removed: list[str] = []
    dialog.save_requested.connect(lambda name, values: kept.append((name, values["ticket"])))
    dialog.remove_requested.connect(removed.append)
    dialog.keep.click()
    assert dialog.name.text() == "angry"
    dialog.name.setText("calm")
    QTest.keyClick(dialog.name, Qt.Key.Key_Return)
    dialog.remove.click()

    assert kept == [("calm", "NOW")]
    assert removed == ["angry"]
    assert dialog.isVisible()


async def test_every_field_can_be_reached_by_tab_and_has_a_name(dialog: InputsDialog) -> None:
    dialog.activateWindow()
    first = dialog.form.rows["ticket"].editor.focusProxy()
    assert first is not None
    first.setFocus()
    names = []
    for _ in range(len(WORKFLOW.inputs)):
        focused = QApplication.focusWidget()
        assert focused is not None
        names.append(focused.accessibleName())
        QTest.keyClick(focused, Qt.Key.Key_Tab)

    assert names == ["ticket, required", "customer", "urgency, required", "factor", "tone", "notify", "tags", "extra"]


async def test_the_dialog_says_what_the_run_will_cost_once_that_is_known(qapp: QApplication, home: Path) -> None:
    base = workflow(step("a", config={"value": "{{ input.x }}"}), name="Small")
    document = Workflow("Small", inputs={"x": {"type": "integer"}}, steps=base.steps)
    async with open_run_desk(document, home) as desk, panel_parts(desk.bridge) as parts:
        saved = SavedInputs(home / "inputs")

        async def estimate(workflow: Workflow) -> str:
            return f"A run of {workflow.name} costs $0.01."

        prompt = RunPrompt(
            desk.document, desk.controller, saved, desk.bridge, parts.themes, parts.icons, estimate=estimate
        )
        prompt.run()
        (dialog,) = await next_signal(prompt.prompted)
        assert not dialog.estimate.isVisible()
        await desk.idle()
        assert dialog.estimate.isVisible()
        assert dialog.estimate.text() == f"A run of {desk.document.workflow.name} costs $0.01."
        dialog.reject()
        await desk.idle()
        prompt.run(Part(until="a"))
        (dialog,) = await next_signal(prompt.prompted)
        await desk.idle()
        assert not dialog.estimate.isVisible()
        dialog.reject()
        await desk.idle()


async def test_the_inputs_of_a_run_are_offered_the_next_time(qapp: QApplication, home: Path) -> None:
    base = workflow(step("a", config={"value": "{{ input.x }}"}), name="Small")
    document = Workflow("Small", inputs={"x": {"type": "integer"}}, steps=base.steps)
    async with open_run_desk(document, home) as desk, panel_parts(desk.bridge) as parts:
        saved = SavedInputs(home / "inputs")
        prompt = RunPrompt(desk.document, desk.controller, saved, desk.bridge, parts.themes, parts.icons)
        prompt.run()
        (first,) = await next_signal(prompt.prompted)
        type_into(first, "x", "5")
        first.submit()
        assert (await desk.over()).inputs == {"x": 5}
        await desk.idle()

        prompt.run()
        (second,) = await next_signal(prompt.prompted)
        assert second.form.values() == {"x": 5}
        second.reject()
        prompt.run_again()
        assert (await desk.over()).inputs == {"x": 5}
        await desk.idle()
        assert len(desk.controller.runs) == 2
        assert desk.failures == []


async def test_inputs_of_yesterday_that_do_not_fit_today_open_the_form(qapp: QApplication, home: Path) -> None:
    document = Workflow("Small", inputs={"x": {"type": "integer"}}, steps=workflow(step("a")).steps)
    async with open_run_desk(document, home) as desk, panel_parts(desk.bridge) as parts:
        saved = SavedInputs(home / "inputs")
        saved.remember("Small", {"x": "five"})
        prompt = RunPrompt(desk.document, desk.controller, saved, desk.bridge, parts.themes, parts.icons)
        prompt.run_again()
        (dialog,) = await next_signal(prompt.prompted)
        problem = dialog.form.rows["x"].problem.text
        dialog.reject()
        await desk.idle()

    assert "does not fit" in problem
    assert desk.controller.runs == ()


async def test_a_workflow_without_inputs_starts_at_once(qapp: QApplication, home: Path) -> None:
    async with open_run_desk(workflow(step("a")), home) as desk, panel_parts(desk.bridge) as parts:
        prompt = RunPrompt(
            desk.document, desk.controller, SavedInputs(home / "inputs"), desk.bridge, parts.themes, parts.icons
        )
        prompt.run()
        assert (await desk.over()).status == "completed"
