from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from core.engine.events import NO_USAGE, RunCompleted
from core.store.database import Database
from core.store.documents import Documents
from core.store.errors import NameTaken, VersionConflict, WorkflowNotFound
from core.store.journal import PostgresJournal
from core.store.workflows import Workflows
from core.workflow.model import Step, Workflow
from core.workflow.problems import DocumentError
from tests.support.journals import at, new_run

FLOW = Workflow(
    "Triage",
    tags=("daily", "mail"),
    steps={"z": Step("z", "value", config={"b": 1, "a": 2}, then={"out": ("a",)}), "a": Step("a", "value")},
)


@pytest.fixture
def workflows(database: Database) -> Workflows:
    return Workflows(database, Documents())


@pytest.fixture
def others(database: Database) -> Workflows:
    """The same library seen by another program, which remembers nothing of ours."""
    return Workflows(database, Documents())


async def test_a_saved_workflow_is_read_back_the_same(workflows: Workflows, others: Workflows) -> None:
    assert await workflows.save(FLOW, 0, folder="work/mail") == 1
    found = await others.get("Triage")
    assert (found.workflow, found.version, found.folder) == (FLOW, 1, "work/mail")
    assert list(found.workflow.steps) == ["z", "a"]
    assert list(found.workflow.steps["z"].config) == ["b", "a"]


async def test_every_changed_save_is_a_version_and_an_unchanged_one_is_not(workflows: Workflows) -> None:
    await workflows.save(FLOW, 0, author="Ada", note="first")
    assert await workflows.save(FLOW, 1) == 1
    changed = replace(FLOW, description="better")
    assert await workflows.save(changed, 1, author="Bob", note="second") == 2
    assert (await workflows.get("Triage")).workflow == changed
    assert (await workflows.get("Triage", 1)).workflow == FLOW
    versions = await workflows.history("Triage")
    assert [(v.number, v.author, v.note) for v in versions] == [(2, "Bob", "second"), (1, "Ada", "first")]


async def test_a_save_over_somebody_elses_version_is_refused_with_both_shown(
    workflows: Workflows, others: Workflows
) -> None:
    await workflows.save(FLOW, 0)
    theirs = replace(FLOW, description="theirs")
    mine = replace(FLOW, description="mine")
    await others.save(theirs, 1)
    with pytest.raises(VersionConflict, match="version 1, the newest is version 2") as caught:
        await workflows.save(mine, 1)
    assert (caught.value.mine, caught.value.theirs) == (mine, theirs)
    assert (caught.value.expected, caught.value.current) == (1, 2)
    assert (await workflows.get("Triage")).workflow == theirs
    assert await workflows.save(mine, 2) == 3


async def test_of_many_that_save_at_once_one_wins(workflows: Workflows) -> None:
    await workflows.save(FLOW, 0)
    rivals = [workflows.save(replace(FLOW, description=str(n)), 1) for n in range(8)]
    results = await asyncio.gather(*rivals, return_exceptions=True)
    assert [result for result in results if not isinstance(result, Exception)] == [2]
    assert sum(isinstance(result, VersionConflict) for result in results) == 7


async def test_of_many_that_make_the_same_name_at_once_one_wins(workflows: Workflows) -> None:
    rivals = [workflows.save(replace(FLOW, description=str(n)), 0) for n in range(5)]
    results = await asyncio.gather(*rivals, return_exceptions=True)
    assert [result for result in results if not isinstance(result, Exception)] == [1]
    assert sum(isinstance(result, VersionConflict) for result in results) == 4


async def test_saving_a_workflow_that_is_gone_says_so(workflows: Workflows) -> None:
    with pytest.raises(WorkflowNotFound, match="Triage"):
        await workflows.save(FLOW, 3)
    with pytest.raises(WorkflowNotFound, match="Triage"):
        await workflows.get("Triage")
    await workflows.save(FLOW, 0)
    with pytest.raises(WorkflowNotFound, match="version 9"):
        await workflows.get("Triage", 9)


