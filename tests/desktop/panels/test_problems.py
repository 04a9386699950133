from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from core.engine.step_type import StepTypes
from core.workflow.edits import move_steps, set_config_field
from core.workflow.model import Step, Workflow
from core.workflow.problems import Problem
from desktop.bridge import Bridge
from desktop.document import OpenDocument
from desktop.icons import Icons
from desktop.panels.background import Surroundings
from desktop.panels.problem_watch import ProblemWatch
from desktop.panels.problems import ProblemsPanel, count_words
from desktop.panels.problems_model import field_words, lines_of
from desktop.theme import ThemeManager
from tests.support.panel_documents import triage
from tests.support.qt_loop import next_signal

Stand = Callable[..., QWidget]


@pytest.fixture
def document() -> OpenDocument:
    return triage({"prompt": "{{ nobody }}"})


@pytest.fixture
def watch(document: OpenDocument, types: StepTypes, around: Surroundings) -> ProblemWatch:
    made = ProblemWatch(document, types, around.background)
    made.check()
    return made


@pytest.fixture
def panel(watch: ProblemWatch, themes: ThemeManager, icons: Icons, stand: Stand) -> ProblemsPanel:
    made = ProblemsPanel(themes, icons)
    made.show_watch(watch)
    stand(made, (600, 300))
    return made


def test_problems_name_their_step_and_field(panel: ProblemsPanel) -> None:
    line = panel.model.line(0)
    assert (line.where, line.problem.field) == ("Draft the answer", "config.prompt")
    assert line.spoken.startswith("Error in Draft the answer, prompt: There is no step or name 'nobody' here.")
    assert panel.count.text() == "1 error"


def test_a_click_leads_to_the_step_and_the_field(panel: ProblemsPanel, qtbot: QtBot) -> None:
    place = panel.view.visualRect(panel.model.index(0, 0)).center()
    with qtbot.waitSignal(panel.chosen) as chosen:
        QTest.mouseClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert chosen.args == ["reply", "config.prompt"]


def test_enter_leads_there_too(panel: ProblemsPanel, qtbot: QtBot) -> None:
    panel.view.setFocus()
    panel.view.setCurrentIndex(panel.model.index(0, 0))
    with qtbot.waitSignal(panel.chosen) as chosen:
        QTest.keyClick(panel.view, Qt.Key.Key_Return)
    assert chosen.args == ["reply", "config.prompt"]


def test_a_mended_document_has_an_empty_list(
    panel: ProblemsPanel, document: OpenDocument, watch: ProblemWatch, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(watch.changed):
        document.apply("Mend", lambda workflow: set_config_field(workflow, "reply", "prompt", "Hi"))
    assert panel.is_empty
    with qtbot.waitSignal(watch.changed):
        document.stack.undo()
    assert not panel.is_empty


def test_moving_steps_checks_nothing_again(document: OpenDocument, watch: ProblemWatch, qtbot: QtBot) -> None:
    with qtbot.assertNotEmitted(watch.changed, wait=400):
        document.apply("Move", lambda workflow: move_steps(workflow, {"reply": (10.0, 20.0)}))


def test_a_burst_of_changes_is_checked_once(document: OpenDocument, watch: ProblemWatch, qtbot: QtBot) -> None:
    checks: list[object] = []
    watch.changed.connect(checks.append)
    for text in ("{{ a }}", "{{ ab }}", "{{ abc }}"):
        document.apply("Type", lambda w, text=text: set_config_field(w, "reply", "prompt", text))  # type: ignore[misc] # bound now
    with qtbot.waitSignal(watch.changed):
        pass
    assert len(checks) == 1
    assert "'abc'" in watch.problems[0].message


async def test_a_check_in_a_thread_sees_the_newest_state_in_the_end(types: StepTypes) -> None:
    import asyncio

    bridge = Bridge(asyncio.get_running_loop())
    document = triage({"prompt": "{{ nobody }}"})
    watch = ProblemWatch(document, types, bridge)
    watch.check()
    document.apply("Mend", lambda workflow: set_config_field(workflow, "reply", "prompt", "Hi"))
    await next_signal(watch.changed)
    while watch.findings is None or watch.findings.workflow is not document.workflow:
        await next_signal(watch.changed)
    assert watch.problems == []
    await bridge.close()


def test_errors_come_before_warnings() -> None:
    workflow = Workflow("W", steps={"a": Step("a", "chat", "First"), "b": Step("b", "chat")})
    warning = Problem("w", "Careful.", step="a", severity="warning")
    found = lines_of(workflow, [warning, Problem("e", "Wrong.", step="b"), Problem("n", "No name.")])
    assert [(line.where, line.problem.message) for line in found] == [
        ("b", "Wrong."), ("Workflow", "No name."), ("First", "Careful."),
    ]  # fmt: skip


def test_fields_and_counts_are_put_into_words() -> None:
    assert field_words("config.rules.0.operand") == "rules 1 operand"
    assert field_words("idempotency_key") == "idempotency key"
    assert count_words(2, 1) == "2 errors and 1 warning"
    assert count_words(0, 2) == "2 warnings"


def test_no_document_has_no_problems(panel: ProblemsPanel) -> None:
    panel.show_watch(None)
    assert panel.is_empty
