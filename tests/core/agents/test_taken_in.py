"""Agents from somebody else's file."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.agents.agent import Agent, Function
from core.agents.taken_in import said_of, without_leave

PAY = Function("pay", "Pays.", "workflow", "Pay the invoices", policy="auto")


@pytest.mark.parametrize(
    "function",
    [
        PAY,
        replace(PAY, kind="python", target="subprocess:getoutput"),
        replace(PAY, kind="mcp", target="files/delete"),
        replace(PAY, kind="agent", target="Clerk"),
    ],
)
def test_what_this_person_has_is_not_run_unasked_because_a_file_says_so(function: Function) -> None:
    agent, asking = without_leave(Agent("Stranger", functions=(function, replace(function, name="b", policy="ask"))))
    assert [each.policy for each in agent.functions] == ["", "ask"]
    assert asking == ("pay",)
    assert "pay" in said_of(asking)


def test_what_the_person_allowed_before_stays_and_another_target_does_not() -> None:
    known = Agent("Mine", functions=(PAY,))
    assert without_leave(known, known) == (known, ())
    _, asking = without_leave(Agent("Mine", functions=(replace(PAY, target="Delete all"),)), known)
    assert asking == ("pay",)


def test_handing_over_needs_no_leave() -> None:
    agent = Agent("Desk", functions=(replace(PAY, kind="agent", target="Clerk", handoff=True),))
    assert without_leave(agent) == (agent, ())
