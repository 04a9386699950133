"""An agent while it is edited: typed values that do not fit yet, undo, places of problems. Without a window."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pytestqt.qtbot import QtBot

from core.agents.agent import Agent, Function
from core.agents.check import Available
from desktop.agents.differences import differences
from desktop.agents.draft import AgentDraft, place_of, problems_of
from desktop.agents.prompt_names import PromptNames
from desktop.panels.fields import ABSENT
from desktop.panels.template_text import open_place

PLAIN = Agent("A", prompt="Do it.", functions=(Function("one", target="W"), Function("two", kind="agent", target="B")))


def test_what_does_not_fit_is_kept_as_typed_and_told_at_its_place(qtbot: QtBot) -> None:
    draft = AgentDraft(PLAIN, name="A", version=1)
    draft.set_value("model", "temperature", "warm", typing=True)
    assert draft.agent == PLAIN
    assert draft.values("model") == {"temperature": "warm"}
    assert not draft.is_saved
    assert problems_of(draft.agent, draft.unfinished)[0][0] == ("model", "temperature")
    draft.set_value("model", "temperature", 0.5, typing=True)
    assert (draft.agent.model.temperature, dict(draft.unfinished)) == (0.5, {})


def test_a_burst_of_typing_is_undone_at_once_and_typing_back_leaves_nothing_unsaved(qtbot: QtBot) -> None:
    draft = AgentDraft(PLAIN, name="A", version=1)
    for text in ("X", "XY", "XYZ"):
        draft.set_value("profile", "description", text, typing=True)
    assert draft.stack.count() == 1
    draft.set_value("profile", "description", ABSENT, typing=True)
    assert draft.is_saved
    draft.set_value("limits", "steps", 3)
    draft.stack.undo()
    assert (draft.agent, draft.is_saved) == (PLAIN, True)


@pytest.mark.parametrize(
    ("section", "key", "typed"),
    [
        ("limits", "steps", "many"),
        ("limits", "steps", 2.5),
        ("limits", "seconds", "soon"),
        ("limits", "usd", "free"),
        ("memory", "most", True),
        ("answer", "answer", "{not json"),
    ],
)
def test_text_in_the_place_of_numbers_and_schemas_never_reaches_the_agent(
    qtbot: QtBot, section: str, key: str, typed: object
) -> None:
    draft = AgentDraft(PLAIN, name="A", version=1)
    draft.set_value(section, key, typed, typing=True)  # type: ignore[arg-type]  # whatever a control gives
    assert draft.agent == PLAIN
    assert draft.values(section)[key] == typed
    draft.stack.undo()
    assert draft.values(section) == {}


def test_what_is_typed_for_a_function_goes_with_it_when_another_is_removed(qtbot: QtBot) -> None:
    draft = AgentDraft(PLAIN, name="A", version=1)
    draft.set_function_value(1, "usd", "much", typing=True)
    draft.remove_function(0)
    assert draft.function_values(0)["usd"] == "much"
    draft.remove_function(0)
    assert dict(draft.unfinished) == {}
    draft.stack.undo()
    draft.stack.undo()
    assert (draft.agent, draft.function_values(1)["usd"]) == (PLAIN, "much")


def test_a_new_agent_is_unsaved_only_after_something_was_typed(qtbot: QtBot) -> None:
    draft = AgentDraft(Agent("New agent"))
    states = [draft.is_saved]
    draft.set_value("profile", "description", "x", typing=True)
    states.append(draft.is_saved)
    draft.saved_as(draft.agent, "New agent", 1)
    assert [*states, draft.is_saved] == [True, False, True]


def test_what_was_typed_while_it_was_saved_stays_unsaved(qtbot: QtBot) -> None:
    draft = AgentDraft(PLAIN, name="A", version=1)
    draft.set_value("limits", "steps", 3)
    saved = draft.agent
    draft.set_value("limits", "steps", 4)
    draft.saved_as(saved, "A", 2)
    assert not draft.is_saved


@pytest.mark.parametrize(
    ("agent", "name", "place"),
    [
        (PLAIN, "model.temperature", ("model", "temperature")),
        (PLAIN, "name", ("profile", "name")),
        (PLAIN, "prompt", ("prompt",)),
        (PLAIN, "answer", ("answer", "answer")),
        (PLAIN, "functions", ("functions",)),
        (PLAIN, "functions.two.agent", ("functions", 1, "target")),
        (PLAIN, "functions.two.timeout", ("functions", 1, "timeout_s")),
        (PLAIN, "functions.one", ("functions", 0, "name")),
        (replace(PLAIN, functions=(Function("x"), Function("x"))), "functions.1.workflow", ("functions", 1, "target")),
        (replace(PLAIN, functions=(Function(""),)), "functions.0", ("functions", 0, "name")),
    ],
)
def test_problems_stand_where_they_are_mended(agent: Agent, name: str, place: tuple[object, ...]) -> None:
    assert place_of(agent, name) == place


def test_all_problems_are_found_at_once(qtbot: QtBot) -> None:
    wrong = Agent("", functions=(Function("1st", target="Gone"), Function("ok", kind="python", target="nowhere")))
    draft = AgentDraft(wrong)
    draft.set_value("limits", "calls", "none", typing=True)
    found = problems_of(draft.agent, draft.unfinished, Available(workflows=set()))
    errors = {place for place, problem in found if problem.severity == "error"}
    assert errors == {
        ("profile", "name"),
        ("limits", "calls"),
        ("functions", 0, "name"),
        ("functions", 0, "target"),
        ("functions", 1, "target"),
    }


def test_instructions_are_completed_with_variables_date_memory_and_filters() -> None:
    names = PromptNames()
    names.variables = {"mood": "How it feels."}

    def offered(text: str) -> list[str]:
        place = open_place(text, len(text))
        assert place is not None
        return [each.text for each in names.suggestions(place, secrets=False, inside=False)]

    assert offered("{{ ") == ["vars.mood", "date", "now", "memory", "agent.name", "agent.description"]
    assert offered("{{ mo") == ["vars.mood", "memory"] or offered("{{ mo") == ["vars.mood"]
    assert "upper" in offered("{{ date | up")


def test_wrong_names_in_instructions_come_with_their_cure() -> None:
    names = PromptNames()
    names.variables = {"mood": ""}
    flaws = names.flaws("{{ dat }} {{ mood }} {{ secrets.key }} {{ date }}", secrets=False, inside=False)
    assert [(flaw.problem.code, flaw.replacement) for flaw in flaws] == [
        ("unknown_name", "date"),
        ("unknown_name", "vars.mood"),
        ("secret_not_allowed", ""),
    ]


def test_differences_show_both_values_and_the_lines_of_longer_texts() -> None:
    theirs = replace(PLAIN, prompt="First.\nSecond.", functions=PLAIN.functions[:1])
    mine = replace(PLAIN, prompt="First.\nThird.")
    text = "\n".join(differences(theirs, mine))
    assert "  theirs: Second." in text
    assert "  yours:  Third." in text
    assert "First." not in text
    assert "function two:\n  theirs: not set" in text
