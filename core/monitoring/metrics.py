"""Prometheus metrics of runs, models, the queue, schedules and the database.

Runs and steps are counted from the engine's events, models from `ModelCall`s; what is a state and no event (the
queue, the pool) is set by whoever knows it. Labels hold names that people chose and words of ours, never ids or text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from core.engine.events import (
    END_STATUS,
    Event,
    RunCancelled,
    RunCompleted,
    RunEnd,
    RunFailed,
    RunResumed,
    RunStarted,
    RunSuspended,
    StepCancelled,
    StepCompleted,
    StepEvent,
    StepFailed,
    StepRetrying,
    StepStarted,
    StepSuspended,
)
from core.monitoring.model_calls import ModelCall

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
"""The media type of `Metrics.text`."""

_SECONDS: Final = (0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900)
_SHORT: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
_UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True)
class _Running:
    """A run that this process executes. is_part: of another run. types: of the steps that began, by scope path."""

    workflow: str
    is_part: bool = False
    types: dict[str, str] = field(default_factory=dict)


class Metrics:
    """All metrics of one process, in a registry of their own."""

    def __init__(self, version: str = "") -> None:
        self.registry = registry = CollectorRegistry()
        self._runs: dict[str, _Running] = {}
        build = Gauge("steploom_build", "Always 1; tells the version.", ["version"], registry=registry)
        build.labels(version).set(1)
        self._executions = Counter(
            "workflow_executions", "Runs that ended or were suspended.", ["workflow", "status"], registry=registry
        )
        self._parts = Counter(
            "workflow_spread_runs",
            "Runs that workers made for other runs (spread), when they ended or were suspended.",
            ["workflow", "status"],
            registry=registry,
        )
        self._running = Gauge("workflow_running", "Runs executed by this process now.", ["workflow"], registry=registry)
        self._run_seconds = Histogram(
            "workflow_execution_duration_seconds",
            "Seconds of work of a run, suspensions left out.",
            ["workflow"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._step_seconds = Histogram(
            "workflow_step_duration_seconds",
            "Seconds of one attempt of a step.",
            ["workflow", "step_type"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._failures = Counter(
            "workflow_step_failures",
            "Attempts of steps that failed, by kind of error.",
            ["workflow", "step_type", "kind"],
            registry=registry,
        )
        self._retries = Counter(
            "workflow_step_retries", "Attempts made again.", ["workflow", "step_type"], registry=registry
        )
        self._tokens = Counter("llm_tokens", "Tokens, in and out.", ["model", "direction"], registry=registry)
        self._cost = Counter("llm_cost_usd", "US dollars, as billed.", ["model"], registry=registry)
        self._model_seconds = Histogram(
            "llm_request_duration_seconds",
            "Seconds until a model's whole answer.",
            ["operation", "model"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._first_piece = Histogram(
            "llm_time_to_first_piece_seconds",
            "Seconds until the first visible piece of an answer.",
            ["model"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._model_errors = Counter(
            "llm_errors", "Failed questions to model servers, by kind.", ["operation", "kind"], registry=registry
        )
        self._memory_seconds = Histogram(
            "memory_search_seconds", "Seconds of one recall.", ["mode"], buckets=_SHORT, registry=registry
        )
        self._depth = Gauge("workflow_queue_depth", "Runs that wait for a worker.", ["queue"], registry=registry)
        self._age = Gauge(
            "workflow_queue_oldest_seconds", "Seconds for which the oldest of them has waited.", ["queue"],
            registry=registry,
        )  # fmt: skip
        self._workers = Gauge("workflow_workers", "Workers that are alive.", registry=registry)
        self._lag = Histogram(
            "workflow_schedule_lag_seconds",
            "Seconds from a schedule's time to its run.",
            buckets=_SECONDS,
            registry=registry,
        )
        self._pool = Gauge("database_connections", "Connections of the pool.", ["state"], registry=registry)

    def heard(self, event: Event) -> None:
        """Count an event: the engine's listener."""
        match event:
            case RunStarted() | RunResumed():
                self._runs[event.run_id] = _Running(event.workflow, bool(event.part_of))
                self._running.labels(event.workflow).inc()
            case RunCompleted() | RunFailed() | RunCancelled() | RunSuspended():
                self._ended(event)
            case StepStarted():
                if (run := self._runs.get(event.run_id)) is not None:
                    run.types[event.path] = event.type
            case StepEvent():
                self._step(event)

    def called(self, call: ModelCall) -> None:
        """Count a question to a model: the observer of `ObservedModels`."""
        model = call.model or call.asked or _UNKNOWN
        if call.error:
            self._model_errors.labels(call.operation, call.error).inc()
        else:
            self._model_seconds.labels(call.operation, model).observe(call.duration_s)
        if call.first_piece_s is not None:
            self._first_piece.labels(model).observe(call.first_piece_s)
        if call.usage.tokens_in:
            self._tokens.labels(model, "in").inc(call.usage.tokens_in)
        if call.usage.tokens_out:
            self._tokens.labels(model, "out").inc(call.usage.tokens_out)
        if call.usage.cost_usd > 0:
            self._cost.labels(model).inc(call.usage.cost_usd)

    def recalled(self, seconds: float, mode: str) -> None:
        """Count one search in a memory. mode: `vector` or `keyword`."""
        self._memory_seconds.labels(mode).observe(seconds)

    def fired(self, lag_s: float) -> None:
        """Count a schedule that made a run, that many seconds late."""
        self._lag.observe(max(0.0, lag_s))

    def set_queue(self, waiting: Mapping[str, tuple[int, float]], workers: int) -> None:
        """Tell how the queues stand: by name, how many runs wait and for how many seconds the oldest of them."""
        self._depth.clear()
        self._age.clear()
        for queue, (count, seconds) in waiting.items():
            self._depth.labels(queue).set(count)
            self._age.labels(queue).set(seconds)
        self._workers.set(workers)

    def set_pool(self, *, size: int, used: int) -> None:
        """Tell how many connections to the database there are, and how many of them are in use."""
        self._pool.labels("open").set(size)
        self._pool.labels("used").set(used)

    def text(self) -> bytes:
        """Everything in Prometheus's text format, to be served as CONTENT_TYPE."""
        return generate_latest(self.registry)

    def _ended(self, event: RunEnd) -> None:
        run = self._runs.pop(event.run_id, None)
        if run is None:  # the listener came in the middle of a run
            return
        self._running.labels(run.workflow).dec()
        (self._parts if run.is_part else self._executions).labels(run.workflow, END_STATUS[type(event)]).inc()
        if not isinstance(event, RunSuspended) and not run.is_part:
            self._run_seconds.labels(run.workflow).observe(event.duration_s)

    def _step(self, event: StepEvent) -> None:
        run = self._runs.get(event.run_id)
        kind = run.types.get(event.path) if run is not None else None
        if run is None or kind is None:  # skipped, replayed, or from before the listener came
            return
        workflow = run.workflow
        match event:
            case StepRetrying():
                self._retries.labels(workflow, kind).inc()
                self._failures.labels(workflow, kind, event.error.type).inc()
                self._step_seconds.labels(workflow, kind).observe(event.duration_s)
            case StepCompleted() if not event.replayed:
                if event.handled is not None:
                    self._failures.labels(workflow, kind, event.handled.type).inc()
                self._step_seconds.labels(workflow, kind).observe(event.duration_s)
            case StepFailed():
                self._failures.labels(workflow, kind, event.error.type).inc()
                self._step_seconds.labels(workflow, kind).observe(event.duration_s)
            case StepSuspended() | StepCancelled():
                self._step_seconds.labels(workflow, kind).observe(event.duration_s)
