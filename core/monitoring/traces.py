"""OpenTelemetry traces of runs, steps, functions and questions to models, by the GenAI semantic conventions.

Needs the extra `telemetry`. A run is a trace: its steps are spans below it or below the loop, workflow or agent that
they are inside of, and questions to models below the step that asks. Names and attributes follow
opentelemetry-semantic-conventions 0.66b2 (gen_ai.*, all in development); what they have no word for is `steploom.*`.
Texts of people and models are in no span unless they are asked for.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from core.engine.events import (
    END_STATUS,
    ErrorInfo,
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
    Usage,
)
from core.engine.place import PLACE
from core.monitoring.model_calls import ModelCall

if TYPE_CHECKING:
    from opentelemetry.trace import Span, SpanKind, Tracer

    from core.monitoring.watch import Watch

FUNCTION: Final = "function"
"""The type of the steps that agents make of their function calls."""

OPEN_RUNS: Final = 10_000
"""Runs whose spans are open at once, at most: one that another process took over never tells of its end."""

LAST_WORDS_S: Final = 5.0
"""Seconds that a collector is given for what is left when the program ends."""

LONGEST: Final = 16_000
"""Characters of a text in a span."""

_OPERATIONS: Final = {"chat": "chat", "image": "generate_content", "embeddings": "embeddings"}

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _OpenRun:
    """A run that is executed. steps: by scope path, those whose attempt has not ended."""

    span: Span
    steps: dict[str, tuple[int, Span]] = field(default_factory=dict)


class Traces:
    """Makes spans of what happens. tracer: of OpenTelemetry. content: put inputs, questions and answers into them."""

    def __init__(self, tracer: Tracer, *, content: bool = False) -> None:
        self._tracer = tracer
        self._content = content
        self._runs: dict[str, _OpenRun] = {}

    def heard(self, event: Event) -> None:
        """The engine's listener."""
        match event:
            case RunStarted() | RunResumed():
                self._begin(event)
            case RunCompleted() | RunFailed() | RunCancelled() | RunSuspended():
                self._end(event)
            case StepStarted():
                self._begin_step(event)
            case StepEvent():
                self._end_step(event)

    def called(self, call: ModelCall) -> None:
        """The observer of `ObservedModels`: a span for a question that is answered, below the step that asked."""
        from opentelemetry.trace import SpanKind

        operation, model = _OPERATIONS[call.operation], call.model or call.asked
        place = PLACE.get()
        run = self._runs.get(place.run_id) if place is not None else None
        parent = None
        if run is not None and place is not None:
            parent = run.steps[place.path][1] if place.path in run.steps else run.span
        attributes: dict[str, Any] = {
            "gen_ai.operation.name": operation,
            "gen_ai.request.model": call.asked,
            "gen_ai.response.model": call.model,
            "gen_ai.provider.name": call.provider.lower() or "openrouter",
            **_usage(call.usage),
        }
        if call.finish:
            attributes["gen_ai.response.finish_reasons"] = [call.finish]
        if call.first_piece_s is not None:
            attributes["gen_ai.response.time_to_first_chunk"] = call.first_piece_s
        span = self._span(f"{operation} {model}".strip(), call.started, parent, attributes, kind=SpanKind.CLIENT)
        if call.error:
            _fail(span, call.error)
        span.end(_nanoseconds(call.started) + int(call.duration_s * 1e9))

    def _begin(self, event: RunStarted | RunResumed) -> None:
        stale = self._runs.pop(event.run_id, None)
        if stale is None and len(self._runs) >= OPEN_RUNS:
            stale = self._runs.pop(next(iter(self._runs)))
        if stale is not None:
            _close(stale, event.at)
        attributes: dict[str, Any] = {
            "gen_ai.operation.name": "invoke_workflow",
            "gen_ai.workflow.name": event.workflow,
            "steploom.run.id": event.run_id,
            "steploom.run.resumed": isinstance(event, RunResumed),
        }
        if event.part_of:
            attributes["steploom.run.part_of"] = event.part_of
        if self._content and isinstance(event, RunStarted):
            attributes["steploom.run.inputs"] = _text(event.inputs)
        self._runs[event.run_id] = _OpenRun(self._span(f"invoke_workflow {event.workflow}", event.at, None, attributes))

    def _end(self, event: RunEnd) -> None:
        run = self._runs.pop(event.run_id, None)
        if run is None:
            return
        run.span.set_attribute("steploom.run.status", END_STATUS[type(event)])
        run.span.set_attributes(_usage(event.usage))
        if isinstance(event, RunFailed):
            self._fail(run.span, event.error)
        if self._content and isinstance(event, RunCompleted):
            run.span.set_attribute("steploom.run.outputs", _text(event.outputs))
        _close(run, event.at)

    def _begin_step(self, event: StepStarted) -> None:
        run = self._runs.get(event.run_id)
        if run is None:
            return
        attributes: dict[str, Any] = {
            "steploom.step.id": event.step_id,
            "steploom.step.path": event.path,
            "steploom.step.type": event.type,
            "steploom.step.attempt": event.attempt,
            "steploom.step.cause": event.cause,
        }
        name = f"step {event.step_id}"
        if event.type == FUNCTION:
            name = f"execute_tool {event.title}"
            attributes |= {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": event.title}
            attributes |= {"gen_ai.tool.type": "function", "gen_ai.tool.call.id": event.step_id}
        elif event.type == "agent":
            attributes["gen_ai.operation.name"] = "invoke_agent"
            if isinstance(agent := event.inputs.get("agent"), str):
                name, attributes["gen_ai.agent.name"] = f"invoke_agent {agent}", agent
        if self._content:
            key = "gen_ai.tool.call.arguments" if event.type == FUNCTION else "steploom.step.inputs"
            attributes[key] = _text(event.inputs)
        self._leave(run, event.path, event.at)
        span = self._span(name, event.at, self._parent(run, event.path), attributes)
        run.steps[event.path] = (event.attempt, span)

    def _end_step(self, event: StepEvent) -> None:
        run = self._runs.get(event.run_id)
        if run is None or run.steps.get(event.path, (0, None))[0] != event.attempt:
            return
        span = run.steps[event.path][1]
        match event:
            case StepCompleted():
                if event.handled is not None:
                    self._fail(span, event.handled)
                span.set_attributes(_usage(event.usage))
                if self._content:
                    self._show(span, event)
            case StepFailed() | StepRetrying():
                span.set_attributes(_usage(event.usage))
                self._fail(span, event.error)
            case StepSuspended() | StepCancelled():
                span.set_attributes(_usage(event.usage))
                ending = "suspended" if isinstance(event, StepSuspended) else "cancelled"
                span.set_attribute("steploom.step.status", ending)
            case _:
                return
        self._leave(run, event.path, event.at)

    def _parent(self, run: _OpenRun, path: str) -> Span:
        """The span of the loop, workflow or agent that a step is inside of, else that of the run."""
        while "/" in path:
            path = path.rpartition("/")[0]
            for around in (path, path.rpartition("[")[0]):
                if around in run.steps:
                    return run.steps[around][1]
        return run.span

    def _leave(self, run: _OpenRun, path: str, at: datetime) -> None:
        known = run.steps.pop(path, None)
        if known is not None:
            known[1].end(_nanoseconds(at))

    def _show(self, span: Span, event: StepCompleted) -> None:
        request, output = event.request or {}, event.output
        if isinstance(messages := request.get("messages"), list):
            span.set_attribute("gen_ai.input.messages", _text(messages))
            answer = {"role": "assistant", "parts": [{"type": "text", "content": output.get("text")}]}
            span.set_attribute("gen_ai.output.messages", _text([answer]))
        span.set_attribute("steploom.step.output", _text(output))

    def _fail(self, span: Span, error: ErrorInfo) -> None:
        _fail(span, error.type, error.message if self._content else "")

    def _span(
        self, name: str, at: datetime, parent: Span | None, attributes: Mapping[str, Any], kind: SpanKind | None = None
    ) -> Span:
        from opentelemetry.context import Context
        from opentelemetry.trace import SpanKind, set_span_in_context

        # Never the context of the running code: what listens runs wherever the event happens to be told.
        around = set_span_in_context(parent, Context()) if parent is not None else Context()
        told = {key: value for key, value in attributes.items() if value != ""}
        return self._tracer.start_span(
            name, around, kind=kind or SpanKind.INTERNAL, attributes=told, start_time=_nanoseconds(at)
        )


def trace_to(
    watch: Watch, endpoint: str, *, content: bool = False, patience_s: float = LAST_WORDS_S
) -> Callable[[], None]:
    """Send traces to a collector by OTLP over HTTP, in the background; how to stop, which sends what is left.

    endpoint: such as http://localhost:4318/v1/traces. Headers and what else a collector asks for come from
    OpenTelemetry's own environment variables. patience_s: seconds that stopping may take; what a collector has not
    taken by then is lost. Without the extra `telemetry` a warning is logged and nothing is sent.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        _log.warning("Traces are asked for, and OpenTelemetry is not installed. Install steploom[telemetry].")
        return lambda: None
    provider = TracerProvider(resource=Resource.create({"service.name": "steploom"}), shutdown_on_exit=False)
    exporter: Any = OTLPSpanExporter(endpoint=endpoint)  # its methods have no types
    provider.add_span_processor(BatchSpanProcessor(exporter))
    traces = Traces(provider.get_tracer("steploom"), content=content)
    watch.listeners.append(traces.heard)
    watch.observers.append(traces.called)

    def stop() -> None:
        watch.listeners.remove(traces.heard)
        watch.observers.remove(traces.called)
        given_up = threading.Timer(patience_s, give_up)  # its own patience is half a minute
        given_up.daemon = True
        given_up.start()
        provider.shutdown()
        given_up.cancel()

    def give_up() -> None:
        _log.warning(
            "The newest traces were not taken by %s within %g seconds and are lost. Check that the collector runs, or "
            "empty the endpoint in the settings.", endpoint, patience_s,
        )  # fmt: skip
        exporter.shutdown()

    return stop


def _close(run: _OpenRun, at: datetime) -> None:
    for _, span in run.steps.values():
        span.end(_nanoseconds(at))
    run.span.end(_nanoseconds(at))


def _usage(usage: Usage) -> dict[str, Any]:
    known: dict[str, Any] = {}
    if usage.tokens_in:
        known["gen_ai.usage.input_tokens"] = usage.tokens_in
    if usage.tokens_out:
        known["gen_ai.usage.output_tokens"] = usage.tokens_out
    if usage.cost_usd:
        known["steploom.usage.cost_usd"] = usage.cost_usd
    return known


def _fail(span: Span, kind: str, message: str = "") -> None:
    from opentelemetry.trace import Status, StatusCode

    span.set_attribute("error.type", kind)
    span.set_status(Status(StatusCode.ERROR, message or kind))


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)[:LONGEST]


def _nanoseconds(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000) * 1000
