"""The branches of a conversation as a tree: seen, chosen by keys and clicks, with what was forked."""

from __future__ import annotations

from uuid import UUID

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QTreeWidgetItem

from core.store.conversations import Tree, Twig
from desktop.chat.branches import BranchesWindow, branches_of
from tests.support.agent_rig import AgentRig
from tests.support.chat_screen import ChatScreen, chat_screen, click, long_conversation
from tests.support.desktop_program import until

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")


def twigs(*pairs: tuple[int, int | None]) -> Tree:
    return Tree(tuple(Twig(number, parent, "user", f"m{number}") for number, parent in pairs))


def test_messages_that_follow_each_other_are_one_branch() -> None:
    (only,) = branches_of(twigs((1, None), (2, 1), (3, 2)), 3)
    assert [twig.id for twig in only.twigs] == [1, 2, 3]
    assert (only.branches, only.is_shown) == ([], True)


def test_a_branch_begins_wherever_two_messages_follow_one() -> None:
    first, second = branches_of(twigs((1, None), (2, 1), (3, 1), (4, 3), (5, None)), 4)
    assert [[twig.id for twig in each.twigs] for each in (first, second)] == [[1], [5]]
    assert [[twig.id for twig in each.twigs] for each in first.branches] == [[2], [3, 4]]
    assert [each.is_shown for each in (first, *first.branches, second)] == [True, False, True, False]


def test_an_empty_conversation_has_none() -> None:
    assert branches_of(Tree(()), None) == []


async def shown(screen: ChatScreen) -> BranchesWindow:
    screen.view.show_branches()
    await until(lambda: bool(windows(screen)))
    return windows(screen)[0]


def windows(screen: ChatScreen) -> list[BranchesWindow]:
    return [each for each in screen.view.findChildren(BranchesWindow) if each.isVisible()]


def lines(item: QTreeWidgetItem | None, depth: int = 0) -> list[str]:
    assert item is not None
    own = [f"{'  ' * depth}{item.text(0)} ({item.text(1)})" if item.text(1) else f"{'  ' * depth}{item.text(0)}"]
    return own + [line for n in range(item.childCount()) for line in lines(item.child(n), depth + 1)]


async def test_the_tree_leads_to_every_branch_and_fork() -> None:
    rig = AgentRig("To the sea.", "In May.", "In June.")
    async with chat_screen(rig) as screen:
        await screen.begin()
        await screen.say("Where to?")
        screen.press(Qt.Key.Key_Up)
        screen.view.composer.edit.selectAll()
        await screen.say("When?")
        screen.view.act("regenerate", screen.view.talk.message(1).id)  # type: ignore[union-attr] # there
        await until(lambda: screen.texts == ["When?", "In June."])
        await screen.over()
        held = screen.view.talk.conversation
        assert held is not None
        last = screen.view.talk.last
        assert last is not None
        fork = await rig.conversations.fork(held.id, last.id, title="June it is")
        window = await shown(screen)
        tree = window.tree
        found = [line for n in range(tree.topLevelItemCount()) for line in lines(tree.topLevelItem(n))]
        assert found == [
            "You: Where to? (2)", "You: When? (1)", "  Ada: In May. (1)", "  Ada: In June. (1)",
            "    Forked: June it is",
        ]  # fmt: skip
        current = tree.currentItem()
        assert current is not None
        assert current.text(0) == "Ada: In June."
        QTest.keyClick(tree, Qt.Key.Key_Up)
        QTest.keyClick(tree, Qt.Key.Key_Return)
        await until(lambda: screen.texts == ["When?", "In May."])
        window = await shown(screen)
        first = window.tree.topLevelItem(0)
        assert first is not None
        window.tree.setCurrentItem(first)
        click(window.show_button)
        await until(lambda: screen.texts == ["Where to?", "To the sea."])
        window = await shown(screen)
        deepest = window.tree.findItems("Forked", Qt.MatchFlag.MatchStartsWith | Qt.MatchFlag.MatchRecursive)
        window.tree.setCurrentItem(deepest[0])
        QTest.keyClick(window.tree, Qt.Key.Key_Return)
        await until(lambda: screen.view.talk.conversation is not None and screen.view.talk.conversation.id == fork.id)
        assert isinstance(fork.id, UUID)


async def test_ten_thousand_messages_are_one_line() -> None:
    rig = AgentRig()
    held = await long_conversation(rig, 10_000)
    async with chat_screen(rig) as screen:
        await screen.open(held)
        window = await shown(screen)
        assert lines(window.tree.topLevelItem(0)) == ["You: Line one. Line two of 0. (10000)"]
