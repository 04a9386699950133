from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from core.store.database import Database
from core.store.documents import Documents
from core.store.errors import AddressTaken, NotScheduled, WorkflowNotFound
from core.store.schedules import Schedules
from core.store.workflows import Workflows
from core.workflow.model import Json, Trigger, Workflow
from core.workflow.problems import DocumentError

NOW = datetime(2026, 3, 27, 12, 0, tzinfo=UTC)


@pytest.fixture
def workflows(database: Database) -> Workflows:
    return Workflows(database, Documents())


@pytest.fixture
def schedules(database: Database) -> Schedules:
    return Schedules(database, Documents())


def daily(name: str = "Daily", **options: Json) -> Workflow:
    return Workflow(name, trigger=Trigger("schedule", {"cron": "0 9 * * *", **options}))


async def test_the_published_version_stays_while_editing_goes_on(workflows: Workflows) -> None:
    await workflows.save(daily(), 0)
    before = await workflows.publication("Daily")
    assert (before.newest, before.published, before.is_active) == (1, 0, False)
    await workflows.activate("Daily", now=NOW)  # publishes the newest, for none was published

    await workflows.save(replace(daily(), description="edited"), 1)
    (active,) = await workflows.active()
    assert (active.version, active.workflow.description) == (1, "")
    stands = await workflows.publication("Daily")
    assert (stands.newest, stands.published, stands.is_active) == (2, 1, True)

    await workflows.publish("Daily")
    assert (await workflows.active())[0].workflow.description == "edited"
    assert (await workflows.publish("Daily", 1)).published == 1
    (entry,) = await workflows.list()
    assert (entry.version, entry.published_version, entry.is_active) == (2, 1, True)
    with pytest.raises(WorkflowNotFound, match="no version 7"):
        await workflows.publish("Daily", 7)
    with pytest.raises(WorkflowNotFound, match="no workflow 'Other'"):
        await workflows.activate("Other")


async def test_publishing_alone_switches_nothing_on(workflows: Workflows, schedules: Schedules) -> None:
    await workflows.save(daily(), 0)
    assert not (await workflows.publish("Daily")).is_active
    assert await schedules.list() == []
    assert await workflows.active() == []


async def test_an_active_schedule_has_its_next_time_until_it_is_switched_off(
    workflows: Workflows, schedules: Schedules
) -> None:
    await workflows.save(daily(zone="Europe/Berlin"), 0)
    await workflows.activate("Daily", now=NOW)
    (found,) = await schedules.list()
    assert (found.name, found.next_at, found.paused) == ("Daily", datetime(2026, 3, 28, 8, 0, tzinfo=UTC), False)
    assert await schedules.next_due() == found.next_at

    await workflows.deactivate("Daily")
    assert await schedules.list() == []
    with pytest.raises(NotScheduled, match="activate 'Daily'"):
        await schedules.get("Daily")


async def test_publishing_keeps_a_time_that_is_due_unless_the_schedule_changed(
    workflows: Workflows, schedules: Schedules
) -> None:
    await workflows.save(daily(), 0)
    await workflows.activate("Daily", now=NOW)
    due = (await schedules.get("Daily")).next_at
    later = NOW + timedelta(days=3)
    await workflows.save(replace(daily(), description="edited"), 1)
    await workflows.publish("Daily", now=later)
    assert (await schedules.get("Daily")).next_at == due

    await workflows.save(daily(zone="Asia/Tokyo"), 2)
    await workflows.publish("Daily", now=later)
    assert (await schedules.get("Daily")).next_at == datetime(2026, 3, 31, 0, 0, tzinfo=UTC)


async def test_a_workflow_of_another_trigger_has_no_schedule_any_more(
    workflows: Workflows, schedules: Schedules
) -> None:
    await workflows.save(daily(), 0)
    await workflows.activate("Daily", now=NOW)
    await workflows.save(Workflow("Daily", trigger=Trigger("message", {"channel": "news"})), 1)
    await workflows.publish("Daily")
    assert await schedules.list() == []
    assert [one.workflow.name for one in await workflows.active("message")] == ["Daily"]
    assert await workflows.active("schedule") == []


async def test_a_trigger_that_cannot_be_read_is_not_published(workflows: Workflows) -> None:
    await workflows.save(daily(zone="Nowhere"), 0)
    with pytest.raises(DocumentError, match="no time zone 'Nowhere'"):
        await workflows.activate("Daily")
    assert not (await workflows.publication("Daily")).is_active


async def test_one_active_workflow_answers_calls_of_a_method_and_path(workflows: Workflows) -> None:
    await workflows.save(Workflow("One", trigger=Trigger("api", {"path": "/orders/{id}"})), 0)
    await workflows.save(Workflow("Two", trigger=Trigger("api", {"path": "/orders/{number}"})), 0)
    await workflows.save(Workflow("Three", trigger=Trigger("api", {"path": "/orders/{id}", "method": "GET"})), 0)
    await workflows.save(Workflow("Four", trigger=Trigger("api")), 0)
    await workflows.save(Workflow("Five", trigger=Trigger("api")), 0)
    for name in ("One", "Three", "Four", "Five"):
        await workflows.activate(name)
    with pytest.raises(AddressTaken, match="'Two' was not switched on"):
        await workflows.activate("Two")
    await workflows.deactivate("One")
    assert (await workflows.activate("Two")).is_active


async def test_a_renamed_workflow_runs_under_its_new_name_and_a_deleted_one_not_at_all(
    workflows: Workflows, schedules: Schedules
) -> None:
    await workflows.save(daily(), 0)
    await workflows.activate("Daily", now=NOW)
    await workflows.rename("Daily", "Morning")
    assert [one.workflow.name for one in await workflows.active()] == ["Morning"]
    assert (await schedules.get("Morning")).name == "Morning"

    await workflows.delete("Morning")
    assert (await workflows.active(), await schedules.list()) == ([], [])
    await workflows.restore("Morning")
    assert not (await workflows.publication("Morning")).is_active


async def test_a_paused_schedule_goes_on_with_the_next_time(workflows: Workflows, schedules: Schedules) -> None:
    await workflows.save(daily(), 0)
    await workflows.activate("Daily", now=NOW)
    await schedules.pause("Daily")
    assert (await schedules.get("Daily")).paused
    assert await schedules.next_due() is None
    assert await schedules.resume("Daily", now=NOW + timedelta(days=10)) == datetime(2026, 4, 7, 9, 0, tzinfo=UTC)
    assert not (await schedules.get("Daily")).paused
    with pytest.raises(NotScheduled):
        await schedules.pause("Other")
