"""The manual page of a step type, for the inspector's narrow column. No Qt."""

from __future__ import annotations

from typing import Any

from core.cli.step_reference import EFFECTS
from core.engine.step_type import StepType


def manual_page(kind: StepType[Any]) -> str:
    """The page as Markdown: what the step does, what it gives, what running it costs."""
    parts = [f"### {kind.title}", kind.manual()]
    if kind.outputs:
        rows = "\n".join(f"- `{name}`: {text}" for name, text in kind.outputs.items())
        parts.append(f"**Outputs**\n\n{rows}")
    if not kind.canvas_only:
        parts.append(f"**Effect**: {EFFECTS[kind.effect]}.")
    return "\n\n".join(parts)
