"""Functions that whoever asks carries out, and hands in what they gave."""

from __future__ import annotations

from uuid import UUID

import pytest

from core.agents.errors import NothingToDo
from core.agents.terms import Terms, askers_facts
from core.engine.testing_models import Scripted
from tests.support.agent_rig import AgentRig, Recording, ended, waiting, wants

OFFERED = Terms(functions=(askers_facts("weather"),))


async def asked(rig: AgentRig) -> UUID:
    """Begin a conversation whose asker offers a function, and come to where its call waits."""
    rig.last = (await rig.conversation()).id
    waiting(await rig.finish(rig.chat.send(rig.last, "Is it dry?", terms=OFFERED)))
    return rig.last


async def test_a_turn_goes_on_with_what_is_handed_in() -> None:
    rig = AgentRig(wants(("weather", {})), "It is dry.")
    conversation = await asked(rig)
    call = (await rig.path())[1].calls[0]
    assert ended(await rig.finish(rig.chat.hand_in(conversation, {call.id: "Dry"}, OFFERED))).text == "It is dry."
    assert "Dry" in rig.sent()[-1]["content"]


async def test_a_result_that_is_handed_in_gives_no_leave_to_make_a_call_of_the_agents_own() -> None:
    pay = Recording("pay", "paid", effect="writes", policy="ask")
    rig = AgentRig(wants(("weather", {}), ("pay", {"usd": 5})), functions=[pay])
    conversation = await asked(rig)
    own = (await rig.path())[1].calls[1]
    with pytest.raises(NothingToDo, match="pay waits for no result"):
        await rig.finish(rig.chat.hand_in(conversation, {own.id: "paid"}, OFFERED))
    assert pay.calls == []
    assert [pending.kind for pending in await rig.chat.pending(conversation)] == ["asker", "approval"]


async def test_what_was_handed_in_before_a_process_died_is_not_lost() -> None:
    script: list[Scripted] = [wants(("weather", {}), ("weather", {})), "It is dry."]
    rig = AgentRig(*script)
    conversation = await asked(rig)
    answer = (await rig.path())[1]
    results = {call.id: f"Dry {call.position}" for call in answer.calls}
    ended(await rig.finish(rig.chat.hand_in(conversation, results, OFFERED)))
    log = await rig.conversations.write(conversation)
    await log.move_head(answer.id)  # as if the process had died before the results were added
    await log.close()
    rig.models._script.append("Dry, I said.")
    again = await rig.finish(rig.chat.hand_in(conversation, results, OFFERED))
    assert ended(again).text == "Dry, I said."
    assert [message["role"] for message in rig.sent()] == ["system", "user", "assistant", "tool", "tool"]
