"""What a run has sent along a wire, and how that is said."""

from __future__ import annotations

from typing import Literal, TypeAlias

from core.engine.step_type import StepTypes
from core.workflow.model import Json, Step
from desktop.overlay import StepView

Flow: TypeAlias = Literal["rest", "live", "dead"]
"""What a run did with a wire: nothing yet, sent something along it, or passed it over."""


def flow_of(view: StepView | None, port: str) -> Flow:
    """What a run did with the wires of a port. view: how the step stands that they come from."""
    if view is None:
        return "rest"
    if view.sent.get(port) or (view.state in ("done", "failed") and port in view.ports):
        return "live"
    return "dead" if view.state in ("done", "skipped", "failed") else "rest"


def tally_of(view: StepView | None, port: str, step: Step, types: StepTypes, *, decides: bool) -> str:
    """How much a run sent along the wires of a step's port, in words. decides: they only say where the run goes on."""
    if view is None or not view.sent:
        return ""
    kind = types.get(step.type)
    main = view.output.get(kind.main_output) if kind is not None and view.output is not None else None
    return sent_words(view.sent.get(port, 0), main, decides=decides)


def sent_words(passes: int, main: Json, *, decides: bool) -> str:
    """`1 item`, `12 items` of a list, `3 passes` of a loop; '' for nothing to say. main: the step's main value."""
    if passes > 1:
        return f"{passes:,} passes"
    if not passes or decides:
        return ""
    items = len(main) if isinstance(main, list) else 1
    return "1 item" if items == 1 else f"{items:,} items"
