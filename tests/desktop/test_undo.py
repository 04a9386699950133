from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from core.workflow import edits
from core.workflow.model import Workflow
from core.workflow.problems import WorkflowError
from core.workflow.sameness import same
from desktop.dialogs.edit_history import EditHistoryDialog
from desktop.document import Changes, OpenDocument, changes_between
from desktop.edit_history import Entry, go_to, history
from desktop.icons import Icons
from desktop.theme import ThemeManager
from tests.support.edit_steps import Edit, edit_sequences, small_documents
from tests.support.wired_steps import document, wired_step_types

TYPES = wired_step_types()


def sample() -> Workflow:
    return document(
        {
            "a": {"type": "ask", "then": "b"},
            "b": {"type": "ask"},
            "each": {"type": "loop", "body": {"x": {"type": "ask"}}},
        },
        layout={"a": [0, 0]},
    )


@given(small_documents(), edit_sequences(TYPES))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_undoing_everything_and_redoing_it_gives_the_very_same_documents(
    workflow: Workflow, sequence: list[Edit]
) -> None:
    opened = OpenDocument(workflow)
    states = [workflow]
    for edit in sequence:
        try:
            changed = opened.apply(edit.kind, edit)
        except WorkflowError:
            assert opened.workflow is states[-1]
            continue
        assert changed != same(opened.workflow, states[-1])
        if changed:
            states.append(opened.workflow)
    for state in reversed(states[:-1]):
        opened.stack.undo()
        assert opened.workflow is state
    assert opened.is_saved
    assert not opened.stack.canUndo()
    for state in states[1:]:
        opened.stack.redo()
        assert opened.workflow is state


@given(small_documents(), edit_sequences(TYPES))
@settings(max_examples=60, deadline=None)
def test_changes_name_exactly_the_steps_that_differ(workflow: Workflow, sequence: list[Edit]) -> None:
    old = workflow
    for edit in sequence:
        try:
            workflow = edit(workflow)
        except WorkflowError:
            continue
    before = {step.id: (step, path[-1:]) for path, step in old.walk()}
    after = {step.id: (step, path[-1:]) for path, step in workflow.walk()}
    both = before.keys() & after.keys()
    changes = changes_between(old, workflow)
    assert changes.added == after.keys() - before.keys()
    assert changes.removed == before.keys() - after.keys()
    assert changes.changed == {key for key in both if not same(before[key][0], after[key][0])}
    places = old.layout.keys() | workflow.layout.keys()
    moved = {key for key in both if before[key][1] != after[key][1]} | (old.collapsed ^ workflow.collapsed)
    assert changes.moved == moved | {key for key in places if old.layout.get(key) != workflow.layout.get(key)}
    assert changes.regrouped == (old.groups != workflow.groups)


def test_a_change_from_one_to_true_is_a_change() -> None:
    opened = OpenDocument(edits.set_config_field(sample(), "a", "n", 1))
    assert opened.apply("Set n", lambda w: edits.set_config_field(w, "a", "n", True))
    assert changes_between(sample(), opened.workflow).changed == {"a"}
    assert not opened.apply("Set n", lambda w: edits.set_config_field(w, "a", "n", True))


def test_a_step_that_goes_into_a_loop_is_told_as_moved() -> None:
    old = sample()
    changes = changes_between(old, edits.move_into_body(old, ["b"], "each"))
    assert "b" in changes.moved
    assert changes.changed == {"a", "each"}
    assert changes.rewired


def test_groups_and_collapsing_are_told_apart_from_other_changes() -> None:
    old = sample()
    assert changes_between(old, edits.add_group(old, ["a"])[0]) == Changes(regrouped=True)
    collapsed = changes_between(old, edits.set_collapsed(old, ["x"], True))
    assert collapsed == Changes(moved=frozenset({"x"}))
    assert collapsed.only_moved


def test_a_burst_of_typing_is_one_entry_and_typing_back_leaves_none() -> None:
    opened = OpenDocument(sample())
    for text in ("h", "he", "hel"):
        opened.apply(
            "Edit prompt", partial(edits.set_config_field, step_id="a", path="prompt", value=text), merge="a.prompt"
        )
    opened.apply("Edit title", lambda w: edits.set_title(w, "a", "T"), merge="a.title")
    assert [entry.label for entry in history(opened)] == ["", "Edit prompt", "Edit title"]
    opened.apply("Edit title", lambda w: edits.set_title(w, "a", ""), merge="a.title")
    assert [entry.label for entry in history(opened)] == ["", "Edit prompt"]


def test_the_history_shows_where_one_is_and_what_is_saved_and_goes_anywhere() -> None:
    opened = OpenDocument(sample())
    for title in ("one", "two", "three"):
        opened.apply(f"Call it {title}", partial(edits.set_title, step_id="a", title=title))
        if title == "two":
            opened.mark_saved()
    go_to(opened, 1)
    assert opened.workflow.steps["a"].title == "one"
    assert history(opened) == [
        Entry("", False, False),
        Entry("Call it one", True, False),
        Entry("Call it two", False, True),
        Entry("Call it three", False, False),
    ]
    go_to(opened, 3)
    assert opened.workflow.steps["a"].title == "three"
    with pytest.raises(IndexError, match="4 states"):
        go_to(opened, 4)


def test_what_is_read_only_cannot_be_edited() -> None:
    opened = OpenDocument(sample(), read_only=True)
    assert not opened.apply("Remove", lambda w: edits.remove_steps(w, ["a"]))
    assert opened.stack.count() == 0


@pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")
def test_the_list_of_edits_is_shown_and_leads_to_any_state(qtbot: QtBot) -> None:
    opened = OpenDocument(Workflow("One"))
    opened.apply("Rename to Two", lambda workflow: replace(workflow, name="Two"))
    opened.apply("Rename to Three", lambda workflow: replace(workflow, name="Three"))
    dialog = EditHistoryDialog(None, opened, Icons(), ThemeManager())
    qtbot.addWidget(dialog)
    dialog.show()

    def press(row: int) -> None:
        place = dialog.list.visualItemRect(dialog.list.item(row)).center()
        QTest.mouseClick(dialog.list.viewport(), Qt.MouseButton.LeftButton, pos=place)

    shown = [dialog.list.item(row).text() for row in range(dialog.list.count())]
    assert shown == ["Rename to Three", "Rename to Two", "As it was opened  (saved)"]
    press(2)
    assert opened.workflow.name == "One"
    press(1)
    assert opened.workflow.name == "Two"
    assert dialog.list.currentRow() == 1
