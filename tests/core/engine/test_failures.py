from __future__ import annotations

from random import Random

import pytest

from core.engine.events import StepCancelled, StepCompleted, StepFailed, StepRetrying, StepSkipped, StepStarted
from core.engine.testing import settle
from core.workflow.model import Retry
from tests.support.engine_rig import Rig, step, workflow

pytestmark = pytest.mark.usefixtures("no_task_left")

BROKEN = {"fails": -1, "kind": "server", "retryable": False, "message": "The server said no."}


class HighestRandom(Random):
    """Draws the upper end, and remembers what was asked."""

    def __init__(self) -> None:
        super().__init__(1)
        self.asked: list[tuple[float, float]] = []

    def uniform(self, a: float, b: float) -> float:
        self.asked.append((a, b))
        return b


async def test_a_failure_stops_the_siblings_and_fails_the_run_with_the_steps_error(rig: Rig) -> None:
    result = await rig.run(
        workflow(step("held", config={"gate": True}, then="never"), step("never"), step("bad", config=BROKEN))
    )

    assert result.status == "failed"
    assert result.error is not None
    assert (result.error.type, result.error.message, result.error.attempt) == ("server", "The server said no.", 1)
    assert result.error_path == "bad"
    assert [event.path for event in rig.told(StepCancelled)] == ["held"]
    assert rig.told(StepCancelled)[0].reason == "another step failed"
    assert await rig.statuses() == {"held": "cancelled", "bad": "failed"}
    record = await rig.journal.run("run-1")
    assert (record.status, record.error, record.error_path) == ("failed", result.error, "bad")


async def test_the_path_of_an_error_leads_into_loops_and_workflows() -> None:
    rig = Rig(workflow(step("bad", config=BROKEN), name="Inner"))
    result = await rig.run(
        workflow(step("all", "loop", config={"times": 2}, body=[step("call", "workflow", config={"name": "Inner"})]))
    )

    assert result.error_path == "all[0]/call/bad"
    assert [event.path for event in rig.told(StepFailed)] == ["all[0]/call/bad", "all[0]/call", "all"]


async def test_a_failure_may_be_replaced_by_a_default_output(rig: Rig) -> None:
    result = await rig.run(
        workflow(
            step("a", config={"value": "x"}, then="bad"),
            step("bad", config=BROKEN, on_error="default", default={"value": "{{ a.value }}!", "n": 1}, then="after"),
            step("after", config={"value": "{{ bad.value }}"}),
            outputs={"value": "{{ after.value }}", "n": "{{ bad.n }}"},
        )
    )

    assert result.outputs == {"value": "x!", "n": 1}
    handled = rig.told(StepCompleted, "bad")[0].handled
    assert handled is not None
    assert handled.type == "server"
    assert rig.told(StepFailed) == []


async def test_a_default_that_cannot_be_filled_in_fails_the_step_with_both_reasons(rig: Rig) -> None:
    result = await rig.run(workflow(step("bad", config=BROKEN, on_error="default", default={"value": "{{ 1 / 0 }}"})))

    assert result.error is not None
    assert "The server said no." in result.error.message
    assert "division by zero" in result.error.message
    assert (result.error.type, result.error_path) == ("server", "bad")
    assert await rig.statuses() == {"bad": "failed"}


async def test_a_failure_may_take_the_error_port(rig: Rig) -> None:
    result = await rig.run(
        workflow(
            step("bad", config=BROKEN, on_error="branch", then={"out": "usual", "error": "rescue"}),
            step("usual"),
            step("rescue", config={"value": "{{ bad.error }}"}),
            outputs={"error": "{{ rescue.value }}"},
        )
    )

    assert result.outputs == {"error": {"type": "server", "message": "The server said no.", "attempt": 1}}
    assert rig.told(StepCompleted, "bad")[0].ports == ("error",)
    assert rig.paths(StepSkipped) == ["usual"]


