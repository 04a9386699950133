"""How a run stands, in the words and parts of an MCP result."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from core.engine.events import (
    Event,
    StepCompleted,
    StepEvent,
    StepFailed,
    StepRetrying,
    StepSkipped,
    StepStarted,
    StepSuspended,
)
from core.engine.journal import RunRecord, StepRecord
from core.engine.lifecycle import RunResult
from core.workflow.model import Json, Workflow

if TYPE_CHECKING:
    from mcp_types import CallToolResult

ReadFile: TypeAlias = Callable[[str], Awaitable[bytes]]
"""Gives a file that a step made, by its hash."""

LARGEST_PICTURE: Final = 5_000_000
"""Bytes of a picture that is sent along; a larger one is only named."""


def failure(text: str, run_id: str = "") -> CallToolResult:
    """A call that gave nothing, and why."""
    from mcp_types import CallToolResult, TextContent

    structured = {"run_id": run_id, "status": "failed", "error": text} if run_id else None
    return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=structured, is_error=True)


async def ended(result: RunResult, read_file: ReadFile) -> CallToolResult:
    """The result of a call whose run is over."""
    if result.status == "completed":
        return await _completed(result, read_file)
    if result.status == "cancelled":
        return failure(f"The run {result.run_id} was cancelled.", result.run_id)
    reason = result.error.message if result.error is not None else "it does not say why"
    where = f" at the step {result.error_path}" if result.error_path else ""
    return failure(
        f"The run failed{where}: {reason}\nSee what happened: steploom runs show {result.run_id}", result.run_id
    )


def waiting(result: RunResult, asking: Sequence[StepRecord], *, kept: bool, tool: str) -> CallToolResult:
    """The result of a call whose run waits for a person or a time, with how to answer and how to learn the end.

    kept: whether the run outlives this program. tool: tells how the run stands later.
    """
    from mcp_types import CallToolResult, TextContent

    lines = [f"The run {result.run_id} is waiting; nothing was lost."]
    asked: list[Json] = []
    for step in asking:
        question = step.question
        assert question is not None
        lines.append(f"It asks a person, at {step.path}: {question.message.strip()}")
        flag = f" --step {step.path}" if len(asking) > 1 else ""
        if question.schema is not None:
            answer = f"steploom runs answer {result.run_id} '{{…}}'{flag}"
        else:
            lines.append(f"Choices: {', '.join(question.choices)}.")
            answer = f"steploom runs answer {result.run_id} CHOICE{flag}"
        lines.append(f"To answer, the person opens Steploom or runs: {answer}")
        asked.append({"step": step.path, "message": question.message, "choices": list(question.choices)})
    if result.wake_at is not None:
        lines.append(f"It goes on by itself at {result.wake_at:%Y-%m-%d %H:%M:%S %Z} at the latest.")
    if not kept:
        lines.append("It is kept only as long as this server runs (--memory-only).")
    lines.append(f"Do not answer for the person. Later, ask {tool} for the result.")
    structured: dict[str, Any] = {"run_id": result.run_id, "status": "suspended", "waiting": asked}
    return CallToolResult(content=[TextContent(type="text", text="\n".join(lines))], structured_content=structured)


def as_result(record: RunRecord, steps: Sequence[StepRecord]) -> RunResult:
    """A run of the journal as the result that it had or has so far."""
    paths = tuple(step.path for step in {step.path: step for step in steps}.values() if step.status == "suspended")
    return RunResult(
        run_id=record.id,
        workflow=record.workflow.name,
        status=record.status,
        outputs=record.outputs,
        error=record.error,
        error_path=record.error_path,
        usage=record.usage,
        duration_s=record.duration_s,
        waiting=paths,
        wake_at=record.wake_at,
        resumable=record.resumable,
    )


class RunProgress:
    """How far a run is, by its events. total: its steps; None where loops or other workflows make that unknown."""

    def __init__(self, workflow: Workflow) -> None:
        steps = [step for _, step in workflow.walk()]
        open_ended = any(step.body is not None or step.type == "workflow" for step in steps)
        self.total = None if open_ended else float(len(steps))
        self._settled: set[str] = set()
        self._titles = {step.id: step.name for step in steps}

    @property
    def done(self) -> float:
        """Steps that are settled; one that is told of again, because the run went on, counts once."""
        return float(len(self._settled))

    def news(self, event: Event) -> str:
        """What an event says to somebody who waits, '' for nothing. Counts it."""
        if not isinstance(event, StepEvent):
            return ""
        title = self._titles.get(event.step_id, event.step_id)
        match event:
            case StepStarted():
                return f"{event.title or title}: started"
            case StepCompleted() | StepSkipped() | StepFailed():
                self._settled.add(event.path)
                word = {StepCompleted: "done", StepSkipped: "skipped", StepFailed: "failed"}[type(event)]
                return f"{title}: {word}"
            case StepRetrying():
                return f"{title}: trying again in {event.wait:.0f} s"
            case StepSuspended() if event.question is not None:
                return f"{title}: waiting for a person"
            case _:
                return ""


async def _completed(result: RunResult, read_file: ReadFile) -> CallToolResult:
    from mcp_types import CallToolResult, TextContent

    outputs = dict(result.outputs or {})
    content: list[Any] = []
    if list(map(type, outputs.values())) == [str]:
        content.append(TextContent(type="text", text=next(iter(outputs.values()))))
    else:
        content.append(TextContent(type="text", text=json.dumps(outputs, ensure_ascii=False, indent=1)))
    for value in outputs.values():
        content += await _pictures(value, read_file)
    structured = {
        "run_id": result.run_id,
        "status": "completed",
        "outputs": outputs,
        "tokens": result.usage.tokens,
        "cost_usd": result.usage.cost_usd,
        "duration_s": round(result.duration_s, 3),
    }
    return CallToolResult(content=content, structured_content=structured)


async def _pictures(value: Json, read_file: ReadFile) -> list[Any]:
    """The pictures that an output names, if they are small enough to be sent along."""
    from mcp_types import ImageContent

    found: list[Any] = []
    for each in value if isinstance(value, list) else [value]:
        match each:
            case {"blob": str(blob), "media_type": str(kind), "size": int(size)} if (
                kind.startswith("image/") and size <= LARGEST_PICTURE
            ):
                data = base64.b64encode(await read_file(blob)).decode()
                found.append(ImageContent(type="image", data=data, mime_type=kind))
    return found


def elicitable(step: StepRecord) -> tuple[str, dict[str, Any]] | None:
    """A step's question as an MCP client can put it: its words and the JSON Schema of a form; None if it cannot."""
    question = step.question
    if question is None:
        return None
    if question.schema is None:
        choice = {"type": "string", "enum": list(question.choices), "title": "Your answer"}
        comment = {"type": "string", "title": "Comment"}
        properties: dict[str, Any] = {"choice": choice, "comment": comment}
        return question.message, {"type": "object", "properties": properties, "required": ["choice"]}
    properties = dict(question.schema.get("properties") or {})  # type: ignore[arg-type] # checked below
    if question.schema.get("type") != "object" or not properties or not all(map(_is_flat, properties.values())):
        return None
    kept = {name: {key: prop[key] for key in prop if key in _FLAT_WORDS} for name, prop in properties.items()}
    return question.message, {
        "type": "object",
        "properties": kept,
        "required": [name for name in question.schema.get("required") or [] if name in kept],  # type: ignore[union-attr]
    }


def answered(step: StepRecord, content: Mapping[str, Any], client: str) -> dict[str, Json]:
    """The answer in the form that the journal keeps."""
    by = f"through {client}" if client else "through an MCP client"
    if step.question is not None and step.question.schema is not None:
        return {"form": dict(content), "answered_by": by}
    return {"choice": content.get("choice"), "comment": content.get("comment") or "", "answered_by": by}


_FLAT_WORDS: Final = {
    "type", "title", "description", "default", "enum", "minimum", "maximum", "minLength", "maxLength", "format",
}  # fmt: skip


def _is_flat(schema: Any) -> bool:
    return isinstance(schema, Mapping) and schema.get("type") in ("string", "number", "integer", "boolean")
