"""The workflow step runs another workflow."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from core.engine.errors import StepError
from core.engine.services import Services
from core.engine.testing import LoneHost, lone_context, run_lone
from core.steps.workflow import WorkflowStep
from core.workflow.model import Json, Workflow

_STEP = WorkflowStep()


class _Library:
    """One workflow under one name; keeps what was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    async def get(self, name: str, origin: str) -> Workflow:
        self.asked.append((name, origin))
        if "greet" not in name:
            raise StepError(f"There is no workflow {name!r}.", kind="not_found")
        return Workflow("greet", outputs={"text": "Hello {{ input.name }}"})


class _Host(LoneHost):
    def __init__(self) -> None:
        super().__init__()
        self.origins: list[str] = []

    async def run_workflow(
        self, workflow: Workflow, inputs: Mapping[str, Json], origin: str, *, shared: bool = False
    ) -> dict[str, Json]:
        self.origins.append(origin)
        return await super().run_workflow(workflow, inputs, origin, shared=shared)


async def test_the_output_is_that_of_the_other_workflow() -> None:
    context = lone_context(services=Services(workflows=_Library()))
    done = await run_lone(_STEP, {"workflow": "greet", "inputs": {"name": "Ada"}}, context)
    assert done.value == {"text": "Hello Ada"}


@pytest.mark.parametrize(
    ("name", "origin"), [("greet", ""), ("parts/greet.loom.yaml", "/home/ada/parts"), ("/srv/greet.yaml", "/srv")]
)
async def test_relative_names_inside_start_from_the_other_workflows_folder(name: str, origin: str) -> None:
    library, host = _Library(), _Host()
    context = lone_context(host, services=Services(workflows=library), origin="/home/ada")
    await run_lone(_STEP, {"workflow": name, "inputs": {"name": "Ada"}}, context)
    assert library.asked == [(name, "/home/ada")]
    assert host.origins == [origin]


async def test_an_unknown_workflow_fails_the_step() -> None:
    with pytest.raises(StepError, match="no workflow 'nope'") as caught:
        await run_lone(_STEP, {"workflow": "nope"}, lone_context(services=Services(workflows=_Library())))
    assert caught.value.kind == "not_found"


async def test_without_a_library_the_step_says_so() -> None:
    with pytest.raises(StepError, match="no library"):
        await run_lone(_STEP, {"workflow": "greet"})


def test_a_workflow_without_a_name_is_a_problem() -> None:
    assert [problem.path for problem in _STEP.check_config({"workflow": ""})] == [("workflow",)]
    assert [problem.path for problem in _STEP.check_config({})] == [("workflow",)]
