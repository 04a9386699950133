"""Questions of runs: listed from the journal, also after a restart, and answered from their cards."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from core.workflow.model import Workflow
from core.workspace import Workspace
from desktop.chat.files_box import FilesBox
from desktop.document import OpenDocument
from desktop.panels.waiting import WaitingPanel
from desktop.run_controller import RunController
from desktop.waiting_list import Waiting, WaitingList
from tests.support.desktop_runs import RunDesk, open_run_desk
from tests.support.engine_rig import step, workflow
from tests.support.panel_parts import PanelParts, panel_parts
from tests.support.qt_loop import next_signal

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")  # offscreen

ASKING: Workflow = workflow(
    step("ask", "approval", config={"message": "Publish **it**?"}, title="Publish?", then={"approve": "b"}),
    step("b", config={"value": "{{ ask.comment }}"}),
    name="Asking",
)


def panel_for(desk: RunDesk, parts: PanelParts) -> tuple[WaitingList, WaitingPanel]:
    waiting = WaitingList(desk.workspace.journal, desk.bridge)
    desk.controller.state_changed.connect(lambda _run: waiting.refresh())
    panel = WaitingPanel(
        waiting, desk.controller, desk.bridge, parts.themes, parts.icons, desk.workspace.read_file,
        now=desk.workspace.clock.now, answered_by="ann",
    )  # fmt: skip
    parts.show(panel, 600, 400)
    return waiting, panel


async def test_a_question_appears_is_answered_and_goes(qapp: QApplication, home: Path) -> None:
    async with open_run_desk(ASKING, home) as desk, panel_parts(desk.bridge) as parts:
        waiting, panel = panel_for(desk, parts)
        waiting.refresh()
        await desk.idle()
        arrived: list[Waiting] = []
        waiting.arrived.connect(arrived.append)
        run = await desk.finish()
        await desk.idle()
        assert [(each.run_id, each.path, each.title) for each in arrived] == [(run.id, "ask", "Publish?")]
        (card,) = panel.cards.values()
        assert card.isVisible()
        assert card.comment is not None
        QTest.keyClicks(card.comment, "nice")
        card.buttons[0].click()
        after = await desk.over()
        await desk.idle()

    assert after.status == "completed"
    record, (asked, _) = after.log.newest("b"), after.log.attempts("ask")
    assert record is not None
    assert record.inputs["value"] == "nice"
    assert asked.answer == {"choice": "approve", "comment": "nice", "answered_by": "ann"}
    assert (waiting.questions, dict(panel.cards)) == ([], {})


async def test_half_an_answer_survives_the_arrival_of_another_question(qapp: QApplication, home: Path) -> None:
    async with open_run_desk(ASKING, home) as desk, panel_parts(desk.bridge) as parts:
        _, panel = panel_for(desk, parts)
        await desk.finish()
        await desk.idle()
        (first,) = panel.cards.values()
        assert first.comment is not None
        QTest.keyClicks(first.comment, "I think")
        await desk.finish()
        await desk.idle()

        assert len(panel.cards) == 2
        assert next(iter(panel.cards.values())) is first
        assert first.comment.toPlainText() == "I think"


async def test_an_answer_that_is_not_taken_can_be_given_again(qapp: QApplication, home: Path) -> None:
    async with open_run_desk(ASKING, home) as desk, panel_parts(desk.bridge) as parts:
        _, panel = panel_for(desk, parts)
        run = await desk.finish()
        await desk.idle()
        (card,) = panel.cards.values()
        await desk.workspace.journal.answer(run.id, "ask", {"choice": "reject"})
        card.buttons[0].click()
        assert not card.buttons[0].isEnabled()
        await next_signal(desk.bridge.failed)
        assert card.buttons[0].isEnabled()
        await desk.idle()

        assert "answered already" in desk.failures[0]
        assert panel.cards == {}


async def test_a_question_is_answered_after_a_restart(qapp: QApplication, home: Path, database_url: str) -> None:
    async with Workspace.open(home, database_url=database_url, demo=True) as first:
        asked = await first.run(ASKING_REAL)
        assert asked.status == "suspended"

    async with Workspace.open(home, database_url=database_url, demo=True) as workspace, panel_parts() as parts:
        controller = RunController(workspace, OpenDocument(ASKING_REAL), parts.bridge)
        waiting = WaitingList(workspace.journal, parts.bridge)
        panel = WaitingPanel(
            waiting, controller, parts.bridge, parts.themes, parts.icons, workspace.read_file, now=workspace.clock.now
        )  # fmt: skip
        parts.show(panel, 600, 300)
        waiting.refresh()
        await next_signal(waiting.changed)
        (card,) = panel.cards.values()
        (box,) = card.findChildren(FilesBox)
        assert box.accessibleName() == "Made so far: draw-1.png"
        card.buttons[1].click()
        (result,) = await next_signal(controller.ended)

    assert (result.run_id, result.status) == (asked.run_id, "completed")
    assert result.outputs == {"said": "reject"}


ASKING_REAL = Workflow(
    "Asking for real",
    steps=workflow(
        step("draw", "image", config={"prompt": "A loom"}, then="ask"),
        step("ask", "approval", config={"message": "Publish it?"}),
    ).steps,
    outputs={"said": "{{ ask.choice }}"},
)