async def test_the_list_shows_folder_tags_and_the_newest_run(
    workflows: Workflows, postgres_journal: PostgresJournal
) -> None:
    await workflows.save(FLOW, 0, folder="b")
    await workflows.save(Workflow("Other"), 0, folder="a")
    for second in (1, 2):
        run = new_run(workflow=FLOW, created=at(second))
        lease = await postgres_journal.open_run(run)
    postgres_journal.put(lease, RunCompleted(run.id, at(3), {}, NO_USAGE, 1.0))
    await postgres_journal.close_run(lease)
    other, triage = await workflows.list()
    assert (other.name, other.last_run_status, other.last_run_id) == ("Other", None, "")
    assert (triage.name, triage.folder, triage.tags, triage.version) == ("Triage", "b", ("daily", "mail"), 1)
    assert (triage.last_run_id, triage.last_run_status, triage.last_run_at) == (run.id, "completed", at(2))


async def test_a_renamed_workflow_keeps_its_history_and_its_runs(
    workflows: Workflows, postgres_journal: PostgresJournal
) -> None:
    await workflows.save(FLOW, 0)
    await postgres_journal.open_run(new_run(workflow=FLOW))
    assert await workflows.rename("Triage", "Sorting") == 2
    found = await workflows.get("Sorting")
    assert found.workflow == replace(FLOW, name="Sorting")
    assert len(await workflows.history("Sorting")) == 2
    assert len(await postgres_journal.runs(workflow="Sorting")) == 1
    with pytest.raises(WorkflowNotFound):
        await workflows.get("Triage")


async def test_a_taken_name_is_refused(workflows: Workflows) -> None:
    await workflows.save(FLOW, 0)
    await workflows.save(Workflow("Other"), 0)
    with pytest.raises(NameTaken, match="Other"):
        await workflows.rename("Triage", "Other")
    with pytest.raises(NameTaken, match="Other"):
        await workflows.duplicate("Triage", "Other")
    assert (await workflows.get("Triage")).version == 1


async def test_a_copy_is_a_workflow_of_its_own(workflows: Workflows) -> None:
    await workflows.save(FLOW, 0, folder="work")
    assert await workflows.duplicate("Triage", "Copy") == 1
    found = await workflows.get("Copy")
    assert (found.workflow, found.folder) == (replace(FLOW, name="Copy"), "work")
    await workflows.save(replace(found.workflow, description="new"), 1)
    assert (await workflows.get("Triage")).workflow == FLOW


async def test_a_deleted_workflow_can_be_restored_unless_its_name_was_taken(workflows: Workflows) -> None:
    await workflows.save(FLOW, 0)
    await workflows.delete("Triage")
    assert list(await workflows.list()) == []
    assert [entry.name for entry in await workflows.list(deleted=True)] == ["Triage"]
    await workflows.restore("Triage")
    assert (await workflows.get("Triage")).workflow == FLOW
    await workflows.delete("Triage")
    await workflows.save(FLOW, 0)
    with pytest.raises(NameTaken, match="Triage"):
        await workflows.restore("Triage")
    with pytest.raises(WorkflowNotFound):
        await workflows.restore("Nothing")


async def test_names_may_hold_any_text(workflows: Workflows) -> None:
    odd = Workflow("a 'b' \"c\" %s :x {y} 🎉 \\", tags=("'",))
    await workflows.save(odd, 0, folder="\ud800", author="\x00", note="%")
    found = await workflows.get(odd.name)
    assert (found.workflow, found.folder) == (odd, "\ud800")
    (entry,) = await workflows.list()
    assert (entry.name, entry.tags) == (odd.name, odd.tags)


async def test_a_workflow_that_could_not_be_read_back_is_not_saved(workflows: Workflows) -> None:
    with pytest.raises(DocumentError, match="NUL"):
        await workflows.save(Workflow("a\x00b"), 0)
    assert list(await workflows.list()) == []
