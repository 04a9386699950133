from __future__ import annotations

from pathlib import Path

from core import Step, Workflow, Workspace
from core.monitoring.model_calls import ModelCall

ASKS = Workflow("Asks", steps={"ask": Step("ask", "chat", config={"prompt": "Say hello."})})


async def test_the_metrics_of_a_workspace_tell_of_its_runs_and_models(home: Path) -> None:
    async with Workspace.open(home, memory_only=True, demo=True) as workspace:
        await workspace.run(ASKS)
        metrics = workspace.watch.metrics
        assert b'workflow_executions_total{status="completed",workflow="Asks"}' not in metrics.text()
        assert (await workspace.run(ASKS)).status == "completed"
        workspace.watch.recalled(0.02, "vector")
        text = metrics.text().decode()
    assert 'workflow_executions_total{status="completed",workflow="Asks"} 1.0' in text
    assert 'llm_request_duration_seconds_count{model="demo",operation="chat"} 1.0' in text
    assert 'memory_search_seconds_count{mode="vector"} 1.0' in text


async def test_whoever_comes_later_hears_of_later_calls(home: Path) -> None:
    calls: list[ModelCall] = []
    async with Workspace.open(home, memory_only=True, demo=True) as workspace:
        await workspace.run(ASKS)
        workspace.watch.observers.append(calls.append)
        await workspace.run(ASKS)
    assert [call.operation for call in calls] == ["chat"]
