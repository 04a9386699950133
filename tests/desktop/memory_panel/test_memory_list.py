"""The list of memories on a real database: found, narrowed, pinned, forgotten, confirmed, by mouse and keys."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from uuid import UUID

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QMenu

from core.store.memories import MemoryRecords
from core.store.memory_records import Source
from desktop.memory_panel import desk
from desktop.memory_panel.add_dialog import AddDialog
from desktop.memory_panel.desk import LOOK_MS, NEAR_MS
from desktop.program import Program
from tests.support.desktop_program import until
from tests.support.memory_panel import (
    all_of,
    button_of,
    click_row,
    listed,
    make_agent,
    memories_of,
    panel_of,
    press,
    question_of,
    see,
    state_of,
    tell,
    undo,
)

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")

DOG, BUDGET, HOURS = "The dog is called Bruno.", "The budget is 5000 euros.", "Breakfast is served from seven to ten."


@pytest.fixture
async def known(program: Program, agent: UUID) -> dict[str, UUID]:
    """Three memories, two of the agent and a shared one, and their ids."""
    made = {}
    for owner, text in ((agent, DOG), (agent, BUDGET), (None, HOURS)):
        outcome = await tell(program, owner, text, "learned" if text == BUDGET else "fact")
        assert outcome.memory is not None
        made[text] = outcome.memory.id
    program.memories.refresh()
    await see(program, DOG, BUDGET, HOURS)
    return made


def choose(program: Program, section: str, entry: str) -> None:
    """Choose an entry of the filter's menu."""
    menus = {action.text(): action.menu() for action in panel_of(program).list.filters.menu.actions()}
    menu = menus[section]
    assert isinstance(menu, QMenu)
    next(each for each in menu.actions() if each.text() == entry).trigger()


