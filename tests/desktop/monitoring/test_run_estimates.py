"""What a run will cost, said beside the Run button."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.workflow.edits import set_config_field
from core.workflow.model import Step, Workflow
from desktop.document import OpenDocument
from desktop.program import Program
from desktop.run_estimates import CALM_MS
from tests.support.desktop_program import until
from tests.support.monitoring import keep_runs, store_of

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")


@pytest.fixture
def real(empty_program: Program) -> Program:
    """Runs ask the model server."""
    assert empty_program.session.workspace is not None
    empty_program.session.workspace.demo = False
    return empty_program


async def test_a_workflow_without_inputs_says_what_it_costs_before_it_is_run(real: Program) -> None:
    await keep_runs(store_of(real), datetime.now(UTC), count=60)
    document = OpenDocument(Workflow("Triage", steps={"classify": Step("classify", "chat", config={"prompt": "Hi"})}))
    real.filing.opened.emit(document, None)
    tab = real.window.active
    assert tab is not None
    await until(lambda: tab.bar.estimate.isVisible())
    assert tab.bar.estimate.text() == "≈ $0.0020 a run"
    assert "the tokens of the last" in tab.bar.run.toolTip()
    assert tab.bar.run.toolTip().startswith(real.commands.action("run.start").toolTip())
    assert tab.bar.estimate.accessibleName() in tab.bar.run.toolTip()


async def test_the_estimate_follows_the_model_that_a_step_asks(real: Program) -> None:
    await keep_runs(store_of(real), datetime.now(UTC), count=60)
    steps = {"classify": Step("classify", "chat", config={"prompt": "Hi", "model": "a/one"})}
    document = OpenDocument(Workflow("Triage", steps=steps))
    real.filing.opened.emit(document, None)
    tab = real.window.active
    assert tab is not None
    await until(lambda: "a/one" in tab.bar.run.toolTip())
    document.apply("Model", lambda workflow: set_config_field(workflow, "classify", "model", "b/two"))
    await until(real.estimates._calm.isActive)  # a nested loop would lose what other tasks wait for
    assert real.estimates._calm.interval() == CALM_MS
    real.estimates._calm.timeout.emit()
    await until(lambda: "b/two" in tab.bar.run.toolTip())


async def test_of_what_never_ran_nothing_is_said(real: Program) -> None:
    real.filing.new()
    tab = real.window.active
    assert tab is not None
    await until(lambda: real.bridge.busy == 0)
    assert not tab.bar.estimate.isVisible()
    assert tab.bar.run.toolTip() == real.commands.action("run.start").toolTip()


async def test_the_demonstration_model_costs_nothing_and_nothing_is_said(real: Program) -> None:
    assert real.session.workspace is not None
    real.session.workspace.demo = True
    await keep_runs(store_of(real), datetime.now(UTC), count=60)
    real.filing.opened.emit(OpenDocument(Workflow("Triage")), None)
    tab = real.window.active
    assert tab is not None
    await until(lambda: real.bridge.busy == 0)
    assert not tab.bar.estimate.isVisible()
