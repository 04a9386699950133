from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from core.engine.events import Usage
from core.monitoring.metrics import Metrics
from core.monitoring.model_calls import ModelCall
from core.workflow.model import Retry
from tests.support.engine_rig import Rig, step, workflow


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    """A sample as a scraper reads it; None if it is not there."""
    for family in text_string_to_metric_families(metrics.text().decode()):
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return sample.value
    return None


def listening(rig: Rig) -> Metrics:
    metrics = Metrics()
    rig.engine.listeners.append(metrics.heard)
    return metrics


async def test_runs_are_counted_by_workflow_and_status() -> None:
    rig = Rig()
    metrics = listening(rig)
    await rig.run(workflow(step("a"), name="Triage"))
    await rig.run(workflow(step("a"), name="Triage"))
    await rig.run(workflow(step("a", config={"fails": 9}), name="Triage"))

    assert value(metrics, "workflow_executions_total", workflow="Triage", status="completed") == 2
    assert value(metrics, "workflow_executions_total", workflow="Triage", status="failed") == 1
    assert value(metrics, "workflow_running", workflow="Triage") == 0
    assert value(metrics, "workflow_execution_duration_seconds_count", workflow="Triage") == 3


async def test_every_attempt_of_a_step_is_timed_and_retries_are_counted_by_kind() -> None:
    rig = Rig()
    metrics = listening(rig)
    run = await rig.begin(workflow(step("a", config={"fails": 1}, retry=Retry(attempts=2, wait=5.0)), name="W"))
    assert value(metrics, "workflow_running", workflow="W") == 1
    await rig.clock.advance(6)
    await run.result()

    labels = {"workflow": "W", "step_type": "work"}
    assert value(metrics, "workflow_step_duration_seconds_count", **labels) == 2
    assert value(metrics, "workflow_step_retries_total", **labels) == 1
    failures = [name for name in metrics.text().decode().splitlines() if name.startswith("workflow_step_failures_tot")]
    assert len(failures) == 1


async def test_what_was_done_before_a_suspension_is_not_counted_again() -> None:
    rig = Rig()
    metrics = listening(rig)
    await rig.run(workflow(step("a", then="ask"), step("ask", "ask"), name="W"))
    assert value(metrics, "workflow_executions_total", workflow="W", status="suspended") == 1
    await rig.journal.answer("run-1", "ask", {"choice": "yes"})
    await rig.resume()

    assert value(metrics, "workflow_executions_total", workflow="W", status="completed") == 1
    assert value(metrics, "workflow_step_duration_seconds_count", workflow="W", step_type="work") == 1
    assert value(metrics, "workflow_running", workflow="W") == 0


async def test_no_label_holds_an_id_or_a_text() -> None:
    rig = Rig()
    metrics = listening(rig)
    await rig.run(workflow(step("secret_step_name", config={"value": "what a person wrote"}), name="W"))

    text = metrics.text().decode()
    assert "run-1" not in text
    assert "secret_step_name" not in text
    assert "what a person wrote" not in text


def call(rig: Rig, **facts: object) -> ModelCall:
    return ModelCall(**{"operation": "chat", "asked": "", "started": rig.clock.now(), "duration_s": 1.0, **facts})  # type: ignore[arg-type] # the tests' facts are right


def test_models_are_counted_by_name_with_tokens_and_cost() -> None:
    rig, metrics = Rig(), Metrics()
    metrics.called(call(rig, model="openai/m", usage=Usage(100, 20, 0.25), first_piece_s=0.2, finish="stop"))
    metrics.called(call(rig, asked="openai/m", error="rate_limit"))

    assert value(metrics, "llm_tokens_total", model="openai/m", direction="in") == 100
    assert value(metrics, "llm_tokens_total", model="openai/m", direction="out") == 20
    assert value(metrics, "llm_cost_usd_total", model="openai/m") == 0.25
    assert value(metrics, "llm_errors_total", operation="chat", kind="rate_limit") == 1
    assert value(metrics, "llm_request_duration_seconds_count", operation="chat", model="openai/m") == 1
    assert value(metrics, "llm_time_to_first_piece_seconds_count", model="openai/m") == 1


def test_queues_that_are_empty_again_are_told_no_more() -> None:
    metrics = Metrics()
    metrics.set_queue({"default": (3, 12.5), "slow": (1, 2.0)}, workers=2)
    metrics.set_queue({"default": (0, 0.0)}, workers=1)

    assert value(metrics, "workflow_queue_depth", queue="default") == 0
    assert value(metrics, "workflow_queue_depth", queue="slow") is None
    assert value(metrics, "workflow_workers") == 1


def test_searches_schedules_and_connections_are_told() -> None:
    metrics = Metrics("1.2.3")
    metrics.recalled(0.004, "vector")
    metrics.fired(-0.2)
    metrics.set_pool(size=5, used=2)

    assert value(metrics, "memory_search_seconds_count", mode="vector") == 1
    assert value(metrics, "workflow_schedule_lag_seconds_sum") == 0
    assert value(metrics, "database_connections", state="used") == 2
    assert value(metrics, "steploom_build", version="1.2.3") == 1
