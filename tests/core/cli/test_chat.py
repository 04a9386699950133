from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Any

import pytest

from core.agents.agent import Agent, Function
from core.agents.terms import Terms, askers_facts
from core.workflow.document import save
from core.workflow.model import Step, Workflow
from core.workspace import Workspace
from tests.support.command_line import Cli

STOCK = Workflow(
    "Stock",
    inputs={"article": {"type": "string"}},
    steps={"t": Step("t", "template", config={"text": "There are 12."})},
    outputs={"count": "{{ t.text }}"},
)
ECHO = Workflow(
    "Echo",
    inputs={"message": {"type": "string"}},
    steps={"t": Step("t", "template", config={"text": "You said {{ input.message }}."})},
    outputs={"answer": "{{ t.text }}"},
)


@pytest.fixture
def agents(database: str, home: Path) -> None:
    """An agent that looks into the stock by itself, one that asks first, and a workflow that answers."""

    async def make() -> None:
        async with Workspace.open() as workspace:
            assert workspace.store is not None
            await workspace.store.workflows.save(STOCK, 0)
            await workspace.store.workflows.save(ECHO, 0)
            for name, policy in (("Ada", "auto"), ("Careful", "ask")):
                function = Function("stock", target="Stock", policy=policy)  # type: ignore[arg-type]  # one of them
                await workspace.agents.save(Agent(name, functions=(function,)), 0)

    asyncio.run(make())


@pytest.mark.usefixtures("agents")
def test_one_message_is_answered_on_standard_output_and_its_calls_are_told_beside_it(cli: Cli) -> None:
    told = cli("chat", "Ada", "--demo", "-m", "Use stock for bolts.")
    assert told.code == 0, told.err
    assert "There are 12." in told.out
    assert "→ stock" in told.err
    assert "✓ stock" in told.err
    assert "stock" not in told.out.replace("Use stock", "")


@pytest.mark.usefixtures("agents")
def test_a_message_comes_from_standard_input_and_a_conversation_goes_on(cli: Cli) -> None:
    first = cli("chat", "Ada", "--demo", "--json", stdin="Good morning.\n")
    assert first.json["status"] == "completed"
    second = cli("chat", "-c", first.json["conversation"], "--demo", "--json", "-m", "And good night.")
    assert second.json["conversation"] == first.json["conversation"]
    assert "good night" in second.json["text"]


@pytest.mark.usefixtures("agents")
def test_a_call_that_needs_leave_is_answered_by_another_command(cli: Cli) -> None:
    asked = cli("chat", "Careful", "--demo", "--json", "-m", "Use stock for bolts.")
    assert (asked.code, asked.json["status"]) == (3, "waiting")
    (pending,) = asked.json["pending"]
    assert pending["call"]["name"] == "stock"
    again = cli("chat", "-c", asked.json["conversation"], "--demo", "--answer", "maybe")
    assert (again.code, "allow or deny" in again.err) == (2, True)
    done = cli("chat", "-c", asked.json["conversation"], "--demo", "--answer", "allow")
    assert (done.code, "There are 12." in done.out) == (0, True)
    nothing = cli("chat", "-c", asked.json["conversation"], "--demo", "--answer", "allow")
    assert (nothing.code, "waits" in nothing.err) == (1, True)


@pytest.mark.usefixtures("agents")
def test_without_json_it_says_how_to_answer(cli: Cli) -> None:
    asked = cli("chat", "Careful", "--demo", "-m", "Use stock for bolts.")
    assert asked.code == 3
    assert 'Careful wants to call stock with {\n "article"' in asked.err
    assert "--answer allow|deny" in asked.err


@pytest.mark.usefixtures("agents")
def test_nobody_can_answer_a_call_that_another_program_carries_out_but_one_can_talk_on(cli: Cli) -> None:
    async def begin() -> str:
        async with Workspace.open(demo=True) as workspace:
            conversation = await workspace.chat.start("Ada")
            offered = Terms(functions=(askers_facts("weather"),))
            await workspace.chat.send(conversation.id, "Use weather.", terms=offered).outcome()
            return str(conversation.id)

    held = asyncio.run(begin())
    refused = cli("chat", "-c", held, "--demo", "--answer", "allow")
    assert (refused.code, refused.err.count("The program that asked has to carry out weather.")) == (2, 1)
    on = cli("chat", "-c", held, "--demo", "-m", "Thank you.")
    assert (on.code, "Thank you." in on.out) == (0, True)


