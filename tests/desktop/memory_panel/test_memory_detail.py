"""One memory whole: corrected with the outcome said, taken back, led back to where it came from."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from core.store.memory_records import Memory, Source
from desktop.memory_panel.panel import WIDE
from desktop.program import Program
from tests.support.desktop_program import until
from tests.support.memory_panel import (
    button_of,
    click_row,
    listed,
    memories_of,
    panel_of,
    press,
    see,
    state_of,
    tell,
    undo,
)

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")

LIVES, DOG = "Ada lives in Porto.", "The dog is called Bruno."


@pytest.fixture
async def memory(program: Program, agent: UUID) -> Memory:
    """A memory that came from a conversation and a run; another one stands beside it."""
    source = Source("assistant", "Concierge", conversation=str(uuid4()), message="4", run="run-1")
    outcome = await tell(program, agent, LIVES, source=source, importance=0.8)
    await tell(program, agent, DOG)
    program.memories.refresh()
    await see(program, LIVES, DOG)
    assert outcome.memory is not None
    return outcome.memory


async def opened(program: Program, text: str = LIVES) -> None:
    """Open a memory as a click on its row does."""
    detail = panel_of(program).detail
    click_row(program, text)
    await until(lambda: detail.isVisible() and bool(history(program)))


def history(program: Program) -> list[str]:
    """What the shown history says, newest first."""
    view = panel_of(program).detail.history
    return [change.kind for change in view._changes]


def type_over(program: Program, text: str) -> None:
    words = panel_of(program).detail.fields.words
    words.selectAll()
    QTest.keyClicks(words, text)


async def test_a_correction_is_kept_said_and_undone(program: Program, memory: Memory) -> None:
    await opened(program)
    detail = panel_of(program).detail
    assert not detail.save_button.isVisible()
    type_over(program, "Ada lives in Braga.")
    assert detail.save_button.isVisible()
    press(detail.keep_old)
    assert not detail.keep_old.isChecked()
    QTest.keyClick(detail.fields.words, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    await until(lambda: history(program) == ["edited", "made"])
    assert not detail.save_button.isVisible()
    assert program.window.toasts.shown[-1].title == "The memory is changed"
    assert (await memories_of(program).get(memory.id)).content == "Ada lives in Braga."
    undo(program)
    await until(lambda: history(program) == ["restored", "edited", "made"])
    assert detail.fields.words.toPlainText() == LIVES


async def test_a_fact_that_has_changed_leaves_the_old_one_with_its_time_and_is_undone(
    program: Program, memory: Memory
) -> None:
    await opened(program)
    detail = panel_of(program).detail
    type_over(program, "Ada lives in Braga.")
    assert detail.keep_old.isVisible()
    assert detail.keep_old.isChecked()
    press(detail.save_button)
    await until(lambda: detail.memory is not None and detail.memory.id != memory.id and history(program) == ["made"])
    assert detail.memory is not None
    assert detail.memory.content == "Ada lives in Braga."
    await until(detail.older.isVisible)
    assert detail._facts["Before"].text().startswith(f"“{LIVES}”, until ")
    old = await memories_of(program).get(memory.id)
    assert (old.state, old.superseded_by) == ("replaced", detail.memory.id)
    assert program.window.toasts.shown[-1].title == "It holds from now on"
    press(detail.older)
    await until(lambda: detail.memory is not None and detail.memory.id == memory.id)
    undo(program)
    await until(lambda: history(program) == ["restored", "replaced", "made"])
    assert (await memories_of(program).get(memory.id)).state == "live"


async def test_mere_wording_is_corrected_without_a_question(program: Program, memory: Memory) -> None:
    await opened(program)
    detail = panel_of(program).detail
    type_over(program, LIVES.rstrip(".") + "!")
    assert detail.save_button.isVisible()
    assert not detail.keep_old.isVisible()
    press(detail.save_button)
    await until(lambda: history(program) == ["edited", "made"])


async def test_a_refused_correction_says_why_and_keeps_what_was_typed(program: Program, memory: Memory) -> None:
    await opened(program)
    detail = panel_of(program).detail
    type_over(program, "The password is hunter2trois")
    press(detail.save_button)
    await until(lambda: "Secrets belong in the keyring" in detail.fields.problem.text())
    assert detail.fields.words.toPlainText() == "The password is hunter2trois"
    assert detail.save_button.isEnabled()
    type_over(program, DOG)
    press(detail.save_button)
    await until(lambda: "Another memory says just that" in detail.fields.problem.text())
    press(detail.discard_button)
    assert detail.fields.words.toPlainText() == LIVES
    assert (await memories_of(program).get(memory.id)).content == LIVES


async def test_what_was_typed_and_not_saved_is_there_when_one_comes_back(program: Program, memory: Memory) -> None:
    await opened(program)
    detail = panel_of(program).detail
    type_over(program, "Ada lives in Lisbon.")
    press(detail.back)
    await opened(program, DOG)
    assert detail.fields.words.toPlainText() == DOG
    press(detail.back)
    await opened(program)
    assert detail.fields.words.toPlainText() == "Ada lives in Lisbon."
    assert detail.save_button.isVisible()


async def test_what_was_typed_outlives_a_look_elsewhere_and_a_change_behind_the_window(
    program: Program, memory: Memory
) -> None:
    await opened(program)
    detail = panel_of(program).detail
    type_over(program, "Ada lives in Lisbon.")
    program.window.docks.reveal("inspector")
    await memories_of(program).pin(memory.id)
    program.memories.refresh()
    await until(lambda: history(program) == ["pinned", "made"])
    program.window.docks.reveal("memory")
    assert detail.fields.words.toPlainText() == "Ada lives in Lisbon."
    assert detail.save_button.isVisible()


async def test_importance_and_type_are_changed_by_keys(program: Program, memory: Memory) -> None:
    await opened(program)
    fields = panel_of(program).detail.fields
    QTest.keyClick(fields.importance, Qt.Key.Key_Right)
    QTest.keyClick(fields.kind, Qt.Key.Key_Down)
    press(panel_of(program).detail.save_button)
    await until(lambda: history(program) == ["edited", "made"])
    kept = await memories_of(program).get(memory.id)
    assert (kept.type, kept.importance) == ("learned", 0.85)


async def test_an_importance_between_two_percents_is_no_change(program: Program, agent: UUID) -> None:
    await tell(program, agent, LIVES, importance=1 / 3)
    program.memories.refresh()
    await see(program, LIVES)
    await opened(program)
    assert not panel_of(program).detail.save_button.isVisible()


async def test_the_history_leads_back_to_every_earlier_state(program: Program, memory: Memory) -> None:
    for text in ("Ada lives in Braga.", "Ada lives in Faro."):
        await memories_of(program).edit(memory.id, content=text, supersede=False, who="Ada", cause="she moved")
    program.memories.refresh()
    await see(program, "Ada lives in Faro.", DOG)
    await opened(program, "Ada lives in Faro.")
    await until(lambda: len(history(program)) == 3)
    detail = panel_of(program).detail
    press(button_of(detail.history, "Back to this"))  # the first: the one before the newest
    await until(lambda: history(program)[0] == "restored")
    assert detail.fields.words.toPlainText() == "Ada lives in Braga."


async def test_a_superseded_memory_leads_to_the_one_that_holds(program: Program, agent: UUID) -> None:
    old = (await tell(program, agent, "Ada's favourite colour is blue.")).memory
    await tell(program, agent, "Ada's favourite colour is green.")
    assert old is not None
    panel = panel_of(program)
    panel.open_id(old.id)
    await until(lambda: panel.detail.state.text() == "Superseded")
    press(panel.detail.newer)
    await until(lambda: panel.detail.state.text() == "Holds")
    assert panel.detail.fields.words.toPlainText() == "Ada's favourite colour is green."


async def test_a_memory_is_pinned_forgotten_and_brought_back_from_its_page(program: Program, memory: Memory) -> None:
    await opened(program)
    detail = panel_of(program).detail
    press(detail.pin)
    await until(lambda: detail.pin.text().strip() == "Pinned")
    press(detail.forget)
    await until(lambda: detail.state.text() == "Forgotten")
    assert "recall it no more" in detail._standing_text.text()
    press(detail.bring_back)
    await until(lambda: detail.state.text() == "Holds")
    assert await state_of(program, memory.id) == "live"


async def test_a_memory_links_to_the_message_and_the_run_that_it_came_from(program: Program, memory: Memory) -> None:
    conversations: list[tuple[str, str]] = []
    runs: list[str] = []
    program.memories.conversation_wanted.connect(lambda one, message: conversations.append((one, message)))
    program.memories.run_wanted.disconnect()
    program.memories.run_wanted.connect(runs.append)
    await opened(program)
    press(panel_of(program).detail.conversation)
    press(panel_of(program).detail.run)
    assert conversations == [(memory.source.conversation, "4")]
    assert runs == ["run-1"]


async def test_one_that_was_erased_elsewhere_leads_back_to_the_list(program: Program, memory: Memory) -> None:
    await opened(program)
    await memories_of(program).forget_for_good(memory.id)
    program.memories.refresh()
    await until(lambda: panel_of(program).list.isVisible())
    await see(program, DOG)


async def test_escape_and_return_go_between_list_and_memory(program: Program, memory: Memory) -> None:
    panel = panel_of(program)
    program.window.activateWindow()
    panel.list.view.setFocus()
    panel.list.view.setCurrentIndex(panel.list.rows.index(listed(program).index(DOG)))
    QTest.keyClick(panel.list.view, Qt.Key.Key_Return)
    await until(panel.detail.isVisible)
    assert panel.window().focusWidget() is panel.detail.fields.words
    QTest.keyClick(panel.detail.fields.words, Qt.Key.Key_Escape)
    assert panel.list.isVisible()
    assert panel.window().focusWidget() is panel.list.view


async def test_list_and_memory_stand_side_by_side_where_there_is_room(program: Program, memory: Memory) -> None:
    panel = panel_of(program)
    dock = program.window.docks.get("memory")
    dock.setFloating(True)
    dock.resize(WIDE + 200, 600)
    await until(lambda: panel.list.isVisible() and panel.detail.isVisible())
    click_row(program, DOG)
    await until(lambda: panel.detail.fields.words.toPlainText() == DOG)
    assert not panel.detail.back.isVisible()