async def test_an_empty_memory_says_what_to_do_and_a_memory_is_added_by_hand(program: Program, agent: UUID) -> None:
    panel = panel_of(program)
    await until(panel.list.view.isHidden)
    press(button_of(panel.list, "Remember something…"))
    dialog = panel.findChild(AddDialog)
    assert isinstance(dialog, AddDialog)
    assert not dialog.agree.isEnabled()
    assert dialog.owner.currentText() == "Shared by all agents"
    QTest.keyClick(dialog.owner, Qt.Key.Key_Home)
    QTest.keyClicks(dialog.fields.words, DOG)
    QTest.keyClick(dialog.fields.words, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    await see(program, DOG)
    assert program.window.toasts.shown[-1].title == "It is remembered"
    (memory,) = await all_of(program)
    assert (memory.agent_id, memory.source.who, memory.state) == (agent, "you", "live")


async def test_a_secret_is_refused_in_the_dialog_and_what_was_typed_stays(program: Program, agent: UUID) -> None:
    panel = panel_of(program)
    panel.add()
    dialog = panel.findChild(AddDialog)
    assert isinstance(dialog, AddDialog)
    QTest.keyClicks(dialog.fields.words, "The password is hunter2trois")
    press(dialog.agree)
    await until(lambda: "password" in dialog.fields.problem.text())
    assert dialog.isVisible()
    assert dialog.fields.words.toPlainText() == "The password is hunter2trois"
    assert await all_of(program) == ()
    dialog.reject()


async def test_what_a_new_memory_supersedes_is_said(program: Program, agent: UUID) -> None:
    await tell(program, agent, "Ada's favourite colour is blue.")
    panel = panel_of(program)
    panel.add()
    dialog = panel.findChild(AddDialog)
    assert isinstance(dialog, AddDialog)
    QTest.keyClick(dialog.owner, Qt.Key.Key_Home)
    QTest.keyClicks(dialog.fields.words, "Ada's favourite colour is green.")
    press(dialog.agree)
    await see(program, "Ada's favourite colour is green.")
    toast = program.window.toasts.shown[-1]
    assert "superseded" in toast.title
    assert "blue" in toast.text


async def test_memories_are_found_by_words_owner_type_and_state(program: Program, known: dict[str, UUID]) -> None:
    part = panel_of(program).list
    QTest.keyClicks(part.search, "euros")
    await see(program, BUDGET)
    assert part.count.text() == "1 memory"
    press(part.clear)
    await see(program, *known)
    choose(program, "Type", "Learned")
    await see(program, BUDGET)
    assert part.count.text() == "1 memory  ·  Learned"
    press(part.clear)
    await see(program, *known)
    QTest.keyClick(part.owner, Qt.Key.Key_End)
    await see(program, HOURS)
    QTest.keyClicks(part.search, "euros")
    await until(part.view.isHidden)
    press(button_of(part, "Show all"))
    await see(program, *known)


async def test_a_forgotten_memory_comes_back_by_undo_and_from_the_list_of_the_forgotten(
    program: Program, known: dict[str, UUID]
) -> None:
    part = panel_of(program).list
    click_row(program, DOG)
    panel_of(program).go_back()
    QTest.keyClick(part.view, Qt.Key.Key_Delete)
    await see(program, BUDGET, HOURS)
    toast = program.window.toasts.shown[-1]
    assert (toast.title, toast.text) == ("It is forgotten", f"“{DOG}”")
    undo(program)
    await see(program, *known)

    click_row(program, DOG, Qt.KeyboardModifier.ControlModifier)
    click_row(program, HOURS, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(part.view, Qt.Key.Key_Delete)
    await see(program, BUDGET)
    choose(program, "How it stands", "Forgotten")
    await see(program, DOG, HOURS)
    click_row(program, HOURS, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(part.view, Qt.Key.Key_B)
    await see(program, DOG)
    assert await state_of(program, known[HOURS]) == "live"


async def test_forgetting_for_good_asks_once_and_says_what_goes(program: Program, known: dict[str, UUID]) -> None:
    part = panel_of(program).list
    click_row(program, DOG, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(part.view, Qt.Key.Key_Delete, Qt.KeyboardModifier.ShiftModifier)
    asked = question_of(program)
    assert DOG in asked.text
    assert "cannot be undone" in asked.text
    assert asked.buttons["keep"].isDefault()
    asked.reject()
    assert len(await all_of(program)) == 3
    program.window.activateWindow()  # a desktop does that by itself
    await until(part.view.hasFocus)

    QTest.keyClick(part.view, Qt.Key.Key_Delete, Qt.KeyboardModifier.ShiftModifier)
    press(button_of(question_of(program), "Forget for good"))
    await see(program, BUDGET, HOURS)
    (line,) = await memories_of(program).history(known[DOG])
    assert (line.kind, line.content) == ("erased", "")


async def test_letters_pin_and_unpin_and_the_pinned_can_be_listed(program: Program, known: dict[str, UUID]) -> None:
    part = panel_of(program).list
    click_row(program, HOURS, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(part.view, Qt.Key.Key_P)
    await until(lambda: any(toast.title == "It is pinned" for toast in program.window.toasts.shown))
    choose(program, "How it stands", "Pinned")
    await see(program, HOURS)
    click_row(program, HOURS, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(part.view, Qt.Key.Key_U)
    await see(program)


async def test_what_came_from_outside_is_counted_listed_confirmed_and_rejected(
    program: Program, agent: UUID, known: dict[str, UUID]
) -> None:
    museum, tickets = "The museum is closed on Mondays.", "Tickets cost 12 euros."
    first = await tell(program, agent, museum, source=Source("web", "museum.example"))
    second = await tell(program, agent, tickets, source=Source("mcp", "tickets"))
    assert first.memory
    assert second.memory
    program.memories.refresh()
    await until(lambda: program.window.docks.get("memory").windowTitle() == "Memory (2)")
    press(panel_of(program).waiting_button)
    await see(program, museum, tickets)

    click_row(program, museum, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(panel_of(program).list.view, Qt.Key.Key_C)
    await see(program, tickets)
    click_row(program, tickets, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(panel_of(program).list.view, Qt.Key.Key_R)
    await see(program)
    await until(lambda: program.window.docks.get("memory").windowTitle() == "Memory")
    assert await state_of(program, first.memory.id) == "live"
    assert await state_of(program, second.memory.id) == "forgotten"
    undo(program)
    await see(program, tickets)
    assert await state_of(program, second.memory.id) == "quarantined"


async def test_the_menu_offers_only_what_can_be_done(program: Program, known: dict[str, UUID]) -> None:
    part = panel_of(program).list
    click_row(program, DOG, Qt.KeyboardModifier.ControlModifier)
    menu = part.menu()
    assert [each.text() for each in menu.actions()] == ["Open", "Pin", "Forget", "Forget for good…"]
    menu.deleteLater()


async def test_what_is_listed_is_exported_with_its_history(
    program: Program, known: dict[str, UUID], tmp_path: Path
) -> None:
    panel = panel_of(program)
    QTest.keyClicks(panel.list.search, "dog")
    await see(program, DOG)
    program.commands.run("memory.export")
    dialog = panel.findChild(QFileDialog)
    assert isinstance(dialog, QFileDialog)
    dialog.fileSelected.emit(str(tmp_path / "memories.jsonl"))
    dialog.reject()
    await until(lambda: any(toast.title == "1 memory exported" for toast in program.window.toasts.shown))
    (line,) = (tmp_path / "memories.jsonl").read_text(encoding="utf-8").splitlines()
    entry = json.loads(line)
    assert (entry["content"], entry["history"][0]["kind"]) == (DOG, "made")
    assert not (tmp_path / "memories.jsonl.part").exists()


async def test_tab_goes_through_what_stands_above_the_list_and_into_it(
    program: Program, known: dict[str, UUID]
) -> None:
    panel = panel_of(program)
    panel.list.owner.setFocus()
    stops = []
    for _ in range(4):
        stops.append(program.window.focusWidget())
        QTest.keyClick(stops[-1], Qt.Key.Key_Tab)
    assert stops == [panel.list.owner, panel.list.search, panel.list.filter_button, panel.list.view]
    for stop in (*stops, panel.tabs, panel.add_button, panel.more):
        assert stop.accessibleName()


async def test_another_theme_and_another_workspace_leave_nothing_behind(
    program: Program, known: dict[str, UUID]
) -> None:
    before = panel_of(program)
    program.commands.run("memory.audit")
    await until(lambda: before.audit.found is not None)
    program.themes.choose("light")
    assert program.session.workspace is not None
    program.memories.use(program.session.workspace)
    await until(lambda: panel_of(program) is not before and bool(panel_of(program).list.rows.total))
    program.themes.choose("dark")
    program.memories.refresh()
    await see(program, *known)


async def test_the_list_says_each_memory_in_one_sentence(program: Program, known: dict[str, UUID]) -> None:
    part = panel_of(program).list
    row = listed(program).index(HOURS)
    spoken = part.rows.index(row).data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken == f"{HOURS}. Fact, Holds, importance 50 %, Shared by all agents"


async def test_what_agents_learn_behind_the_window_is_seen_without_asking(program: Program, agent: UUID) -> None:
    await see(program)
    assert panel_of(program).isVisible()
    assert program.memories._looking.isActive()
    await tell(program, agent, DOG)
    program.memories._looking.timeout.emit()
    await see(program, DOG)


async def test_while_nobody_looks_it_is_asked_seldom_what_agents_have_learned(
    program: Program, agent: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    await see(program)
    asked: list[object] = []

    async def newest(workspace: object) -> int:
        asked.append(workspace)
        return program.memories._newest

    monkeypatch.setattr(desk, "_newest", newest)
    program.memories._looking.stop()  # it is the test that lets time pass
    program.window.docks.get("memory").hide()
    for _ in range(2 * LOOK_MS // NEAR_MS):
        program.memories._looking.timeout.emit()
    await until(lambda: len(asked) == 2 and program.bridge.busy == 0)
    program.window.docks.get("memory").show()
    program.window.docks.get("memory").raise_()
    await until(lambda: program.window.docks.get("memory").is_in_front and program.bridge.busy == 0)
    asked.clear()
    for _ in range(3):
        program.memories._looking.timeout.emit()
    await until(lambda: len(asked) == 3)


async def test_what_an_agent_learns_while_all_is_read_again_is_seen(
    program: Program, agent: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    await until(lambda: program.bridge.busy == 0)
    newest_change, told = MemoryRecords.newest_change, asyncio.Event()

    async def slow(records: MemoryRecords) -> int:
        await told.wait()
        return await newest_change(records)

    monkeypatch.setattr(MemoryRecords, "newest_change", slow)
    program.memories._looking.stop()
    program.memories.refresh()
    await until(lambda: program.bridge.busy == 1)  # only this
    await tell(program, agent, DOG)
    told.set()
    await until(lambda: program.bridge.busy == 0)
    program.memories._looking.timeout.emit()
    await see(program, DOG)


async def test_agents_that_come_and_go_beside_the_memories_are_offered_as_their_owners_or_not(
    program: Program, agent: UUID
) -> None:
    box = panel_of(program).list.owner
    assert box.findText("Concierge") >= 0
    await make_agent(program, "Librarian")
    program.agents.desk.refresh()
    await until(lambda: box.findText("Librarian") >= 0)
    program.agents.desk.delete(["Concierge"])
    await until(lambda: box.findText("Concierge") < 0)
    await make_agent(program, "Made elsewhere")
    QApplication.sendEvent(panel_of(program), QEvent(QEvent.Type.WindowActivate))
    await until(lambda: box.findText("Made elsewhere") >= 0)
