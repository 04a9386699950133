"""Traces, where OpenTelemetry is installed: `uv sync --extra telemetry`."""

from __future__ import annotations

import asyncio
import gzip
import importlib.util
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core import Workspace
from core.engine.errors import StepError
from core.engine.services import ChatRequest
from core.engine.testing_models import ScriptedModels
from core.monitoring.model_calls import ObservedModels
from core.monitoring.traces import Traces
from core.resources import root
from core.settings import TelemetrySettings
from core.steps import discover
from core.workflow.document import dumps
from tests.support.engine_rig import Rig, step, workflow
from tests.support.http_site import Asked, Site, running_site

IS_HERE = importlib.util.find_spec("opentelemetry") is not None and (
    importlib.util.find_spec("opentelemetry.sdk") is not None
)
needs_telemetry = pytest.mark.skipif(not IS_HERE, reason="needs the extra telemetry: uv sync --extra telemetry")


class Spans:
    """Traces that keep their spans, and the rig whose runs they are of."""

    def __init__(self, rig: Rig, *answers: Any, content: bool = False) -> None:
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

        self._kept = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._kept))
        traces = Traces(provider.get_tracer("tests"), content=content)
        self.models = ObservedModels(ScriptedModels(*answers), rig.clock, [traces.called])
        rig.engine.services = replace(rig.engine.services, models=self.models)
        rig.engine.listeners.append(traces.heard)

    @property
    def all(self) -> dict[str, Any]:
        """All ended spans by name."""
        return {span.name: span for span in self._kept.get_finished_spans()}

    def parent(self, name: str) -> str:
        """The name of a span's parent, '' for none."""
        span = self.all[name]
        if span.parent is None:
            return ""
        return next(str(each.name) for each in self.all.values() if each.context.span_id == span.parent.span_id)


def gunzipped(asked: Asked) -> bytes:
    """The body of a request, whether it is compressed or not."""
    return gzip.decompress(asked.body) if asked.headers.get("content-encoding") == "gzip" else asked.body


ASKS = workflow(step("ask", "chat", config={"prompt": "Name the hidden pearl."}), name="Asks")


@needs_telemetry
async def test_a_run_is_a_trace_of_its_steps_and_the_questions_they_ask() -> None:
    rig = Rig(types=discover())
    spans = Spans(rig, "The hidden pearl is blue.")
    assert (await rig.run(ASKS)).status == "completed"
    chat = next(name for name in spans.all if name.startswith("chat"))
    assert [spans.parent(name) for name in ("invoke_workflow Asks", "step ask", chat)] == [
        "", "invoke_workflow Asks", "step ask",
    ]  # fmt: skip
    run, asked = spans.all["invoke_workflow Asks"], spans.all[chat]
    assert run.attributes["gen_ai.operation.name"] == "invoke_workflow"
    assert run.attributes["steploom.run.status"] == "completed"
    assert asked.kind.name == "CLIENT"
    assert asked.attributes["gen_ai.usage.input_tokens"] > 0
    assert asked.attributes["gen_ai.response.finish_reasons"] == ("stop",)


@needs_telemetry
async def test_no_text_is_in_a_span_unless_it_is_asked_for() -> None:
    rig = Rig(types=discover())
    spans = Spans(rig, "The hidden pearl is blue.")
    await rig.run(ASKS)
    assert "pearl" not in repr([(span.attributes, span.status.description) for span in spans.all.values()])
    rig = Rig(types=discover())
    spans = Spans(rig, "The hidden pearl is blue.", content=True)
    await rig.run(ASKS)
    attributes = spans.all["step ask"].attributes
    assert "Name the hidden pearl." in attributes["gen_ai.input.messages"]
    assert "The hidden pearl is blue." in attributes["gen_ai.output.messages"]


@needs_telemetry
async def test_steps_inside_a_loop_are_below_it() -> None:
    rig = Rig()
    spans = Spans(rig)
    await rig.run(workflow(step("each", "many", config={"items": [1]}, body=[step("inner")])))
    assert spans.parent("step inner") == "step each"
    assert spans.all["step inner"].attributes["steploom.step.path"] == "each[0]/inner"