async def test_without_a_failure_the_error_port_is_dead(rig: Rig) -> None:
    await rig.run(
        workflow(
            step("good", on_error="branch", then={"out": "usual", "error": "rescue"}), step("usual"), step("rescue")
        )
    )

    assert rig.stage.paths == ["good", "usual"]
    assert rig.told(StepCompleted, "good")[0].ports == ("out",)


async def test_a_choice_with_an_error_port_takes_one_of_its_own_ports(rig: Rig) -> None:
    await rig.run(
        workflow(
            step("c", "choose", config={"value": 1}, on_error="branch", then={"true": "t", "false": "f", "error": "e"}),
            step("t"), step("f"), step("e"),
        )
    )  # fmt: skip

    assert rig.stage.paths == ["t"]


async def test_a_template_that_fails_is_a_failure_of_its_step(rig: Rig) -> None:
    result = await rig.run(
        workflow(
            step("a", then="b"),
            step("b", config={"value": "{{ a.nothing }}"}, on_error="branch", then={"error": "c"}),
            step("c", config={"value": "{{ b.error.type }}"}),
            outputs={"type": "{{ c.value }}"},
        )
    )

    assert result.outputs == {"type": "template"}
    assert rig.paths(StepStarted) == ["a", "b", "c"]


async def test_a_config_that_does_not_fit_after_its_templates_names_the_field(rig: Rig) -> None:
    result = await rig.run(workflow(step("add", "add", config={"a": "{{ input.a }}", "b": 1})), {"a": "three"})

    assert result.error is not None
    assert result.error.type == "config"
    assert "a: " in result.error.message


@pytest.mark.parametrize(
    ("how", "kind", "words"),
    [
        ("bug", "failed", "'odd' failed unexpectedly: ZeroDivisionError: one by nothing"),
        ("text", "failed", "gave a str instead of an object"),
        ("timeout", "timeout", "Something it waited for timed out."),
        ("cancelled", "failed", "was cancelled by somebody else"),
    ],
)
async def test_a_step_that_misbehaves_fails_in_words(rig: Rig, how: str, kind: str, words: str) -> None:
    result = await rig.run(workflow(step("odd", "odd", config={"how": how}, then="after"), step("after")))

    assert result.status == "failed"
    assert result.error is not None
    assert result.error.type == kind
    assert words in result.error.message
    assert await rig.statuses() == {"odd": "failed"}


async def test_a_retry_makes_attempts_until_one_counts_each_with_its_record(rig: Rig) -> None:
    run = await rig.begin(
        workflow(step("a", config={"fails": 2, "kind": "server", "tokens": 5}, retry=Retry(attempts=4, wait=1)))
    )
    await rig.clock.advance(10)
    result = await run.result()

    assert result.status == "completed"
    assert rig.stage.ran == [("a", 1), ("a", 2), ("a", 3)]
    records = await rig.journal.steps("run-1")
    assert [(r.attempt, r.status, r.cause) for r in records] == [
        (1, "failed", "first"),
        (2, "failed", "retry"),
        (3, "completed", "retry"),
    ]
    assert [r.error.attempt for r in records if r.error] == [1, 2]
    assert result.usage.tokens == 15
    assert sum(r.usage.tokens for r in records) == 15


async def test_a_retry_gives_up_after_its_attempts(rig: Rig) -> None:
    run = await rig.begin(workflow(step("a", config={"fails": -1}, retry=Retry(attempts=3))))
    await rig.clock.advance(100)
    result = await run.result()

    assert result.error is not None
    assert result.error.attempt == 3
    assert [event.attempt for event in rig.told(StepRetrying)] == [1, 2]
    assert [event.attempt for event in rig.told(StepFailed)] == [3]


async def test_an_error_that_is_not_retryable_is_not_retried(rig: Rig) -> None:
    result = await rig.run(workflow(step("a", config=BROKEN, retry=Retry(attempts=5))))

    assert result.status == "failed"
    assert rig.stage.ran == [("a", 1)]


