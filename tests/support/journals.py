"""What every journal must do, as tests: subclass `JournalContract` and give it the fixtures `journal` and `abandon`."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.engine.errors import EngineError, LeaseLost, Question, RunBusy, RunNotFound
from core.engine.events import (
    NO_USAGE,
    ErrorInfo,
    RunCancelled,
    RunCompleted,
    RunFailed,
    RunResumed,
    RunSuspended,
    StepCancelled,
    StepCompleted,
    StepDelta,
    StepFailed,
    StepRetrying,
    StepSkipped,
    StepStarted,
    StepSuspended,
    Usage,
)
from core.engine.journal import Journal, Lease, RunRecord
from core.engine.part import Given, Part
from core.workflow.model import Json, Step, Workflow

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
"""When runs of tests begin: long ago by whatever clock the database has."""

WORKFLOW = Workflow(
    "Triage", steps={"z": Step("z", "value", config={"b": 1, "a": [2]}, then={"out": ("a",)}), "a": Step("a", "value")}
)
USAGE = Usage(10, 20, 0.125)

Abandon = Callable[[str], Awaitable[None]]
"""Makes a run look as if its owner had not been heard of for too long."""

_ids = itertools.count(1)


def new_run(**changes: Any) -> RunRecord:
    """A run that was just started."""
    values: dict[str, Any] = {
        "id": f"run-{next(_ids)}",
        "workflow": WORKFLOW,
        "inputs": {"ticket": "It burns"},
        "status": "running",
        "created": NOON,
        "origin": "/home/me/flows",
        "labels": {"by": "test"},
    }
    return RunRecord(**{**values, **changes})


def at(seconds: float) -> datetime:
    """So many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


def started(run: str, path: str = "a", attempt: int = 1, **changes: Any) -> StepStarted:
    """A step begins."""
    values: dict[str, Any] = {"title": "Say", "cause": "first", "definition": "d1", "inputs": {"prompt": "Hi"}}
    return StepStarted(run, at(1), path, path.rsplit("/", 1)[-1], attempt, "chat", **{**values, **changes})


def completed(run: str, path: str = "a", attempt: int = 1, **changes: Any) -> StepCompleted:
    """A step ends well."""
    values: dict[str, Any] = {
        "output": {"text": "Hello"},
        "ports": ("out",),
        "variables": {"tone": "kind"},
        "request": {"model": "m"},
        "usage": USAGE,
        "duration_s": 1.5,
    }
    return StepCompleted(run, at(2), path, path.rsplit("/", 1)[-1], attempt, **{**values, **changes})


def suspended(run: str, path: str = "ask", attempt: int = 1, second: float = 3) -> StepSuspended:
    """A step asks a person."""
    question = Question("Send it?", ("yes", "no"), {"type": "object"})
    return StepSuspended(run, at(second), path, path, attempt, question, at(3600), {"draft": 1}, USAGE, 1.5)


