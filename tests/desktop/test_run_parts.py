"""Running a part from the window: to a step, from a step, one alone, with an edited output; pins and stale marks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QLineEdit

from core.engine.part import Given, Part
from core.workflow.edits import rename, set_config_field
from core.workflow.model import Workflow
from desktop.dialogs.inputs import InputsDialog
from desktop.dialogs.output_editor import OutputEditor
from desktop.dialogs.run_prompt import RunPrompt
from desktop.run_marks import RunMarks
from desktop.run_parts import RunParts
from desktop.run_pins import RunPins
from desktop.saved_inputs import SavedInputs
from desktop.watched_run import WatchedRun
from tests.support.desktop_runs import RunDesk, open_run_desk
from tests.support.engine_rig import step, workflow
from tests.support.panel_parts import PanelParts, panel_parts
from tests.support.qt_loop import next_signal

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")  # offscreen

DOCUMENT = Workflow(
    "Chain",
    inputs={"x": {"type": "integer"}},
    steps=workflow(
        step("a", config={"value": "{{ input.x }}"}, then="b", title="First"),
        step("b", config={"value": "b of {{ a.value }}"}, then="c"),
        step("c", config={"value": "c of {{ b.value }}"}),
        step("note", "note"),
    ).steps,
)


@dataclass
class Bench:
    """A document with its runs, and what runs parts of it."""

    desk: RunDesk
    panel: PanelParts
    prompt: RunPrompt
    parts: RunParts
    pins: RunPins
    marks: RunMarks
    refused: list[Exception]

    async def run(self, x: int = 1) -> WatchedRun:
        return await self.desk.finish({"x": x})

    async def after(self) -> list[str]:
        """What really ran in the run that ends next."""
        self.desk.stage.ran.clear()
        await self.desk.over()
        return self.desk.stage.paths

    def change(self, step_id: str, value: object) -> None:
        self.desk.document.apply(
            "Change", lambda w: set_config_field(w, step_id, "value", value)  # type: ignore[arg-type] # Json
        )  # fmt: skip

    def stale(self) -> dict[str, str]:
        self.marks.refresh()
        marks = self.desk.controller.overlay.marks
        return {step_id: mark.stale for step_id, mark in marks.items() if mark.stale}


@pytest.fixture
async def bench(qapp: QApplication, home: Path) -> AsyncIterator[Bench]:
    async with open_run_desk(DOCUMENT, home) as desk, panel_parts(desk.bridge) as panel:
        controller, saved = desk.controller, SavedInputs(home / "inputs")
        desk.document.version = 1
        pins = RunPins(desk.workspace.pins, desk.document, desk.bridge, controller)
        controller.pins = pins.pins
        prompt = RunPrompt(desk.document, controller, saved, desk.bridge, panel.themes, panel.icons)
        parts = RunParts(
            desk.document, controller, lambda: prompt, pins, desk.workspace.types, saved, desk.bridge, panel.themes,
            panel.icons,
        )  # fmt: skip
        refused: list[Exception] = []
        parts.refused.connect(refused.append)
        marks = RunMarks(desk.document, controller, pins, desk.bridge, controller)
        yield Bench(desk, panel, prompt, parts, pins, marks, refused)
        for each in (prompt, marks):
            each.deleteLater()


async def test_before_any_run_only_what_needs_no_results_can_be_done(bench: Bench) -> None:
    parts = bench.parts
    assert (parts.can_run("b"), parts.can_run_from("b"), parts.can_pin("b")) == (True, False, False)
    assert not parts.can_run("note")
    await bench.run()
    assert (parts.can_run_from("b"), parts.can_pin("b")) == (True, True)


async def test_to_a_step_asks_for_inputs_the_first_time_and_uses_results_later(bench: Bench) -> None:
    bench.parts.run_until("b")
    (dialog,) = await next_signal(bench.prompt.prompted)
    assert isinstance(dialog, InputsDialog)
    keyboard = dialog.form.rows["x"].editor.focusProxy()
    assert keyboard is not None
    QTest.keyClicks(keyboard, "4")
    dialog.submit()
    assert await bench.after() == ["a", "b"]
    shown = bench.desk.controller.shown
    assert shown is not None
    assert shown.outputs is not None
    assert shown.outputs["value"] == "b of 4"
    assert "c" not in shown.overlay.by_id

    bench.parts.run_until("b")
    assert await bench.after() == ["b"]


async def test_from_a_step_uses_what_went_before_and_shows_that_on_the_steps(bench: Bench) -> None:
    await bench.run(7)
    bench.parts.run_from("b")
    assert await bench.after() == ["b", "c"]
    shown = bench.desk.controller.shown
    assert shown is not None
    assert shown.inputs == {"x": 7}
    assert (shown.overlay.by_id["a"].cause, shown.overlay.by_id["b"].cause) == ("reused", "forced")


async def test_an_edit_makes_results_stale_and_a_run_from_there_takes_the_marks_away(bench: Bench) -> None:
    await bench.run()
    bench.change("a", 5)
    assert bench.stale() == {
        "a": "Stale: its settings have changed since this run.",
        "b": "Stale: “First” before it has changed since this run.",
        "c": "Stale: “First” before it has changed since this run.",
    }
    bench.desk.document.stack.undo()
    assert bench.stale() == {}
    bench.desk.document.stack.redo()
    bench.parts.run_from("a")
    assert await bench.after() == ["a", "b", "c"]
    assert bench.stale() == {}


async def test_a_step_alone_is_asked_for_what_it_reads_with_the_last_values_filled_in(bench: Bench) -> None:
    await bench.run(3)
    bench.parts.run_alone("c")
    dialog = await _asked(bench)
    assert isinstance(dialog, InputsDialog)
    assert dialog.form.values() == {"b.value": "b of 3"}
    dialog.form.rows["b.value"].editor.write("typed")
    dialog.submit()
    assert await bench.after() == ["c"]
    shown = bench.desk.controller.shown
    assert shown is not None
    assert shown.outputs is not None
    assert shown.outputs["value"] == "c of typed"
    assert shown.overlay.by_id["b"].output == {"attempt": 1, "key": "", "value": "typed"}

    await bench.desk.idle()
    bench.parts.run_alone("c")
    again = await _asked(bench)
    assert isinstance(again, InputsDialog)
    again.sets.setCurrentIndex(0)
    again.sets.activated.emit(0)
    assert again.form.values() == {"b.value": "typed"}
    again.reject()


async def test_values_for_a_step_alone_are_kept_under_a_name(bench: Bench) -> None:
    bench.parts.run_alone("b")
    dialog = await _asked(bench)
    assert isinstance(dialog, InputsDialog)
    dialog.form.rows["a.value"].editor.write("kept")
    dialog.save_requested.emit("mine", {"a.value": "kept"})
    await bench.desk.idle()
    dialog.reject()
    bench.parts.run_alone("b")
    again = await _asked(bench)
    assert isinstance(again, InputsDialog)
    assert [again.sets.itemText(row) for row in range(again.sets.count())] == ["mine"]
    again.reject()


async def test_a_step_alone_that_reads_nothing_starts_at_once(bench: Bench) -> None:
    bench.change("a", 9)
    bench.parts.run_alone("a")
    assert await bench.after() == ["a"]


async def test_a_run_of_a_step_alone_is_not_what_others_go_on_from(bench: Bench) -> None:
    whole = await bench.run()
    bench.change("a", 9)
    bench.parts.run_alone("a")
    await bench.after()
    assert bench.parts.base() is whole


async def test_an_edited_output_runs_on_from_there(bench: Bench) -> None:
    await bench.run()
    bench.parts.edit_output("a")
    dialog = await _asked(bench)
    assert isinstance(dialog, OutputEditor)
    assert dialog.run.isEnabled()
    dialog.form.rows["value"].editor.write(42)
    QTest.mouseClick(dialog.run, Qt.MouseButton.LeftButton)
    assert await bench.after() == ["b", "c"]
    shown = bench.desk.controller.shown
    assert shown is not None
    assert shown.overlay.by_id["a"].cause == "edited"
    assert shown.overlay.by_id["c"].output is not None
    assert shown.overlay.by_id["c"].output["value"] == "c of b of 42"


async def test_an_output_can_be_written_and_pinned_before_anything_ran(bench: Bench) -> None:
    bench.parts.edit_output("a")
    dialog = await _asked(bench)
    assert isinstance(dialog, OutputEditor)
    assert not dialog.run.isEnabled()
    assert "Run the workflow once" in dialog.run.toolTip()
    assert dialog.form.rows == {}  # this type of step says nothing of its output
    dialog.reject()


async def test_a_pinned_step_does_not_run_and_is_marked_until_it_is_unpinned(bench: Bench) -> None:
    await bench.run(1)
    bench.parts.toggle_pin("a")
    assert bench.desk.controller.overlay.marks["a"].pinned
    bench.desk.stage.ran.clear()
    await bench.run(2)
    assert bench.desk.stage.paths == ["b", "c"]
    assert await bench.desk.workspace.pins.of("Chain") == bench.pins.pins()

    bench.parts.toggle_pin("a")
    await bench.desk.idle()
    assert await bench.desk.workspace.pins.of("Chain") == {}
    bench.desk.stage.ran.clear()
    await bench.run(2)
    assert bench.desk.stage.paths == ["a", "b", "c"]


async def test_who_asks_for_a_pinned_step_by_name_gets_it_run(bench: Bench) -> None:
    await bench.run()
    bench.parts.toggle_pin("b")
    bench.parts.run_from("b")
    assert await bench.after() == ["b", "c"]


async def test_pins_are_there_again_and_follow_a_step_to_another_id(bench: Bench) -> None:
    desk = bench.desk
    await desk.workspace.pins.set("Chain", "b", Given({"value": "kept"}))
    pins = RunPins(desk.workspace.pins, desk.document, desk.bridge, desk.controller)
    await next_signal(pins.changed)
    assert pins.pins() == {"b": Given({"value": "kept"})}
    desk.document.apply("Rename", lambda w: rename(w, "b", "better", types=desk.workspace.types))
    await desk.idle()
    assert list(pins.pins()) == ["better"]
    assert list(await desk.workspace.pins.of("Chain")) == ["better"]


async def test_pins_of_a_document_that_was_never_saved_are_kept_once_it_is(bench: Bench) -> None:
    desk = bench.desk
    desk.document.version = 0
    pins = RunPins(desk.workspace.pins, desk.document, desk.bridge, desk.controller)
    pins.pin("a", Given({"value": 1}))
    await desk.idle()
    assert await desk.workspace.pins.of("Chain") == {}
    desk.document.version = 1
    bench.change("b", "something else")
    await desk.idle()
    assert list(await desk.workspace.pins.of("Chain")) == ["a"]


async def test_a_failed_step_is_tried_again_in_the_same_run_unless_the_document_changed(bench: Bench) -> None:
    document = bench.desk.document
    document.apply("Break", lambda w: set_config_field(w, "b", "fails", 1))
    failed = await bench.run()
    assert failed.status == "failed"
    bench.parts.retry("b")
    assert await bench.after() == ["b", "c"]
    assert len(bench.desk.controller.runs) == 1

    document.apply("Break", lambda w: set_config_field(w, "b", "fails", -1))
    await bench.run()
    document.apply("Mend", lambda w: set_config_field(w, "b", "fails", 0))
    bench.parts.retry("b")
    assert await bench.after() == ["b", "c"]
    assert len(bench.desk.controller.runs) == 3


async def test_why_a_part_cannot_run_is_told(bench: Bench) -> None:
    bench.desk.document.apply("Break", lambda w: w.with_step(step("b", "no_such_type")))
    bench.parts.run_alone("b")
    await bench.desk.idle()
    assert len(bench.refused) == 1
    assert "no_such_type" in str(bench.refused[0])


def type_x(dialog: InputsDialog, text: str) -> None:
    (field,) = dialog.form.rows["x"].editor.findChildren(QLineEdit)
    field.selectAll()
    QTest.keyClicks(field, text)


async def test_a_run_with_other_inputs_keeps_what_still_holds(bench: Bench) -> None:
    assert not bench.parts.can_reuse()
    await bench.run(1)
    assert bench.parts.can_reuse()
    bench.change("c", "C of {{ b.value }}")
    bench.parts.run_reusing()
    (dialog,) = await next_signal(bench.prompt.prompted)
    await bench.desk.idle()
    assert dialog.form.values() == {"x": 1}
    assert dialog.reuse.isVisible()
    assert dialog.reuse.isChecked()
    dialog.submit()
    assert await bench.after() == ["c"]

    bench.parts.run_reusing()
    (dialog,) = await next_signal(bench.prompt.prompted)
    await bench.desk.idle()
    type_x(dialog, "2")
    dialog.submit()
    assert await bench.after() == ["a", "b", "c"]
    run = bench.desk.controller.shown
    assert run is not None
    assert run.inputs == {"x": 2}


async def test_an_older_run_is_the_base_if_it_was_chosen_and_nothing_is_kept_if_that_is_not_wanted(
    bench: Bench,
) -> None:
    first = await bench.run(1)
    await bench.run(2)
    record = await bench.desk.workspace.journal.run(first.id)
    bench.parts.run_reusing(record)
    (dialog,) = await next_signal(bench.prompt.prompted)
    await bench.desk.idle()
    assert dialog.form.values() == {"x": 1}
    dialog.submit()
    assert await bench.after() == []

    bench.parts.run_reusing(record)
    (dialog,) = await next_signal(bench.prompt.prompted)
    await bench.desk.idle()
    QTest.mouseClick(dialog.reuse, Qt.MouseButton.LeftButton, pos=QPoint(8, dialog.reuse.height() // 2))
    assert not dialog.reuse.isChecked()
    dialog.submit()
    assert await bench.after() == ["a", "b", "c"]


async def test_a_run_of_one_step_alone_offers_its_inputs_and_keeps_nothing(bench: Bench) -> None:
    await bench.run(5)
    alone = await bench.desk.workspace.journal.run(bench.desk.controller.runs[-1].id)
    record = replace(alone, part=Part(only="b"))
    bench.parts.run_reusing(record)
    (dialog,) = await next_signal(bench.prompt.prompted)
    await bench.desk.idle()
    assert dialog.form.values() == {"x": 5}
    assert not dialog.reuse.isVisible()
    dialog.submit()
    assert await bench.after() == ["a", "b", "c"]


async def _asked(bench: Bench) -> InputsDialog | OutputEditor:
    """The dialog that is open, or is opened next."""
    found = next(
        (each for each in QApplication.topLevelWidgets() if isinstance(each, QDialog) and each.isVisible()), None
    )
    if found is None:
        (found,) = await next_signal(bench.parts.prompted)
    assert isinstance(found, InputsDialog | OutputEditor)
    return found
