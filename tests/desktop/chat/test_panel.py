"""The chat in the window: the list with its search, archive and delete with undo, narrow and wide, docked and full;
with the demonstration model and a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton

from core.agents.agent import Agent, Function
from core.steps import wait
from core.workflow.model import Step, Workflow
from desktop.chat.branches import BranchesWindow
from desktop.chat.conversation_list import title_of
from desktop.chat.panel import ChatPanel
from desktop.chat.pending_card import WaitNote
from desktop.memory import WindowMemory
from desktop.program import Program
from tests.support.chat_screen import click
from tests.support.desktop_program import made_program, take_apart, until

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")


@pytest.fixture
async def program(home: Path, database_url: str) -> AsyncIterator[Program]:
    WindowMemory(home).first_run_done = True
    made = await made_program(home, database_url=database_url)
    await until(lambda: made.session.workspace is not None)
    yield made
    await take_apart(made)


async def chat_of(program: Program) -> ChatPanel:
    """The panel, with an agent to talk with."""
    assert program.session.workspace is not None
    await program.session.workspace.agents.save(Agent("Ada", prompt="You are Ada."), 0)
    assert program.commands.run("chat.open")
    panel = program.chats.panel
    assert panel is not None
    panel.refresh()
    await until(lambda: panel.view.talk.agent == "Ada" and program.bridge.busy == 0)
    return panel


async def say(program: Program, panel: ChatPanel, text: str) -> None:
    panel.view.focus()
    QTest.keyClicks(panel.view.composer.edit, text)
    QTest.keyClick(panel.view.composer.edit, Qt.Key.Key_Return)
    thread = panel.view.talk
    await until(lambda: thread.last is not None and thread.last.role == "assistant" and not thread.is_answering)
    await until(lambda: program.bridge.busy == 0)


def titles(panel: ChatPanel) -> list[str]:
    return [title_of(found.conversation) for found in panel.list.model.found]


async def test_where_no_agent_is_one_click_makes_the_first_and_one_can_talk(program: Program) -> None:
    program.commands.run("chat.open")
    panel = program.chats.panel
    assert panel is not None
    await until(lambda: panel.first_button.isVisible())
    assert not panel.more_button.isEnabled(), "there is nothing to do with no conversation"
    click(panel.first_button)
    await until(lambda: panel.view.talk.agent == "Assistant")
    await say(program, panel, "Hello")
    assert panel.view.talk.total == 2


async def test_an_agent_that_was_made_elsewhere_can_be_talked_to_when_one_comes_back(program: Program) -> None:
    assert program.session.workspace is not None
    program.commands.run("chat.open")
    panel = program.chats.panel
    assert panel is not None
    await until(lambda: panel.first_button.isVisible())
    await program.session.workspace.agents.save(Agent("Ada", prompt="You are Ada."), 0)
    QApplication.sendEvent(panel, QEvent(QEvent.Type.WindowActivate))
    await until(lambda: panel.view.talk.agent == "Ada" and not panel.first_button.isVisible())
    await program.session.workspace.agents.save(Agent("Ada", icon="scissors", prompt="You are Ada."), 1)
    QApplication.sendEvent(panel, QEvent(QEvent.Type.WindowActivate))
    await until(lambda: panel.view.talk.face.icon == "scissors")


async def test_an_agent_that_is_deleted_beside_the_chat_is_offered_no_longer(program: Program) -> None:
    panel = await chat_of(program)
    program.agents.desk.refresh()
    await until(lambda: [agent.name for agent in panel._agents] == ["Ada"] and program.agents.desk.names() == ["Ada"])
    program.agents.desk.delete(["Ada"])
    await until(lambda: panel.first_button.isVisible())


async def test_nothing_of_agents_is_made_before_the_chat_is_seen(program: Program) -> None:
    assert program.chats.panel is None


async def test_the_list_names_conversations_and_finds_what_was_said(program: Program) -> None:
    panel = await chat_of(program)
    await say(program, panel, "Plan the launch of the loom")
    panel.begin("Ada")
    await say(program, panel, "Translate the contract")
    await until(lambda: titles(panel) == ["Translate the contract", "Plan the launch of the loom"])
    panel.show_list()
    QTest.keyClicks(panel.list.search, "loom")
    await until(lambda: titles(panel) == ["Plan the launch of the loom"])
    panel.list.search.setText("nothing like that")
    await until(lambda: panel.list.empty.isVisible())
    assert panel.list.empty.title.text() == "Nothing was said like that"


async def test_a_found_conversation_opens_at_the_message_that_was_searched_for(program: Program) -> None:
    panel = await chat_of(program)
    await say(program, panel, "Where is the harbour?")
    for number in range(4):
        await say(program, panel, f"And number {number}?")
    panel.begin("Ada")
    panel.show_list()
    QTest.keyClicks(panel.list.search, "harbour")
    await until(lambda: len(panel.list.model.found) == 1 and program.bridge.busy == 0)
    found = panel.list.model.found[0]
    panel.list.view.setCurrentIndex(panel.list.model.index(0))
    QTest.keyClick(panel.list.view, Qt.Key.Key_Return)
    await until(lambda: panel.view.transcript.current >= 0)
    message = panel.view.talk.message(panel.view.transcript.current)
    assert message is not None
    assert message.id == found.message


async def test_a_conversation_is_deleted_and_had_back(program: Program) -> None:
    panel = await chat_of(program)
    await say(program, panel, "Keep me")
    await until(lambda: titles(panel) == ["Keep me"])
    panel.show_list()
    panel.list.view.setCurrentIndex(panel.list.model.index(0))
    QTest.keyClick(panel.list.view, Qt.Key.Key_Delete)
    await until(lambda: titles(panel) == [] and program.bridge.busy == 0)
    assert program.chats._known_bin().take_out(next(iter(program.chats._known_bin().ids)))
    await until(lambda: titles(panel) == ["Keep me"])


async def test_what_is_in_the_bin_is_forgotten_when_the_window_closes(program: Program) -> None:
    panel = await chat_of(program)
    await say(program, panel, "Forget me")
    held = panel.view.talk.conversation
    assert held is not None
    program.chats._known_bin().put(held.id)
    await program.chats.close()
    assert program.session.workspace is not None
    assert list(await program.session.workspace.conversations.list()) == []


async def test_a_conversation_is_archived_and_found_in_the_archive(program: Program) -> None:
    panel = await chat_of(program)
    await say(program, panel, "Put me away")
    await until(lambda: titles(panel) == ["Put me away"])
    panel.list.asked.emit("archive", panel.list.model.found[0])
    await until(lambda: titles(panel) == [])
    panel.list.kind.setCurrentIndex(panel.list.kind.findData("archived"))
    await until(lambda: titles(panel) == ["Put me away"])


async def test_a_conversation_is_renamed(program: Program) -> None:
    from desktop.dialogs.text_prompt import TextPrompt

    panel = await chat_of(program)
    await say(program, panel, "Name me")
    await until(lambda: titles(panel) == ["Name me"])
    panel.show_list()
    panel.list.view.setCurrentIndex(panel.list.model.index(0))
    QTest.keyClick(panel.list.view, Qt.Key.Key_F2)
    prompt = panel.findChild(TextPrompt)
    assert prompt is not None
    prompt.given.emit("The best of all")
    prompt.close()
    await until(lambda: titles(panel) == ["The best of all"])
    await until(lambda: panel.title.text() == "The best of all")


async def test_the_chat_grows_into_a_tab_and_back_with_the_same_conversation(program: Program) -> None:
    panel = await chat_of(program)
    await say(program, panel, "Come along")
    QTest.keyClicks(panel.view.composer.edit, "a draft")
    held = panel.view.talk.conversation
    assert held is not None
    program.commands.run("chat.full")
    page = program.chats.page
    assert page is not None
    await until(lambda: page.view.talk.conversation is not None and page.view.talk.total == 2)
    assert page.view.talk.conversation is not None
    assert page.view.talk.conversation.id == held.id
    assert page.view.composer.edit.toPlainText() == "a draft"
    await until(lambda: page.list.view.currentIndex().isValid())
    assert titles(page)[page.list.view.currentIndex().row()] == "Come along"
    assert program.window.active is None
    program.commands.run("chat.full")
    assert program.chats.page is None
    again = program.chats.panel
    assert again is not None
    await until(lambda: again.view.talk.total == 2 and program.bridge.busy == 0)


async def test_closing_its_tab_leaves_a_conversation_as_it_is(program: Program) -> None:
    panel = await chat_of(program)
    await say(program, panel, "Stay")
    program.commands.run("chat.full")
    await until(lambda: program.bridge.busy == 0)
    program.window.tabs.tabCloseRequested.emit(program.window.tabs.currentIndex())
    assert program.chats.page is None
    program.commands.run("chat.open")
    await until(lambda: program.bridge.busy == 0)


ECHO = Workflow(
    "Echo",
    inputs={"message": {"type": "string"}},
    steps={"say": Step("say", "template", config={"text": "You wrote {{ input.message }}"})},
    outputs={"answer": "{{ say.text }}"},
)


async def keep_workflow(program: Program, workflow: Workflow) -> None:
    assert program.session.workspace is not None
    assert program.session.workspace.store is not None
    await program.session.workspace.store.workflows.save(workflow, 0)


async def test_one_talks_with_a_workflow_that_takes_a_message(program: Program) -> None:
    await keep_workflow(program, ECHO)
    panel = await chat_of(program)
    panel.begin(workflow="Echo")
    await say(program, panel, "hello")
    assert panel.view.talk.last is not None
    assert panel.view.talk.last.text == "You wrote hello"
    assert panel.view.talk.last.run_id != ""


async def test_where_workflows_alone_answer_one_talks_with_them_at_once(program: Program) -> None:
    await keep_workflow(program, ECHO)
    assert program.commands.run("chat.open")
    panel = program.chats.panel
    assert panel is not None
    await until(lambda: panel.view.talk.workflow == "Echo" and not panel.first_button.isVisible())
    await say(program, panel, "hello")
    assert panel.view.talk.last is not None
    assert panel.view.talk.last.text == "You wrote hello"


async def test_list_and_conversation_stand_beside_each_other_where_there_is_room(program: Program) -> None:
    panel = await chat_of(program)
    assert not panel.is_wide
    assert panel.list_button.isVisible()
    program.commands.run("chat.full")
    page = program.chats.page
    assert page is not None
    page.resize(900, 600)
    await until(lambda: program.bridge.busy == 0)
    assert page.is_wide
    assert not page.list_button.isVisible()


NAP = Workflow("Nap", steps={"w": Step("w", "wait", config={"duration": "1s"})}, outputs={"slept": "well"})


async def test_a_conversation_goes_on_by_itself_when_what_it_waits_for_has_ended(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wait, "LONGEST_SLEEP", 0.0)  # so that a short wait suspends the run, as a long one does
    workspace = program.session.workspace
    assert workspace is not None
    assert workspace.store is not None
    await workspace.store.workflows.save(NAP, 0)
    agent = Agent("Ada", prompt="x", functions=(Function("nap", "Takes a nap.", target="Nap", policy="auto"),))
    await workspace.agents.save(agent, 0)
    program.commands.run("chat.open")
    panel = program.chats.panel
    assert panel is not None
    panel.refresh()
    await until(lambda: panel.view.talk.agent == "Ada" and program.bridge.busy == 0)
    panel.view.focus()
    QTest.keyClicks(panel.view.composer.edit, "nap")
    QTest.keyClick(panel.view.composer.edit, Qt.Key.Key_Return)
    thread = panel.view.talk
    await until(lambda: any(isinstance(card, WaitNote) for card in panel.view.tail.cards))
    await until(lambda: thread.last is not None and thread.last.role == "assistant" and not thread.last.calls)
    assert thread.last is not None
    assert "slept" in thread.last.text
    assert not panel.view.tail.cards


async def test_what_waited_when_the_program_ended_is_gone_on_with_and_told(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wait, "LONGEST_SLEEP", 0.0)
    workspace = program.session.workspace
    assert workspace is not None
    assert workspace.store is not None
    await workspace.store.workflows.save(NAP, 0)
    agent = Agent("Ada", prompt="x", functions=(Function("nap", "Takes a nap.", target="Nap", policy="auto"),))
    await workspace.agents.save(agent, 0)
    conversation = await workspace.chat.start("Ada")
    await workspace.chat.send(conversation.id, "nap").outcome()
    program.chats.use(workspace)
    await until(lambda: any("has an answer" in toast.title for toast in program.window.toasts.shown))
    toast = next(toast for toast in program.window.toasts.shown if "has an answer" in toast.title)
    assert toast.title == "“nap” has an answer"
    click(next(each for each in toast.findChildren(QPushButton) if each.text() == "Open"))
    await until(lambda: program.chats.panel is not None and program.chats.panel.view.talk.conversation is not None)
    held = program.chats.panel.view.talk.conversation  # type: ignore[union-attr] # waited for
    assert held is not None
    assert held.id == conversation.id


async def test_the_branches_are_shown_by_a_command(program: Program) -> None:
    panel = await chat_of(program)
    await say(program, panel, "Where to?")
    assert program.commands.run("chat.branches")
    await until(lambda: bool(panel.view.findChildren(BranchesWindow)))
    (window,) = panel.view.findChildren(BranchesWindow)
    assert window.windowTitle() == "Branches of “Where to?”"
    window.close()