class JournalContract:
    """Tests that hold for every journal."""

    async def test_a_new_run_is_found_as_it_was_opened(self, journal: Journal) -> None:
        run = new_run()
        lease = await journal.open_run(run)
        assert await journal.run(run.id) == run
        assert (lease.run_id, lease.lost) == (run.id, False)

    async def test_the_order_of_a_documents_steps_and_fields_is_kept(self, journal: Journal) -> None:
        run = new_run()
        await journal.open_run(run)
        found = (await journal.run(run.id)).workflow
        assert list(found.steps) == ["z", "a"]
        assert list(found.steps["z"].config) == ["b", "a"]

    async def test_a_run_of_a_part_keeps_what_it_was_asked_for_and_given(self, journal: Journal) -> None:
        given = {
            "z": Given({"b": 1, "a": [True]}, ("out",), {"tone": "kind"}, "edited"),
            "a": Given({"text": "\ud800"}),
        }
        run = new_run(part=Part(until="z", anew="a", base="run-0", given=given, names={"item": {"n": 1}}))
        lease = await journal.open_run(run)
        assert await journal.run(run.id) == run
        await journal.close_run(lease)
        assert (await journal.take_run(run.id))[0].part == run.part

    async def test_two_runs_cannot_have_one_id(self, journal: Journal) -> None:
        run = new_run()
        await journal.open_run(run)
        with pytest.raises(EngineError, match="already"):
            await journal.open_run(new_run(id=run.id, created=at(60)))
        assert (await journal.run(run.id)).created == NOON

    async def test_an_unknown_run_is_not_found(self, journal: Journal) -> None:
        for call in (journal.run, journal.steps, journal.take_run, journal.cancel):
            with pytest.raises(RunNotFound, match="nowhere"):
                await call("nowhere")
        with pytest.raises(RunNotFound, match="nowhere"):
            await journal.answer("nowhere", "ask", {})

    async def test_a_completed_step_is_recorded_whole(self, journal: Journal) -> None:
        run, lease = await _opened(journal)
        await _write(journal, lease, started(run), completed(run))
        (record,) = await journal.steps(run)
        assert (record.run_id, record.path, record.step_id, record.attempt) == (run, "a", "a", 1)
        assert (record.status, record.type, record.title, record.cause) == ("completed", "chat", "Say", "first")
        assert (record.definition, record.inputs, record.request) == ("d1", {"prompt": "Hi"}, {"model": "m"})
        assert (record.output, record.ports, record.variables) == ({"text": "Hello"}, ("out",), {"tone": "kind"})
        assert (record.usage, record.duration_s) == (USAGE, 1.5)
        assert (record.started, record.ended, record.error) == (at(1), at(2), None)

    async def test_a_started_step_is_durable_after_a_flush(self, journal: Journal) -> None:
        run, lease = await _opened(journal)
        await _write(journal, lease, started(run))
        (record,) = await journal.steps(run)
        assert (record.status, record.inputs, record.ended) == ("started", {"prompt": "Hi"}, None)
        await _write(journal, lease, completed(run))
        (record,) = await journal.steps(run)
        assert (record.status, record.inputs, record.started) == ("completed", {"prompt": "Hi"}, at(1))

    async def test_every_attempt_keeps_its_record(self, journal: Journal) -> None:
        run, lease = await _opened(journal)
        error = ErrorInfo("rate_limit", "Too many", 1, {"status": 429})
        failed = ErrorInfo("server", "Down", 2)
        await _write(
            journal,
            lease,
            started(run),
            StepRetrying(run, at(2), "a", "a", 1, error, 3.0, {"try": 1}, USAGE, 0.5),
            started(run, attempt=2, cause="retry"),
            StepFailed(run, at(9), "a", "a", 2, failed, None, NO_USAGE, 0.25),
        )
        first, second = await journal.steps(run)
        assert (first.status, first.error, first.request, first.usage) == ("failed", error, {"try": 1}, USAGE)
        assert (second.status, second.error, second.cause, second.ended) == ("failed", failed, "retry", at(9))

    async def test_records_come_in_the_order_in_which_steps_began(self, journal: Journal) -> None:
        run, lease = await _opened(journal)
        await _write(journal, lease, started(run, "slow"), started(run, "fast"))
        await _write(journal, lease, completed(run, "fast"), StepSkipped(run, at(4), "never", "never", 1, "dead"))
        await _write(journal, lease, completed(run, "slow"))
        assert [record.path for record in await journal.steps(run)] == ["slow", "fast", "never"]

    async def test_a_skipped_step_has_no_start(self, journal: Journal) -> None:
        run, lease = await _opened(journal)
        await _write(journal, lease, StepSkipped(run, at(4), "a", "a", 1, "No live wire"))
        (record,) = await journal.steps(run)
        assert (record.status, record.started, record.state) == ("skipped", None, {"reason": "No live wire"})

    async def test_a_cancelled_step_says_why(self, journal: Journal) -> None:
        run, lease = await _opened(journal)
        await _write(journal, lease, started(run), StepCancelled(run, at(5), "a", "a", 1, "stop", {"m": 1}, USAGE, 2.0))
        (record,) = await journal.steps(run)
        assert (record.status, record.state, record.request) == ("cancelled", {"reason": "stop"}, {"m": 1})
        assert (record.usage, record.duration_s) == (USAGE, 2.0)

    async def test_pieces_and_replays_leave_no_trace(self, journal: Journal) -> None:
        run, lease = await _opened(journal)
        replayed = completed(run, replayed=True)
        await _write(journal, lease, StepDelta(run, at(1), "a", "a", 1, "Hel"), replayed)
        assert list(await journal.steps(run)) == []

    async def test_a_handled_error_stands_beside_the_output(self, journal: Journal) -> None:
        run, lease = await _opened(journal)
        error = ErrorInfo("timeout", "Too slow")
        await _write(journal, lease, started(run), completed(run, handled=error, ports=("error",)))
        (record,) = await journal.steps(run)
        assert (record.status, record.error, record.ports) == ("completed", error, ("error",))

    async def test_a_completed_run_tells_outputs_and_cost(self, journal: Journal) -> None:
        run, lease = await _opened(journal)
        await _write(journal, lease, RunCompleted(run, at(9), {"answer": "42"}, USAGE, 7.5))
        found = await journal.run(run)
        assert (found.status, found.outputs, found.usage) == ("completed", {"answer": "42"}, USAGE)
        assert (found.duration_s, found.ended) == (7.5, at(9))

    async def test_a_failed_run_tells_where_and_why(self, journal: Journal) -> None:
        run, lease = await _opened(journal)
        error = ErrorInfo("bad_request", "No such model", 2, {"status": 400})
        await _write(journal, lease, RunFailed(run, at(9), "loop[3]/a", error, USAGE, 7.5))
        found = await journal.run(run)
        assert (found.status, found.error, found.error_path, found.ended) == ("failed", error, "loop[3]/a", at(9))

    async def test_a_suspended_run_tells_when_it_wakes_and_resuming_clears_it(self, journal: Journal) -> None:
        run, lease = await _opened(journal)
        await _write(journal, lease, RunSuspended(run, at(9), ("ask",), at(60), USAGE, 7.5))
        assert (await journal.run(run)).wake_at == at(60)
        await _write(journal, lease, RunResumed(run, at(70), "Triage"))
        found = await journal.run(run)
        assert (found.status, found.wake_at) == ("running", None)

    async def test_cost_and_time_of_a_run_outlive_its_suspension(self, journal: Journal) -> None:
        run, lease = await _opened(journal)
        await _write(journal, lease, RunSuspended(run, at(9), ("ask",), None, USAGE, 7.5))
        await journal.close_run(lease)
        found, _, lease = await journal.take_run(run)
        assert (found.usage, found.duration_s) == (USAGE, 7.5)
        await _write(journal, lease, RunResumed(run, at(70), "Triage"))
        found = await journal.run(run)
        assert (found.status, found.usage, found.duration_s) == ("running", USAGE, 7.5)

    async def test_cost_and_time_of_an_attempt_add_up(self, journal: Journal) -> None:
        run, lease = await _opened(journal)
        await _write(journal, lease, started(run, "ask"), suspended(run))
        await _write(journal, lease, started(run, "again"), suspended(run, "again"), started(run, "again"))
        await _write(
            journal, lease, started(run, "cut"), StepCancelled(run, at(2), "cut", "cut", 1, "", None, USAGE, 1)
        )
        await journal.close_run(lease)
        _, (ask, again, cut), lease = await journal.take_run(run)
        assert (ask.usage, ask.duration_s) == (USAGE, 1.5)
        assert (again.usage, again.duration_s) == (USAGE, 1.5)
        assert (cut.usage, cut.duration_s) == (USAGE, 1)
        await _write(
            journal,
            lease,
            StepCancelled(run, at(9), "ask", "ask", 1, "not needed", None, NO_USAGE, 0.0),
            completed(run, "again"),
            suspended(run, "cut"),
        )
        ask, again, cut = await journal.steps(run)
        assert (ask.status, ask.usage, ask.duration_s) == ("cancelled", USAGE, 1.5)
        assert (again.status, again.usage, again.duration_s) == ("completed", USAGE + USAGE, 3.0)
        assert (cut.status, cut.usage, cut.duration_s) == ("suspended", USAGE + USAGE, 2.5)

    async def test_a_resumable_cancelled_run_says_so(self, journal: Journal) -> None:
        run, lease = await _opened(journal)
        await _write(journal, lease, RunCancelled(run, at(9), USAGE, 1.0, resumable=True))
        found = await journal.run(run)
        assert (found.status, found.resumable, found.ended) == ("cancelled", True, at(9))
        await _write(journal, lease, RunResumed(run, at(70), "Triage"))
        found = await journal.run(run)
        assert (found.status, found.resumable, found.ended) == ("running", False, None)

    async def test_runs_are_listed_newest_first_and_by_status_and_name(self, journal: Journal) -> None:
        old, _ = await _opened(journal, created=at(1))
        new, lease = await _opened(journal, created=at(2), workflow=Workflow("Other"))
        await _write(journal, lease, RunCompleted(new, at(9), {}, NO_USAGE, 1.0))
        assert [run.id for run in await journal.runs()] == [new, old]
        assert [run.id for run in await journal.runs(status="running")] == [old]
        assert [run.id for run in await journal.runs(workflow="Other")] == [new]
        assert [run.id for run in await journal.runs(limit=1)] == [new]

    async def test_runs_whose_owner_is_gone_are_interrupted(self, journal: Journal, abandon: Abandon) -> None:
        kept, _ = await _opened(journal, created=at(1))
        older, _ = await _opened(journal, created=at(2))
        newer, _ = await _opened(journal, created=at(3))
        ended, lease = await _opened(journal, created=at(4))
        await _write(journal, lease, RunCompleted(ended, at(9), {}, NO_USAGE, 1.0))
        await journal.close_run(lease)
        assert await journal.interrupted() == []
        for run in (older, newer):
            await abandon(run)
        assert [run.id for run in await journal.interrupted()] == [newer, older]
        assert [run.id for run in await journal.interrupted(limit=1)] == [newer]
        assert [run.id for run in await journal.runs(status="interrupted", until=at(3))] == [older]
        assert [run.id for run in await journal.runs(status="running")] == [kept]
        assert ((await journal.run(kept)).standing, (await journal.run(newer)).standing) == ("running", "interrupted")
        taken, _, _ = await journal.take_run(newer)
        assert (taken.standing, (await journal.run(newer)).standing) == ("running", "running")

    async def test_runs_are_read_page_by_page_whatever_comes_meanwhile(self, journal: Journal) -> None:
        runs = [(await _opened(journal, created=at(second)))[0] for second in (1, 2, 2, 2, 3, 4)]
        first = await journal.runs(limit=3)
        await _opened(journal, created=at(5))
        rest = await journal.runs(limit=9, after=first[-1].place)
        assert [run.created for run in (*first, *rest)] == [at(4), at(3), at(2), at(2), at(2), at(1)]
        assert {run.id for run in (*first, *rest)} == set(runs)
        within = await journal.runs(since=at(2), until=at(4))
        assert [run.created for run in within] == [at(3), at(2), at(2), at(2)]

    async def test_a_run_with_an_owner_cannot_be_taken(self, journal: Journal) -> None:
        run, _ = await _opened(journal)
        with pytest.raises(RunBusy, match=run):
            await journal.take_run(run)

    async def test_a_run_that_was_let_go_can_be_taken_with_its_records(self, journal: Journal) -> None:
        run, lease = await _opened(journal)
        journal.put(lease, started(run))
        await journal.close_run(lease)
        await journal.close_run(lease)
        found, records, taken = await journal.take_run(run)
        assert (found.id, found.inputs, taken.epoch) == (run, {"ticket": "It burns"}, lease.epoch + 1)
        assert [(record.path, record.status) for record in records] == [("a", "started")]

    async def test_a_taken_run_goes_on_where_it_was(self, journal: Journal) -> None:
        run, lease = await _opened(journal)
        journal.put(lease, started(run, "one"))
        await journal.close_run(lease)
        _, _, lease = await journal.take_run(run)
        await _write(
            journal,
            lease,
            StepCancelled(run, at(3), "one", "one", 1, "interrupted", None, NO_USAGE, 0.0),
            started(run, "one", 2, cause="resumed"),
            completed(run, "one", 2),
        )
        first, second = await journal.steps(run)
        assert (first.status, first.inputs, second.status, second.attempt) == (
            "cancelled",
            {"prompt": "Hi"},
            "completed",
            2,
        )

    async def test_the_old_owner_of_a_taken_run_is_refused(self, journal: Journal, abandon: Abandon) -> None:
        run, old = await _opened(journal)
        await abandon(run)
        _, _, new = await journal.take_run(run)
        journal.put(old, started(run, "ghost"))
        with pytest.raises(LeaseLost):
            await journal.flush(old)
        assert (old.lost, new.lost) == (True, False)
        journal.put(old, started(run, "ghost"))
        with pytest.raises(LeaseLost):
            await journal.flush(old)
        await journal.close_run(old)
        await _write(journal, new, started(run, "real"))
        assert [record.path for record in await journal.steps(run)] == ["real"]
        with pytest.raises(RunBusy):
            await journal.take_run(run)

    async def test_an_answer_is_kept_and_the_first_one_stands(self, journal: Journal) -> None:
        run, lease = await _opened(journal)
        await _write(
            journal, lease, started(run, "ask"), suspended(run), RunSuspended(run, at(3), ("ask",), None, USAGE, 7.5)
        )
        await journal.close_run(lease)
        await journal.answer(run, "ask", {"choice": "yes"})
        for late in ({"choice": "no"}, {"choice": "yes"}):
            with pytest.raises(EngineError, match="first answer"):
                await journal.answer(run, "ask", late)
        _, (record,), _ = await journal.take_run(run)
        assert record.question == Question("Send it?", ("yes", "no"), {"type": "object"})
        assert (record.status, record.until, record.state) == ("suspended", at(3600), {"draft": 1})
        assert record.answer == {"choice": "yes"}

    async def test_an_answered_step_keeps_question_and_answer_when_it_goes_on(self, journal: Journal) -> None:
        run, lease = await _opened(journal)
        await _write(journal, lease, started(run, "ask"), suspended(run))
        await journal.close_run(lease)
        await journal.answer(run, "ask", {"choice": "yes"})
        _, _, lease = await journal.take_run(run)
        await _write(journal, lease, started(run, "ask", cause="answered"), completed(run, "ask"))
        (record,) = await journal.steps(run)
        assert (record.status, record.cause, record.answer) == ("completed", "answered", {"choice": "yes"})
        assert record.question is not None

    async def test_a_second_question_of_the_same_attempt_is_open_again(self, journal: Journal) -> None:
        run, lease = await _opened(journal)
        await _write(journal, lease, started(run, "ask"), suspended(run))
        await journal.answer(run, "ask", {"choice": "yes"})
        await _write(journal, lease, started(run, "ask"), suspended(run, second=8))
        (record,) = await journal.steps(run)
        assert record.answer is None
        await journal.answer(run, "ask", {"choice": "no"})
        (record,) = await journal.steps(run)
        assert record.answer == {"choice": "no"}

    async def test_only_an_open_question_can_be_answered(self, journal: Journal) -> None:
        run, lease = await _opened(journal)
        waiting = StepSuspended(run, at(3), "wait", "wait", 1, None, at(60), {}, NO_USAGE, 0.0)
        await _write(journal, lease, started(run), completed(run), started(run, "wait"), waiting)
        for path in ("a", "wait", "missing"):
            with pytest.raises(EngineError, match="waits for an answer"):
                await journal.answer(run, path, {"choice": "yes"})

    async def test_a_suspended_run_can_be_cancelled_for_good(self, journal: Journal) -> None:
        run, lease = await _opened(journal)
        await _write(
            journal, lease, started(run, "ask"), suspended(run), RunSuspended(run, at(3), ("ask",), at(60), USAGE, 7.5)
        )
        with pytest.raises(RunBusy):
            await journal.cancel(run)
        await journal.close_run(lease)
        await journal.cancel(run)
        found = await journal.run(run)
        assert (found.status, found.resumable, found.wake_at) == ("cancelled", False, None)
        assert found.ended is not None
        (record,) = await journal.steps(run)
        assert record.status == "cancelled"
        with pytest.raises(EngineError, match="ended"):
            await journal.cancel(run)

    async def test_an_ended_run_cannot_be_cancelled(self, journal: Journal) -> None:
        run, lease = await _opened(journal)
        await _write(journal, lease, RunCompleted(run, at(9), {}, NO_USAGE, 1.0))
        await journal.close_run(lease)
        with pytest.raises(EngineError, match="ended"):
            await journal.cancel(run)

    async def test_values_come_back_as_they_went_in(self, journal: Journal) -> None:
        odd: dict[str, Json] = {
            "b": 1,
            "a": 10**400,
            "nul\x00": "x\x00y",
            "lone": "\ud800 and \udfff",
            "marked": "\ufdd0text",
            "text": "Grüße 🎉 \\u0000 {blob}",
            "float": 0.1,
            "tiny": 5e-324,
            "zero": -0.0,
            "nested": [[], {}, [None, True, False, ""]],
        }
        run, lease = await _opened(journal, inputs=odd, origin="a\x00b", labels={"l\x00": "\ud800"})
        path = "loop\x00[1]/ste\ud800p"
        error = ErrorInfo("failed\x00", "\ud800", 1, odd)
        await _write(
            journal, lease, started(run, path, inputs=odd, title="\x00\ud800"), completed(run, path, output=odd)
        )
        await _write(journal, lease, RunFailed(run, at(9), path, error, USAGE, 1.0))
        (record,) = await journal.steps(run)
        assert (record.path, record.title) == (path, "\x00\ud800")
        assert repr(record.inputs) == repr(odd)
        assert repr(record.output) == repr(odd)
        found = await journal.run(run)
        assert (repr(found.inputs), found.origin, found.labels) == (repr(odd), "a\x00b", {"l\x00": "\ud800"})
        assert (found.error, found.error_path) == (error, path)

    async def test_large_values_come_back_whole(self, journal: Journal) -> None:
        large: dict[str, Json] = {"text": "ü" * 300_000, "blob": "no hash"}
        run, lease = await _opened(journal, inputs=large)
        await _write(journal, lease, started(run, inputs=large))
        await _write(journal, lease, completed(run, output=large, request=large))
        await _write(journal, lease, RunCompleted(run, at(9), large, NO_USAGE, 1.0))
        (record,) = await journal.steps(run)
        assert record.inputs == record.output == record.request == large
        found = await journal.run(run)
        assert found.inputs == found.outputs == large


async def _opened(journal: Journal, **changes: Any) -> tuple[str, Lease]:
    run = new_run(**changes)
    return run.id, await journal.open_run(run)


async def _write(journal: Journal, lease: Lease, *events: Any) -> None:
    for event in events:
        journal.put(lease, event)
    await journal.flush(lease)
