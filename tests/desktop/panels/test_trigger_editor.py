"""The editors of triggers, and the strip that publishes and switches them on."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from core.engine.step_type import StepTypes
from core.store.errors import AddressTaken
from core.store.publications import Publication
from core.workflow.model import Trigger
from core.workflow.validate import validate
from desktop.document import OpenDocument
from desktop.panels.background import Surroundings
from desktop.panels.inspector import Inspector
from desktop.panels.trigger_switch import TriggerSwitch
from desktop.panels.workflow_form import WorkflowForm
from desktop.panels.workflow_page import WorkflowPage
from tests.support.panel_documents import triage

NOW = datetime(2026, 3, 27, 8, 30, tzinfo=UTC)  # two days before clocks go forward in Berlin


class Library:
    """A library with one workflow, of which version 3 is saved."""

    def __init__(self) -> None:
        self.one = Publication(UUID(int=1), "Triage", 3, 0, False)
        self.known = True
        self.tested: list[str] = []
        self.taken = False

    async def stands(self, name: str) -> Publication | None:
        return self.one if self.known and name == "Triage" else None

    async def publish(self, name: str) -> Publication | None:
        self.one = replace(self.one, published=self.one.newest)
        return self.one

    async def switch(self, name: str, on: bool) -> Publication | None:
        if self.taken:
            raise AddressTaken("Another workflow answers there.")
        self.one = replace(self.one, is_active=on, published=self.one.published or self.one.newest)
        return self.one

    async def test(self, name: str) -> str:
        self.tested.append(name)
        return "0000-run12345"


class Late:
    """A background that answers when it is told to. asked: what hears an answer, and what hears an error."""

    def __init__(self) -> None:
        self.asked: list[tuple[Callable[[Any], None], Callable[[Exception], None]]] = []

    def spawn(
        self, work: Coroutine[Any, Any, Any], done: Callable[[Any], None], failed: Callable[[Exception], None]
    ) -> None:
        work.close()
        self.asked.append((done, failed))


@pytest.fixture
def library() -> Library:
    return Library()


@pytest.fixture
def open_form(
    around: Surroundings, types: StepTypes, stand: Callable[..., QWidget], library: Library
) -> Callable[[Trigger], tuple[OpenDocument, WorkflowForm]]:
    def opened(trigger: Trigger) -> tuple[OpenDocument, WorkflowForm]:
        document = triage()
        document.apply("Trigger", lambda w: replace(w, trigger=trigger))
        inspector = Inspector(types, replace(around, now=lambda: NOW, publishing=library))
        stand(inspector)
        inspector.show_document(document)
        assert isinstance(inspector.page, WorkflowPage)
        return document, inspector.page.form

    return opened


Open = Callable[[Trigger], tuple[OpenDocument, WorkflowForm]]


def click(widget: QWidget) -> None:
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)


def test_a_trigger_that_was_just_chosen_is_right_at_once_and_undone_at_once(open_form: Open, types: StepTypes) -> None:
    document, form = open_form(Trigger())
    choice = form.about.rows["trigger"].keyboard()
    choice.setFocus()
    for _ in range(2):
        QTest.keyClick(choice, Qt.Key.Key_Down)
    assert document.workflow.trigger == Trigger("schedule", {"cron": "0 9 * * 1-5"})
    problems = [one for one in validate(document.workflow, types) if one.field.startswith("trigger.")]
    assert [one for one in problems if not one.field.startswith("trigger.inputs")] == []
    document.stack.undo()
    assert document.workflow.trigger.type == "message"


def test_a_schedule_tells_its_next_five_times_through_summer_time(open_form: Open) -> None:
    document, form = open_form(Trigger("schedule", {"cron": "0 9 * * *", "zone": "Europe/Berlin"}))
    assert form.trigger.said.text().splitlines() == [
        "It comes next:",
        "Sat 28 Mar 2026 09:00:00 CET",
        "Sun 29 Mar 2026 09:00:00 CEST",
        "Mon 30 Mar 2026 09:00:00 CEST",
        "Tue 31 Mar 2026 09:00:00 CEST",
        "Wed 1 Apr 2026 09:00:00 CEST",
    ]
    QTest.keyClicks(form.trigger.form.rows["jitter"].keyboard(), "30s")
    assert document.workflow.trigger.options["jitter"] == "30s"
    document.apply("Past", lambda w: replace(w, trigger=Trigger("schedule", {"at": "2020-01-01T09:00"})))
    assert "no more" in form.trigger.said.text()


def test_what_is_wrong_with_an_option_is_said_at_its_field(open_form: Open, types: StepTypes) -> None:
    document, form = open_form(Trigger("schedule", {"cron": "0 9 * * *", "jitter": "soon"}))
    form.show_problems([one for one in validate(document.workflow, types) if one.step is None])
    row = form.trigger.form.rows["jitter"]
    assert any("duration" in text for text in row.notices.texts)
    assert not form.trigger.said.isVisible()


def test_options_of_signatures_are_asked_for_only_where_calls_are_signed(open_form: Open) -> None:
    document, form = open_form(Trigger("api", {"path": "/orders"}))
    rows = form.trigger.form.rows
    assert not rows["replay_window"].isVisible()
    assert "POST /hooks/orders" in form.trigger.said.text()
    document.apply("Sign", lambda w: replace(w, trigger=Trigger("api", {"auth": "hmac", "secret": "shop"})))
    assert rows["replay_window"].isVisible()


def test_changing_the_type_drops_what_means_nothing_there(open_form: Open) -> None:
    document, form = open_form(Trigger("schedule", {"cron": "0 9 * * *", "concurrency": 2}))
    choice = form.about.rows["trigger"].keyboard()
    choice.setFocus()
    QTest.keyClick(choice, Qt.Key.Key_Down)
    assert document.workflow.trigger == Trigger("api", {"concurrency": 2})


def test_a_workflow_is_switched_on_published_tried_and_switched_off(open_form: Open, library: Library) -> None:
    _, form = open_form(Trigger("api", {"path": "/orders"}))
    strip = form.switch
    assert strip.isVisible()
    assert "Not active" in strip.said.text()
    click(strip.switch_button)
    assert library.one.is_active
    assert "runs version 3" in strip.said.text()
    assert not strip.publish_button.isEnabled()

    library.one = replace(library.one, newest=4)
    strip.refresh()
    assert "Version 4 is saved and not published" in strip.said.text()
    click(strip.publish_button)
    assert library.one.published == 4
    click(strip.test_button)
    assert library.tested == ["Triage"]
    assert "run12345" in strip.notices.texts[0]
    click(strip.copy_button)
    assert QApplication.clipboard().text().endswith("/hooks/orders")
    click(strip.switch_button)
    assert not library.one.is_active


def test_a_switch_that_fails_says_why_and_a_workflow_outside_the_library_says_what_to_do(
    open_form: Open, library: Library
) -> None:
    library.taken = True
    document, form = open_form(Trigger("api", {"path": "/orders"}))
    click(form.switch.switch_button)
    assert form.switch.notices.texts == ["Another workflow answers there."]
    library.known = False
    form.switch.refresh()
    assert "Save it into the library" in form.switch.said.text()
    assert not form.switch.switch_button.isEnabled()
    document.apply("By hand", lambda w: replace(w, trigger=Trigger()))
    assert not form.switch.isVisible()


def test_an_answer_of_the_library_that_comes_when_the_strip_is_gone_is_dropped(
    around: Surroundings, stand: Callable[..., QWidget], library: Library
) -> None:
    late = Late()
    room = QWidget()
    stand(room)
    strip = TriggerSwitch(replace(around, publishing=library, background=late), room)  # type: ignore[arg-type] # it is asked for one thing only
    strip.show_workflow(replace(triage().workflow, trigger=Trigger("api", {"path": "/orders"})))
    shiboken6.delete(strip)
    for answered, failed in late.asked:
        answered(library.one)
        failed(AddressTaken("Another workflow answers there."))
    assert len(late.asked) == 1