class Typed(io.StringIO):
    """A terminal on which lines are typed."""

    def isatty(self) -> bool:
        return True


@pytest.mark.usefixtures("agents")
def test_a_person_talks_on_the_terminal_and_is_asked_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from core.cli.app import run_command

    monkeypatch.setattr("sys.stdin", Typed("Use stock for bolts.\nwhat?\nallow\nThank you.\n/quit\n"))
    assert run_command(["chat", "Careful", "--demo"]) == 0
    printed = capsys.readouterr()
    assert "There are 12." in printed.out
    assert "Thank you." in printed.out
    assert printed.err.count("allow / deny?") == 2


@pytest.mark.usefixtures("agents")
def test_events_are_lines_of_json(cli: Cli) -> None:
    told = cli("chat", "Ada", "--demo", "--events", "-m", "Use stock for bolts.")
    names = [event["event"] for event in told.events]
    assert names[0] == "message_saved"
    assert names[-1] == "turn_ended"
    assert {"call_proposed", "call_started", "call_finished"} <= set(names)


@pytest.mark.usefixtures("agents")
def test_one_can_chat_with_a_workflow(cli: Cli, tmp_path: Path) -> None:
    told = cli("chat", "Echo", "-m", "hello")
    assert (told.code, told.out) == (0, "You said hello.\n")
    assert cli("chat", "Stock", "-m", "bolts").out == "There are 12.\n"
    mute = Workflow("Mute", steps={"t": Step("t", "template", config={"text": "x"})})
    save(mute, tmp_path / "mute.loom.yaml")
    refused = cli("chat", "mute.loom.yaml", "-m", "hello")
    assert (refused.code, "no input 'message'" in refused.err) == (2, True)


@pytest.mark.usefixtures("agents")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("chat", "Nobody", "-m", "x"), "Nobody"),
        (("chat", "-c", "123", "-m", "x"), "no conversation '123'"),
        (("chat", "Ada"), "nothing to say"),
        (("chat", "Ada", "-m", "x", "-f", "missing.txt"), "missing.txt cannot be read"),
    ],
)
def test_what_cannot_be_done_is_said_in_words(cli: Cli, arguments: Any, words: str) -> None:
    told = cli(*arguments)
    assert told.code == 2
    assert words in told.err


@pytest.mark.usefixtures("agents")
def test_pictures_that_are_made_are_named_and_written_where_that_is_wanted(cli: Cli, tmp_path: Path) -> None:
    draw = Workflow(
        "Draw",
        inputs={"message": {"type": "string"}},
        steps={"d": Step("d", "image", config={"prompt": "{{ input.message }}"})},
        outputs={"answer": "{{ d.image }}"},
    )

    async def make() -> None:
        async with Workspace.open() as workspace:
            assert workspace.store is not None
            await workspace.store.workflows.save(draw, 0)
            function = Function("draw", target="Draw", policy="auto")
            await workspace.agents.save(Agent("Painter", functions=(function,)), 0)

    asyncio.run(make())
    told = cli("chat", "Draw", "-m", "a cat", "--demo")
    assert (told.code, "made d-1.png (--save-files DIR writes it)" in told.err) == (0, True)
    folder = tmp_path / "pictures"
    told = cli("chat", "Draw", "-m", "a dog", "--demo", "--save-files", folder, "--json")
    assert told.json["files"] == [str(folder / "d-1.png")]
    assert (folder / "d-1.png").read_bytes().startswith(b"\x89PNG")
    told = cli("chat", "Painter", "-m", "draw a cow", "--demo", "--save-files", folder)
    assert told.code == 0
    assert "made " in told.err
    assert len(list(folder.iterdir())) == 2
