"""Workflows as other programs see them through MCP: names, inputs, what they may do."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from core.engine.step_type import StepTypes
from core.workflow.model import Json, Workflow

if TYPE_CHECKING:
    from mcp_types import Tool

RESULT_TOOL: Final = "steploom_run_result"
"""The tool that looks after a run which was still waiting when its call was answered."""

LONGEST_NAME: Final = 64
"""Characters in a tool's name that all clients take."""


@dataclass(frozen=True, slots=True)
class OfferedWorkflow:
    """A workflow that is offered. asked_for: as it was named, a file or a name. origin: its folder, or ''."""

    tool: str
    asked_for: str
    workflow: Workflow
    origin: str = ""


def tool_name(name: str, taken: Iterable[str] = ()) -> str:
    """A workflow's name in letters, digits, `_` and `-`, different from those taken."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    clean = re.sub(r"[^A-Za-z0-9-]+", "_", plain).strip("_-").lower()
    known = set(taken)
    if clean and len(clean) <= LONGEST_NAME and clean not in known:
        return clean
    mark = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    base = f"{clean[: LONGEST_NAME - 12] or 'workflow'}_{mark}"
    return base if base not in known else next(f"{base}_{n}" for n in range(2, 10_000) if f"{base}_{n}" not in known)


def input_schema(workflow: Workflow) -> dict[str, Json]:
    """The JSON Schema of a workflow's inputs as one object; inputs without a default are required."""
    return {
        "type": "object",
        "properties": {name: dict(schema) for name, schema in workflow.inputs.items()},
        "required": [name for name, schema in workflow.inputs.items() if "default" not in schema],
        "additionalProperties": False,
    }


def described(offered: OfferedWorkflow, types: StepTypes) -> Tool:
    """The tool of a workflow, as the SDK wants it."""
    from mcp_types import Tool, ToolAnnotations

    workflow = offered.workflow
    effects = {_effect(step.type, step.config, types) for _, step in workflow.walk()}
    text = workflow.description.strip() or f"Runs the workflow {workflow.name!r}."
    if any(step.type == "approval" for _, step in workflow.walk()):
        text += " It may ask a person before it goes on."
    if workflow.outputs:
        text += f" Gives: {', '.join(workflow.outputs)}."
    return Tool(
        name=offered.tool,
        title=workflow.name,
        description=text,
        input_schema=input_schema(workflow),
        annotations=ToolAnnotations(
            title=workflow.name,
            read_only_hint="writes" not in effects and "unknown" not in effects,
            open_world_hint=bool(effects - {"pure"}),
        ),
    )


def result_tool() -> Tool:
    """The tool that tells how a run stands."""
    from mcp_types import Tool, ToolAnnotations

    return Tool(
        name=RESULT_TOOL,
        title="Result of a run",
        description="How a run of one of these workflows stands, and its outputs once it has ended. For runs that "
        "were waiting for a person or a time when their call was answered.",
        input_schema={
            "type": "object",
            "properties": {"run_id": {"type": "string", "description": "As the answer to the call named it."}},
            "required": ["run_id"],
            "additionalProperties": False,
        },
        annotations=ToolAnnotations(read_only_hint=True, open_world_hint=False),
    )


def _effect(type_name: str, config: Mapping[str, Any], types: StepTypes) -> str:
    """pure, reads, spends or writes; `unknown` for a workflow in a workflow, and for what is not known here."""
    kind = types.get(type_name)
    return "unknown" if kind is None or type_name == "workflow" else kind.effect_of(config)
