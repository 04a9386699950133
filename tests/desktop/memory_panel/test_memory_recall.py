"""Recall as an agent would: scores and reasons, what has no room, and what cannot be found without a key."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from desktop.memory import WindowMemory
from desktop.program import Program
from tests.support.desktop_program import made_program, take_apart, until
from tests.support.memory_panel import all_of, make_agent, panel_of, press, tell

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")

TRAM, DOG, COLOUR = (
    "The tram stops in front of the house.",
    "The dog is called Bruno and must not get chocolate.",
    "Ada's favourite colour is blue.",
)


@pytest.fixture
async def wordy(home: Path, database_url: str) -> AsyncIterator[Program]:
    """A program without any key, so that memories are found by words only."""
    WindowMemory(home).first_run_done = True
    made = await made_program(home, database_url=database_url)
    assert made.session.workspace is not None
    made.session.workspace.demo = False
    yield made
    await take_apart(made)


def told(program: Program) -> list[tuple[str, str]]:
    """The words and the fate of each card."""
    return [(card.item.memory.content, card.fate) for card in panel_of(program).recall.cards]


async def ask(program: Program, question: str) -> None:
    part = panel_of(program).recall
    part.question.selectAll()
    QTest.keyClicks(part.question, question)
    before = part.trial
    QTest.keyClick(part.question, Qt.Key.Key_Return)
    await until(lambda: part.trial is not before)


async def test_a_question_shows_what_is_told_with_scores_and_reasons_and_counts_nothing_as_used(
    program: Program, agent: UUID
) -> None:
    for text in (TRAM, DOG, COLOUR):
        await tell(program, agent, text)
    assert program.commands.run("memory.recall")
    part = panel_of(program).recall
    assert part.owner.currentText() == "Concierge"
    await ask(program, "What must the dog not get?")
    assert told(program)[0] == (DOG, "told")
    card = part.cards[0]
    assert card.item.why.similarity is not None
    assert "Words: " in card.accessibleName()
    assert "dog" in card.accessibleName()
    assert f"Score {card.item.score:.2f}" in card.accessibleName()
    assert part.summary.text().startswith("By meaning and words")
    assert not part.note.isVisible()
    assert [memory.access_count for memory in await all_of(program)] == [0, 0, 0]


async def test_what_has_no_room_in_the_prompt_is_shown_as_left_out(program: Program, agent: UUID) -> None:
    for text in ("The dog eats at seven.", "The dog eats no grain and no chocolate, says the vet of the dog."):
        await tell(program, agent, text)
    program.commands.run("memory.recall")
    part = panel_of(program).recall
    part.room.setValue(50)
    await ask(program, "What does the dog eat?")
    assert {fate for _, fate in told(program)} == {"told"}
    for _ in range(3):
        await tell(program, agent, f"The dog eats with {len(await all_of(program))} other dogs at the house of Ada.")
    await ask(program, "What does the dog eat today?")
    left = [text for text, fate in told(program) if fate == "no_room"]
    assert left
    assert f"{len(left)} left out for want of room" in part.summary.text()
    card = next(card for card in part.cards if card.fate == "no_room")
    assert card.fate_label.isVisible()
    part.room.setValue(2000)  # the same question again, with more room
    await until(lambda: {fate for _, fate in told(program)} == {"told"})


async def test_the_room_is_the_agents_own_and_another_agent_recalls_what_is_its_own(
    program: Program, agent: UUID
) -> None:
    other = await make_agent(program, "Researcher")
    await tell(program, agent, DOG)
    await tell(program, other, COLOUR)
    program.memories.refresh()
    await until(lambda: len(program.memories.owners) == 2)
    program.commands.run("memory.recall")
    part = panel_of(program).recall
    assert part.room.value() == 1500
    part.owner.setFocus()
    QTest.keyClick(part.owner, Qt.Key.Key_R)
    assert part.owner.currentText() == "Researcher"
    await ask(program, "What is the favourite colour, and what of the dog?")
    assert [text for text, _ in told(program)] == [COLOUR]


async def test_without_a_key_it_is_said_plainly_what_is_not_found(wordy: Program) -> None:
    agent = await make_agent(wordy, "Concierge")
    await tell(wordy, agent, DOG)
    wordy.window.docks.reveal("memory")
    wordy.memories.refresh()
    await until(lambda: len(wordy.memories.owners) == 1)
    wordy.commands.run("memory.recall")
    part = panel_of(wordy).recall
    await ask(wordy, "Which dog?")
    assert told(wordy) == [(DOG, "told")]
    assert part.summary.text().startswith("By words only")
    assert part.note.isVisible()
    assert "What says the same in other words is not found" in part.note.text()
    await ask(wordy, "Any pets?")
    assert told(wordy) == []
    QTest.keyClicks(part.question, "x")
    panel = panel_of(wordy)
    panel.open_id((await all_of(wordy))[0].id)
    await until(lambda: "by words only" in panel.detail._facts["Found"].text())


async def test_a_recalled_memory_is_opened_by_the_keyboard_and_by_a_click(program: Program, agent: UUID) -> None:
    await tell(program, agent, DOG)
    program.commands.run("memory.recall")
    await ask(program, "What of the dog?")
    panel = panel_of(program)
    card = panel.recall.cards[0]
    QTest.keyClick(card, Qt.Key.Key_Return)
    await until(panel.detail.isVisible)
    press(panel.detail.back)
    assert panel.recall.isVisible()
    QTest.mouseClick(card, Qt.MouseButton.LeftButton)
    await until(lambda: panel.detail.fields.words.toPlainText() == DOG)
