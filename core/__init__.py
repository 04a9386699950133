"""Steploom without a window: workflows, the engine that runs them, and what a script needs for both.

    from core import Workspace, run_workflow

The names below are the public ones; everything else may change.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.engine.engine import Run
    from core.engine.errors import EngineError, InputError, StepError
    from core.engine.events import Event
    from core.engine.lifecycle import RunResult
    from core.engine.part import Given, Part
    from core.grants import Grant
    from core.workflow.document import load, save
    from core.workflow.model import Retry, Step, Trigger, Workflow
    from core.workflow.problems import DocumentError, Problem, WorkflowError
    from core.workspace import Workspace, run_workflow

_HOMES = {
    "Run": "core.engine.engine",
    "RunResult": "core.engine.lifecycle",
    "EngineError": "core.engine.errors",
    "InputError": "core.engine.errors",
    "StepError": "core.engine.errors",
    "Event": "core.engine.events",
    "Given": "core.engine.part",
    "Part": "core.engine.part",
    "Grant": "core.grants",
    "load": "core.workflow.document",
    "save": "core.workflow.document",
    "Retry": "core.workflow.model",
    "Step": "core.workflow.model",
    "Trigger": "core.workflow.model",
    "Workflow": "core.workflow.model",
    "DocumentError": "core.workflow.problems",
    "Problem": "core.workflow.problems",
    "WorkflowError": "core.workflow.problems",
    "Workspace": "core.workspace",
    "run_workflow": "core.workspace",
}

__all__ = [
    "DocumentError",
    "EngineError",
    "Event",
    "Given",
    "Grant",
    "InputError",
    "Part",
    "Problem",
    "Retry",
    "Run",
    "RunResult",
    "Step",
    "StepError",
    "Trigger",
    "Workflow",
    "WorkflowError",
    "Workspace",
    "load",
    "run_workflow",
    "save",
]


def __getattr__(name: str) -> Any:
    """Public names are imported when they are first used, so that importing one room does not load the whole house."""
    try:
        home = _HOMES[name]
    except KeyError:
        raise AttributeError(f"module 'core' has no attribute {name!r}") from None
    return getattr(import_module(home), name)
