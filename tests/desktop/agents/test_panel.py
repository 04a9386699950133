"""The agents panel on a real database, by mouse and keys: searched, copied, deleted, taken back, imported, exported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QMenu, QPushButton

from core.agents.agent import Agent, Function
from core.agents.agent_file import load, save
from core.agents.check import check_agent
from desktop.agents.card import AgentCard
from desktop.agents.panel import AgentsPanel, searchable
from desktop.dialogs.problem_report import ProblemReport
from desktop.program import Program
from tests.desktop.agents.conftest import CLERK, DESK, workspace_of
from tests.support.desktop_drop import drop_files
from tests.support.desktop_program import until

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")


def panel(program: Program) -> AgentsPanel:
    program.window.docks.reveal("agents")
    found = program.window.docks.get("agents").fill()
    assert isinstance(found, AgentsPanel)
    return found


def names(program: Program) -> list[str]:
    return [card.agent.name for card in panel(program).list.cards]


def press(button: QPushButton) -> None:
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def from_menu(card: AgentCard, title: str) -> None:
    menu: QMenu = card.menu()
    next(each for each in menu.actions() if each.text() == title).trigger()
    menu.deleteLater()


async def test_agents_are_cards_and_found_by_name_description_function_and_target(program: Program) -> None:
    assert names(program) == ["Clerk", "Front desk"]
    search = panel(program).search
    for typed, found in [("clerk", ["Clerk"]), ("door", []), ("people", ["Front desk"]), ("Shout", ["Front desk"])]:
        search.clear()
        QTest.keyClicks(search, typed)
        assert names(program) == found
    search.clear()
    assert "shout Shout" in searchable(DESK)
    card = panel(program).list.card("Front desk")
    assert (card.avatar.colour, card.avatar.icon) == ("green", "users")


async def test_the_buttons_of_a_card_chat_and_edit(program: Program) -> None:
    asked: list[str] = []
    program.agents.chat_wanted.connect(asked.append)
    press(panel(program).list.card("Clerk").buttons["chat"])
    assert asked == ["Clerk"]
    press(panel(program).list.card("Clerk").buttons["edit"])
    await until(lambda: [each.draft.name for each in program.agents.editors.open] == ["Clerk"])


async def test_cards_are_walked_and_opened_by_keys(program: Program) -> None:
    cards = panel(program).list
    first, second = cards.card("Clerk"), cards.card("Front desk")
    first.setFocus()
    QTest.keyClick(first, Qt.Key.Key_Down)
    assert program.window.focusWidget() is second
    QTest.keyClick(second, Qt.Key.Key_Return)
    await until(lambda: [each.draft.name for each in program.agents.editors.open] == ["Front desk"])


async def test_what_is_deleted_comes_back_by_undo_and_from_the_bin(program: Program) -> None:
    QTest.keyClick(panel(program).list.card("Clerk"), Qt.Key.Key_Delete)
    await until(lambda: names(program) == ["Front desk"])
    toast = program.window.toasts.shown[-1]
    assert toast.title == "Clerk is deleted"
    press(next(each for each in toast.findChildren(QPushButton) if each.text() == "Undo"))
    await until(lambda: names(program) == ["Clerk", "Front desk"])
    from_menu(panel(program).list.card("Front desk"), "Delete")
    await until(lambda: names(program) == ["Clerk"])
    panel(program).bin.setChecked(True)
    await until(lambda: names(program) == ["Front desk"])
    press(panel(program).list.card("Front desk").buttons["restore"])
    await until(lambda: names(program) == [])
    panel(program).bin.setChecked(False)
    await until(lambda: names(program) == ["Clerk", "Front desk"])


async def test_a_copy_gets_a_free_name_and_is_edited(program: Program) -> None:
    from_menu(panel(program).list.card("Clerk"), "Duplicate")
    await until(lambda: "Clerk 2" in names(program))
    await until(lambda: [each.draft.name for each in program.agents.editors.open] == ["Clerk 2"])


async def test_an_agent_is_exported_and_dropped_on_the_window_again(program: Program, tmp_path: Path) -> None:
    from_menu(panel(program).list.card("Front desk"), "Export…")
    dialog = panel(program).findChild(QFileDialog)
    assert dialog is not None
    file = tmp_path / "desk.agent.yaml"
    dialog.fileSelected.emit(str(file))
    dialog.close()
    await until(file.exists)
    assert load(file) == DESK
    save(replace(DESK, description="Another one."), file)
    assert drop_files(program.window, [file])
    await until(lambda: "Front desk 2" in names(program))


async def test_a_broken_file_is_reported_and_keeps_no_other_out(program: Program, tmp_path: Path) -> None:
    broken, good = tmp_path / "broken.agent.yaml", tmp_path / "good.agent.yaml"
    broken.write_text("steploom_agent: 1\nname: 3\nfunctions: nothing\n")
    save(replace(CLERK, description="Another one."), good)
    assert drop_files(panel(program), [broken, good])
    await until(lambda: "Clerk 2" in names(program))
    await until(lambda: any(each.isVisible() for each in program.window.findChildren(ProblemReport)))
    report = program.window.findChildren(ProblemReport)[0]
    assert len(report.problems) == 2
    report.close()


async def test_without_agents_the_examples_stand_there_and_bring_what_they_call(program: Program) -> None:
    program.agents.desk.delete(["Clerk", "Front desk"])
    shown = panel(program)
    await until(lambda: not program.agents.desk.agents)
    await until(lambda: len(shown.examples.cards) == 3)
    assert shown.examples.isVisible()
    press(shown.examples.card("Support desk").buttons["add"])
    await until(lambda: names(program) == ["Document reader", "Support desk"])
    store = workspace_of(program).store
    assert store is not None
    assert "Support triage" in {entry.name for entry in await store.workflows.list()}
    available = await workspace_of(program).available()
    for saved in program.agents.desk.agents:
        assert check_agent(saved.agent, available) == []


async def test_agents_stand_in_the_menu_and_in_the_palette(program: Program) -> None:
    for command in ("agents.new", "agents.edit", "agents.chat", "agents.servers"):
        assert program.commands.get(command).menu == "Agents"
        assert program.commands.action(command).isEnabled()
    titles = [entry.title for entry in program.agents.provider().entries()]
    assert titles == ["Chat with Clerk", "Edit Clerk", "Chat with Front desk", "Edit Front desk"]
    program.commands.run("agents.edit")
    palette = program.window.palette_window
    await until(palette.isVisible)
    palette.close()


async def test_agents_that_were_made_elsewhere_are_there_when_one_comes_back_to_the_window(program: Program) -> None:
    assert names(program) == ["Clerk", "Front desk"]
    await workspace_of(program).agents.save(Agent("Made outside"), 0)
    for kind in (QEvent.Type.WindowDeactivate, QEvent.Type.WindowActivate):
        QApplication.sendEvent(panel(program), QEvent(kind))
    await until(lambda: names(program) == ["Clerk", "Front desk", "Made outside"])


async def test_a_file_from_somebody_else_does_not_let_its_agent_run_python_unasked(
    program: Program, tmp_path: Path
) -> None:
    shell = Function("shell", "Runs it.", "python", "subprocess:getoutput", policy="auto")
    file = tmp_path / "shell.agent.yaml"
    save(Agent("Shell", functions=(shell,)), file)
    program.agents.desk.import_files([file])
    await until(lambda: "Shell" in names(program))
    known = (await workspace_of(program).agents.get("Shell")).agent
    assert known.functions == (replace(shell, policy=""),)
    toast = program.window.toasts.shown[-1]
    assert toast.text.startswith("The file lets shell run unasked. Here a person is asked before what changes")
