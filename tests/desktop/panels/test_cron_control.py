"""Schedules in cron's five fields, said in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from core.engine.step_type import StepTypes
from core.workflow.model import Trigger
from desktop.panels.background import Surroundings
from desktop.panels.cron_control import USUAL, CronControl, meaning
from desktop.panels.inspector import Inspector
from desktop.panels.workflow_page import WorkflowPage
from tests.support.panel_documents import triage

NOW = datetime(2026, 3, 27, 8, 30, tzinfo=UTC)  # a Friday, two days before clocks go forward in Berlin


def test_a_schedule_is_said_in_words_with_its_next_times() -> None:
    assert meaning("0 9 * * 1-5", NOW, "UTC") == (
        "At 09:00 on Monday through Friday. Next: Fri 27 Mar 09:00, Mon 30 Mar 09:00, Tue 31 Mar 09:00."
    )


def test_the_next_times_are_those_of_the_zone() -> None:
    assert "Next: Sat 28 Mar 09:00, Sun 29 Mar 09:00" in meaning("0 9 * * *", NOW, "Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "zone", "said"), [("9 o'clock", "UTC", "no schedule yet"), ("* * * * *", "Mars", "no time zone")]
)
def test_what_is_no_schedule_is_said_with_an_example(text: str, zone: str, said: str) -> None:
    assert said in meaning(text, NOW, zone)


def test_every_usual_schedule_means_something() -> None:
    assert all("Next: " in meaning(spelled, NOW, "UTC") for _, spelled in USUAL)


def test_a_workflow_that_is_started_by_a_schedule_asks_for_it_and_keeps_what_else_stands_there(
    around: Surroundings, types: StepTypes, stand: Callable[..., QWidget]
) -> None:
    document = triage()
    inspector = Inspector(types, replace(around, now=lambda: NOW))
    stand(inspector)
    inspector.show_document(document)
    page = inspector.page
    assert isinstance(page, WorkflowPage)
    trigger = page.form.trigger
    document.apply("Schedule", lambda w: replace(w, trigger=Trigger("schedule", {"missed": "once"})))
    rows = trigger.form.rows
    assert rows["cron"].isVisible()
    cron = rows["cron"].control
    assert isinstance(cron, CronControl)
    cron.editor.setFocus()
    QTest.keyClicks(cron.editor, "30 6 * * *")
    assert document.workflow.trigger == Trigger("schedule", {"missed": "once", "cron": "30 6 * * *"})
    assert cron.said.text().startswith("At 06:30")
    cron.menu.actions()[2].trigger()
    assert document.workflow.trigger.options["cron"] == "0 9 * * *"
    document.apply("By hand", lambda w: replace(w, trigger=Trigger("manual", w.trigger.options)))
    assert not rows["cron"].isVisible()
