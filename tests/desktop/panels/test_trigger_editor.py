"""The editors of triggers, and the strip that publishes and switches them on."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import pytest
import shiboken6
from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from core.engine.step_type import StepTypes
from core.store.errors import AddressTaken
from core.store.publications import ActiveWorkflow, Publication
from core.store.schedules import PastTime, ScheduledWorkflow
from core.workflow.model import Json, Trigger, Workflow
from core.workflow.samples import sample_inputs
from core.workflow.triggers import Schedule
from core.workflow.validate import validate
from desktop.dialogs.new_token import NewTokenDialog
from desktop.document import OpenDocument
from desktop.panels.background import Surroundings
from desktop.panels.inspector import Inspector
from desktop.panels.trigger_editor import meaning
from desktop.panels.trigger_standing import Standing
from desktop.panels.trigger_switch import TriggerSwitch
from desktop.panels.trigger_trial import TrialDialog
from desktop.panels.workflow_form import WorkflowForm
from desktop.panels.workflow_page import WorkflowPage
from tests.support.panel_documents import triage
from tests.support.panel_facts import AtOnce

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")  # offscreen

NOW = datetime(2026, 3, 27, 8, 30, tzinfo=UTC)  # two days before clocks go forward in Berlin


class Library:
    """A library with one workflow, of which version 3 is saved."""

    def __init__(self) -> None:
        self.one = Publication(UUID(int=1), "Triage", 3, 0, False)
        self.known = True
        self.schedule: ScheduledWorkflow | None = None
        self.past: tuple[PastTime, ...] = ()
        self.starts_here = True
        self.tested: list[Mapping[str, Json]] = []
        self.taken = False

    def standing(self) -> Standing:
        schedule = self.schedule if self.one.is_active else None
        return Standing(self.one, schedule, self.past, self.starts_here)

    async def stands(self, name: str) -> Standing | None:
        return self.standing() if self.known and name == "Triage" else None

    async def publish(self, name: str) -> Standing | None:
        self.one = replace(self.one, published=self.one.newest)
        return self.standing()

    async def switch(self, name: str, on: bool) -> Standing | None:
        if self.taken:
            raise AddressTaken("Another workflow answers there.")
        self.one = replace(self.one, is_active=on, published=self.one.published or self.one.newest)
        return self.standing()

    async def pause(self, name: str, on: bool) -> Standing | None:
        assert self.schedule is not None
        self.schedule = replace(self.schedule, paused=on)
        return self.standing()

    async def sample(self, name: str) -> tuple[Workflow, Mapping[str, Json]]:
        workflow = triage().workflow
        return workflow, sample_inputs(workflow)

    async def test(self, name: str, inputs: Mapping[str, Json]) -> str:
        self.tested.append(inputs)
        return "0000-run12345"

    async def make_token(self, name: str) -> str:
        return f"stk_of_{name}"


T = TypeVar("T")


class Late(AtOnce):
    """A background in which coroutines end when it is told to. asked: what hears an answer, and what hears an error."""

    def __init__(self) -> None:
        self.asked: list[tuple[Callable[[Any], None], Callable[[Exception], None]]] = []

    def spawn(
        self,
        work: Coroutine[Any, Any, T],
        on_done: Callable[[T], None] | None = None,
        on_error: Callable[[Exception], None] | None = None,
    ) -> None:
        work.close()
        assert on_done is not None
        assert on_error is not None
        self.asked.append((on_done, on_error))


class Service(QObject):
    """A background service that is started at once."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.address = ""
        self.usual_address = "http://127.0.0.1:9123"

    def start(self) -> None:
        self.address = self.usual_address = "http://127.0.0.1:9555"
        self.changed.emit()


@pytest.fixture
def library() -> Library:
    return Library()


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def open_form(
    around: Surroundings, types: StepTypes, stand: Callable[..., QWidget], library: Library, service: Service
) -> Callable[[Trigger], tuple[OpenDocument, WorkflowForm]]:
    def opened(trigger: Trigger) -> tuple[OpenDocument, WorkflowForm]:
        document = triage()
        document.apply("Trigger", lambda w: replace(w, trigger=trigger))
        inspector = Inspector(types, replace(around, now=lambda: NOW, publishing=library, service=service))
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
    assert "POST http://127.0.0.1:9123/hooks/orders" in form.switch.url.text()
    assert "POST /hooks/orders" in meaning(document.workflow.trigger, NOW)
    document.apply("Sign", lambda w: replace(w, trigger=Trigger("api", {"auth": "hmac", "secret": "shop"})))
    assert rows["replay_window"].isVisible()
    assert rows["signature_header"].isVisible()
    assert not rows["respond_type"].isVisible()
    options: dict[str, Json] = {"auth": "hmac", "secret": "shop", "signature": "slack", "respond": "text"}
    document.apply("Sign", lambda w: replace(w, trigger=Trigger("api", options)))
    assert not rows["signature_header"].isVisible()
    assert rows["respond_type"].isVisible()