@needs_telemetry
async def test_a_failed_step_and_its_run_are_errors_of_its_kind() -> None:
    rig = Rig()
    spans = Spans(rig)
    await rig.run(workflow(step("a", config={"fails": -1, "kind": "server", "message": "Hush.", "retryable": False})))
    for name in ("step a", "invoke_workflow Test"):
        assert spans.all[name].attributes["error.type"] == "server"
        assert spans.all[name].status.status_code.name == "ERROR"
        assert spans.all[name].status.description == "server"


@needs_telemetry
async def test_a_run_that_waits_ends_its_trace_and_begins_another_one_when_it_goes_on() -> None:
    rig = Rig()
    spans = Spans(rig)
    await rig.run(workflow(step("ask", "ask", then={"answered": "after"}), step("after")))
    assert spans.all["step ask"].attributes["steploom.step.status"] == "suspended"
    assert spans.all["invoke_workflow Test"].attributes["steploom.run.status"] == "suspended"
    await rig.journal.answer("run-1", "ask", {"choice": "yes"})
    await rig.resume()
    assert spans.all["invoke_workflow Test"].attributes["steploom.run.resumed"] is True
    assert spans.parent("step after") == "invoke_workflow Test"


@needs_telemetry
async def test_a_question_outside_of_runs_is_a_trace_of_its_own_and_a_failed_one_an_error() -> None:
    spans = Spans(Rig(), StepError("slow down", kind="rate_limit"))
    with pytest.raises(StepError):
        [piece async for piece in spans.models.stream(ChatRequest([{"role": "user", "content": "hi"}], model="m"))]
    assert spans.parent("chat m") == ""
    assert spans.all["chat m"].attributes["error.type"] == "rate_limit"


WITHOUT = """
import importlib.abc, sys

class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "opentelemetry":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
import asyncio, logging
logging.basicConfig(level=logging.WARNING)
from core import Workspace
from core.settings import TelemetrySettings
from core.workflow.document import loads

async def main():
    telemetry = TelemetrySettings(endpoint="http://127.0.0.1:9/v1/traces")
    async with Workspace.open(sys.argv[1], memory_only=True, demo=True, telemetry=telemetry) as workspace:
        workspace.watch.metrics
        result = await workspace.run(loads(sys.argv[2]))
        print(result.status, len(workspace.watch.listeners))

asyncio.run(main())
assert not [name for name in sys.modules if name.startswith("opentelemetry")]
"""
"""A program on a machine where no package of OpenTelemetry is installed."""


def test_without_opentelemetry_runs_go_on_and_the_log_says_what_to_install(home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, str(home), dumps(ASKS)],
        cwd=root(), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "completed 1\n"), done.stderr
    assert "Install steploom[telemetry]" in done.stderr
    assert "Traceback" not in done.stderr


@needs_telemetry
async def test_a_workspace_sends_its_traces_to_the_collector_of_the_settings(home: Path) -> None:
    with running_site() as site:
        await send_and_look(home, site)


async def send_and_look(home: Path, site: Site) -> None:
    site.page("/v1/traces")
    telemetry = TelemetrySettings(endpoint=f"{site.url}/v1/traces")
    async with Workspace.open(home, memory_only=True, demo=True, telemetry=telemetry) as workspace:
        await workspace.run(ASKS)
    (sent,) = site.asked
    assert sent.headers["content-type"] == "application/x-protobuf"
    assert b"invoke_workflow Asks" in gunzipped(sent)
    assert b"pearl" not in gunzipped(sent)


@needs_telemetry
async def test_a_collector_that_is_not_there_holds_nobody_up_at_the_end(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from core.monitoring.traces import trace_to

    async with Workspace.open(home, memory_only=True, demo=True) as workspace:
        stop = trace_to(workspace.watch, "http://127.0.0.1:1/v1/traces", patience_s=0.05)
        await workspace.run(workflow(step("say", "template", config={"text": "x"})))
        await asyncio.to_thread(stop)
    assert "were not taken by http://127.0.0.1:1/v1/traces within 0.05 seconds" in caplog.text