async def test_waits_are_drawn_from_zero_to_a_bound_that_grows_to_its_limit() -> None:
    random = HighestRandom()
    rig = Rig(random=random)
    run = await rig.begin(
        workflow(step("a", config={"fails": -1}, retry=Retry(attempts=6, wait=1, factor=3, max_wait=10)))
    )
    await rig.clock.advance(100)
    await run.result()

    assert random.asked == [(0, 1), (0, 3), (0, 9), (0, 10), (0, 10)]
    assert [event.wait for event in rig.told(StepRetrying)] == [1, 3, 9, 10, 10]


async def test_growth_without_bounds_never_outgrows_the_longest_wait(rig: Rig) -> None:
    run = await rig.begin(
        workflow(step("a", config={"fails": -1}, retry=Retry(attempts=400, wait=1, factor=10, max_wait=0.5)))
    )
    await rig.clock.advance(1000)
    result = await run.result()

    assert result.status == "failed"
    assert len(rig.stage.ran) == 400
    assert all(0 <= event.wait <= 0.5 for event in rig.told(StepRetrying))


@pytest.mark.parametrize(("asked", "waited"), [(7.0, 7.0), (0.0, 2.0), (1e9, 3600.0)])
async def test_a_wait_is_never_shorter_than_the_other_side_asked_within_reason(asked: float, waited: float) -> None:
    rig = Rig(random=HighestRandom())
    run = await rig.begin(
        workflow(step("a", config={"fails": 1, "retry_after": asked}, retry=Retry(attempts=2, wait=2)))
    )
    await rig.clock.advance(waited - 0.001)
    assert not run.done
    await rig.clock.advance(0.001)
    assert (await run.result()).status == "completed"


async def test_other_steps_go_on_while_one_waits_for_its_retry(rig: Rig) -> None:
    run = await rig.begin(
        workflow(step("a", config={"fails": 1}, retry=Retry(attempts=2)), step("b", then="c"), step("c"))
    )

    assert rig.stage.ended == ["b", "c"]
    await rig.clock.advance(2)
    await run.result()


async def test_a_cancelled_wait_for_a_retry_ends_at_once(rig: Rig) -> None:
    run = await rig.begin(workflow(step("a", config={"fails": -1}, retry=Retry(attempts=9, wait=1000))))
    run.cancel()

    assert (await run.result()).status == "cancelled"
    assert rig.clock.sleeping == 0
    assert await rig.statuses() == {"a": "failed"}


async def test_a_failure_inside_a_loop_is_not_retried_by_the_loop(rig: Rig) -> None:
    run = await rig.begin(
        workflow(
            step("all", "loop", config={"times": 1}, retry=Retry(attempts=3), body=[step("a", config={"fails": -1})])
        )
    )

    assert (await run.result()).status == "failed"
    assert rig.stage.ran == [("all[0]/a", 1)]


async def test_a_loop_that_is_retried_numbers_the_attempts_inside_on(rig: Rig) -> None:
    body = [step("a", then="b"), step("b", config={"seconds": "{{ 9 if input.slow else 0 }}"})]
    document = workflow(step("all", "loop", config={"times": 2}, timeout=5, retry=Retry(attempts=2, wait=0), body=body))
    run = await rig.begin(document, {"slow": True})
    await rig.clock.advance(20)
    await run.result()

    records = await rig.journal.steps("run-1")
    assert [(r.path, r.attempt, r.status) for r in records] == [
        ("all", 1, "failed"),
        ("all[0]/a", 1, "completed"),
        ("all[0]/b", 1, "cancelled"),
        ("all", 2, "failed"),
        ("all[0]/a", 2, "completed"),
        ("all[0]/b", 2, "cancelled"),
    ]


