"""A long conversation: opened at its end, read in pages, and only what is seen is laid out."""

from __future__ import annotations

import asyncio

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication

from desktop.chat.thread import PAGE
from tests.support.agent_rig import AgentRig
from tests.support.chat_screen import ChatScreen, chat_screen, long_conversation
from tests.support.desktop_program import until

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")

MANY = 3_000


async def settled(screen: ChatScreen) -> None:
    """Wait until what is seen was read and stands."""
    transcript = screen.view.transcript
    await until(lambda: screen.bridge.busy == 0 and bool(transcript.visible_rows()))
    await asyncio.sleep(0.01)
    transcript.place()


def wheel(screen: ChatScreen, notches: int) -> None:
    viewport = screen.view.transcript.viewport()
    middle = QPointF(viewport.rect().center())
    event = QWheelEvent(
        middle, QPointF(viewport.mapToGlobal(middle.toPoint())), QPoint(), QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(viewport, event)


async def test_a_long_conversation_opens_at_its_end_and_reads_one_page() -> None:
    rig = AgentRig()
    held = await long_conversation(rig, MANY)
    async with chat_screen(rig) as screen:
        await screen.open(held)
        transcript = screen.view.transcript
        assert transcript.visible_rows()[-1] == MANY - 1
        assert transcript.verticalScrollBar().value() == transcript.verticalScrollBar().maximum()
        assert sum(screen.view.talk.message(index) is not None for index in range(MANY)) <= PAGE
        assert transcript.laid_count < 20


async def test_scrolling_lays_out_only_what_comes_into_view() -> None:
    rig = AgentRig()
    held = await long_conversation(rig, MANY)
    async with chat_screen(rig) as screen:
        await screen.open(held)
        transcript = screen.view.transcript
        before, bar = transcript.laid_count, transcript.verticalScrollBar()
        seen: set[int] = set(transcript.rows)
        for _ in range(30):
            wheel(screen, 1)
            await settled(screen)
            seen |= set(transcript.rows)
            assert len(transcript.rows) < 20
        assert bar.value() < bar.maximum()
        assert transcript.laid_count - before <= len(seen)


async def test_a_jump_to_the_beginning_reads_only_that_page() -> None:
    rig = AgentRig()
    held = await long_conversation(rig, MANY)
    async with chat_screen(rig) as screen:
        await screen.open(held)
        transcript = screen.view.transcript
        transcript.verticalScrollBar().setValue(0)
        await until(lambda: 0 in transcript.visible_rows())
        assert sum(screen.view.talk.message(index) is not None for index in range(MANY)) <= 2 * PAGE
        assert transcript.laid_count < 40


async def test_what_is_looked_at_stays_where_it_is_while_guesses_become_heights() -> None:
    rig = AgentRig()
    held = await long_conversation(rig, 400, text="Line.\n\n" * 9 + "{n}")
    async with chat_screen(rig) as screen:
        await screen.open(held)
        transcript = screen.view.transcript
        for _ in range(40):
            first = transcript.visible_rows()[1]
            row = transcript.row_of(first)
            assert row is not None
            before = row.y()
            wheel(screen, 1)
            await settled(screen)
            after = transcript.row_of(first)
            assert after is not None
            assert abs(after.y() - before - 60) <= 1


async def test_the_end_stays_in_view_when_it_was_and_else_not() -> None:
    rig = AgentRig("First answer.", "Second answer.")
    held = await long_conversation(rig, 60)
    async with chat_screen(rig) as screen:
        await screen.open(held)
        bar = screen.view.transcript.verticalScrollBar()
        await screen.say("One")
        assert bar.value() == bar.maximum()
        bar.setValue(bar.maximum() // 2)
        middle = bar.value()
        screen.view.talk.send("Two")
        await screen.over()
        assert abs(bar.value() - middle) < 100
        assert bar.value() < bar.maximum()
        assert screen.view.end_button.isVisible()


async def test_another_width_lays_out_again_and_keeps_the_end() -> None:
    rig = AgentRig()
    held = await long_conversation(rig, 200, text="word " * 60 + "{n}")
    async with chat_screen(rig, size=(400, 600)) as screen:
        await screen.open(held)
        row = screen.view.transcript.row_of(199)
        assert row is not None
        narrow = row.height()
        screen.view.resize(1100, 600)
        await asyncio.sleep(0.01)
        wide = screen.view.transcript.row_of(199)
        assert wide is not None
        assert wide.height() < narrow
        bar = screen.view.transcript.verticalScrollBar()
        assert bar.value() == bar.maximum()


async def test_another_theme_paints_all_rows_anew() -> None:
    rig = AgentRig()
    held = await long_conversation(rig, 20)
    async with chat_screen(rig) as screen:
        await screen.open(held)
        before = screen.view.transcript.row_of(19)
        screen.themes.choose("light")
        await asyncio.sleep(0.01)
        assert screen.view.transcript.row_of(19) is not before
        assert 19 in screen.view.transcript.visible_rows()


async def test_a_message_far_above_is_found_and_shown() -> None:
    rig = AgentRig()
    held = await long_conversation(rig, MANY)
    wanted = (await rig.conversations.page(held, start=700, count=1)).messages[0].id
    async with chat_screen(rig) as screen:
        screen.view.open(held, wanted)
        transcript = screen.view.transcript
        await until(lambda: transcript.current == 700 and 700 in transcript.visible_rows())
        row = transcript.row_of(700)
        assert row is not None
        await until(lambda: row.is_current)
        assert row.shown.message.id == wanted


async def test_a_message_on_another_branch_is_found_by_showing_that_branch() -> None:
    rig = AgentRig("One.", "Two.")
    async with chat_screen(rig) as screen:
        await screen.begin()
        await screen.say("Say")
        first = screen.view.talk.message(1)
        assert first is not None
        screen.view.talk.regenerate(first.id)
        await until(lambda: screen.texts == ["Say", "Two."])
        await screen.over()
        screen.view.talk.find(first.id)
        await until(lambda: screen.texts == ["Say", "One."] and screen.view.transcript.current == 1)
