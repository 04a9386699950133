"""The audit on a real database: each finding with its cure, which can be taken back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from PySide6.QtWidgets import QComboBox, QLabel
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.store.memory_upkeep import MemoryUpkeep
from desktop.memory_panel.audit_page import TOGETHER, FindingGroup
from desktop.program import Program
from tests.support.desktop_program import until
from tests.support.memory_panel import (
    all_of,
    button_of,
    memories_of,
    panel_of,
    press,
    question_of,
    state_of,
    tell,
    undo,
)

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")


async def write(program: Program, statement: str, **values: object) -> None:
    """What happened in the database long ago, or by an older version."""
    assert program.session.workspace is not None
    assert program.session.workspace.store is not None

    async def work(connection: AsyncConnection) -> None:
        await connection.execute(text(statement), values)

    await program.session.workspace.store.database.run(work)


async def made(program: Program, owner: UUID | None, words: str) -> UUID:
    outcome = await tell(program, owner, words)
    assert outcome.memory is not None
    return outcome.memory.id


async def looked(program: Program) -> None:
    """Look the agent's memories over."""
    program.commands.run("memory.audit")
    part = panel_of(program).audit
    assert isinstance(part.owner, QComboBox)
    assert part.owner.currentText() == "Concierge"
    await until(lambda: part.found is not None)


def group(program: Program, kind: str) -> FindingGroup:
    return next(each for each in panel_of(program).audit.groups if each.kind == kind)


def kinds(program: Program) -> list[str]:
    return [each.kind for each in panel_of(program).audit.groups]


async def test_a_memory_in_order_is_said_to_be(program: Program, agent: UUID) -> None:
    await made(program, agent, "The dog is called Bruno.")
    await looked(program)
    await until(lambda: panel_of(program).audit.summary.text() == "1 memory looked over  ·  nothing amiss")
    assert kinds(program) == []


async def test_of_an_agent_that_remembers_nothing_it_is_not_said_that_all_is_well(
    program: Program, agent: UUID
) -> None:
    await looked(program)
    page = panel_of(program).audit
    assert page.nothing.isVisible()
    assert page.summary.text() == ""