async def test_a_step_that_takes_too_long_fails_with_a_retryable_timeout(rig: Rig) -> None:
    run = await rig.begin(
        workflow(step("a", config={"gate": True}, timeout=3, retry=Retry(attempts=2, wait=0), on_error="branch"))
    )
    await rig.clock.advance(2.9)
    assert rig.told(StepRetrying) == []
    await rig.clock.advance(0.2)
    assert rig.told(StepRetrying)[0].error.type == "timeout"
    rig.stage.gate("a").set()
    await settle()

    assert (await run.result()).status == "completed"
    assert rig.stage.ran == [("a", 1), ("a", 2)]


async def test_the_text_of_a_timeout_says_whose_it_was(rig: Rig) -> None:
    run = await rig.begin(workflow(step("a", config={"gate": True}, timeout=3)))
    await rig.clock.advance(3)
    result = await run.result()

    assert result.error is not None
    assert result.error.message == "It took longer than its timeout of 3 s."


async def test_a_loops_timeout_reaches_the_steps_inside(rig: Rig) -> None:
    run = await rig.begin(
        workflow(step("all", "many", config={"items": [1, 2]}, timeout=3, body=[step("a", config={"gate": True})]))
    )
    await rig.clock.advance(3)
    result = await run.result()

    assert result.error_path == "all"
    assert await rig.statuses() == {"all": "failed", "all[0]/a": "cancelled", "all[1]/a": "cancelled"}


async def test_a_run_that_takes_too_long_fails_and_leaves_final_records(rig: Rig) -> None:
    run = await rig.begin(workflow(step("a", config={"gate": True}), step("b", then="c"), step("c"), timeout=60))
    await rig.clock.advance(60)
    result = await run.result()

    assert result.status == "failed"
    assert result.error is not None
    assert (result.error.type, result.error_path) == ("timeout", "")
    assert result.error.message == "The run took longer than its timeout of 60 s."
    assert rig.told(StepCancelled)[0].reason == "the run reached its timeout"
    assert await rig.statuses() == {"a": "cancelled", "b": "completed", "c": "completed"}


async def test_a_timeout_given_at_the_start_stands_over_the_workflows_own(rig: Rig) -> None:
    run = rig.engine.start(workflow(step("a", config={"gate": True}), timeout=60), timeout=1)
    await settle()
    await rig.clock.advance(1)

    assert (await run.result()).status == "failed"


async def test_a_run_in_time_leaves_no_timer(rig: Rig) -> None:
    await rig.run(workflow(step("a", timeout=10), timeout=60))

    assert rig.clock.sleeping == 0
    await rig.clock.advance(100)


async def test_a_step_that_ignores_its_cancellation_starts_nothing_more(rig: Rig) -> None:
    result = await rig.run(
        workflow(
            step("held", config={"gate": True, "stubborn": True}, then=["x", "y"]), step("x"), step("y"),
            step("bad", config=BROKEN),
        )
    )  # fmt: skip

    assert result.status == "failed"
    assert "x" not in rig.stage.paths
    assert "y" not in rig.stage.paths
    assert await rig.statuses() == {"held": "completed", "bad": "failed"}


async def test_a_failed_run_resumes_at_the_step_that_failed(rig: Rig) -> None:
    document = workflow(
        step("a", then="b"), step("b", config={"fails": 1, "retryable": False}, then="c"), step("c"),
        step("side", config={"gate": True}),
    )  # fmt: skip
    await rig.run(document)
    rig.stage.gate("side").set()
    result = await rig.resume()

    assert result.status == "completed"
    assert sorted(rig.stage.ran) == [("a", 1), ("b", 1), ("b", 2), ("c", 1), ("side", 1), ("side", 2)]
    again = [(r.path, r.attempt, r.cause) for r in await rig.journal.steps("run-1") if r.attempt == 2]
    assert sorted(again) == [("b", 2, "resumed"), ("side", 2, "resumed")]


async def test_a_run_that_an_end_step_failed_fails_again_when_it_is_resumed(rig: Rig) -> None:
    document = workflow(step("stop", "end", config={"status": "failed", "message": "No."}), step("after"))
    await rig.run(document)
    result = await rig.resume()

    assert result.status == "failed"
    assert result.error is not None
    assert result.error.message == "No."