def test_changing_the_type_drops_what_means_nothing_there(open_form: Open) -> None:
    document, form = open_form(Trigger("schedule", {"cron": "0 9 * * *", "concurrency": 2}))
    choice = form.about.rows["trigger"].keyboard()
    choice.setFocus()
    QTest.keyClick(choice, Qt.Key.Key_Down)
    assert document.workflow.trigger == Trigger("api", {"concurrency": 2})


def test_a_workflow_is_switched_on_published_and_switched_off(open_form: Open, library: Library) -> None:
    document, form = open_form(Trigger("api", {"path": "/orders"}))
    strip = form.switch
    assert strip.isVisible()
    assert strip.title.text() == "Not active"
    assert "Switching it on publishes version 3" in strip.said.text()
    click(strip.switch_button)
    assert library.one.is_active
    assert strip.title.text() == "Active"
    assert strip.said.text() == "Runs version 3; you edit changes that are not saved yet."
    document.mark_saved()
    assert strip.said.text() == "Runs version 3, the newest."
    assert not strip.publish_button.isVisible()

    library.one = replace(library.one, newest=8)
    strip.refresh()
    assert strip.said.text() == "Runs version 3; you edit version 8, 5 changes ahead."
    document.apply("More", lambda w: replace(w, description="More"))
    assert strip.said.text().endswith("5 changes ahead, and some that are not saved yet.")
    assert strip.publish_button.text() == "Publish version 8"
    click(strip.publish_button)
    assert library.one.published == 8
    click(strip.switch_button)
    assert not library.one.is_active
    assert strip.said.text().startswith("Version 8 is published")


def test_it_is_tried_with_made_up_inputs_that_can_be_changed(open_form: Open, library: Library) -> None:
    _, form = open_form(Trigger("api", {"path": "/orders"}))
    strip, wanted = form.switch, list[str]()
    strip.run_wanted.connect(wanted.append)
    click(strip.test_button)
    (dialog,) = strip.window().findChildren(TrialDialog)
    assert dialog.form.values() == {"ticket": "sample ticket"}
    keyboard = dialog.form.rows["ticket"].editor.focusProxy() or dialog.form.rows["ticket"].editor
    keyboard.setFocus()
    QTest.keyClick(keyboard, Qt.Key.Key_End)
    QTest.keyClicks(keyboard, "!")
    click(dialog.run)
    assert library.tested == [{"ticket": "sample ticket!"}]
    assert strip.notices.texts == ["The run has started."]
    click(strip.notices.buttons[0])
    assert wanted == ["0000-run12345"]


def test_the_url_is_that_of_the_service_that_runs(open_form: Open, library: Library, service: Service) -> None:
    document, form = open_form(Trigger("api", {"path": "/orders/{number}"}))
    strip = form.switch
    click(strip.copy_button)
    assert QApplication.clipboard().text() == "http://127.0.0.1:9123/hooks/orders/{number}"
    click(strip.switch_button)
    assert "start the background service" in strip.who.text()
    click(strip.service_button)
    assert not strip.service_button.isVisible()
    assert "also when this window is closed" in strip.who.text()
    assert strip.url.text() == "POST http://127.0.0.1:9555/hooks/orders/{number}"
    click(strip.copy_button)
    assert QApplication.clipboard().text() == "http://127.0.0.1:9555/hooks/orders/{number}"
    click(strip.curl_button)
    assert QApplication.clipboard().text().startswith('curl -H "Authorization: Bearer $TOKEN"')
    assert "$TOKEN" in strip.notices.texts[0]
    document.apply("By id", lambda w: replace(w, trigger=Trigger("api", {"auth": "none"})))
    assert strip.url.text() == f"POST http://127.0.0.1:9555/hooks/id/{UUID(int=1)}"
    assert not strip.token_button.isVisible()


def test_a_token_is_made_and_shown_once(open_form: Open) -> None:
    _, form = open_form(Trigger("api", {"path": "/orders"}))
    click(form.switch.token_button)
    (dialog,) = form.switch.window().findChildren(NewTokenDialog)
    click(dialog.buttons["copy"])
    assert QApplication.clipboard().text() == "stk_of_Triage"


def test_a_schedule_at_work_tells_its_times_and_is_paused_and_resumed(open_form: Open, library: Library) -> None:
    library.one = replace(library.one, published=3, is_active=True)
    library.schedule = at_work()
    _, form = open_form(Trigger("schedule", {"cron": "0 9 * * *", "zone": "Europe/Berlin"}))
    strip = form.switch
    assert strip.next.text() == "Sat 28 Mar 2026 09:00 CET"
    assert not strip.past.isVisible()
    click(strip.pause_button)
    assert strip.title.text() == "Active, and paused"
    assert strip.next.text() == "Paused: its times pass"
    assert strip.pause_button.text() == "Resume"
    click(strip.pause_button)
    assert strip.title.text() == "Active"