async def test_a_look_that_takes_long_is_stopped_in_the_server_too(
    program: Program, agent: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    await made(program, agent, "The dog is called Bruno.")
    assert program.session.workspace is not None
    assert program.session.workspace.store is not None
    database = program.session.workspace.store.database

    async def alike(*_: object, **__: object) -> Sequence[tuple[UUID, UUID, float]]:
        async def work(connection: AsyncConnection) -> None:
            await connection.execute(text("SELECT pg_sleep(600)"))

        await database.run(work)
        return []

    def looking() -> bool:
        with database.connect() as other:
            query = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query = 'SELECT pg_sleep(600)'"
            return other.execute(query).fetchone() == (1,)

    page = panel_of(program).audit
    with monkeypatch.context() as patch:
        patch.setattr(MemoryUpkeep, "alike", alike)
        program.commands.run("memory.audit")
        await until(looking)
        assert not page.look_button.isVisible()
        press(page.stop_button)
        assert page.summary.text() == "Stopped before all were looked over."
        assert page.look_button.isVisible()
        assert not page.stop_button.isVisible()
        await until(lambda: not looking())
    press(page.look_button)
    await until(lambda: page.found is not None and page.found.looked_at == 1)


async def test_of_an_agent_that_does_not_see_the_shared_memories_they_are_not_looked_over(
    program: Program, agent: UUID
) -> None:
    assert program.session.workspace is not None
    await made(program, None, "Breakfast is at seven.")
    await made(program, agent, "The dog is called Bruno.")
    known = await program.session.workspace.agents.get("Concierge")
    alone = replace(known.agent, memory=replace(known.agent.memory, shared=False))
    await program.session.workspace.agents.save(alone, known.version)
    program.memories.refresh()
    await until(lambda: any(owner.id == agent and not owner.shared for owner in program.memories.owners))
    await looked(program)
    assert panel_of(program).audit.summary.text().startswith("1 memory looked over")


async def test_of_the_same_words_the_shared_one_is_kept_and_undo_brings_the_other_back(
    program: Program, agent: UUID
) -> None:
    shared = await made(program, None, "Breakfast is at seven.")
    own = await made(program, agent, "Breakfast is at seven.")
    await looked(program)
    await until(lambda: kinds(program) == ["exact_double"])
    press(button_of(group(program, "exact_double"), "Keep the shared one"))
    await until(lambda: kinds(program) == [])
    assert (await state_of(program, own), await state_of(program, shared)) == ("forgotten", "live")
    undo(program)
    await until(lambda: kinds(program) == ["exact_double"])


async def test_what_was_never_recalled_is_forgotten_all_at_once_and_comes_back(program: Program, agent: UUID) -> None:
    for words in ("The dog is called Bruno.", "The museum is closed on Mondays.", "Ada lives in Porto."):
        await made(program, agent, words)
    await write(program, "UPDATE agent_memories SET created = created - CAST(:age AS interval)", age=timedelta(days=40))
    await looked(program)
    await until(lambda: kinds(program) == ["never_recalled"])
    press(button_of(group(program, "never_recalled"), "Forget all 3"))
    await until(lambda: kinds(program) == [])
    assert {memory.state for memory in await all_of(program)} == {"forgotten"}
    undo(program)
    await until(lambda: kinds(program) == ["never_recalled"])


async def test_a_stale_memory_that_still_holds_is_no_finding_any_more(program: Program, agent: UUID) -> None:
    await made(program, agent, "The dog is called Bruno.")
    await write(
        program,
        "UPDATE agent_memories SET access_count = 3, last_accessed = last_accessed - CAST(:age AS interval)",
        age=timedelta(days=200),
    )
    await looked(program)
    await until(lambda: kinds(program) == ["stale"])
    press(button_of(group(program, "stale"), "Still holds"))
    await until(lambda: kinds(program) == [])
    assert (await all_of(program))[0].access_count == 4


async def test_a_secret_that_got_in_is_forgotten_for_good_after_one_question(program: Program, agent: UUID) -> None:
    kept = await made(program, agent, "The dog is called Bruno.")
    await write(program, "UPDATE agent_memories SET content = 'The password is hunter2trois' WHERE id = :id", id=kept)
    await looked(program)
    await until(lambda: kinds(program) == ["secret"])
    press(button_of(group(program, "secret"), "Forget for good…"))
    press(button_of(question_of(program), "Forget for good"))
    await until(lambda: kinds(program) == [])
    assert await all_of(program) == ()


async def test_of_a_contradiction_one_is_kept(program: Program, agent: UUID) -> None:
    first = await made(program, agent, "Ada lives in Porto.")
    second = await made(program, agent, "The dog is called Bruno.")
    await write(program, "UPDATE agent_memories SET fact_key = 'ada/lives in'")
    await looked(program)
    await until(lambda: kinds(program) == ["conflict"])
    card = group(program, "conflict").cards[0]
    newer = button_of(card, "Keep this one")
    assert newer.accessibleName() == "Keep this one: The dog is called Bruno."
    press(newer)
    await until(lambda: kinds(program) == [])
    assert (await state_of(program, first), await state_of(program, second)) == ("forgotten", "live")


async def test_one_that_is_hard_to_find_is_opened_to_be_said_otherwise(program: Program, agent: UUID) -> None:
    await made(program, agent, "The dog is called Bruno.")
    await write(program, "UPDATE agent_memories SET created = created - CAST(:age AS interval)", age=timedelta(days=40))
    await looked(program)
    await until(lambda: kinds(program) == ["never_recalled"])
    press(button_of(group(program, "never_recalled"), "Rewrite"))
    detail = panel_of(program).detail
    await until(detail.isVisible)
    assert detail.fields.words.toPlainText() == "The dog is called Bruno."


async def test_a_fact_that_has_changed_is_shown_beside_what_held_before_and_can_be_taken_back(
    program: Program, agent: UUID
) -> None:
    old = await made(program, agent, "Ada lives in Porto.")
    new = await memories_of(program).edit(old, content="Ada lives in Braga.", who="Ada")
    await looked(program)
    await until(lambda: kinds(program) == ["changed"])
    assert panel_of(program).audit.summary.text() == "1 memory looked over  ·  nothing amiss"
    (card,) = group(program, "changed").cards
    said = [label.text() for label in card.findChildren(QLabel)]
    assert [text for text in said if text.startswith("Ada lives")] == ["Ada lives in Braga.", "Ada lives in Porto."]
    press(button_of(group(program, "changed"), "The older one holds"))
    await until(lambda: kinds(program) == [])
    assert (await state_of(program, old), await state_of(program, new.id)) == ("live", "forgotten")


async def test_a_finding_of_very_many_memories_shows_some_and_says_how_many_more(program: Program, agent: UUID) -> None:
    first = await made(program, agent, "Breakfast is at seven.")
    await write(
        program,
        "INSERT INTO agent_memories (id, agent_id, type, content, content_hash, importance, state) "
        "SELECT gen_random_uuid(), agent_id, type, content, content_hash || n, importance, state "
        "FROM agent_memories, generate_series(1, 2000) AS n WHERE id = :first",
        first=first,
    )
    await looked(program)
    await until(lambda: kinds(program) == ["exact_double"])
    (card,) = group(program, "exact_double").cards
    said = [label.text() for label in card.findChildren(QLabel)]
    assert said.count("Breakfast is at seven.") == TOGETHER
    assert f"And {2_001 - TOGETHER:,} more that say the same." in said
