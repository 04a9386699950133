"""Agents that were edited and not saved when the program ended: kept on disk, offered again, taken back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from core.agents.agent import Agent, Function, Limits, ModelChoice
from desktop.agents.draft import AgentDraft, DraftState
from desktop.agents.editor import AgentEditor
from desktop.agents.unsaved_agent import read_unsaved, snapshot_of
from desktop.memory import WindowMemory
from desktop.program import Program
from desktop.unsaved_work import AGENT, FOLDER, State, recoverable
from tests.desktop.agents.conftest import CLERK, DESK, workspace_of
from tests.support.desktop_program import made_program, take_apart, until

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")

REPOSITORY = Path(__file__).parents[3]
AT = datetime(2026, 11, 27, tzinfo=UTC)


def there_and_back(draft: AgentDraft) -> DraftState:
    state = snapshot_of(draft).state(AT)
    found = read_unsaved(state)
    assert found is not None
    assert (found.kept_as, found.version) == (draft.name, draft.version)
    return found.state


def test_everything_of_an_agent_survives_also_what_does_not_fit_yet(qapp: object) -> None:
    draft = AgentDraft(DESK, name="Front desk", version=4)
    assert there_and_back(draft) == DraftState(DESK)
    draft.set_value("limits", "calls", "many")
    draft.set_function_value(0, "timeout_s", "soon")
    draft.add_function(Function("shout", "The same name again.", "python", "a:b", usd=0.5, enabled=False))
    draft.set_value("profile", "name", "")
    draft.edit("Hosts", lambda agent: replace(agent, hosts=("a.example",), answer_schema={}))
    draft.edit("Model", lambda agent: replace(agent, model=ModelChoice("x/y", ("z",), 0.25), limits=Limits(usd=1.5)))
    assert there_and_back(draft) == draft.state
    assert len(draft.state.unfinished) == 2


def test_a_text_that_holds_no_agent_is_told_apart(qapp: object) -> None:
    good = snapshot_of(AgentDraft(CLERK)).state(AT)
    for text in ("", "[]", "{}", '{"agent": 1}', good.text.replace('"steploom_agent": 1', '"steploom_agent": 99')):
        assert read_unsaved(State(text, "Clerk", AT, kind=AGENT)) is None


@pytest.mark.parametrize("writes", [1, 9])
def test_a_program_killed_while_an_agent_is_edited_loses_nothing_that_was_written(tmp_path: Path, writes: int) -> None:
    command = [sys.executable, "-m", "tests.support.unsaved_program", str(tmp_path), "agent"]
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, env=environment) as program:
        assert program.stdout is not None
        told = [int(program.stdout.readline()) for _ in range(writes)]
        program.send_signal(signal.SIGKILL)
        told += [int(line) for line in program.stdout.read().split("\n")[:-1]]
    assert program.returncode == -signal.SIGKILL
    (unsaved,) = recoverable(tmp_path)
    assert (unsaved.state.kind, unsaved.state.version) == (AGENT, 7)
    work = read_unsaved(unsaved.state)
    assert work is not None
    assert (work.kept_as, work.state.agent.name) == ("Long", "Long")
    assert int(work.state.agent.description) >= told[-1]


def _edited(program: Program) -> AgentEditor:
    return program.agents.editors.open[0]


def _typed(editor: AgentEditor, text: str) -> None:
    prompt = editor.pages["Profile"].prompt.editor
    prompt.setFocus()
    QTest.keyClick(prompt, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClicks(prompt, text)


def _left_behind(home: Path) -> None:
    """What is kept looks as if by a process that is gone."""
    for left in (home / FOLDER).glob("*.unsaved"):
        left.write_text(left.read_text().replace('"pid": ', '"pid": 4'))


async def _kept(home: Path, text: str) -> None:
    await until(lambda: any(text in path.read_text() for path in (home / FOLDER).glob("*.unsaved")))


async def test_an_edited_agent_is_offered_after_a_crash_and_undo_leads_back(program: Program, home: Path) -> None:
    program.agents.desk.edit("Front desk")
    await until(lambda: bool(program.agents.editors.open))
    _typed(_edited(program), "Half done")
    await _kept(home, "Half done")
    url = program.session.workspace
    assert url is not None
    left = {path.name: path.read_bytes() for path in (home / FOLDER).glob("*.unsaved")}
    program.agents.editors.open[0].let_go()
    await until(lambda: not list((home / FOLDER).glob("*.unsaved")))
    for name, content in left.items():
        (home / FOLDER / name).write_bytes(content.replace(b'"pid": ', b'"pid": 4'))

    await program.recovery.start()
    question = program.recovery.question
    assert question is not None
    assert question.windowTitle() == "Unsaved work in “Front desk”"
    QTest.mouseClick(question.buttons["open"], Qt.MouseButton.LeftButton)
    await until(lambda: bool(program.agents.editors.open))
    editor = _edited(program)
    await until(lambda: editor.draft.agent.prompt == "Half done")
    assert editor.isWindowModified()
    assert editor.about.text() == "Version 1, changed since"
    QTest.mouseClick(editor.undo, Qt.MouseButton.LeftButton)
    assert editor.draft.agent == DESK
    QTest.mouseClick(editor.redo, Qt.MouseButton.LeftButton)
    editor.save()
    await until(lambda: editor.draft.version == 2)
    assert (await workspace_of(program).agents.get("Front desk")).agent.prompt == "Half done"
    await until(lambda: not list((home / FOLDER).glob("*.unsaved")))


async def test_a_new_agent_that_was_never_saved_comes_back_with_a_workflow_beside_it(home: Path) -> None:
    WindowMemory(home).first_run_done = True
    program = await made_program(home)
    program.agents.editors.new(Agent("New agent"))
    _typed(_edited(program), "Be brief.")
    _edited(program).draft.set_value("limits", "calls", "many")
    await _kept(home, "many")
    await take_apart(program)  # without a question, as on a signal
    _left_behind(home)

    program = await made_program(home)
    question = program.recovery.question
    assert question is not None
    question.buttons["open"].click()
    await until(lambda: bool(program.agents.editors.open))
    draft = _edited(program).draft
    assert (draft.agent.name, draft.agent.prompt, draft.version) == ("New agent", "Be brief.", 0)
    assert draft.values("limits")["calls"] == "many"
    assert not draft.is_saved
    await until(lambda: len(list((home / FOLDER).glob("*.unsaved"))) == 1)
    await take_apart(program)
    _left_behind(home)

    program = await made_program(home)
    assert program.recovery.question is not None
    program.recovery.question.buttons["discard"].click()
    await until(lambda: not list((home / FOLDER).glob("*.unsaved")))
    assert not program.agents.editors.open
    await take_apart(program)