def test_what_became_of_the_times_that_came_is_listed_with_each_run_one_click_away(
    open_form: Open, library: Library
) -> None:
    nine, hour = datetime(2026, 3, 27, 8, tzinfo=UTC), timedelta(hours=1)
    library.past = (
        PastTime(nine, nine, "started", "run7", "failed", NOW),
        PastTime(nine - hour, nine, "started late", "run6", "completed", NOW),
        PastTime(nine - 2 * hour, nine, "missed 2 times: nothing was there to start it"),
        PastTime(nine - 3 * hour + timedelta(seconds=5), nine, "started", "run5"),
    )
    _, form = open_form(Trigger("schedule", {"cron": "0 9 * * *", "zone": "Europe/Berlin"}))
    past, wanted = form.switch.past, list[str]()
    form.switch.run_wanted.connect(wanted.append)
    assert past.isVisible()
    assert past.texts == [
        ("Fri 27 Mar 09:00", "Failed"),
        ("Fri 27 Mar 08:00", "Done, started late"),
        ("Fri 27 Mar 07:00", "Missed 2 times"),
        ("Fri 27 Mar 06:00:05", "Its run is not kept any more"),
    ]
    for button in past.buttons:
        click(button)
    assert wanted == ["run7", "run6"]
    library.past = ()
    form.switch.refresh()
    assert not past.isVisible()


def test_a_window_that_is_a_demonstration_does_not_say_that_it_starts_runs(open_form: Open, library: Library) -> None:
    library.one = replace(library.one, published=3, is_active=True)
    _, form = open_form(Trigger("schedule", {"cron": "0 9 * * *"}))
    assert form.switch.who.text().startswith("It starts runs while this window is open.")
    library.starts_here = False
    form.switch.refresh()
    assert form.switch.who.text().startswith("This window starts nothing by itself")


def test_a_run_that_another_program_started_is_told_of_without_being_asked_for(
    open_form: Open, library: Library
) -> None:
    library.one = replace(library.one, published=3, is_active=True)
    _, form = open_form(Trigger("schedule", {"cron": "0 9 * * *"}))
    strip = form.switch
    assert not strip.past.texts
    looking = strip.findChild(QTimer)
    assert looking is not None
    assert looking.isActive()
    time = PastTime(NOW, NOW, "started", "run8", "running")
    for one, said in ((time, "Running"), (replace(time, status="completed", ended=NOW), "Done")):
        library.past = (one,)
        looking.timeout.emit()
        assert strip.past.texts == [("Fri 27 Mar 08:30", said)]
    strip.hide()
    assert not looking.isActive()


def test_a_look_that_began_before_a_click_does_not_undo_what_the_click_shows(
    around: Surroundings, stand: Callable[..., QWidget], library: Library
) -> None:
    late = Late()
    strip = TriggerSwitch(replace(around, publishing=library, background=late))
    stand(strip)
    strip.show_workflow(replace(triage().workflow, trigger=Trigger("api", {"path": "/orders"})))
    late.asked[0][0](library.standing())
    before = library.standing()
    looking = strip.findChild(QTimer)
    assert looking is not None
    for _ in range(2):
        looking.timeout.emit()  # the second time nothing is asked: the first answer is still on its way
    click(strip.switch_button)
    (_, (looked, _), (switched, _)) = late.asked
    library.one = replace(library.one, is_active=True)
    switched(library.standing())
    looked(before)
    assert strip.title.text() == "Active"
    looking.timeout.emit()
    assert len(late.asked) == 4


def test_a_published_version_that_cannot_be_read_is_said_where_it_is_switched(
    open_form: Open, library: Library
) -> None:
    library.one = replace(library.one, published=3, is_active=True)
    library.schedule = replace(at_work(), problem="Version 3, which is published, cannot be read here.")
    _, form = open_form(Trigger("schedule", {"cron": "0 9 * * *"}))
    assert form.switch.title.text() == "Active, but cannot be read"
    assert form.switch.trouble.texts == ["Version 3, which is published, cannot be read here."]
    assert not form.switch.pause_button.isVisible()
    form.switch.refresh()
    assert len(form.switch.trouble.texts) == 1
    library.schedule = at_work()
    form.switch.refresh()
    assert form.switch.trouble.texts == []


def at_work() -> ScheduledWorkflow:
    nine = datetime(2026, 3, 27, 8, 0, tzinfo=UTC)
    schedule = Schedule(cron="0 9 * * *", zone="Europe/Berlin")
    active = ActiveWorkflow(UUID(int=1), 3, triage().workflow)
    later = nine + timedelta(days=1)
    return ScheduledWorkflow(
        active, schedule, later, later, False, False, nine, "", None, "missed 2 times: nothing was there to start it"
    )


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
    assert not form.switch.switch_button.isVisible()
    document.apply("By hand", lambda w: replace(w, trigger=Trigger()))
    assert not form.switch.isVisible()


def test_an_answer_of_the_library_that_comes_when_the_strip_is_gone_is_dropped(
    around: Surroundings, stand: Callable[..., QWidget], library: Library
) -> None:
    late = Late()
    room = QWidget()
    stand(room)
    strip = TriggerSwitch(replace(around, publishing=library, background=late), room)
    strip.show_workflow(replace(triage().workflow, trigger=Trigger("api", {"path": "/orders"})))
    shiboken6.delete(strip)
    for answered, failed in late.asked:
        answered(library.standing())
        failed(AddressTaken("Another workflow answers there."))
    assert len(late.asked) == 1
